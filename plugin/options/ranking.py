"""How options are ordered: match with the domains, effective tier, and the rest of the key (decision 63).

The key is urgency, effective tier, match, priority, match with secondary domains, number of cautions, id. A match
lifts an option by one tier at most, and only where it rests on a domain-specific trial, the option is labelled for
depression or no drug, and the domains are certain enough; a plausible mismatch lowers it by one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from mappings.option_schema import Grades, LabelStatus
from mappings.option_schema import Option as Treatment
from mappings.values import DatedValue

_TIERS = "ABCD"
_LABELLED = frozenset({"labelled-trd", "labelled-depression"})
_CERTAIN = frozenset({"moderate", "high"})

Key = tuple[bool, int, int, float, int, int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """The domains that stand out, and how surely: what matches are taken against.

    `named` are the dominant, mixed or leaning domains, none where the label is UNDETERMINED or domains do not matter.
    """

    label: str = "UNDETERMINED"
    named: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()
    certainty: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """Where an option stands. Grades count from 0; `tier` is the effective tier as a position from 0 (A)."""

    id: str
    urgent: bool
    tier: int
    grade: int
    priority: float
    secondary: int
    cautions: int
    promoted: bool = False
    mismatch: bool = False

    @property
    def key(self) -> Key:
        """The ordering key; no two options share it, as it ends with the id."""
        return (not self.urgent, self.tier, -self.grade, self.priority, -self.secondary, self.cautions, self.id)

    @property
    def is_first_tier(self) -> bool:
        """Whether the effective tier is A."""
        return self.tier == 0


def rank_of(
    treatment: Treatment,
    focus: Focus,
    *,
    status: LabelStatus,
    circumstances: Collection[str],
    cautions: Collection[str],
    parameters: Mapping[str, DatedValue],
    as_of: date,
) -> Rank:
    """Where `treatment` stands; `cautions` are rule ids, each counted once, `circumstances` as in the knowledge."""
    grades = grades_on(treatment, as_of).by_domain
    named = [int(grades[domain]) for domain in grades if domain in focus.named]
    second = [int(grades[domain]) for domain in grades if domain in focus.secondary]
    grade = max([0, *named])
    mismatch = grade == 0 and any(one < 0 for one in named)
    promoted = (
        focus.certainty in _CERTAIN
        and focus.label != "LEANING"
        and grade >= int(parameters["promoting-grade"].on(as_of).amount)
        and treatment.tier != _TIERS[-1]
        and _may_be_lifted(treatment, status)
    )
    tier = max(0, _TIERS.index(treatment.tier) - promoted + mismatch)
    return Rank(
        id=treatment.id,
        urgent=bool(set(treatment.sorts_first_when) & set(circumstances)),
        tier=tier,
        grade=grade,
        priority=treatment.priority.on(as_of).amount,
        secondary=max([0, *second]),
        cautions=len(set(cautions)),
        promoted=promoted,
        mismatch=mismatch,
    )


def grades_on(treatment: Treatment, day: date) -> Grades:
    """The grades applied on `day`, or the first ones when `day` precedes them all."""
    if len(treatment.grades.values) == 1:
        return next(iter(treatment.grades.values.values()))
    dated = sorted(treatment.grades.values)
    past = [effective for effective in dated if effective <= day]
    return treatment.grades.values[past[-1] if past else dated[0]]


def _may_be_lifted(treatment: Treatment, status: LabelStatus) -> bool:
    """Never an off-label drug, whatever its grade."""
    return not status.off_label and (treatment.kind not in {"drug", "supplement"} or status.status in _LABELLED)
