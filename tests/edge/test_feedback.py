"""Feedback over the wire: taken tolerantly, kept once, matched to cards really shown, acknowledged when durable."""

from __future__ import annotations

import asyncio
import json

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from sqlalchemy import select

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.storage import tables
from cds_hooks.storage.database import Database
from tests.record_keeping import new_records

PATH = "/cds-services/trd-order-select/feedback"
WHEN = "2026-11-22T15:40:21.817Z"
UUID = "696f462b-8b83-4ed5-9ae0-57b441ab80a7"


def item(**changed):
    good = {"card": UUID, "outcome": "overridden", "outcomeTimestamp": WHEN}
    return {name: value for name, value in {**good, **changed}.items() if value is not None}


def post(service, *items, path=PATH, **more):
    return service.send("POST", path, content=json.dumps({"feedback": list(items)}), **more)


@pytest.fixture
def kept(tmp_path):
    """The feedback on record, oldest first."""

    def read():
        records = new_records(tmp_path)
        rows = asyncio.run(
            records.database.read(
                lambda one: one.execute(select(tables.feedback).order_by(tables.feedback.c.happened_at)).all()
            )
        )
        asyncio.run(records.database.close())
        return rows

    return read


@pytest.fixture
def shown(clinic, card_drafts, making):
    """A service in open mode that has just shown one card; the service and the card."""

    def show(**changed):
        card_drafts(1, **changed)
        service = clinic()
        [card] = service.fire(making.call()).json()["cards"]
        return service, card

    return show


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
        item(overrideReasons=[{"reason": {"code": "x"}}, {"userComment": "y"}]),
        item(unknown={"x": 1}),
        item(card="a\0b" * 2000),
    ],
)
@pytest.mark.parametrize("path", [PATH, PATH.removesuffix("/feedback")])
@pytest.mark.proves("FB-01", "FB-02", "FB-03", "FB-04", "FB-05", "FB-07", "FB-08", "FB-13", "EP-32")
def test_feedback_is_taken_and_answered_with_nothing(clinic, kept, good, path):
    answer = post(clinic(), good, path=path)
    assert (answer.status_code, answer.content) == (200, b"")
    [row] = kept()
    assert (row.card, row.client, row.service, row.comment) == (None, "open", "trd-order-select", None)


@pytest.mark.proves("FB-04", "FB-09", "FB-11")
def test_what_was_shown_is_matched_and_repeats_are_kept_once(shown, kept):
    service, card = shown()
    accepted = item(card=card["uuid"].upper(), outcome="accepted", acceptedSuggestions=[{"id": "s1"}])
    for _ in range(3):
        assert post(service, accepted, item(card=card["uuid"]), item(card="another"), accepted).status_code == 200
    rows = {row.outcome: row for row in kept() if row.card}
    assert len(kept()) == 3
    assert set(rows) == {"accepted", "overridden"}
    assert rows["accepted"].card == card["uuid"]
    assert rows["accepted"].unknown_suggestions == 1
    lines = [line for line in service.log if line["call"] == "feedback"]
    assert (lines[0]["matched_feedback"], lines[0]["unmatched_feedback"], lines[0]["repeated_feedback"]) == (2, 1, 1)
    assert lines[-1]["repeated_feedback"] == 4


def test_what_was_accepted_is_named_by_what_it_proposed(shown, kept):
    service, card = shown(collects=("phq9",))
    suggestion = card["suggestions"][0]["uuid"]
    post(service, item(card=card["uuid"], outcome="accepted", acceptedSuggestions=[{"id": suggestion}]))
    assert [(row.accepted, row.unknown_suggestions) for row in kept()] == [(["measure:phq9"], 0)]


@pytest.mark.parametrize(
    ("reason", "codes", "given"),
    [
        ({"reason": {"code": "history-incomplete", "system": "urn:or"}}, ["history-incomplete"], "ours"),
        ({"reason": {"code": "not-mdd", "system": "urn:or"}}, [], "other"),
        ({"reason": {"coding": [{"code": "patient-preference"}]}}, ["patient-preference"], "ours"),
        ({"reason": {"display": "The patient prefers this treatment"}}, ["patient-preference"], "ours"),
        (
            {"extension": {"com.epic.x.reasonDisplay": "THE patient prefers this treatment"}},
            ["patient-preference"],
            "ours",
        ),
        ({"extension": {"com.epic.x.reasonDisplay": "because Ana said so"}}, [], "other"),
        ({"extension": [{"url": "x"}]}, [], "none"),
        ({"userComment": "Ana"}, [], "none"),
        ({}, [], "none"),
    ],
)
@pytest.mark.parametrize("name", ["overrideReason", "overrideReasons"])
@pytest.mark.proves("FB-07", "FB-14", "EP-32", "EX-01", "CA-13", "FN-06")
def test_a_reason_is_kept_by_our_code_only(clinic, kept, name, reason, codes, given):
    assert post(clinic(), item(**{name: reason})).status_code == 200
    assert [(row.reasons, row.reason_given) for row in kept()] == [(codes, given)]


