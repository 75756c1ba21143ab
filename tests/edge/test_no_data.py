"""The five ways of saying "no data", and every subset of keys."""

from __future__ import annotations

import itertools

import pytest

from cds_hooks import prefetch
from cds_hooks.catalogue import Query
from cds_hooks.prefetch import State
from plugin.record import Read

SEARCH = Query("conditions", "Condition", {})
INSTANCE = Query("patient", "Patient", None)
CONDITION = {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p1"}}


def issue(severity):
    return {"resourceType": "OperationOutcome", "issue": [{"severity": severity, "code": "processing"}]}


def as_entry(resource):
    return {"resource": resource, "search": {"mode": "outcome"}}


def answer(*entries, **more):
    return {"resourceType": "Bundle", "type": "searchset", "entry": list(entries), **more}


FORMS = [
    ({}, State.ABSENT),
    ({"conditions": None}, State.EMPTY),
    ({"conditions": {"resourceType": "Bundle"}}, State.EMPTY),
    ({"conditions": answer()}, State.EMPTY),
    ({"conditions": answer(total=0)}, State.EMPTY),
    ({"conditions": []}, State.EMPTY),
    ({"conditions": answer(as_entry(issue("warning")), total=0)}, State.EMPTY),
    ({"conditions": answer(as_entry(issue("information")), total=0)}, State.EMPTY),
    ({"conditions": answer(as_entry(issue("warning")))}, State.UNAVAILABLE),
    ({"conditions": answer(as_entry(issue("error")), total=0)}, State.UNAVAILABLE),
    ({"conditions": answer(as_entry(issue("fatal")))}, State.UNAVAILABLE),
    ({"conditions": answer(as_entry(issue(["error"])), total=0)}, State.UNAVAILABLE),
    ({"conditions": issue("error")}, State.UNAVAILABLE),
    ({"conditions": issue("warning")}, State.UNAVAILABLE),
    ({"conditions": {"resourceType": "OperationOutcome"}}, State.UNAVAILABLE),
    ({"conditions": answer(total=4)}, State.UNAVAILABLE),
    ({"conditions": answer({"resource": {"resourceType": "Basic"}})}, State.UNAVAILABLE),
    ({"conditions": answer({"resource": CONDITION})}, State.PRESENT),
    ({"conditions": answer({"resource": CONDITION}, total=1)}, State.PRESENT),
    ({"conditions": answer({"resource": CONDITION}, as_entry(issue("warning")))}, State.PRESENT),
    ({"conditions": {"resourceType": "Bundle", "entry": {"resource": CONDITION}}}, State.PRESENT),
    ({"conditions": answer(CONDITION)}, State.PRESENT),
    ({"conditions": [{"resource": CONDITION}]}, State.PRESENT),
    ({"conditions": {"response": {"status": "200"}, "resource": answer({"resource": CONDITION})}}, State.PRESENT),
    ({"conditions": answer({"resource": CONDITION}, as_entry(issue("error")))}, State.INCOMPLETE),
    ({"conditions": answer({"resource": CONDITION}, total=9)}, State.INCOMPLETE),
    ({"conditions": answer({"resource": CONDITION}, link=[{"relation": "next", "url": "x"}])}, State.INCOMPLETE),
    ({"conditions": CONDITION}, State.INCOMPLETE),
    ({"conditions": {}}, State.ABSENT),
    ({"conditions": "Condition?patient={{context.patientId}}"}, State.ABSENT),
    ({"conditions": 7}, State.ABSENT),
    ({"conditions": {"resourceType": ["Bundle"]}}, State.ABSENT),
]


@pytest.mark.parametrize(("sent", "state"), FORMS)
@pytest.mark.proves("PF-12", "PF-13", "PF-14", "PF-15", "PF-17", "PF-04", "PF-10", "PF-16", "FN-13")
def test_the_forms_of_a_search(sent, state):
    assert prefetch.read_key(SEARCH, sent).state is state


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        ({}, State.ABSENT),
        ({"patient": None}, State.ABSENT),
        ({"patient": {"resourceType": "Patient", "id": "p1"}}, State.PRESENT),
        ({"patient": answer({"resource": {"resourceType": "Patient", "id": "p1"}})}, State.PRESENT),
        ({"patient": issue("error")}, State.UNAVAILABLE),
        ({"patient": answer()}, State.ABSENT),
        ({"patient": "p1"}, State.ABSENT),
    ],
)
def test_the_forms_of_a_read(sent, state):
    assert prefetch.read_key(INSTANCE, sent).state is state


def availability_of(clinic, making, monkeypatch, body, server=None, **settings):
    """What the reasoning is told about each kind of data in one call."""
    seen = {}
    import cds_hooks.answering as module

    real = module.read_record

    def spy(resources, **more):
        seen.update(more["availability"])
        seen["resources"] = list(resources)
        return real(resources, **more)

    monkeypatch.setattr(module, "read_record", spy)
    response = clinic(server, **settings).fire(body)
    assert response.status_code == 200, response.text
    return seen


