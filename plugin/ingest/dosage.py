"""Dosage instructions as read: amount per intake, intakes per day, as needed or not, and how long.

Units, frequency words and lengths of periods come from the knowledge. What is not stated stays unknown. The words of an
instruction are read beside its structure (`plugin.ingest.directions`); which of them holds is judged by
`plugin.exposure.dose`. Rules E7 and E8 of the daily dose.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from plugin.ingest.codings import concept_of
from plugin.ingest.resources import (
    Json,
    first_text,
    items,
    obj,
    objects,
    positive,
    text,
    truth,
    whole,
    written_date,
)
from plugin.ingest.vocabulary import DosingTerms
from plugin.record import DosageLine, WrittenDose

# A sender may give the same dose several ways; what was ordered is what the prescriber meant.
_PREFERRED_KINDS = ("ordered", "calculated")
_DAYS_A_WEEK = 7
# What an amount is written over: ``h``, ``24 h``, in UCUM ``(24.h)``.
_TIMES = re.compile(r"\(?\s*(?P<count>\d+(?:\.\d+)?)?[\s.]*(?P<unit>[A-Za-z]+)\s*\)?")
_AS_NEEDED = frozenset({"asNeededCodeableConcept", "asNeededFor", "asNeededBoolean", "asNeeded"})
_BOUNDS = frozenset({"boundsRange", "boundsDuration", "count"})

Interval = tuple[float, float]
_ONCE_A_DAY: Interval = (1.0, 1.0)


def read_dosage(value: object, terms: DosingTerms) -> tuple[DosageLine, ...]:
    """All instructions of a dosage element, also when one object or a plain sentence stands in place of the
    list.
    """
    lines = []
    for item in items(value):
        if isinstance(item, str) and item.strip():
            lines.append(_line({"text": item}, terms))
        elif line := obj(item):
            lines.append(_line(line, terms))
    return tuple(lines)


def _line(line: Json, terms: DosingTerms) -> DosageLine:
    """One instruction with what its text says beside its structure, a cap in words standing in for a missing one.

    Without a structured dose and frequency the words alone say whether all of it is taken as needed.
    """
    candidates = _candidates(line)
    dose, unit = _dose(candidates, terms)
    timing = obj(line.get("timing"))
    repeat = obj(timing.get("repeat"))
    times = _times(timing, repeat, terms)
    if dose is None:
        rate = _rate(candidates, terms)
    else:
        rate = _dose_as_rate(candidates, terms) if not unit and times in (None, _ONCE_A_DAY) else None
    if rate is not None:
        dose, unit, times = rate, "mg", _ONCE_A_DAY
    period = obj(repeat.get("boundsPeriod"))
    written = first_text(line.get("text"), line.get("patientInstruction"))
    said = terms.directions.read(written)
    structured = dose is not None and bool(unit) and times is not None
    only_as_needed = bool(said.doses) and all(each.as_needed for each in said.doses)
    most, most_unit = _most_per_day(line, terms) or said.cap or (None, "")
    days, last = _bounded_days(repeat, times, terms), written_date(period.get("end"))
    return DosageLine(
        sequence=whole(line.get("sequence")),
        dose_low=dose[0] if dose else None,
        dose_high=dose[1] if dose else None,
        unit=unit,
        times_low=times[0] if times else None,
        times_high=times[1] if times else None,
        as_needed=_as_needed(line) or (only_as_needed and not structured),
        bounds_start=written_date(period.get("start")),
        bounds_end=last,
        bounds_days=days if days is not None or last is not None else _days_in_words(said.doses),
        text=written,
        most_per_day=most,
        most_unit=most_unit,
        written=said.doses,
        stated_total_mg=said.total_mg,
        caution=said.caution,
    )


def _days_in_words(doses: Sequence[WrittenDose]) -> float | None:
    """How long all steps of the words last together; None when one of them that takes something is open."""
    lengths = {dose.step: dose.days for dose in doses if dose.dose_high != 0}
    known = [days for days in lengths.values() if days is not None]
    return sum(known) if known and len(known) == len(lengths) else None


def _as_needed(line: Json) -> bool:
    if _AS_NEEDED.isdisjoint(line):
        return False
    coded = concept_of(line.get("asNeededCodeableConcept")).stated or concept_of(line.get("asNeededFor")).stated
    return coded or truth(line.get("asNeededBoolean")) or truth(line.get("asNeeded"))


def _candidates(line: Json) -> tuple[Json, ...]:
    """Where a dose or a rate may stand, the preferred kind first, the instruction itself last."""
    sent = objects(line.get("doseAndRate"))
    return (*(sorted(sent, key=_kind_rank) if len(sent) > 1 else sent), line)


def _dose(candidates: Sequence[Json], terms: DosingTerms) -> tuple[Interval | None, str]:
    """Amount per intake and its unit, from the preferred kind that can be read."""
    for candidate in candidates:
        for amount in _amounts(candidate):
            read = _converted(amount, terms)
            if read is not None:
                return read
    return None, ""


def _kind_rank(candidate: Json) -> int:
    concept = concept_of(candidate.get("type"))
    said = " ".join((concept.text, *(f"{c.code} {c.display}" for c in concept.codings))).lower()
    return next((rank for rank, kind in enumerate(_PREFERRED_KINDS) if kind in said), len(_PREFERRED_KINDS))


def _amounts(candidate: Json) -> tuple[Json, ...]:
    """A dose range as low and high, or the one quantity, wherever this version of FHIR puts it."""
    found = (
        obj(candidate.get("doseRange")),
        obj(candidate.get("doseQuantity")) or obj(candidate.get("dose")),
        obj(candidate.get("doseSimpleQuantity")),
    )
    return tuple(amount for amount in found if amount)


def _converted(amount: Json, terms: DosingTerms) -> tuple[Interval, str] | None:
    """Lowest and highest amount; a range without a low end reaches down to none, one without a high end is unknown."""
    if "low" in amount or "high" in amount:
        ends = [obj(amount.get("low")), obj(amount.get("high"))]
    else:
        ends = [amount, amount]
    low, high = positive(ends[0].get("value")), positive(ends[1].get("value"))
    if high is None or text(ends[0].get("comparator")) or text(ends[1].get("comparator")):
        return None
    low = low if low is not None else 0.0
    unit, factor = unit_of(ends[0], terms) or unit_of(ends[1], terms) or ("", 1.0)
    return (min(low, high) * factor, max(low, high) * factor), unit


def _rate(candidates: Sequence[Json], terms: DosingTerms) -> Interval | None:
    """Milligrams a day from a rate such as 6 mg per 24 h of a patch; None for any other rate."""
    for candidate in candidates:
        ratio = obj(candidate.get("rateRatio"))
        over = days_in(obj(ratio.get("denominator")), terms)
        amount = _converted(obj(ratio.get("numerator")), terms)
        if over is None:
            amount, over = _per_time(obj(candidate.get("rateQuantity")), terms)
        if amount is not None and over and amount[1] == "mg":
            return amount[0][0] / over, amount[0][1] / over
    return None


def _dose_as_rate(candidates: Sequence[Json], terms: DosingTerms) -> Interval | None:
    """Milligrams a day where the dose itself is written as a rate (a patch of 0.25 mg/h: times 24); else None."""
    for candidate in candidates:
        for quantity in _amounts(candidate):
            amount, over = _per_time(quantity, terms)
            if amount is not None and over and amount[1] == "mg":
                return amount[0][0] / over, amount[0][1] / over
    return None


def _per_time(quantity: Json, terms: DosingTerms) -> tuple[tuple[Interval, str] | None, float | None]:
    """A quantity in a unit such as ``mg/h`` as its amount and the length of the time in days."""
    for written in (text(quantity.get("code")), text(quantity.get("unit"))):
        counted, _, time = written.partition("/")
        parts = _TIMES.fullmatch(time)
        length = terms.period_days(parts["unit"]) if parts else None
        over = float(parts["count"] or 1) * length if parts and length is not None else None
        if over is not None:
            return _converted({**quantity, "code": counted, "unit": counted}, terms), over
    return None, None


def _most_per_day(line: Json, terms: DosingTerms) -> tuple[float, str] | None:
    """The cap of `maxDosePerPeriod` as an amount a day: no dose, only an upper end."""
    for cap in objects(line.get("maxDosePerPeriod")):
        over = days_in(obj(cap.get("denominator")), terms)
        amount = _converted(obj(cap.get("numerator")), terms)
        if amount is not None and over and amount[1]:
            return amount[0][1] / over, amount[1]
    return None


def unit_of(quantity: Json, terms: DosingTerms) -> tuple[str, float] | None:
    """What a quantity counts (``mg``, ``mL`` or ``unit``) and the factor to it; None when its unit is not
    known.
    """
    return terms.unit(text(quantity.get("code")), text(quantity.get("unit")))


def days_in(duration: Json, terms: DosingTerms) -> float | None:
    """A duration in days; None when absent, not positive or in an unknown unit. Without any unit: days."""
    value = positive(duration.get("value"))
    if value is None:
        return None
    units = [unit for unit in (text(duration.get("code")), text(duration.get("unit"))) if unit]
    if not units:
        return value
    lengths = [length for unit in units if (length := terms.period_days(unit)) is not None]
    return value * lengths[0] if lengths else None


def _times(timing: Json, repeat: Json, terms: DosingTerms) -> Interval | None:
    """Intakes per day: structured first, then the timing code or its text."""
    structured = _structured_times(repeat, terms) if repeat else None
    if structured is not None:
        return structured
    concept = concept_of(timing.get("code"))
    said = [coding.code for coding in concept.codings] + list(concept.names)
    known = next((rate for written in said if (rate := terms.per_day(written)) is not None), None)
    if known is not None:
        return known, known
    return next((times for written in said if (times := _times_in_words(written, terms)) is not None), None)


def _times_in_words(written: str, terms: DosingTerms) -> Interval | None:
    """Intakes a day of a timing told in words ("3 times daily"), None when more or something else is said."""
    said = terms.directions.read(written).doses
    if len(said) != 1 or said[0].dose_low is not None or said[0].as_needed or said[0].times_low is None:
        return None
    return said[0].times_low, said[0].times_high or said[0].times_low


def _structured_times(repeat: Json, terms: DosingTerms) -> Interval | None:
    frequency = positive(repeat.get("frequency"))
    most = max(frequency or 0, positive(repeat.get("frequencyMax")) or 0)
    moments = max(len(items(repeat.get("timeOfDay"))), len(items(repeat.get("when"))))
    weekdays = len({text(day).lower() for day in items(repeat.get("dayOfWeek")) if text(day)})
    length = terms.period_days(text(repeat.get("periodUnit")))
    period = positive(repeat.get("period"))
    if period is None and length is not None:
        period = 1.0  # FHIR leaves a period of one out in practice
    days = period * length if period is not None and length is not None else None
    longest = max(positive(repeat.get("periodMax")) or 0, period or 0) * length if length is not None else None
    if frequency is None and most:
        frequency = 0.0  # "up to twice": never is not excluded
    if frequency is None:
        if not moments and not weekdays and days is None:
            return None
        frequency = most = float(moments or 1)
        days, longest = (days, longest) if days else (1.0, 1.0)
    if weekdays:
        if days is None or not longest:
            days = longest = 1.0
        if days >= _DAYS_A_WEEK:
            # "Once a week on Monday and Thursday" is meant either way: keep both readings.
            per_day = frequency / longest
            return per_day, max(most / days, weekdays / _DAYS_A_WEEK)
        return frequency / longest * weekdays / _DAYS_A_WEEK, most / days * weekdays / _DAYS_A_WEEK
    if not days or not longest:
        return None
    return frequency / longest, most / days


def _bounded_days(repeat: Json, times: Interval | None, terms: DosingTerms) -> float | None:
    """A bounded length: the duration, the low end of a range (the sure part), or a count of intakes."""
    if _BOUNDS.isdisjoint(repeat):
        return None
    bounds = obj(repeat.get("boundsRange"))
    for duration in (obj(repeat.get("boundsDuration")), obj(bounds.get("low")), obj(bounds.get("high"))):
        days = days_in(duration, terms)
        if days is not None:
            return days
    count = positive(repeat.get("count"))
    return count / times[1] if count and times and times[1] else None
