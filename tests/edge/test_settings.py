"""Settings from the environment, the clock, and the process itself."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, date, datetime
from ipaddress import ip_address

import httpx
import pytest
from pydantic import ValidationError

from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock, SystemClock
from cds_hooks.memory import settle_memory
from cds_hooks.settings import Settings, is_loopback


def test_lists_are_written_with_commas(monkeypatch):
    monkeypatch.setenv("TRD_CDS_CORS_ORIGINS", "https://a.example, https://b.example,")
    monkeypatch.setenv("TRD_CDS_BASE_URL", "https://cds.example/trd/")
    settings = Settings()
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert settings.base_url == "https://cds.example/trd"
    assert not settings.open_mode and settings.remember_verdicts


@pytest.mark.parametrize(
    "bad", [{"base_url": "cds.example"}, {"time_zone": "Nowhere"}, {"deadline_seconds": 0}, {"jurisdiction": "uk"}]
)
def test_unusable_values_are_refused(bad):
    with pytest.raises(ValidationError):
        Settings(**bad)


def test_budgets_bounds_and_networks_from_the_environment(monkeypatch):
    monkeypatch.setenv("TRD_CDS_PRIVATE_NETWORKS", "10.20.0.0/16, fd12:3456::/32")
    settings = Settings()
    assert (settings.soft_budget_seconds, settings.deadline_seconds) == (0.35, 1.6)
    rule = settings.address_rule
    permitted = ("10.20.1.1", "fd12:3456::1", "93.184.215.14")
    assert all(rule.permits("ehr.example", ip_address(text)) for text in permitted)
    refused = ("10.21.0.1", "127.0.0.1", "169.254.169.254", "fe80::1")
    assert not any(rule.permits("ehr.example", ip_address(text)) for text in refused)


@pytest.mark.parametrize(
    "network",
    [
        *("127.0.0.0/8", "0.0.0.0/0", "169.254.169.0/24", "224.0.0.0/8", "0.0.0.0/32"),
        *("::/0", "::1/128", "fe80::/64", "ff00::/8", "10.0.0.1/8", "ehr.example", ""),
    ],
)
def test_networks_in_which_nothing_may_be_called_are_refused(network):
    with pytest.raises(ValidationError):
        Settings(private_networks=(network,))


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.9.9.9", True), ("[::1]", True), ("0.0.0.0", False), ("localhost.example", False)],
)
def test_loopback(host, local):
    assert is_loopback(host) is local


def test_today_depends_on_the_zone():
    clock = FixedClock(datetime(2026, 11, 22, 3, 0, tzinfo=UTC))
    assert clock.today("UTC") == date(2026, 11, 22)
    assert clock.today("America/Chicago") == date(2026, 11, 21)
    assert SystemClock().now().tzinfo is UTC
    with pytest.raises(ValueError, match="zone"):
        FixedClock(datetime(2026, 1, 1))  # noqa: DTZ001 - the fault in question


@pytest.mark.parametrize(("zone", "day"), [("UTC", "2026-11-22"), ("Pacific/Auckland", "2026-11-23")])
def test_the_day_of_judgement_is_the_clients(clinic, keyring, making, card_drafts, zone, day):
    card_drafts()
    service = clinic(registry=keyring.registry(time_zone=zone))
    answer = service.fire(making.call(), headers={"Authorization": f"Bearer {keyring.token()}"})
    assert answer.json()["extension"]["io.github.trd-cds.provenance"]["asOf"] == day


def test_the_application_closes_only_its_own_client(knowledge, making, monkeypatch):
    given = httpx.AsyncClient()

    async def lives(http):
        app = create_app(
            settings=Settings(open_mode=True),
            knowledge=knowledge,
            clock=FixedClock(making.now),
            http=http,
            registry=None,
        )
        async with app.router.lifespan_context(app):
            pass

    asyncio.run(lives(given))
    assert not given.is_closed
    made = []
    real = httpx.AsyncClient

    def make(**options):
        made.append(real(**options))
        return made[-1]

    monkeypatch.setattr("cds_hooks.app.httpx.AsyncClient", make)
    asyncio.run(lives(None))
    assert [client.is_closed for client in made] == [True]
    assert not made[0].follow_redirects


def test_settling_freezes_what_is_there():
    before = gc.get_threshold()
    try:
        gc.set_threshold(700, 10, 10)  # what the interpreter starts with; another test may have settled already
        settle_memory()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold()[0] > 700
    finally:
        gc.set_threshold(*before)