@pytest.mark.proves("PF-06", "PF-08", "PF-09", "PF-10", "PF-11", "PF-12", "PF-13", "PF-14", "PF-15", "PF-16", "PF-17")
@pytest.mark.parametrize(("sent", "state"), FORMS)
def test_without_a_server_only_what_is_known_counts_as_complete(clinic, making, monkeypatch, sent, state):
    prefetched = making.prefetch()
    del prefetched["conditions"]
    seen = availability_of(clinic, making, monkeypatch, making.call(prefetch={**prefetched, **sent}))
    expected = {State.PRESENT: Read.COMPLETE, State.EMPTY: Read.COMPLETE, State.INCOMPLETE: Read.PARTIAL}
    assert seen["Condition"].read is expected.get(state, Read.UNREAD)
    assert bool(seen["Condition"].why) == (seen["Condition"].read is not Read.COMPLETE)


@pytest.mark.parametrize(("sent", "state"), FORMS)
@pytest.mark.proves("PF-20", "PF-08", "PF-12", "PF-13", "PF-14", "PF-15", "PF-17")
def test_with_a_server_only_what_is_missing_is_read(clinic, chart, making, monkeypatch, sent, state):
    prefetched = making.prefetch()
    del prefetched["conditions"]
    body = making.with_token(making.call(prefetch={**prefetched, **making.nothing_needed(), **sent}))
    chart.says("Condition", making.bundle({"resourceType": "Condition", "subject": {"reference": "Patient/p1"}}))
    link = isinstance(sent.get("conditions"), dict) and sent["conditions"].get("link")
    seen = availability_of(clinic, making, monkeypatch, body)
    known = state in (State.PRESENT, State.EMPTY)
    assert chart.paths == ([] if known else ["x"] if link else ["Condition"])
    assert seen["Condition"].read is Read.COMPLETE


@pytest.mark.proves("PF-13", "PF-23")
def test_a_null_history_is_a_known_empty_history(clinic, chart, making):
    sent = making.prefetch(medicationRequests=None, **making.nothing_needed())
    body = making.with_token(making.call(prefetch=sent))
    assert clinic().fire(body).status_code == 200
    assert not chart.requests


def test_a_null_patient_is_read_from_the_server(clinic, chart, making):
    body = making.with_token(making.call(prefetch=making.prefetch(patient=None, **making.nothing_needed())))
    assert clinic().fire(body).status_code == 200
    assert chart.paths == ["Patient/p1"]


@pytest.mark.proves("PF-02", "PF-07")
def test_data_under_a_key_of_the_clients_own_are_used_completeness_unknown(clinic, making, monkeypatch):
    sent = making.prefetch(meds=making.bundle({**making.order("old", status="completed")}))
    del sent["medicationRequests"]
    seen = availability_of(clinic, making, monkeypatch, making.call(prefetch=sent))
    assert seen["MedicationRequest"].read is Read.UNKNOWN
    assert [r["id"] for r in seen["resources"] if r["resourceType"] == "MedicationRequest"] == ["old"]


def test_the_draft_repeated_under_another_key_is_no_history(clinic, making):
    sent = making.prefetch(request=making.order(), proposal=making.order("other-draft"))
    del sent["medicationRequests"]
    assert clinic().fire(making.call(prefetch=sent)).status_code == 412


def test_an_empty_bundle_under_another_key_says_nothing(clinic, making):
    sent = making.prefetch(meds=making.bundle())
    del sent["medicationRequests"]
    assert clinic().fire(making.call(prefetch=sent)).status_code == 412


@pytest.mark.proves("PF-03", "RQ-07", "RQ-09")
def test_every_subset_of_keys_gets_an_answer(clinic, making):
    """Without a server the two essential keys decide between 200 and 412; with one, everything is 200."""
    alone, behind = clinic(making.unreachable), clinic()
    complete = making.prefetch()
    for size in range(len(complete) + 1):
        for keys in itertools.combinations(complete, size):
            body = making.call(prefetch={key: complete[key] for key in keys})
            enough = {"patient", "medicationRequests"} <= set(keys)
            assert alone.fire(body).status_code == (200 if enough else 412), keys
            if size in (0, 1, 8):
                assert behind.fire(making.with_token(body)).status_code == 200, keys


@pytest.mark.proves("PF-19")
def test_prefetch_and_token_give_the_same_cards(clinic, chart, making, card_drafts):
    card_drafts()
    sent = clinic().fire(making.call()).json()["cards"]
    read = clinic().fire(making.with_token(making.call(prefetch=None))).json()["cards"]
    for card in (*sent, *read):
        del card["uuid"]
    assert sent == read != []


@pytest.mark.parametrize(
    "value", [[{"x": 1}], {"resourceType": "Bundle", "entry": [None]}, {"resourceType": "Bundle", "entry": "x"}]
)
def test_entries_that_cannot_be_read_are_no_empty_answer(value):
    assert prefetch.read_key(SEARCH, {"conditions": value}).state is State.UNAVAILABLE


@pytest.mark.parametrize("total", [6, "6"])
def test_a_total_may_be_written_as_text(total):
    sent = {"conditions": answer({"resource": CONDITION}, total=total)}
    assert prefetch.read_key(SEARCH, sent).state is State.INCOMPLETE
