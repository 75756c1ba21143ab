"""What may be considered next: the lanes of options with their reasons, what is blocked, what is information only.

An option is a possibility with its reasons, never a directive. Where medications, allergies, conditions or age are not
known, none is listed (fail closed, decision 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mappings.load import Knowledge
from mappings.option_schema import Option as Treatment
from plugin.domains.profile import DomainProfile
from plugin.findings import Reason
from plugin.options.inputs import ACUTE_SAFETY, BIPOLAR, PSYCHOSIS_CATATONIA
from plugin.options.lanes import Choice, lanes_of, rules_of
from plugin.options.pairing import Pairing, companions_of, not_beside, pairing_of
from plugin.options.reasons import reasons_of
from plugin.options.tried import Tried
from plugin.resistance.verdict import Value
from plugin.safety.modifiers import Modifiers
from plugin.safety.option_safety import Safety

_SCOPE = "S00"
_SUICIDALITY = "suicidality-high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One listed option. `tier` is its own tier, `grade` its match with the domains named (0 where none).

    `cautions` are rule ids. `shown_inline`: it may stand on a card; `as_information`: without an order. `probable`: the
    failures that open it are reached with proxies only. `pairs_with` and `not_with` are ids of other listed options.
    """

    id: str
    label: str
    kind: str
    tier: str
    lane: str
    grade: int
    cautions: tuple[str, ...]
    off_label: bool
    shown_inline: bool
    as_information: bool
    probable: bool
    pairs_with: tuple[str, ...]
    not_with: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """An option that safety rules block, whether or not a lane would show it (decision 56)."""

    id: str
    label: str
    rules: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Information:
    """An agent under study or not for this use: text only, no order anywhere."""

    id: str
    label: str
    status: str
    confidence: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The lanes in order, what is blocked, what is information only. `why_none` says why nothing is listed."""

    matched: tuple[Option, ...] = ()
    guideline: tuple[Option, ...] = ()
    adjunct: tuple[Option, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    information_only: tuple[Information, ...] = ()
    pairing: Pairing | None = None
    why_none: Reason | None = None

    @property
    def listed(self) -> tuple[Option, ...]:
        """Every listed option, lane by lane."""
        return (*self.matched, *self.guideline, *self.adjunct)


def options_of(
    *,
    profile: DomainProfile,
    modifiers: Modifiers,
    safety: Safety,
    tried: Tried,
    verdict: Value,
    jurisdiction: str,
    knowledge: Knowledge,
    as_of: date,
    complete: bool,
    age: int | None,
) -> Options:
    """What may be considered now.

    `complete`: medications, allergies and conditions were read completely; `age` in years, None when it is not known
    for sure. Either failing, nothing is listed or blocked and `why_none` says so.
    """
    cites = knowledge.clinical.strategies.cites
    if not complete or age is None:
        text = "Medications, allergies, conditions and age must all be known: no option is listed."
        facts = (("complete", str(complete).lower()), ("age_known", str(age is not None).lower()))
        return Options(why_none=Reason(rule="L0", text=text, facts=facts, cites=cites))
    choice = Choice(
        profile=profile,
        modifiers=modifiers,
        safety=safety,
        tried=tried,
        jurisdiction=jurisdiction,
        knowledge=knowledge,
        as_of=as_of,
    )
    blocked = _blocked(choice)
    if verdict is Value.OUT_OF_SCOPE:
        why = Reason(rule="L0", text="Out of the scope of the definitions: no option is listed.", cites=cites)
        return Options(blocked=tuple(one for one in blocked if _SCOPE in one.rules), why_none=why)
    information, closed = _information(knowledge), _closed(modifiers, verdict, cites)
    if closed is not None:
        return Options(blocked=blocked, information_only=information, why_none=closed)
    lanes = lanes_of(choice)
    strategies = knowledge.clinical.strategies
    return Options(
        matched=_listed("matched", lanes.matched, lanes.all, choice),
        guideline=_listed("guideline", lanes.guideline, lanes.all, choice),
        adjunct=_listed("adjunct", lanes.adjunct, lanes.all, choice),
        blocked=blocked,
        information_only=information,
        pairing=pairing_of((*lanes.matched, *lanes.guideline), lanes.adjunct, strategies, domains=choice.focus.named),
    )


def _closed(modifiers: Modifiers, verdict: Value, cites: tuple[str, ...]) -> Reason | None:
    """Gates that leave no lane: bipolar disorder, and a primary psychotic disorder, which excludes (6, 57)."""
    if BIPOLAR in modifiers.gates:
        text = "Bipolar disorder is recorded: no options for unipolar depression are listed."
        return Reason(rule="L0", text=text, cites=cites)
    if PSYCHOSIS_CATATONIA in modifiers.gates and verdict is Value.EXCLUDED:
        text = "A primary psychotic disorder is recorded: no option is listed."
        return Reason(rule="L0", text=text, cites=cites)
    return None


def _listed(
    lane: str, treatments: Sequence[Treatment], everything: Sequence[Treatment], choice: Choice
) -> tuple[Option, ...]:
    strategies = choice.knowledge.clinical.strategies
    ids = [one.id for one in everything]
    acute = ACUTE_SAFETY in choice.modifiers.gates
    return tuple(
        Option(
            id=one.id,
            label=one.label,
            kind=one.kind,
            tier=one.tier,
            lane=lane,
            grade=choice.rank(one).grade,
            cautions=rules_of(choice.safety.cautions.get(one.id, ())),
            off_label=choice.status(one).off_label,
            shown_inline=_is_inline(one, choice),
            as_information=acute or not one.orders,
            probable=choice.opening(one).probable,
            pairs_with=companions_of(one.id, strategies, everything),
            not_with=not_beside(one.id, strategies, ids),
            reasons=reasons_of(one, lane, choice),
        )
        for one in treatments
    )


def _is_inline(treatment: Treatment, choice: Choice) -> bool:
    """Whether the option may stand on a card (22, 23); under acute safety only what that gate names (6)."""
    if treatment.page_only:
        return False
    if ACUTE_SAFETY in choice.modifiers.gates and _SUICIDALITY not in treatment.sorts_first_when:
        return False
    return not choice.status(treatment).off_label or choice.knowledge.is_on(treatment.id, otherwise=False)


def _blocked(choice: Choice) -> tuple[Blocked, ...]:
    found = [(one, choice.safety.blocked.get(one.id, ())) for one in choice.offered]
    return tuple(
        Blocked(
            id=one.id,
            label=one.label,
            rules=rules_of(hits),
            reasons=tuple(reason for hit in hits for reason in hit.reasons),
        )
        for one, hits in sorted(found, key=lambda each: each[0].id)
        if hits
    )


def _information(knowledge: Knowledge) -> tuple[Information, ...]:
    return tuple(
        Information(
            id=agent.id,
            label=agent.label,
            status=agent.status,
            confidence=agent.confidence,
            reasons=(
                Reason(
                    rule="L8",
                    text=f"{agent.label}: {agent.status} Not proposed here.",
                    facts=(("agent", agent.id), ("confidence", agent.confidence)),
                    cites=agent.cites,
                ),
            ),
        )
        for agent in knowledge.clinical.investigational.agents
    )
