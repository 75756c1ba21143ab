"""So many calls a minute of one client, and the memory of used tokens: both bounded, both by the given clock."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome

from cds_hooks.errors import RecordsUnavailable, TooManyCalls
from cds_hooks.trust.rates import RateLimits
from cds_hooks.trust.replay import LocalReplays


@dataclass
class MovableClock:
    """A clock that a test moves."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        return self.instant.date()

    def pass_by(self, seconds: float) -> None:
        self.instant += timedelta(seconds=seconds)


@pytest.fixture
def clock(making):
    return MovableClock(making.now)


def two_clients(keyring):
    path = keyring.write(calls_per_minute=3)
    written = json.loads(path.read_text(encoding="utf-8"))
    first = written["clients"][0]
    return keyring, path, [first, {**first, "id": "second", "issuer": "https://second.example"}]


@pytest.fixture
def clients(keyring):
    from cds_hooks.trust.registry import load_registry

    _, path, entries = two_clients(keyring)
    path.write_text(json.dumps({"clients": entries}), encoding="utf-8")
    return tuple(load_registry(path))


def calls_admitted(limits, client, tries):
    admitted = 0
    for _ in range(tries):
        try:
            limits.check(client)
            admitted += 1
        except TooManyCalls as fault:
            assert 1 <= fault.seconds <= 60
    return admitted


def test_a_client_has_its_calls_a_minute_and_a_new_minute_begins(clients, clock):
    limits = RateLimits(clock)
    first, second = clients
    assert calls_admitted(limits, first, 10) == 3
    assert calls_admitted(limits, second, 10) == 3  # nobody uses up another's
    clock.pass_by(59)
    assert calls_admitted(limits, first, 1) == 0
    clock.pass_by(1)
    assert calls_admitted(limits, first, 10) == 3


def test_the_answer_says_how_long_to_wait(clients, clock):
    limits = RateLimits(clock)
    assert calls_admitted(limits, clients[0], 3) == 3
    clock.pass_by(17.5)
    with pytest.raises(TooManyCalls) as caught:
        limits.check(clients[0])
    assert caught.value.seconds == 43
    clock.pass_by(caught.value.seconds)
    limits.check(clients[0])


def test_a_clock_set_back_does_not_shut_a_client_out(clients, clock):
    limits = RateLimits(clock)
    assert calls_admitted(limits, clients[0], 10) == 3
    clock.pass_by(-3600)
    assert calls_admitted(limits, clients[0], 10) == 3


def test_over_http_one_too_many_is_429_and_a_refused_token_is_not_counted(clinic, keyring, making, clock):
    service = clinic(registry=keyring.registry(calls_per_minute=2, cors_origins=["https://ehr.example"]), clock=clock)

    def fire(number, **more):
        token = keyring.token(jti=f"n{number}", **more)
        headers = {"Authorization": f"Bearer {token}", "Origin": "https://ehr.example"}
        return service.fire(making.call(), headers=headers)

    for _ in range(5):
        assert fire(0, aud="https://elsewhere.example").status_code == 401
    assert [fire(number).status_code for number in (1, 2)] == [200, 200]
    refused = fire(3)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "60"
    assert refused.headers["access-control-allow-origin"] == "https://ehr.example"
    OperationOutcome.model_validate(refused.json())
    assert service.log[-1]["outcome"] == "TooManyCalls"
    clock.pass_by(60)
    assert fire(4).status_code == 200


def test_a_larger_body_than_the_client_may_send_is_413(clinic, keyring, making):
    service = clinic(registry=keyring.registry(max_body_bytes=1_000))
    body = making.call(padding="x" * 1_000)
    answer = service.fire(body, headers={"Authorization": f"Bearer {keyring.token()}"})
    assert answer.status_code == 413
    OperationOutcome.model_validate(answer.json())


def first_use(replays, issuer, jti, *, now, life=100):
    return asyncio.run(replays.first_use(issuer, jti, expires=now + timedelta(seconds=life), now=now))


@pytest.mark.proves("JW-10", "BP-01")
def test_used_tokens_are_remembered_until_they_expire(making):
    replays, now = LocalReplays(), making.now
    assert first_use(replays, "i", "a", now=now)
    assert not first_use(replays, "i", "a", now=now)
    assert first_use(replays, "other", "a", now=now)
    assert not first_use(replays, "i", "a", now=now + timedelta(seconds=100))
    assert first_use(replays, "i", "a", now=now + timedelta(seconds=101))


def test_a_full_memory_forgets_nothing_and_says_so_to_its_issuer_only(making):
    replays, now = LocalReplays(capacity_per_issuer=3), making.now
    for number in range(3):
        assert first_use(replays, "i", str(number), now=now)
    with pytest.raises(RecordsUnavailable):
        first_use(replays, "i", "one more", now=now)
    assert not any(first_use(replays, "i", str(number), now=now) for number in range(3))
    assert first_use(replays, "other", "one more", now=now)
    assert first_use(replays, "i", "one more", now=now + timedelta(seconds=101))


def test_an_unpaired_surrogate_is_a_name_like_any_other(making):
    replays = LocalReplays()
    assert first_use(replays, "i", "\ud800", now=making.now)
    assert not first_use(replays, "i", "\ud800", now=making.now)
