"""Feedback: taken tolerantly, refused with the place when misshapen, counted and not kept."""

from __future__ import annotations

import json

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

PATH = "/cds-services/trd-order-select/feedback"
WHEN = "2026-11-22T15:40:21.817Z"


def item(**changed):
    good = {
        "card": "696f462b-8b83-4ed5-9ae0-57b441ab80a7",
        "outcome": "overridden",
        "outcomeTimestamp": WHEN,
    }
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def post(service, *items):
    return service.send("POST", PATH, content=json.dumps({"feedback": list(items)}))


@pytest.mark.parametrize(
    "good",
    [
        item(),
        item(card="123456"),
        item(outcome="accepted", acceptedSuggestions=[{"id": "s1"}]),
        item(outcomeTimestamp="2026-11-22T15:40:21+01:00"),
        item(outcomeTimestamp="2026-11-22t15:40:21z"),
        item(overrideReason={"reason": {"code": "x", "system": "urn:or"}}),
        item(overrideReason={"userComment": "free text"}),
        item(overrideReasons={"extension": {"com.epic.cdshooks.feedback.overrideReason.reasonDisplay": "x"}}),
        item(unknown={"x": 1}),
    ],
)
@pytest.mark.requirement("FB-01", "FB-02", "FB-03", "FB-04", "FB-05", "FB-07", "FB-08", "FB-13", "EP-32")
def test_feedback_is_taken_and_answered_with_nothing(clinic, good):
    answer = post(clinic(), good)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.requirement("FB-09")
def test_batches_and_repeats_are_counted_as_unmatched(clinic):
    service = clinic()
    assert post(service, item(), item(), item(card="another")).status_code == 200
    assert post(service, item()).status_code == 200
    assert service.send("GET", "/health").json()["feedback"] == {"unmatched": 4}


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        (5, "feedback[0]"),
        (item(card=None), "feedback[0].card"),
        (item(card=" "), "feedback[0].card"),
        (item(card=7), "feedback[0].card"),
        (item(outcome=None), "feedback[0].outcome"),
        (item(outcome="ignored"), "feedback[0].outcome"),
        (item(outcome=["accepted"]), "feedback[0].outcome"),
        (item(outcomeTimestamp=None), "feedback[0].outcomeTimestamp"),
        (item(outcomeTimestamp="yesterday"), "feedback[0].outcomeTimestamp"),
        (item(outcomeTimestamp="2026-11-22T15:40:21"), "feedback[0].outcomeTimestamp"),
        (item(outcome="accepted"), "feedback[0].acceptedSuggestions"),
        (item(outcome="accepted", acceptedSuggestions=[]), "feedback[0].acceptedSuggestions"),
        (item(outcome="accepted", acceptedSuggestions=["s1"]), "feedback[0].acceptedSuggestions"),
        (item(overrideReason="because Ana said so"), "feedback[0].overrideReason"),
    ],
)
@pytest.mark.requirement("FB-05", "FB-06", "FB-13")
def test_misshapen_items_are_400_and_located(clinic, bad, place):
    service = clinic()
    answer = post(service, bad)
    assert answer.status_code == 400
    assert OperationOutcome.model_validate(answer.json()).issue[0].expression == [place]
    assert "Ana" not in answer.text + service.written.getvalue()
    assert service.send("GET", "/health").json()["feedback"] == {"unmatched": 0}


def test_feedback_without_an_item_is_400_and_says_so(clinic):
    service = clinic()
    answer = post(service)
    assert answer.status_code == 400
    [issue] = OperationOutcome.model_validate(answer.json()).issue
    assert (issue.expression, "at least one item" in issue.diagnostics) == (["feedback"], True)
    assert service.log[-1]["outcome"] == "BadRequest"
    assert service.send("GET", "/health").json()["feedback"] == {"unmatched": 0}


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"feedback": {"card": "x"}}', b"x"])
@pytest.mark.requirement("FB-03")
def test_other_bodies_are_400(clinic, body):
    assert clinic().send("POST", PATH, content=body).status_code == 400


def test_feedback_for_an_unknown_service_is_404(clinic):
    body = json.dumps({"feedback": [item()]})
    answer = clinic().send("POST", "/cds-services/nothing/feedback", content=body)
    assert answer.status_code == 404


@pytest.mark.requirement("FB-14")
def test_nothing_of_a_comment_is_logged(clinic):
    service = clinic()
    post(service, item(card="canary-card", overrideReason={"userComment": "canary-comment"}))
    assert "canary" not in service.written.getvalue()
    assert service.log[-1]["unmatched_feedback"] == 1
