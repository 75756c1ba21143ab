"""Values planted in what the tests send, and the scan that looks for them in what the service says.

During a whole test session every line of every `RequestLog`, every record of the standard library's logging (with its
traceback), every label of a metric and every exposition is looked at as it is written; nothing is kept but finds. A
find fails the run: see `tests/conftest.py`. What a subprocess prints is looked at where a test hands it over, by the
fixture `leak_scan`.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from prometheus_client.metrics import MetricWrapperBase

from cds_hooks.observing.metrics import Metrics
from cds_hooks.observing.request_log import RequestLog

FAMILY_NAME = "Quillfeather-Plante"
GIVEN_NAME = "Isaura-Plante"
BIRTH_DATE = "1980-02-03"
RECORD_NUMBER = "MRN-7719-PLANTED"
PHONE = "+1-555-0199-731"
CLIENT_TOKEN = "planted-client-token"
ACCESS_TOKEN = "opaque-token-1"
COMMENT = "planted comment: she told me she cannot sleep"
MEDICATION_NOTE = "planted note: takes half on bad days"

PLANTED: Mapping[str, str] = MappingProxyType(
    {
        "family name": FAMILY_NAME,
        "given name": GIVEN_NAME,
        "birth date": BIRTH_DATE,
        "record number": RECORD_NUMBER,
        "phone": PHONE,
        "client token": CLIENT_TOKEN,
        "access token": ACCESS_TOKEN,
        "another access token": "token-canary",
        "comment": "planted comment",
        "medication note": "planted note",
        "a value of the tests of silence": "canary-",
    }
)
TOKEN = "a signed token"
_FINDS = re.compile(
    "|".join([*(re.escape(value) for value in PLANTED.values()), r"(?P<token>eyJ[A-Za-z0-9_-]{10,}\.)"]), re.IGNORECASE
)
_AROUND = 40
_AT_MOST = 50


def planted_person(patient: Mapping[str, Any]) -> dict[str, Any]:
    """`patient`, a FHIR Patient, with a planted name, record number and phone."""
    return {
        **patient,
        "identifier": [{"system": "https://ehr.example/mrn", "value": RECORD_NUMBER}],
        "name": [{"family": FAMILY_NAME, "given": [GIVEN_NAME]}],
        "telecom": [{"system": "phone", "value": PHONE}],
    }


@dataclass(frozen=True)
class Leak:
    """A planted value that was said: which, where, by which test, and the text around it."""

    what: str
    where: str
    test: str
    text: str

    def __str__(self) -> str:
        return f"{self.what} in {self.where}, written during {self.test}: …{self.text}…"


class LeakScan:
    """Looks at text as it comes and keeps only what it finds."""

    def __init__(self) -> None:
        self.leaks: list[Leak] = []
        self.looked_at = 0
        self._away = False

    @contextmanager
    def looking_away(self) -> Iterator[None]:
        """For tests of the scan itself, which leak on purpose."""
        self._away = True
        try:
            yield
        finally:
            self._away = False

    def look(self, text: str, where: str) -> None:
        """Find planted values, and anything that looks like a signed token, in `text`."""
        if self._away:
            return
        self.looked_at += 1
        for find in _FINDS.finditer(text):
            if len(self.leaks) < _AT_MOST:
                around = text[max(0, find.start() - _AROUND) : find.end() + _AROUND]
                test = os.environ.get("PYTEST_CURRENT_TEST", "no test")
                self.leaks.append(Leak(_name_of(find), where, test, around))


def _name_of(find: re.Match[str]) -> str:
    if find["token"]:
        return TOKEN
    return next(name for name, value in PLANTED.items() if value.lower() == find[0].lower())


class _Watched:
    """A stream that shows the scan what is written to it."""

    def __init__(self, stream: Any, scan: LeakScan) -> None:
        self._stream, self._scan = stream, scan

    def write(self, text: str) -> Any:
        self._scan.look(text, "the request log")
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


class _Listening(logging.Handler):
    """Shows the scan what any library logs, in the form a handler would print it."""

    def __init__(self, scan: LeakScan) -> None:
        super().__init__(logging.NOTSET)
        self._scan = scan

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += "".join(traceback.format_exception(*record.exc_info))
        self._scan.look(text, f"the logger {record.name}")


@contextmanager
def watching(scan: LeakScan) -> Iterator[None]:
    """Show `scan` all that is logged or counted in this process."""
    opened, labelled, exposed = RequestLog.__init__, MetricWrapperBase.labels, Metrics.exposition
    seen: set[tuple[str, ...]] = set()

    def open_(log: RequestLog, stream: Any = None, timestamp: Any = None) -> None:
        opened(log, _Watched(stream or sys.stderr, scan), timestamp)  # type: ignore[arg-type]

    def label(metric: Any, *values: Any, **named: Any) -> Any:
        said = (*map(str, values), *map(str, named.values()))
        if said not in seen:
            seen.add(said)
            scan.look("\n".join(said), "the label of a metric")
        return labelled(metric, *values, **named)

    def expose(metrics: Metrics) -> tuple[bytes, str]:
        content, media_type = exposed(metrics)
        scan.look(content.decode(), "the exposition of metrics")
        return content, media_type

    listening = _Listening(scan)
    logging.getLogger().addHandler(listening)
    try:
        with ExitStack() as patches:
            patches.enter_context(patch.object(RequestLog, "__init__", open_))
            patches.enter_context(patch.object(MetricWrapperBase, "labels", label))
            patches.enter_context(patch.object(Metrics, "exposition", expose))
            yield
    finally:
        logging.getLogger().removeHandler(listening)
