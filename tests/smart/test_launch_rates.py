"""What is counted of launches, and that nobody can use up what others need."""

from __future__ import annotations

import pytest
from starlette.responses import JSONResponse

from cds_hooks.smart.rates import LaunchRates
from cds_hooks.smart.refusals import TOLD, SmartRefused
from cds_hooks.smart.registration import registered
from cds_hooks.trust import rates


def invented(world, browser, smart):
    """A launch begun and answered with a code of one's own."""
    answer = world.to_answer(browser)
    return browser.go(answer.headers["location"].replace(smart.address_of(answer)["code"], "made-up"))


def test_launches_that_cost_nothing_are_not_counted(world):
    here = world(launches_per_minute=2)
    for _ in range(5):
        assert here.browser.go(here.launch_address()).status_code == 302
    assert here.launched(here.new_browser("198.51.100.7")).status_code == 200


def test_each_launch_that_asks_the_ehr_is_counted(world):
    down = [True]

    def before(request):
        return JSONResponse({}, 500) if down and "/fhir" in request.url.path else None

    here = world(before=before, launches_per_minute=2)
    outcomes = []
    for _ in range(3):
        answer = here.browser.go(here.launch_address())
        outcomes.append(here.outcome)
    assert outcomes == ["no-pkce", "no-pkce", "too-many"]
    assert answer.status_code == TOLD["too-many"].status and answer.headers["retry-after"]
    asked = len(here.asked)
    assert here.browser.go(here.launch_address()).status_code == 429 and len(here.asked) == asked
    down.clear()
    here.clock.pass_by(seconds=61)
    assert here.browser.go(here.launch_address()).status_code == 302


def test_invented_codes_lock_out_nobody_but_their_sender(world, smart):
    here = world(launches_per_minute=2)
    stranger = here.new_browser("198.51.100.7")
    outcomes = []
    for _ in range(4):
        invented(here, stranger, smart)
        outcomes.append(here.outcome)
    assert outcomes == ["code-refused", "code-refused", "too-many", "too-many"]
    assert here.launched().status_code == 200
    here.clock.pass_by(seconds=61)
    assert here.launched(stranger).status_code == 200


class Standing:
    """A clock."""

    def __init__(self, smart):
        self.instant = smart.NOW

    def now(self):
        return self.instant


@pytest.fixture
def clock(smart):
    return Standing(smart)


@pytest.fixture
def limits(clock):
    return LaunchRates(clock)


def admitted(limits, ehr, address):
    try:
        limits.check(ehr, "answer", address)
    except SmartRefused:
        return False
    return True


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),  # whoever has one address of a /64 has all of them
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        (None, "no address", True),
    ],
)
def test_whose_calls_are_counted_together(limits, smart, one, other, same):
    ehr = registered(smart.entry(launches_per_minute=1))
    assert admitted(limits, ehr, one)
    assert admitted(limits, ehr, other) is not same


def test_each_ehr_has_its_own_count(limits, smart):
    one, two = (registered(smart.entry(id=name, launches_per_minute=1)) for name in ("one", "two"))
    assert admitted(limits, one, "192.0.2.1") and admitted(limits, two, "192.0.2.1")
    assert not admitted(limits, one, "192.0.2.1")


def test_addresses_without_end_fill_no_memory_and_share_what_is_left(limits, clock, smart, monkeypatch):
    monkeypatch.setattr(rates, "MOST_ADDRESSES", 3)
    ehr = registered(smart.entry(launches_per_minute=1))
    assert [admitted(limits, ehr, f"192.0.2.{n}") for n in range(6)] == [True] * 4 + [False] * 2
    assert limits.held <= 4
    assert not admitted(limits, ehr, "192.0.2.1")  # one that was counted apart still is
    clock.instant = smart.NOW.replace(hour=16)
    assert admitted(limits, ehr, "192.0.2.5") and limits.held == 1
