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


def count(trials: Sequence[Trial | Course], definition: Definition) -> Counts:
    """Count distinct ingredients, or distinct classes where the definition asks for them; courses by their kind."""
    totals: list[set[str]] = [set(), set(), set()]
    for trial in trials:
        if isinstance(trial, Course):
            name = trial.kind
        else:
            name = trial.drug_class if definition.require_distinct_class else trial.ingredient
        for total, counts in zip(totals, weight_of(trial), strict=True):
            if counts:
                total.add(name)
    return Counts(lo=len(totals[0]), lo_proxy=len(totals[1]), hi=len(totals[2]))


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
    counts = count(counted, definition)
    need = definition.min_failed_trials
    by_score = any(weight_of(t)[0] and t.outcome.basis == "score" for t in counted)
    if counts.lo >= need and by_score:
        value, rule, text = (
            Value.MET,
            "V1",
            f"{counts.lo} adequate trials failed by measurement; {need} needed.",
        )
    elif counts.lo_proxy >= need:
        value, rule = Value.PROBABLE, "V2"
        text = f"{counts.lo_proxy} adequate trials failed, some without a measured outcome; {need} needed."
    elif counts.hi >= need:
        value, rule = Value.INDETERMINATE, "V3"
        text = f"Between {counts.lo} and {counts.hi} failed adequate trials: what is missing could decide."
    else:
        value, rule = Value.NOT_MET, "V4"
        text = f"At most {counts.hi} failed adequate trial(s); {need} needed."
    uses = tuple(dict.fromkeys(ref for t in counted if weight_of(t)[2] for ref in t.sources))
    reasons = [Reason(rule=rule, text=text, cites=definition.cites, uses=uses)]
    if eligibility.decided is not None:
        return Verdict(value=Value(eligibility.decided), counts=counts, capped=None, reasons=eligibility.reasons)
    if history_unread is not None and value is Value.NOT_MET:
        return Verdict(value=Value.INDETERMINATE, counts=counts, capped=None, reasons=(history_unread, *reasons))
    caps = [*eligibility.caps, *([history_unread] if history_unread is not None and not counted else [])]
    if caps and value in (Value.MET, Value.PROBABLE):
        return Verdict(value=Value.INDETERMINATE, counts=counts, capped=value, reasons=(*caps, *reasons))
    return Verdict(value=value, counts=counts, capped=None, reasons=tuple(reasons))
