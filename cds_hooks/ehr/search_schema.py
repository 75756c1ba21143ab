"""How ``searches.yaml`` is written: strict models, and what no request may lack.

Every request names one patient, or ids already known: a search for everyone cannot be written.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Wait = Literal["hard", "soft"]
UsedBy = Literal["hook", "probe"]
# How a server knows a patient in a search: ``patient=p1`` or ``patient=Patient/p1``.
PatientForm = Literal["bare", "typed"]
Text = Annotated[str, Field(min_length=1, pattern=r"^\S+( \S+)*$")]
Key = Annotated[str, Field(pattern=r"^[a-z][A-Za-z]{1,40}$")]
VariantId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,40}$")]
TypeName = Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]{1,40}$")]
ParameterName = Annotated[str, Field(pattern=r"^(_id|[a-z][a-z-]{1,40})$")]

OF_PATIENT = frozenset({"patient", "patient_reference", "patient_id"})
CODES = frozenset({"codes", "bare_codes"})
PLACEHOLDERS = OF_PATIENT | CODES | {"since", "ids", "each"}
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_STRICT = ConfigDict(strict=True, frozen=True, extra="forbid")


def placeholders(text: str) -> frozenset[str]:
    """The names in braces in `text`.

    >>> sorted(placeholders("ge{since}"))
    ['since']
    """
    return frozenset(_PLACEHOLDER.findall(text))


class WrittenVariant(BaseModel):
    """One way to ask. Either `parameters` of a search or `read`, the ids to read one by one.

    `each`: one request for each value, where ``{each}`` stands. `narrows`: what the variant leaves out, empty for
    nothing. `only_listed`: tried only where the server's statement lists its parameters. `source`: an id of `sources`.
    """

    model_config = _STRICT

    id: VariantId
    source: Text
    parameters: Annotated[dict[ParameterName, Text], Field(min_length=1)] | None = None
    read: Literal["{patient_id}", "{ids}"] | None = None
    each: tuple[Text, ...] = ()
    narrows: Text | None = None
    only_listed: bool = False

    @property
    def used(self) -> frozenset[str]:
        """The placeholders of the variant."""
        written = [*(self.parameters or {}).values(), self.read or ""]
        return frozenset(name for text in written for name in placeholders(text))

    @model_validator(mode="after")
    def _asks_one_way(self) -> WrittenVariant:
        if (self.parameters is None) == (self.read is None):
            raise ValueError("give either parameters or read")
        if unknown := sorted(self.used - PLACEHOLDERS):
            raise ValueError(f"{{{unknown[0]}}} is not filled in; use one of {', '.join(sorted(PLACEHOLDERS))}")
        if bool(self.each) != ("each" in self.used):
            raise ValueError("each and the placeholder {each} belong together")
        if not self.used & (OF_PATIENT | {"ids"}):
            raise ValueError("every request names the patient or ids; put {patient} into a parameter")
        if len(self.used & (CODES | {"ids"})) > 1:
            raise ValueError("use one of {codes}, {bare_codes} and {ids}")
        return self


class WrittenSearch(BaseModel):
    """How one kind of data is asked for, the best variant first."""

    model_config = _STRICT

    resource_type: TypeName
    wait: Wait
    used_by: UsedBy
    # At most one: the parameters of a request are a mapping, and `_include` would have to be repeated.
    include: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Z][A-Za-z]+:[a-z-]+$")], ...], Field(max_length=1)] = ()
    variants: Annotated[tuple[WrittenVariant, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _in_order(self) -> WrittenSearch:
        ids = [variant.id for variant in self.variants]
        if len(set(ids)) != len(ids):
            raise ValueError("give each variant an id of its own")
        if all(variant.only_listed for variant in self.variants):
            raise ValueError("one variant must be open to every server: leave out only_listed")
        if any(not one.startswith(f"{self.resource_type}:") for one in self.include):
            raise ValueError("include names the resource type of the search")
        return self


class SearchFile(BaseModel):
    """``searches.yaml``: `sources` by id, in full words, the page size to ask for, and the searches by key."""

    model_config = _STRICT

    sources: dict[VariantId, Text]
    count: Annotated[int, Field(ge=10, le=1000)]
    searches: dict[Key, WrittenSearch]

    @model_validator(mode="after")
    def _sources_are_there(self) -> SearchFile:
        cited = {variant.source for search in self.searches.values() for variant in search.variants}
        if missing := sorted(cited - set(self.sources)):
            raise ValueError(f"there is no source {missing[0]}")
        if unused := sorted(set(self.sources) - cited):
            raise ValueError(f"nothing cites the source {unused[0]}; remove it")
        return self
