"""patient-view says a verdict once, and again when it changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_hooks.verdict_memory import LIFETIME, VerdictMemory


@pytest.fixture
def news(making):
    memory = VerdictMemory(capacity=3)

    def ask(verdict="MET", patient="p1", user="u", client="c", after=timedelta(0)):
        said = {"client": client, "user": user, "patient": patient, "verdict": verdict, "now": making.now + after}
        is_news = memory.is_news(**said)
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
    assert VerdictMemory().is_news(client="ab", user="c", patient="p", verdict="MET", now=None)


def test_parts_are_not_confused(making):
    memory = VerdictMemory()
    assert memory.is_news(client="ab", user="c", patient="p", verdict="MET", now=making.now)
    assert memory.is_news(client="a", user="bc", patient="p", verdict="MET", now=making.now)


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


def speaking(service, keyring, making, number, hook="patient-view", user="Practitioner/d1"):
    body = making.call(hook)
    body["context"]["userId"] = user
    token = keyring.token(aud=f"{making.base}/cds-services/trd-{hook}", jti=f"n{number}")
    return len(service.fire(body, headers={"Authorization": f"Bearer {token}"}).json()["cards"])


def test_opening_a_record_twice_speaks_once(clinic, keyring, making, card_drafts):
    card_drafts()
    service = clinic(registry=keyring.registry())
    assert [speaking(service, keyring, making, number) for number in range(3)] == [1, 0, 0]
    assert speaking(service, keyring, making, 3, user="Practitioner/d2") == 1


def test_order_hooks_always_speak(clinic, keyring, making, card_drafts):
    card_drafts()
    service = clinic(registry=keyring.registry())
    assert [speaking(service, keyring, making, number, "order-sign") for number in range(2)] == [1, 1]


def test_it_can_be_switched_off(clinic, keyring, making, card_drafts):
    card_drafts()
    service = clinic(registry=keyring.registry(), remember_verdicts=False)
    assert [speaking(service, keyring, making, number) for number in range(2)] == [1, 1]


def test_open_mode_remembers_nothing(clinic, making, card_drafts):
    card_drafts()
    service = clinic()
    assert [len(service.fire(making.call("patient-view")).json()["cards"]) for _ in range(2)] == [1, 1]
