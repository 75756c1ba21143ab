"""`trd-cds mode`, `audit`, `database` and `knowledge accept`: what an operator does beside a running service."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from cds_hooks.storage.schema_version import newest
from mappings.load import load

Trd = Callable[..., Any]
SITE = 'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'
BECAUSE = ("--who", "Dr A, medication safety", "--why", "pilot on ward 3")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, registry: Path, tmp_path: Path, trd: Trd) -> Path:
    """The settings of an installation with one client and empty records; its data folder."""
    data = tmp_path / "data"
    monkeypatch.setenv("TRD_CDS_REGISTRY_FILE", str(registry))
    monkeypatch.setenv("TRD_CDS_DATA_DIR", str(data))
    assert trd("database", "upgrade").status == 0
    return data


@pytest.mark.parametrize("command", [("audit", "verify"), ("audit", "export"), ("mode", "show")])
def test_a_check_of_the_wrong_folder_finds_nothing_there(
    trd: Trd, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, str]
) -> None:
    monkeypatch.setenv("TRD_CDS_DATA_DIR", str(tmp_path / "mistyped"))
    said = trd(*command)
    assert said.status == 2 and "is not there" in said.err and "TRD_CDS_DATA_DIR" in said.err
    assert not (tmp_path / "mistyped").exists()


def test_a_folder_that_everybody_may_write_is_refused(trd: Trd, installed: Path) -> None:
    installed.chmod(0o777)
    said = trd("mode", "show")
    assert said.status == 2 and "chmod 700" in said.err


def test_a_switch_is_thrown_shown_and_audited(trd: Trd, installed: Path) -> None:
    assert "accepted by nobody" in trd("mode", "show").out
    said = trd("mode", "set", "off", "--client", "demo-client", *BECAUSE)
    assert (said.status, said.out) == (0, "client demo-client, every rule: off\n")
    shown = trd("mode", "show").out
    assert "client demo-client: off (registry: shadow)" in shown
    assert "by Dr A, medication safety: pilot on ward 3" in shown
    assert trd("mode", "set", "default", "--client", "demo-client", *BECAUSE).status == 0
    assert "client demo-client: shadow (registry: shadow)" in trd("mode", "show").out
    assert trd("mode", "show", "--history").out.count("client demo-client, every rule") == 2
    events = [AuditEvent.model_validate_json(line) for line in trd("audit", "export").out.splitlines()]
    assert [event.subtype[0].code for event in events] == ["switch", "switch"]
    assert trd("audit", "verify").out.startswith("unbroken: 3 events")  # the export is one


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("off", "--client", "nobody"), "no client with this id"),
        (("off", "--rule", "nothing"), "no rule with this id"),
        (("off", "--rule", "acute-safety"), "hard stop"),
        (("loud",), "must be one of"),
    ],
)
def test_a_switch_that_cannot_be_is_refused_and_not_kept(
    trd: Trd, installed: Path, arguments: tuple[str, ...], said: str
) -> None:
    refused = trd("mode", "set", *arguments, *BECAUSE)
    assert refused.status == 2 and said in refused.err and refused.err.count("\n") == 1
    assert trd("audit", "verify").out.startswith("unbroken: 0 events")


def test_a_switch_needs_a_name_and_a_reason(trd: Trd, installed: Path) -> None:
    assert trd("mode", "set", "off", "--who", "Dr A").status == 2
    assert trd("mode", "set", "off", "--who", "Dr A", "--why", " ").status == 2


def test_the_rules_are_listed_with_the_hard_stops(trd: Trd, installed: Path) -> None:
    lines = trd("mode", "rules").out.splitlines()
    assert "trd-options" in lines and "acute-safety\thard stop: stays on" in lines


def test_a_changed_event_is_found(trd: Trd, installed: Path) -> None:
    for mode in ("off", "shadow", "live"):
        trd("mode", "set", mode, "--client", "demo-client", *BECAUSE)
    assert trd("audit", "verify").status == 0
    with sqlite3.connect(installed / "trd-cds.sqlite3") as raw:
        raw.execute("UPDATE audit_events SET record = replace(record, 'ward 3', 'ward 4') WHERE seq = 2")
    raw.close()
    found = trd("audit", "verify")
    assert (found.status, found.out.startswith("BROKEN at event 2")) == (1, True)


def test_a_head_noted_elsewhere_tells_a_trail_that_was_replaced(trd: Trd, installed: Path) -> None:
    trd("mode", "set", "off", *BECAUSE)
    noted = trd("audit", "verify").out.rpartition("head ")[2].strip()
    trd("mode", "set", "live", *BECAUSE)
    assert trd("audit", "verify", "--head", noted).status == 0
    (installed / "trd-cds.sqlite3").unlink()
    assert "an empty one is begun" in trd("database", "upgrade").err
    trd("mode", "set", "off", "--who", "Mallory", "--why", "nothing")
    assert trd("audit", "verify").status == 0
    assert trd("audit", "verify", "--head", noted).status == 1
    assert trd("audit", "verify", "--head", "5").status == 2


def test_a_version_is_accepted_once_and_by_name(trd: Trd, tmp_path: Path, installed: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "site.yaml").write_text(SITE, encoding="utf-8")
    said = trd("knowledge", "accept", site, "--who", "Dr B: chief pharmacist", "--as-of", "2026-12-03")
    assert said.status == 0 and "accepted by Dr B: chief pharmacist on 2026-12-03" in said.out
    load.__globals__["_load_site"].cache_clear()
    accepted = load(site=site).accepted
    assert accepted is not None and accepted.who == "Dr B: chief pharmacist"
    before = (site / "acceptances.yaml").read_text(encoding="utf-8")
    assert "already accepted by Dr B" in trd("knowledge", "accept", site, "--who", "Dr C").out
    assert (site / "acceptances.yaml").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("who", ["", " ", "a\nb"])
def test_nobody_accepts_nothing(trd: Trd, tmp_path: Path, who: str) -> None:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    assert trd("knowledge", "accept", tmp_path, "--who", who).status == 2
    assert not (tmp_path / "acceptances.yaml").exists()


def test_accepting_needs_an_overlay(trd: Trd, tmp_path: Path) -> None:
    said = trd("knowledge", "accept", tmp_path / "nowhere", "--who", "Dr B")
    assert said.status == 2 and "site.yaml" in said.err


def test_the_key_is_made_once_and_never_overwritten(trd: Trd, tmp_path: Path) -> None:
    file = tmp_path / "installation.key"
    assert trd("database", "key", file).status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    before = file.read_bytes()
    assert trd("database", "key", file).status == 2
    assert file.read_bytes() == before
    assert before.decode().strip() not in json.dumps(trd("database", "key", file).err)


def test_tables_and_old_records_are_told(trd: Trd, installed: Path) -> None:
    assert trd("database", "upgrade").out == f"tables at revision {newest()}, newest {newest()}\n"
    assert trd("database", "forget").out.startswith("removed 0 calls, 0 cards, 0 feedback items")


def test_a_shared_database_needs_a_shared_key(trd: Trd, installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "installation.key").unlink()
    monkeypatch.setenv("TRD_CDS_DATABASE_URL", "postgresql://u:a-password@127.0.0.1:1/x")
    said = trd("mode", "show")
    assert said.status == 2 and "TRD_CDS_KEY_FILE" in said.err
    assert "a-password" not in said.err


@pytest.mark.parametrize("address", ["mysql://h/x", "sqlite://", "sqlite:///:memory:", "no address"])
def test_other_databases_are_refused(
    trd: Trd, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    key = tmp_path / "a.key"
    trd("database", "key", key)
    monkeypatch.setenv("TRD_CDS_KEY_FILE", str(key))
    monkeypatch.setenv("TRD_CDS_DATABASE_URL", address)
    said = trd("mode", "show")
    assert said.status == 2 and "TRD_CDS_DATABASE_URL" in said.err and "sqlite:///FILE" in said.err


def test_a_database_that_does_not_answer_is_told_without_its_password(
    trd: Trd, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "a.key"
    trd("database", "key", key)
    monkeypatch.setenv("TRD_CDS_KEY_FILE", str(key))
    monkeypatch.setenv("TRD_CDS_DATABASE_URL", "postgresql://u:a-password@127.0.0.1:1/x")
    said = trd("audit", "verify")
    assert said.status == 2 and "does not answer" in said.err and "a-password" not in said.err
