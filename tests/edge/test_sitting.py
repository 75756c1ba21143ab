"""An order-entry sitting from the first click to the next day: what is said again, and what an answer silences."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from cds_hooks.clock import FixedClock
from cds_hooks.repeats import marks_of
from plugin.advice.card_draft import CardDraft
from tests.record_keeping import new_records

STATUS, OPTIONS, FAILED, DANGER = "trd-status", "trd-options", "already-failed", "order-stop"


class Sitting:
    """One clinician, one patient, one visit. What the reasoning finds is given; what is shown is asked."""

    def __init__(self, make_clinic, making, monkeypatch, folder):
        self._making, self._make, self._folder = making, make_clinic, folder
        self.now, self.score, self.encounter, self.user = making.now, "PHQ-9 18", "e1", "Practitioner/d1"
        self.settings = {}
        self.last, self.asked, self.drafts = [], [], None
        monkeypatch.setattr("cds_hooks.answering.advise", self._advise)

    def _advise(self, *_, silenced, at_most, **__):
        self.asked.append(at_most)
        found = {DANGER: ("order-stop:mono", False), STATUS: ("trd-status", True), OPTIONS: ("trd-options", True)}
        drafts = tuple(
            CardDraft(
                kind=kind,
                summary=f"about {kind}",
                detail=(),
                indicator="warning",
                source_label="TRD-CDS",
                override_reasons=("already-considered",),
                collects=("phq9",) if kind == OPTIONS else (),
                finding=finding,
                facts=(self.score,),
                lasting=lasting,
            )
            for kind, (finding, lasting) in found.items()
        )
        return tuple(draft for draft in drafts if not silenced(draft))

    def _clinic(self):
        # Every call meets another worker: nothing is remembered but what is in the records.
        return self._make(clock=FixedClock(self.now), records=new_records(self._folder), **self.settings)

    def fires(self, hook):
        body = self._making.call(hook)
        body["context"] |= {"encounterId": self.encounter, "userId": self.user}
        if self.drafts is not None:
            body["context"]["draftOrders"]["entry"] = [{"resource": draft} for draft in self.drafts]
            body["context"].pop("selections", None)
        if hook == "order-sign":
            body["context"]["draftOrders"]["entry"][0]["resource"]["status"] = "active"
        self.now += timedelta(seconds=5)
        answer = self._clinic().fire(body)
        assert answer.status_code == 200
        self.last = answer.json()["cards"]
        return [card["summary"].removeprefix("about ") for card in self.last]

    def answers(self, kind, outcome="overridden", reason=None):
        [card] = [card for card in self.last if card["summary"].endswith(kind)]
        item = {"card": card["uuid"], "outcome": outcome, "outcomeTimestamp": self.now.isoformat()}
        if outcome == "accepted":
            item["acceptedSuggestions"] = [{"id": card["suggestions"][0]["uuid"]}]
        if reason:
            item["overrideReason"] = {"reason": {"code": reason, "system": "urn:or"}}
        path = "/cds-services/trd-order-select/feedback"
        assert self._clinic().send("POST", path, content=json.dumps({"feedback": [item]})).status_code == 200


@pytest.fixture
def sitting(clinic, making, monkeypatch, tmp_path):
    return Sitting(clinic, making, monkeypatch, tmp_path)


EVERYTHING = [DANGER, STATUS, OPTIONS]


def test_a_sitting_from_the_first_click_to_the_next_day(sitting):
    # She picks the drug, changes the dose, picks again: the client has dropped our cards each time.
    assert sitting.fires("order-select") == EVERYTHING
    assert sitting.fires("order-select") == EVERYTHING
    # She takes the suggested PHQ-9 and goes on: at the same hook the card stays beside what she accepted.
    sitting.answers(OPTIONS, "accepted")
    assert sitting.fires("order-select") == EVERYTHING
    # She signs. What she answered a minute ago is not said again; what she did not answer is; danger always.
    assert sitting.fires("order-sign") == [DANGER, STATUS]
    sitting.answers(STATUS, reason="not-clinically-relevant")
    assert sitting.fires("order-sign") == [DANGER, STATUS], "that reason holds for the moment only"
    # She signs once more, and says why in a way that lasts.
    sitting.answers(STATUS, reason="already-considered")
    assert sitting.fires("order-sign") == [DANGER]
    # The next day, in the same admission, nothing has changed.
    sitting.now += timedelta(days=1)
    assert sitting.fires("order-select") == [DANGER, OPTIONS]
    # A new PHQ-9 is recorded: everything is said again.
    sitting.score = "PHQ-9 21"
    assert sitting.fires("order-select") == EVERYTHING


@pytest.mark.proves("FB-10")
def test_no_answer_is_no_answer(sitting):
    for hook in ("order-select", "order-sign", "order-select", "order-sign"):
        assert sitting.fires(hook) == EVERYTHING


@pytest.mark.parametrize("reason", ["already-considered", "patient-preference", "other-indication"])
def test_danger_cannot_be_answered_away(sitting, reason):
    sitting.fires("order-select")
    sitting.answers(DANGER, reason=reason)
    assert sitting.fires("order-select") == EVERYTHING
    assert sitting.fires("order-sign") == EVERYTHING


@pytest.mark.parametrize(("changed", "value"), [("user", "Practitioner/d2"), ("encounter", "e2"), ("encounter", "")])
def test_an_answer_is_that_of_one_clinician_in_one_encounter(sitting, changed, value):
    sitting.fires("order-select")
    sitting.answers(STATUS, reason="already-considered")
    assert sitting.fires("order-select") == [DANGER, OPTIONS]
    setattr(sitting, changed, value)
    assert sitting.fires("order-select") == EVERYTHING


@pytest.mark.parametrize(("reason", "held"), [("other-indication", False), ("already-considered", True)])
def test_a_reason_about_the_order_holds_for_that_order_only(sitting, making, reason, held):
    sitting.fires("order-select")
    sitting.answers(STATUS, reason=reason)
    assert STATUS not in sitting.fires("order-select")
    for drafts in (("321988",), ("312941", "321988")):
        sitting.drafts = [making.order(f"o{code}", code=code) for code in drafts]
        assert (STATUS not in sitting.fires("order-select")) is held
        assert (STATUS not in sitting.fires("order-sign")) is held, "nor for the moment"


@pytest.mark.parametrize(("hours", "again"), [(1, False), (5, True)])
def test_a_sitting_is_a_setting(sitting, hours, again):
    sitting.settings = {"sitting_hours": 4}
    sitting.fires("order-select")
    sitting.answers(STATUS, reason="not-clinically-relevant")
    sitting.now += timedelta(hours=hours)
    assert (STATUS in sitting.fires("order-sign")) is again


def test_an_answer_kept_before_orders_were_told_apart_still_holds(sitting, monkeypatch):
    """The second mark was one whole digest of the facts; the first half of the new one is the same."""

    def marks(draft, asker, keys, *, ordered):
        found, _ = marks_of(draft, asker, keys, ordered=ordered)
        return found, keys.pseudonym("facts", asker.client, asker.patient, draft.finding, *draft.facts)

    with monkeypatch.context() as before:
        before.setattr("cds_hooks.ledger.marks_of", marks)
        sitting.fires("order-select")
    sitting.answers(STATUS, reason="already-considered")
    sitting.answers(OPTIONS, reason="other-indication")
    assert sitting.fires("order-select") == [DANGER, OPTIONS]


def test_the_client_is_asked_for_as_many_cards_as_it_shows(sitting):
    sitting.fires("order-select")
    assert sitting.asked == [3]


@pytest.mark.parametrize(("days", "again"), [(29, False), (31, True)])
def test_an_answer_expires(sitting, days, again):
    sitting.fires("order-select")
    sitting.answers(STATUS, reason="already-considered")
    sitting.now += timedelta(days=days)
    assert (STATUS in sitting.fires("order-select")) is again


def test_the_memory_is_a_setting(sitting):
    sitting.settings = {"repeat_memory_days": 0}
    sitting.fires("order-select")
    sitting.answers(STATUS, reason="already-considered")
    assert sitting.fires("order-sign") == EVERYTHING


def test_what_was_silenced_is_told_in_the_log(sitting):
    sitting.fires("order-select")
    sitting.answers(STATUS, reason="already-considered")
    clinic = sitting._clinic()
    body = sitting._making.call("order-select")
    body["context"] |= {"encounterId": "e1"}
    clinic.fire(body)
    assert clinic.log[-1]["silenced_cards"] == [STATUS]


@pytest.mark.proves("OG-07")
def test_an_order_signed_again_is_no_history_of_itself(clinic, making):
    """The order on record is the one in the draft: it is neither a past trial nor a drug already taken."""
    signed = making.order("signed", status="active", authoredOn="2026-01-10")
    other = making.order("other", status="active", authoredOn="2026-01-10")
    seen = []
    for on_record in (signed, other):
        body = making.call("order-sign", prefetch=making.prefetch(medicationRequests=making.bundle(on_record)))
        body["context"]["draftOrders"]["entry"] = [{"resource": signed}]
        seen.append("already" in clinic().fire(body).text.lower() or "duplicate" in clinic().fire(body).text.lower())
    assert seen == [False, True]
