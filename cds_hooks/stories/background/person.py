"""The patient of a story as the background needs to know them, and what the story records itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cds_hooks.cohort.drawing import Draw
from cds_hooks.fhir_writer import Element, Resource
from cds_hooks.stories.background.shares import Shares
from cds_hooks.stories.sentences import Scene
from mappings.load import Knowledge

_ISO_DAY = 10  # characters of a date
_YEAR = 365
_DAYS = ("effectiveDateTime", "authored", "authoredOn")


class ChartScene(Scene):
    """A scene whose ids are those of the background: ``PATIENT-chart-KIND-N``."""

    def new_id(self, kind: str) -> str:
        """An id that neither the story nor another patient has."""
        return super().new_id(f"chart-{kind}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One patient on `today`: age in years, sex, the story's resources, and a stream of chance for each part."""

    id: str
    age: int
    sex: str
    today: date
    first: date
    story: Sequence[Resource]
    shares: Shares
    scene: ChartScene
    seed: int

    @classmethod
    def of(cls, story: Sequence[Resource], *, today: date, knowledge: Knowledge, seed: int, shares: Shares) -> Person:
        """The patient that `story` opens with."""
        patient = story[0]
        born = date.fromisoformat(patient["birthDate"])
        first = today - timedelta(days=shares.years * _YEAR)
        return cls(
            id=patient["id"],
            age=today.year - born.year - ((today.month, today.day) < (born.month, born.day)),
            sex=patient["gender"],
            today=today,
            first=first,
            story=story,
            shares=shares,
            scene=ChartScene(patient["id"], today, knowledge),
            seed=seed,
        )

    def draw(self, part: str) -> Draw:
        """The chance of one part of the chart; the parts do not disturb each other."""
        return Draw(self.seed, self.id, part)

    def days_recorded(self) -> list[date]:
        """The days on which the story was written down, oldest first; fills and sessions are no such visits."""
        said = {day for one in self.story for day in _said_on(one)}
        return sorted(day for day in said if day <= self.today)

    def first_told(self) -> Mapping[str, date]:
        """For every code of an observation of the story, its components included, the first day it is told of."""
        told: dict[str, date] = {}
        for one in self.story:
            for code, day in _coded_days(one):
                told[code] = min(day, told.get(code, day))
        return told

    def has_pharmacy_feed(self) -> bool:
        """Whether the story has fills: without them the background must not pretend that a pharmacy reports."""
        return any(one["resourceType"] == "MedicationDispense" for one in self.story)

    def ago(self, day: date) -> int:
        """The day as an offset of the notation, where today is day 0."""
        return (day - self.today) // timedelta(days=1)


def _said_on(resource: Resource) -> Iterator[date]:
    for name in _DAYS:
        if name in resource:
            yield date.fromisoformat(resource[name][:_ISO_DAY])


def _coded_days(resource: Resource) -> Iterator[tuple[str, date]]:
    if resource["resourceType"] != "Observation":
        return
    parts: list[Element] = [resource["code"], *(part["code"] for part in resource.get("component", ()))]
    for day in _said_on(resource):
        for part in parts:
            for coding in part.get("coding", ()):
                yield coding["code"], day
