"""Saving at a FHIR server: once, in the user's name, and every refusal told without the server's words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.fhir_writer import Resource
from cds_hooks.reported import Saved, save
from cds_hooks.sandbox import ResourceStore, create_sandbox
from plugin import assess
from plugin.ingest import read_record
from tests.reported.charts import AS_OF, AVAILABLE, ESC, KNOWLEDGE, OPEN, counts, enter, judged, made_of, on

BASE = "http://ehr.test/fhir"
ROWS = (
    {"kind": "score", "instrument": "phq9", "value": "15", "day": on(175)},
    {"kind": "outcome", "trial": ESC, "outcome": "no-response"},
    {"kind": "trial", "drug": "venlafaxine", "dose": "150", "start": "2024-01-15", "weeks": "8"},
)
MADE = made_of(enter(*ROWS))


def saved_at(transport: httpx.AsyncBaseTransport, made: tuple[Resource, ...] = MADE, *, seconds: float = 30) -> Saved:
    async def talk() -> Saved:
        async with httpx.AsyncClient(transport=transport, base_url=f"{BASE}/") as client:
            return await save(made, client=client, seconds=seconds)

    return asyncio.run(talk())


def sandbox(*, writable: bool) -> tuple[ResourceStore, httpx.ASGITransport]:
    store = ResourceStore(OPEN)
    app = Starlette(routes=[Mount("/fhir", create_sandbox(store, base_url=BASE, writable=writable))])
    return store, httpx.ASGITransport(app=app)


def held(store: ResourceStore, kind: str) -> list[dict[str, Any]]:
    return [one.document for one in store.of_kind(kind)]


def answering(answer: Callable[[httpx.Request], httpx.Response]) -> Saved:
    return saved_at(httpx.MockTransport(answer), MADE[:1])


def test_saved_once_and_read_back_as_it_was_entered() -> None:
    store, transport = sandbox(writable=True)
    first = saved_at(transport)
    assert [one.fate for one in first.each] == ["saved"] * 3
    assert first.is_whole
    assert [one.reference for one in first.each] == [f"{one['resourceType']}/{one['id']}" for one in MADE]
    assert all(one.location.startswith(f"{made['resourceType']}/") for one, made in zip(first.each, MADE, strict=True))
    again = saved_at(transport)
    assert [one.fate for one in again.each] == ["there-already"] * 3
    assert [one.location for one in again.each] == [one.location for one in first.each]
    statements = held(store, "MedicationStatement")
    assert len(statements) == 2
    everything = [*OPEN, *statements, *(one for one in held(store, "Observation") if "identifier" in one)]
    # What is saved and still in the form is one fact, not two.
    for resources in (everything, [*everything, *MADE]):
        record = read_record(resources, knowledge=KNOWLEDGE, patient_id="p", availability=AVAILABLE)
        assert counts(assess(record, knowledge=KNOWLEDGE, as_of=AS_OF, suppose=False)) == counts(judged(OPEN, *ROWS))


def test_a_server_that_is_read_only() -> None:
    _, transport = sandbox(writable=False)
    refused = saved_at(transport)
    assert [one.fate for one in refused.each] == ["refused"] * 3
    assert not refused.is_whole
    assert refused.sentences()[0] == "Saved to the record: 0 of 3."
    assert "Copy the note" in refused.sentences()[1]


@pytest.mark.parametrize(
    ("status", "fate", "word"),
    [
        (401, "refused", "Sign in"),
        (403, "refused", "may not write"),
        (404, "refused", "does not take"),
        (405, "refused", "does not take"),
        (412, "refused", "there already"),
        (422, "refused", "not fitting"),
        (429, "refused", "wait"),
        (202, "not-known", "Look in the chart"),
        (408, "not-known", "Look in the chart"),
        (500, "not-known", "Look in the chart"),
        (503, "not-known", "Look in the chart"),
    ],
)
def test_what_the_status_says(status: int, fate: str, word: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status if request.method == "POST" else 400, text="secret words of the server")

    [one] = answering(answer).each
    assert (one.fate, one.location) == (fate, "")
    assert word in one.why
    assert "secret" not in one.why


def test_one_refusal_does_not_stop_the_others() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"resourceType": "Bundle"})
        return httpx.Response(403 if "Observation" in str(request.url) else 201, json={"id": "new"})

    told = saved_at(httpx.MockTransport(answer))
    assert [one.fate for one in told.each] == ["refused", "saved", "saved"]
    assert told.each[1].location == "MedicationStatement/new"
    assert told.sentences()[0] == "Saved to the record: 2 of 3."


def test_a_server_that_cannot_be_reached() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    [one] = answering(answer).each
    assert (one.fate, "not be reached" in one.why) == ("not-sent", True)


def test_a_lost_answer_is_not_told_as_a_failure() -> None:
    """The record may hold it: whoever reads "not saved" would write it a second time by hand."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadError("gone", request=request)
        return httpx.Response(200, json={"resourceType": "Bundle"})

    told = answering(answer)
    assert [one.fate for one in told.each] == ["not-known"]
    assert told.sentences() == (
        "Saved to the record: 0 of 1.",
        "Not known whether saved: 1. The record system failed, or did not say what became of it. "
        "Look in the chart before saving again.",
    )


@pytest.mark.parametrize(("stuck", "fate"), [("POST", "not-known"), ("GET", "not-sent")])
def test_all_resources_together_have_one_end(stuck: str, fate: str) -> None:
    """One that is cut off after it was sent is not known; one that was never sent is not there."""
    sent = []

    async def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.method)
        if request.method == stuck and len(sent) > 2:
            await asyncio.Event().wait()
        return httpx.Response(201 if request.method == "POST" else 200, json={"id": "new"})

    told = saved_at(httpx.MockTransport(answer), seconds=0.2)
    assert [one.fate for one in told.each] == ["saved", fate, "not-sent"]
    assert sent == ["GET", "POST", "GET", "POST"][: 4 if stuck == "POST" else 3]
    assert "Not saved" in told.sentences()[-1] and "no time" in told.each[-1].why
    assert not told.is_whole


def test_without_any_time_nothing_is_sent() -> None:
    sent = []
    told = saved_at(httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(201)), seconds=0)
    assert [one.fate for one in told.each] == ["not-sent"] * 3
    assert sent == []


def test_the_condition_travels_and_the_id_does_not() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if request.method == "POST":
            return httpx.Response(200, headers={"Location": f"{BASE}/Observation/7/_history/2"})
        return httpx.Response(400)

    [one] = answering(answer).each
    assert (one.fate, one.location) == ("there-already", "Observation/7")
    value = MADE[0]["identifier"][0]["value"]
    assert dict(seen[0].url.params) == {"patient": "p", "identifier": seen[1].headers["If-None-Exist"][11:]}
    assert seen[1].headers["If-None-Exist"].endswith(f"|{value}")
    assert b'"id":' not in seen[1].content.replace(b'"identifier":', b"")


@pytest.mark.parametrize(
    "body",
    [
        {"entry": [{"resource": {"resourceType": "Observation", "id": "other", "identifier": [{"value": "x"}]}}]},
        {"entry": [{"resource": {"resourceType": "Patient", "id": "p"}}, {"resource": 7}, 7]},
        {"entry": {"resource": {}}},
        [],
        "no JSON",
    ],
)
def test_a_search_that_finds_something_else_is_no_find(body: object) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(201, text="none")
        return httpx.Response(200, text="<") if isinstance(body, str) else httpx.Response(200, json=body)

    [one] = answering(answer).each
    assert (one.fate, one.location) == ("saved", "")
