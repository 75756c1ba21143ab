"""Reasons as indented lines of text: the sentence, then whom it follows and which records it rests on."""

from __future__ import annotations

from collections.abc import Iterable

from plugin.findings import Reason


def reason_lines(reasons: Iterable[Reason], depth: int) -> list[str]:
    """One to three lines for each reason, indented by `depth` steps of two blanks."""
    lines = []
    for reason in reasons:
        lines.append(f"{'  ' * depth}[{reason.rule}] {reason.text}")
        lines += origin_lines(reason.cites, reason.uses, depth + 1)
    return lines


def origin_lines(cites: Iterable[str], uses: Iterable[str], depth: int) -> list[str]:
    """The sources followed and the records relied on, each on a line of its own if there are any."""
    named, read = ", ".join(cites), ", ".join(uses)
    blank = "  " * depth
    return [*([f"{blank}after: {named}"] if named else []), *([f"{blank}from: {read}"] if read else [])]
