"""One way of asking with what came of it, and all of them together: values only, nothing is asked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from cds_hooks.ehr.capability import Capability
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.searches import Search, Variant, Wanted
from cds_hooks.envelope import Resource
from cds_hooks.probing.answers import Answer

# What a line was asked for: as one of the variants, with the patient named the other way, with the server told to
# refuse what it does not know, or with what belongs to it sent along.
Purpose = Literal["variant", "form", "strict", "include"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One way of asking and what came of it.

    `listed`: whether the server's statement lists the parameters, None where there is no statement. `others`: how many
    of the resources are about another patient; they are counted, and left out of everything else.
    """

    search: Search
    variant: Variant
    purpose: Purpose
    form: PatientForm
    answer: Answer
    listed: bool | None
    own: tuple[Resource, ...] = field(repr=False)
    others: int

    @property
    def entries(self) -> int:
        """How many resources of the type asked for came about the patient."""
        return sum(one.get("resourceType") == self.search.resource_type for one in self.own)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What one server gave. `unstated` says why there is no `capability`; `stated_with_login` that it needed a token.

    `form` is how the server knows patients; `used` is, by search, the line that the service itself would have got.
    `unread_medications` are references to drugs that no way of asking resolved.
    """

    capability: Capability | None
    unstated: str
    stated_with_login: bool
    form: PatientForm
    lines: tuple[Line, ...]
    used: Mapping[str, Line]
    unread_medications: int
    wanted: Mapping[str, tuple[Wanted, ...]] = field(repr=False)

    @property
    def resources(self) -> tuple[Resource, ...]:
        """Everything received about the patient, over all lines, each resource once as it came first."""
        return each_once(one for line in self.lines for one in line.own)

    @property
    def medications(self) -> tuple[Resource, ...]:
        """The Medication resources that the service itself would have got."""
        came = (one for line in self.used.values() for one in line.own if one.get("resourceType") == "Medication")
        return each_once((*came, *sent_along(self.lines, self.capability)))

    def ways(self, key: str) -> tuple[Line, ...]:
        """The lines of the search `key` that the service itself could ask, one for each variant."""
        return tuple(line for line in self.lines if line.search.key == key and is_way(line, self.form))


def names_either_way(variant: Variant) -> bool:
    """Whether `variant` names the patient in the form that the server knows."""
    return any("{patient}" in text for text in variant.parameters.values())


def form_of(variant: Variant, form: PatientForm) -> PatientForm:
    """The form to ask `variant` in; one that names the patient in one way only has one line."""
    return form if names_either_way(variant) else "bare"


def is_way(line: Line, form: PatientForm) -> bool:
    """Whether a line was asked as the service would ask a server that knows patients by `form`."""
    return line.purpose in ("variant", "form") and line.form == form_of(line.variant, form)


def sent_along(lines: Iterable[Line], capability: Capability | None) -> tuple[Resource, ...]:
    """The Medication resources that the service would be sent along: it asks for them where the statement offers it."""
    return tuple(
        one
        for line in lines
        if line.purpose == "include" and capability is not None and capability.includes_all(line.search.include)
        for one in line.own
        if one.get("resourceType") == "Medication"
    )


def each_once(resources: Iterable[Resource]) -> tuple[Resource, ...]:
    """`resources` in order, those with the same type and id once; what has no id is kept."""
    found: dict[object, Resource] = {}
    for resource in resources:
        identifier = resource.get("id")
        named = isinstance(identifier, str) and bool(identifier)
        found.setdefault((str(resource.get("resourceType")), identifier) if named else id(resource), resource)
    return tuple(found.values())
