"""What must hold of every answer, whatever was sent. Each function yields what is wrong, in words without the input."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import orjson

from cds_hooks.envelope import SentPrefetch, decode
from cds_hooks.errors import BadRequest
from mappings.direction_schema import Limits
from plugin.ingest.directions import Directions
from plugin.ingest.measures import COULD_NOT_BE_READ
from plugin.record import PatientRecord
from tests.fuzz.doors import HARD_BUDGET_SECONDS, Said
from tests.fuzz.planting import Planted
from tests.validity import check_twice

# What a call may be answered with, by the kind of address (`docs/openapi.yaml` and `cds_hooks.errors`). 503 is
# documented for feedback that cannot be kept; the applications here meet it only where they have no records.
EXPECTED: Mapping[str, frozenset[int]] = {
    "open": frozenset({200, 400, 404, 405, 412, 413, 503}),
    "pulling": frozenset({200, 400, 404, 405, 412, 413, 503}),
    "signed": frozenset({200, 400, 401, 404, 405, 412, 413}),
}
LATE = "an answer after the hard budget"
_SPOKEN = frozenset({"nothing-of-concern", "patient-or-proxy-user", "already-said", "switched-off"})
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TOPIC = re.compile(r"[A-Za-z0-9]{1,100}")
_ADDRESS = re.compile(r"https?://[^?#\s]+")
_DELETED = re.compile(r"[A-Za-z]+/[A-Za-z0-9._-]+")
_LIVE_MARKUP = re.compile(r"(?i)(?<!\\)<\s*[a-z/!?]|(?<!\\)\]\(\s*(javascript|data):")
_CARDS_AT_MOST = 3
_SUMMARY_BELOW = 140


def answer_faults(said: Said, door: str, planted: Planted) -> Iterator[str]:
    """What is wrong with one answer of a service or of feedback."""
    if said.status not in EXPECTED[door]:
        yield f"status {said.status}"
    if said.waited > HARD_BUDGET_SECONDS:
        yield LATE
    yield from leaks(said, planted)
    line = said.line
    if not line or "fault" in line:
        yield f"no log line, or one with a fault: {line.get('fault', 'none')} at {line.get('fault_place', '?')}"
    if said.status == 503 and line.get("call") != "feedback":
        yield "503 of something that is not feedback"
    if len(said.headers.get("x-correlation-id", "")) < 16:
        yield "no correlation id"
    if said.status == 200 and line.get("call") == "hook":
        yield from hook_faults(said, line)
    elif said.status == 401:
        if said.body:
            yield "401 with a body"
    elif said.status != 200 or said.body:
        yield from outcome_faults(said.body)


def leaks(said: Said, planted: Planted) -> Iterator[str]:
    """Planted words where none may be: tokens anywhere, anything in logs, headers and errors."""
    told = "\n".join((*said.logged, *map(str, said.headers.values())))
    error = said.body.decode("utf-8", "replace") if said.status != 200 else ""
    for word, what in ((planted.secret, "the secret"), (planted.token, "the token")):
        if word in told:
            yield f"{what} in a log line or header"
        if word in error:
            yield f"{what} in an error"
    if planted.token.encode() in said.body:
        yield "the token in an answer"


def outcome_faults(body: bytes) -> Iterator[str]:
    """What is wrong with an error's OperationOutcome."""
    outcome = orjson.loads(body)
    issues = outcome.get("issue") or [{}]
    if outcome.get("resourceType") != "OperationOutcome" or not all(one.get("diagnostics") for one in issues):
        yield "an error without an OperationOutcome that says something"
    check_twice(outcome)


