"""Which options a safety rule blocks or cautions against, what must be known before a start, and fail closed.

Every rule is a table of rows over named facts. A condition that is only named in words blocks and does not caution
(decision 110); an allergy blocks (decision 108). What is drafted in the request counts as taken, but not against the
option it is itself. Where medications, allergies or conditions were not read completely, or the age is unknown,
`Safety.complete` is False and no option may be suggested (decision 2). Where procedures were asked for and did not
come, those that may have been done before are blocked; where there was nobody to ask, that they were not read is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from mappings.decision_tables import ALL_OPTIONS, SafetyRow, SafetyRule
from mappings.load import Knowledge
from plugin.findings import Reason
from plugin.record import AllergyFact, DraftOrder, PatientRecord, Read
from plugin.safety.decision_index import index_of
from plugin.safety.decision_rows import Held, held, reason_of
from plugin.safety.known_values import Certainty
from plugin.safety.named_facts import NamedFacts

_MEDICATIONS = ("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration")
_PROCEDURE = "Procedure"
_GONE = frozenset({"inactive", "resolved"})
_REACTION = "adverse-event"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHit:
    """One rule that holds. `effect` is ``block``, ``caution`` or ``warning``; `means` is what it means for the option.

    `drugs` are the drugs of the option that are meant where not all are; `agents` what is taken or recorded that the
    rule is about; `drafted` the drugs being ordered without which it would not hold, empty where it does.
    """

    rule: str
    effect: str
    label: str
    means: str
    drugs: tuple[str, ...]
    agents: tuple[str, ...]
    reasons: tuple[Reason, ...]
    drafted: tuple[str, ...] = ()

    @property
    def uses(self) -> tuple[str, ...]:
        """References behind it."""
        return tuple(dict.fromkeys(use for reason in self.reasons for use in reason.uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """What is to be known before an option is started; its absence does not block."""

    option: str
    rule: str
    what: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety:
    """`blocked` and `cautions` by option, each rule once and in the order of the rules.

    `needed` holds what options that are not blocked lack. `warnings` concern what is taken already. `unread` says why
    `complete` is False.
    """

    blocked: Mapping[str, tuple[RuleHit, ...]]
    cautions: Mapping[str, tuple[RuleHit, ...]]
    needed: tuple[Needed, ...]
    warnings: tuple[RuleHit, ...]
    complete: bool
    unread: tuple[Reason, ...]

    @property
    def uses(self) -> tuple[str, ...]:
        """References behind everything said."""
        hits = [hit for group in (*self.blocked.values(), *self.cautions.values(), self.warnings) for hit in group]
        return tuple(dict.fromkeys(use for hit in hits for use in hit.uses))


def safety_of(
    facts: NamedFacts,
    record: PatientRecord,
    *,
    knowledge: Knowledge,
    as_of: date,
    options: Iterable[str] | None = None,
    jurisdiction: str = "us",
    orders: Sequence[DraftOrder] = (),
) -> Safety:
    """What the rules say of `options` (None: of all) on `as_of`, beside the drafted `orders` of the request."""
    wanted = tuple(knowledge.clinical.options) if options is None else tuple(options)
    blocked: dict[str, dict[str, RuleHit]] = {}
    cautions: dict[str, dict[str, RuleHit]] = {}
    warnings: dict[str, RuleHit] = {}
    needed: dict[tuple[str, str], Needed] = {}
    for own, alike in _by_own_drafts(wanted, orders, knowledge).items():
        beside = facts.beside(orders, but=own)
        for rule, row, found in rows_that_hold(beside, knowledge, as_of, jurisdiction):
            hit = _hit(rule, row, found, beside, as_of)
            if row.effect == "warning" and not own:
                warnings[rule.id] = _both(warnings.get(rule.id), _meaning(hit, row.means_for(ALL_OPTIONS)))
            for option in (o for o in row.options if o in alike):
                if row.effect == "needed-before-start":
                    missing = Needed(option=option, rule=rule.id, what=rule.asks, reasons=hit.reasons)
                    needed.setdefault((option, rule.id), missing)
                else:
                    hits = (blocked if row.effect == "block" else cautions).setdefault(option, {})
                    hits[rule.id] = _both(hits.get(rule.id), _meaning(hit, row.means_for(option)))
    for option, unknown in _procedures_unread(wanted, record, knowledge):
        if unknown.effect == "block":
            blocked.setdefault(option, {})[unknown.rule] = unknown
        else:
            missing = Needed(option=option, rule=unknown.rule, what=unknown.label, reasons=unknown.reasons)
            needed[option, unknown.rule] = missing
    for option in wanted:
        allergic = allergy_hit(option, knowledge.clinical.options[option].drugs, record, knowledge)
        if allergic is not None:
            blocked.setdefault(option, {})[allergic.rule] = allergic
    unread = tuple(_unread(record, facts))
    return Safety(
        blocked=_in_order(blocked, wanted),
        cautions=_in_order(cautions, wanted),
        needed=tuple(one for one in needed.values() if one.option not in blocked),
        warnings=tuple(warnings.values()),
        complete=not unread,
        unread=unread,
    )


def _by_own_drafts(
    options: Sequence[str], orders: Sequence[DraftOrder], knowledge: Knowledge
) -> Mapping[frozenset[str], frozenset[str]]:
    """The options by those of their own drugs that are drafted: no option stands in its own way. None drafted first."""
    if not orders:
        return {frozenset(): frozenset(options)}
    drafted = {i for order in orders if order.product is not None for i in order.product.ingredients}
    procedures = {order.procedure for order in orders}
    drafted |= {kind.gives for kind in knowledge.procedures.kinds if kind.gives and kind.id in procedures}
    found: dict[frozenset[str], set[str]] = {frozenset(): set()}
    for option in options:
        treatment = knowledge.clinical.options[option]
        own = drafted & {*treatment.drugs, *treatment.closes.drugs}
        found.setdefault(frozenset(own), set()).add(option)
    return {own: frozenset(alike) for own, alike in found.items()}


def rows_that_hold(
    facts: NamedFacts,
    knowledge: Knowledge,
    as_of: date,
    jurisdiction: str,
    *,
    about: Callable[[SafetyRow], bool] | None = None,
) -> Iterator[tuple[SafetyRule, SafetyRow, Held]]:
    """Every row of a rule in use that holds, rules in their order; `about` leaves out rows of no concern.

    What rests on words alone only blocks.
    """
    for line in index_of(knowledge).on(as_of).safety:
        row = line.row
        if not (line.asked.needs <= facts.recordable and knowledge.is_on(line.rule.id)):
            continue
        if (row.jurisdictions and jurisdiction not in row.jurisdictions) or (about is not None and not about(row)):
            continue
        found = held(line.asked, facts)
        if found is not None and (found.certainty is not Certainty.WORDS or row.effect == "block"):
            yield line.rule, row, found


def allergy_hit(option: str, drugs: Iterable[str], record: PatientRecord, knowledge: Knowledge) -> RuleHit | None:
    """The block of an option by an allergy to one of its drugs, or to one that shares its substance; else None."""
    check = knowledge.clinical.order_checks.option_allergy
    found = {drug: allergies for drug in drugs if (allergies := allergies_to(drug, record, knowledge))}
    if not found:
        return None
    agents = tuple(
        dict.fromkeys(knowledge.drugs[i].label for a in found.values() for one in a for i in one.ingredients)
    )
    uses = tuple(dict.fromkeys(one.reference for allergies in found.values() for one in allergies))
    text = f"{check.label.capitalize()} {option}: {', '.join(agents)}."
    reason = Reason(rule=check.id, text=text, facts=(("allergy", ", ".join(agents)),), cites=check.cites, uses=uses)
    meant = tuple(found)
    return RuleHit(
        rule=check.id, effect="block", label=check.label, means="", drugs=meant, agents=agents, reasons=(reason,)
    )


def allergies_to(drug: str, record: PatientRecord, knowledge: Knowledge) -> tuple[AllergyFact, ...]:
    """Active allergies and intolerances, confirmed or not, to a drug or one that stands for it."""
    if not record.allergies:
        return ()
    alike = {drug} | {
        d for same in knowledge.clinical.order_checks.same_substance if drug in same.drugs for d in same.drugs
    }
    return tuple(
        allergy
        for allergy in record.allergies
        if alike & set(allergy.ingredients) and allergy.clinical not in _GONE and allergy.kind != _REACTION
    )


def _hit(rule: SafetyRule, row: SafetyRow, found: Held, facts: NamedFacts, as_of: date) -> RuleHit:
    return RuleHit(
        rule=rule.id,
        effect=row.effect,
        label=rule.label,
        means="",
        drugs=row.drugs,
        agents=found.agents,
        reasons=(reason_of(rule.id, rule.label, found, facts, as_of, cites=row.cites),),
        drafted=found.drafted,
    )


def _meaning(hit: RuleHit, means: str) -> RuleHit:
    """The hit with what it means for one option, which its reasons say, too."""
    if not means:
        return hit
    said = f" {means[:1].upper()}{means[1:]}."
    return replace(hit, means=means, reasons=tuple(replace(one, text=one.text + said) for one in hit.reasons))


def _both(first: RuleHit | None, second: RuleHit) -> RuleHit:
    """Two rows of one rule as one hit; a row about all drugs of the option goes before one about some."""
    if first is None:
        return second
    return RuleHit(
        rule=first.rule,
        effect=first.effect,
        label=first.label,
        means="; ".join(dict.fromkeys(means for means in (first.means, second.means) if means)),
        drugs=tuple(dict.fromkeys((*first.drugs, *second.drugs))) if first.drugs and second.drugs else (),
        agents=tuple(dict.fromkeys((*first.agents, *second.agents))),
        reasons=tuple(dict.fromkeys((*first.reasons, *second.reasons))),
        drafted=tuple(dict.fromkeys((*first.drafted, *second.drafted))) if first.drafted and second.drafted else (),
    )


def _in_order(hits: Mapping[str, Mapping[str, RuleHit]], options: Iterable[str]) -> Mapping[str, tuple[RuleHit, ...]]:
    return MappingProxyType({option: tuple(hits[option].values()) for option in options if option in hits})


def _procedures_unread(
    options: Sequence[str], record: PatientRecord, knowledge: Knowledge
) -> Iterator[tuple[str, RuleHit]]:
    """Of every procedure that may have been done before: a block where procedures were asked for and did not come, or
    only in part; what to know first where the client has no such data, or sent some of its own accord.
    """
    known = record.availability.get(_PROCEDURE)
    if known is not None and known.read is Read.COMPLETE:
        return
    asked = known is not None and known.read is not Read.UNKNOWN and known.feed
    check = knowledge.clinical.order_checks.procedures_unread
    text = f"{check.label[:1].upper()}{check.label[1:]}: what was done and failed is not known."
    reason = Reason(rule=check.id, text=text, cites=check.cites)
    hit = RuleHit(
        rule=check.id,
        effect="block" if asked else "needed-before-start",
        label=check.label,
        means="",
        drugs=(),
        agents=(),
        reasons=(reason,),
    )
    for option in options:
        treatment = knowledge.clinical.options[option]
        if treatment.kind == "procedure" and treatment.closes.procedures:
            yield option, hit


def _unread(record: PatientRecord, facts: NamedFacts) -> Iterator[Reason]:
    """What keeps options from being suggested at all."""
    short = _medications_unread(record)
    if short is not None:
        of = f" ({', '.join(short)})" if short else ""
        yield Reason(rule="V0", text=f"Medications could not be read completely{of}: no option is suggested.")
    if record.read("AllergyIntolerance") is not Read.COMPLETE:
        yield Reason(rule="V0", text="Allergies could not be read completely: no option is suggested.")
    if record.read("Condition") is not Read.COMPLETE:
        yield Reason(rule="V0", text="Conditions could not be read completely: no option is suggested.")
    if not facts.candidates("age"):
        yield Reason(rule="X5", text="The age is not known: no option is suggested.")


def _medications_unread(record: PatientRecord) -> tuple[str, ...] | None:
    """The kinds of medication records that keep the medications from being complete; None when they are complete.

    Complete: orders were read completely, or nobody asked for them and another kind was; and no kind that there was to
    be had was refused, failed or came in part. The tuple is empty when nothing at all was read.
    """
    asked = {kind: record.availability[kind] for kind in _MEDICATIONS if kind in record.availability}
    orders = asked.get(_MEDICATIONS[0])
    short = [
        kind
        for kind, known in asked.items()
        if known.read in (Read.PARTIAL, Read.UNKNOWN)
        or (known.read is Read.UNREAD and (known.feed or kind == _MEDICATIONS[0]))
    ]
    if short:
        return tuple(short)
    complete = orders is not None or Read.COMPLETE in [known.read for known in asked.values()]
    return None if complete else ()
