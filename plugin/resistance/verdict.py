"""From judged trials to the interval of failed adequate trials and the verdict under one definition (rules V1 to V4).

`lo` counts adequate trials with a measured failure, `lo_proxy` adds those failed by proxy only, `hi` adds everything
that could still turn out to be a failed adequate trial. MET needs at least one failure shown by scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mappings.schema import Definition
from plugin.findings import Reason
from plugin.trial.adequacy import Adequacy
from plugin.trial.eligibility import Eligibility
from plugin.trial.measurement import Status
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


class Value(StrEnum):
    """What is said about treatment-resistant depression."""

    MET = "MET"
    PROBABLE = "PROBABLE"
    INDETERMINATE = "INDETERMINATE"
    NOT_MET = "NOT_MET"
    EXCLUDED = "EXCLUDED"
    OUT_OF_SCOPE = "OUT_OF_SCOPE"


_POSITIVE = (Value.MET, Value.PROBABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Failed adequate trials: at least `lo`, `lo_proxy` with proxies, at most `hi`."""

    lo: int
    lo_proxy: int
    hi: int

    def __post_init__(self) -> None:
        if not 0 <= self.lo <= self.lo_proxy <= self.hi:
            raise ValueError("counts must be ordered")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The verdict, the counts behind it, and why. `capped` is the value it would have had, None if not capped."""

    value: Value
    counts: Counts
    capped: Value | None
    reasons: tuple[Reason, ...]


def weight_of(trial: Trial | Course) -> tuple[bool, bool, bool]:
    """Whether a trial, or a course, counts in lo, in lo_proxy and in hi."""
    adequacy = trial.adequacy if isinstance(trial, Course) else trial.judged.adequacy
    adequate = adequacy is Adequacy.ADEQUATE
    status = trial.outcome.status
    measured = adequate and status is Status.FAILED_MEASURED
    proxy = measured or (adequate and status is Status.FAILED_PROXY)
    open_ = adequacy in (Adequacy.ADEQUATE, Adequacy.BORDERLINE) and status is Status.UNKNOWN
    return measured, proxy, proxy or open_


@dataclass(frozen=True, slots=True)
class Weighed:
    """What one trial or course counts as under a definition: by which name, in which counts, and whether by a score."""

    name: str
    weights: tuple[bool, bool, bool]
    scored: bool


def weigh(trial: Trial | Course, definition: Definition) -> Weighed:
    """A trial by its ingredient, or its class where the definition asks for distinct ones; a course by its kind."""
    weights = weight_of(trial)
    return Weighed(_name(trial, definition), weights, weights[0] and trial.outcome.basis == "score")


def weigh_most(trial: Trial, definition: Definition) -> Weighed:
    """What a trial can count as at most, whatever its outcome: only an adequate one can have failed surely."""
    adequate = trial.judged.adequacy is Adequacy.ADEQUATE
    rated = adequate or trial.judged.adequacy is Adequacy.BORDERLINE
    return Weighed(_name(trial, definition), (adequate, adequate, rated), adequate)


def _name(trial: Trial | Course, definition: Definition) -> str:
    if isinstance(trial, Course):
        return trial.kind
    return trial.drug_class if definition.require_distinct_class else trial.ingredient


def count(weighed: Sequence[Weighed]) -> Counts:
    """Count each name once."""
    lo = {one.name for one in weighed if one.weights[0]}
    lo_proxy = {one.name for one in weighed if one.weights[1]}
    hi = {one.name for one in weighed if one.weights[2]}
    return Counts(lo=len(lo), lo_proxy=len(lo_proxy), hi=len(hi))


def value_of(
    weighed: Sequence[Weighed], *, definition: Definition, eligibility: Eligibility, history_unread: Reason | None
) -> Value:
    """What the verdict of `decide` is, without its reasons."""
    if eligibility.decided is not None:
        return Value(eligibility.decided)
    value = _counted(count(weighed), weighed, definition)
    if history_unread is not None and value is Value.NOT_MET:
        return Value.INDETERMINATE
    capped = eligibility.caps or (history_unread is not None and not weighed)
    return Value.INDETERMINATE if capped and value in _POSITIVE else value


def outlook_of(
    trials: Sequence[Trial | Course],
    *,
    definition: Definition,
    eligibility: Eligibility,
    history_unread: Reason | None,
) -> tuple[Counts, Value]:
    """The counts and the value under a definition, of all that it counts."""
    weighed = [weigh(trial, definition) for trial in trials]
    value = value_of(weighed, definition=definition, eligibility=eligibility, history_unread=history_unread)
    return count(weighed), value


def _counted(counts: Counts, weighed: Sequence[Weighed], definition: Definition) -> Value:
    """What the counts say by themselves."""
    need = definition.min_failed_trials
    if counts.lo >= need and any(one.scored for one in weighed):
        return Value.MET
    if counts.lo_proxy >= need:
        return Value.PROBABLE
    return Value.INDETERMINATE if counts.hi >= need else Value.NOT_MET


def decide(
    trials: Sequence[Trial],
    *,
    definition: Definition,
    eligibility: Eligibility,
    history_unread: Reason | None,
    extra: Sequence[Trial | Course] = (),
) -> Verdict:
    """The verdict under `definition`; `extra` are augmentations or procedures that this definition counts as trials.

    `history_unread` says that medication data are missing or incomplete: what was not seen cannot be excluded.
    """
    counted = [*trials, *extra]
    weighed = [weigh(trial, definition) for trial in counted]
    counts, need = count(weighed), definition.min_failed_trials
    by_counts = _counted(counts, weighed, definition)
    rule, text = {
        Value.MET: ("V1", f"{counts.lo} adequate trials failed by measurement; {need} needed."),
        Value.PROBABLE: (
            "V2",
            f"{counts.lo_proxy} adequate trials failed, some without a measured outcome; {need} needed.",
        ),
        Value.INDETERMINATE: (
            "V3",
            f"Between {counts.lo} and {counts.hi} failed adequate trials: what is missing could decide.",
        ),
        Value.NOT_MET: ("V4", f"At most {counts.hi} failed adequate trial(s); {need} needed."),
    }[by_counts]
    value = value_of(weighed, definition=definition, eligibility=eligibility, history_unread=history_unread)
    if eligibility.decided is not None:
        return Verdict(value=value, counts=counts, capped=None, reasons=eligibility.reasons)
    behind = (trial.sources for trial, one in zip(counted, weighed, strict=True) if one.weights[2])
    uses = tuple(dict.fromkeys(reference for sources in behind for reference in sources))
    reason = Reason(rule=rule, text=text, cites=definition.cites, uses=uses)
    if history_unread is not None and by_counts is Value.NOT_MET:
        return Verdict(value=value, counts=counts, capped=None, reasons=(history_unread, reason))
    caps = [*eligibility.caps, *([history_unread] if history_unread is not None and not counted else [])]
    if caps and by_counts in _POSITIVE:
        return Verdict(value=value, counts=counts, capped=by_counts, reasons=(*caps, reason))
    return Verdict(value=value, counts=counts, capped=None, reasons=(reason,))
