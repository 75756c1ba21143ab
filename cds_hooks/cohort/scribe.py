"""Who writes the record of one life: ids, dates as they are really written, what is left out, what goes wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone

from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.lacks import NOTHING
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.prescribers import Signers
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

    `resources` grows in the order written; `lacks` names what it does not tell (`lacks.WORDS`), each with the ids
    concerned. Chance is drawn for everything, whether it is written or not: two profiles tell of the same life with the
    same mishaps, and a record with a kind `restored` differs from the one without in nothing else. `today` is the last
    day that what is in no record, if restored, tells of.
    """

    def __init__(
        self,
        plan: Plan,
        patient_id: str,
        *,
        hidden: Mapping[str, float],
        mess: Draw,
        missing: Draw,
        signers: Signers,
        restored: Collection[str] = NOTHING,
        today: int = 0,
    ) -> None:
        self.plan, self.patient_id, self.draw, self.today = plan, patient_id, mess, today
        self.resources: list[Resource] = []
        self.lacks: dict[str, list[str]] = {}
        self.signers = signers
        self._hidden, self._missing, self._restored = hidden, missing, restored
        self._zone = timezone(
            -timedelta(hours=mess.between(plan.number["zone-hours-min"], plan.number["zone-hours-max"]))
        )
        self._used: dict[str, int] = {}
        self.has_feed = not self.hides("dispense-feed", patient_id)

    def hides(self, kind: str, of: str, *, there: bool = True) -> bool:
        """Whether this profile leaves this one out of the resource `of`; `there`: something would stand there."""
        return self.lacking(kind, of, lacking=self._missing.chance(self._hidden[kind]) and there)

    def happens(self, event: str) -> bool:
        """Whether something happens whose share is the number ``<event>-share``."""
        return self.draw.chance(self.plan.number[f"{event}-share"])

    def goes_wrong(self, mishap: str, of: str) -> bool:
        """Whether a mishap whose share is the number ``<mishap>-share`` befalls the resource `of`."""
        return self.lacking(mishap, of, lacking=self.happens(mishap))

    def restores(self, kind: str) -> bool:
        """Whether this kind is written although no record has it."""
        return kind in self._restored

    def lacking(self, kind: str, of: str, *, lacking: bool) -> bool:
        """Whether something lacks what `kind` names: it was to, and it is not restored. Noted, unless `of` is empty."""
        lacking = lacking and kind not in self._restored
        if lacking and of:
            self.lacks.setdefault(kind, []).append(of)
        return lacking

    def new_id(self, kind: str) -> str:
        """An id that no other resource of the cohort has."""
        self._used[kind] = self._used.get(kind, 0) + 1
        return f"{self.patient_id}-{kind}-{self._used[kind]}"

    def day(self, number: int) -> date:
        """A plain date."""
        return self.plan.day(number)

    def written(self, number: int, of: str) -> date:
        """A date as it is really written: mostly a day, sometimes an instant with its zone, rarely a month."""
        day, n = self.plan.day(number), self.plan.number
        month, instant = self.happens("month-only"), self.happens("instant")
        hour = self.draw.between(n["office-hour-min"], n["office-hour-max"])
        if self.lacking("month-only", of, lacking=month):
            return MonthOnly(day.year, day.month, day.day)
        if self.lacking("instant", of, lacking=instant):
            return datetime(day.year, day.month, day.day, hour, tzinfo=self._zone)
        return day

    def concept(self, said: CodedText) -> Element:
        """A CodeableConcept of a code with its words."""
        return self.coded(said.code, said.text)

    def coded(self, code: Code, text: str) -> Element:
        """A CodeableConcept of one code; `text` stands beside it and as its display."""
        return concept(coding(self.plan.knowledge.uri_of(code.system), code.code, text), text=text)

    def add(self, resources: Sequence[Resource], kind: str, *, kept: bool = True) -> None:
        """Keep what was written at once, with a copy where somebody entered it twice, or wrongly and said so.

        Not `kept`: it is written like anything else and left out of the record.
        """
        twice, wrongly = self.happens("duplicate"), self.happens("entered-in-error")
        if not kept:
            return
        self.resources += resources
        name = str(resources[0]["id"]) if resources else ""
        for mishap, lacking in (("duplicate", twice), ("entered-in-error", wrongly)):
            if not self.lacking(mishap, name, lacking=lacking):
                continue
            said = {"status": mishap} if mishap == "entered-in-error" else {}
            self.resources += [{**one, **said, "id": self.new_id(f"{kind}-copy")} for one in resources]
