"""The CapabilityStatement: what can be read, searched and written here, and nothing that cannot."""

from __future__ import annotations

from typing import Any

from cds_hooks.sandbox.parameters import SEARCHABLE, reference_parameters
from cds_hooks.sandbox.store import ResourceStore

FHIR_VERSION = "4.0.1"

# When what this server can do last changed; the statement needs a date, and no clock decides it.
_DATE = "2026-11-22"
_EVERYTHING = "http://hl7.org/fhir/OperationDefinition/Patient-everything"


def capability_statement(store: ResourceStore, *, base: str, writable: bool, guarded: bool) -> dict[str, Any]:
    """The FHIR R4 CapabilityStatement of a sandbox at `base`.

    Types that can be searched are listed with their parameters; other types of which something is held, for
    reading. `guarded` says that all but this statement needs a bearer token.
    """
    security: dict[str, Any] = {"cors": True}
    if guarded:
        security["description"] = "A bearer token is needed for everything but this statement."
    rest: dict[str, Any] = {
        "mode": "server",
        "security": security,
        "resource": [_resource(kind, writable) for kind in sorted({*SEARCHABLE, *store.kinds()})],
    }
    if writable:
        rest["interaction"] = [{"code": "transaction"}, {"code": "batch"}]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": _DATE,
        "kind": "instance",
        "software": {"name": "trd-cds sandbox"},
        "implementation": {"description": "FHIR sandbox with synthetic patients, in memory", "url": base},
        "fhirVersion": FHIR_VERSION,
        "format": ["application/fhir+json", "json"],
        "rest": [rest],
    }


def _resource(kind: str, writable: bool) -> dict[str, Any]:
    codes = ["read", *(["search-type"] if kind in SEARCHABLE else [])]
    codes += ["create", "update", "delete"] if writable else []
    described: dict[str, Any] = {"type": kind, "interaction": [{"code": code} for code in codes]}
    if writable:
        described["updateCreate"] = True
    parameters = SEARCHABLE.get(kind, {}).values()
    lists = {
        "searchInclude": [f"{kind}:{one.name}" for one in reference_parameters(kind) if not one.canonical],
        "searchRevInclude": [
            f"{source}:{one.name}"
            for source in SEARCHABLE
            for one in reference_parameters(source)
            if kind in SEARCHABLE and (kind in one.targets or not one.targets)
        ],
        "searchParam": [{"name": one.name, "type": one.kind} for one in parameters],
        "operation": [{"name": "everything", "definition": _EVERYTHING}] if kind == "Patient" else [],
    }
    return {**described, **{name: value for name, value in lists.items() if value}}
