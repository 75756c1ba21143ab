"""Small exports for tests of input and engines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from cds_hooks.silent.engine import Task
from cds_hooks.silent.inputs import find_inputs, hashed
from cds_hooks.silent.plan import RunPlan
from mappings.load import Knowledge, load


class Quiet:
    """Looks on in silence; asks to stop after `steps` steps."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.phases: list[tuple[str, int]] = []
        self.steps = 0
        self.stop_after = stop_after

    def begin(self, label: str, length: int) -> None:
        self.phases.append((label, length))

    def step(self, steps: int) -> None:
        self.steps += steps

    def stop_asked(self) -> bool:
        return self.stop_after is not None and len(self.phases) > 2 and self.steps_done() >= self.stop_after

    def steps_done(self) -> int:
        return self.steps - sum(length for _, length in self.phases[:-1])


def observation(number: int, patient: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": f"o{number}", "subject": {"reference": f"Patient/{patient}"}, **more}


def patient(name: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": name, "gender": "female"}


def ndjson(resources: Iterable[Mapping[str, Any] | bytes]) -> bytes:
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in resources)


def task_of(directory: Path, paths: list[Path], knowledge: Knowledge, *, workers: int = 1) -> Task:
    directory.mkdir(exist_ok=True)
    return Task(
        directory=directory,
        inputs=hashed(find_inputs(paths, out=directory), lambda _: None),
        plan=RunPlan(occasion="date", until=date(2026, 6, 30), definition=knowledge.default_definition),
        knowledge=knowledge,
        load=partial(load),
        workers=workers,
        memory=10**9,
    )


def files_in(directory: Path) -> dict[str, bytes]:
    """Every file that a run leaves but the manifest, by its place."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name not in ("run.json", ".lock")
    }
