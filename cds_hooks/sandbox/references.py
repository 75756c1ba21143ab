"""Literal references: relative, versioned, absolute, contained; and which of them mean a resource of this
server.

Source of the rules: FHIR R4, References, "Literal References", and Search, "reference".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from cds_hooks.sandbox.elements import Document
from cds_hooks.sandbox.store import ResourceStore, index_key

_RELATIVE = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?")
_BARE_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


class Local(NamedTuple):
    """A resource of this server, by type name and logical id."""

    kind: str
    id: str


def local(reference: str, base: str) -> Local | None:
    """The resource of this server that `reference` names (relative, or absolute below `base`), or None.

    >>> local("http://ehr.example/fhir/Patient/p1/_history/2", "http://ehr.example/fhir")
    Local(kind='Patient', id='p1')
    >>> local("http://elsewhere.example/Patient/p1", "http://ehr.example/fhir") is None
    True
    """
    relative = reference.removeprefix(base + "/") if base else reference
    found = _RELATIVE.fullmatch(relative)
    return Local(found[1], found[2]) if found else None


def is_bare_id(text: str) -> bool:
    """Whether `text` is a logical id without a type."""
    return _BARE_ID.fullmatch(text) is not None


def resolve(reference: str, holder: Document, store: ResourceStore, base: str) -> Document | None:
    """The resource `reference` leads to: contained in `holder`, or held by `store`; None when it is not here."""
    if reference.startswith("#"):
        contained = holder.get("contained")
        for inner in contained if isinstance(contained, list) else ():
            if isinstance(inner, Mapping) and inner.get("id") == reference[1:]:
                return inner
        return None
    target = local(reference, base)
    held = store.find(*target) if target else None
    return held.document if held else None


def key_of(target: Local) -> str:
    """The key under which the store lists the resources that refer to `target`."""
    return index_key(f"{target.kind}/{target.id}")
