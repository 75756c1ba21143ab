"""`trd-cds knowledge show`: one thing the knowledge holds, who says so, since when, and where it is used."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

import cds_hooks
import plugin
from cds_hooks.commands.knowledge_loading import day_or_today, load_knowledge
from cds_hooks.commands.printing import print_text
from cds_hooks.commands.refusal import Refusal
from mappings.describe import REVIEW, Statement, in_force, number, phrase, statements
from mappings.entries import Entry
from mappings.load import Knowledge
from mappings.lookup import FoundCode, find, find_codes, near, uses_of
from mappings.products import ProductRow
from mappings.review import UNSIGNED

_INDENT = "  "


def show(
    wanted: Annotated[
        list[str],
        typer.Argument(metavar="ID...", help="A drug, definition, citation, sentence ... or a code: rxnorm CODE."),
    ],
    as_of: Annotated[
        str | None, typer.Option("--as-of", metavar="DATE", help="Day whose values hold, default today.")
    ] = None,
) -> None:
    """Show what is known under ID: value now, history, citations, confidence, review, and where it is used."""
    knowledge, day, name = load_knowledge(), day_or_today(as_of), " ".join(wanted)
    found, codes = find(knowledge, name), find_codes(knowledge, name)
    if not found and not codes:
        close = near(knowledge, name)
        remedy = f"did you mean {', '.join(close)}?" if close else "`trd-cds knowledge check` lists what there is"
        raise Refusal("ID", "is unknown to the knowledge", remedy)
    blocks = [_entry(knowledge, entry, day) for entry in found] + [_code(knowledge, code) for code in codes]
    print_text("\n\n".join("\n".join(block) for block in blocks))


def _entry(knowledge: Knowledge, entry: Entry, day: date) -> list[str]:
    told = [one for one in statements(entry.content) if one.place not in {(name,) for name in (*REVIEW, "id")}]
    lines = [f"{entry.kind} {entry.id}  ({entry.file})", f"{_INDENT}{_review(entry)}", ""]
    lines += [_INDENT + line for line in _values(told, day)]
    lines += _section("History", _history(told, day))
    cited = [cite for one in told for cite in one.cites] + list(getattr(entry.content, "cites", ()))
    lines += _section("Sources", _sources(knowledge, cited))
    used = [use.text for use in uses_of(knowledge, entry)] + list(_tables(knowledge, entry))
    used += _program(entry.id)
    lines += _section("Used in", used or ["nothing else refers to it by this name"])
    return lines


def _review(entry: Entry) -> str:
    review = entry.review
    if review is None:
        return "this file carries no review"
    by = "no clinician yet" if review.reviewed_by == UNSIGNED else review.reviewed_by
    return f"signed by {by}; last looked at {review.last_reviewed}, to be looked at again by {review.review_by}"


def _values(told: list[Statement], day: date) -> Iterator[str]:
    for place in dict.fromkeys(one.place for one in told):
        here = [one for one in told if one.place == place]
        now = in_force(here, day)
        if now is None:
            yield f"{phrase(place)}: no value applies (each is of low confidence)"
            continue
        since = "" if now.since is None else f" since {now.since}" if now.since <= day else f" from {now.since}"
        graded = f", {now.confidence} confidence" if now.confidence else ""
        cites = f" ({', '.join(now.cites)})" if now.own else ""
        note = f"; {now.note}" if now.note else ""
        yield f"{phrase(place)}{': ' if now.text else ''}{now.text}{since}{graded}{cites}{note}"


def _history(told: list[Statement], day: date) -> Iterator[str]:
    for place in dict.fromkeys(one.place for one in told if one.since is not None):
        here = [one for one in told if one.place == place]
        yield f"{phrase(place)}:"
        for one in here:
            state = "unverified, low confidence" if one.confidence == "low" else one.confidence or "ungraded"
            later = ", not yet in force" if one.since and one.since > day else ""
            yield f"{_INDENT}{one.since}  {one.text}  ({state}{later}; {', '.join(one.cites) or 'no citation'})"


def _sources(knowledge: Knowledge, cites: Iterable[str]) -> Iterator[str]:
    for cite in dict.fromkeys(cites):
        source = knowledge.sources.get(cite)
        if source is not None:
            yield f"{cite}: {source.citation}{f' {source.url}' if source.url else ''}"


def _code(knowledge: Knowledge, found: FoundCode) -> list[str]:
    lines = [f"{found.system} {found.code}  ({knowledge.uri_of(found.system)})"]
    row = found.row
    if row is not None:
        lines.append(f"{_INDENT}stands for {' + '.join(row.ingredients)}")
    if isinstance(row, ProductRow):
        lines += [_INDENT + line for line in _product(row)]
    elif row is not None and row.brand:
        lines.append(f"{_INDENT}brand: {row.brand}")
    lines += _section("Used in", [use.text for use in found.uses] or ["only the code table lists it"])
    return lines


def _product(row: ProductRow) -> Iterator[str]:
    yield f"name: {row.name}"
    yield f"term type: {row.tty or 'not known'}"
    for ingredient, strength, salt in zip(row.ingredients, row.strengths, row.salts, strict=True):
        if strength is not None:
            yield f"strength: {ingredient} {salt} {number(strength.amount)} mg per {strength.per}".replace("  ", " ")
        elif salt:
            yield f"salt: {ingredient} {salt}"
    if row.dose_form:
        yield f"dose form: {row.dose_form}{f' ({row.release})' if row.release else ''}"
    if row.pack:
        yield f"pack: {', '.join(f'{count} of {number(amount)} mg' for count, amount in row.pack)}"
    if row.low:
        yield "low confidence: kept for the record"


def _tables(knowledge: Knowledge, entry: Entry) -> Iterator[str]:
    """The code tables that lead to a drug."""
    if entry.kind != "drug":
        return
    for system in ("rxnorm", "atc", "snomed", "ndc"):
        rows = getattr(knowledge.products, system).values()
        count = sum(1 for row in rows if entry.id in row.ingredients)
        if count:
            yield f"codes/{system}.csv and the drug files: {count} {system} codes"
    names = [" ".join(name) for name, drug in knowledge.products.names.items() if drug == entry.id]
    yield f"codes/brands.csv and the drug files: {', '.join(sorted(names))}"


def _program(identifier: str) -> Iterator[str]:
    """Modules of the program that name `identifier`, as a text or an attribute."""
    for package in (plugin, cds_hooks):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            source = path.read_text(encoding="utf-8")
            if identifier in source and _names(ast.parse(source), identifier):
                yield f"the program: {root.name}/{path.relative_to(root).as_posix()}"


def _names(tree: ast.AST, identifier: str) -> bool:
    return any(
        (isinstance(node, ast.Constant) and node.value == identifier)
        or (isinstance(node, ast.Attribute) and node.attr == identifier)
        for node in ast.walk(tree)
    )


def _section(title: str, lines: Iterable[str]) -> list[str]:
    told = list(lines)
    return ["", f"{_INDENT}{title}", *(f"{_INDENT * 2}{line}" for line in told)] if told else []
