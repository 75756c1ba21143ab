"""What a report must say before its first number."""

from __future__ import annotations

LIMITS = (
    "Nothing here is validated. No accuracy is claimed: no validation figure exists for these rules, and the figures "
    "of other rules are not ours. Psychiatrists must review at least 100 local charts before any such claim.",
    "Shares describe this export and nothing else: its patients, its records and its days. On a synthetic cohort they "
    "describe the generator.",
    "Records cannot show what was swallowed, bought for cash or given as a sample, care elsewhere, or why a drug was "
    "changed for other reasons. Most US orders lack days' supply. Many results that cannot be told are therefore the "
    "correct answer, and what one datum would settle is the useful part.",
    "A group that differs is a reason to look, not a finding: groups differ in age, care and documentation, and "
    "intervals reflect chance only, without adjustment for many comparisons.",
)
PREVALENCE_CAVEATS = (
    "The published shares come from other populations, other denominators and mostly from rules that ask for no "
    "measured outcome. They stand here for orientation; none of them is a target, and none is about our definitions.",
    "On any cohort the published rules may be expected to fall roughly between 2.5 % and 31 %, switch rules lowest and "
    "claims rules highest. A share far outside is a reason to look at the export first.",
    "The share that is met will lie far below these, because it needs outcomes measured on a scale. It is to be read "
    "together with probable, cannot be told and not met, never alone.",
    "No published chart review gives the positive predictive value of a rule of two adequate trials on structured "
    "data; none is claimed here.",
)
SUPPRESSION = (
    "Counts from 1 to {last} are withheld, and so are others from which one of them could be computed; a withheld "
    "count says so. Reports on overlapping cohorts are not held against each other."
)
DEPENDENCE = (
    "Rates of moments, orders and cards count a patient as often as it had them. Their intervals allow for that, as "
    "what one patient's orders bring is alike; what the orders of one prescriber have in common they do not allow for."
)
