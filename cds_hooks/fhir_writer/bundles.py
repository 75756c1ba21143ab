"""Bundles: resources side by side, as a search answer, or to be loaded into a server."""

from __future__ import annotations

from collections.abc import Iterable

from cds_hooks.fhir_writer.elements import Resource, kept


def collection(resources: Iterable[Resource], *, kind: str = "collection") -> Resource:
    """A Bundle that carries resources side by side (`collection`), or answers a search (`searchset`)."""
    entries = [{"resource": resource} for resource in resources]
    return kept(resourceType="Bundle", type=kind, total=len(entries) if kind == "searchset" else None, entry=entries)


def transaction(resources: Iterable[Resource]) -> Resource:
    """A transaction Bundle that creates or replaces every resource under its own id."""
    entries = [
        {
            "resource": resource,
            "request": {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"},
        }
        for resource in resources
    ]
    return kept(resourceType="Bundle", type="transaction", entry=entries)
