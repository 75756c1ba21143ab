"""One log line per call, as JSON on standard error. Never patient data, tokens or free text.

Only what `CallLine.said` gives can be logged: there is no way to pass any other value. `quieten_wire_loggers` silences
the libraries that would print addresses (a FHIR search address holds a patient id), statements or their values.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from traceback import extract_tb
from typing import Any, TextIO

import orjson
import structlog

from cds_hooks.observing.call_line import CallLine

QUIETENED = (
    "aiosqlite",
    "alembic",
    "asyncpg",
    "hpack",
    "httpcore",
    "httpx",
    "limits",
    "multipart",
    "opentelemetry",
    "python_multipart",
    "sqlalchemy",
    "sqlalchemy.engine",
    "sqlalchemy.pool",
    "urllib3",
    "uvicorn.access",
)


def _as_json(event: Any, **_: Any) -> str:
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS).decode()


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
                structlog.processors.JSONRenderer(_as_json),
            ],
        )

    def write(self, line: CallLine) -> bool:
        """Write `line`; as an error when the fault was ours or something could not be written down. False when the line
        itself could not: a full disk or a reader that has gone is no reason to break off what has been answered.
        """
        write = self._log.error if line.fault or line.write_failures else self._log.info
        try:
            write("call", **line.said())
        except OSError:
            return False
        return True

    def warn(self, event: str, **counts: int) -> None:
        """Write one line about the service itself, if it can be written; `event` is a constant of ours."""
        with suppress(OSError):
            self._log.warning(event, **counts)


def quieten_wire_loggers() -> None:
    """Let the libraries below us speak of warnings only: their other lines hold addresses, headers or values."""
    for name in QUIETENED:
        logging.getLogger(name).setLevel(logging.WARNING)


def place_of(error: BaseException) -> str:
    """``file:line`` where `error` arose. Its message is never used: it may quote data."""
    trace = extract_tb(error.__traceback__)
    return f"{Path(trace[-1].filename).name}:{trace[-1].lineno}" if trace else ""