@pytest.mark.parametrize(
    ("odd", "place", "name"),
    [
        (item(outcomeTimestamp=None), "outcomeTimestamp", "no-time"),
        (item(outcomeTimestamp="yesterday"), "outcomeTimestamp", "no-time"),
        (item(outcomeTimestamp="2026-11-22T15:40:21"), "outcomeTimestamp", "no-time"),
        (item(outcome="accepted"), "acceptedSuggestions", "no-suggestion"),
        (item(outcome="accepted", acceptedSuggestions=[]), "acceptedSuggestions", "no-suggestion"),
        (item(outcome="accepted", acceptedSuggestions=["s1"]), "acceptedSuggestions", "no-suggestion"),
        (item(overrideReason="because Ana said so"), "overrideReason", "reason-shape"),
        (item(overrideReason={"userComment": "Ana " * 5000}), "overrideReason", "comment-cut"),
    ],
)
@pytest.mark.proves("FB-06", "FB-08", "FB-13")
def test_what_is_partly_told_is_kept_and_the_sender_is_told(clinic, kept, odd, place, name):
    service = clinic()
    answer = post(service, item(card="first"), odd)
    assert answer.status_code == 200
    [issue] = OperationOutcome.model_validate(answer.json()).issue
    assert (issue.severity, issue.expression) == ("warning", [f"feedback[1].{place}"])
    assert "Ana" not in answer.text + service.written.getvalue()
    assert [name] in [row.irregular for row in kept()]


USELESS = [
    (5, "feedback[{}]"),
    (item(card=None), "feedback[{}].card"),
    (item(card=" "), "feedback[{}].card"),
    (item(card=7), "feedback[{}].card"),
    (item(outcome=None), "feedback[{}].outcome"),
    (item(outcome="ignored"), "feedback[{}].outcome"),
    (item(outcome=["accepted"]), "feedback[{}].outcome"),
]


@pytest.mark.parametrize(("bad", "place"), USELESS)
@pytest.mark.proves("FB-05", "FB-13")
def test_an_item_that_tells_nothing_is_400_and_located(clinic, kept, bad, place):
    answer = post(clinic(), bad)
    assert answer.status_code == 400
    assert OperationOutcome.model_validate(answer.json()).issue[0].expression == [place.format(0)]
    assert kept() == []


@pytest.mark.parametrize(("bad", "place"), USELESS)
def test_the_rest_of_its_batch_is_kept(clinic, kept, bad, place):
    answer = post(clinic(), item(), bad)
    assert answer.status_code == 200
    [issue] = OperationOutcome.model_validate(answer.json()).issue
    assert (issue.severity, issue.expression) == ("error", [place.format(1)])
    assert len(kept()) == 1


def test_feedback_without_an_item_is_400_and_says_so(clinic, kept):
    service = clinic()
    answer = post(service)
    assert answer.status_code == 400
    [issue] = OperationOutcome.model_validate(answer.json()).issue
    assert (issue.expression, "at least one item" in issue.diagnostics) == (["feedback"], True)
    assert service.log[-1]["outcome"] == "BadRequest"
    assert kept() == []


def test_a_batch_is_bounded(clinic, kept):
    answer = post(clinic(), *[item(card=str(number)) for number in range(501)])
    assert answer.status_code == 413
    assert kept() == []


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"feedback": {"card": "x"}}', b"x"])
@pytest.mark.proves("FB-03")
def test_other_bodies_are_400(clinic, body):
    assert clinic().send("POST", PATH, content=body).status_code == 400


def test_feedback_for_an_unknown_service_is_404_and_not_kept(clinic, kept):
    assert post(clinic(), item(), path="/cds-services/other/feedback").status_code == 404
    assert kept() == []


@pytest.mark.parametrize(("setting", "is_kept"), [(False, False), (True, True)])
@pytest.mark.proves("FB-14")
def test_a_comment_is_dropped_or_sealed_and_never_logged(clinic, kept, tmp_path, setting, is_kept):
    records = new_records(tmp_path, keep_comments=setting)
    service = clinic(records=records)
    answer = post(service, item(overrideReason={"userComment": "Ana prefers tea"}))
    assert answer.status_code == 200
    [row] = kept()
    assert row.commented
    assert (row.comment is not None) is is_kept
    assert not is_kept or records.keys.unseal(row.comment) == "Ana prefers tea"
    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"prefers tea" not in on_disk
    assert "tea" not in service.written.getvalue()


def test_feedback_that_cannot_be_kept_is_not_acknowledged(clinic, tmp_path, monkeypatch):
    records = new_records(tmp_path)
    service = clinic(records=records)

    async def fails(*_, **__):
        raise RecordsUnavailable

    monkeypatch.setattr(Database, "_run", fails)
    answer = post(service, item())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "sent again" in OperationOutcome.model_validate(answer.json()).issue[0].diagnostics


def test_another_clients_card_is_not_its_own(clinic, keyring, card_drafts, making, kept):
    card_drafts(1)
    [card] = clinic().fire(making.call()).json()["cards"]  # shown to the client of open mode
    token = keyring.token(aud=f"{making.base}{PATH}")
    service = clinic(registry=keyring.registry())
    answer = post(service, item(card=card["uuid"]), headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    [row] = kept()
    assert (row.client, row.card) == ("general", None)


def test_a_card_in_shadow_was_shown_to_nobody(clinic, keyring, card_drafts, making, kept, tmp_path):
    card_drafts(1)
    service = clinic(registry=keyring.registry(mode="shadow"))
    assert service.fire(making.call(), headers={"Authorization": f"Bearer {keyring.token()}"}).json() == {"cards": []}
    records = new_records(tmp_path)
    [card] = asyncio.run(records.database.read(lambda one: one.execute(select(tables.cards)).all()))
    assert not card.shown
    token = keyring.token(aud=f"{making.base}{PATH}", jti="second")
    assert post(service, item(card=card.id), headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert [row.card for row in kept()] == [None]


@pytest.mark.proves("FB-11")
def test_late_feedback_is_taken_when_the_card_is_gone(shown, kept, tmp_path, making):
    service, card = shown()
    records = new_records(tmp_path, cards_days=1)
    gone = asyncio.run(records.forget_old(replace_day(making.now, 2)))
    assert gone.cards == 1
    assert post(service, item(card=card["uuid"])).status_code == 200
    assert [row.card for row in kept()] == [None]


def replace_day(instant, days):
    return instant.replace(day=instant.day + days)
