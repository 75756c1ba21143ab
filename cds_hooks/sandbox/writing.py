"""Changing what the sandbox holds, for tests and for loading: single resources, and batch or transaction
Bundles.

Source of the rules: FHIR R4, RESTful API, "create", "update" and "batch/transaction". Entries are PUT or
POST; a transaction is applied whole or not at all, and its references to ``fullUrl`` become references to
what was stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_hooks.sandbox.faults import InvalidRequest
from cds_hooks.sandbox.references import local
from cds_hooks.sandbox.store import ResourceStore, identity

_CONDITIONS = ("ifNoneExist", "ifMatch", "ifNoneMatch", "ifModifiedSince")


@dataclass(frozen=True, slots=True)
class _Change:
    """One entry made ready: the resource with its id, and the address other entries may call it by."""

    resource: dict[str, Any]
    full_url: str

    @property
    def address(self) -> str:
        return f"{self.resource['resourceType']}/{self.resource['id']}"


def checked(resource: Any, kind: str, resource_id: str, *, where: str = "") -> dict[str, Any]:
    """`resource`, when it is one of that type and id; InvalidRequest, about the place `where`, when not."""
    try:
        found = identity(resource)
    except ValueError as error:
        raise InvalidRequest(f"This is no FHIR resource: {error}.", where=where, code="structure") from None
    if found != (kind, resource_id):
        raise InvalidRequest("Type and id of the resource differ from those of its address.", where=where)
    return dict(resource)


def process(store: ResourceStore, bundle: Any, base: str) -> dict[str, Any]:
    """Apply a batch or transaction Bundle to `store`; the Bundle of responses, in order of the entries.

    Raises InvalidRequest when `bundle` is none of the two, and, for a transaction, when any entry cannot be
    applied. In a batch such an entry is answered in its place by status 400 and an OperationOutcome.
    """
    kind = bundle.get("type") if isinstance(bundle, Mapping) else None
    if kind not in ("batch", "transaction") or bundle.get("resourceType") != "Bundle":
        raise InvalidRequest("The body must be a Bundle of type batch or transaction.", code="structure")
    given = bundle.get("entry", [])
    if not isinstance(given, list):
        raise InvalidRequest("Bundle.entry must be a list.", where="Bundle.entry", code="structure")
    responses = _transaction(store, given, base) if kind == "transaction" else _batch(store, given, base)
    answer = {"resourceType": "Bundle", "type": f"{kind}-response"}
    return {**answer, "entry": [{"response": response} for response in responses]} if responses else answer


def _transaction(store: ResourceStore, entries: list[Any], base: str) -> list[dict[str, Any]]:
    changes: list[_Change] = []
    for number, entry in enumerate(entries):
        change = _read(store, entry, base, f"Bundle.entry[{number}]", {one.address for one in changes})
        if any(change.address == other.address for other in changes):
            raise InvalidRequest("Two entries are about the same resource.", where=f"Bundle.entry[{number}]")
        changes.append(change)
    addresses = {change.full_url: change.address for change in changes if change.full_url}
    return [_apply(store, _relinked(change.resource, addresses), base) for change in changes]


def _batch(store: ResourceStore, entries: list[Any], base: str) -> list[dict[str, Any]]:
    responses: list[dict[str, Any]] = []
    for number, entry in enumerate(entries):
        try:
            change = _read(store, entry, base, f"Bundle.entry[{number}]", set())
        except InvalidRequest as fault:
            responses.append({"status": "400 Bad Request", "outcome": fault.outcome()})
        else:
            responses.append(_apply(store, change.resource, base))
    return responses


def _read(store: ResourceStore, entry: Any, base: str, where: str, taken: set[str]) -> _Change:
    request = entry.get("request") if isinstance(entry, Mapping) else None
    if not isinstance(request, Mapping):
        raise InvalidRequest("An entry needs a request with method and url.", where=where, code="structure")
    if any(request.get(condition) is not None for condition in _CONDITIONS):
        raise InvalidRequest("Conditional requests are not offered.", where=f"{where}.request", code="not-supported")
    method, url, resource = request.get("method"), request.get("url"), entry.get("resource")
    full_url = entry.get("fullUrl")
    if not isinstance(url, str) or not isinstance(resource, Mapping):
        raise InvalidRequest("An entry needs a resource, and a url in its request.", where=where, code="structure")
    if method == "PUT":
        target = local(url, base)
        if target is None:
            raise InvalidRequest("The url of a PUT is Type/id.", where=f"{where}.request.url")
        body = checked(resource, *target, where=f"{where}.resource")
    elif method == "POST":
        new_id = store.fresh_id(url, {address.partition("/")[2] for address in taken})
        body = checked({**resource, "id": new_id}, url, new_id, where=f"{where}.resource")
    else:
        raise InvalidRequest("The method of an entry is PUT or POST.", where=f"{where}.request.method")
    return _Change(body, full_url if isinstance(full_url, str) else "")


def _relinked(node: Any, addresses: Mapping[str, str]) -> Any:
    """`node` with every reference to a key of `addresses` replaced by its value."""
    if isinstance(node, Mapping):
        changed = {name: _relinked(value, addresses) for name, value in node.items()}
        reference = changed.get("reference")
        if isinstance(reference, str) and reference in addresses:
            changed["reference"] = addresses[reference]
        return changed
    if isinstance(node, list):
        return [_relinked(value, addresses) for value in node]
    return node


def _apply(store: ResourceStore, resource: dict[str, Any], base: str) -> dict[str, Any]:
    created = store.put(resource)
    location = f"{base}/{resource['resourceType']}/{resource['id']}"
    return {"status": "201 Created" if created else "200 OK", "location": location}
