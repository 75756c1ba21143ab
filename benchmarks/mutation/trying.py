"""Does a test notice? Each mutant in a process of its own, forked from a session that has read and collected all.

A change inside a function is put into the living function (its code object is exchanged), so that a mutant costs a
fork and the tests that reach it. What takes effect when a module is read (`read_anew`) needs a process that has not
read plugin/ yet. Tests run the likeliest first and stop at the first that fails.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import re
import resource
import select
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest

from benchmarks.mutation import core_route
from benchmarks.mutation.covering import Reached, forget, kept_by
from benchmarks.mutation.mutants import Mutant, essence
from benchmarks.mutation.places import ROOT, SOURCE

KILLED, SURVIVED, ENDLESS, NOT_REACHED, BROKEN = "killed", "survived", "timed out", "not reached", "not tried"
_ONE_TEST = 6.0  # seconds of processor beside ten times what the test takes otherwise
_ALL_TESTS = 20.0
_WALL = 900.0  # for a mutant that waits
_MEMORY = 3 << 30
_SLOW_TO_COLLECT = "tests/test_vignettes.py"
_AT_FIRST = 60  # tests that a mutant meets before the files of all others are read for it
# Libraries that plugin/, cds_hooks and the tests use: read once, in the process that is forked.
_READ_BEFORE = ("fastapi", "httpx", "jinja2", "jsonschema", "msgspec", "orjson", "sqlalchemy.ext.asyncio", "typer")
_NEW_LOCALS = 0x02  # a code object of a function has this flag, one of a class has it not


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Which tests a mutant meets: those whose id matches, and so many seconds of them as measured under the tracer.

    `unreached`: a mutant outside functions also those that run no line of its module and may read its tables.
    """

    seconds: float
    tests: re.Pattern[str]
    unreached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a mutant: how, by which test, after how many tests."""

    name: str
    outcome: str
    test: str | None = None
    tried: int = 0
    reaching: int = 0


class _Judge:
    """A pytest plugin that notices the first failure."""

    def __init__(self) -> None:
        self.failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A failure in any phase counts; an expected one does not."""
        self.failed = self.failed or report.failed


def likeliest_first(
    numbers: Sequence[int], reached: Reached, kills: Mapping[str, Counter[str]], mutant: Mutant, most: float
) -> list[int]:
    """Tests that killed a mutant of the function, then of the module, then the fastest; `most` seconds of them.

    A mutant that none of these notices counts as alive, though a test left out might have noticed: the score errs to
    the low side.
    """
    of_function, of_file = kills[f"{mutant.file}:{mutant.function}"], kills[mutant.file]

    def rank(number: int) -> tuple[int, int, float]:
        test = reached.tests[number]
        return -of_function[test], -of_file[test], reached.seconds[number]

    ordered, chosen, spent = sorted(numbers, key=rank), [], 0.0
    for number in ordered:
        if spent > most:
            break
        chosen.append(number)
        spent += reached.seconds[number]
    return chosen


