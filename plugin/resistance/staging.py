"""How far resistance has gone, by three published schemes, as ranges where inputs are unknown (G1, G2, G3).

The Maudsley and Massachusetts scores and the Thase-Rush stage are read from what the current episode shows. What is
unknown widens the range; nothing is guessed and a missing record is never taken for a treatment not given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.staging_schema import Maudsley, Staging, Step, ThaseRush
from plugin.findings import Reason
from plugin.record import PatientRecord, Read, Score, Verification
from plugin.resistance.optimisation import Points, failed, massachusetts, perhaps_failed, tried
from plugin.resistance.verdict import weight_of
from plugin.spans import months_between
from plugin.trial.adequacy import Adequacy
from plugin.trial.eligibility import Eligibility
from plugin.trial.episode import Episode
from plugin.trial.measurement import Status
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_INACTIVE = frozenset({"inactive", "resolved"})
# What a component is called where its name in the document is no word.
_COMPONENTS = {"doseOptimised": "dose optimised", "durationOptimised": "duration optimised", "ect": "ECT"}
_PSYCHOTIC = "psychotic-depression"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The three results. `maudsley` and `massachusetts` map each component to its points, their sum is the score.

    `category` names the Maudsley total at both ends; `thase_rush` is the lowest and highest stage, 0 without a failure.
    """

    maudsley: Mapping[str, Points]
    category: tuple[str, str]
    massachusetts: Mapping[str, Points]
    thase_rush: tuple[int, int]
    reasons: tuple[Reason, ...]


def stage(
    record: PatientRecord,
    trials: Sequence[Trial],
    augmentations: Sequence[Trial],
    courses: Sequence[Course],
    *,
    episode: Episode,
    eligibility: Eligibility,
    history_unread: bool,
    severity: Score | None,
    scales: Mapping[str, str],
    knowledge: Staging,
    as_of: date,
) -> Stages | None:
    """The stages on `as_of`; None where the patient is excluded or out of scope, or the history was not read.

    `scales` are the labels of the instruments.
    """
    if eligibility.decided is not None or history_unread:
        return None
    current = [c for c in courses if c.series.current]
    ect = _ect(record, current)
    scheme = knowledge.maudsley
    reasons: list[Reason] = []
    maudsley = {
        "duration": _duration(scheme, episode, as_of, reasons, unread=record.lacks_scores),
        "severity": _severity(scheme, record, severity, scales, as_of, reasons),
        "failures": _failures(scheme, trials, as_of, reasons),
        "augmentation": _used(scheme.augmentation.on(as_of).amount, _augmented(augmentations)),
        "ect": _used(scheme.ect.on(as_of).amount, ect),
    }
    total = Points.total(maudsley.values())
    low, high = category_of(scheme, total.lo, as_of), category_of(scheme, total.hi, as_of)
    behind = (*(a.sources for a in augmentations), *(c.sources for c in _ect_courses(current)))
    uses = tuple(dict.fromkeys(ref for sources in behind for ref in sources))
    text = f"Maudsley staging {total}: {_listed(maudsley)}."
    reasons.append(Reason(rule="G1", text=text, facts=_facts(maudsley), cites=scheme.cites, uses=uses))
    points = massachusetts(trials, augmentations, ect, scheme=knowledge.massachusetts, as_of=as_of)
    trial_uses = tuple(dict.fromkeys(ref for t in trials if weight_of(t)[2] for ref in t.sources))
    text = f"Massachusetts staging {Points.total(points.values())}: {_listed(points)}."
    cites = knowledge.massachusetts.cites
    reasons.append(Reason(rule="G2", text=text, facts=_facts(points), cites=cites, uses=trial_uses))
    stages = _thase_rush(knowledge.thase_rush, trials, current, record, as_of)
    text = f"Thase-Rush stage {Points(*stages)} by the classes that failed."
    facts = (("stage_lo", stages[0]), ("stage_hi", stages[1]))
    reasons.append(Reason(rule="G3", text=text, facts=facts, cites=knowledge.thase_rush.cites, uses=trial_uses))
    return Stages(
        maudsley=maudsley,
        category=(low, high),
        massachusetts=points,
        thase_rush=stages,
        reasons=tuple(reasons),
    )


