"""What differs between two states of the knowledge, in clinical words and in a stable order."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from mappings.describe import Statement, in_force, number, phrase, statements
from mappings.entries import Entry, entries
from mappings.load import Knowledge
from mappings.products import Strength

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `before` or `after` is empty when there was or is nothing; `since` dates a dated value.

    `cites` are the citations after the change (before it, when nothing is left).
    """

    kind: str
    id: str
    file: str
    what: str
    before: str
    after: str
    since: date | None = None
    cites: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line, such as ``sertraline: default dose 50 -> 75 mg/d from 2027-01-01 (who cites)``."""
        words = f"{self.id}: {self.what}"
        if self.before and self.after:
            words = f"{words} {_arrow(self.before, self.after)}"
        elif self.after:
            words = f"{words} added: {self.after}" if self.after != _PRESENT else f"{words} added"
        else:
            words = f"{words} removed: {self.before}" if self.before != _PRESENT else f"{words} removed"
        since = f" from {self.since}" if self.since else ""
        cites = f" ({', '.join(self.cites)})" if self.cites else ""
        return f"{words}{since}{cites}"


_PRESENT = "listed"


def compare(before: Knowledge, after: Knowledge) -> tuple[Change, ...]:
    """Every difference, entries in the order of kind and id, code tables last."""
    old = {(entry.kind, entry.id, entry.file): entry for entry in entries(before)}
    new = {(entry.kind, entry.id, entry.file): entry for entry in entries(after)}
    changes: list[Change] = []
    for key in sorted(old.keys() | new.keys()):
        changes += _of_entry(old.get(key), new.get(key))
    return (*changes, *_tables(before, after))


def _of_entry(old: Entry | None, new: Entry | None) -> Iterator[Change]:
    entry = new or old
    if entry is None or (old and new and old.content == new.content):
        return
    if old is None or new is None:
        before, after = ("", _headline(entry)) if old is None else (_headline(entry), "")
        yield Change(entry.kind, entry.id, entry.file, entry.kind, before, after)
        return
    cited = [", ".join(getattr(one.content, "cites", ())) for one in (old, new)]
    if cited[0] != cited[1]:
        yield Change(entry.kind, entry.id, entry.file, "citations", cited[0], cited[1])
    was, now = _by_place(old), _by_place(new)
    for place in dict.fromkeys([*was, *now]):
        for what, before, after, since, cites in _of_place(was.get(place, {}), now.get(place, {})):
            name = f"{entry.kind} {phrase(place)}" if not place else phrase(place)
            yield Change(entry.kind, entry.id, entry.file, f"{name}{what}", before, after, since, cites)


def _headline(entry: Entry) -> str:
    """What is said of an entry that came or went: its own label, text or value."""
    for statement in statements(entry.content):
        if not statement.place or statement.place[-1] in {"label", "text", "citation", "display"}:
            return statement.text or _PRESENT
    return _PRESENT


def _by_place(entry: Entry) -> dict[tuple[str, ...], dict[date | None, Statement]]:
    grouped: dict[tuple[str, ...], dict[date | None, Statement]] = {}
    for statement in statements(entry.content):
        grouped.setdefault(statement.place, {})[statement.since] = statement
    return grouped


_Line = tuple[str, str, str, date | None, tuple[str, ...]]


def _of_place(was: Mapping[date | None, Statement], now: Mapping[date | None, Statement]) -> Iterator[_Line]:
    """The changes of one place: of each effective date that came, went or means something else."""
    for since in sorted(was.keys() | now.keys(), key=lambda day: day or date.min):
        old, new = was.get(since), now.get(since)
        if old and new:
            yield from _same_date(old, new)
        elif new:
            held = in_force(was.values(), since - _DAY) if since else None
            yield ("", _text(held), _text(new), since, new.cites if new.own else ())
        elif old:
            stays = in_force(now.values(), since) if since else None
            yield ("", _text(old), _text(stays), since, stays.cites if stays and stays.own else ())


def _same_date(old: Statement, new: Statement) -> Iterator[_Line]:
    cites = new.cites if new.own else ()
    if (old.value, old.unit) != (new.value, new.unit):
        gone = [value for value in old.value if value not in new.value]
        come = [value for value in new.value if value not in old.value]
        if max(len(old.value), len(new.value)) == 1 or not (gone or come):
            yield ("", _text(old), _text(new), new.since, cites)
        else:
            for value in gone:
                yield ("", value, "", new.since, cites)
            for value in come:
                yield ("", "", value, new.since, cites)
    if old.own and new.own and old.cites != new.cites and new.cited_at == new.place:
        yield (" citations", ", ".join(old.cites), ", ".join(new.cites), new.since, ())
    if old.confidence != new.confidence:
        yield (" confidence", old.confidence or "none", new.confidence or "none", new.since, ())
    if old.note != new.note:
        yield (" note", old.note, new.note, new.since, ())


def _text(statement: Statement | None) -> str:
    return "" if statement is None else statement.text or _PRESENT


def _arrow(before: str, after: str) -> str:
    """``50 -> 75 mg/d``: a unit that both share is said once."""
    left, right = before.split(" "), after.split(" ")
    if len(left) == len(right) == 2 and left[1] == right[1]:
        return f"{left[0]} -> {after}"
    return f"{before} -> {after}"


def _tables(before: Knowledge, after: Knowledge) -> Iterator[Change]:
    """Differences of the code tables, row by row."""
    for system in ("rxnorm", "atc", "snomed", "names", "combination_names", "ndc"):
        file = f"codes/{'brands' if 'names' in system else system}.csv"
        old, new = getattr(before.products, system), getattr(after.products, system)
        for key in sorted(old.keys() | new.keys()):
            was, now = old.get(key), new.get(key)
            if was == now:
                continue
            code = " ".join(key) if isinstance(key, tuple) else f"{system} {key}"
            if was is None or now is None:
                yield Change("code", code, file, "row", _row(was), _row(now))
                continue
            for what, one, other in _cells(was, now):
                yield Change("code", f"{code} ({_name(now)})" if _name(now) else code, file, what, one, other)


def _cells(was: Any, now: Any) -> Iterator[tuple[str, str, str]]:
    if not dataclasses.is_dataclass(was) or not dataclasses.is_dataclass(now):
        yield ("stands for", _cell(was), _cell(now))
        return
    for field in dataclasses.fields(was):
        one, other = getattr(was, field.name), getattr(now, field.name)
        if one != other:
            yield (field.name.replace("_", " "), _cell(one) or "none", _cell(other) or "none")


def _row(row: Any) -> str:
    if row is None:
        return ""
    return _name(row) or _cell(getattr(row, "ingredients", row)) or _PRESENT


def _name(row: Any) -> str:
    return str(getattr(row, "name", ""))


def _cell(value: Any) -> str:
    if isinstance(value, Strength):
        return f"{number(value.amount)} mg/{value.per}"
    if isinstance(value, tuple):
        return " + ".join(_cell(part) for part in value if part not in (None, ""))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value or "")
