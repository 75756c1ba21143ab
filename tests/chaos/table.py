"""What is disturbed and what then holds: the page docs/chaos.md, made from behaviours.yaml.

`python -m tests.chaos.table` writes the page, and with `--check` says whether the written one still holds.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from tests.generated_page import write_or_check

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "chaos.md"
DATA = Path(__file__).with_name("behaviours.yaml")
MADE = "<!-- Made by `make chaos` from tests/chaos/behaviours.yaml; do not edit. -->"

Words = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
Named = Annotated[str, StringConstraints(pattern=r"^tests/[\w/]+\.py::test_\w+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Behaviour(_Strict):
    """One disturbance: what must hold, who sees what of it, the tests that show it, and what is not promised."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z]+(?:-[a-z]+)*$")]
    disturbance: Words
    expected: Words
    clinician: Words
    operator: Words
    tests: list[Named]
    limit: Words | None = None


class Group(_Strict):
    """Disturbances of one kind."""

    group: Words
    rows: list[Behaviour]


@cache
def groups() -> tuple[Group, ...]:
    """All of it, in the order of the page. ValidationError when the file is not as described here."""
    written = yaml.safe_load(DATA.read_text(encoding="utf-8"))
    return tuple(TypeAdapter(list[Group]).validate_python(written))


def behaviours() -> Iterator[Behaviour]:
    """Every disturbance."""
    return (row for group in groups() for row in group.rows)


@cache
def defined_in(path: str) -> frozenset[str]:
    """The tests that the file at `path` below the root defines, those of its classes left out."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def page() -> str:
    """The page: the tables, one for each group, then the tests behind every row, then what is not promised."""
    return "\n".join([*_opening(), *_tables(), *_tests(), *_limits()]) + "\n"


def _opening() -> Iterator[str]:
    tests = {named for row in behaviours() for named in row.tests}
    yield from (
        MADE,
        "",
        "# When something breaks",
        "",
        "For whoever runs the service, or has to say whether it may be run. Each row is a disturbance: what must hold "
        "then, what the clinician sees and what the operator sees. Through all of them a failure is never an empty "
        "list of cards, what is said of danger is not silenced, what was acknowledged is kept once, and nothing of a "
        f"patient reaches log, metrics or an error. {sum(1 for _ in behaviours())} disturbances, {len(tests)} tests; "
        "which test shows which row stands below. Those in `make test-all` use real processes, sockets and databases.",
        "",
        "Where it says that the service did not answer, the EHR goes on without it: a CDS client must let the order be "
        "written and signed. The body of every refusal says that it is no statement about the patient.",
        "",
    )


def _tables() -> Iterator[str]:
    for group in groups():
        yield from (f"## {group.group}", "", _row(["", "what must hold", "the clinician sees", "the operator sees"]))
        yield _row(["---"] * 4)
        yield from (_row([one.disturbance, one.expected, one.clinician, one.operator]) for one in group.rows)
        yield ""


def _tests() -> Iterator[str]:
    yield from ("## What shows it", "", _row(["disturbance", "tests"]), _row(["---"] * 2))
    yield from (_row([one.id, ", ".join(f"`{named}`" for named in one.tests)]) for one in behaviours())
    yield ""


def _limits() -> Iterator[str]:
    yield from ("## What is not promised", "")
    yield from (f"- {one.id}: {one.limit}" for one in behaviours() if one.limit is not None)
    yield from (
        "- The power was never cut, and no disk was pulled: that a database keeps what it has confirmed is its own "
        "promise and the file system's.",
        "- Machines whose clocks disagree were played by one clock that steps.",
    )


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; 1 when it is stale."""
    return write_or_check(
        page(), PAGE, target="chaos", about="The table of disturbances in docs/chaos.md.", arguments=arguments
    )


if __name__ == "__main__":
    raise SystemExit(main())
