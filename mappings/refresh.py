"""The code tables for RxNorm and NDC made anew from a release, and a report of what that changes.

Codes that a release no longer lists stay in the tables, because old records carry them for ever; a code that was
remapped takes the content of its successor. Nothing is written here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mappings.drug_schema import Drug, Equivalence, ExcludedProduct
from mappings.load import Knowledge
from mappings.products import words_of
from mappings.rrf import Progress, Release, ReleaseError
from mappings.rxnorm_rows import COLUMNS, Row, RowMaker

NDC_COLUMNS = ("ndc11", "ingredients", "brand")
_MEANING = ("ingredients", "strengths", "per", "salts", "dose_form", "release", "pack")
_OLD = {"high": "medium", "medium": "medium", "low": "low"}


@dataclass
class Report:
    """What a refresh does, one line each; `notes` is for a person to look at."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    remapped: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unchanged: int = 0
    ndc_added: int = 0
    ndc_changed: list[str] = field(default_factory=list)
    ndc_retired: int = 0

    def lines(self) -> list[str]:
        """The report as text: counts first, then every code under its heading."""
        told = [f"{self.unchanged} codes unchanged"]
        for title, found in (
            ("added", self.added),
            ("changed", self.changed),
            ("remapped", self.remapped),
            ("retired, kept for old records", self.retired),
            ("for a person to look at", self.notes),
        ):
            told += [f"{len(found)} {title}", *(f"  {line}" for line in found)]
        told.append(f"package codes: {self.ndc_added} added, {self.ndc_retired} no longer listed and kept")
        return [*told, f"{len(self.ndc_changed)} package codes changed", *(f"  {line}" for line in self.ndc_changed)]


@dataclass(frozen=True)
class Refreshed:
    """The new tables in the order of the committed ones, and the report."""

    rxnorm: tuple[Row, ...]
    ndc: tuple[Row, ...]
    report: Report


def refresh(release: Release, knowledge: Knowledge, directory: Path, progress: Progress) -> Refreshed:
    """The tables of `directory` (its ``codes``) brought up to `release`, for the drugs of `knowledge`.

    Raises ReleaseError when the release holds none of them.
    """
    maker = RowMaker(release, knowledge)
    fresh = maker.rows()
    progress(f"{len(fresh)} concepts hold a drug of the knowledge")
    if not fresh:
        raise ReleaseError("RXNCONSO.RRF", "names none of the drugs of the knowledge", "check that it is RxNorm")
    report = Report(notes=list(maker.notes))
    rxnorm = _codes(release, fresh, read_table(directory / "codes" / "rxnorm.csv"), report)
    _referred(knowledge, rxnorm.keys() - fresh.keys(), report)
    ndc = _packages(release, knowledge, rxnorm, read_table(directory / "codes" / "ndc.csv"), report)
    progress(f"{len(rxnorm)} codes and {len(ndc)} package codes in the new tables")
    return Refreshed(tuple(rxnorm.values()), ndc, report)


def read_table(path: Path) -> list[Row]:
    """The rows of a code table."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [dict(row) for row in csv.DictReader(stream)]


def table_text(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    """The text of a code table as it is committed."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def manifest_text(text: str, rows: Mapping[str, int], published: str) -> str:
    """The manifest `text` of the code tables with the new number of `rows` of each table named.

    `published`, the date of the release, replaces that of the RxNorm table; empty keeps it. Comments stay.
    """
    table, lines = "", []
    for line in text.splitlines(keepends=True):
        if not line.startswith((" ", "#")):
            table = line.partition(":")[0]
        if table in rows and line.startswith("  rows:"):
            lines.append(f"  rows: {rows[table]}\n")
        elif table == "rxnorm.csv" and published and line.startswith("  published:"):
            lines.append(f'  published: "{published}"\n')
        else:
            lines.append(line)
    return "".join(lines)


