"""Allergies, intolerances and adverse events that name a drug."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plugin.record import AllergyFact, PatientRecord, Verification
from plugin.spans import PartialDate
from tests.ingest.shorthand import RXNORM, SERTRALINE, SUBJECT, Resource, coded, order

Reader = Callable[..., PatientRecord]


def allergy(**more: Any) -> Resource:
    return {"resourceType": "AllergyIntolerance", "id": "a", "patient": SUBJECT, "code": SERTRALINE, **more}


def event(**more: Any) -> Resource:
    return {"resourceType": "AdverseEvent", "id": "e", "actuality": "actual", "subject": SUBJECT, **more}


def only(record: PatientRecord) -> AllergyFact:
    (fact,) = record.allergies
    assert record.set_aside == ()
    return fact


def why_not(record: PatientRecord) -> str:
    assert record.allergies == ()
    return record.set_aside[-1].reason


def day(text: str) -> PartialDate | None:
    return PartialDate.parse(text)


def test_an_allergy_is_read_whole(read: Reader) -> None:
    fact = only(
        read(
            allergy(
                type="intolerance",
                clinicalStatus=coded("urn:c", "active"),
                verificationStatus=coded("urn:v", "unconfirmed"),
                onsetDateTime="2025-03-01",
                recordedDate="2025-04",
            )
        )
    )

    assert (fact.reference, fact.ingredients, fact.kind) == ("AllergyIntolerance/a", ("sertraline",), "intolerance")
    assert (fact.clinical, fact.verification) == ("active", Verification.SUSPECTED)
    assert (fact.onset, fact.recorded) == (day("2025-03-01"), day("2025-04"))


@pytest.mark.parametrize(
    ("fields", "ingredients"),
    [
        ({"code": {"text": "Zoloft"}}, ("sertraline",)),
        ({"code": coded(RXNORM, "36437")}, ("sertraline",)),
        ({"code": {}, "reaction": [{"substance": {"text": "sertraline"}}]}, ("sertraline",)),
        ({"code": {"text": "sertraline"}, "reaction": [{"substance": {"text": "Zoloft"}}, 5]}, ("sertraline",)),
        (
            {"code": {"text": "fluoxetine"}, "reaction": [{"substance": {"text": "sertraline"}}]},
            ("fluoxetine", "sertraline"),
        ),
    ],
)
def test_which_drugs_an_allergy_names(read: Reader, fields: dict[str, Any], ingredients: tuple[str, ...]) -> None:
    assert only(read(allergy(**fields))).ingredients == ingredients


@pytest.mark.parametrize(
    ("fields", "onset"),
    [
        ({"onsetPeriod": {"start": "2025-02-01"}}, "2025-02-01"),
        ({"reaction": [{"onset": "2025-02-03"}]}, "2025-02-03"),
        ({"onsetDateTime": "2025-02-02", "reaction": [{"onset": "2025-02-03"}]}, "2025-02-02"),
    ],
)
def test_the_day_of_the_reaction(read: Reader, fields: dict[str, Any], onset: str) -> None:
    assert only(read(allergy(**fields))).onset == day(onset)


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (allergy(verificationStatus=coded("urn:v", "refuted")), "refuted"),
        (allergy(verificationStatus={"text": "entered-in-error"}), "entered in error"),
        (allergy(code={"text": "penicillin"}), "names no medication this version judges"),
        (allergy(code=7), "names no medication this version judges"),
        (event(), "names no medication this version judges"),
        (event(suspectEntity=[{"instance": {"reference": "Device/d"}}]), "names no medication this version judges"),
        (event(actuality="potential"), "an event that might have happened"),
    ],
)
def test_entries_that_say_nothing(read: Reader, resource: Resource, reason: str) -> None:
    assert why_not(read(resource)) == reason


@pytest.mark.parametrize(
    "instance", [{"reference": "MedicationRequest/o1"}, {"reference": "#m"}, {"display": "Zoloft"}]
)
def test_an_adverse_event_names_the_drug_suspected(read: Reader, instance: dict[str, Any]) -> None:
    inner = {"resourceType": "Medication", "id": "m", "code": SERTRALINE}
    record = read(order(), event(date="2025-03-01", suspectEntity=[{"instance": instance}], contained=[inner]))

    (fact,) = record.allergies
    assert (fact.ingredients, fact.kind, fact.onset) == (("sertraline",), "adverse-event", day("2025-03-01"))


def test_an_adverse_event_from_another_drug_names_none(read: Reader) -> None:
    other = order(medicationCodeableConcept={"text": "metformin"})
    record = read(other, event(suspectEntity=[{"instance": {"reference": "MedicationRequest/o1"}}]))

    assert record.allergies == ()
