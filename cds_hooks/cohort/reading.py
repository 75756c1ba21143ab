"""A directory of NDJSON, read and grouped by patient. All of it is held in memory, as undecoded lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.cohort.directory import MANIFEST
from plugin.ingest import split_patients
from plugin.record import Availability, Read


class UnreadableCohortError(ValueError):
    """A directory that cannot be read as a cohort: `place`, `fault` and `remedy`, none quoting its content."""

    def __init__(self, place: str, fault: str, remedy: str) -> None:
        super().__init__(f"{place}: {fault}; {remedy}")
        self.place, self.fault, self.remedy = place, fault, remedy


@dataclass(frozen=True)
class Cohort:
    """The lines of each patient by id, which types have a file, and the manifest (empty where there is none)."""

    lines: Mapping[str, tuple[bytes, ...]]
    availability: Mapping[str, Availability]
    manifest: Mapping[str, Any]

    def resources(self, patient_id: str) -> list[Any]:
        """The resources of one patient, decoded."""
        return [orjson.loads(line) for line in self.lines[patient_id]]


def read_cohort(directory: Path) -> Cohort:
    """Every ``*.ndjson`` file directly in `directory`; folders below it, where a truth may lie, are left alone.

    A resource type with a file, be it empty, was read completely; a type without one was not read. Raises
    UnreadableCohortError with the place and a remedy.
    """
    if not directory.is_dir():
        raise UnreadableCohortError(str(directory), "is not a directory", "name a directory of NDJSON files")
    files = sorted(directory.glob("*.ndjson"))
    if not files:
        raise UnreadableCohortError(str(directory), "holds no NDJSON file", "make one with `trd-cds cohort synth`")
    by_patient: dict[str, list[bytes]] = {}
    kinds: set[str] = set()
    for file in files:
        kinds.add(file.name.partition(".")[0])
        for number, line in enumerate(file.read_bytes().splitlines(), start=1):
            if line.strip():
                place = f"{file}, line {number}"
                for patient_id in split_patients([_decoded(line, place)]):
                    by_patient.setdefault(patient_id, []).append(line)
    return Cohort(
        lines={patient_id: tuple(lines) for patient_id, lines in by_patient.items()},
        availability={kind: Availability(read=Read.COMPLETE) for kind in sorted(kinds)},
        manifest=_manifest(directory / MANIFEST),
    )


def read_truth(file: Path) -> dict[str, dict[str, Any]]:
    """The truth of each patient by id. Raises UnreadableCohortError for anything else."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as fault:
        raise UnreadableCohortError(
            str(file), f"cannot be read ({fault.strerror})", "name the truth.ndjson of `trd-cds cohort synth`"
        ) from None
    return dict(_truths(lines, file))


def _truths(lines: list[bytes], file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        place = f"{file}, line {number}"
        document = _decoded(line, place)
        told = isinstance(document, dict) and isinstance(document.get("resistant"), bool)
        if not told or not isinstance(document.get("patient"), str):
            raise UnreadableCohortError(
                place, "is no simulated truth", "name the truth.ndjson of `trd-cds cohort synth`"
            )
        yield document["patient"].removeprefix("Patient/"), document


def _decoded(line: bytes, place: str) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        raise UnreadableCohortError(place, "is not JSON", "write one whole resource per line") from None


def _manifest(file: Path) -> Mapping[str, Any]:
    if not file.is_file():
        return {}
    read = _decoded(file.read_bytes(), str(file))
    return read if isinstance(read, dict) else {}
