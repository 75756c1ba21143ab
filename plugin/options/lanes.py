"""Which options stand in which lane, in order, for one patient on one day.

Lane M holds what matches the domains that stand out and what pain or high suicidality lets in; lane G the rest of the
first effective tier, followed by what is only ever appended; lane A the adjuncts. Under the gate of psychosis and
catatonia the lanes are its own. Blocked, current and failed options stand in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

from mappings.load import Knowledge
from mappings.option_schema import LabelStatus
from mappings.option_schema import Option as Treatment
from plugin.domains.profile import DomainProfile
from plugin.options.inputs import PSYCHOSIS_CATATONIA, circumstances_of, focus_of
from plugin.options.opening import Opening, is_mild, opening_of
from plugin.options.ranking import Focus, Rank, rank_of
from plugin.options.tried import Tried, closed
from plugin.safety.modifiers import Modifiers
from plugin.safety.option_safety import RuleHit, Safety

_GATE_LANES = (("psychosis", "psychosis-gate"), ("catatonia", "catatonia-gate"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lanes:
    """Lanes M, G and A, each in order."""

    matched: tuple[Treatment, ...] = ()
    guideline: tuple[Treatment, ...] = ()
    adjunct: tuple[Treatment, ...] = ()

    @property
    def all(self) -> tuple[Treatment, ...]:
        """Everything listed, lane by lane."""
        return (*self.matched, *self.guideline, *self.adjunct)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What decides: one patient on one day, under the labels of one jurisdiction.

    What it says of an option is worked out once: every lane asks again.
    """

    profile: DomainProfile
    modifiers: Modifiers
    safety: Safety
    tried: Tried
    jurisdiction: str
    knowledge: Knowledge
    as_of: date
    _ranks: dict[str, Rank] = field(default_factory=dict, init=False, repr=False, compare=False)
    _openings: dict[str, Opening] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def is_gated(self) -> bool:
        """Whether the lanes of psychosis and catatonia stand in place of those of the domains."""
        return PSYCHOSIS_CATATONIA in self.modifiers.gates

    @cached_property
    def focus(self) -> Focus:
        """The domains that matches are taken against: none under the gate of psychosis and catatonia."""
        return Focus() if self.is_gated else focus_of(self.profile)

    @cached_property
    def circumstances(self) -> frozenset[str]:
        """The circumstances that hold, as the knowledge names them."""
        return circumstances_of(self.modifiers)

    def status(self, treatment: Treatment) -> LabelStatus:
        """How the jurisdiction labels an option; KeyError when it says nothing of it."""
        for where, status in treatment.jurisdictions.items():
            if where == self.jurisdiction:
                return status
        raise KeyError(self.jurisdiction)

    @cached_property
    def offered(self) -> tuple[Treatment, ...]:
        """The options that exist in the jurisdiction and that the site has not switched off."""
        return tuple(
            one
            for one in self.knowledge.clinical.options.values()
            if self.jurisdiction in one.jurisdictions and self.status(one).offered and self.knowledge.is_on(one.id)
        )

    def opening(self, treatment: Treatment) -> Opening:
        """Whether history and circumstances open an option; mild severity hides nothing under the gate (58)."""
        if treatment.id not in self._openings:
            self._openings[treatment.id] = opening_of(
                treatment,
                self.tried,
                circumstances=self.circumstances,
                mild=self._is_mild and not self.is_gated,
                as_of=self.as_of,
            )
        return self._openings[treatment.id]

    @cached_property
    def _is_mild(self) -> bool:
        return is_mild(self.profile, self.knowledge.clinical.scoring.parameters, self.as_of)

    def rank(self, treatment: Treatment) -> Rank:
        """Where an option stands."""
        if treatment.id not in self._ranks:
            self._ranks[treatment.id] = self._ranked(treatment)
        return self._ranks[treatment.id]

    def _ranked(self, treatment: Treatment) -> Rank:
        return rank_of(
            treatment,
            self.focus,
            status=self.status(treatment),
            circumstances=self.circumstances,
            cautions=rules_of(self.safety.cautions.get(treatment.id, ())),
            parameters=self.knowledge.clinical.strategies.parameters,
            as_of=self.as_of,
        )

    def let_in(self, treatment: Treatment) -> frozenset[str]:
        """The circumstances that put an option among the matched ones whatever the domains (65)."""
        return self.circumstances & set(treatment.enters_matched_when)

    def parameter(self, name: str) -> int:
        """A threshold of the strategies."""
        return int(self.knowledge.clinical.strategies.parameters[name].on(self.as_of).amount)


def lanes_of(choice: Choice) -> Lanes:
    """The lanes of one patient."""
    able = [one for one in choice.offered if _is_able(one, choice)]
    if choice.is_gated:
        names = {lane for name, lane in _GATE_LANES if name in choice.circumstances}
        gate = [one for one in able if names & set(one.lanes)]
        return Lanes(guideline=_sorted(gate, choice), adjunct=tuple(one for one in able if one.unconditional))
    matched = [one for one in able if _is_matched(one, choice)]
    appended = [one for one in able if place_of(one, choice.as_of) is not None]
    others = [one for one in able if "guideline" in one.lanes and one not in matched and one not in appended]
    first = [one for one in others if choice.rank(one).is_first_tier]
    line = choice.parameter("adjunct-lane-from")
    adjunct = [one for one in able if "adjunct" in one.lanes]
    adjunct = [one for one in adjunct if one.unconditional or choice.rank(one).grade >= line]
    appended.sort(key=lambda one: (place_of(one, choice.as_of) or 0, one.id))
    return Lanes(
        matched=_sorted(matched, choice),
        guideline=(*_sorted(first, choice), *appended),
        adjunct=_sorted(adjunct, choice),
    )


def rules_of(hits: Sequence[RuleHit]) -> tuple[str, ...]:
    """The distinct rule ids of hits, in order."""
    return tuple(dict.fromkeys(hit.rule for hit in hits))


def place_of(treatment: Treatment, as_of: date) -> float | None:
    """The place among the options appended to the guideline lane (77), None for all others."""
    asked = treatment.eligibility
    return asked.appended_place.on(as_of).amount if asked is not None and asked.appended_place is not None else None


def _is_able(treatment: Treatment, choice: Choice) -> bool:
    if choice.safety.blocked.get(treatment.id):
        return False
    return closed(treatment, choice.tried, choice.knowledge.drugs) is None and choice.opening(treatment).is_open


def _is_matched(treatment: Treatment, choice: Choice) -> bool:
    graded = "matched" in treatment.lanes and choice.rank(treatment).grade >= choice.parameter("matched-lane-from")
    return graded or bool(choice.let_in(treatment))


def _sorted(treatments: Sequence[Treatment], choice: Choice) -> tuple[Treatment, ...]:
    return tuple(sorted(treatments, key=lambda one: choice.rank(one).key))
