"""What else an augmenting agent may have been taken for, and whether that keeps it from being an augmentation (T6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.course_schema import AugmentingAgent
from mappings.schema import Drug
from plugin.exposure.eras import Era
from plugin.findings import Reason
from plugin.record import ConditionFact, Verification
from plugin.trial.adequacy import Intent

_INACTIVE = frozenset({"inactive", "resolved"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherUse:
    """Another use: `excludes` when it is the use, otherwise the use is in doubt."""

    excludes: bool
    reason: Reason


def other_use_of(
    era: Era,
    agent: AugmentingAgent | None,
    *,
    intent: Intent,
    eras: Sequence[Era],
    conditions: Sequence[ConditionFact],
    drugs: Mapping[str, Drug],
) -> OtherUse | None:
    """The other use of one era of an augmenting agent, None when nothing speaks for one.

    Stated reasons win. Without any, a condition that the drug is taken for leaves the use in doubt, and one that makes
    it a replacement (or a drug beside it that shows the same) decides.
    """
    label = drugs[era.key.ingredient].label
    uses = tuple(fact.reference for fact in era.facts if fact.indications)
    if intent.value == "other":
        return _found(True, f"{label.capitalize()} was given for another stated reason: not an augmentation.", uses)
    stated = intent.basis == "stated" and intent.value == "depression"
    if agent is None:
        return None
    if agent.only_if_stated and not stated:
        text = (
            f"{label.capitalize()} is usually taken for something else: an augmentation only if depression is stated."
        )
        return _found(True, text, uses, agent.cites)
    never = _holding(conditions, agent.never_with)
    if never:
        sure = any(c.verification is Verification.CONFIRMED for c in never)
        text = f"{label.capitalize()} beside a recorded condition that it replaces a hormone for: not an augmentation."
        return _found(sure and not stated, text, tuple(c.reference for c in never), agent.cites)
    beside = [e for e in eras if e.key.ingredient in agent.never_beside and _meet(e, era)]
    if beside:
        text = f"{label.capitalize()} together with {drugs[beside[0].key.ingredient].label}: replacement."
        return _found(not stated, text, tuple(f.reference for e in beside for f in e.facts), agent.cites)
    others = _holding(conditions, agent.other_uses)
    if others and not stated:
        text = f"No reason is stated and another condition {label} is used for is recorded: borderline at most."
        return _found(False, text, tuple(c.reference for c in others), agent.cites)
    return None


def _found(excludes: bool, text: str, uses: tuple[str, ...], cites: tuple[str, ...] = ()) -> OtherUse:
    return OtherUse(excludes=excludes, reason=Reason(rule="T6", text=text, cites=cites, uses=uses))


def _holding(conditions: Sequence[ConditionFact], categories: Sequence[str]) -> list[ConditionFact]:
    wanted = set(categories)
    return [
        c
        for c in conditions
        if c.categories & wanted and c.verification is not Verification.REFUTED and c.clinical not in _INACTIVE
    ]


def _meet(one: Era, other: Era) -> bool:
    return one.start <= other.end and other.start <= one.end
