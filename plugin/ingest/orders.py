"""Drafted orders of concern: antidepressants, augmenting agents, and procedures against treatment resistance.

A draft is of concern by what the knowledge says of the drug or the kind of procedure; so is a drug that is none of ours
when a hard stop names its group (linezolid and methylene blue, decision 107). Drafts may name their
Medication by reference, the Medication being contained or another entry without an address.
"""

from __future__ import annotations

from collections.abc import Iterable

from mappings.load import Knowledge
from plugin.ingest.codings import concept_of
from plugin.ingest.dosage import read_dosage
from plugin.ingest.named_drug import Drugs
from plugin.ingest.other_medications import DrugGroupNames
from plugin.ingest.procedures import kind_of
from plugin.ingest.references import Received, bare_id, reference_of, type_of
from plugin.ingest.resources import Json, code_word, truth
from plugin.ingest.vocabulary import vocabulary_of
from plugin.record import DraftOrder

_ROLES = frozenset({"antidepressant", "augmentation"})
_WITHDRAWN = ("entered-in-error", "cancelled", "revoked", "stopped", "completed", "ended")


def read_orders(
    resources: Iterable[object],
    *,
    knowledge: Knowledge,
    selections: Iterable[object] | None = None,
    jurisdiction: str = "us",
    lookups: Iterable[object] = (),
) -> tuple[DraftOrder, ...]:
    """The drafts of concern among `resources`, in order.

    `selections` are the references the clinician has just chosen (``Type/id``, bare id or absolute); None
    when the hook knows no selection, and then every draft counts as selected. `lookups` are resources
    (Medications) that drafts may refer to without being drafts themselves.
    """
    received = Received(resources)
    everything = Received([*(resource for _, resource in received), *lookups])
    drugs = Drugs(vocabulary_of(knowledge), everything, jurisdiction)
    chosen = None if selections is None else {reference_of(selection) for selection in selections} - {""}
    return tuple(
        order
        for reference, resource in received
        if (order := _order(reference, resource, drugs, selected=_is_selected(reference, chosen))) is not None
    )


def _is_selected(reference: str, chosen: set[str] | None) -> bool:
    return chosen is None or reference in chosen or bare_id(reference) in chosen


def _order(reference: str, resource: Json, drugs: Drugs, *, selected: bool) -> DraftOrder | None:
    if code_word(resource.get("status"), _WITHDRAWN) or truth(resource.get("doNotPerform")):
        return None
    if type_of(resource) == "MedicationRequest":
        product, _ = drugs.named_by(resource)
        known = drugs.vocabulary.knowledge.drugs
        if product is None:
            groups = _stopped_groups(resource, drugs)
            return DraftOrder(reference=reference, groups=groups, selected=selected) if groups else None
        if not any(known[i].role in _ROLES for i in product.ingredients if i in known):
            return None
        dosage = read_dosage(resource.get("dosageInstruction"), drugs.vocabulary.dosing)
        return DraftOrder(reference=reference, product=product, dosage=dosage, selected=selected)
    if type_of(resource) == "ServiceRequest":
        kind = kind_of(concept_of(resource.get("code")), drugs.vocabulary)
        if kind is not None and kind.concerning:
            return DraftOrder(reference=reference, procedure=kind.id, selected=selected)
    return None


def _stopped_groups(resource: Json, drugs: Drugs) -> frozenset[str]:
    """The groups of a drug without a file of its own that a hard stop of the safety rules names."""
    rules = drugs.vocabulary.knowledge.clinical.safety.values()
    stopped = {group for rule in rules for row in rule.rows if row.hard_stop for group in row.order_groups}
    return DrugGroupNames(drugs.vocabulary).of(tuple(drugs.concepts(resource))) & stopped
