"""The records of the demo's patients as its FHIR server holds them now, and as their stories began."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from uuid import uuid4

from cds_hooks.catalogue import queries
from cds_hooks.errors import UnknownService
from cds_hooks.fhir_writer import Resource, encounter
from cds_hooks.on_need import needs
from cds_hooks.sandbox import ResourceStore
from cds_hooks.sandbox.compartment import owned_by, referred_to
from cds_hooks.sandbox.criteria import Place
from cds_hooks.stories import Story
from mappings.load import Knowledge
from plugin.record import Availability, Read

_PATIENT = "Patient"


class Charts:
    """`store` behind the FHIR server at `base`, and the `stories` it was filled with, found by their own id."""

    def __init__(
        self, store: ResourceStore, stories: Iterable[Story], *, base: str, knowledge: Knowledge, today: date
    ) -> None:
        self._store = store
        self._today = today
        self._place = Place(store, base)
        self.stories = {story.id: story for story in stories}
        asked = (*(kind.resource_type for kind in queries(knowledge)), *(need.read_as for need in needs(knowledge)))
        self.availability = {kind: Availability(read=Read.COMPLETE) for kind in asked}
        for story in self.stories.values():
            self._begin_visit(story)

    def story(self, wanted: str) -> Story:
        """The story of that id; UnknownService when there is none."""
        story = self.stories.get(wanted)
        if story is None:
            raise UnknownService("There is no such demo patient.", "Choose one of the page.")
        return story

    def now(self, wanted: str) -> tuple[Resource, ...]:
        """All that the FHIR server now holds of a story's patient, and what that refers to."""
        patient = self._store.find(_PATIENT, self.story(wanted).patient_id)
        if patient is None:
            raise UnknownService("The patient was removed from the FHIR server.", "Start the story over.")
        owned = owned_by(patient, self._place)
        return tuple(dict(held.document) for held in (*owned, *referred_to(owned, self._place)))

    def start_over(self, wanted: str) -> None:
        """Put a patient's record back to where the story begins."""
        story = self.story(wanted)
        patient = self._store.find(_PATIENT, story.patient_id)
        for held in owned_by(patient, self._place) if patient is not None else ():
            self._store.remove(held.kind, held.id)
        for resource in story.resources:
            self._store.put(resource)
        self._begin_visit(story)

    def _begin_visit(self, story: Story) -> None:
        """A visit under way, each time another one: an answer to a card holds for the visit it was given in."""
        visit = encounter(id_=f"visit-{uuid4()}", patient_id=story.patient_id, day=self._today)
        self._store.put({**visit, "status": "in-progress", "period": {"start": self._today.isoformat()}})
