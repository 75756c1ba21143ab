"""What the token of a call is used for, by whom and until when; and a history that breaks off."""

from __future__ import annotations

import asyncio
import copy
import json
from urllib.parse import parse_qs

import httpx
import pytest


@pytest.mark.proves("FA-06", "FN-10")
@pytest.mark.parametrize("subject", ["somebody-else", "", None, 7])
def test_another_subject_than_ours_does_no_harm(clinic, chart, making, subject):
    """One client names its own app there; who calls is proved by the client token alone."""
    body = making.with_token(making.call(prefetch=None), subject=subject)
    assert clinic().fire(body).status_code == 200
    assert "MedicationRequest" in chart.paths


@pytest.mark.proves("FA-15", "FA-11")
@pytest.mark.parametrize("hook", ["order-select", "order-sign", "patient-view"])
def test_only_reads_and_searches_about_the_patient_are_made(clinic, chart, making, history, hook):
    """All that one call asks for, the searches on need among it, is about the patient of the call."""
    chart.says("MedicationRequest", making.bundle(making.order("old", status="completed")))
    assert clinic().fire(making.with_token(making.call(hook, prefetch=None))).status_code == 200
    assert len(chart.requests) > 9
    for request in chart.requests:
        path = request.url.path.removeprefix("/fhir/")
        asked = {**parse_qs(request.url.query.decode()), **parse_qs(request.content.decode())}
        if path.endswith("/_search"):
            assert request.method == "POST"
        else:
            assert request.method == "GET"
        assert path == "Patient/p1" or asked.get("patient", asked.get("subject")) in (["p1"], ["Patient/p1"]), path


@pytest.mark.proves("FA-09")
@pytest.mark.parametrize("hook", ["order-sign", "patient-view"])
def test_nothing_of_the_patient_is_read_after_the_answer(clinic, chart, making, hook):
    """The chart is asked while the call lasts: the answer of the loop is the last that the token was used for."""
    service = clinic()
    body = making.with_token(making.call(hook, prefetch=None))

    async def called() -> tuple[int, int]:
        transport = httpx.ASGITransport(app=service.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
            answer = await client.post(f"/cds-services/trd-{hook}", content=json.dumps(body))
            assert answer.status_code == 200
            then = len(chart.requests)
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait([task], timeout=5)
            return then, len(chart.requests)

    then, later = asyncio.run(called())
    assert then == later > 0


def first_page(value):
    """A search as the first of several pages."""
    if value.get("resourceType") != "Bundle":
        return value
    entries = value["entry"]
    link = [{"relation": "next", "url": "https://ehr.example/fhir/MedicationRequest?page=2"}]
    return {**value, "entry": entries[:1], "total": len(entries), "link": link}


@pytest.fixture
def broken_off(making, history):
    """The chart of two failed trials, of whose medication requests the first page came alone."""
    sent = copy.deepcopy(history)
    old = [making.order(f"old-{number}", status="completed") for number in range(2)]
    sent["medicationRequests"] = first_page(making.bundle(*old))
    sent["dispenses"] = making.bundle()
    return sent


@pytest.mark.proves("PF-17", "PF-15", "PF-18", "MI-06")
def test_a_history_that_breaks_off_is_never_told_as_nothing(clinic, making, broken_off):
    """Opening a record says nothing of an open verdict; here it is open because the rest did not come: 412."""
    answer = clinic(making.unreachable).fire(making.call("patient-view", prefetch=broken_off))
    assert answer.status_code == 412
    (issue,) = answer.json()["issue"]
    assert (issue["code"], issue["expression"]) == ("incomplete", ["prefetch.medicationRequests"])
    assert "further pages" in issue["diagnostics"]


@pytest.mark.proves("PF-17", "PF-15")
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_at_an_order_a_card_says_that_the_history_broke_off(clinic, making, broken_off, hook):
    answer = clinic(making.unreachable).fire(making.call(hook, prefetch=broken_off))
    assert answer.status_code == 200
    assert any("medication" in card["detail"] and "complete" in card["detail"] for card in answer.json()["cards"])


def test_with_the_rest_at_hand_or_nothing_to_tell_there_is_no_error(clinic, chart, making, history, broken_off):
    """The same beginning with the token for the rest; a whole history; a verdict reached all the same; remission."""
    chart.says("MedicationRequest", making.bundle(making.order("old-1", status="completed")))
    read = clinic().fire(making.with_token(making.call("patient-view", prefetch=broken_off)))
    assert read.status_code == 200
    whole = {**broken_off, "medicationRequests": making.bundle(making.order("old-0", status="completed"))}
    alone = clinic(making.unreachable)
    assert alone.fire(making.call("patient-view", prefetch=whole)).status_code == 200
    reached = {**history, "medicationRequests": broken_off["medicationRequests"]}
    answer = alone.fire(making.call("patient-view", prefetch=reached))
    assert answer.status_code == 200
    assert answer.json()["cards"]
    well = copy.deepcopy(broken_off)
    for entry in well["scales"]["entry"]:
        entry["resource"]["valueQuantity"]["value"] = 2
    assert alone.fire(making.call("patient-view", prefetch=well)).json() == {"cards": []}
