"""The page itself behind a launch: the basis, the form, and what saving does to the EHR."""

from __future__ import annotations

import re

import pytest

from cds_hooks.smart.page_making import called, make_page

NAMES = {
    "none": ({}, ""),
    "official before the first": (
        {"name": [{"text": "Jo"}, {"use": "official", "family": "Doe", "given": ["Joan", 5, ""]}]},
        "Joan Doe",
    ),
    "text alone": ({"name": [{"text": " Jo Doe "}], "birthDate": "1980"}, "Jo Doe, born 1980"),
    "odd": ({"name": "Jo", "birthDate": 1980}, ""),
}


@pytest.mark.parametrize(("patient", "name"), NAMES.values(), ids=NAMES)
def test_a_patient_is_called_by_name_and_birth_date(patient, name):
    assert called(patient) == name


def pressed(page: str, do: str, **trial: str) -> dict[str, str]:
    """The form of `page` with a trial entered and a button pressed."""
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
    sent = {name: value.replace("&#34;", '"') for name, value in hidden.items()}
    row = next(
        name.removesuffix(".kind") for name, value in sent.items() if name.endswith(".kind") and value == "trial"
    )
    return {**sent, **{f"{row}.{name}": value for name, value in trial.items()}, "do": do}


TRIAL = {"drug": "escitalopram", "dose": "20", "start": "2025-03-01", "weeks": "8", "outcome": ""}


def test_the_page_names_the_patient_and_shows_the_basis(world):
    here = world(page=make_page)
    page = here.launched()
    assert page.status_code == 200
    assert "born 1980-02-03" in page.text and "sertraline" in page.text
    assert 'action="/trd/app/patient#reported"' in page.text and 'href="/trd/app/end"' in page.text
    policy = page.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'none'") and "form-action 'self'" in policy and "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"


def test_what_is_reported_is_judged_at_once_saved_once_and_then_the_record_s(world):
    here = world(page=make_page)
    first = here.launched()
    assert "escitalopram" not in first.text.split("What you know and the record does not")[0]
    entered = here.post(**pressed(first.text, "add", **TRIAL))
    assert entered.status_code == 200 and here.outcome == "shown"
    assert "escitalopram" in entered.text.split("What you know and the record does not")[0]
    assert "MedicationStatement" not in here.store.kinds()
    saved = here.post(**pressed(entered.text, "save"))
    assert here.outcome == "saved" and "Saved to the record: 1 of 1." in saved.text
    assert not re.search(r'name="fact"', saved.text)  # the form let go of it
    (held,) = here.store.of_kind("MedicationStatement")
    assert held.document["informationSource"]["reference"] == "Practitioner/d1"
    again = here.page()
    assert "escitalopram" in again.text
    # The page before, sent once more: nothing is saved twice, and nothing counted twice.
    twice = here.post(**pressed(entered.text, "save"))
    assert "In the record already: 1." in twice.text and here.outcome == "shown"
    assert len(list(here.store.of_kind("MedicationStatement"))) == 1


def test_without_the_scope_saving_is_not_offered_and_the_note_is(world):
    def twist(server):
        server.withheld = frozenset({"patient/MedicationStatement.c", "patient/Observation.c"})

    here = world(page=make_page, twist=twist)
    entered = here.post(**pressed(here.launched().text, "add", **TRIAL))
    assert 'value="save"' not in entered.text and "escitalopram" in entered.text
    here.post(**pressed(entered.text, "save"))
    assert here.outcome == "shown" and "MedicationStatement" not in here.store.kinds()


def test_an_ehr_that_refuses_to_save_is_told_and_the_facts_stay(world):
    from starlette.responses import JSONResponse

    def before(request):
        posted = request.method == "POST" and request.url.path == "/fhir/MedicationStatement"
        return JSONResponse({"resourceType": "OperationOutcome"}, 403) if posted else None

    here = world(page=make_page, before=before)
    entered = here.post(**pressed(here.launched().text, "add", **TRIAL))
    refused = here.post(**pressed(entered.text, "save"))
    assert "Not saved: 1." in refused.text and re.search(r'name="fact"', refused.text)
    assert here.outcome == "shown"
