"""By what a call is found again: an id of ours for every call, and a caller's trace id where it can be no text.

Our id is random, stands in the log line and goes back as `X-Correlation-Id`: a client that notes it needs no other.
What a client sends is never sent back. It is logged only in a shape that tracing software makes and that can hold no
name, number or text of a patient: the trace-id of a W3C `traceparent`, else an `X-Request-Id` that is a UUID or 32
hexadecimal digits. Anything else is dropped; so is one that equals an id of the call's patient, encounter or user (see
`CallLine.never_say`), and that of a caller who was not admitted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from secrets import token_hex
from typing import NamedTuple

HEADER = "x-correlation-id"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
_SAMPLED = 1  # bit of the flags, W3C Trace Context 3.2.2.5
_REQUEST_ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)


def new_correlation_id() -> str:
    """32 random hexadecimal digits."""
    return token_hex(16)


def caller_trace(headers: Mapping[str, str]) -> str:
    """The caller's trace id as 32 lower-case hexadecimal digits, empty where `headers` hold none to be logged."""
    traced = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if traced and traced[1].strip("0"):
        return traced[1]
    requested = headers.get("x-request-id", "")
    return requested.replace("-", "").lower() if _REQUEST_ID.fullmatch(requested) else ""


class CallerSpan(NamedTuple):
    """The span of a caller that a call was made in: ids in hexadecimal digits, and whether the caller keeps it."""

    trace: str
    span: str
    sampled: bool


def caller_span(headers: Mapping[str, str]) -> CallerSpan | None:
    """The span that a W3C `traceparent` names; None without a usable one."""
    traced = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    if traced is None or not traced[1].strip("0") or not traced[2].strip("0"):
        return None
    return CallerSpan(traced[1], traced[2], bool(int(traced[3], 16) & _SAMPLED))
