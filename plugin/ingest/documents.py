"""From a document to a flat list of resources: Bundles of any type, JSON arrays, single resources, NDJSON.

Contained resources stay inside their parent. An entry without an id takes it from its ``urn:uuid:`` address,
and where a server gave an entry another id than its address, references to the address are rewritten, so that
the flat list stands on its own. Raises `UnusableInput` only when the document as a whole cannot be read; one
bad entry is passed on for `read_record` to set aside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from plugin.ingest.resources import items, text

_NESTING_MAX = 20
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_EXPECTED = "give a FHIR Bundle, a JSON array of resources or NDJSON"


class UnusableInput(ValueError):  # noqa: N818 -- the name says what the reader of the message has to mend
    """A document that cannot be read: `place`, `fault` and `remedy`, none quoting the document."""

    def __init__(self, place: str, fault: str, remedy: str) -> None:
        super().__init__(f"{place}: {fault}; {remedy}")
        self.place = place
        self.fault = fault
        self.remedy = remedy


def documents_in(written: str) -> list[tuple[int, Any]]:
    """The JSON documents in a text with their lines: one document, or one per line (NDJSON).

    Raises UnusableInput with the line when neither can be read.
    """
    stripped = written.removeprefix("\ufeff").strip()
    if not stripped:
        raise UnusableInput("line 1", "the input is empty", _EXPECTED)
    skipped = written[: written.index(stripped)].count("\n")
    try:
        return [(1 + skipped, _loaded(stripped))]
    except RecursionError:
        raise UnusableInput("line 1", "nested too deeply", "send plain FHIR JSON") from None
    except ValueError as failure:
        whole = failure
    found: list[tuple[int, Any]] = []
    for number, line in enumerate(stripped.split("\n"), start=1 + skipped):
        if not line.strip():
            continue
        try:
            found.append((number, _loaded(line)))
        except (ValueError, RecursionError):
            if found:
                raise UnusableInput(f"line {number}", "not JSON", "write one whole resource per line") from None
            raise UnusableInput(_place(whole, skipped), "not JSON", _EXPECTED) from None
    return found


def _loaded(written: str) -> Any:
    """The document in `written`. Half of a surrogate pair, which JSON can escape and no text can hold, becomes "?"."""
    document = json.loads(written)
    if _SURROGATE.search(written) is None:
        return document
    return json.loads(json.dumps(document, ensure_ascii=False).encode(errors="replace"))


def _place(failure: ValueError, skipped: int) -> str:
    if isinstance(failure, json.JSONDecodeError):
        return f"line {failure.lineno + skipped} column {failure.colno}"
    return f"line {1 + skipped}"


def resources_of_text(written: str) -> list[dict[str, Any]]:
    """All resources in a text holding a Bundle, a JSON array, one resource, or NDJSON of any of these.

    Raises UnusableInput with the place (line, element) and the remedy.
    """
    documents = documents_in(written)
    if len(documents) == 1:
        return resources_of(documents[0][1])
    return [resource for line, document in documents for resource in resources_of(document, place=f"line {line}")]


def resources_of(document: object, *, place: str = "document") -> list[dict[str, Any]]:
    """All resources of a decoded document: a Bundle of any type (nested ones too), a list, or one resource.

    Raises UnusableInput when `document` is none of these.
    """
    if isinstance(document, list):
        for number, item in enumerate(document):
            if not isinstance(item, Mapping):
                raise UnusableInput(f"{place}[{number}]", "not a JSON object", "give FHIR resources only")
        return [resource for item in document for resource in flattened(item)]
    if not isinstance(document, Mapping):
        raise UnusableInput(place, "not a JSON object or array", _EXPECTED)
    if not text(document.get("resourceType")):
        raise UnusableInput(f"{place}.resourceType", "missing", "give FHIR resources, each with its resourceType")
    entries = document.get("entry")
    if document.get("resourceType") == "Bundle" and entries is not None and not isinstance(entries, list):
        raise UnusableInput(f"{place}.entry", "not a list", "send Bundle.entry as a list")
    return list(flattened(document))


def flattened(resource: object) -> Iterator[dict[str, Any]]:
    """The resource itself, or the resources in a Bundle; never raises. An unreadable entry becomes an empty
    object.
    """
    yield from _flattened(resource, 0)


def _flattened(resource: object, depth: int) -> Iterator[dict[str, Any]]:
    if not isinstance(resource, Mapping):
        yield {}
        return
    if resource.get("resourceType") != "Bundle" or depth > _NESTING_MAX:
        yield dict(resource)
        return
    found: list[dict[str, Any]] = []
    aliases: dict[str, str] = {}
    for entry in map(_entry, items(resource.get("entry"))):
        inner = entry.get("resource")
        if inner is None:
            continue  # a response or a deletion: an entry without a resource is none
        for member in _flattened(inner, depth + 1):
            found.append(_addressed(member, text(entry.get("fullUrl")), aliases))
    yield from (_with_aliases(member, aliases) for member in found) if aliases else found


def _entry(entry: object) -> Mapping[str, Any]:
    return entry if isinstance(entry, Mapping) else {"resource": entry}


def _addressed(resource: dict[str, Any], address: str, aliases: dict[str, str]) -> dict[str, Any]:
    """The resource with an id; notes in `aliases` what the address of the entry stands for when the id
    differs.
    """
    if not address.lower().startswith("urn:"):
        return resource
    kind, known = text(resource.get("resourceType")), text(resource.get("id"))
    tail = address.rsplit(":", 1)[-1]
    if not known and tail:
        return {**resource, "id": tail}
    if kind and known != tail:
        aliases[address] = f"{kind}/{known}"
    return resource


def _with_aliases(value: Any, aliases: Mapping[str, str], depth: int = 0) -> Any:
    if depth > _NESTING_MAX * 3:
        return value
    if isinstance(value, dict):
        return {
            key: aliases.get(inner.strip(), inner)
            if key == "reference" and isinstance(inner, str)
            else _with_aliases(inner, aliases, depth + 1)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_aliases(inner, aliases, depth + 1) for inner in value]
    return value
