"""FHIR references as they are written in the field: bare, relative, absolute, versioned, or ``urn:``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def type_and_id(reference: str) -> tuple[str, str]:
    """Resource type and id that `reference` names; the type is ``""`` for a bare id or a ``urn:``.

    >>> type_and_id("https://ehr.example/fhir/Patient/p1/_history/3")
    ('Patient', 'p1')
    >>> type_and_id("urn:uuid:0c3151bd")
    ('', '0c3151bd')
    """
    bare = reference.strip().split("?", 1)[0].split("#", 1)[0].rstrip("/")
    if bare.lower().startswith("urn:"):
        return "", bare.rsplit(":", 1)[1]
    parts = bare.split("/")
    if "_history" in parts:
        parts = parts[: parts.index("_history")]
    if len(parts) < 2:
        return "", parts[-1] if parts else ""
    return parts[-2], parts[-1]


def local_reference(resource: Mapping[str, Any]) -> str:
    """``Type/id`` of a resource; either half is empty where it is not written."""
    kind, identifier = resource.get("resourceType"), resource.get("id")
    return f"{kind if isinstance(kind, str) else ''}/{identifier if isinstance(identifier, str) else ''}"


def reference_of(value: Any) -> str:
    """The text of a Reference element, ``""`` when there is none or it points into the resource itself
    (``#…``).
    """
    text = value.get("reference") if isinstance(value, Mapping) else None
    return text if isinstance(text, str) and not text.startswith("#") else ""
