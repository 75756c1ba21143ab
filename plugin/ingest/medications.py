"""Medication facts from the four medication resources, as written: nothing is judged here.

All statuses are kept but ``entered-in-error``. A drug the knowledge does not name is set aside, except in a
dispense, which proves that the pharmacy's record is live.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import orjson

from plugin.findings import SetAside
from plugin.ingest.codings import concepts_of
from plugin.ingest.conditions import ENTERED_IN_ERROR
from plugin.ingest.named_drug import Drugs
from plugin.ingest.references import reference_of, references_of, type_of
from plugin.ingest.resources import (
    ClosedList,
    Json,
    first_date,
    obj,
    objects,
    text,
    truth,
    written_date,
)
from plugin.ingest.stop_reasons import read_adherence, read_ending
from plugin.record import DosageLine, Layer, MedicationFact

_STATUSES = (
    *("active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft", "unknown"),
    *("preparation", "in-progress", "declined", "not-done", "intended", "not-taken"),
)
_OTHER_SPELLINGS = {"canceled": "cancelled", "inprogress": "in-progress", "onhold": "on-hold"}
_ALL_STATUSES = ClosedList(*_STATUSES, *_OTHER_SPELLINGS)
_INTENTS = ClosedList(
    *("proposal", "plan", "order", "original-order", "reflex-order", "filler-order", "instance-order", "option"),
)
_LAYERS = {
    "MedicationRequest": Layer.ORDER,
    "MedicationDispense": Layer.DISPENSE,
    "MedicationStatement": Layer.REPORT,
    "MedicationAdministration": Layer.ADMINISTRATION,
}
MEDICATION_TYPES = tuple(_LAYERS)
_BASED_ON_KEYS = ("basedOn", "authorizingPrescription", "request", "derivedFrom")
_BASED_ON = frozenset(_BASED_ON_KEYS)
_UNLIKE = ("id", "meta", "text")


def read_medication(reference: str, resource: Json, drugs: Drugs) -> MedicationFact | SetAside:
    """One medication resource as a fact, or why it is not used."""
    status = _ALL_STATUSES.word(resource.get("status"), "unknown")
    status = _OTHER_SPELLINGS.get(status, status)
    if status == ENTERED_IN_ERROR:
        return SetAside(reference=reference, reason="entered in error")
    product, named = drugs.named_by(resource)
    layer = _LAYERS[type_of(resource)]
    if product is None and layer is not Layer.DISPENSE:
        reason = "not a medication this version judges" if named else "names no medication"
        return SetAside(reference=reference, reason=reason)
    vocabulary = drugs.vocabulary
    reported = layer is Layer.ORDER and _is_reported(resource)
    dosage = _dosage(resource, layer, drugs)
    is_report = reported or layer is Layer.REPORT
    ending = read_ending(resource, status=status, is_report=is_report, product=product, vocabulary=vocabulary)
    adherence, asserted = read_adherence(resource, vocabulary)
    indications = drugs.indications_of(resource)
    supply = drugs.supply_of(resource)
    flags = (*supply.flags, *(("indication-unresolved",) if indications.unresolved else ()))
    return MedicationFact(
        reference=reference,
        layer=Layer.REPORT if reported else layer,
        status=status,
        product=product,
        intent=_INTENTS.word(resource.get("intent")),
        do_not_perform=truth(resource.get("doNotPerform")),
        reported=reported,
        identifiers=_identifiers(resource),
        fingerprint=fingerprint_of(resource),
        written=first_date(resource.get("authoredOn"), resource.get("dateAsserted"), resource.get("dateWritten")),
        dosage=dosage,
        stop_reasons=ending.reasons,
        stop_noted=ending.noted,
        reported_ineffective=ending.reported_ineffective,
        indications=indications.categories,
        based_on=_based_on(resource),
        replaces=reference_of(resource.get("priorPrescription")) or None,
        inpatient=_is_inpatient(resource, layer),
        adherence=adherence,
        adherence_asserted=asserted,
        **_dates(resource, layer, dosage),
        quantity=supply.quantity,
        days_supply=supply.days,
        repeats=supply.repeats,
        initial_quantity=supply.initial_quantity,
        initial_days=supply.initial_days,
        flags=flags,
    )


def _is_reported(resource: Json) -> bool:
    return truth(resource.get("reportedBoolean")) or bool(obj(resource.get("reportedReference")))


def _dosage(resource: Json, layer: Layer, drugs: Drugs) -> tuple[DosageLine, ...]:
    lines = drugs.dosage_of(resource.get("dosage")) if layer in (Layer.REPORT, Layer.ADMINISTRATION) else ()
    lines = lines or drugs.dosage_of(resource.get("dosageInstruction"))
    if layer is not Layer.ADMINISTRATION:
        return lines
    # An administration is one intake; its day is the record's own.
    return tuple(
        DosageLine(
            dose_low=line.dose_low,
            dose_high=line.dose_high,
            unit=line.unit,
            times_low=1,
            times_high=1,
            text=line.text,
        )
        for line in lines
    )


def _dates(resource: Json, layer: Layer, dosage: tuple[DosageLine, ...]) -> dict[str, Any]:
    """First and last day as stated for each kind of record."""
    starts = [line.bounds_start for line in dosage if line.bounds_start is not None]
    ends = [line.bounds_end for line in dosage if line.bounds_end is not None]
    # An instruction without an end goes on: only if all are bounded does the record say when it ends.
    last = max(ends, key=lambda day: day.latest) if ends and len(ends) == len(dosage) else None
    if layer is Layer.ORDER:
        validity = obj(obj(resource.get("dispenseRequest")).get("validityPeriod"))
        opens, closes = written_date(validity.get("start")), written_date(validity.get("end"))
        first = min(starts, key=lambda day: day.earliest) if starts else opens
        return {"start": first, "end": last, "validity_start": opens, "validity_end": closes}
    if layer is Layer.DISPENSE:
        handed = written_date(resource.get("whenHandedOver"))
        prepared = written_date(resource.get("whenPrepared"))
        return {
            "start": handed or prepared,
            "end": last,
            "prepared_only": handed is None and prepared is not None,
        }
    return _effective(resource, layer)


def _effective(resource: Json, layer: Layer) -> dict[str, Any]:
    # The second spelling is the one later versions of FHIR use.
    period = obj(resource.get("effectivePeriod")) or obj(resource.get("occurencePeriod"))
    start = first_date(period.get("start"), resource.get("effectiveDateTime"), resource.get("occurenceDateTime"))
    end = written_date(period.get("end"))
    return {"start": start, "end": end or (start if layer is Layer.ADMINISTRATION else None)}


def _identifiers(resource: Json) -> frozenset[str]:
    sent = resource.get("identifier")
    if sent is None:
        return frozenset()
    found = ((text(item.get("system")), text(item.get("value"))) for item in objects(sent))
    return frozenset(f"{system}|{value}" for system, value in found if value)


def _based_on(resource: Json) -> tuple[str, ...]:
    if _BASED_ON.isdisjoint(resource):
        return ()
    found: list[str] = []
    for key in _BASED_ON_KEYS:
        found.extend(references_of(resource.get(key)))
    return tuple(dict.fromkeys(found))


def _is_inpatient(resource: Json, layer: Layer) -> bool:
    sent = resource.get("category")
    if sent is None:
        return layer is Layer.ADMINISTRATION
    said = {
        word.lower()
        for concept in concepts_of(sent)
        for word in (*(coding.code for coding in concept.codings), *concept.names)
    }
    if "inpatient" in said:
        return True
    return layer is Layer.ADMINISTRATION and not said & {"outpatient", "community"}


def fingerprint_of(resource: Json) -> str:
    """A digest that is equal for resources alike in every element but id, meta and the narrative."""
    alike = dict(resource)
    for key in _UNLIKE:
        alike.pop(key, None)
    try:
        written = orjson.dumps(alike, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # what only the standard library writes: lone surrogates, very large whole numbers
        loose = json.dumps(alike, sort_keys=True, separators=(",", ":"), default=str)
        written = loose.encode("utf-8", "surrogatepass")
    return hashlib.sha256(written).hexdigest()