def _listed(points: Mapping[str, Points]) -> str:
    return ", ".join(f"{_COMPONENTS.get(name, name)} {value}" for name, value in points.items())


def _facts(points: Mapping[str, Points]) -> tuple[tuple[str, float], ...]:
    return tuple((f"{name}_{end}", getattr(value, end)) for name, value in points.items() for end in ("lo", "hi"))


def _of(steps: Sequence[Step], value: float, as_of: date) -> float:
    """The points of the first step that reaches `value`."""
    return next(s.points.on(as_of).amount for s in steps if s.to is None or value <= s.to.on(as_of).amount)


def _duration(scheme: Maudsley, episode: Episode, as_of: date, reasons: list[Reason], *, unread: bool) -> Points:
    """Months of the episode. It may have begun earlier than the first evidence, or have ended since; where scores are
    `unread`, one of them may show another beginning.
    """
    most = scheme.duration[-1].points.on(as_of).amount
    least = scheme.duration[0].points.on(as_of).amount
    if episode.start is None:
        return Points(least, most)
    months = months_between(episode.start, as_of)
    points = _of(scheme.duration, months, as_of)
    earlier = episode.basis == "first-evidence"
    found = Points(least if episode.may_have_ended or unread else points, most if earlier or unread else points)
    doubt = " The start is only the first evidence: it may have begun earlier." if earlier else ""
    doubt = " Not all scores were read: it may have begun earlier or later." if unread else doubt
    text = f"The episode has lasted {months} month(s) since {episode.start}.{doubt}"
    uses = tuple(dict.fromkeys(use for reason in episode.reasons for use in reason.uses))
    reasons.append(Reason(rule="G1", text=text, facts=(("months", months),), cites=scheme.cites, uses=uses))
    return found


def _severity(
    scheme: Maudsley,
    record: PatientRecord,
    score: Score | None,
    scales: Mapping[str, str],
    as_of: date,
    reasons: list[Reason],
) -> Points:
    """The severity now. Psychotic features are the last degree of a severe episode."""
    severe, psychotic = scheme.severity_max.on(as_of).amount, scheme.severity_psychotic.on(as_of).amount
    found = Points(scheme.severity_min.on(as_of).amount, severe)
    text = "No recent score says how severe the depression is."
    facts: tuple[tuple[str, float], ...] = ()
    uses: tuple[str, ...] = ()
    cites = scheme.cites
    scale = next((s for s in scheme.severity if score is not None and s.instrument == score.instrument), None)
    if score is not None and scale is not None:
        band = [b for b in scale.bands if score.value >= b.low.on(as_of).amount][-1]
        found = Points(band.points_lo.on(as_of).amount, band.points_hi.on(as_of).amount)
        text = f"Severity by {scales[score.instrument]} {score.value:g} on {score.day}."
        facts = (("score", score.value),)
        uses, cites = score.references, scale.cites
    known = [
        c
        for c in record.conditions
        if _PSYCHOTIC in c.categories and c.verification is not Verification.REFUTED and c.clinical not in _INACTIVE
    ]
    if known:
        sure = all(end == severe for end in (found.lo, found.hi)) and any(
            c.verification is Verification.CONFIRMED for c in known
        )
        found = Points(psychotic if sure else found.lo, psychotic)
        text += " Psychotic features are recorded."
        uses = (*uses, *(c.reference for c in known))
    elif found.hi == severe and record.read("Condition") is not Read.COMPLETE:
        found = Points(found.lo, psychotic)
        text += " Conditions were not read completely: psychotic features are unknown."
    reasons.append(Reason(rule="G1", text=text, facts=facts, cites=cites, uses=uses))
    return found


