"""What shows that a trap was met: a question to the assessment for each, so that no story only claims to set one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cds_hooks.stories import Story
from cds_hooks.stories.expected import Trap
from plugin import Assessment
from plugin.options.inputs import ACUTE_SAFETY
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Status
from plugin.trial.trials import Trial

Question = Callable[[Assessment, Story], bool]


def _trials(found: Assessment, adequacy: Adequacy) -> list[Trial]:
    return [trial for trial in found.trials if trial.judged.adequacy is adequacy]


def _stops(found: Assessment) -> set[str]:
    return {stop.rule for order in found.next_step.orders for stop in order.stops if stop.level != "info"}


def _kinds(story: Story) -> set[str]:
    return {one["resourceType"] for one in story.resources}


def _doses(trial: Trial) -> set[float]:
    return {day.dose.low for day in trial.judged.era.days.each()}


def _grades(found: Assessment) -> set[str]:
    return {str(day.grade) for trial in found.trials for day in trial.judged.era.days.each()}


def _overlap(found: Assessment) -> int:
    """The longest overlap, in days, of two adequate trials."""
    eras = [trial.judged.era for trial in _trials(found, Adequacy.ADEQUATE)]
    pairs = [(one, other) for one in eras for other in eras if one is not other]
    return max(((min(one.end, other.end) - max(one.start, other.start)).days + 1 for one, other in pairs), default=0)


def _days(trial: Trial) -> int:
    run = trial.judged.possible or trial.judged.sure
    return 0 if run is None else run.days


def _verdict_of(found: Assessment, definition: str) -> str:
    counted = found.by_definition[definition]
    return "" if counted is None else str(counted[1].value)


def _considered(found: Assessment) -> set[str]:
    return {one.id for one in found.pseudo_resistance}


def _failed(trial: Trial) -> bool:
    return trial.outcome.status in (Status.FAILED_MEASURED, Status.FAILED_PROXY)


QUESTIONS: Mapping[Trap, Question] = {
    "adherence": lambda found, _: "adherence" in _considered(found),
    "adolescent": lambda found, _: found.verdict.value == "OUT_OF_SCOPE",
    "allergy": lambda found, _: "allergy" in _stops(found),
    "augmentation": lambda found, _: any(t.judged.adequacy is Adequacy.ADEQUATE for t in found.augmentations),
    "bipolar": lambda found, _: found.verdict.value == "EXCLUDED",
    "dose-limit-by-age": lambda found, _: "citalopram-max-dose" in _stops(found),
    "combination": lambda found, _: _overlap(found) > 30 and found.verdict.counts.lo >= 2,
    "dispenses": lambda found, story: "MedicationDispense" in _kinds(story) and _grades(found) == {"A"},
    "dose-too-low": lambda found, _: any(
        not t.judged.reaches_lenient and t.judged.era.days for t in _trials(found, Adequacy.INADEQUATE)
    ),
    "earlier-episode": lambda found, _: sum(_failed(trial) for trial in found.earlier) >= 2,
    "ect-and-tms": lambda found, _: {course.series.kind.id for course in found.courses} == {"ect", "rtms"},
    "conditions-of-start": lambda found, _: "S04" in _stops(found),
    "gaps": lambda found, _: any(_days(t) < 42 <= len(t.judged.era.days) for t in _trials(found, Adequacy.BORDERLINE)),
    "intolerance": lambda found, _: any(
        t.outcome.stop is not None and t.outcome.stop.meaning == "intolerance" and not _failed(t) for t in found.trials
    ),
    "item-nine": lambda found, _: any(t.outcome.status is Status.UNKNOWN for t in _trials(found, Adequacy.ADEQUATE)),
    "lists-disagree": lambda found, _: any(
        _days(t) >= 42 and not t.undated for t in _trials(found, Adequacy.BORDERLINE)
    ),
    "level-in-blood": lambda found, _: any(
        t.ingredient == "lithium" and any(reason.rule == "A4" for reason in t.judged.reasons)
        for t in found.augmentations
    ),
    "maoi-wash-out": lambda found, _: "S11" in _stops(found),
    "no-score": lambda found, _: (found.verdict.counts.lo, found.verdict.counts.lo_proxy) == (0, 2),
    "orders": lambda found, story: (
        "MedicationDispense" not in _kinds(story) and found.verdict.counts.lo == 0 and found.verdict.counts.hi >= 2
    ),
    "other-indication": lambda found, _: any(
        t.judged.intent.basis == "product" for t in _trials(found, Adequacy.EXCLUDED)
    ),
    "overlap-and-switch": lambda found, _: any(
        reason.rule == "T5" for trial in _trials(found, Adequacy.ADEQUATE) for reason in trial.judged.reasons
    ),
    "pregnancy": lambda found, _: "S16" in _stops(found),
    "pregnancy-not-known": lambda found, _: "N02" in {needed.rule for needed in found.next_step.safety.needed},
    "psychotic-features": lambda found, _: (
        "PSYCHOSIS_CATATONIA" in found.next_step.modifiers.gates and found.verdict.value == "MET"
    ),
    "recorded-plan": lambda found, _: ACUTE_SAFETY in found.next_step.modifiers.gates,
    "remission": lambda found, _: found.severity is not None and found.severity.in_remission,
    "same-class": lambda found, _: found.verdict.value != _verdict_of(found, "ESM-CLASS"),
    "starter-pack": lambda found, _: any(len(_doses(t)) > 2 for t in _trials(found, Adequacy.INADEQUATE)),
    "taken-together": lambda found, _: any("S41" in option.cautions for option in found.next_step.options.matched),
    "titration": lambda found, _: any(len(_doses(trial)) > 1 for trial in _trials(found, Adequacy.ADEQUATE)),
    "undated-report": lambda found, _: any(trial.undated for trial in found.trials),
    "unspecified-code": lambda found, _: found.verdict.counts.lo >= 2 and found.verdict.value == "INDETERMINATE",
}
