"""What a call line takes, and that the log says no more and no less than its keys."""

from __future__ import annotations

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.observing import call_line
from cds_hooks.observing.call_line import LOG_KEYS, CallLine
from cds_hooks.observing.request_log import RequestLog

DOCUMENT = Path(__file__).parents[2] / "docs" / "observability.md"


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A stopwatch that shows the first number of the list, in seconds."""
    shown = [0.0]
    monkeypatch.setattr(call_line, "stopwatch", lambda: shown[0])
    return shown


def test_a_stage_is_timed_around_awaits_and_adds_up(ticking: list[float]) -> None:
    line = CallLine()

    async def work() -> None:
        with line.stage("gather"):
            await asyncio.sleep(0)
            ticking[0] += 0.25
        with line.stage("gather"):
            ticking[0] += 0.5
        with line.stage("assess"):
            ticking[0] += 0.002

    asyncio.run(work())
    assert line.stages == {"gather": pytest.approx(750), "assess": pytest.approx(2)}
    assert line.said()["stages"] == {"gather": 750.0, "assess": 2.0}


def test_a_stage_that_fails_is_timed_too(ticking: list[float]) -> None:
    line = CallLine()
    with pytest.raises(LookupError), line.stage("read"):
        ticking[0] += 1
        raise LookupError
    assert line.stages == {"read": pytest.approx(1000)}


def test_names_outside_the_closed_sets_are_refused() -> None:
    line = CallLine()
    with pytest.raises(ValueError, match="stage"), line.stage("lunch"):  # type: ignore[arg-type]
        pass
    with pytest.raises(ValueError, match="FHIR"):
        line.note_fhir("Patient", "canary-outcome", 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="matched"):
        line.note_feedback("accepted", "canary-match")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="book"):
        line.note_write_failure("canary-book")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="address"):
        line.note_refused("https://canary.example")  # type: ignore[arg-type]
    assert line == CallLine()


def test_types_and_outcomes_that_others_wrote_become_other() -> None:
    line = CallLine()
    line.note_fhir("canary-type", "ok", 1.0)
    line.note_feedback("canary-outcome", "matched")
    assert line.fhir[0].resource_type == "other"
    assert line.feedback == {("other", "matched"): 1}


def test_the_log_holds_fhir_calls_and_feedback_as_numbers_only() -> None:
    line = CallLine()
    line.note_fhir("Patient", "ok", 12.34)
    line.note_fhir("Condition", "timeout", 100.0)
    line.note_feedback("accepted", "matched", 2)
    line.note_feedback("overridden", "matched")
    line.note_feedback("accepted", "unmatched", 3)
    line.note_feedback("accepted", "repeated")
    said = line.said()
    assert (said["fhir_calls"], said["fhir_failed"], said["fhir_milliseconds"]) == (2, 1, 112.3)
    assert (said["matched_feedback"], said["unmatched_feedback"], said["repeated_feedback"]) == (3, 3, 1)


def test_retries_refusals_and_repairs_are_told_as_names_and_numbers() -> None:
    line = CallLine(budget="soft")
    for resource_type in ("Patient", "Patient", "canary-type"):
        line.note_retry(resource_type)
    for reason in ("redirected", "link-elsewhere", "redirected"):
        line.note_refused(reason)  # type: ignore[arg-type]
    line.note_repairs({"naive-time": 2})
    line.note_repairs({"naive-time": 1, "odd-id": 1})
    assert line.fhir_retries == {"Patient": 2, "other": 1}
    assert line.said() == {
        "call": "other",
        "budget": "soft",
        "fhir_retries": 3,
        "refused_addresses": ("link-elsewhere", "redirected"),
        "repairs": {"naive-time": 3, "odd-id": 1},
    }


@pytest.mark.proves("FN-22")
def test_cards_are_told_by_kind_and_counted_by_rule() -> None:
    line = CallLine()
    line.note_card("trd-status", shown=True, rules=("trd-reached", "trd-reached"))
    line.note_card("trd-missing", shown=False, rules=("data-missing",))
    assert line.said() == {"call": "other", "cards": ("trd-status",), "shadowed_cards": ("trd-missing",)}
    assert line.card_rules == (("trd-reached", True), ("data-missing", False))


def full() -> CallLine:
    line = CallLine(
        call="hook", service="trd-order-sign", client="general", mode="live", status=500, refused_by="jti",
        silenced_cards=("trd-options",), outcome="OwnFault",
        verdict="MET", rules=("a",), drafts=1, concerning=1, resources=1, gaps=("Condition",), milliseconds=1.0,
        knowledge="0123", audit=7, correlation_id="1" * 32, caller_trace="2" * 32, fault="KeyError",
        fault_place="a.py:1", budget="hard",
    )  # fmt: skip
    line.note_card("trd-status", shown=True)
    line.note_card("trd-status", shown=False)
    line.note_fhir("Patient", "timeout", 1.0)
    line.note_retry("Patient")
    line.note_refused("link-elsewhere")
    line.note_repairs({"naive-time": 2})
    line.note_write_failure("audit")
    for match in call_line.MATCHES:
        line.note_feedback("accepted", match)
    line.stages["gather"] = 1.0
    return line


def test_a_full_line_says_every_key_and_an_empty_one_none() -> None:
    assert set(full().said()) == LOG_KEYS
    assert CallLine().said() == {"call": "other"}


def test_the_document_lists_exactly_the_keys_of_the_log() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    table = text.partition("## The log")[2].partition("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    told = {key.strip(" `") for row in rows for key in row.split(",")}
    assert told == LOG_KEYS | {"at", "event", "level"}


@pytest.mark.parametrize(
    ("line", "level"),
    [(CallLine(), "info"), (full(), "error"), (CallLine(write_failures=("feedback",)), "error")],
)
def test_a_line_is_one_line_of_json_with_sorted_keys(line: CallLine, level: str) -> None:
    written = io.StringIO()
    RequestLog(written, timestamp=lambda: "2026-11-22T15:00:00+00:00").write(line)
    (text,) = written.getvalue().splitlines()
    said: dict[str, Any] = json.loads(text)
    assert list(said) == sorted(said)
    assert said["event"] == "call"
    assert said["level"] == level
    assert said["at"] == "2026-11-22T15:00:00+00:00"


@pytest.mark.parametrize(
    ("identifiers", "kept"),
    [
        (("0b0f9d7e-6a35-4f6c-9d28-58a3f8f2f1aa",), False),
        (("p1", "0B0F9D7E6A354F6C9D2858A3F8F2F1AA"), False),
        (("p1", "Practitioner/0b0f9d7e-6a35-4f6c-9d28-58a3f8f2f1aa"), False),
        (("p1", "", None), True),
    ],
)
def test_a_trace_id_that_is_an_identifier_is_forgotten(identifiers: tuple[str | None, ...], kept: bool) -> None:
    line = CallLine(caller_trace="0b0f9d7e6a354f6c9d2858a3f8f2f1aa")
    line.never_say(*identifiers)
    assert bool(line.caller_trace) is kept
