"""The shape of ``source_attributes.yaml``: what the page of source attributes says and cannot find in the rules.

The thirteen attributes are those of an evidence-based intervention in 45 CFR 170.315(b)(11)(iv)(A), in their order. An
attribute that is a use of data says by which facts, fields and codes that data is recognised; who uses it is derived.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from mappings.domain_schema import Cited, MeasureKind
from mappings.rule_schema import RuleId
from mappings.strict_yaml import read_model
from mappings.values import CitationIds, Knowable, Reviewed

FILE = "source_attributes.yaml"
ATTRIBUTES = 13


class Said(Cited):
    """One statement of ours in plain words."""

    text: Annotated[str, Field(min_length=1, pattern=r"\S")]


class Reads(Knowable):
    """By what the data of an attribute is recognised.

    `facts` are named facts, `patient_fields` what ingest keeps of a Patient resource, `words` whole words that name the
    data wherever a fact, measure, category or field has a name, `code_prefixes` codes of conditions by system,
    `measure_kinds` kinds of measure, `scales_of_outcome` the rating scales of trials, `cut_offs` limits of a measure
    that hold for some people only, `doses` fields of an adequate dose that do. `rules` of the catalogue read the data
    outside every table, with the parameters of the reconstruction they compare it with.
    """

    facts: tuple[str, ...] = ()
    patient_fields: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    code_prefixes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    measure_kinds: tuple[MeasureKind, ...] = ()
    scales_of_outcome: bool = False
    cut_offs: tuple[str, ...] = ()
    doses: tuple[Literal["lenient_geriatric"], ...] = ()
    rules: dict[RuleId, tuple[str, ...]] = Field(default_factory=dict)


class AttributeStatement(Cited):
    """One of the thirteen: what is said of it, and what is said where it is empty or unused (`none`).

    `reads` is given where the attribute is a use of data; `proposal` is the source that the intervention translates.
    """

    number: Annotated[int, Field(ge=1, le=ATTRIBUTES)]
    id: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    label: Annotated[str, Field(min_length=1)]
    statement: str
    none: Annotated[str, Field(min_length=1)]
    reads: Reads | None = None
    proposal: str = ""


class Basis(Knowable):
    """What a professional needs to review the basis of a recommendation independently, as far as it is no rule."""

    intended_use: Said
    not_for: Said
    intended_user: Said
    population: Said
    inputs: Said
    logic: Said
    weights: Said
    evidence: Said
    missing: Said
    unusual: Said
    validation: Said


class AttributeStatements(Reviewed):
    """The whole file. `inputs` says how each kind of data is read, by the key under which a client may send it."""

    contact: Said
    attributes: Annotated[tuple[AttributeStatement, ...], Field(min_length=ATTRIBUTES, max_length=ATTRIBUTES)]
    other_patient_fields: dict[str, Said]
    basis: Basis
    inputs: dict[str, Said]
    limits: tuple[Said, ...]
    cites: CitationIds

    @field_validator("attributes")
    @classmethod
    def _in_order(cls, attributes: tuple[AttributeStatement, ...]) -> tuple[AttributeStatement, ...]:
        if [one.number for one in attributes] != list(range(1, ATTRIBUTES + 1)):
            raise PydanticCustomError("attributes_disordered", "the attributes are not in the order of the regulation")
        return attributes

    @model_validator(mode="after")
    def _one_owner(self) -> AttributeStatements:
        owned = [field for one in self.attributes if one.reads for field in one.reads.patient_fields]
        if len({*owned, *self.other_patient_fields}) < len(owned) + len(self.other_patient_fields):
            raise PydanticCustomError("field_owned_twice", "a field of the patient belongs to one attribute only")
        return self


def read_statements(directory: Path) -> AttributeStatements:
    """The file in the knowledge directory `directory`; raises KnowledgeError where it is wrong."""
    return read_model(directory / FILE, FILE, AttributeStatements)
