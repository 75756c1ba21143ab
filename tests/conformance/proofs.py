"""Which tests prove which requirement: the marks ``@pytest.mark.proves("RS-01", ...)``, read from the sources.

A mark stands on a function, on a class, on a module (``pytestmark``) or on one case of a parametrised test. Its
arguments are written out, so that they can be read without importing anything.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
MARK = "pytest.mark.proves"
LATE = frozenset({"pytest.mark.deep", "pytest.mark.services", "pytest.mark.browser"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class UnreadableMark(ValueError):  # noqa: N818 - told to whoever wrote the mark
    """A mark with arguments that are no written-out texts."""


@dataclass(frozen=True, slots=True, order=True)
class Proof:
    """One test: its file, from the root of the repository, its name in it, and whether `make test` leaves it out."""

    file: str
    name: str
    late: bool = False


def proofs() -> dict[str, tuple[Proof, ...]]:
    """The tests of every id that is marked anywhere. Raises UnreadableMark."""
    found: dict[str, set[Proof]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        source = path.read_text("utf-8")
        if "mark.proves" in source:
            for identifier, name, late in proofs_in(source, path.name):
                found[identifier].add(Proof(path.relative_to(ROOT).as_posix(), name, late))
    return {identifier: tuple(sorted(tests)) for identifier, tests in found.items()}


def proofs_in(source: str, file: str) -> Iterator[tuple[str, str, bool]]:
    """Id, name of the test and whether it is a late one, for every mark of a module. Raises UnreadableMark."""
    module = ast.parse(source)
    yield from _proofs(module.body, "", list(_assigned(module.body)), file)


def _proofs(body: list[ast.stmt], prefix: str, outer: list[ast.expr], file: str) -> Iterator[tuple[str, str, bool]]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            marks = [*outer, *node.decorator_list, *_assigned(node.body)]
            yield from _proofs(node.body, f"{prefix}{node.name}::", marks, file)
        elif isinstance(node, _Function) and node.name.startswith("test_"):
            marks = [*outer, *node.decorator_list]
            late = any(_name(mark) in LATE for mark in marks)
            for identifier in dict.fromkeys(_ids(marks, file)):
                yield identifier, prefix + node.name, late


def _assigned(body: list[ast.stmt]) -> Iterator[ast.expr]:
    """The marks of ``pytestmark``."""
    for node in body:
        if isinstance(node, ast.Assign) and any(ast.unparse(one) == "pytestmark" for one in node.targets):
            yield from node.value.elts if isinstance(node.value, (ast.List, ast.Tuple)) else (node.value,)


def _ids(marks: list[ast.expr], file: str) -> Iterator[str]:
    """The ids of all marks, those of single cases (``pytest.param(..., marks=...)``) among them."""
    for call in (node for mark in marks for node in ast.walk(mark) if isinstance(node, ast.Call)):
        if _name(call) != MARK:
            continue
        for argument in call.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise UnreadableMark(f"{file}:{call.lineno}: write the ids out: {ast.unparse(argument)}")
            yield argument.value


def _name(mark: ast.expr) -> str:
    return ast.unparse(mark.func if isinstance(mark, ast.Call) else mark)
