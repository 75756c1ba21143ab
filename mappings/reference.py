"""The reference pages: everything the knowledge holds as Markdown that a clinician can read and sign.

Pages are made from the files alone, without a clock, so that the same knowledge always gives the same text. What
has no page of its own stands on `other.md`: nothing is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mappings.describe import Statement, history_text, phrase, statements
from mappings.entries import Entry, entries
from mappings.load import DIRECTORY, Knowledge
from mappings.reference_tables import anchor, cell, confidence_of, section, sources, table
from mappings.refresh import read_table
from mappings.review import UNSIGNED, low_confidence, reviews

MADE_BY = "trd-cds knowledge"
# Up to here an entry is one row of a table.
_ROW_PLACES = 8
_ROW_LENGTH = 600
_MARK = f"<!-- Made by `{MADE_BY} reference --write`; do not edit. -->"


@dataclass(frozen=True, slots=True)
class Page:
    """One page: its title, what it says first, and the files or folders it is made from."""

    title: str
    intro: str
    parts: tuple[str, ...]


_PAGES = {
    "drugs.md": Page(
        "Drugs",
        "Doses are minimum adequate daily doses of a trial: from the default dose on a trial is adequate, below the "
        "lenient dose it is not, between the two it is unsure. They are no advice on dosing.",
        ("drugs", "drug_groups"),
    ),
    "definitions.md": Page(
        "Definitions",
        "Definitions of treatment resistance as parameters, the parameters of the reconstruction that they share, and "
        "rules and figures of others for comparison.",
        ("definitions", "reconstruction", "comparisons", "published_figures"),
    ),
    "domains.md": Page(
        "Domains",
        "Symptom domains, the measures and indicators behind them, and how evidence is weighed.",
        ("domains", "indicators", "measures", "scoring"),
    ),
    "options.md": Page(
        "Options",
        "What a card may name as an option, with evidence and label status. Options, never directives.",
        ("options", "strategies", "guidelines", "investigational"),
    ),
    "safety.md": Page(
        "Safety rules",
        "Decision tables over named facts: a row holds when all its conditions hold. A fact may be unknown; only "
        "`is unknown` is true of it.",
        ("safety", "modifiers", "suicidality", "order_checks", "facts", "pseudo_resistance"),
    ),
    "instruments.md": Page(
        "Instruments",
        "Rating scales: codes, ranges, cut-offs. No wording of items.",
        ("instruments", "prefetch"),
    ),
    "conditions.md": Page(
        "Conditions, procedures, stop reasons",
        "Codes and words by which a record is read. Prefixes cover everything below them.",
        ("conditions", "procedures", "stop_reasons", "adherence"),
    ),
}
_OTHER = Page(
    "Everything else",
    "Sentences of the cards, override reasons, how doses are written, code systems: what has no page of its own.",
    (),
)
_SOURCES = "sources"
_NOTICES = {
    "drugs.md": "RxNorm, courtesy of the US National Library of Medicine. ATC codes: WHO Collaborating Centre for Drug "
    "Statistics Methodology; no defined daily doses.",
    "instruments.md": "This material contains content from LOINC (https://loinc.org), copyright Regenstrief Institute, "
    "Inc. and the LOINC Committee, available at no cost under the license at https://loinc.org/license.",
    "conditions.md": "SNOMED CT identifiers only; their use needs an affiliate licence of SNOMED International.",
}


def pages(knowledge: Knowledge, directory: Path = DIRECTORY) -> dict[str, str]:
    """The text of every page by file name; `directory` holds the code tables of `knowledge`."""
    held = entries(knowledge)
    claimed = {part for page in _PAGES.values() for part in page.parts} | {_SOURCES}
    made = {
        name: _page(name, page, [entry for part in page.parts for entry in held if _part(entry) == part])
        for name, page in _PAGES.items()
    }
    made["other.md"] = _page("other.md", _OTHER, [entry for entry in held if _part(entry) not in claimed])
    made["bibliography.md"] = _bibliography(knowledge, held)
    made["to-verify.md"] = _to_verify(knowledge, directory)
    made["index.md"] = _index(knowledge, made)
    return {name: text.rstrip("\n") + "\n" for name, text in sorted(made.items())}


def _part(entry: Entry) -> str:
    return entry.file.partition("/")[0].removesuffix(".yaml")


def _page(name: str, page: Page, held: list[Entry]) -> str:
    lines = [_MARK, "", f"# {page.title}", "", page.intro, ""]
    if name in _NOTICES:
        lines += [_NOTICES[name], ""]
    if name == "drugs.md":
        lines += _doses(held)
    grouped: dict[str, list[Entry]] = {}
    for entry in held:
        grouped.setdefault(entry.kind, []).append(entry)
    for kind, same in grouped.items():
        lines += [f"## {kind[:1].upper()}{kind[1:]}: {len(same)}", ""]
        if all(_is_short(entry) for entry in same):
            lines += _short_table(same)
        else:
            for entry in same:
                lines += section(entry)
    return "\n".join(lines)


def _is_short(entry: Entry) -> bool:
    """Whether an entry says so little that it is a row and not a section."""
    told = [one for one in statements(entry.content) if one.place[-1:] != ("id",)]
    if hasattr(entry.content, "rows"):
        return False
    return len(told) <= _ROW_PLACES and sum(len(one.text) for one in told) <= _ROW_LENGTH


def _short_table(same: list[Entry]) -> Iterator[str]:
    rows = []
    for entry in same:
        told = [one for one in statements(entry.content) if one.place[-1:] != ("id",)]
        values = "; ".join(
            one.text if len(told) == 1 or one.place == ("label",) else f"{phrase(one.place)}: {one.text}".strip(": ")
            for one in told
        )
        since = ", ".join(dict.fromkeys(str(one.since) for one in told if one.since))
        note = "; ".join(dict.fromkeys(one.note for one in told if one.note))
        rows.append((f"`{entry.id}`", values, since, confidence_of(told), sources(told), note, f"`{entry.file}`"))
    yield from table(("id", "value", "from", "confidence", "sources", "note", "file"), rows)


def _doses(held: Iterable[Entry]) -> Iterator[str]:
    """One row for each drug that can be a trial: both doses, with dates, confidence, sources and review."""
    rows = []
    for entry in held:
        told = statements(entry.content)
        doses = {name: [one for one in told if one.place == ("adequate_dose", name)] for name in ("lenient", "default")}
        if not any(doses.values()):
            continue
        both = [one for history in doses.values() for one in history]
        rows.append(
            (
                f"[{entry.id}](#{anchor(entry)})",
                _first(told, "drug_class"),
                _first(told, "counting"),
                history_text(doses["lenient"]),
                history_text(doses["default"]),
                confidence_of(both),
                sources(both),
                "none" if entry.review is None else entry.review.reviewed_by,
            )
        )
    yield "## Minimum adequate doses"
    yield ""
    yield from table(
        ("drug", "class", "counts", "lenient dose", "default dose", "confidence", "sources", "reviewed by"), rows
    )


def _first(told: Iterable[Statement], field: str) -> str:
    return next((one.text for one in told if one.place == (field,)), "")


def _bibliography(knowledge: Knowledge, held: Iterable[Entry]) -> str:
    cited: dict[str, dict[str, None]] = {}
    for entry in held:
        for statement in statements(entry.content):
            for cite in statement.cites:
                cited.setdefault(cite, {}).setdefault(entry.file)
    rows = [
        (
            f'<a id="{key}"></a>`{key}`',
            f"{source.citation}{f' <{source.url}>' if source.url else ''}",
            source.kind,
            source.published,
            source.licence,
            str(len(cited.get(key, {}))),
        )
        for key, source in sorted(knowledge.sources.items())
    ]
    head = [_MARK, "", "# Bibliography", "", "Every source, and how many files rely on it.", ""]
    return "\n".join([*head, *table(("id", "source", "kind", "published", "licence", "files"), rows)])


def _to_verify(knowledge: Knowledge, directory: Path) -> str:
    lines = [_MARK, "", "# To verify", ""]
    lines += [
        "Facts whose source we could not confirm. A code or a name of low confidence is not used. A dated value of low "
        "confidence gives way to any verified one; a drug with doses of low confidence only is borderline at most.",
        "",
    ]
    rows = [
        (entry.kind, f"`{entry.id}`", phrase(one.place), one.text, ", ".join(one.cites), one.note, f"`{entry.file}`")
        for entry, one in low_confidence(knowledge)
    ]
    lines += [f"## Facts: {len(rows)}", ""]
    lines += table(("kind", "id", "what", "value", "sources", "note", "file"), rows) if rows else ["None.", ""]
    unsigned = sorted(file for file, review in reviews(knowledge).items() if review.reviewed_by == UNSIGNED)
    lines += [f"## Files that no clinician has signed: {len(unsigned)} of {len(reviews(knowledge))}", ""]
    lines += [", ".join(f"`{file}`" for file in unsigned) or "None.", ""]
    for path in sorted((directory / "codes").glob("*.csv")):
        weak = [row for row in read_table(path) if row.get("confidence") == "low"]
        if weak:
            lines += [f"## `codes/{path.name}`: {len(weak)} rows of low confidence", ""]
            columns = tuple(name for name in weak[0] if name != "confidence" and any(row[name] for row in weak))
            lines += table(columns, [tuple(cell(row[name]) for name in columns) for row in weak])
    return "\n".join(lines)


def _index(knowledge: Knowledge, made: dict[str, str]) -> str:
    signed = sum(1 for review in reviews(knowledge).values() if review.reviewed_by != UNSIGNED)
    lines = [_MARK, "", "# Reference", ""]
    lines += [
        f"Knowledge {knowledge.version}. Signed by a clinician: {signed} of {len(reviews(knowledge))} files. "
        "Not clinically validated.",
        "",
    ]
    for name in sorted(made):
        title = next(line for line in made[name].splitlines() if line.startswith("# "))
        lines.append(f"- [{title.removeprefix('# ')}]({name})")
    lines += [
        "",
        "The files themselves are checked while you type by an editor that knows the YAML language server: put",
        "`# yaml-language-server: $schema=../../docs/schema/drug.schema.json` on the first line of a drug file, the",
        "schema of its kind on any other. `trd-cds knowledge show ID` prints one entry with its history and uses.",
    ]
    return "\n".join(lines)
