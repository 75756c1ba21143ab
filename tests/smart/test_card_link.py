"""The link on a card that launches the app: for clients that have it, and with a context where it arrives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.app import create_app
from cds_hooks.caller import card_form
from cds_hooks.clock import FixedClock
from cds_hooks.settings import Settings
from cds_hooks.smart.registration import RegisteredEhrs, registered
from cds_hooks.startable import ConfigurationError
from cds_hooks.trust.entries import RegistryError
from cds_hooks.trust.registry import load_registry
from cds_hooks.wire import Link
from tests.record_keeping import new_records

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def registry(folder: Path, **changed: Any) -> Any:
    entry = {
        "id": "general",
        "name": "G",
        "issuer": "https://ehr.example",
        "jku": ["https://ehr.example/jwks"],
        **changed,
    }
    (folder / "clients.yaml").write_text(json.dumps({"clients": [entry]}), encoding="utf-8")
    return load_registry(folder / "clients.yaml")


def cards(here: Any) -> list[dict[str, Any]]:
    medication = {"coding": [{"system": RXNORM, "code": "312941"}]}
    order = {"resourceType": "MedicationRequest", "id": "new", "status": "draft", "intent": "order"}
    order |= {"subject": {"reference": "Patient/p1"}, "medicationCodeableConcept": medication}
    empty = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    keys = (
        "medicationRequests",
        "dispenses",
        "statements",
        "scales",
        "questionnaireResponses",
        "conditions",
        "procedures",
    )
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "patient": {"reference": "Patient/p1"}}
    allergy["code"] = {"coding": [{"system": RXNORM, "code": "36437"}]}
    body = {
        "hook": "order-sign",
        "hookInstance": "0b0f9d7e-6a35-4f6c-9d28-58a3f8f2f1aa",
        "context": {
            "userId": "Practitioner/d1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
        },
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "p1", "birthDate": "1970-01-01"},
            **dict.fromkeys(keys, empty),
            "allergies": {"resourceType": "Bundle", "entry": [{"resource": allergy}]},
        },
    }
    answer = here.browser.go("https://cds.example/trd/cds-services/trd-order-sign", method="POST", json=body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["cards"])


@pytest.mark.proves("LK-02")
def test_each_card_links_to_the_app_with_a_context_that_names_nobody(world, smart):
    shown = cards(world())
    assert shown
    for card in shown:
        page, app = card["links"]
        assert (page["type"], page["url"]) == ("absolute", f"{smart.BASE}/source-attributes")
        assert (app["type"], app["url"]) == ("smart", f"{smart.BASE}/app/launch")
        told = json.loads(app["appContext"])
        assert told["hook"] == "order-sign" and told["service"] == "trd-order-sign"
        assert told["drugs"] == [["sertraline"]] and set(told) == {"hook", "service", "definition", "drugs"}
        assert "p1" not in app["appContext"]


def test_from_the_card_to_the_page_of_its_order(world):
    here = world()
    context = cards(here)[0]["links"][1]["appContext"]
    page = here.launched(context=context)
    assert page.json()["orders"] == [["sertraline"]], (page.text, here.lines)


def test_a_client_has_the_link_when_its_entry_says_so_and_the_context_when_its_profile_does(tmp_path):
    def form(**changed: Any) -> tuple[bool, bool]:
        (client,) = registry(tmp_path, **changed)
        made = card_form(client.entry)
        return made.launches, made.app_context

    assert form() == (False, True)
    assert form(smart_app=True) == (True, True)
    assert form(smart_app=True, profile="epic") == (True, True)
    assert form(smart_app=True, profile="oracle") == (True, False)


@pytest.mark.parametrize("changed", [{"profile": "athena"}, {"links": False}])
def test_a_client_that_shows_no_such_links_cannot_have_one(tmp_path, changed):
    with pytest.raises(RegistryError, match="smart_links"):
        registry(tmp_path, smart_app=True, **changed)


def test_a_link_that_nobody_could_launch_stops_the_start(tmp_path, knowledge, smart):
    def start(**given: Any) -> None:
        create_app(
            settings=Settings(base_url=smart.BASE),
            knowledge=knowledge,
            clock=FixedClock(smart.NOW),
            **{"registry": registry(tmp_path, smart_app=True), "records": new_records(tmp_path), **given},
        )

    with pytest.raises(ConfigurationError, match="TRD_CDS_SMART_FILE"):
        start()
    elsewhere = RegisteredEhrs([registered(smart.entry(client="other"))])
    with pytest.raises(ConfigurationError, match="general has smart_app"):
        start(ehrs=elsewhere)
    start(ehrs=RegisteredEhrs([registered(smart.entry(client="general"))]))


def test_an_app_of_a_client_that_is_none_or_without_tls_stops_the_start(tmp_path, knowledge, smart):
    def start(base, client):
        create_app(
            settings=Settings(base_url=base),
            knowledge=knowledge,
            clock=FixedClock(smart.NOW),
            registry=registry(tmp_path),
            records=new_records(tmp_path),
            ehrs=RegisteredEhrs([registered(smart.entry(client=client))]),
        )

    with pytest.raises(ConfigurationError, match="a client that there is not"):
        start(smart.BASE, "open")
    with pytest.raises(ConfigurationError, match="plain http"):
        start("http://cds.example", "general")
    start("http://localhost:8000", "general")


def test_the_app_needs_a_database(knowledge, smart):
    with pytest.raises(ConfigurationError, match="database"):
        create_app(
            settings=Settings(base_url=smart.BASE, open_mode=True),
            knowledge=knowledge,
            clock=FixedClock(smart.NOW),
            registry=None,
            ehrs=RegisteredEhrs([registered(smart.entry())]),
        )


@pytest.mark.proves("LK-04")
def test_a_context_stands_on_links_that_launch_an_app_only():
    with pytest.raises(ValueError, match="launches an app"):
        Link(label="x", url="https://cds.example", appContext="{}")
