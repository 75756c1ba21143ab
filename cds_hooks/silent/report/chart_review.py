"""A chart review as a CSV file: who was reviewed, as of when, by whom, and what the reviewer said."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cds_hooks.silent.report.faults import UnusableInputError

LABELS = ("met", "not_met", "cannot_tell")
_REQUIRED = ("patient", "label")
_COLUMNS = (*_REQUIRED, "order", "date", "reviewer")
_LONGEST = 5_000_000  # bytes of a file of reviews


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One line: `order` and `day` say which moment was reviewed; without both it is the patient's last."""

    patient: str
    label: str
    order: str = ""
    day: date | None = None
    reviewer: str = ""


def read_chart_review(file: Path) -> tuple[Reviewed, ...]:
    """The lines of the file. UnusableInputError names the line and column that cannot be used, never its content."""
    try:
        content = file.read_bytes()
    except OSError as fault:
        raise UnusableInputError(str(file), f"cannot be read ({fault.strerror})", "name a CSV file") from None
    if len(content) > _LONGEST:
        raise UnusableInputError(str(file), "is too large for a chart review", "name the CSV file of the review")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise UnusableInputError(str(file), "is not UTF-8", "save it as CSV in UTF-8") from None
    rows = tuple(_rows(str(file), lines))
    if not rows:
        raise UnusableInputError(str(file), "holds no review", "write one line for each reviewed chart")
    return rows


def _rows(file: str, lines: Sequence[str]) -> Iterator[Reviewed]:
    reader = csv.reader(lines, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _require_header(file, header)
        seen: set[tuple[object, ...]] = set()
        for cells in reader:
            place = f"{file}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise UnusableInputError(place, "has not as many cells as the header", "give each column a cell")
            one = _row(place, dict(zip(header, (cell.strip() for cell in cells), strict=True)))
            identity = (one.patient, one.order, one.day, one.reviewer)
            if identity in seen:
                raise UnusableInputError(
                    place, "reviews a chart again", "keep one line for each chart, moment and reviewer"
                )
            seen.add(identity)
            yield one
    except csv.Error:
        raise UnusableInputError(
            f"{file}, line {reader.line_num}", "is no CSV", "quote cells that hold commas"
        ) from None


def _require_header(file: str, header: Sequence[str]) -> None:
    place = f"{file}, line 1"
    for name in _REQUIRED:
        if name not in header:
            raise UnusableInputError(place, f"has no column {name}", f"name the columns: {', '.join(_COLUMNS)}")
    if len(set(header)) != len(header) or set(header) - set(_COLUMNS):
        raise UnusableInputError(
            place, "names a column twice, or one that is not known", f"use only {', '.join(_COLUMNS)}"
        )


def _row(place: str, cells: Mapping[str, str]) -> Reviewed:
    if not cells["patient"]:
        raise UnusableInputError(f"{place}, column patient", "is empty", "write the Patient id of the export")
    label = cells["label"].lower()
    if label not in LABELS:
        raise UnusableInputError(f"{place}, column label", "is not a known label", f"write {', '.join(LABELS)}")
    stated, day = cells.get("date", ""), None
    if stated:
        try:
            day = date.fromisoformat(stated)
        except ValueError:
            raise UnusableInputError(f"{place}, column date", "is not a day", "write it as YYYY-MM-DD") from None
    return Reviewed(
        patient=cells["patient"].removeprefix("Patient/"),
        label=label,
        order=cells.get("order", "").removeprefix("MedicationRequest/"),
        day=day,
        reviewer=cells.get("reviewer", ""),
    )