def _failures(scheme: Maudsley, trials: Sequence[Trial], as_of: date, reasons: list[Reason]) -> Points:
    """Failed adequate antidepressants of the episode; none is in the lowest step, as the scheme has no other."""
    low, high = sum(failed(t) for t in trials), sum(perhaps_failed(t) for t in trials)
    text = f"At least {low} and at most {high} failed adequate antidepressants in the episode."
    uses = tuple(dict.fromkeys(ref for t in trials if perhaps_failed(t) for ref in t.sources))
    facts = (("failed_lo", low), ("failed_hi", high))
    reasons.append(Reason(rule="G1", text=text, facts=facts, cites=scheme.cites, uses=uses))
    return Points(_of(scheme.failures, low, as_of), _of(scheme.failures, high, as_of))


def _used(points: float, known: tuple[bool, bool]) -> Points:
    return Points(points if known[0] else 0, points if known[1] else 0)


def _augmented(augmentations: Sequence[Trial]) -> tuple[bool, bool]:
    """Whether an augmentation surely, and whether one perhaps, failed."""
    return any(failed(a) for a in augmentations), any(tried(a) for a in augmentations)


def _ect_courses(courses: Sequence[Course]) -> list[Course]:
    return [c for c in courses if c.kind == "ect" and c.adequacy is not Adequacy.EXCLUDED]


def _ect(record: PatientRecord, courses: Sequence[Course]) -> tuple[bool, bool]:
    """Whether ECT surely, and whether it perhaps, failed in the episode. Procedures not read may hold a course."""
    ects = _ect_courses(courses)
    sure = any(c.adequacy is Adequacy.ADEQUATE and c.outcome.status is Status.FAILED_MEASURED for c in ects)
    open_ = any(c.adequacy is not Adequacy.INADEQUATE for c in ects)
    return sure, open_ or record.read("Procedure") is not Read.COMPLETE


def category_of(scheme: Maudsley, total: float, as_of: date) -> str:
    """The name of a Maudsley total; below the first category still the first."""
    held = [c for c in scheme.categories if total >= c.low.on(as_of).amount]
    return held[-1].name if held else scheme.categories[0].name


def _thase_rush(
    scheme: ThaseRush, trials: Sequence[Trial], courses: Sequence[Course], record: PatientRecord, as_of: date
) -> tuple[int, int]:
    """Lowest and highest stage. Surely, the tricyclic and the MAO inhibitor come on top of two other classes."""
    need = int(scheme.distinct_classes.on(as_of).amount)
    special = {*scheme.tricyclic, *scheme.monoamine_oxidase, *scheme.monoamine_oxidase_possible}
    sure = {t.drug_class for t in trials if failed(t)}
    open_ = {t.drug_class for t in trials if perhaps_failed(t)}
    inhibitors = {*scheme.monoamine_oxidase, *scheme.monoamine_oxidase_possible}
    ects = _ect_courses(courses)
    bilateral = any(
        c.adequacy is Adequacy.ADEQUATE and c.outcome.status is Status.FAILED_MEASURED and c.is_bilateral()
        for c in ects
    )
    perhaps = record.read("Procedure") is not Read.COMPLETE or any(
        c.adequacy is not Adequacy.INADEQUATE and c.is_bilateral() is not False for c in ects
    )
    two = len(sure - special) >= need
    tricyclic, inhibitor = bool(sure & {*scheme.tricyclic}), bool(sure & {*scheme.monoamine_oxidase})
    lowest = _stage([bool(sure), len(sure) >= need, two and tricyclic, inhibitor, bilateral])
    tricyclic, inhibitor = bool(open_ & {*scheme.tricyclic}), bool(open_ & inhibitors)
    highest = _stage([bool(open_), len(open_) >= need, tricyclic, inhibitor, perhaps])
    return lowest, max(lowest, highest)


def _stage(reached: Sequence[bool]) -> int:
    """How many stages hold one after the other from the first."""
    return next((number for number, holds in enumerate(reached) if not holds), len(reached))
