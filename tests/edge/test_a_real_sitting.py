"""An order-entry sitting with the real reasoning, over HTTP: what is said again, what is offered again, what may rest.

Two antidepressants have failed. The clinician drafts a third, takes what a card offers, signs, signs again, and comes
back the next day. `tests/edge/test_sitting.py` asks the same of made-up findings, rule by rule.
"""

from __future__ import annotations

import json
from datetime import date, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from tests.edge.test_hostile_chart import record
from tests.edge.test_whole_answers import score
from tests.record_keeping import new_records

STATUS, OPTIONS, FAILED, STOP, DANGER = "trdstatus", "trdoptions", "alreadyfailed", "orderstop", "acutesafety"
ESCITALOPRAM, VENLAFAXINE, SERTRALINE, TRANYLCYPROMINE = "321988", "313586", "312941", "313447"


class Watch:
    """A clock that the story moves."""

    def __init__(self, instant):
        self.instant = instant

    def now(self):
        return self.instant

    def today(self, zone) -> date:
        return self.instant.astimezone(ZoneInfo(zone)).date()


class Sitting:
    """One clinician with one patient in one visit, the chart as it stands, and the orders drafted so far."""

    def __init__(self, clinic, keyring, making, folder, **client):
        self._keyring, self._making, self._number = keyring, making, count()
        self.watch = Watch(making.now)
        self._service = clinic(
            clock=self.watch,
            records=new_records(folder),
            registry=keyring.registry(profile="generic", **client),
        )
        self.chart = record()
        self.orders, self.cards = [], []

    def drafts(self, code, **more):
        """The clinician writes an order."""
        order = self._making.order(f"d{len(self.orders)}", code=code, **more)
        self.orders.append(order)
        return order

    def fires(self, hook="order-select", *selected):
        """A hook fires; the topics of the cards."""
        chart = {key: self._making.bundle(*held) for key, held in self.chart.items()}
        body = self._making.call(hook, prefetch=self._making.prefetch(**chart))
        body["context"] |= {"userId": "Practitioner/d1", "encounterId": "e1"}
        if hook != "patient-view":
            body["context"]["draftOrders"]["entry"] = [{"resource": order} for order in self.orders]
        if hook == "order-select":
            body["context"]["selections"] = [f"{o['resourceType']}/{o['id']}" for o in selected or self.orders[:1]]
        self.watch.instant += timedelta(seconds=5)
        audience = f"{self._making.base}/cds-services/trd-{hook}"
        answer = self._service.fire(body, headers=self._token(aud=audience))
        assert answer.status_code == 200
        self.cards = answer.json()["cards"]
        return [card["source"]["topic"]["code"] for card in self.cards]

    def selects(self, *selected):
        return self.fires("order-select", *selected)

    def signs(self):
        self.orders = [{**order, "status": "active"} for order in self.orders]
        return self.fires("order-sign")

    def opens(self):
        return self.fires("patient-view")

    def card(self, topic):
        [card] = [card for card in self.cards if card["source"]["topic"]["code"] == topic]
        return card

    def overrides(self, topic, reason):
        self._reports(topic, outcome="overridden", overrideReason={"reason": {"code": reason, "system": "urn:or"}})

    def accepts(self, topic, label):
        """The clinician takes a suggestion: its orders are drafted, and the client reports it."""
        [chosen] = [one for one in self.card(topic)["suggestions"] if one["label"] == label]
        self._reports(topic, outcome="accepted", acceptedSuggestions=[{"id": chosen["uuid"]}])
        for action in chosen["actions"]:
            self.orders.append({**action["resource"], "id": f"d{len(self.orders)}"})
        return self.orders[-1]

    def _reports(self, topic, **said):
        item = {"card": self.card(topic)["uuid"], "outcomeTimestamp": self.watch.instant.isoformat(), **said}
        path = "/cds-services/trd-order-select/feedback"
        body = json.dumps({"feedback": [item]})
        assert self._service.send("POST", path, content=body, headers=self._token()).status_code == 200

    def _token(self, **claims):
        at = int(self.watch.instant.timestamp())
        token = self._keyring.token(jti=f"n{next(self._number)}", iat=at, exp=at + 200, **claims)
        return {"Authorization": f"Bearer {token}"}

    @property
    def offered(self):
        return [one["label"] for card in self.cards for one in card.get("suggestions", [])]

    def records_a_plan(self):
        """A C-SSRS answer: suicidal intent with a plan."""
        answer = {**score("plan", 1, self.watch.instant.isoformat())}
        answer["code"] = {"coding": [{"system": "http://loinc.org", "code": "93250-9"}]}
        del answer["valueQuantity"]
        answer["valueCodeableConcept"] = {"coding": [{"system": "http://loinc.org", "code": "LA33-6"}]}
        self.chart["scales"] = [*self.chart["scales"], answer]


@pytest.fixture
def sitting(clinic, keyring, making, tmp_path):
    return Sitting(clinic, keyring, making, tmp_path)


THERAPY = "psychotherapy: CBT, behavioural activation, IPT, CBASP or MBCT"
TREATMENTS = {
    "transcranial magnetic stimulation",
    "referral to a site certified to give esketamine under supervision",
    "aripiprazole 2 mg",
    "brexpiprazole 0.5 mg",
}


