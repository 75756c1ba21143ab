"""What of an error answer is wrong: its body says what happened, and nothing of what was sent or of the code behind."""

from __future__ import annotations

import re

import orjson

from cds_hooks.checking.findings import Findings
from cds_hooks.checking.patient import MARKER
from cds_hooks.checking.target import Reply

_TRACE = re.compile(
    rb"Traceback \(most recent call last\)|\bat [\w.$<>]+\([\w.]+:\d+\)|File \"[^\"]+\", line \d+|"
    rb"\bat [^\n]{0,80}\.(?:js|ts):\d+|Exception in thread|NullPointerException|\.py:\d+|\.rb:\d+:in"
)
_UNAUTHENTICATED = (401, 403)


def judge_refusal(reply: Reply, findings: Findings, *, sent: str, service: str) -> None:
    """Judge an answer that is neither 2xx nor a failure."""
    if reply.failure or reply.ok:
        return
    trace = _TRACE.search(reply.body) is not None
    findings.need(not trace, "MI-17", "holds a stack trace", where="body", sent=sent, service=service)
    repeated = MARKER.encode() in reply.body
    findings.need(not repeated, "MI-17", "repeats data of the patient", where="body", sent=sent, service=service)
    if reply.status in _UNAUTHENTICATED:
        return
    findings.need(_is_outcome(reply.body), "RS-06", "is no OperationOutcome", where="body", sent=sent, service=service)
    if reply.body and _is_outcome(reply.body):
        findings.need(
            reply.is_json, "TR-01", "is not a JSON media type", where="Content-Type", sent=sent, service=service
        )


def _is_outcome(body: bytes) -> bool:
    try:
        written = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(written, dict) and written.get("resourceType") == "OperationOutcome"
