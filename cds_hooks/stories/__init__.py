"""Synthetic patients for demonstration: one story each, told so that its last day is today.

Each story is a YAML file next to this module: in the notation of `notation` what matters, in `expected` what must come
of it, and in words what the reader should notice. `background` puts an ordinary chart around it. Nothing in them comes
from a real person.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.fhir_writer import Resource, medication_request, transaction
from cds_hooks.stories.background import Shares, chart_around, read_shares
from cds_hooks.stories.expected import Expected
from cds_hooks.stories.medication_lines import read_order
from cds_hooks.stories.medication_records import instructions
from cds_hooks.stories.notation import write_story
from cds_hooks.stories.sentences import Scene
from mappings.load import Knowledge
from mappings.strict_yaml import read_model

DIRECTORY = Path(__file__).parent
Sentence = Annotated[str, Field(min_length=1)]


class Told(BaseModel):
    """One story file: `place` orders the list, `teaching` is the point in one sentence, `notice` what to look at on
    cards and page, `suggest` the drafted order, `expect` what must come out, and `story` what `notation` reads.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    place: int
    title: Sentence
    teaching: Sentence
    suggest: Sentence
    notice: Annotated[tuple[Sentence, ...], Field(min_length=1, max_length=3)]
    expect: Expected
    story: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Story:
    """One synthetic patient. `teaching` is the point in one sentence, `suggested_order` a draft MedicationRequest.

    `notice` are one to three sentences on what to look at; `expect` is what must come out.
    """

    id: str
    title: str
    teaching: str
    patient_id: str
    resources: tuple[Resource, ...] = field(repr=False)
    suggested_order: Resource = field(repr=False)
    notice: tuple[str, ...]
    expect: Expected


def load_stories(
    today: date, knowledge: Knowledge, *, seed: int | None = None, background: bool = True
) -> tuple[Story, ...]:
    """All stories in the order of their `place`, told on `today`, the Patient of each first.

    `seed` is that of the background (the one of its file unless given); without `background` a chart holds only what
    its story tells. Raises KnowledgeError for a file of the wrong shape and UnreadableLineError for a line outside the
    notation.
    """
    read = [(path.stem, read_model(path, f"stories/{path.name}", Told)) for path in DIRECTORY.glob("*.yaml")]
    ordered = sorted(read, key=lambda each: each[1].place)
    usual = read_shares() if background else None
    return tuple(_story(id_, told, today, knowledge, seed=seed, usual=usual) for id_, told in ordered)


def bundle_of(story: Story) -> Resource:
    """A transaction Bundle that puts the story's patient, under the ids given here, on any FHIR R4 server."""
    return transaction(story.resources)


def _story(id_: str, told: Told, today: date, knowledge: Knowledge, *, seed: int | None, usual: Shares | None) -> Story:
    patient_id = f"synthetic-{id_}"
    day_zero = today - timedelta(days=int(told.story.get("as_of", 0)))
    resources = write_story(told.story, day_zero=day_zero, patient_id=patient_id, knowledge=knowledge)
    if usual is not None:
        resources = chart_around(resources, today=today, knowledge=knowledge, shares=usual, seed=seed)
    return Story(
        id=id_,
        title=told.title,
        teaching=told.teaching,
        patient_id=patient_id,
        resources=tuple(resources),
        suggested_order=drafted(told.suggest, patient_id=patient_id, day=today, knowledge=knowledge),
        notice=told.notice,
        expect=told.expect,
    )


def drafted(sentence: str, *, patient_id: str, day: date, knowledge: Knowledge) -> Resource:
    """A draft order written on `day`, from a sentence such as ``vortioxetine 10 mg daily``."""
    line = read_order(sentence, Scene(patient_id, day, knowledge))
    spoken = f"{line.product.per_intake:g} {line.product.unit} {line.rhythm}"
    return medication_request(
        id_="draft",
        patient_id=patient_id,
        medication=line.product.medication,
        status="draft",
        authored=day,
        dosages=instructions(line, text=spoken),
    )
