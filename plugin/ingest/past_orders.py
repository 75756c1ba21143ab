"""Past orders of concern: who signed what and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from mappings.load import Knowledge
from plugin.ingest.named_drug import Drugs
from plugin.ingest.references import Received, bare_id, reference_of
from plugin.ingest.resources import ClosedList, Json, first_date, first_text, moment_of, text, truth
from plugin.ingest.vocabulary import vocabulary_of

_ROLES = frozenset({"antidepressant", "augmentation"})
_PLANNED = ClosedList("proposal", "plan", "option")


@dataclass(frozen=True, slots=True, kw_only=True)
class PastOrder:
    """One MedicationRequest of an antidepressant or augmenting agent: its id, who signed it when, and the drugs.

    `day` is None for an order without a readable day; `moment` is the time of day as well, where it was written.
    `why_not` names why it was never signed as an order (a plan, an entry in error, a report); else empty.
    """

    id: str
    day: date | None
    moment: datetime | None
    prescriber: str
    ingredients: tuple[str, ...]
    why_not: str
    resource: Json


def past_orders(
    resources: Iterable[object], *, knowledge: Knowledge, jurisdiction: str = "us"
) -> tuple[PastOrder, ...]:
    """The past orders of concern among `resources`, by day and id."""
    received = Received(resources)
    drugs = Drugs(vocabulary_of(knowledge), received, jurisdiction)
    found = [
        order
        for reference, kind, resource in received
        if kind == "MedicationRequest" and (order := _order(reference, resource, drugs)) is not None
    ]
    return tuple(sorted(found, key=lambda one: (one.day or date.max, one.id)))


def _order(reference: str, resource: Json, drugs: Drugs) -> PastOrder | None:
    product, _ = drugs.named_by(resource)
    if product is None:
        return None
    known = drugs.vocabulary.knowledge.drugs
    concerning = tuple(sorted(each for each in product.ingredients if each in known and known[each].role in _ROLES))
    if not concerning:
        return None
    written = first_date(resource.get("authoredOn"), resource.get("dateWritten"))
    exact = written is not None and written.earliest == written.latest
    return PastOrder(
        id=bare_id(reference),
        day=written.latest if written is not None and exact else None,
        moment=moment_of(first_text(resource.get("authoredOn"), resource.get("dateWritten"))),
        prescriber=reference_of(resource.get("requester")),
        ingredients=concerning,
        why_not=_why_not(resource, exact=exact),
        resource=resource,
    )


def _why_not(resource: Json, *, exact: bool) -> str:
    if text(resource.get("status")) in ("entered-in-error", "draft"):
        return "entered in error, or never signed"
    if _PLANNED.word(text(resource.get("intent"))):
        return "a plan or a proposal"
    if truth(resource.get("reportedBoolean")) or resource.get("reportedReference"):
        return "a report of an order made elsewhere"
    if truth(resource.get("doNotPerform")):
        return "says that it is not to be given"
    return "" if exact else "without a readable day"
