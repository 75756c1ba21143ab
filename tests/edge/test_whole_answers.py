"""From a request to cards through the real reasoning: two failed trials, told on order and on opening the record."""

from __future__ import annotations

import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def dispense(identifier, code, start, days, tablets=1, text=None):
    concept = {"coding": [{"system": RXNORM, "code": code}]}
    if text:
        concept["text"] = text
    return {
        "resourceType": "MedicationDispense",
        "id": identifier,
        "status": "completed",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": concept,
        "quantity": {"value": days * tablets},
        "daysSupply": {"value": days, "unit": "days"},
        "whenHandedOver": start,
        "dosageInstruction": [
            {
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": tablets, "unit": "tablet"}}],
            }
        ],
    }


def score(identifier, value, day):
    return {
        "resourceType": "Observation",
        "id": identifier,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "44261-6"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value},
    }


@pytest.fixture
def history(making):
    """Sertraline 100 mg and venlafaxine 150 mg, three months each at full dose, PHQ-9 hardly moved."""
    depression = {
        "resourceType": "Condition",
        "id": "c1",
        "subject": {"reference": "Patient/p1"},
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F33.1"}],
            "text": "<script>alert(1)</script>",
        },
        "onsetDateTime": "2026-04-01",
    }
    return making.prefetch(
        conditions=making.bundle(depression),
        dispenses=making.bundle(
            dispense("d1", "312938", "2026-04-10", 90, text="<img src=x onerror=alert(1)>"),
            dispense("d2", "313586", "2026-07-12", 90, tablets=2),
            dispense("d3", "313586", "2026-10-10", 60, tablets=2),
        ),
        scales=making.bundle(
            score("s1", 19, "2026-04-08"),
            score("s2", 18, "2026-07-05"),
            score("s3", 18, "2026-07-12"),
            score("s4", 17, "2026-10-01"),
            score("s5", 17, "2026-11-20"),
        ),
    )


@pytest.mark.parametrize("hook", ["order-select", "order-sign", "patient-view"])
@pytest.mark.proves("RS-01", "CA-02", "CA-03", "CA-18", "RS-10")
def test_a_resistant_depression_is_told(clinic, making, history, hook):
    service = clinic()
    answer = service.fire(making.call(hook, prefetch=history))
    assert answer.status_code == 200
    assert service.log[-1]["verdict"] == "MET", service.log[-1]
    card = answer.json()["cards"][0]
    assert len(card["summary"]) < 140
    assert card["indicator"] == "warning"
    assert "22 Nov 2026" in card["detail"]
    assert all(line.startswith("- ") for line in card["detail"].splitlines())
    assert not re.search(r"(?<!\\)<", card["detail"]), "chart text must not become markup"
    assert not re.search(r"^\s*\|", card["detail"], re.MULTILINE), "one client renders no tables"


@pytest.mark.proves("PF-19", "PF-20", "HK-04")
def test_prefetch_and_token_give_the_same_cards_from_the_same_history(clinic, chart, making, history):
    sent = clinic().fire(making.call(prefetch={**history, **making.nothing_needed()})).json()
    for key, kind in (("conditions", "Condition"), ("dispenses", "MedicationDispense"), ("scales", "Observation")):
        chart.says(kind, history[key])
    read = clinic().fire(making.with_token(making.call(prefetch=None))).json()
    for answer in (sent, read):
        for card in answer["cards"]:
            for named in (card, *card.get("suggestions", [])):
                del named["uuid"]
    assert sent["cards"]
    assert sent == read


@pytest.mark.proves("PF-19")
def test_a_real_fhir_server_gives_the_same_verdict(clinic, knowledge, making, history):
    sandbox = create_sandbox(ResourceStore(everything_in(history)), base_url=making.fhir, token=None)
    service = clinic()
    service.app = create_app(
        settings=Settings(open_mode=True, fhir_servers=(making.fhir,), soft_budget_seconds=20, deadline_seconds=20),
        knowledge=knowledge,
        clock=FixedClock(making.now),
        http=httpx.AsyncClient(transport=httpx.ASGITransport(app=Starlette(routes=[Mount("/fhir", sandbox)]))),
        registry=None,
        log=RequestLog(service.written),
    )
    answer = service.fire(making.with_token(making.call(prefetch=None)))
    assert answer.status_code == 200
    line = service.log[-1]
    assert line["verdict"] == "MET"
    assert "gaps" not in line
    assert line["resources"] == len(everything_in(history))


def everything_in(prefetch):
    found = [prefetch["patient"]]
    for value in prefetch.values():
        found += [entry["resource"] for entry in value.get("entry", [])]
    return found


def test_an_unread_kind_is_told_on_the_card(clinic, chart, making, history):
    chart.says("MedicationStatement", {}, 403)
    del history["statements"]
    answer = clinic().fire(making.with_token(making.call(prefetch=history))).json()
    assert "refused access" in answer["cards"][0]["detail"]


def test_unread_conditions_leave_the_question_open(clinic, chart, making, history):
    chart.says("Condition", {}, 403)
    del history["conditions"]
    service = clinic()
    service.fire(making.with_token(making.call(prefetch=history)))
    assert service.log[-1]["verdict"] == "INDETERMINATE"
