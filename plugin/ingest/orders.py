"""Drafted orders of concern: antidepressants, augmenting agents, and procedures against treatment resistance.

A draft is of concern by what the knowledge says of the drug or the kind of procedure; so is a drug that is none of ours
when a hard stop names its group (linezolid and methylene blue, decision 107). Any other drug that the safety rules test
is read as well, never selected: it is no concern by itself, and whatever is drafted with it meets it. Drafts may name
their Medication by reference, the Medication being contained or another entry without an address.
"""

from __future__ import annotations

from collections.abc import Iterable

from mappings.load import Knowledge
from plugin.ingest.codings import concept_of
from plugin.ingest.dosage import read_dosage
from plugin.ingest.named_drug import Drugs
from plugin.ingest.other_medications import DrugGroupNames
from plugin.ingest.procedures import kind_of
from plugin.ingest.references import Member, Received, bare_id, reference_of
from plugin.ingest.resources import ClosedList, truth
from plugin.ingest.vocabulary import vocabulary_of
from plugin.record import DraftOrder, Product

_ROLES = frozenset({"antidepressant", "augmentation"})
_WITHDRAWN = ClosedList("entered-in-error", "cancelled", "revoked", "stopped", "completed", "ended")


def read_orders(
    resources: Iterable[object],
    *,
    knowledge: Knowledge,
    selections: Iterable[object] | None = None,
    jurisdiction: str = "us",
    lookups: Iterable[object] = (),
) -> tuple[DraftOrder, ...]:
    """The drafts of concern among `resources`, and the drugs that matter beside them, in order.

    `selections` are the references the clinician has just chosen (``Type/id``, bare id or absolute); None
    when the hook knows no selection, and then every draft counts as selected. `lookups` are resources
    (Medications) that drafts may refer to without being drafts themselves.
    """
    received = Received(resources)
    everything = Received([*(member.resource for member in received), *lookups])
    drugs = Drugs(vocabulary_of(knowledge), everything, jurisdiction)
    chosen = None if selections is None else {reference_of(selection) for selection in selections} - {""}
    return tuple(
        order
        for member in received
        if (order := _order(member, drugs, selected=_is_selected(member.reference, chosen))) is not None
    )


def _is_selected(reference: str, chosen: set[str] | None) -> bool:
    return chosen is None or reference in chosen or bare_id(reference) in chosen


def _order(member: Member, drugs: Drugs, *, selected: bool) -> DraftOrder | None:
    reference, kind_sent, resource = member
    if _WITHDRAWN.word(resource.get("status")) or truth(resource.get("doNotPerform")):
        return None
    if kind_sent == "MedicationRequest":
        product, _ = drugs.named_by(resource)
        known = drugs.vocabulary.knowledge.drugs
        if product is None:
            groups = DrugGroupNames(drugs.vocabulary).of(tuple(drugs.concepts(resource)))
            stopped = groups & _stopped_groups(drugs.vocabulary.knowledge)
            tested = groups & _tested_groups(drugs.vocabulary.knowledge)
            if stopped:
                return DraftOrder(reference=reference, groups=stopped, selected=selected)
            return DraftOrder(reference=reference, groups=tested, selected=False) if tested else None
        concerning = any(known[i].role in _ROLES for i in product.ingredients if i in known)
        if not concerning and _tested_groups(drugs.vocabulary.knowledge).isdisjoint(_groups_of(product, drugs)):
            return None
        dosage = read_dosage(resource.get("dosageInstruction"), drugs.vocabulary.dosing)
        return DraftOrder(reference=reference, product=product, dosage=dosage, selected=selected and concerning)
    if kind_sent == "ServiceRequest":
        kind = kind_of(concept_of(resource.get("code")), drugs.vocabulary)
        if kind is not None and kind.concerning:
            return DraftOrder(reference=reference, procedure=kind.id, selected=selected)
    return None


def _stopped_groups(knowledge: Knowledge) -> frozenset[str]:
    """The groups of drugs without a file of their own that a hard stop of the safety rules names."""
    rules = knowledge.clinical.safety.values()
    return frozenset(group for rule in rules for row in rule.rows if row.hard_stop for group in row.order_groups)


def _tested_groups(knowledge: Knowledge) -> frozenset[str]:
    """The drug groups, and single drugs, whose taking a safety rule tests."""
    facts, rules = knowledge.clinical.facts, knowledge.clinical.safety.values()
    tested = {test.fact for rule in rules for row in rule.rows for test in row.when}
    return frozenset(group for name in tested if facts[name].kind == "medication" and (group := facts[name].group))


def _groups_of(product: Product, drugs: Drugs) -> frozenset[str]:
    groups = drugs.vocabulary.knowledge.clinical.drug_groups.values()
    ingredients = set(product.ingredients)
    return frozenset((*ingredients, *(group.id for group in groups if ingredients & set(group.drugs))))