def _codes(release: Release, fresh: dict[str, Row], committed: list[Row], report: Report) -> dict[str, Row]:
    table = dict(fresh)
    before = {row["rxcui"]: row for row in committed}
    for rxcui in sorted(fresh.keys() - before.keys(), key=int):
        report.added.append(f"{rxcui} {fresh[rxcui]['tty']} {fresh[rxcui]['name']}")
    for rxcui, old in before.items():
        new = fresh.get(rxcui)
        if new is None:
            table[rxcui] = _gone(release, fresh, old, report)
            continue
        changes = [
            f"{name} {old[name] or 'none'} -> {new[name] or 'none'}" for name in _MEANING if old[name] != new[name]
        ]
        if changes:
            report.changed.append(f"{rxcui} {new['name']}: {'; '.join(changes)}")
        else:
            report.unchanged += 1
    ordered = sorted(table.values(), key=lambda row: (row["ingredients"], int(row["rxcui"])))
    return {row["rxcui"]: {name: row[name] for name in COLUMNS} for row in ordered}


def _gone(release: Release, fresh: dict[str, Row], old: Row, report: Report) -> Row:
    """What is kept of a code that the release does not list."""
    kept = {**old, "confidence": _OLD[old["confidence"]]}
    successor = release.successor(old["rxcui"])
    new = fresh.get(successor) if successor else None
    label = f"{old['rxcui']} {old['name']}"
    if new is not None and new["ingredients"] == old["ingredients"]:
        report.remapped.append(f"{label} -> {new['rxcui']} {new['name']}")
        # A code of a strength is never emptied by a successor that states none.
        meaning = {name: new[name] for name in _MEANING} if new["strengths"] or not old["strengths"] else {}
        return {**kept, **meaning}
    report.retired.append(f"{label}{' (split into several)' if old['rxcui'] in release.split else ''}")
    if successor:
        name = release.names[successor][1]
        report.notes.append(f"{label}: remapped to {successor} {name}, which holds something else; the old row is kept")
    return kept


def _referred(knowledge: Knowledge, gone: set[str], report: Report) -> None:
    """Codes that rules about excluded or equivalent products name and the release does not list."""
    for drug in knowledge.drugs.values():
        for rule in _rules(drug):
            for code in rule.codes:
                if code.system == "rxnorm" and code.code in gone:
                    report.notes.append(f"{code.code}: named by drugs/{drug.id}.yaml ({rule.what}), no longer listed")


def _packages(
    release: Release, knowledge: Knowledge, rxnorm: Mapping[str, Row], committed: list[Row], report: Report
) -> tuple[Row, ...]:
    before = {row["ndc11"]: row for row in committed}
    table = dict(before)
    listed = 0
    for ndc, rxcui in release.ndc.items():
        product = rxnorm.get(rxcui) or rxnorm.get(release.successor(rxcui) or "")
        if product is None:
            continue
        old = before.get(ndc)
        listed += old is not None
        brand = _brand(knowledge, product) or (old["brand"] if old and _same(old, product) else "")
        table[ndc] = {"ndc11": ndc, "ingredients": product["ingredients"], "brand": brand}
        if old is None:
            report.ndc_added += 1
        elif old != table[ndc]:
            report.ndc_changed.append(
                f"{ndc}: {' '.join((old['ingredients'], old['brand'])).strip()} -> "
                f"{' '.join((product['ingredients'], brand)).strip()}"
            )
    report.ndc_retired = len(before) - listed
    return tuple(table[ndc] for ndc in sorted(table))


def _rules(drug: Drug) -> tuple[ExcludedProduct | Equivalence, ...]:
    return (*drug.excluded_products, *drug.equivalences)


def _same(old: Row, product: Row) -> bool:
    return set(old["ingredients"].split("+")) == set(product["ingredients"].split("+"))


def _brand(knowledge: Knowledge, product: Row) -> str:
    """The word in the product's name by which a rule about its drug knows it, such as a brand for another use."""
    spoken = f" {' '.join(words_of(product['name']))} "
    for ingredient in product["ingredients"].split("+"):
        drug = knowledge.drugs.get(ingredient)
        for rule in _rules(drug) if drug else ():
            for name in rule.names:
                if f" {' '.join(words_of(name))} " in spoken:
                    return name
    return ""
