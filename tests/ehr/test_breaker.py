"""A host that fails is left in peace for a moment. All times are told, none is waited for."""

from __future__ import annotations

import pytest

from cds_hooks.ehr.breaker import Breaker
from cds_hooks.ehr.failures import FhirFailure, not_ok


def failing(breaker: Breaker, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        assert breaker.admits(now)
        breaker.report(well=False, now=now)


@pytest.fixture
def opened() -> Breaker:
    """Opened at 0, rests until 10."""
    breaker = Breaker(failures=3, rest=10.0)
    failing(breaker, 3)
    return breaker


def test_it_opens_after_failures_in_a_row_only():
    breaker = Breaker(failures=3, rest=10.0)
    failing(breaker, 2)
    breaker.report(well=True, now=0.0)
    failing(breaker, 2)
    assert breaker.admits(0.0) and not breaker.is_open
    breaker.report(well=False, now=0.0)
    assert breaker.is_open and breaker.resting(9.9) and not breaker.admits(9.9)


def test_one_request_tries_for_all_and_closes_it(opened):
    assert opened.admits(10.0)
    assert not any(opened.admits(10.0 + tenth / 10) for tenth in range(50))
    opened.report(well=True, now=15.0)
    assert not opened.is_open and opened.admits(15.0) and opened.admits(15.0)


def test_a_trial_that_fails_opens_it_again(opened):
    assert opened.admits(10.0)
    opened.report(well=False, now=12.0)
    assert not opened.admits(21.9)
    assert opened.admits(22.0)


def test_looking_takes_no_trial(opened):
    assert not opened.resting(10.0) and not opened.resting(10.0)
    assert opened.admits(10.0)


def test_a_trial_without_an_end_is_not_waited_for_for_ever(opened):
    assert opened.admits(10.0)
    assert not opened.admits(19.9)
    assert opened.admits(20.0)


def test_a_trial_withdrawn_lets_the_next_try_at_once(opened):
    assert opened.admits(10.0)
    opened.withdraw(10.1)
    assert opened.admits(10.1) and not opened.admits(10.1)


def test_late_failures_do_not_prolong_the_rest(opened):
    opened.report(well=False, now=9.0)
    opened.withdraw(9.0)
    assert not opened.admits(9.9)
    assert opened.admits(10.0)


def test_a_pause_holds_for_all_and_is_no_failure():
    breaker = Breaker()
    breaker.pause(5.0)
    breaker.pause(3.0)
    assert breaker.resting(4.9) and not breaker.admits(4.9) and not breaker.is_open
    assert breaker.admits(5.0)


@pytest.mark.parametrize(
    ("status", "ill", "again"),
    [
        (400, False, False),
        (401, False, False),
        (403, False, False),
        (404, False, False),
        (429, False, True),
        (500, False, False),
        (501, False, False),
        (502, True, True),
        (503, True, True),
        (504, True, True),
        (302, False, False),
    ],
)
def test_what_a_status_says_of_the_host(status, ill, again):
    failure = not_ok(status, 3.0)
    assert (failure.ill, failure.again) == (ill, again)
    assert failure.wait == (3.0 if again else None)
    assert str(status) in failure.why


def test_what_a_lost_connection_says_of_the_host():
    assert FhirFailure("x", outcome="timeout").ill and not FhirFailure("x", outcome="timeout").again
    lost = FhirFailure("x", outcome="unreachable", unanswered=True)
    assert lost.ill and lost.again
    assert not FhirFailure("x", outcome="unreachable").again
    assert not FhirFailure("x", outcome="too-large").ill and not FhirFailure("x").ill
