"""Writing what a medication line says: requests, dispenses, statements and administrations.

R4 keeps the reason for taking and for stopping a drug on the request, never on the dispense. So a dispensed
line with a reason, a stop or an adherence note gets the request behind it, which its dispenses name.
"""

from __future__ import annotations

from cds_hooks.fhir_writer import (
    Element,
    Resource,
    dosage,
    medication_administration,
    medication_dispense,
    medication_request,
    medication_statement,
    period,
    quantity,
)
from cds_hooks.stories.medication_lines import RHYTHMS, MedicationLine, Report
from cds_hooks.stories.sentences import Scene


def write_medication(line: MedicationLine, scene: Scene) -> list[Resource]:
    """All records of one line, requests first."""
    requests = _requests(line, scene)
    authorised_by = requests[0]["id"] if requests else None
    return [
        *requests,
        *(_dispense(line, scene, length, first, authorised_by) for length, first in line.fills),
        *(_report(line, scene, report) for report in line.reports),
        *_administrations(line, scene),
    ]


def instructions(line: MedicationLine, bounds: Element | None = None, *, text: str = "") -> list[Element]:
    """The dosage instructions of a line: its signature as text alone, or dose and rhythm in structure."""
    if line.sig:
        return [dosage(text=line.sig, bounds=bounds)]
    as_needed = "as needed" in line.marks
    if not line.rhythm:
        return [dosage(bounds=bounds, as_needed=as_needed)] if bounds or as_needed else []
    frequency, every_days = RHYTHMS[line.rhythm]
    return [
        dosage(
            text=text,
            dose=line.product.amount(line.product.per_intake),
            frequency=frequency,
            every_days=every_days,
            bounds=bounds,
            as_needed=as_needed,
        )
    ]


def _fill(line: MedicationLine, length: float | None) -> Element | None:
    """The quantity of one fill: as the line says, or what the rhythm needs for `length` days."""
    if (count := line.numbers.get("quantity")) is not None:
        return line.product.amount(count)
    if length is None or not line.rhythm:
        return None
    frequency, every_days = RHYTHMS[line.rhythm]
    return line.product.amount(line.product.per_intake * frequency * length / every_days)


def _requests(line: MedicationLine, scene: Scene) -> list[Resource]:
    implied = line.stopped is not None or line.reasons or line.adherence
    written = line.ordered or ((line.fills[0][1],) if line.fills and implied else ())
    past = "completed" if line.fills and not line.ordered else "active"
    status = "stopped" if line.stopped is not None else line.words.get("status", past) if line.ordered else past
    lasting = line.numbers.get("lasting")
    repeats = line.numbers.get("repeats", len(line.fills) - 1 if len(line.fills) > 1 else None)
    stop = scene.day(line.stopped) if line.stopped is not None else None
    return [
        medication_request(
            id_=scene.new_id("request"),
            patient_id=scene.patient_id,
            medication=line.product.medication,
            status=status,
            intent=line.words.get("intent", "order"),
            authored=scene.day(day),
            dosages=instructions(line, period(scene.day(day), stop) if stop else None),
            fill=_fill(line, line.fills[0][0] if line.fills else lasting),
            fill_days=lasting,
            repeats=None if repeats is None else int(repeats),
            reasons=line.reasons,
            status_reason=line.stop_reason,
            do_not_perform="do not perform" in line.marks,
            adherence=(line.adherence[0], scene.day(line.adherence[1])) if line.adherence else None,
        )
        for day in written
    ]


def _dispense(line: MedicationLine, scene: Scene, length: int, day: int, request_id: str | None) -> Resource:
    return medication_dispense(
        id_=scene.new_id("dispense"),
        patient_id=scene.patient_id,
        medication=line.product.medication,
        status="completed" if line.ordered else line.words.get("status", "completed"),
        handed_over=scene.day(day),
        supply=_fill(line, length),
        supply_days=None if "without days supply" in line.marks else length,
        dosages=instructions(line),
        request_id=request_id,
    )


def _report(line: MedicationLine, scene: Scene, report: Report) -> Resource:
    first = None if report.first is None else scene.day(report.first)
    last = None if report.last is None else scene.day(report.last)
    status = line.words.get("status", "completed" if last else "active")
    asserted = scene.day(report.asserted)
    if report.as_order:
        return medication_request(
            id_=scene.new_id("reported"),
            patient_id=scene.patient_id,
            medication=line.product.medication,
            status=status,
            intent="plan",
            reported=True,
            authored=asserted,
            dosages=instructions(line, period(first, last) if first else None),
            reasons=line.reasons,
        )
    return medication_statement(
        id_=scene.new_id("statement"),
        patient_id=scene.patient_id,
        medication=line.product.medication,
        status=status,
        effective=period(first, last),
        asserted=asserted,
        dosages=instructions(line),
        reasons=line.reasons,
    )


def _administrations(line: MedicationLine, scene: Scene) -> list[Resource]:
    """One administration for each intake of each day; the dose in mg where the line names it."""
    if line.administered is None:
        return []
    dose = (
        quantity(line.milligrams, "mg", ucum="mg")
        if line.milligrams is not None
        else line.product.amount(line.product.per_intake)
    )
    intakes, every_days = RHYTHMS[line.rhythm or "daily"]
    return [
        medication_administration(
            id_=scene.new_id("administration"),
            patient_id=scene.patient_id,
            medication=line.product.medication,
            given=scene.day(day),
            status=line.words.get("status", "completed"),
            dose=dose,
        )
        for day in line.administered[::every_days]
        for _ in range(intakes)
    ]
