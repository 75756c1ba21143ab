"""patient-view says a verdict in one sitting, and again when it changes; danger always."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from cds_hooks.clock import FixedClock
from cds_hooks.verdict_memory import LIFETIME, VerdictMemory
from plugin.advice.card_draft import CardDraft


@pytest.fixture
def news(making):
    memory = VerdictMemory(capacity=3)

    def ask(verdict="MET", patient="p1", user="u", client="c", after=timedelta(0)):
        said = {"client": client, "user": user, "patient": patient, "verdict": verdict, "now": making.now + after}
        is_news = memory.told_at(**said) is None
        if is_news:
            memory.remember(**said)
        return is_news

    ask.memory = memory
    return ask


def test_a_verdict_is_news_once(news):
    assert news()
    assert not news()


def test_a_change_is_news_and_so_is_the_way_back(news):
    assert [news("PROBABLE"), news("MET"), news("MET"), news("PROBABLE")] == [True, True, False, True]


def test_each_user_patient_and_client_is_told(news):
    assert news() and news(patient="p2") and news(user="v")


def test_parts_are_not_confused(making):
    memory = VerdictMemory()
    said = {"patient": "p", "verdict": "MET", "now": making.now}
    memory.remember(client="ab", user="c", **said)
    assert memory.told_at(client="ab", user="c", **said) == making.now
    assert memory.told_at(client="a", user="bc", **said) is None


def test_it_is_forgotten_in_time(news):
    assert news()
    assert not news(after=LIFETIME - timedelta(seconds=1))
    assert news(after=LIFETIME)


def test_it_is_bounded(news):
    assert all(news(patient=str(number)) for number in range(10))
    assert len(news.memory._said) == 3
    assert news(patient="0")


def test_nothing_readable_is_kept(news):
    news(patient="canary-patient", user="canary-user", verdict="canary-verdict")
    assert "canary" not in repr(news.memory._said)


class Watch(FixedClock):
    """A clock that the test moves."""

    def now(self):
        return self.instant + Watch.passed

    passed = timedelta(0)


@pytest.fixture
def opening(clinic, keyring, making, monkeypatch):
    """A registered client's service, and how many cards it says at a time after the first call."""
    number = count()

    def make(*, registered=True, **settings):
        registry = keyring.registry() if registered else None
        service = clinic(registry=registry, clock=Watch(making.now), **settings)

        def speaking(after=timedelta(0), hook="patient-view", user="Practitioner/d1"):
            monkeypatch.setattr(Watch, "passed", after)
            body = making.call(hook)
            body["context"]["userId"] = user
            at = int((making.now + after).timestamp())
            audience = f"{making.base}/cds-services/trd-{hook}"
            token = keyring.token(aud=audience, jti=f"n{next(number)}", iat=at, exp=at + 200)
            headers = {"Authorization": f"Bearer {token}"} if registered else {}
            return [card["source"]["topic"]["code"] for card in service.fire(body, headers=headers).json()["cards"]]

        speaking.service = service
        return speaking

    return make


STATUS = ["trdstatus"]
NEXT = timedelta(hours=13)


def test_a_record_opened_again_is_answered_in_full_for_one_sitting_and_then_no_more(opening, card_drafts):
    card_drafts(lasting=True)
    speaks = opening()
    hours = (0, 1, 11, 13, 24, 24 * 6)
    assert [speaks(timedelta(hours=n)) for n in hours] == [STATUS, STATUS, STATUS, [], [], []]
    assert speaks.service.log[-1]["outcome"] == "already-said"
    assert speaks(NEXT, user="Practitioner/d2") == STATUS
    # Forgotten after a week, it is said again, and a new sitting begins with it.
    assert [speaks(LIFETIME), speaks(LIFETIME + timedelta(hours=1)), speaks(LIFETIME + NEXT)] == [STATUS, STATUS, []]


def test_the_length_of_a_sitting_is_a_setting(opening, card_drafts):
    card_drafts(lasting=True)
    speaks = opening(sitting_hours=1)
    assert [speaks(), speaks(timedelta(minutes=59)), speaks(timedelta(hours=1))] == [STATUS, STATUS, []]


def test_danger_beside_a_verdict_already_told_is_said_each_time(opening, monkeypatch):
    said = {"indicator": "warning", "source_label": "TRD-CDS", "detail": ()}
    status = CardDraft(kind="trd-status", summary="a", lasting=True, **said)
    danger = CardDraft(kind="acute-safety", summary="b", **said)
    found = [status]
    monkeypatch.setattr("cds_hooks.answering.advise", lambda *_, **__: tuple(found))
    speaks = opening()
    assert [speaks(), speaks(NEXT)] == [STATUS, []]
    found.insert(0, danger)
    assert [speaks(NEXT), speaks(NEXT)] == [["acutesafety"], ["acutesafety"]]
    # What was said of danger is no verdict told.
    found.remove(status)
    assert speaks(LIFETIME) == ["acutesafety"]
    found.append(status)
    assert speaks(LIFETIME + NEXT) == ["acutesafety", "trdstatus"]


def test_order_hooks_always_speak(opening, card_drafts):
    card_drafts(lasting=True)
    speaks = opening()
    assert [speaks(after, "order-sign") for after in (timedelta(0), NEXT)] == [STATUS, STATUS]


def test_it_can_be_switched_off(opening, card_drafts):
    card_drafts(lasting=True)
    speaks = opening(remember_verdicts=False)
    assert [speaks(), speaks(NEXT)] == [STATUS, STATUS]


def test_open_mode_remembers_nothing(opening, card_drafts):
    card_drafts(lasting=True)
    speaks = opening(registered=False)
    assert [speaks(), speaks(NEXT)] == [STATUS, STATUS]