def test_a_sitting_from_the_first_click_to_the_new_score(sitting):
    # She picks escitalopram, changes its dose, picks it again. The client drops our cards each time: all come again.
    drug = sitting.drafts(ESCITALOPRAM)
    assert sitting.selects() == [STATUS, OPTIONS]
    everything = sitting.offered
    assert {*TREATMENTS, THERAPY, "GAD-7"} < set(everything)
    drug["note"] = [{"text": "with breakfast"}]
    assert sitting.selects() == [STATUS, OPTIONS]
    assert sitting.selects() == [STATUS, OPTIONS]
    assert sitting.offered == everything

    # She takes aripiprazole from the options. The hook fires for it: the same cards, nothing against what she took,
    # and neither it nor another treatment instead of it. The therapy that goes together with all of them may follow.
    added = sitting.accepts(OPTIONS, "aripiprazole 2 mg")
    assert sitting.selects(added) == [STATUS, OPTIONS]
    assert TREATMENTS.isdisjoint(sitting.offered)
    assert THERAPY in sitting.offered
    # She takes the GAD-7 too; it is not offered again, and nothing moves up into its place.
    before = sitting.offered
    sitting.accepts(*_where(sitting, "GAD-7"))
    assert sitting.selects(added) == [STATUS, OPTIONS]
    assert sitting.offered == [label for label in before if label != "GAD-7"]

    # She signs. The options were answered a minute ago and rest; on the status she has said nothing yet.
    assert sitting.signs() == [STATUS]
    sitting.overrides(STATUS, "already-considered")
    # She signs once more. The signed orders are neither a past trial nor a duplicate of themselves.
    assert sitting.signs() == []

    # The next day, in the same admission: her reason on the status lasts, the acceptance was that of a sitting.
    sitting.watch.instant += timedelta(days=1)
    sitting.orders = []
    sitting.drafts(ESCITALOPRAM)
    assert sitting.selects() == [OPTIONS]
    assert set(everything) >= TREATMENTS < set(sitting.offered)
    # A new PHQ-9 is a new fact: everything is said again.
    today = sitting.watch.today("UTC").isoformat()
    sitting.chart["scales"] = [*sitting.chart["scales"], score("s6", 21, today)]
    assert sitting.selects() == [STATUS, OPTIONS]


def _where(sitting, label):
    """The topic of the card that offers `label`, and `label`."""
    [card] = [card for card in sitting.cards if any(one["label"] == label for one in card.get("suggestions", []))]
    return card["source"]["topic"]["code"], label


def test_a_reason_about_the_order_says_nothing_of_another_order(sitting):
    first = sitting.drafts(ESCITALOPRAM)
    assert sitting.selects(first) == [STATUS, OPTIONS]
    sitting.overrides(STATUS, "other-indication")
    assert sitting.selects(first) == [OPTIONS]
    # Venlafaxine is no escitalopram: what she said of the one is no answer for the other.
    second = sitting.drafts(VENLAFAXINE)
    assert STATUS in sitting.selects(second)
    assert STATUS in sitting.signs(), "nor for both together"
    sitting.orders = [first]
    assert sitting.signs() == [OPTIONS]


def test_a_reason_about_the_finding_holds_for_every_order(sitting):
    first = sitting.drafts(ESCITALOPRAM)
    sitting.selects(first)
    sitting.overrides(STATUS, "trial-misjudged")
    assert STATUS not in sitting.selects(sitting.drafts(VENLAFAXINE))


@pytest.mark.parametrize(("later", "again"), [(timedelta(hours=11), False), (timedelta(hours=13), True)])
def test_an_answer_for_the_moment_holds_for_one_sitting(sitting, later, again):
    sitting.drafts(ESCITALOPRAM)
    sitting.selects()
    sitting.overrides(STATUS, "not-clinically-relevant")
    sitting.watch.instant += later
    assert (STATUS in sitting.signs()) is again


def test_danger_and_hard_stops_are_said_whatever_was_answered(sitting):
    sitting.drafts(TRANYLCYPROMINE)
    sitting.records_a_plan()
    for reason in ("already-considered", "other-indication", "trial-misjudged"):
        topics = sitting.selects()
        assert topics[:2] == [DANGER, STOP]
        for topic in topics:
            sitting.overrides(topic, reason)
    assert sitting.signs() == [DANGER, STOP]
    sitting.watch.instant += timedelta(days=1)
    assert sitting.signs() == [DANGER, STOP]


def test_opening_a_record_is_answered_in_full_in_one_sitting_and_always_with_danger(sitting):
    assert [sitting.opens(), sitting.opens()] == [[STATUS], [STATUS]]
    sitting.records_a_plan()
    assert sitting.opens() == [DANGER, STATUS]
    # The next day the verdict is no news; what was recorded is said all the same.
    sitting.watch.instant += timedelta(days=1)
    assert [sitting.opens(), sitting.opens()] == [[DANGER], [DANGER]]


@pytest.mark.parametrize("room", [1, 2])
@pytest.mark.parametrize("danger", [True, False], ids=["danger and two stops", "two stops"])
def test_a_client_that_shows_fewer_cards_is_told_of_every_danger(clinic, keyring, making, tmp_path, room, danger):
    sitting = Sitting(clinic, keyring, making, tmp_path, cards_at_most=room)
    drafted = [sitting.drafts(TRANYLCYPROMINE), sitting.drafts(SERTRALINE)]
    if danger:
        sitting.records_a_plan()
    assert sitting.selects(*drafted) == ([DANGER, STOP] if danger else [STOP, STOP])[:room]
    said = "\n".join(f"{card['summary']}\n{card['detail']}" for card in sitting.cards)
    for named in ("Tranylcypromine meets a hard stop", "Sertraline meets a hard stop"):
        assert said.count(named) == 1
    assert ("suicidal intent with a plan" in said) is danger
    assert sitting.cards[0]["indicator"] == "critical"
