"""What else the patient has, takes and was immunised against."""

from __future__ import annotations

from datetime import date, timedelta

from cds_hooks.fhir_writer import Resource, coding, concept, kept, refer
from cds_hooks.stories.background.person import Person
from cds_hooks.stories.clinical_lines import write_condition
from cds_hooks.stories.medication_lines import read_medication
from cds_hooks.stories.medication_records import write_medication


def problems(person: Person) -> tuple[list[Resource], list[date]]:
    """Other diagnoses with their drugs, and the days on which a passing illness was seen.

    Fills are only told of where the story has fills: what a pharmacy reports, it reports of every drug.
    """
    draw, reach, shares = person.draw("problems"), person.ago(person.first), person.shares
    written: list[Resource] = []
    seen: list[date] = []
    for problem in shares.problems:
        since = draw.between(reach, -shares.passing_illness_days)
        if not problem.befalls(person.age, person.sex, draw):
            continue
        if not problem.lasting:
            ended = since + shares.passing_illness_days
            line = f"{problem.line} resolved, onset day {since}, recorded day {since}, abated day {ended}"
            seen.append(person.today + timedelta(days=since))
            written += write_condition(line, person.scene)
            continue
        written += write_condition(f"{problem.line} active, recorded day {reach}", person.scene)
        if problem.drug:
            # The newest fill is in use today.
            first = draw.between(1 - shares.fill_days, -1) - (shares.fills - 1) * shares.fill_days
            line = f"{problem.drug}, ordered on day {first}, repeats {shares.fills - 1}, status active"
            if person.has_pharmacy_feed():
                line += f", dispensed {shares.fills}x{shares.fill_days} on day {first}"
            else:
                line += f", lasting {shares.fill_days} days"
            written += write_medication(read_medication(line, person.scene), person.scene)
    return written, seen


def immunisations(person: Person) -> tuple[list[Resource], list[date]]:
    """Vaccines given within the years of the chart, and the days on which they were."""
    draw, shares = person.draw("immunisations"), person.shares
    written: list[Resource] = []
    days: list[date] = []
    for vaccine in shares.immunisations:
        for year in range(shares.years if vaccine.yearly else 1):
            day = _last_autumn(person, draw.between(1, 28), year)
            if vaccine.befalls(person.age, person.sex, draw):
                days.append(day)
                written.append(_given(person, shares.vaccine_system, vaccine.code, vaccine.text, day))
    return written, days


def _last_autumn(person: Person, day: int, years_before: int) -> date:
    """That day of the last autumn month that is over, or of one some years before."""
    month = person.shares.autumn_month
    last = person.today.year - ((person.today.month, person.today.day) <= (month, day))
    return date(last - years_before, month, day)


def _given(person: Person, system: str, code: str, text: str, day: date) -> Resource:
    return kept(
        resourceType="Immunization",
        id=person.scene.new_id("immunization"),
        status="completed",
        vaccineCode=concept(coding(system, code, text), text=text),
        patient=refer("Patient", person.id),
        occurrenceDateTime=day.isoformat(),
        primarySource=True,
    )
