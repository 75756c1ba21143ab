"""`trd-cds feedback` and `trd-cds governance password`."""

from __future__ import annotations

import asyncio
import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import typer
from argon2 import PasswordHasher

from cds_hooks.commands.recording import open_records
from cds_hooks.settings import Settings
from cds_hooks.storage.feedback_book import FeedbackItem
from cds_hooks.storage.records import Records
from tests.governance.serving import issue, say

Trd = Callable[..., Any]
COMMENT = '=HYPERLINK("http://evil.example","x") said <b>Müller</b>'


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Records]:
    """Ten cards of today, one commented on, in the installation that the settings name."""
    monkeypatch.setenv("TRD_CDS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRD_CDS_COMMENTS", "encrypt")
    now = datetime.now(tz=UTC)  # noqa: TID251 - the commands read the clock
    records = open_records(Settings())
    asyncio.run(records.prepare(now))
    ids = issue(records, 10, at=now, user='=cmd|"/c calc"!A1')
    say(records, FeedbackItem(card=ids[0], outcome="accepted", suggestions=("s1",)), at=now)
    item = FeedbackItem(
        card=ids[1], outcome="overridden", reasons=("patient-preference",), reason_given="ours", comment=COMMENT,
        happened_at=now - timedelta(hours=1),
    )  # fmt: skip
    say(records, item, FeedbackItem(card="unknown", outcome="accepted"), at=now)
    yield records
    asyncio.run(records.database.close())


class _Tags(HTMLParser):
    """Names and attributes of all tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_report_is_one_page_that_needs_nothing_else(trd: Trd, kept: Records, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    said = trd("feedback", "report", "--output", file)
    assert (said.status, said.out) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    made = _Tags(file.read_text(encoding="utf-8"))
    names = [name for name, _ in made.tags]
    assert "table" in names and "style" in names
    assert not {"script", "link", "img", "form"} & set(names)
    policy = next(given["content"] for name, given in made.tags if given.get("http-equiv"))
    assert policy is not None and policy.startswith("default-src 'none'; style-src 'sha256-")


def test_the_report_has_the_same_numbers_in_every_form(trd: Trd, kept: Records) -> None:
    document = trd("feedback", "report", "--format", "json").document()
    assert document["total"]["counts"]["shown"] == 10
    assert document["total"]["counts"]["accepted"] == "withheld"
    lines = list(csv.DictReader(io.StringIO(trd("feedback", "report", "--format", "csv").out.removeprefix("\ufeff"))))
    total = {line["measure"]: line["value"] for line in lines if line["table"] == "total"}
    assert total == {name: str(value) for name, value in document["total"]["counts"].items()}
    assert ">10<" in trd("feedback", "report").out


def test_the_style_of_the_file_is_the_one_its_policy_names(trd: Trd, kept: Records) -> None:
    text = trd("feedback", "report").out
    style = re.search(r"<style>(.*?)</style>", text, re.S)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"sha256-{digest}" in text or f"sha256-{digest}".replace("+", "&#43;") in text


def test_the_export_has_the_fields_and_opens_safely_in_a_spreadsheet(trd: Trd, kept: Records, tmp_path: Path) -> None:
    file = tmp_path / "feedback.csv"
    assert trd("feedback", "export", "--comments", "--output", file).status == 0
    assert file.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    assert len(rows) == 2
    accepted, overridden = sorted(rows, key=lambda row: row["action"])
    assert (accepted["intervention"], accepted["what"], accepted["place"]) == ("trd-status", "option:KET", "ehr")
    assert accepted["user"].startswith("'=") and accepted["comment"] == ""
    assert (overridden["action"], overridden["reasons"]) == ("overridden", "patient-preference")
    assert overridden["comment"] == "'" + COMMENT
    assert overridden["date"] < overridden["received"]
    assert overridden["source_attributes"].endswith("/source-attributes") and overridden["knowledge"] == "1"
    assert "'" not in (accepted["card"][0], accepted["rules"][0])


def test_comments_stay_out_unless_asked_for_and_kept(trd: Trd, kept: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = json.loads(trd("feedback", "export", "--format", "json").out)
    assert sorted(line["comment"] for line in lines) == ["", "(not exported)"]
    monkeypatch.setenv("TRD_CDS_COMMENTS", "drop")
    refused = trd("feedback", "export", "--comments")
    assert refused.status == 2 and "TRD_CDS_COMMENTS" in refused.err


def test_report_and_export_are_audited(trd: Trd, kept: Records) -> None:
    trd("feedback", "report", "--format", "json")
    trd("feedback", "export", "--comments")
    events = [json.loads(record) for _, record in asyncio.run(kept.audit.events()) if record != "{}"]
    assert [event["subtype"][0]["code"] for event in events] == ["page", "export"]
    details = {one["type"]: one["valueString"] for one in events[1]["entity"][0]["detail"]}
    assert (details["what"], details["items"], details["comments"]) == ("feedback", "2", "yes")
    assert all(event["agent"][0]["who"]["identifier"]["value"].startswith("operator ") for event in events)


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("--since", "soon"), "--since"),
        (("--since", "2026-02-02", "--until", "2026-02-01"), "--since"),
        (("--until", "9999-12-31"), "--since"),
        (("--output", "/nowhere/at/all"), "/nowhere/at/all"),
        (("--format", "xml"), "--format"),
    ],
)
@pytest.mark.parametrize("command", ["report", "export"])
def test_what_cannot_be_used_is_told_in_one_line(
    command: str, arguments: tuple[str, str], where: str, trd: Trd, kept: Records
) -> None:
    refused = trd("feedback", command, *arguments)
    assert refused.status == 2 and where in refused.err and refused.err.count("\n") == 1


def test_a_password_is_asked_for_unseen_and_never_kept(trd: Trd, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(text: str, **given: Any) -> str:
        asked.append(given)
        return "correct horse battery"

    monkeypatch.setattr(typer, "prompt", prompt)
    said = trd("governance", "password")
    assert asked == [{"hide_input": True, "confirmation_prompt": True, "err": True}]
    hashed = said.out.partition('"')[2].rstrip().rstrip('"')
    assert PasswordHasher().verify(hashed, "correct horse battery") and "horse" not in said.out + said.err
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: "short")
    refused = trd("governance", "password")
    assert refused.status == 2 and "short" not in refused.err


def test_the_password_is_no_argument(trd: Trd) -> None:
    assert trd("governance", "password", "secret-on-the-command-line").status == 2
