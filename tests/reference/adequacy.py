"""Runs at dose and the adequacy of an era (trials 4.5: T2, A1, A2; indications E10)."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.schema import Definition, Reconstruction
from plugin.record import ConditionFact, Read, Verification
from tests.reference.eras import Context, Era, lenient_dose

ORDER = ("EXCLUDED", "INADEQUATE", "IN_PROGRESS", "BORDERLINE", "ADEQUATE")


@dataclass(frozen=True)
class Run:
    """The best run: first and last day, days at dose within it."""

    first: int
    last: int
    days: int


@dataclass(frozen=True)
class Rating:
    """How well an era was a trial."""

    adequacy: str
    sure: int
    possible: int
    run: Run | None  # the run whose outcome is sought
    grades: frozenset[str]


def best_run(days: list[int], rules: Reconstruction, sound: list[int] | None = None) -> Run | None:
    """The run of most (sound, then any) days: no hole over the run gap, enough covered. The earliest of equals."""
    best: Run | None = None
    rank = (-1, -1)
    days, good_days = sorted(days), set(sound or ())
    for i, first in enumerate(days):
        good = 0
        for j in range(i, len(days)):
            if j > i and days[j] - days[j - 1] - 1 > rules.run_gap_days:
                break
            good += days[j] in good_days
            count = j - i + 1
            covered = count >= rules.run_coverage_min * (days[j] - first + 1) - 1e-9
            if covered and (good, count) > rank:
                rank, best = (good, count), Run(first, days[j], count)
    return best


def rate(
    era: Era,
    conditions: tuple[ConditionFact, ...],
    conditions_read: Read,
    definition: Definition,
    context: Context,
) -> Rating:
    """Adequacy of one era under one definition."""
    knowledge, rules, as_of = context.knowledge, context.rules, context.today
    drug = knowledge.drugs[era.key[0]]
    nothing = Rating("EXCLUDED", 0, 0, None, frozenset())
    if era.key[1] is not None or drug.adequate_dose is None or drug.counting == "never":
        return nothing
    lenient, default = lenient_dose(context, drug.id), drug.adequate_dose.default.on(context.as_of).amount
    assert lenient is not None
    yes = [d for d, e in era.days.items() if e.sure and e.dose[0] >= default]
    sound = [d for d in yes if era.days[d].grade in ("A", "B")]
    maybe = sorted({*yes, *(d for d, e in era.days.items() if e.dose[1] >= lenient)})
    intent = _intent(era, conditions, conditions_read)
    if not maybe:
        return nothing if intent == "other" else Rating("INADEQUATE", 0, 0, None, frozenset())
    if intent == "other" and not _depression_active(era, conditions):
        intent = "unknown"
    sure_run, any_run = best_run(yes, rules, sound), best_run(maybe, rules)
    enough = sure_run is not None and sum(sure_run.first <= day <= sure_run.last for day in sound)
    capped = intent != "depression" or drug.counting == "borderline-at-most" or _low_confidence(context, drug.id)
    least = definition.min_days_at_dose
    if enough >= least:
        adequacy = "BORDERLINE" if capped else "ADEQUATE"
    elif as_of - era.last <= rules.in_progress_days and _days(any_run) < least:
        adequacy = "IN_PROGRESS"
    elif (
        _days(sure_run) >= definition.borderline_days
        or _days(any_run) >= definition.borderline_days
        or len(maybe) >= definition.borderline_days
    ):
        adequacy = "BORDERLINE"
    else:
        adequacy = "INADEQUATE"
    run = sure_run if adequacy == "ADEQUATE" else any_run
    grades = frozenset(era.days[d].grade for d in maybe)
    return Rating(adequacy, _days(sure_run), _days(any_run), run, grades)


def _days(run: Run | None) -> int:
    return 0 if run is None else run.days


def _low_confidence(context: Context, ingredient: str) -> bool:
    dose = context.knowledge.drugs[ingredient].adequate_dose
    assert dose is not None
    return not (dose.default.on(context.as_of).active and dose.lenient.on(context.as_of).active)


def _intent(era: Era, conditions: tuple[ConditionFact, ...], read: Read) -> str:
    """``depression`` (stated or assumed), ``unknown``, or ``other`` when only other uses are stated."""
    stated = {reason for fact in era.facts for reason in fact.indications}
    if "depression" in stated:
        return "depression"
    if stated:
        return "other"
    depressions = [c for c in conditions if c.verification is not Verification.REFUTED and "depression" in c.categories]
    if not depressions or read is Read.UNREAD:
        return "depression"
    return "depression" if _depression_active(era, conditions) else "unknown"


def _depression_active(era: Era, conditions: tuple[ConditionFact, ...]) -> bool:
    """Depression at the start of the era; a problem entered up to 30 days late still counts."""
    for condition in conditions:
        if condition.verification is Verification.REFUTED or "depression" not in condition.categories:
            continue
        begun = condition.onset
        if begun is None or begun.earliest.toordinal() <= era.start + 30:
            return True
    return False
