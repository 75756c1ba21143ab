"""The posted form: what was entered before (it travels in the page), new rows, and what the button asks for.

`read_form` never raises, whatever is posted; what cannot be read is a `Problem` that names the field and repeats
nothing. A row nobody filled in is no row. Reading a page's own form again gives the same facts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from cds_hooks.reported.facts import Fact, Values, values_of
from cds_hooks.reported.rows import KINDS, read_row
from mappings.load import Knowledge

FACT, DO = "fact", "do"
Wish = Literal["", "add", "remove", "save"]
_ROW = re.compile(r"r(\d{1,3})\.([a-z]{1,12})", re.ASCII)
_REMOVE = re.compile(r"remove-(\d{1,3})", re.ASCII)
_LONGEST = 1000
_MOST_FIELDS = 2000
_OWN = frozenset({"kind", "preset"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one field and how to mend it. `row` is the place in `Entered.drafts`, None for the form."""

    what: str
    field: str = ""
    row: int | None = None


@dataclass(frozen=True, slots=True)
class Entered:
    """What the form holds: `facts` in the order entered; `problems`; the `wish` of the button.

    `drafts` are the rows that could not be taken, to be shown again as they were typed.
    """

    facts: tuple[Fact, ...] = ()
    problems: tuple[Problem, ...] = ()
    wish: Wish = ""
    drafts: tuple[Mapping[str, str], ...] = field(default=(), repr=False)


def read_form(fields: Sequence[tuple[str, str]], *, knowledge: Knowledge, today: date) -> Entered:
    """What was posted, as facts; fields that are not of this form are passed over."""
    if len(fields) > _MOST_FIELDS:
        return Entered(problems=(Problem(what="The form holds too many fields to be read. Open the page again."),))
    wish, gone = _wish(fields)
    reading = _Reading(knowledge, today)
    carried = [value for name, value in fields if name == FACT]
    for place, written in enumerate(carried):
        if place != gone:
            reading.carry(written)
    for values in _rows(fields):
        reading.take(values)
    return Entered(tuple(reading.facts), tuple(reading.problems), wish, tuple(reading.drafts))


def carried_value(fact: Fact) -> str:
    """The hidden field that carries `fact` from page to page."""
    return json.dumps(values_of(fact), separators=(",", ":"), ensure_ascii=False)


def _wish(fields: Sequence[tuple[str, str]]) -> tuple[Wish, int | None]:
    asked = next((value for name, value in fields if name == DO), "")
    removed = _REMOVE.fullmatch(asked)
    if removed is not None:
        return "remove", int(removed.group(1))
    return ("add" if asked == "add" else "save" if asked == "save" else ""), None


def _rows(fields: Sequence[tuple[str, str]]) -> list[Values]:
    """The rows with anything typed into them, in order of their numbers."""
    rows: dict[int, Values] = {}
    for name, value in fields:
        found = _ROW.fullmatch(name)
        if found is not None:
            # What no encoding can write must not come back in a page.
            plain = value.encode("utf-8", "replace").decode("utf-8")
            rows.setdefault(int(found.group(1)), {}).setdefault(found.group(2), plain)
    filled = []
    for _, values in sorted(rows.items()):
        given = _OWN | frozenset(values.get("preset", "")[:_LONGEST].split())
        if any(value.strip() for name, value in values.items() if name not in given):
            filled.append({name: value for name, value in values.items() if name != "preset"})
    return filled


class _Reading:
    """Facts and problems gathered so far."""

    def __init__(self, knowledge: Knowledge, today: date) -> None:
        self._knowledge, self._today = knowledge, today
        self._most = int(knowledge.reported.facts_at_most.on(today).amount)
        self.facts: list[Fact] = []
        self.problems: list[Problem] = []
        self.drafts: list[Mapping[str, str]] = []

    def carry(self, written: str) -> None:
        """A fact the page carried. One that the page did not write is refused; a second copy is the same fact."""
        fact = None
        values = _object(written)
        if values is not None:
            fact, _ = read_row(values, knowledge=self._knowledge, today=self._today)
        if fact is None:
            self.problems.append(Problem(what="Something entered before could not be read again. Enter it once more."))
        elif fact not in self.facts:
            if len(self.facts) < self._most:
                self.facts.append(fact)
            else:
                self.problems.append(Problem(what=self._too_many()))

    def take(self, values: Values) -> None:
        """A new row."""
        place = len(self.drafts)
        if any(len(value) > _LONGEST for value in values.values()):
            self.drafts.append({"kind": values["kind"]} if values.get("kind") in KINDS else {"kind": KINDS[0]})
            self.problems.append(Problem(what="This entry is too long. Enter it again in short.", row=place))
            return
        fact, wrong = read_row(values, knowledge=self._knowledge, today=self._today)
        if fact is not None and fact not in self.facts and len(self.facts) < self._most:
            self.facts.append(fact)
            return
        if fact is not None and fact in self.facts:
            wrong = {"": "This is entered already. Change it, or empty the row."}
        elif fact is not None:
            wrong = {"": self._too_many()}
        shown = values if values.get("kind") in KINDS else {"kind": KINDS[0]}
        self.drafts.append(shown)
        self.problems += [Problem(what=what, field=name, row=place) for name, what in wrong.items()]

    def _too_many(self) -> str:
        return f"No more than {self._most} facts can be entered here. Save them, or remove one."


def _object(written: str) -> Values | None:
    if len(written) > 2 * _LONGEST:
        return None
    try:
        read = json.loads(written)
    except (ValueError, RecursionError):
        return None
    sound = isinstance(read, dict) and all(isinstance(value, str) for value in read.values())
    return dict(read) if sound else None