def run_until_failure(
    items: Sequence[pytest.Item], seconds: Sequence[float], say: Callable[[str], None], session: pytest.Session
) -> None:
    """Run these tests in order until one fails; `say` hears which. The process ends at the limit of its time."""
    judge = _Judge()
    session.config.pluginmanager.register(judge)
    limit = int(_ALL_TESTS + 10 * sum(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for number, item in enumerate(items):
        following = items[number + 1] if number + 1 < len(items) else None
        signal.setitimer(signal.ITIMER_VIRTUAL, _ONE_TEST + 10 * seconds[number])
        item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
        if judge.failed:
            say(json.dumps([item.nodeid, number + 1]))
            return
    say(json.dumps([None, len(items)]))


def in_a_fork(work: Callable[[Callable[[str], None]], None]) -> tuple[str, Any]:
    """Do the work in a child; what it said, and how it ended: killed, survived, timed out or not tried."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        try:
            work(lambda text: os.write(writing, text.encode()) and None)
        except BaseException as failure:  # the parent tells of it
            os.write(writing, json.dumps({"not tried": f"{type(failure).__name__}: {failure}"[:300]}).encode())
        os._exit(0)
    os.close(writing)
    said = b""
    while True:
        ready, _, _ = select.select([reading], [], [], _WALL)
        if not ready:
            os.kill(child, signal.SIGKILL)
            break
        if not (part := os.read(reading, 65536)):
            break
        said += part
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not said:
        return ENDLESS if os.WIFSIGNALED(status) else BROKEN, [f"status {status}", 0]
    told = json.loads(said)
    if isinstance(told, dict):
        return BROKEN, [told["not tried"], 0]
    return (SURVIVED if told[0] is None else KILLED), told


# ---- changes inside functions ----


def functions(code: CodeType) -> dict[tuple[str, int], CodeType]:
    """The outermost functions of a module, in whatever class they stand, by name and by which of that name it is."""
    found: dict[tuple[str, int], CodeType] = {}
    for part in code.co_consts:
        if isinstance(part, CodeType):
            if part.co_flags & _NEW_LOCALS:
                number = sum(name == part.co_qualname for name, _ in found)
                found[part.co_qualname, number] = part
            else:
                found.update(functions(part))
    return found


def changed_functions(mutant: Mutant) -> list[tuple[CodeType, CodeType]]:
    """The functions that the mutant changes: their code as it is, and the changed one. Empty when it changes none."""
    path = str(ROOT / mutant.file)
    before = functions(compile((ROOT / mutant.file).read_text(encoding="utf-8"), path, "exec", dont_inherit=True))
    after = functions(compile(mutant.source, path, "exec", dont_inherit=True))
    return [(code, after[place]) for place, code in before.items() if essence(code) != essence(after[place])]


def works_when_called(mutant: Mutant) -> bool:
    """Whether exchanging the code of a function makes the mutant; not so for what stands outside, and for defaults."""
    return mutant.function is not None and bool(changed_functions(mutant))


def ran_while_reading(mutant: Mutant, reached: Reached) -> bool:
    """Whether the function ran when modules were read and tests collected: what it gave then is without the mutant."""
    read = set(reached.read.get(mutant.file, ()))
    for code, _ in changed_functions(mutant):
        own = {line for _, _, line in code.co_lines() if line is not None and line != code.co_firstlineno}
        if own & read:
            return True
    return False


class InPlace:
    """A pytest plugin in place of pytest's own loop: mutants that are put into living functions, one after another."""

    def __init__(
        self,
        mutants: Sequence[Mutant],
        reached: Reached,
        kills: dict[str, Counter[str]],
        done: Callable[[Outcome], None],
        limits: Limits,
    ) -> None:
        self.mutants, self.reached, self.kills, self.done, self.limits = mutants, reached, kills, done, limits
        self.living: dict[tuple[str, str, int], list[FunctionType]] = {}
        self.kept: list[Any] = []

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Find every function of plugin/, and what it keeps from call to call."""
        gc.unfreeze()
        for each in gc.get_objects():
            if isinstance(each, FunctionType) and (path := each.__code__.co_filename).startswith(f"{ROOT}/{SOURCE}/"):
                place = str(Path(path).relative_to(ROOT)), each.__code__.co_qualname, each.__code__.co_firstlineno
                self.living.setdefault(place, []).append(each)
        self.kept = kept_by(SOURCE)
        gc.collect()
        gc.freeze()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Every mutant in a fork."""
        items = {item.nodeid: item for item in session.items}
        for mutant in self.mutants:
            numbers = [
                number
                for number in self.reached.reaching(mutant.file, mutant.first, mutant.last)
                if self.reached.tests[number] in items and self.limits.tests.search(self.reached.tests[number])
            ]
            if not numbers:
                self.done(Outcome(name=mutant.name, outcome=NOT_REACHED))
                continue
            ordered = likeliest_first(numbers, self.reached, self.kills, mutant, self.limits.seconds)
            chosen = [items[self.reached.tests[number]] for number in ordered]
            seconds = [self.reached.seconds[number] for number in ordered]

            def work(say: Callable[[str], None]) -> None:
                self.exchange(mutant)  # noqa: B023 - done before the next one
                run_until_failure(chosen, seconds, say, session)  # noqa: B023

            outcome, (test, tried) = in_a_fork(work)
            self.done(Outcome(name=mutant.name, outcome=outcome, test=test, tried=tried, reaching=len(numbers)))
        return True

    def exchange(self, mutant: Mutant) -> None:
        """Put the mutant into the living function. LookupError when there is none.

        Where the function ran while modules were read, what was kept of it then is forgotten.
        """
        if ran_while_reading(mutant, self.reached):
            forget(self.kept)
        for code, changed in changed_functions(mutant):
            for function in self.living[mutant.file, code.co_qualname, code.co_firstlineno]:
                function.__code__ = changed


# ---- changes outside functions ----


class _Reading(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module of plugin/ another text."""

    def __init__(self, mutant: Mutant) -> None:
        self.path = str(ROOT / mutant.file)
        self.module = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.source = mutant.source
        self.is_package = mutant.file.endswith("/__init__.py")

    def find_spec(self, fullname: str, _path: Any, _target: Any = None) -> importlib.machinery.ModuleSpec | None:
        """Ours for this one module."""
        if fullname != self.module:
            return None
        spec = importlib.machinery.ModuleSpec(fullname, self, origin=self.path, is_package=self.is_package)
        if self.is_package:
            spec.submodule_search_locations = [str(Path(self.path).parent)]
        spec.has_location = True
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """The changed text, under the name of the file."""
        exec(compile(self.source, self.path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - that is the point


class _Chosen:
    """A pytest plugin: only the chosen tests, in their order, until one fails."""

    def __init__(self, order: Mapping[str, float], say: Callable[[str], None]) -> None:
        self.order, self.say = order, say

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave the others out."""
        place = {test: number for number, test in enumerate(self.order)}
        items[:] = sorted((item for item in items if item.nodeid in place), key=lambda item: place[item.nodeid])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Until one fails; a file that cannot be read any more has failed."""
        if session.testsfailed or len(session.items) < len(self.order):
            self.say(json.dumps(["reading the modules", 0]))
            return True
        run_until_failure(session.items, list(self.order.values()), self.say, session)
        return True


def read_anew(
    mutants: Sequence[Mutant],
    reached: Reached,
    kills: dict[str, Counter[str]],
    done: Callable[[Outcome], None],
    limits: Limits,
) -> None:
    """Every mutant that works when its module is read: a fork of this process, which must not have read plugin/ yet.

    First the likeliest tests, collected from their files alone; a mutant that survives them meets the others that reach
    its module.
    """
    if any(name == SOURCE or name.startswith(f"{SOURCE}.") for name in sys.modules):
        raise RuntimeError("plugin/ has been read already: a changed module would come too late.")
    for name in _READ_BEFORE:
        importlib.import_module(name)
    importlib.import_module("mappings.load").load()
    for mutant in mutants:
        # What holds classes and tables only is reached by no line of a test: every test may use it.
        every = range(len(reached.tests))
        reaching = every if limits.unreached else reached.reaching_file(mutant.file) or every
        numbers = [number for number in reaching if limits.tests.search(reached.tests[number])]
        if not numbers:
            done(Outcome(name=mutant.name, outcome=NOT_REACHED))
            continue
        ordered = likeliest_first(numbers, reached, kills, mutant, limits.seconds)
        quick = [number for number in ordered if not reached.tests[number].startswith(_SLOW_TO_COLLECT)][:_AT_FIRST]
        for part in (quick, [number for number in ordered if number not in quick]):
            if not part:
                continue
            outcome, (test, tried) = in_a_fork(lambda say, part=part: _read_and_run(mutant, part, reached, say))  # noqa: B023
            if outcome != SURVIVED:
                break
        done(Outcome(name=mutant.name, outcome=outcome, test=test, tried=tried, reaching=len(numbers)))


def _read_and_run(mutant: Mutant, numbers: Sequence[int], reached: Reached, say: Callable[[str], None]) -> None:
    sys.meta_path.insert(0, _Reading(mutant))
    order = {reached.tests[number]: reached.seconds[number] for number in numbers}
    paths = list(dict.fromkeys(test.partition("::")[0] for test in order))
    said: list[str] = []
    chosen = _Chosen(order, said.append)
    code = core_route.run(chosen, paths=paths)
    say(said[0] if said else json.dumps([f"reading the modules: exit code {int(code)}", 0]))
