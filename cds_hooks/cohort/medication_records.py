"""Orders and dispenses of the courses of a life, and of drugs that have nothing to do with depression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_hooks.cohort.life import Course, Fill, Life
from cds_hooks.cohort.scribe import Scribe
from cds_hooks.fhir_writer import Element, dosage, medication_dispense, medication_request, period, quantity
from cds_hooks.stories.shelf import Packed
from mappings.cohort_schema import DepressionKind

_STOPPED = ("inefficacy", "intolerance")


def write_medications(life: Life, scribe: Scribe) -> None:
    """Every order and, where the pharmacy's records arrive, every dispense."""
    for course in life.courses:
        if course.filled:
            orders = list(_orders(course.fills, int(scribe.plan.number["fills-per-order"])))
        else:
            days = int(scribe.plan.number["supply-days"])
            orders = [[Fill(course.start, days, course.doses[0][1])]]
        for place, fills in enumerate(orders):
            _write(course, fills, scribe, life=life, last=place + 1 == len(orders))
    _unrelated(life, scribe)


def _orders(fills: Sequence[Fill], per_order: int) -> Iterator[list[Fill]]:
    """The fills that one order authorises: of one dose and length, so many at most. A filled course has a fill."""
    held: list[Fill] = []
    for fill in fills:
        if held and (len(held) == per_order or (held[0].dose, held[0].days) != (fill.dose, fill.days)):
            yield held
            held = []
        held.append(fill)
    yield held


def _write(course: Course, fills: Sequence[Fill], scribe: Scribe, *, life: Life, last: bool) -> None:
    product = scribe.plan.product(course.drug, course.release, fills[0].dose, course.other)
    hides = scribe.hides
    stopped = last and course.ending in _STOPPED
    status = "active" if last and (course.stop is None or not course.filled) else "stopped" if stopped else "completed"
    reason_told = stopped and not hides("order-stop-reason")
    if status != "active" and not reason_told and hides("order-left-active"):
        status = "active"
    end = course.stop if reason_told else None
    bounds = period(scribe.day(fills[0].day), scribe.day(end)) if end is not None else None
    amount = product.amount(product.per_intake * fills[0].days)
    days = fills[0].days
    request = medication_request(
        id_=scribe.new_id("request"),
        patient_id=scribe.patient_id,
        medication=product.medication,
        status=status,
        authored=scribe.written(fills[0].day),
        dosages=[_dosage(product, scribe, bounds)],
        fill=None if hides("order-quantity") else amount,
        fill_days=None if hides("order-days-supply") else days,
        repeats=None if hides("order-refills") else int(scribe.plan.number["fills-per-order"]) - 1,
        reasons=_reasons(course, life, scribe),
        status_reason=_stop_reason(course, scribe) if reason_told else None,
    )
    scribe.add(request, "request")
    if scribe.happens("cancelled"):
        scribe.resources.append({**request, "id": scribe.new_id("request"), "status": "cancelled"})
    if not (scribe.has_feed and course.filled):
        return
    for fill in fills:
        _dispense(
            scribe, product.medication, fill.day, product.amount(product.per_intake * fill.days), fill.days, product
        )


def _dispense(
    scribe: Scribe, medication: Element, day: int, amount: Element, days: int, product: Packed | None = None
) -> None:
    hidden = scribe.hides("dispense-days-supply")
    scribe.add(
        medication_dispense(
            id_=scribe.new_id("dispense"),
            patient_id=scribe.patient_id,
            medication=medication,
            handed_over=scribe.written(day),
            supply=amount,
            supply_days=None if hidden else days,
            dosages=[_dosage(product, scribe, None)] if product is not None else [],
        ),
        "dispense",
    )


def _dosage(product: Packed, scribe: Scribe, bounds: Element | None) -> Element:
    """The signature: in structure with its words, or in words alone."""
    words = scribe.draw.one_of(scribe.plan.file.signatures)
    text = words.format(units=f"{product.per_intake:g}", form=product.unit)
    if scribe.happens("free-text") or scribe.hides("order-structured-dose"):
        return dosage(text=text, bounds=bounds)
    return dosage(text=text, dose=product.amount(product.per_intake), frequency=1, bounds=bounds)


def _reasons(course: Course, life: Life, scribe: Scribe) -> list[Element]:
    if not scribe.happens("indication-stated") or scribe.hides("order-indication"):
        return []
    if course.other is not None:
        return [scribe.coded(course.other.reason, course.other.text)]
    kind: DepressionKind = "recurrent" if len(life.spells) > 1 else "single"
    return [scribe.concept(scribe.plan.file.depression[kind])]


def _stop_reason(course: Course, scribe: Scribe) -> Element | None:
    if course.ending == "inefficacy":
        return (
            scribe.concept(scribe.plan.file.stop_reasons["inefficacy"]) if scribe.happens("inefficacy-coded") else None
        )
    return scribe.concept(scribe.plan.file.stop_reasons["intolerance"])


def _unrelated(life: Life, scribe: Scribe) -> None:
    if not scribe.happens("unrelated-drug"):
        return
    n = scribe.plan.number
    said = scribe.draw.one_of(scribe.plan.file.unrelated_drugs)
    medication = scribe.coded(said.code, said.text)
    days = int(n["long-supply-days"])
    day = max(life.spells[-1].start, -days * int(n["unrelated-drug-fills"]))
    scribe.add(
        medication_request(
            id_=scribe.new_id("request"),
            patient_id=scribe.patient_id,
            medication=medication,
            status="active",
            authored=scribe.written(day),
            dosages=[dosage(text=said.text)],
        ),
        "request",
    )
    while scribe.has_feed and day <= 0:
        _dispense(scribe, medication, day, quantity(days, "tablet"), days)
        day += days
