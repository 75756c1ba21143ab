"""Which test reaches which line of plugin/, and how long each test takes: coverage.py, one context for each test."""

from __future__ import annotations

import gc
import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import _lru_cache_wrapper
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage

from benchmarks.mutation.places import ROOT, SOURCE
from mappings.arranged import Arranged

_READING = ""  # the context of what runs when modules are read and tests are collected


@dataclass(slots=True)
class Reached:
    """For each test its seconds, the state of what it was written in, and the lines it runs of each file.

    Tests are numbered; the lines of a file each have the set of their tests as the bits of an integer.
    """

    tests: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    lines: dict[str, dict[int, int]] = field(default_factory=dict)
    read: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Reached:
        """What was kept, or nothing yet."""
        if not path.exists():
            return cls()
        kept = json.loads(path.read_text(encoding="utf-8"))
        lines = {file: {int(n): int(bits, 16) for n, bits in of.items()} for file, of in kept.pop("lines").items()}
        return cls(**kept, lines=lines)

    def save(self, path: Path) -> None:
        """Keep for later sessions."""
        lines = {file: {line: f"{bits:x}" for line, bits in of.items()} for file, of in self.lines.items()}
        kept = {
            "tests": self.tests,
            "seconds": self.seconds,
            "written": self.written,
            "lines": lines,
            "read": self.read,
        }
        path.write_text(json.dumps(kept), encoding="utf-8")

    def reaching(self, file: str, first: int, last: int) -> list[int]:
        """The tests that run any of these lines."""
        return _numbers(self._any(file, range(first, last + 1)))

    def reaching_file(self, file: str) -> list[int]:
        """The tests that run any line of a function of the file."""
        return _numbers(self._any(file, self.lines.get(file, {})))

    def _any(self, file: str, lines: Any) -> int:
        bits, of = 0, self.lines.get(file, {})
        for line in lines:
            bits |= of.get(line, 0)
        return bits


def _numbers(bits: int) -> list[int]:
    return [number for number, bit in enumerate(reversed(f"{bits:b}")) if bit == "1"]


class Covering:
    """A pytest plugin: every collected test that is new, or whose file is not as it was, runs once and is looked at."""

    def __init__(self, reached: Reached) -> None:
        self.reached = reached
        self.coverage = Coverage(data_file=None, config_file=False, branch=False, source=[str(ROOT / SOURCE)])
        self.coverage.start()
        self.kept: list[Any] = []
        self.failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Only what is not known yet."""
        state = {item.nodeid: _written(item) for item in items}
        known, before = set(self.reached.tests), self.reached.written
        items[:] = [item for item in items if item.nodeid not in known or before[item.nodeid] != state[item.nodeid]]
        self.reached.written = state

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """What plugin/ keeps from call to call."""
        gc.unfreeze()
        self.kept = kept_by(SOURCE)
        gc.freeze()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """One context for a test with its set-up; nothing kept from the tests before."""
        forget(self.kept)
        self.coverage.switch_context(item.nodeid)
        began = time.process_time()
        result = yield
        took = round(time.process_time() - began, 4)
        if item.nodeid in self.reached.tests:
            self.reached.seconds[self.reached.tests.index(item.nodeid)] = took
        else:
            self.reached.tests.append(item.nodeid)
            self.reached.seconds.append(took)
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test that fails without a mutant says nothing of one."""
        if report.failed:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Put it together; what failed is looked at again next time, and reaches nothing until then."""
        self.coverage.stop()
        for test in self.failed:
            self.reached.written[test] = ""
        number = {test: position for position, test in enumerate(self.reached.tests)}
        data = self.coverage.get_data()
        for path in data.measured_files():
            file = str(Path(path).relative_to(ROOT))
            lines = self.reached.lines.setdefault(file, {})
            read = set(self.reached.read.get(file, []))
            for line, contexts in data.contexts_by_lineno(path).items():
                bits = 0
                for context in contexts:
                    if context == _READING:
                        read.add(line)
                    elif context in number and context not in self.failed:
                        bits |= 1 << number[context]
                lines[line] = lines.get(line, 0) | bits
            self.reached.read[file] = sorted(read)


def kept_by(source: str) -> list[Any]:
    """What functions under `source` keep from call to call; objects that are frozen are not seen."""
    return [
        each
        for each in gc.get_objects()
        if isinstance(each, Arranged) or (isinstance(each, _lru_cache_wrapper) and each.__module__.startswith(source))
    ]


def forget(kept: Iterable[Any]) -> None:
    """Empty all of it."""
    for each in kept:
        if isinstance(each, Arranged):
            each._made = ()
        else:
            each.cache_clear()


_STATES: dict[Path, str] = {}


def _written(item: pytest.Item) -> str:
    """The state of the file that a test stands in."""
    if item.path not in _STATES:
        _STATES[item.path] = hashlib.sha256(item.path.read_bytes()).hexdigest()[:12]
    return _STATES[item.path]


def summary(reached: Reached) -> Mapping[str, Any]:
    """For the report: tests and their seconds under the tracer."""
    return {"tests": len(reached.tests), "seconds": round(sum(reached.seconds))}
