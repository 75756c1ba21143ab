"""One log line per call, made of counts and of names that we chose ourselves. Never patient data, tokens or
free text.

A `CallLine` is filled while a call is worked on and written once, as JSON on standard error. Only the
attributes below can be logged: there is no way to pass any other value. `quieten_wire_loggers` silences the
libraries that would print addresses (a FHIR search address holds a patient id).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from traceback import extract_tb
from typing import Any, TextIO

import structlog

_CHATTY = ("httpx", "httpcore", "hpack", "uvicorn.access")


@dataclass(slots=True)
class CallLine:
    """What may be said of one call.

    `service` is one of our ids or ``unknown``; `client` a registry id or ``open``; `outcome` a fault's class
    name; `cards` are card kinds; `fault_place` is ``module:line`` of our own code; `correlation_id` is
    random.
    """

    call: str = "other"
    service: str = ""
    client: str = ""
    status: int = 0
    outcome: str = ""
    verdict: str = ""
    cards: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    drafts: int = 0
    concerning: int = 0
    resources: int = 0
    gaps: tuple[str, ...] = ()
    unmatched_feedback: int = 0
    milliseconds: float = 0.0
    knowledge: str = ""
    correlation_id: str = ""
    fault: str = ""
    fault_place: str = ""


class RequestLog:
    """Writes call lines to `stream` (standard error unless another is given)."""

    def __init__(self, stream: TextIO | None = None, timestamp: Callable[[], str] | None = None) -> None:
        def stamp(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
            if timestamp is not None:
                event["at"] = timestamp()
            return event

        self._log = structlog.wrap_logger(
            structlog.WriteLogger(stream or sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                stamp,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
        )

    def write(self, line: CallLine) -> None:
        """Write `line`, leaving out what is empty; as an error when the fault was ours."""
        said = {entry.name: getattr(line, entry.name) for entry in fields(line)}
        said = {name: value for name, value in said.items() if value not in ("", 0, ())}
        (self._log.error if line.fault else self._log.info)("call", **said)


def quieten_wire_loggers() -> None:
    """Let the HTTP libraries speak of warnings only: their other lines hold addresses and headers."""
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def place_of(error: BaseException) -> str:
    """``file:line`` where `error` arose. Its message is never used: it may quote data."""
    trace = extract_tb(error.__traceback__)
    return f"{Path(trace[-1].filename).name}:{trace[-1].lineno}" if trace else ""
