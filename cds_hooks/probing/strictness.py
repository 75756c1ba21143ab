"""How far a server's resources are valid by the FHIR R4 models of `fhir.resources`: counts by place, never a value.

The service reads tolerantly and refuses nothing for this; the counts are for the vendor, and for whoever wonders why
some datum was not understood.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fhir.resources.R4B import get_fhir_model_class
from pydantic import BaseModel, ValidationError

from cds_hooks.envelope import Resource

UNKNOWN_TYPE = "unknown-type"
# Names that servers make up may be anything, also data.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_ANY_NAME = "(a name that FHIR does not have)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault: the resource type, the element as a path with ``[]`` for any place of a list, the word of the
    validator for what is wrong, and in how many places.
    """

    resource_type: str
    element: str
    fault: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """How many resources of each type were looked at, how many of them have a fault, and the faults."""

    checked: Mapping[str, int]
    faulty: Mapping[str, int]
    faults: tuple[Fault, ...]


def strictness_of(resources: Iterable[Resource]) -> Strictness:
    """Validate `resources`; never raises. The most frequent faults come first."""
    checked: Counter[str] = Counter()
    faulty: Counter[str] = Counter()
    found: Counter[tuple[str, str, str]] = Counter()
    for resource in resources:
        kind = _named(resource.get("resourceType"))
        checked[kind] += 1
        faults = list(_faults(kind, resource))
        faulty[kind] += bool(faults)
        found.update((kind, element, fault) for element, fault in faults)
    listed = sorted(found.items(), key=lambda one: (-one[1], one[0]))
    return Strictness(
        checked=dict(sorted(checked.items())),
        faulty={kind: count for kind, count in sorted(faulty.items()) if count},
        faults=tuple(
            Fault(resource_type=kind, element=element, fault=fault, count=count)
            for (kind, element, fault), count in listed
        ),
    )


def _faults(kind: str, resource: Resource) -> Iterable[tuple[str, str]]:
    try:
        model: type[BaseModel] = get_fhir_model_class(kind)
    except (KeyError, ValueError):
        return [("", UNKNOWN_TYPE)]
    try:
        model.model_validate(dict(resource))
    except ValidationError as error:
        told = error.errors(include_input=False, include_url=False, include_context=False)
        return [(_path(one["loc"]), one["type"]) for one in told]
    except (RecursionError, ValueError, TypeError, AttributeError):
        return [("", "unreadable")]  # the models' own hooks stumble over some shapes
    return []


def _path(location: Iterable[Any]) -> str:
    """``note[].text`` for ``("note", 3, "text")``."""
    path = ""
    for step in location:
        path += "[]" if isinstance(step, int) else f"{'.' if path else ''}{_named(step)}"
    return path


def _named(step: object) -> str:
    return step if isinstance(step, str) and _NAME.fullmatch(step) else _ANY_NAME
