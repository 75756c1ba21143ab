"""Who writes the record of one life: ids, dates as they are really written, what is left out, what goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone

from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.plan import Plan
from cds_hooks.fhir_writer import Element, Resource, coding, concept
from mappings.cohort_schema import CodedText
from mappings.schema import Code


class MonthOnly(date):
    """A day of which only the month was written down."""

    def isoformat(self) -> str:
        """Year and month, as a FHIR dateTime may stop there."""
        return self.strftime("%Y-%m")


class Scribe:
    """The writer of one patient's record.

    `resources` grows in the order written. What goes wrong and what the profile leaves out are streams of chance of
    their own: two profiles tell of the same life, though not of the same mishaps.
    """

    def __init__(self, plan: Plan, patient_id: str, *, hidden: Mapping[str, float], mess: Draw, missing: Draw) -> None:
        self.plan, self.patient_id, self.draw = plan, patient_id, mess
        self.resources: list[Resource] = []
        self._hidden, self._missing = hidden, missing
        self._zone = timezone(
            -timedelta(hours=mess.between(plan.number["zone-hours-min"], plan.number["zone-hours-max"]))
        )
        self._used: dict[str, int] = {}
        self.has_feed = not self.hides("dispense-feed")

    def hides(self, kind: str) -> bool:
        """Whether this profile leaves this one out."""
        return self._missing.chance(self._hidden[kind])

    def happens(self, mishap: str) -> bool:
        """Whether something happens whose share is the number ``<mishap>-share``."""
        return self.draw.chance(self.plan.number[f"{mishap}-share"])

    def new_id(self, kind: str) -> str:
        """An id that no other resource of the cohort has."""
        self._used[kind] = self._used.get(kind, 0) + 1
        return f"{self.patient_id}-{kind}-{self._used[kind]}"

    def day(self, number: int) -> date:
        """A plain date."""
        return self.plan.day(number)

    def written(self, number: int) -> date:
        """A date as it is really written: mostly a day, sometimes an instant with its zone, rarely a month."""
        day = self.plan.day(number)
        if self.happens("month-only"):
            return MonthOnly(day.year, day.month, day.day)
        if self.happens("instant"):
            n = self.plan.number
            hour = self.draw.between(n["office-hour-min"], n["office-hour-max"])
            return datetime(day.year, day.month, day.day, hour, tzinfo=self._zone)
        return day

    def concept(self, said: CodedText) -> Element:
        """A CodeableConcept of a code with its words."""
        return self.coded(said.code, said.text)

    def coded(self, code: Code, text: str) -> Element:
        """A CodeableConcept of one code; `text` stands beside it and as its display."""
        return concept(coding(self.plan.knowledge.uri_of(code.system), code.code, text), text=text)

    def add(self, resource: Resource, kind: str) -> Resource:
        """Keep a resource, with a copy where somebody entered it twice, or entered it wrongly and said so."""
        self.resources.append(resource)
        if self.happens("duplicate"):
            self.resources.append({**resource, "id": self.new_id(kind)})
        if self.happens("entered-in-error"):
            self.resources.append({**resource, "id": self.new_id(kind), "status": "entered-in-error"})
        return resource
