"""Walking in decoded FHIR JSON of any shape: nothing here raises on a value of an unexpected type."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
"""A decoded FHIR resource."""


def walk(node: Any, path: str) -> list[Any]:
    """All values at a dotted `path`, lists flattened on the way.

    >>> walk({"name": [{"given": ["Ada", "Bea"]}, {"given": "Eve"}, 7]}, "name.given")
    ['Ada', 'Bea', 'Eve']
    """
    found = [node]
    for step in path.split("."):
        below: list[Any] = []
        for item in found:
            value = item.get(step) if isinstance(item, Mapping) else None
            if isinstance(value, list):
                below.extend(value)
            elif value is not None:
                below.append(value)
        found = below
    return found


def fold(text: str) -> str:
    """`text` without case and accents, as FHIR string search compares.

    >>> fold(" Żółć-GRÜN ")
    'zołc-grun'
    """
    plain = unicodedata.normalize("NFKD", text)
    return "".join(char for char in plain if not unicodedata.combining(char)).casefold().strip()


def references_in(node: Any) -> Iterator[str]:
    """Every literal reference anywhere inside `node`."""
    if isinstance(node, Mapping):
        reference = node.get("reference")
        if isinstance(reference, str):
            yield reference
        for value in node.values():
            if isinstance(value, Mapping | list):
                yield from references_in(value)
    elif isinstance(node, list):
        for value in node:
            if isinstance(value, Mapping | list):
                yield from references_in(value)
