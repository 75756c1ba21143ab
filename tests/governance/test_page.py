"""The page: who may read it, who may switch, what it shows and what it never does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from cds_hooks.governance.forms import token_for
from cds_hooks.ledger import Ledger
from cds_hooks.storage.feedback_book import FeedbackItem
from tests.governance.serving import (
    BASE,
    CHAIR,
    MEMBER,
    NOW,
    Moving,
    ask,
    get,
    installation,
    issue,
    page,
    run,
    say,
)

FORM = {"content-type": "application/x-www-form-urlencoded"}
PATHS = ("/governance", "/governance/report.csv", "/governance/report.json")


@pytest.fixture
def clock() -> Moving:
    return Moving()


@pytest.fixture
def ledger(tmp_path: Path, clock: Moving) -> Iterator[Ledger]:
    made = installation(tmp_path, clock)
    yield made
    run(made.records.database.close)


@pytest.fixture
def app(ledger: Ledger) -> FastAPI:
    return page(ledger)


def form(ledger: Ledger, clock: Moving, *, name: str = "chair", **changes: Any) -> dict[str, Any]:
    """A switch as the browser sends it."""
    fields = {"client": "ehr", "rule": "trd-options", "mode": "off", "why": "too loud", **changes}
    fields.setdefault("token", token_for(ledger.records.keys, name, clock.today("UTC")))
    return {"data": fields, "headers": {"origin": BASE, "sec-fetch-site": "same-origin"}, "auth": CHAIR}


@pytest.mark.parametrize("path", PATHS)
def test_only_readers_read(path: str, app: FastAPI) -> None:
    for who in (CHAIR, MEMBER):
        assert get(app, path, auth=who).status_code == 200
    assert get(app, path).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_all_failed_logins_are_answered_alike(path: str, app: FastAPI) -> None:
    attempts: list[dict[str, Any]] = [
        {},
        {"auth": ("chair", "wrong")},
        {"auth": ("nobody", "wrong")},
        {"auth": ("chair", "")},
        {"auth": ("member", CHAIR[1])},
        {"headers": {"authorization": "Bearer eyJ"}},
        {"headers": {"authorization": "Basic !!!"}},
        {"headers": {"authorization": "Basic //79"}},
        {"headers": {"authorization": "Basic " + "A" * 10_000}},
        {"auth": ("chair\0", CHAIR[1])},
    ]
    answers = ask(app, *(("GET", path, given) for given in attempts))
    assert {(answer.status_code, answer.content, tuple(answer.headers.items())) for answer in answers} == {
        (401, answers[0].content, tuple(answers[0].headers.items()))
    }
    assert answers[0].headers["www-authenticate"] == 'Basic realm="trd-cds governance", charset="UTF-8"'


def test_after_five_wrong_passwords_even_the_right_one_waits_a_minute(app: FastAPI, clock: Moving) -> None:
    ask(app, *(("GET", "/governance", {"auth": ("chair", "wrong")}) for _ in range(5)))
    assert get(app, auth=CHAIR).status_code == 401
    assert get(app, auth=MEMBER).status_code == 200, "another reader is not locked out"
    clock.at += timedelta(seconds=61)
    assert get(app, auth=CHAIR).status_code == 200


def test_a_right_password_is_not_counted(app: FastAPI) -> None:
    answers = ask(app, *(("GET", "/governance/report.csv", {"auth": CHAIR}) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}


def test_names_are_not_tried_without_end(app: FastAPI, clock: Moving) -> None:
    ask(app, *(("GET", "/governance", {"auth": (f"name{n}", "wrong")}) for n in range(70)))
    assert get(app, auth=CHAIR).status_code == 401, "the limit in all"
    clock.at += timedelta(seconds=61)
    assert get(app, auth=CHAIR).status_code == 200


def test_without_readers_the_page_says_how_to_name_some(ledger: Ledger) -> None:
    answer = get(page(ledger, readers=None), auth=CHAIR)
    assert answer.status_code == 403
    assert "TRD_CDS_GOVERNANCE_FILE" in answer.text and "trd-cds governance password" in answer.text


def test_the_open_demo_reads_and_never_switches(ledger: Ledger, clock: Moving) -> None:
    app = page(ledger, readers=None, open_to_read=True)
    assert get(app).status_code == 200 and 'method="post"' not in get(app).text
    assert ask(app, ("POST", "/governance", form(ledger, clock, name="open demo")))[0].status_code == 403


@pytest.mark.parametrize("path", [*PATHS, "/governance?since=x"])
@pytest.mark.parametrize("who", [CHAIR, None])
def test_every_answer_carries_the_headers_that_keep_it_in(path: str, who: Any, app: FastAPI) -> None:
    told = get(app, path, auth=who).headers
    policy = told["content-security-policy"]
    assert "default-src 'none'" in policy and "form-action 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "script" not in policy
    assert told["cache-control"] == "no-store" and told["referrer-policy"] == "no-referrer"
    assert told["x-content-type-options"] == "nosniff" and "set-cookie" not in told


class _Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


def test_the_page_obeys_its_own_policy_and_reads_well(app: FastAPI, ledger: Ledger) -> None:
    issue(ledger.records, 6)
    made = _Page(get(app, auth=CHAIR).text)
    assert not [tag for tag, given in made.tags if tag in ("script", "style", "iframe", "img") or "style" in given]
    tables = [given for tag, given in made.tags if tag == "table"]
    assert len(tables) == len([tag for tag, _ in made.tags if tag == "caption"]) > 5
    assert all(given.get("scope") in ("col", "row") for tag, given in made.tags if tag == "th")
    labelled = {given.get("for") for tag, given in made.tags if tag == "label"}
    for tag, given in made.tags:
        if tag in ("select", "input") and given.get("type") != "hidden":
            assert given["id"] in labelled
    assert next(given for tag, given in made.tags if tag == "html")["lang"] == "en"


def test_the_report_is_of_the_cards_kept(app: FastAPI, ledger: Ledger) -> None:
    ids = issue(ledger.records, 12)
    issue(ledger.records, 6, shown=False, client="other")
    issue(ledger.records, 9, at=NOW - timedelta(days=100))
    say(ledger.records, *(FeedbackItem(card=one, outcome="accepted", suggestions=("s1",)) for one in ids[:5]))
    reason = {"reasons": ("patient-preference",), "reason_given": "ours"}
    say(ledger.records, *(FeedbackItem(card=one, outcome="overridden", **reason) for one in ids[4:10]))
    say(ledger.records, FeedbackItem(card="of nobody", outcome="accepted"))
    made = get(app, "/governance/report.json", auth=MEMBER).json()
    assert made["total"]["counts"] == {
        "shown": 12, "answered": "withheld", "not answered": "<5", "accepted": "withheld", "overridden": "withheld",
        "in shadow": 6,
    }  # fmt: skip
    say(ledger.records, *(FeedbackItem(card=one, outcome="overridden", **reason) for one in ids[10:]))
    made = get(app, "/governance/report.json", auth=MEMBER).json()
    assert made["total"]["counts"] == {
        "shown": 12, "answered": 12, "not answered": 0, "accepted": 5, "overridden": 7, "in shadow": 6,
    }  # fmt: skip
    reasons = next(table for table in made["tables"] if table["id"] == "reason")
    assert {row["id"]: row["counts"]["overridden"] for row in reasons["rows"]}["patient-preference"] == 7
    assert made["feedback"] == {"unmatched": "<5", "irregular": 0}
    assert made["modes"]["acceptance"]["who"] == "" and len(made["modes"]["clients"]) == 2
    alone = get(app, "/governance/report.json?client=other", auth=MEMBER).json()
    assert (alone["total"]["counts"]["shown"], alone["total"]["counts"]["in shadow"]) == (0, 6)
    earlier = get(app, "/governance/report.json?since=2025-11-01&until=2025-12-31", auth=MEMBER).json()
    assert earlier["total"]["counts"]["shown"] == 9


@pytest.mark.parametrize(
    "query",
    ["since=2026-02-30", "since=2026-03-01&until=2026-02-01", "until=9999-12-31", "client=" + "x" * 65, "hook=%00"],
)
def test_a_period_that_is_none_is_refused_without_an_echo(query: str, app: FastAPI) -> None:
    answer = get(app, f"/governance?{query}", auth=CHAIR)
    assert answer.status_code == 400 and "x" * 65 not in answer.text


def test_a_switch_is_thrown_shown_and_kept(app: FastAPI, ledger: Ledger, clock: Moving) -> None:
    (answer,) = ask(app, ("POST", "/governance", form(ledger, clock)))
    assert (answer.status_code, answer.headers["location"]) == (303, "/governance?done=1")
    (thrown,) = run(ledger.records.switchboard.standing)
    assert (thrown.client, thrown.rule, thrown.mode, thrown.who, thrown.why) == (
        "ehr", "trd-options", "off", "chair", "too loud",
    )  # fmt: skip
    shown = get(app, "/governance?done=1", auth=MEMBER).text
    assert "too loud" in shown and "The switch is thrown" in shown


def test_what_was_written_is_shown_and_never_obeyed(app: FastAPI, ledger: Ledger, clock: Moving) -> None:
    why = "<script>alert(1)</script> \"quoted\" & 'so'"
    ask(app, ("POST", "/governance", form(ledger, clock, why=why)))
    issue(ledger.records, 1, client='"><script>x', kind="<b>k", rules=["<img src=x>"])
    text = get(app, auth=CHAIR).text + get(app, "/governance?client=<script>x&hook=<script>x", auth=CHAIR).text
    assert "<script" not in text and "<b>k" not in text and "<img" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": "acute-safety"}, "hard stop"),
        ({"rule": "nothing"}, "no rule with this id"),
        ({"client": "nobody"}, "no client with this id"),
        ({"mode": "loud"}, "mode must be one of"),
        ({"mode": ""}, "mode must be one of"),
        ({"why": "  "}, "Say why"),
        ({"why": "x" * 1001}, "Say why"),
    ],
)
def test_a_switch_that_cannot_be_is_refused_in_words(
    changes: dict[str, str], said: str, app: FastAPI, ledger: Ledger, clock: Moving
) -> None:
    (answer,) = ask(app, ("POST", "/governance", form(ledger, clock, **changes)))
    assert answer.status_code == 400 and said in answer.text and 'role="alert"' in answer.text
    assert run(ledger.records.switchboard.history) == ()


def test_the_hard_stops_are_not_offered(app: FastAPI) -> None:
    offered = re.findall(r'<option value="([^"]*)"', get(app, auth=CHAIR).text)
    assert "trd-options" in offered and "acute-safety" not in offered and "order-stop" not in offered


@pytest.mark.parametrize(
    "change",
    [
        {"token": ""},
        {"token": "ä" * 64},
        {"name": "member"},
        {"age": 2},
        {"headers": {}},
        {"headers": {"origin": "https://evil.example"}},
        {"headers": {"origin": "null"}},
        {"headers": {"origin": BASE, "sec-fetch-site": "cross-site"}},
        {"headers": {"sec-fetch-site": "none"}},
        {"headers": {"origin": "https://evil.example", "sec-fetch-site": "same-origin"}},
    ],
)
def test_a_form_from_elsewhere_does_nothing(
    change: dict[str, Any], app: FastAPI, ledger: Ledger, clock: Moving
) -> None:
    given = dict(change)
    headers, age = given.pop("headers", None), given.pop("age", 0)
    sent = form(ledger, clock, **given)
    if headers is not None:
        sent["headers"] = headers
    clock.at += timedelta(days=age)
    assert ask(app, ("POST", "/governance", sent))[0].status_code == 403
    assert run(ledger.records.switchboard.history) == ()


@pytest.mark.parametrize(
    "headers",
    [{"origin": BASE}, {"sec-fetch-site": "same-origin"}, {"origin": "null", "sec-fetch-site": "same-origin"}],
)
def test_a_form_of_ours_passes_in_every_browser(
    headers: dict[str, str], app: FastAPI, ledger: Ledger, clock: Moving
) -> None:
    sent = {**form(ledger, clock), "headers": headers}
    clock.at += timedelta(hours=13)  # past midnight
    assert ask(app, ("POST", "/governance", sent))[0].status_code == 303


def test_who_may_only_read_does_not_switch(app: FastAPI, ledger: Ledger, clock: Moving) -> None:
    assert "Reason" not in re.findall(r"<label[^>]*>([^<]*)", get(app, auth=MEMBER).text)
    sent = {**form(ledger, clock, name="member"), "auth": MEMBER}
    assert ask(app, ("POST", "/governance", sent))[0].status_code == 403
    assert run(ledger.records.switchboard.history) == ()


@pytest.mark.parametrize(
    "given",
    [
        {"content": b"x" * 20_001, "headers": FORM},
        {"content": b"a=%FF", "headers": FORM},
        {"content": "&".join(f"a{n}=1" for n in range(50)), "headers": FORM},
        {"json": {"client": "ehr"}},
    ],
)
def test_what_is_no_form_is_refused(given: dict[str, Any], app: FastAPI) -> None:
    assert ask(app, ("POST", "/governance", {**given, "auth": CHAIR}))[0].status_code == 400


def test_reading_is_audited_with_the_name(app: FastAPI, ledger: Ledger) -> None:
    get(app, "/governance/report.csv", auth=MEMBER)
    ((_, record),) = run(ledger.records.audit.events)
    assert '"member"' in record and '"page"' in record


def test_behind_a_path_prefix_all_links_keep_it(tmp_path: Path, clock: Moving) -> None:
    ledger = installation(tmp_path, clock, base_url="https://cds.example/trd")
    made = _Page(get(page(ledger), auth=CHAIR).text)
    links = [given[name] for _, given in made.tags for name in ("href", "action") if given.get(name)]
    assert all(link == "#main" or link.startswith("/trd/") for link in links)
    (answer,) = ask(page(ledger), ("POST", "/governance", form(ledger, clock)))
    assert answer.headers["location"] == "/trd/governance?done=1"
    run(ledger.records.database.close)
