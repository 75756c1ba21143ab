"""A story and the ordinary rest of its chart, joined: who saw the patient, when, and what was written down then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from cds_hooks.fhir_writer import Resource, concept, encounter, kept, refer
from cds_hooks.stories.background.findings import laboratory, vital_signs
from cds_hooks.stories.background.health import immunisations, problems
from cds_hooks.stories.background.person import Person
from cds_hooks.stories.background.shares import Shares
from mappings.load import Knowledge

_YEAR = 365
_BY_PRESCRIBER = "MedicationRequest"
_AT_VISIT = ("Observation", "QuestionnaireResponse", "MedicationRequest")


def chart_around(
    story: Sequence[Resource], *, today: date, knowledge: Knowledge, shares: Shares, seed: int | None = None
) -> list[Resource]:
    """`story` (the Patient first) with its background; the same for the same story, day and seed.

    The story's own resources stay as they are but for who ordered a drug and the visit of a finding.
    """
    chosen = shares.seed if seed is None else seed
    person = Person.of(story, today=today, knowledge=knowledge, seed=chosen, shares=shares)
    clinicians = _clinicians(person)
    psychiatrist, doctor = (clinician["id"] for clinician in clinicians[:2])
    others, ill = problems(person)
    vaccines, vaccinated = immunisations(person)
    yearly, told = _yearly(person), person.first_told()
    kinds = shares.visits
    # One visit a day; the story's own come last and win.
    planned: dict[date, tuple[str, str]] = {}
    planned |= dict.fromkeys(vaccinated, (kinds.immunisation, doctor))
    planned |= dict.fromkeys(ill, (kinds.illness, doctor))
    planned |= dict.fromkeys(yearly, (kinds.yearly, doctor))
    planned |= dict.fromkeys(person.days_recorded(), (kinds.psychiatry, psychiatrist))
    visits = {day: _visit(person, day, *planned[day]) for day in sorted(planned)}
    ids = {day: visit["id"] for day, visit in visits.items()}
    # No vital signs at the shorter visits: so their number does not hang on the day the story is told.
    full = {kinds.psychiatry, kinds.yearly}
    measured = [(day, id_) for day, id_ in ids.items() if day >= person.first and planned[day][0] in full]
    return [
        story[0],
        *clinicians,
        *visits.values(),
        *(_recorded(one, ids, psychiatrist) for one in story[1:]),
        *(_recorded(one, ids, doctor) for one in others),
        *vital_signs(person, measured, always=yearly, told=told),
        *laboratory(person, [(day, ids[day]) for day in yearly], told=told),
        *vaccines,
    ]


def _yearly(person: Person) -> list[date]:
    """The days of the yearly examinations, oldest first; the last one is recent enough to be of use."""
    drawn = person.draw("yearly").between(1, person.shares.examination_days_ago)
    days = [person.today - timedelta(days=drawn + _YEAR * year) for year in range(person.shares.years)]
    return [day for day in sorted(days) if day >= person.first]


def _clinicians(person: Person) -> list[Resource]:
    draw, shares = person.draw("clinicians"), person.shares
    return [
        kept(
            resourceType="Practitioner",
            id=f"{person.id}-chart-{one.id}",
            active=True,
            name=[
                {
                    "family": draw.one_of(shares.family),
                    "given": [draw.one_of(shares.given)],
                    "prefix": [one.prefix],
                }
            ],
            qualification=[{"code": concept(text=one.role)}],
        )
        for one in shares.clinicians
    ]


def _visit(person: Person, day: date, what: str, seen_by: str) -> Resource:
    written = encounter(id_=person.scene.new_id("encounter"), patient_id=person.id, day=day)
    return written | {
        "type": [concept(text=what)],
        "participant": [{"individual": refer("Practitioner", seen_by)}],
    }


def _recorded(resource: Resource, visits: Mapping[date, str], prescriber: str) -> Resource:
    """The resource with the visit of its day, and an order with who wrote it; a patient's report has no prescriber."""
    if resource["resourceType"] not in _AT_VISIT or "encounter" in resource:
        return resource
    said = resource.get("effectiveDateTime") or resource.get("authoredOn") or resource.get("authored") or ""
    visit = visits.get(date.fromisoformat(said)) if said else None
    added = {"encounter": refer("Encounter", visit)} if visit else {}
    if resource["resourceType"] == _BY_PRESCRIBER and "reportedBoolean" not in resource:
        added["requester"] = refer("Practitioner", prescriber)
    return resource | added
