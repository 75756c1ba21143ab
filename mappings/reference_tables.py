"""Markdown for reference pages: tables, the section of one entry, and decision rows in words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from pydantic import BaseModel

from mappings.describe import REVIEW, Statement, phrase, statements
from mappings.entries import Entry
from mappings.review import UNSIGNED

_LONG = 12
_OPERATORS = {"is": "is", "in": "is one of", "lt": "<", "le": "≤", "gt": ">", "ge": "≥", "unknown": "is unknown"}


def cell(text: str) -> str:
    """`text` inside a table: one line, bars escaped, angle brackets and braces left readable."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table with a blank line after it."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(cell(value) for value in row)} |" for row in rows)
    yield ""


def anchor(entry: Entry) -> str:
    """The anchor of an entry's section."""
    return re.sub(r"[^a-z0-9]+", "-", f"{entry.kind} {entry.id}".lower()).strip("-")


def confidence_of(told: Iterable[Statement]) -> str:
    """The confidences of several statements, each once."""
    return ", ".join(dict.fromkeys(one.confidence for one in told if one.confidence))


def sources(told: Iterable[Statement]) -> str:
    """The citations of several statements as links into the bibliography, each once."""
    cites = dict.fromkeys(cite for one in told for cite in one.cites)
    return ", ".join(f"[{cite}](bibliography.md#{cite})" for cite in cites)


def section(entry: Entry) -> Iterator[str]:
    """One entry: heading, review, a table of what it states, decision rows in words, long lists below."""
    label = getattr(entry.content, "label", "")
    named = f": {label}" if label and label.lower() != entry.id.lower() else ""
    yield f'### <a id="{anchor(entry)}"></a>{entry.id}{named}'
    yield ""
    yield _review(entry)
    whole = tuple(getattr(entry.content, "cites", ()))
    if whole:
        yield f"Sources: {sources([Statement((), (), cites=whole)])}."
    yield ""
    rules = _decisions(entry.content)
    told = [one for one in statements(entry.content) if not _beside(one, bool(rules))]
    rows, long = [], []
    for one in _gathered(told):
        if len(one.value) > _LONG:
            long.append(f"- {phrase(one.place)}: {', '.join(one.value)}")
        value = f"{len(one.value)}, listed below" if len(one.value) > _LONG else one.text
        note = f" ({one.note})" if one.note else ""
        cited = sources([one]) if one.own else ""
        rows.append((phrase(one.place), value + note, str(one.since or ""), one.confidence, cited))
    if rows:
        yield from table(("what", "value", "from", "confidence", "sources"), rows)
    yield from rules
    if long:
        yield from (*long, "")


def _review(entry: Entry) -> str:
    review = entry.review
    if review is None:
        return f"`{entry.file}`."
    by = "none" if review.reviewed_by == UNSIGNED else review.reviewed_by
    return (
        f"`{entry.file}`. Reviewed by: {by}. Last looked at {review.last_reviewed}; "
        f"to be looked at again by {review.review_by}."
    )


def _beside(one: Statement, has_rules: bool) -> bool:
    """Whether a statement is told elsewhere: as heading, review or decision row."""
    return (
        one.place[-1:] in {(name,) for name in REVIEW}
        or one.place in {("id",), ("label",)}
        or (has_rules and one.place[0] == "rows")
    )


def _gathered(told: Iterable[Statement]) -> Iterator[Statement]:
    """Bare codes of one list and one confidence as one statement."""
    codes: dict[tuple[tuple[str, ...], str], list[str]] = {}
    kept: list[Statement | tuple[tuple[str, ...], str]] = []
    sample: dict[tuple[tuple[str, ...], str], Statement] = {}
    for one in told:
        if one.value or len(one.place) < 2:
            kept.append(one)
            continue
        key = (one.place[:-1], one.confidence)
        if key not in codes:
            kept.append(key)
            sample[key] = one
        codes.setdefault(key, []).append(one.place[-1])
    for item in kept:
        if isinstance(item, Statement):
            yield item
        else:
            first = sample[item]
            yield Statement(item[0], tuple(codes[item]), "", first.since, first.cites, first.confidence, first.note)


def _decisions(content: object) -> list[str]:
    """The rows of a decision table: when, what follows, who says so."""
    rows = getattr(content, "rows", None)
    if not isinstance(rows, tuple) or not rows or not all(hasattr(row, "when") for row in rows):
        return []
    told = []
    for row in rows:
        then = [
            f"{phrase((one.place[0],))}: {one.text}" for one in statements(row) if one.place and one.place[0] != "when"
        ]
        cites = tuple(getattr(row, "cites", ()))
        told.append(
            (
                " and ".join(_test(test) for test in row.when),
                "; ".join(then),
                getattr(row, "confidence", ""),
                sources([Statement((), (), cites=cites)]),
                getattr(row, "note", ""),
            )
        )
    return list(table(("when", "then", "confidence", "sources", "note"), told))


def _test(test: BaseModel) -> str:
    """One condition in words, such as ``age ≥ 65 years (from 2026-11-22)``."""
    told = statements(test)
    values = [one for one in told if one.place[:1] == ("value",)]
    window = [one.text for one in told if one.place[:1] == ("window_days",)]
    operator = _OPERATORS.get(str(getattr(test, "op", "")), str(getattr(test, "op", "")))
    value = "; ".join(f"{one.text} (from {one.since})" if len(values) > 1 else one.text for one in values)
    within = f" within {', '.join(window)}" if window else ""
    return f"`{getattr(test, 'fact', '')}` {operator} {value}".rstrip() + within
