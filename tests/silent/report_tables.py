"""Small run directories for tests of the report: rows in Parquet by the schema of the tables, and a manifest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cds_hooks.silent.tables import TABLES, Row

KINDS = {
    "text": pa.string(),
    "day": pa.date32(),
    "whole": pa.int64(),
    "number": pa.float64(),
    "yes": pa.bool_(),
    "texts": pa.list_(pa.string()),
}
DEFINITION = "TRD-6W-50"


def row(table: str, **values: Any) -> Row:
    """A row with every column; what is not given is unknown."""
    names = [column.name for column in TABLES[table].columns]
    assert not set(values) - set(names), set(values) - set(names)
    return {name: values.get(name) for name in names}


def write_run(
    place: Path,
    tables: Mapping[str, Sequence[Row]],
    *,
    manifest: Mapping[str, Any] | None = None,
    plan: Mapping[str, Any] | None = None,
) -> Path:
    """A run directory with these rows; tables that are not given are empty."""
    for name, table in TABLES.items():
        schema = pa.schema([(column.name, KINDS[column.kind]) for column in table.columns])
        folder = place / "tables" / name
        folder.mkdir(parents=True)
        rows = pa.Table.from_pylist(list(tables.get(name, ())), schema=schema)
        pq.write_table(rows, folder / "part-00000.parquet", compression="zstd")
    told: dict[str, Any] = {
        "state": "finished",
        "engine": "0.0.0",
        "knowledge": {"version": "1", "hash": "sha256:00"},
        "inputs": [{"name": "MedicationRequest.ndjson", "size": 10, "sha256": "aa"}],
        "plan": {
            "occasion": "orders",
            "since": None,
            "until": "2026-06-30",
            "definition": DEFINITION,
            "jurisdiction": "us",
            "zone": "UTC",
            "hook": "order-sign",
            "kinds": ["MedicationRequest"],
            "keep": [],
            "repeat_days": 30,
            **(plan or {}),
        },
        **(manifest or {}),
    }
    (place / "run.json").write_text(json.dumps(told), encoding="utf-8")
    return place


class Cohort:
    """Patients added one by one, with their moments, as rows of every table."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {name: [] for name in TABLES}

    def patient(self, name: str, *, moments: int = 1, **values: Any) -> None:
        """A patient of the input."""
        known = {"resources": 10, "drug_records": 2, "supply_records": 1, "dose_records": 2, "scores": 1}
        self.tables["patients"].append(row("patients", **{**known, "patient": name, "moments": moments, **values}))

    def moment(self, patient: str, day: date, *, cards: Sequence[Mapping[str, Any]] = (), **values: Any) -> str:
        """A moment of a patient, by default of an order with the same number, under the chosen definition."""
        moment = f"{day.isoformat()} o-{patient}"
        known = {
            "as_of": day,
            "occasion": "order",
            "order": f"o-{patient}-{day.isoformat()}",
            "prescriber": "Practitioner/1",
            "ingredients": [],
            "age_years": 40,
            "verdict": "NOT_MET",
            "decided_by": ["V4"],
            "settled_by": [],
            "missing": [],
            "domains": [],
            "gates": [],
            "fired": bool(cards),
            "hard_stop": any(card.get("indicator") == "critical" for card in cards),
        }
        told = {**known, **values}
        self.tables["assessments"].append(row("assessments", patient=patient, moment=moment, **told))
        self.tables["definitions"].append(
            row("definitions", patient=patient, moment=moment, definition=DEFINITION, verdict=told["verdict"])
        )
        for number, card in enumerate(cards):
            self.tables["cards"].append(
                row("cards", patient=patient, moment=moment, number=number, rules=[], options=[], **card)
            )
        return moment

    def people(self, many: int, start: str, day: date = date(2026, 3, 1), **values: Any) -> None:
        """`many` patients with one moment each; `sex` goes to the patient, the rest to the moment."""
        person = {name: values.pop(name) for name in ("sex", "scores", "supply_records", "race") if name in values}
        for number in range(many):
            self.patient(f"{start}-{number}", **person)
            self.moment(f"{start}-{number}", day, **values)

    def write(self, place: Path, **more: Any) -> Path:
        """The run directory."""
        return write_run(place, self.tables, **more)
