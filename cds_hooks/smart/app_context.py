"""What a card tells the app when it is launched from there: which call, by which definition, for which drafted order.

It says nothing of the patient and nothing in words: ids of ours only. What comes back with an access token has passed
through the EHR and is as untrusted as anything else: only ids that exist here are taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from cds_hooks.catalogue import SERVICES
from mappings.load import Knowledge
from plugin.ingest import read_orders
from plugin.record import DraftOrder

LONGEST_CONTEXT = 2_000
_MOST_ORDERS = 10
_RXNORM = "rxnorm"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppContext:
    """What a card was about; everything is empty when the app was launched otherwise.

    `drugs` holds the drug ids of each drafted medication, `procedures` the kinds of drafted procedures.
    """

    service: str = ""
    definition: str = ""
    drugs: tuple[tuple[str, ...], ...] = ()
    procedures: tuple[str, ...] = ()


NOTHING_TOLD = AppContext()


def context_of(orders: Iterable[DraftOrder], *, hook: str, service: str, definition: str) -> str:
    """The `appContext` of a card's link: one compact JSON object, the same for the same orders."""
    chosen = [order for order in orders if order.selected][:_MOST_ORDERS]
    told = {
        "hook": hook,
        "service": service,
        "definition": definition,
        "drugs": [list(order.product.ingredients) for order in chosen if order.product is not None],
        "procedures": [order.procedure for order in chosen if order.procedure is not None],
    }
    return orjson.dumps({name: value for name, value in told.items() if value}).decode()


def read_context(written: object, knowledge: Knowledge) -> AppContext:
    """The context in a token response: JSON text, or the object itself; whatever cannot be used is left out."""
    told = _object(written)
    service, definition = told.get("service"), told.get("definition")
    drugs = [tuple(one) for one in _list(told.get("drugs")) if isinstance(one, list) and one]
    return AppContext(
        service=service if isinstance(service, str) and service in SERVICES else "",
        definition=definition if isinstance(definition, str) and definition in knowledge.definitions else "",
        drugs=tuple(one for one in drugs if all(isinstance(name, str) and name in knowledge.drugs for name in one)),
        procedures=tuple(
            one for one in _list(told.get("procedures")) if isinstance(one, str) and one in _procedures(knowledge)
        ),
    )


def drafted_orders(context: AppContext, knowledge: Knowledge, jurisdiction: str) -> tuple[DraftOrder, ...]:
    """The drafted orders of `context`, as the reasoning takes them: by drug and procedure, without their directions."""
    resources = [
        {
            "resourceType": "MedicationRequest",
            "id": f"drafted-{number}",
            "status": "draft",
            "intent": "proposal",
            "medicationCodeableConcept": {
                "coding": [
                    {"system": knowledge.uri_of(code.system), "code": code.code}
                    for drug in drugs
                    for code in knowledge.drugs[drug].codes
                    if code.system == _RXNORM
                ]
            },
        }
        for number, drugs in enumerate(context.drugs, start=1)
    ]
    medications = read_orders(resources, knowledge=knowledge, jurisdiction=jurisdiction)
    procedures = (
        DraftOrder(reference=f"ServiceRequest/drafted-{number}", procedure=kind)
        for number, kind in enumerate(context.procedures, start=1)
    )
    return (*medications, *procedures)


def _procedures(knowledge: Knowledge) -> frozenset[str]:
    return frozenset(kind.id for kind in knowledge.procedures.kinds if kind.concerning)


def _list(value: object) -> list[Any]:
    return value[:_MOST_ORDERS] if isinstance(value, list) else []


def _object(written: object) -> Mapping[str, Any]:
    if isinstance(written, str) and len(written) <= LONGEST_CONTEXT:
        try:
            written = orjson.loads(written)
        except orjson.JSONDecodeError:
            return {}
    return written if isinstance(written, dict) else {}
