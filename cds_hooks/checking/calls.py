"""Conforming calls: one for each advertised service, from which all others are made by a change."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from cds_hooks.checking.hooks import Hook, hooks
from cds_hooks.checking.patient import Invented, sent_along
from cds_hooks.checking.requirements import Profile

CLINICIAN = "check-clinician"
_ENCOUNTER = "check-encounter"
_LONG = 200
_OPEN_HOOK = Hook(required=("userId", "patientId"), optional=("encounterId",), tokens=(), users=("Practitioner",))


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One entry of discovery, as far as it can be called: `path` is below the base, `templates` are those that are
    texts, `other_hooks` those of the other entries under the same id.
    """

    id: str
    hook: str
    path: str
    templates: Mapping[str, str]
    other_hooks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A conforming call of one service. `drafts` are references of the drafts in it."""

    service: Service
    hook: Hook
    patient_id: str
    body: dict[str, Any] = field(repr=False)

    @property
    def context(self) -> dict[str, Any]:
        """A copy of the context."""
        return copy.deepcopy(self.body["context"])

    @property
    def prefetch(self) -> dict[str, Any]:
        """A copy of the prefetch, empty where there is none."""
        return copy.deepcopy(self.body.get("prefetch") or {})

    @property
    def drafts(self) -> frozenset[str]:
        """References of the drafted orders."""
        return frozenset(f"{one.get('resourceType')}/{one.get('id')}" for one in self.orders)

    @property
    def orders(self) -> list[dict[str, Any]]:
        """Copies of the drafted orders."""
        held = self.context.get(self.hook.orders) if self.hook.orders else None
        entries = held.get("entry", []) if isinstance(held, dict) else []
        return [one["resource"] for one in entries if isinstance(one, dict) and isinstance(one.get("resource"), dict)]

    def changed(self, **changes: Any) -> dict[str, Any]:
        """The body under a new hookInstance with top-level members replaced; None removes one."""
        body = {**copy.deepcopy(self.body), "hookInstance": str(uuid4()), **changes}
        return {name: value for name, value in body.items() if value is not None}

    def in_context(self, **changes: Any) -> dict[str, Any]:
        """The body with members of the context replaced; None removes one."""
        context = {name: value for name, value in {**self.context, **changes}.items() if value is not None}
        return self.changed(context=context)

    def with_orders(self, orders: list[dict[str, Any]], **bundle: Any) -> dict[str, Any]:
        """The body with other drafts, all of them selected where the hook has selections."""
        held = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in orders]}
        held = {name: value for name, value in {**held, **bundle}.items() if value is not None}
        changes: dict[str, Any] = {self.hook.orders: held}
        if self.hook.references:
            changes[self.hook.references] = [f"{one.get('resourceType')}/{one.get('id')}" for one in orders]
        return self.in_context(**changes)


def empty_answer(profile: Profile) -> Any:
    """A search without matches, as a client of `profile` sends it."""
    if profile.empty == "null":
        return None
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    if profile.empty == "epic":
        issue = {"severity": "warning", "code": "processing", "diagnostics": "Resource request returns no results."}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        bundle["entry"] = [{"resource": outcome, "search": {"mode": "outcome"}}]
    return bundle


async def conforming(
    service: Service, patient: Invented, profile: Profile, example: Mapping[str, Any] | None = None
) -> Call:
    """The call of `service` about `patient`, or the one given as `example`."""
    hook = hooks().get(service.hook, _OPEN_HOOK)
    if example is not None:
        body = {**copy.deepcopy(dict(example)), "hook": service.hook}
        return Call(service=service, hook=hook, patient_id=str(body["context"].get("patientId", "")), body=body)
    context = context_of(service.hook, patient, long_ids=profile.long_ids)
    body = {"hook": service.hook, "hookInstance": str(uuid4()), "context": context}
    if service.templates:
        body["prefetch"] = await sent_along(patient, service.templates, context, empty_answer(profile))
    return Call(service=service, hook=hook, patient_id=patient.id, body=body)


def context_of(name: str, patient: Invented, *, long_ids: bool = False) -> dict[str, Any]:
    """A context for the hook `name` that holds what the hook requires, and the user; minimal for unknown hooks."""
    hook = hooks().get(name, _OPEN_HOOK)
    order = copy.deepcopy(patient.order)
    order["id"] = "e" * _LONG if long_ids else order.get("id") or "check-order"
    reference = f"{order['resourceType']}/{order['id']}"
    values: dict[str, Any] = {
        "userId": f"{(hook.users or ('Practitioner',))[0]}/{CLINICIAN}",
        "patientId": patient.id,
        "encounterId": _ENCOUNTER,
        "selections": [reference],
        "draftOrders": _bundle([order]),
        "medications": _bundle([order]),
        "orders": _bundle([order]),
        "medication": {**order, "status": "active"},
        "dispatchedOrders": [reference],
        "performer": "Organization/check-pharmacy",
        "appointments": _bundle([_appointment(patient.id)]),
        "conditions": _bundle(patient.of_type("Condition")[:1]),
        "allergyIntolerance": next(iter(patient.of_type("AllergyIntolerance")), {}),
    }
    wanted = (*hook.required, *(one for one in hook.optional if one == "userId"))
    return {field_: values[field_] for field_ in wanted}


def _bundle(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}


def _appointment(patient_id: str) -> dict[str, Any]:
    who = {"actor": {"reference": f"Patient/{patient_id}"}, "status": "needs-action"}
    return {"resourceType": "Appointment", "id": "check-visit", "status": "proposed", "participant": [who]}
