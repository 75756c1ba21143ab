"""Orders and dispenses of the courses of a life, and of drugs that have nothing to do with depression."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_hooks.cohort.life import Course, Fill, Life
from cds_hooks.cohort.scribe import Scribe
from cds_hooks.fhir_writer import (
    Element,
    Resource,
    dosage,
    medication_dispense,
    medication_request,
    medication_statement,
    period,
    quantity,
)
from cds_hooks.stories.shelf import Packed
from mappings.cohort_schema import DepressionKind

_STOPPED = ("inefficacy", "intolerance")
_PACK = 7  # days of the exact packs that no record has


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
        if scribe.restores("days-taken"):
            _write_taking(course, life, scribe)
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
    id_ = scribe.new_id("request")
    product = scribe.plan.product(course.drug, course.release, fills[0].dose, course.other)
    goes_on = last and (course.stop is None or not course.filled)
    stopped = last and course.ending in _STOPPED
    reason_told = not scribe.hides("order-stop-reason", id_, there=stopped) and stopped
    left_active = scribe.hides("order-left-active", id_, there=not goes_on and not reason_told)
    signed = scribe.signers.of(later=_is_later(course, life))
    status = "active" if goes_on or left_active else "stopped" if stopped else "completed"
    end = course.stop if reason_told else None
    bounds = period(scribe.day(fills[0].day), scribe.day(end)) if end is not None else None
    amount = product.amount(product.per_intake * fills[0].days)
    no_amount, no_days, no_refills = (
        scribe.hides(kind, id_) for kind in ("order-quantity", "order-days-supply", "order-refills")
    )
    why = _stop_reason(course, scribe, id_, told=reason_told)
    request = medication_request(
        id_=id_,
        patient_id=scribe.patient_id,
        medication=product.medication,
        status=status,
        authored=scribe.written(fills[0].day, id_),
        dosages=[_dosage(product, scribe, bounds, id_)],
        fill=None if no_amount else amount,
        fill_days=None if no_days else fills[0].days,
        repeats=None if no_refills else int(scribe.plan.number["fills-per-order"]) - 1,
        reasons=_reasons(course, life, scribe, id_),
        status_reason=why if reason_told else None,
        requester=signed,
    )
    scribe.add([request], "request")
    if scribe.goes_wrong("cancelled", id_):
        scribe.resources.append({**request, "id": scribe.new_id("request-copy"), "status": "cancelled"})
    if course.filled:
        kept = scribe.has_feed and not scribe.restores("days-taken")
        for fill in fills:
            _dispense(scribe, product, fill, kept=kept)


def _is_later(course: Course, life: Life) -> bool:
    """Whether a drug is not the first one that was given for the depression."""
    return course.use != "other" and any(
        one.use == "antidepressant" and one.start < course.start for one in life.courses
    )


def _dispense(scribe: Scribe, product: Packed, fill: Fill, *, kept: bool) -> None:
    id_ = scribe.new_id("dispense")
    of = id_ if kept else ""
    hidden = scribe.hides("dispense-days-supply", of, there=kept)
    handed = medication_dispense(
        id_=id_,
        patient_id=scribe.patient_id,
        medication=product.medication,
        handed_over=scribe.written(fill.day, of),
        supply=product.amount(product.per_intake * fill.days),
        supply_days=None if hidden else fill.days,
        dosages=[_dosage(product, scribe, None, of)],
    )
    scribe.add([handed], "dispense", kept=kept)


def _write_taking(course: Course, life: Life, scribe: Scribe) -> None:
    """What no record has: a pack for each week in which it was taken, to the day; and that it never was.

    A new pack is begun on the day after another drug was: what is taken beside it is no left-over.
    """
    yesterday = scribe.today - 1
    begun = {first + 1 for other in life.courses for first, _ in other.taken}
    if not course.filled:
        product = scribe.plan.product(course.drug, course.release, course.doses[0][1], course.other)
        again = [one.start for one in life.courses if one.drug == course.drug and one.start > course.start]
        n = scribe.plan.number
        until = min([course.start + int(n["supply-days"] * n["fills-per-order"]), *(day - 1 for day in again)])
        denied = medication_statement(
            id_=scribe.new_id("not-taken"),
            patient_id=scribe.patient_id,
            medication=product.medication,
            status="not-taken",
            effective=period(scribe.day(course.start), scribe.day(until)),
            asserted=scribe.day(course.start),
        )
        scribe.resources.append(denied)
    for first, last in course.taken:
        if first <= yesterday:
            ended = last < yesterday or course.stop == scribe.today
            told = medication_statement(
                id_=scribe.new_id("taken"),
                patient_id=scribe.patient_id,
                medication=scribe.plan.product(
                    course.drug, course.release, course.dose_on(first), course.other
                ).medication,
                status="completed" if ended else "active",
                effective=period(scribe.day(first), scribe.day(min(last, yesterday))),
                asserted=scribe.day(min(last, yesterday)),
                reasons=[_reason(course, life, scribe)],
            )
            scribe.resources.append(told)
    for first, last, dose in course.stretches(yesterday):
        product = scribe.plan.product(course.drug, course.release, dose, course.other)
        day = first
        while day <= last:
            length = next(days for days in range(1, _PACK + 1) if days == _PACK or day + days in begun | {last + 1})
            pack = medication_dispense(
                id_=scribe.new_id("week"),
                patient_id=scribe.patient_id,
                medication=product.medication,
                handed_over=scribe.day(day),
                supply=product.amount(product.per_intake * length),
                supply_days=length,
                dosages=[dosage(text="", dose=product.amount(product.per_intake), frequency=1)],
            )
            scribe.resources.append(pack)
            day += length


def _dosage(product: Packed, scribe: Scribe, bounds: Element | None, of: str) -> Element:
    """The signature: in structure with its words, or in words alone."""
    words = scribe.draw.one_of(scribe.plan.file.signatures)
    text = words.format(units=f"{product.per_intake:g}", form=product.unit)
    free = scribe.happens("free-text")
    unstructured = scribe.hides("order-structured-dose", of, there=bool(of))
    if unstructured or scribe.lacking("free-text", of, lacking=free and bool(of)):
        return dosage(text=text, bounds=bounds)
    return dosage(text=text, dose=product.amount(product.per_intake), frequency=1, bounds=bounds)


def _reasons(course: Course, life: Life, scribe: Scribe, of: str) -> list[Element]:
    unstated = scribe.lacking("indication-unstated", of, lacking=not scribe.happens("indication-stated"))
    if scribe.hides("order-indication", of, there=not unstated) or unstated:
        return []
    return [_reason(course, life, scribe)]


def _reason(course: Course, life: Life, scribe: Scribe) -> Element:
    if course.other is not None:
        return scribe.coded(course.other.reason, course.other.text)
    kind: DepressionKind = "recurrent" if len(life.spells) > 1 else "single"
    return scribe.concept(scribe.plan.file.depression[kind])


def _stop_reason(course: Course, scribe: Scribe, of: str, *, told: bool) -> Element | None:
    coded = scribe.happens("inefficacy-coded")
    if course.ending == "inefficacy":
        uncoded = scribe.lacking("inefficacy-uncoded", of, lacking=told and not coded)
        return None if uncoded else scribe.concept(scribe.plan.file.stop_reasons["inefficacy"])
    return scribe.concept(scribe.plan.file.stop_reasons["intolerance"])


def _unrelated(life: Life, scribe: Scribe) -> None:
    if not scribe.happens("unrelated-drug"):
        return
    n = scribe.plan.number
    said = scribe.draw.one_of(scribe.plan.file.unrelated_drugs)
    medication = scribe.coded(said.code, said.text)
    days = int(n["long-supply-days"])
    day, id_ = max(life.spells[-1].start, -days * int(n["unrelated-drug-fills"])), scribe.new_id("request")
    request = medication_request(
        id_=id_,
        patient_id=scribe.patient_id,
        medication=medication,
        status="active",
        authored=scribe.written(day, id_),
        dosages=[dosage(text=said.text)],
        requester=scribe.signers.of(later=False),
    )
    scribe.add([request], "request")
    while day <= 0:
        scribe.add([_plain_dispense(scribe, medication, day, days)], "dispense", kept=scribe.has_feed)
        day += days


def _plain_dispense(scribe: Scribe, medication: Element, day: int, days: int) -> Resource:
    id_ = scribe.new_id("dispense")
    hidden = scribe.hides("dispense-days-supply", id_, there=scribe.has_feed)
    return medication_dispense(
        id_=id_,
        patient_id=scribe.patient_id,
        medication=medication,
        handed_over=scribe.written(day, id_ if scribe.has_feed else ""),
        supply=quantity(days, "tablet"),
        supply_days=None if hidden else days,
    )
