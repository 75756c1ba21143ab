"""The shape of ``repairs.yaml``: what real servers send beside the rules of FHIR R4 and is read all the same, by name.

A repair never guesses: what was sent has one meaning only, and reading it gives the facts that the same resource
written by the rules would give. Whatever else a server sends is set aside with its reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mappings.values import CitationIds, Knowable, Reviewed

RepairName = Literal[
    "naive-time",
    "time-spelling",
    "time-in-date",
    "empty-string",
    "empty-element",
    "surrounding-blanks",
    "odd-id",
    "object-for-list",
    "list-for-object",
    "number-as-text",
    "text-as-number",
    "boolean-as-text",
    "code-for-concept",
    "concept-for-code",
    "sentence-for-dosage",
    "status-spelling",
    "earlier-version-element",
    "later-version-element",
    "absolute-reference",
    "versioned-reference",
    "outcome-entry",
]
Sentence = Annotated[str, Field(min_length=1, pattern=r"\S")]
Names = tuple[str, ...]


class Repair(Knowable):
    """One repair: `what` is sent, how it is `read`, and why that is `safe`.

    `allowed` says that FHIR R4 permits the form: nothing is wrong with the server, but the form has to be brought into
    one shape before records can be compared.
    """

    id: RepairName
    what: Sentence
    read: Sentence
    safe: Sentence
    allowed: bool = False
    cites: CitationIds


class Spellings(Knowable):
    """The words of a status element that reading knows, and those it takes for one of them (``canceled``)."""

    words: Annotated[Names, Field(min_length=1)]
    other: Names = ()


class Place(Knowable):
    """What the elements at a place are in R4: by name, those that are read.

    `at` names resource types, elements whose content is meant (``doseQuantity``), an element of one type only
    (``MedicationStatement.dosage``), or ``anywhere``. `lists` repeat in R4 and `singles` do not; `concepts` are
    CodeableConcepts; `tokens` are codes and URIs; `times` may hold a time of day, `dates` hold a day only; `dosages`
    are instructions, read as a sentence too; `earlier` and `later` are elements that only other versions of FHIR have.
    """

    at: Annotated[Names, Field(min_length=1)]
    lists: Names = ()
    singles: Names = ()
    concepts: Names = ()
    tokens: Names = ()
    references: Names = ()
    times: Names = ()
    dates: Names = ()
    numbers: Names = ()
    booleans: Names = ()
    dosages: Names = ()
    earlier: Names = ()
    later: Names = ()
    statuses: Mapping[str, Spellings] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_text_one_kind(self) -> Place:
        kinds = (self.tokens, self.references, self.times, self.dates, self.numbers, self.booleans)
        named = Counter(name for kind in kinds for name in kind)
        if any(count > 1 for count in named.values()) or set(self.lists) & set(self.singles):
            raise PydanticCustomError("kind_twice", "an element is listed under two kinds that exclude each other")
        return self


class Repairs(Reviewed):
    """``repairs.yaml``: every repair once, the elements it is looked for in, and the types of other FHIR versions.

    `other_versions` gives, by resource type, the version of FHIR that has it; such a resource is set aside with that
    reason.
    """

    repairs: tuple[Repair, ...]
    places: Annotated[tuple[Place, ...], Field(min_length=1)]
    other_versions: dict[str, Literal["DSTU2", "STU3", "R5"]]
    cites: CitationIds

    @model_validator(mode="after")
    def _every_repair_once(self) -> Repairs:
        if sorted(one.id for one in self.repairs) != sorted(get_args(RepairName)):
            raise PydanticCustomError("repairs_incomplete", "every repair is described once")
        named = Counter(place for one in self.places for place in one.at)
        if any(count > 1 for count in named.values()) or "anywhere" not in named:
            raise PydanticCustomError("places_wrong", "each place stands once, and `anywhere` is one of them")
        return self
