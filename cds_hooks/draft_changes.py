"""Changes of orders that are still drafts: remove one that was drafted twice, attach the failed trials to a procedure.

Only unsigned orders of this very request are named, only where a card is about exactly that, and only in ways that
its client knows. What is signed is never touched, and no drug, dose or procedure is ever altered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

from cds_hooks.fhir_writer import InvalidResourceError, Resource, check
from cds_hooks.references import local_reference
from mappings.load import Knowledge
from plugin.advice.card_draft import CardDraft
from plugin.assessment import Assessment
from plugin.record import DraftOrder
from plugin.resistance.verdict import weight_of
from plugin.safety.drafts import JudgedOrder, OrderStop
from plugin.safety.order_stops import daily_dose
from plugin.trial.trials import Trial

_SANE = re.compile(r"[A-Za-z]{1,64}/[A-Za-z0-9._-]{1,255}")
_LARGEST_DRAFT = 20_000  # bytes; an update carries the draft as it came
_TELLS_FAILURES = "procedure-support"


def is_sane(reference: str) -> bool:
    """Whether a reference is a relative one of usual length, fit to be repeated in an answer.

    >>> is_sane("Observation/a-1"), is_sane("Observation/<b>")
    (True, False)
    """
    return _SANE.fullmatch(reference) is not None


def unsigned(drafts: Sequence[Resource], kinds: frozenset[str]) -> Mapping[str, Resource]:
    """The drafts of these resource types that are unsigned for certain, by reference."""
    return {
        reference: draft
        for draft in drafts
        if draft.get("resourceType") in kinds
        and draft.get("status") == "draft"
        and is_sane(reference := local_reference(draft))
    }


def drafted_twice(card: CardDraft, assessment: Assessment, drafts: Mapping[str, Resource], knowledge: Knowledge) -> str:
    """The draft, by reference, that may go where a card is on a duplicate: the one that the clinician has not selected,
    else the one the card is about. Empty unless that is all it is about, and the other order of the very same drug is a
    draft too. A drug that is being taken may be replaced by the draft.
    """
    check_id = knowledge.clinical.order_checks.duplicate.id
    if card.rules != (check_id,):
        return ""
    selected = {judged.order.reference for judged in assessment.next_step.orders}
    found = {
        reference
        for judged in assessment.next_step.orders
        for stop in judged.stops
        if stop.rule == check_id and _is_told(stop, card) and _same_drug(stop, judged, knowledge)
        if judged.order.reference in drafts and set(stop.uses) <= set(drafts)
        for reference in (set(stop.uses) - selected or {judged.order.reference})
    }
    return found.pop() if len(found) == 1 else ""


def order_named(order: DraftOrder, knowledge: Knowledge) -> str:
    """A drafted drug in our own words, with its strength and daily dose as far as they can be read."""
    product = order.product
    if product is None:
        return ""
    drugs = []
    for component in product.components:
        drug = knowledge.drugs[component.ingredient].label
        strength = f" {component.amount:g} mg" if component.amount is not None and component.per == "unit" else ""
        drugs.append(f"{drug}{strength}")
    doses = [daily_dose(order, ingredient) for ingredient in product.ingredients]
    told = [known.shown for known in doses if known is not None]
    named = " with ".join(dict.fromkeys(drugs))
    return f"{named}, {' and '.join(told)}" if len(told) == len(doses) else named


def with_failed_trials(card: CardDraft, assessment: Assessment, drafts: Mapping[str, Resource]) -> Iterator[Resource]:
    """The drafted procedures that a card on documented failures is about, each whole, with the records of the failed
    trials as supporting information.

    Nothing where nothing would be added, or where the draft is not valid FHIR R4 (an EHR's own form stays its own) or
    is very large.
    """
    failed = [trial for trial in assessment.trials if any(weight_of(trial))]
    records = tuple(dict.fromkeys(use for trial in failed for use in _records(trial)))
    for judged in assessment.next_step.orders:
        procedure, draft = judged.order.procedure, drafts.get(judged.order.reference)
        if procedure is None or draft is None or card.finding != f"{_TELLS_FAILURES}:{procedure}":
            continue
        changed = _supported(draft, records) if len(orjson.dumps(draft)) < _LARGEST_DRAFT else None
        if changed is not None:
            yield changed


def _supported(draft: Resource, records: Sequence[str]) -> Resource | None:
    had: Any = draft.get("supportingInfo", [])
    if not isinstance(had, list):
        return None
    known = {one.get("reference") for one in had if isinstance(one, dict)}
    added = [{"reference": use} for use in records if use not in known and is_sane(use)]
    if not added:
        return None
    changed = {**draft, "supportingInfo": [*had, *added]}
    try:
        check(changed)
    except InvalidResourceError:
        return None
    return changed


def _records(trial: Trial) -> tuple[str, ...]:
    scores = (trial.outcome.baseline, trial.outcome.endpoint)
    return (*trial.sources, *(use for score in scores if score is not None for use in score.references))


def _is_told(stop: OrderStop, card: CardDraft) -> bool:
    return bool(stop.uses) and stop.level == card.indicator and set(stop.uses) <= set(card.uses)


def _same_drug(stop: OrderStop, judged: JudgedOrder, knowledge: Knowledge) -> bool:
    if judged.ingredient is None:
        return False
    named = {value for reason in stop.reasons for name, value in reason.facts if name == "drug"}
    return named == {knowledge.drugs[judged.ingredient].label}
