"""What a CDS Hooks service can have, who has it, what shows that we do: the page docs/compare.md, from features.yaml.

`python -m tests.compare.table` writes the page, and with `--check` says whether the written one still holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, StringConstraints

from tests.generated_page import write_or_check

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "compare.md"
DATA = Path(__file__).with_name("features.yaml")
MADE = "<!-- Made by `make compare` from tests/compare/features.yaml; do not edit. -->"

State = Literal["yes", "partly", "no", "apart"]
Words = Annotated[str, StringConstraints(min_length=3, strip_whitespace=True)]
_SAID = {"yes": "yes", "partly": "partly", "no": "no", "apart": "not ours to have"}
_OTHERS = {"yes": "yes", "partly": "partly", "no": "no", "unseen": "?", "none": "–"}


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Column(_Strict):
    """One other project or kind of project."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,5}$")]
    name: Words


class Feature(_Strict):
    """One thing to have: `others` has one word for each column, `ours` is our own state, `shows` what shows it."""

    id: int
    feature: Words
    others: Words
    ours: State
    shows: list[Words]
    note: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """What the others have, column by column; a star says that we ran it."""
        words = self.others.split()
        return tuple(_OTHERS.get(word.rstrip("*"), word.rstrip("*")) + "*" * word.endswith("*") for word in words)


class Group(_Strict):
    """Features of one kind."""

    group: Words
    rows: list[Feature]


class Comparison(_Strict):
    """The whole table, and what others do better."""

    compared_on: date
    columns: list[Column]
    better: list[Words]
    groups: list[Group]

    @property
    def rows(self) -> tuple[Feature, ...]:
        """Every feature."""
        return tuple(row for group in self.groups for row in group.rows)


@cache
def comparison() -> Comparison:
    """All of it. ValidationError when the file is not as described here."""
    return Comparison.model_validate(yaml.safe_load(DATA.read_text(encoding="utf-8")))


def page() -> str:
    """The page: how to read it, what others do better, the table, and what shows each row of ours."""
    whole = comparison()
    return "\n".join([*_opening(whole), *_better(whole), *_tables(whole), *_shown(whole)]) + "\n"


def _opening(whole: Comparison) -> Iterator[str]:
    count = Counter(row.ours for row in whole.rows)
    left = ", ".join(f"{count[state]} {_SAID[state]}" for state in _SAID if count[state])
    yield from (
        MADE,
        "",
        "# Beside others",
        "",
        "For whoever chooses among CDS Hooks services, or builds one: what such a service can have, who has it, and "
        f"what shows that this one does. Of {len(whole.rows)} rows: {left}.",
        "",
        f"The others were looked at on {whole.compared_on:%d %B %Y}, in the versions of that day: their code was read, "
        "and where a star stands it was run here. Nothing else of theirs was run by us, and they go on since. A "
        "question mark: not seen. A dash: does not apply. What is said of ours is held by a test: every test, file, "
        "command and target named below exists, or `make test` fails.",
        "",
        "| column | |",
        "| --- | --- |",
        *(f"| {one.id} | {one.name} |" for one in whole.columns),
        "",
    )


def _better(whole: Comparison) -> Iterator[str]:
    yield from ("## What others do better", "", *(f"- {one}" for one in whole.better), "")


def _tables(whole: Comparison) -> Iterator[str]:
    heads = [one.id for one in whole.columns]
    for group in whole.groups:
        yield from (f"## {group.group}", "", _row(["", "", *heads, "ours"]), _row(["---"] * (len(heads) + 3)))
        for row in group.rows:
            yield _row([str(row.id), row.feature, *row.cells, f"**{_SAID[row.ours]}**"])
        yield ""


def _shown(whole: Comparison) -> Iterator[str]:
    yield from ("## What shows it", "", _row(["", "ours", "shown by", "to be known"]), _row(["---"] * 4))
    for row in whole.rows:
        yield _row([str(row.id), _SAID[row.ours], ", ".join(f"`{one}`" for one in row.shows), row.note])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or with ``--check`` compare it; 1 when it is stale."""
    return write_or_check(
        page(), PAGE, target="compare", about="The comparison in docs/compare.md.", arguments=arguments
    )


if __name__ == "__main__":
    raise SystemExit(main())