def hook_faults(said: Said, line: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the cards of a 200: HL7's invariants, FHIR in what is proposed, silence without a reason."""
    answer = orjson.loads(said.body)
    if set(answer) - {"cards", "extension"} or not isinstance(answer.get("cards"), list):
        yield "members that no answer has"
        return
    if _empties(answer, top=True):
        yield "a null or an empty value in an answer"
    cards = answer["cards"]
    if len(cards) > _CARDS_AT_MOST:
        yield "more than three cards"
    if not cards:
        # Silence is an answer only after the call was judged to its end, or for a reason of the closed list.
        judged = "verdict" in line and line.get("outcome", "") in ("", *_SPOKEN)
        if not judged and line.get("outcome") not in _SPOKEN:
            yield "no cards and no reason"
        if line.get("mode") == "live" and line.get("cards"):
            yield "cards were counted and not sent"
    if len({card.get("uuid") for card in cards}) != len(cards):
        yield "two cards of one uuid"
    for card in cards:
        yield from _card_faults(card)


def _card_faults(card: Mapping[str, Any]) -> Iterator[str]:
    source, suggestions = card.get("source", {}), card.get("suggestions", [])
    topic = source.get("topic", {})
    holds = {
        "uuid": _UUID.fullmatch(card.get("uuid", "")),
        "summary": 0 < len(card.get("summary", "")) < _SUMMARY_BELOW,
        "indicator": card.get("indicator") in ("info", "warning", "critical"),
        "source": source.get("label") and _ADDRESS.fullmatch(source.get("url", "")),
        "topic": _TOPIC.fullmatch(topic.get("code", "")) and topic.get("system"),
        "selection behaviour": not suggestions or card.get("selectionBehavior") in ("any", "at-most-one"),
        "override reasons": all(
            one.get("code") and one.get("system") and one.get("display") for one in card.get("overrideReasons", [])
        ),
        "links": all(
            link.get("label")
            and _ADDRESS.fullmatch(link.get("url", ""))
            and (link.get("type") == "smart" or (link.get("type") == "absolute" and "appContext" not in link))
            for link in card.get("links", [])
        ),
        "markup": not _LIVE_MARKUP.search(card.get("summary", "") + "\n" + card.get("detail", "")),
    }
    yield from (f"a card against the rules: {name}" for name, held in holds.items() if not held)
    for one in suggestions:
        if not (one.get("label") and one.get("uuid") and one.get("actions")) or "isRecommended" in one:
            yield "a suggestion against the rules"
        for action in one.get("actions", []):
            yield from _action_faults(action)


def _action_faults(action: Mapping[str, Any]) -> Iterator[str]:
    kind, resource = action.get("type"), action.get("resource")
    if not action.get("description") or kind not in ("create", "update", "delete"):
        yield "an action against the rules"
    if kind == "delete":
        if resource is not None or not _DELETED.fullmatch(action.get("resourceId", "")):
            yield "a delete that names no resource"
        return
    if not isinstance(resource, dict) or ("id" in resource) is not (kind == "update") or "resourceId" in action:
        yield "a create or update without its resource"
        return
    try:
        check_twice(resource)
    except (ValueError, AssertionError) as fault:
        yield f"a {kind} that is no valid FHIR: {type(fault).__name__}"


def _empties(value: Any, *, top: bool = False) -> bool:
    if isinstance(value, dict):
        return any(
            (item in (None, "", [], {}) and not (top and name == "cards")) or _empties(item)
            for name, item in value.items()
        )
    return isinstance(value, list) and any(item is None or item == "" or _empties(item) for item in value)


def record_faults(record: PatientRecord) -> Iterator[str]:
    """What is wrong with what was read: every resource received is used or set aside, once, for a reason of ours."""
    used = [fact.reference for facts in (record.medications, record.conditions, record.procedures, record.allergies)
            for fact in facts]  # fmt: skip
    used += [record.patient.reference] if record.patient else []
    used += {
        *(reference for score in record.scores for reference in score.references),
        *(fact.reference for fact in (*record.answers, *record.laboratory)),
    }
    aside = [entry.reference for entry in record.set_aside]
    if sorted([*used, *aside]) != sorted(record.received) or len(set(record.received)) != len(record.received):
        yield "what was received is not what was used and set aside"
    if any(entry.reason == COULD_NOT_BE_READ for entry in record.set_aside):
        yield "a resource that its reader fell over"


def decode_faults(body: bytes) -> Iterator[str]:
    """What is wrong with how a body was taken apart: against the decoder of the whole, member by member."""
    try:
        expected = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        expected = None
    try:
        found = decode(body)
        prefetch = found.get("prefetch")
        if isinstance(prefetch, SentPrefetch):
            found = {**found, "prefetch": dict(prefetch)}
    except BadRequest:
        found = None
    if not isinstance(expected, dict):
        if found is not None:
            yield "a body that is no JSON object was taken"
        return
    if found is None:
        yield "a JSON object was refused"
        return
    sent = expected.get("prefetch")
    if "prefetch" in expected and not isinstance(sent, dict):  # no object: nothing was sent
        expected, found = {**expected, "prefetch": None}, {**found, "prefetch": None}
    try:
        same = found == expected
    except RecursionError:  # nested deeper than a comparison goes
        return
    if not same:
        yield "a body says something else when it is taken apart"


def direction_faults(said: Directions, again: Directions, limits: Limits) -> Iterator[str]:
    """What is wrong with what directions are read as: limits of the knowledge, and the same text the same reading."""
    if said != again:
        yield "read twice, read differently"
    if not said.understood and (said.doses or said.total_mg is not None or said.cap is not None):
        yield "not understood, and yet a dose"
    for dose in said.doses:
        low, high = dose.dose_low, dose.dose_high
        if low is not None and high is not None and not 0 <= low <= high < float("inf"):
            yield "a dose that is no range"
        if high is not None and dose.unit == "unit" and high > limits.units_per_intake:
            yield "more units than anybody takes"
        low, high = dose.times_low, dose.times_high
        if low is not None and high is not None and not 0 < low <= high <= limits.intakes_per_day:
            yield "more intakes than anybody manages"
    if said.total_mg is not None and not 0 <= said.total_mg < float("inf"):
        yield "a total that is no number"


AS_OF = date(2026, 11, 22)
