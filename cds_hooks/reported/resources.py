"""Facts as FHIR R4: MedicationStatements and Observations, dated, attributed, each with an identifier of its own.

A trial is a statement with its period. How a course of the record went is a statement without a period that is derived
from the records of that course: it adds no days. What was not taken is a statement of that status. A start known only
to the month is written as that month, with the length in the dosage.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from cds_hooks.fhir_writer import (
    Element,
    Resource,
    Told,
    check,
    coding,
    concept,
    dosage,
    kept,
    medication_statement,
    observation,
    quantity,
)
from cds_hooks.reported.facts import (
    NOW,
    Fact,
    ReportedAdherence,
    ReportedOutcome,
    ReportedScore,
    ReportedTrial,
    values_of,
)
from cds_hooks.reported.offered import RELEASED, best_code, unit_of
from cds_hooks.reported.written_days import last_of, meant_by
from mappings.load import Knowledge
from mappings.schema import Drug

IDENTIFIERS = "https://trd-cds.github.io/fhir/sid/reported-fact"
_WEEK = timedelta(weeks=1).days
# Who may be the source of a statement in R4; anybody else is told by words.
_SOURCES = re.compile(
    r"(?:^|/)(?:Patient|Practitioner|PractitionerRole|RelatedPerson|Organization)/[A-Za-z0-9.-]{1,64}$"
)


def to_resources(
    facts: Sequence[Fact], *, patient_id: str, author: str, at: datetime, knowledge: Knowledge
) -> tuple[Resource, ...]:
    """One resource for each fact, in order, with the ids ``reported-1`` and so on.

    `author` is the reference of the user, empty when nobody is signed in; `at` is when it was asserted, with its zone.
    Raises `InvalidResourceError` for a resource that is not valid FHIR R4, which no fact of `read_form` leads to.
    """
    made = []
    for number, fact in enumerate(facts, 1):
        told = Told(
            at=at,
            by=_source(author),
            notes=(*_words(fact, knowledge), knowledge.reported.provenance),
            identifier=(IDENTIFIERS, _digest(fact, patient_id)),
        )
        resource = _Writer(f"reported-{number}", patient_id, told, knowledge).write(fact)
        check(resource)
        made.append(resource)
    return tuple(made)


def _source(author: str) -> Element | None:
    if not author:
        return None
    return {"reference": author} if _SOURCES.search(author) else {"display": author}


def _digest(fact: Fact, patient_id: str) -> str:
    """The same for the same fact about the same patient, so that it is saved once however often it is sent."""
    written = json.dumps([patient_id, values_of(fact)], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(written.encode()).hexdigest()


def _words(fact: Fact, knowledge: Knowledge) -> tuple[str, ...]:
    if not isinstance(fact, ReportedTrial | ReportedOutcome):
        return ()
    return tuple(one.written for one in knowledge.reported.outcomes if one.id == fact.outcome)


class _Writer:
    """Writes one fact."""

    def __init__(self, id_: str, patient_id: str, told: Told, knowledge: Knowledge) -> None:
        self._id, self._patient, self._told, self._knowledge = id_, patient_id, told, knowledge

    def write(self, fact: Fact) -> Resource:
        if isinstance(fact, ReportedTrial):
            return self._trial(fact)
        if isinstance(fact, ReportedScore):
            return self._score(fact)
        if isinstance(fact, ReportedOutcome):
            return self._outcome(fact)
        return self._not_taken(fact)

    def _trial(self, fact: ReportedTrial) -> Resource:
        drug = self._knowledge.drugs[fact.drug]
        meant = meant_by(fact.start, about=bool(fact.about))
        weeks = int(fact.weeks) if fact.weeks else None
        end = date.fromisoformat(fact.end) if fact.end else None
        if weeks is not None and meant.is_exact:
            end = last_of(meant.earliest, weeks)
        written = fact.start[: len("2025-03")] if fact.about else fact.start
        lasting = weeks * _WEEK if weeks is not None and not meant.is_exact else None
        return medication_statement(
            id_=self._id,
            patient_id=self._patient,
            medication=self._medication(drug, slow=fact.release == RELEASED),
            status="active" if fact.still else self._ended(fact.reason),
            effective=kept(start=written, end=end.isoformat() if end else None),
            dosages=self._dosages(drug, fact.dose, lasting),
            reasons=self._purposes(fact.purpose),
            status_reasons=self._reasons(fact.reason),
            told=self._told,
        )

    def _outcome(self, fact: ReportedOutcome) -> Resource:
        ongoing = fact.course.last == NOW
        return medication_statement(
            id_=self._id,
            patient_id=self._patient,
            medication=self._medication(self._knowledge.drugs[fact.course.drug]),
            status="active" if ongoing else self._ended(fact.reason),
            reasons=self._purposes(fact.purpose),
            status_reasons=self._reasons(fact.reason),
            derived_from=fact.course.records,
            told=self._told,
        )

    def _not_taken(self, fact: ReportedAdherence) -> Resource:
        course = fact.course
        first = date.fromisoformat(fact.until) + timedelta(days=1) if fact.until else date.fromisoformat(course.first)
        last = self._told.at.date() if course.last == NOW else date.fromisoformat(course.last)
        return medication_statement(
            id_=self._id,
            patient_id=self._patient,
            medication=self._medication(self._knowledge.drugs[course.drug]),
            status="not-taken",
            effective={"start": first.isoformat(), "end": max(first, last).isoformat()},
            derived_from=course.records,
            told=self._told,
        )

    def _score(self, fact: ReportedScore) -> Resource:
        scale = self._knowledge.instruments[fact.instrument]
        value = float(fact.value)
        code = best_code(scale.total_codes)
        return observation(
            id_=self._id,
            patient_id=self._patient,
            code=concept(coding(self._knowledge.uri_of(code.system), code.code), text=scale.label),
            day=date.fromisoformat(fact.day),
            value=int(value) if value.is_integer() else quantity(value, "{score}", ucum="{score}"),
            told=self._told,
        )

    def _medication(self, drug: Drug, *, slow: bool = False) -> Element:
        told = self._knowledge.reported
        name = next((one.written for one in told.written_as if one.drug == drug.id), drug.label)
        codes = [code for code in drug.codes if code.confidence != "low"]
        return concept(
            *(coding(self._knowledge.uri_of(code.system), code.code, drug.label) for code in codes),
            text=f"{name} {told.released}" if slow else name,
        )

    def _dosages(self, drug: Drug, dose: str, lasting: int | None) -> list[Element]:
        unit = unit_of(drug)
        ucum = unit if unit == "mg" else "{tbl}"
        amount = quantity(float(dose), unit, ucum=ucum) if dose else None
        if amount is None and lasting is None:
            return []
        return [dosage(dose=amount, frequency=1 if amount else None, lasting=lasting)]

    def _purposes(self, purpose: str) -> list[Element]:
        return [
            concept(*(coding(self._knowledge.uri_of(code.system), code.code) for code in one.codes), text=one.written)
            for one in self._knowledge.reported.purposes
            if one.id == purpose
        ]

    def _reasons(self, reason: str) -> list[Element]:
        return [concept(text=one.written) for one in self._knowledge.reported.reasons if one.id == reason]

    def _ended(self, reason: str) -> str:
        return "stopped" if reason and reason != "completed" else "completed"
