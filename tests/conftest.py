"""What several kinds of test share, and the scan for planted values over the whole run."""

from __future__ import annotations

import gc
from contextlib import ExitStack
from typing import Any

import pytest

from mappings.load import Knowledge, load
from tests.planted import LeakScan, watching

_SCAN = pytest.StashKey[LeakScan]()
_OPEN = pytest.StashKey[ExitStack]()
_TOLD = pytest.StashKey[list[str]]()
_LOOKED = pytest.StashKey[int]()


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The packaged knowledge."""
    return load()


@pytest.fixture(scope="session")
def leak_scan(pytestconfig: pytest.Config) -> LeakScan:
    """The scan of this run: tests show it what subprocesses print, by ``leak_scan.look(text, where)``."""
    return pytestconfig.stash[_SCAN]


def pytest_sessionstart(session: pytest.Session) -> None:
    """Watch from before the first application is made."""
    scan, stack = LeakScan(), ExitStack()
    stack.enter_context(watching(scan))
    session.config.stash[_SCAN], session.config.stash[_OPEN] = scan, stack


def pytest_collection_finish() -> None:
    """Run as the service does: what is there by now, code and knowledge, is not walked for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run for a find; a worker of pytest-xdist tells its finds to the process that started it."""
    stash = session.config.stash
    if (stack := stash.get(_OPEN, None)) is None:
        return  # the session ended before it began
    stack.close()
    scan, found = stash[_SCAN], [str(leak) for leak in stash[_SCAN].leaks]
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["scan"] = found, scan.looked_at
        return
    _tell(session.config, found, scan.looked_at)
    if stash[_TOLD] and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker found."""
    if "scan" in (output := getattr(node, "workeroutput", {})):  # a worker that crashed has failed the run already
        _tell(node.config, *output["scan"])


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say what was found and where it came from."""
    for leak in config.stash.get(_TOLD, []):
        terminalreporter.write_line(f"LEAK: {leak}", red=True)
    if not config.stash.get(_TOLD, []) and (looked := config.stash.get(_LOOKED, 0)):
        terminalreporter.write_line(f"no planted value in {looked} texts that were logged or counted")


def _tell(config: pytest.Config, found: list[str], looked: int) -> None:
    config.stash[_TOLD] = [*config.stash.get(_TOLD, []), *found]
    config.stash[_LOOKED] = config.stash.get(_LOOKED, 0) + looked
