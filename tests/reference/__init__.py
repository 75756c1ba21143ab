"""A second, slow implementation of trial reconstruction, written from the rules and not from the engine.

Everything is a plain loop over days in dictionaries. Nothing here is fast, shared or clever: its only use is to
disagree with the engine. Read in this order: `daily_doses` (what a fact says to take), `one_record` (whether it
counts, begins, ends), `dispensed` and `ordered` (the days of each source), `day_map` (which source wins on a day),
`eras` (eras, adherence, truncation), `adequacy` (runs and the adequacy of an era), `outcome`, `episode`, `verdict`.
Days are ordinals (`date.toordinal`), doses mg a day.

Left out on purpose, so no test generates them: plasma levels, dates known only to the month or year, doses known from
text only, a signature stating the total of two products, neuromodulation as a trial, supply of unknown length beside
other supply, remission known from codes, prorated and suspect totals.
"""
