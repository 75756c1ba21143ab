"""Over the wire: an old order in the request stays evidence of a washout, and what was refused closes options."""

from __future__ import annotations

from datetime import timedelta

import pytest


@pytest.mark.parametrize("status", ["stopped", "active", "on-hold", "cancelled"])
@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_mao_inhibitor_ended_or_signed_again_in_the_request_stops_the_ssri(clinic, making, hook, status):
    written = (making.now - timedelta(days=60)).date().isoformat()
    old = making.order("old", status="active", authoredOn=written) | {
        "medicationCodeableConcept": {"text": "phenelzine"}
    }
    body = making.call(hook, prefetch=making.prefetch(medicationRequests=making.bundle(old)))
    body["context"]["draftOrders"]["entry"].append({"resource": {**old, "status": status}})
    answer = clinic().fire(body)
    assert answer.status_code == 200
    card = answer.json()["cards"][0]
    assert card["indicator"] == "critical"
    assert card["summary"].startswith("Sertraline meets a hard stop: MAO inhibitor")


def test_what_of_it_is_of_no_use_stops_nothing(clinic, making):
    old = making.order("old", status="entered-in-error") | {"medicationCodeableConcept": {"text": "phenelzine"}}
    body = making.call("order-sign")
    body["context"]["draftOrders"]["entry"].append({"resource": old})
    assert [card for card in clinic().fire(body).json()["cards"] if card["indicator"] == "critical"] == []


@pytest.mark.parametrize(
    ("status", "feed"), [(403, True), (401, True), (500, True), (400, True), (404, False), (405, False), (501, False)]
)
@pytest.mark.parametrize("kind", ["MedicationDispense", "MedicationStatement", "Procedure"])
def test_a_server_without_such_data_is_told_from_one_that_refuses(
    clinic, chart, making, monkeypatch, kind, status, feed
):
    import cds_hooks.answering

    seen = []
    judge = cds_hooks.answering.assess

    def watched(record, **manner):
        seen.append(record)
        return judge(record, **manner)

    monkeypatch.setattr(cds_hooks.answering, "assess", watched)
    chart.says(kind, {"resourceType": "OperationOutcome"}, status=status)
    assert clinic().fire(making.with_token(making.call(prefetch={}))).status_code == 200
    assert seen[0].availability[kind].feed is feed
    assert seen[0].availability["Condition"].feed


def test_what_was_never_sent_and_cannot_be_asked_for_has_no_feed(clinic, making, monkeypatch):
    import cds_hooks.answering

    seen = []
    judge = cds_hooks.answering.assess

    def watched(record, **manner):
        seen.append(record.availability)
        return judge(record, **manner)

    monkeypatch.setattr(cds_hooks.answering, "assess", watched)
    prefetch = making.prefetch()
    del prefetch["dispenses"]
    prefetch["statements"] = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "forbidden"}]}
    assert clinic().fire(making.call(prefetch=prefetch)).status_code == 200
    assert (seen[0]["MedicationDispense"].feed, seen[0]["MedicationStatement"].feed) == (False, True)
