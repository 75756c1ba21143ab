"""Cases of the safety rules as data: stories, and what the rule says of each on the day of judgement.

One file per theme holds by rule and kind (``trigger``, ``near-miss``, ``wrong-time``) the cases. A case is a story of
the notation of `cds_hooks.stories.notation` and what is expected of its rule: options blocked (`block`) and cautioned
(`caution`), options that need something first (`needed`), a `warning`, and the `stops` of a drafted `order` as
``NAME LEVEL``. What is not named must not happen. `unread` kinds of data were refused; `resources` are FHIR as given;
`draft_text` is an order by the name of its product and `draft_procedure` one by the name of the procedure;
`more_drafts` are further ones of the session, not selected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from cds_hooks.catalogue import queries
from cds_hooks.fhir_writer import Resource
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import SECTIONS, write_story
from mappings.load import Knowledge
from mappings.strict_yaml import read_yaml
from plugin.ingest import read_orders, read_record
from plugin.record import LABORATORY, Availability, DraftOrder, PatientRecord, Read

FOLDER = Path(__file__).parent
KINDS = ("trigger", "near-miss", "wrong-time")
DAY_0 = date(2025, 1, 1)
AS_OF = DAY_0 + timedelta(days=400)
PATIENT = "case"
MAN = {"age": 45, "sex": "male"}
EXPECTED = ("block", "caution", "needed", "warning", "stops")
MORE = ("id", "order", "draft_text", "draft_procedure", "more_drafts", "unread", "resources")


@dataclass(frozen=True)
class Case:
    """One story about one rule."""

    rule: str
    kind: str
    said: dict[str, Any]
    file: str

    @property
    def name(self) -> str:
        """Rule, kind and id."""
        return f"{self.rule}: {self.kind}: {self.said['id']}"

    def options(self, effect: str) -> set[str]:
        """The options of which the rule must say this."""
        return set(str(self.said.get(effect, "")).split())

    @property
    def stops(self) -> set[str]:
        """The stops expected, as ``NAME LEVEL``."""
        return {stop.strip() for stop in str(self.said.get("stops", "")).split(";") if stop.strip()}

    def resources(self, knowledge: Knowledge) -> list[Resource]:
        """The story as FHIR."""
        unknown = set(self.said) - {*SECTIONS, *EXPECTED, *MORE, "patient"}
        if unknown:
            raise ValueError(f"{self.file}: {self.name}: {sorted(unknown)}")
        story: dict[str, Any] = {key: self.said[key] for key in SECTIONS if key in self.said}
        patient = dict(self.said.get("patient", MAN))
        born = patient.pop("born", None)
        story |= {"as_of": (AS_OF - DAY_0).days, "patient": patient}
        told = write_story(story, day_zero=DAY_0, patient_id=PATIENT, knowledge=knowledge)
        if born is not None:
            told[0]["birthDate"] = born
        return [*told, *self.said.get("resources", ())]

    def record(self, knowledge: Knowledge) -> PatientRecord:
        """The story as read from a server that answered everything but what is `unread`."""
        asked = {kind.resource_type: Availability(read=Read.COMPLETE) for kind in queries(knowledge)}
        asked |= {LABORATORY: Availability(read=Read.COMPLETE)}
        refused = {kind: Availability(read=Read.UNREAD, why="refused") for kind in self.said.get("unread", ())}
        return read_record(
            self.resources(knowledge), knowledge=knowledge, patient_id=PATIENT, availability={**asked, **refused}
        )

    def orders(self, knowledge: Knowledge) -> tuple[DraftOrder, ...]:
        """The drafts, if the story has any."""
        drafts: list[Resource] = []
        if "order" in self.said:
            drafts.append(drafted(self.said["order"], patient_id=PATIENT, day=AS_OF, knowledge=knowledge))
        named = [("draft", self.said[key]) for key in ("draft_text",) if key in self.said]
        named += [(f"draft-{number}", name) for number, name in enumerate(self.said.get("more_drafts", ()))]
        drafts += [_draft_of(id_, name) for id_, name in named]
        if "draft_procedure" in self.said:
            drafts.append(_service_of("draft", self.said["draft_procedure"]))
        return read_orders(drafts, knowledge=knowledge, selections=["draft"])


def _draft_of(id_: str, name: str) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "id": id_,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": {"text": name},
    }


def _service_of(id_: str, name: str) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "id": id_,
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "code": {"text": name},
    }


def cases() -> Iterator[Case]:
    """Every case of every file."""
    for path in sorted(FOLDER.glob("*.yaml")):
        for rule, kinds in read_yaml(path, path.name).items():
            for kind, told in kinds.items():
                yield from (Case(rule, kind, said, path.stem) for said in told)
