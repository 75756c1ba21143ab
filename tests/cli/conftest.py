"""One short, readable record in the forms that files come in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.__main__ import run
from cds_hooks.fhir_writer import (
    Resource,
    coding,
    collection,
    concept,
    condition,
    dosage,
    medication_dispense,
    medication_request,
    observation,
    patient,
    quantity,
)

START = date(2025, 1, 10)
AS_OF = "2025-07-20"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


@dataclass(frozen=True)
class Spoken:
    """What one command line left behind."""

    status: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        return json.loads(self.out)


@pytest.fixture
def trd(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Spoken]:
    """Run `trd-cds` with these arguments, in this process."""

    def call(*arguments: object) -> Spoken:
        status = run([str(argument) for argument in arguments])
        captured = capfdbinary.readouterr()
        return Spoken(status, captured.out.decode(), captured.err.decode())

    return call


@pytest.fixture(autouse=True)
def _own_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whatever a command keeps, it keeps in the test's own folder."""
    monkeypatch.setenv("TRD_CDS_DATA_DIR", str(tmp_path / "data"))


def record(patient_id: str = "p1") -> list[Resource]:
    """Sertraline 100 mg for 90 days without response, dispensed."""
    drug = concept(coding(RXNORM, "312938", "sertraline 100 MG Oral Tablet"))
    fills = [
        medication_dispense(
            id_=f"{patient_id}-fill-{number}",
            patient_id=patient_id,
            medication=drug,
            handed_over=START + timedelta(days=30 * number),
            supply=quantity(30, "tablet"),
            supply_days=30,
            dosages=[dosage(text="1 daily", dose=quantity(100, "mg", ucum="mg"), frequency=1)],
        )
        for number in range(3)
    ]
    order = medication_request(
        id_=f"{patient_id}-order",
        patient_id=patient_id,
        medication=drug,
        status="completed",
        authored=START,
        dosages=[dosage(text="1 daily", dose=quantity(100, "mg", ucum="mg"), frequency=1)],
        fill=quantity(30, "tablet"),
        fill_days=30,
        repeats=2,
    )
    scores = [
        observation(
            id_=f"{patient_id}-score-{offset}",
            patient_id=patient_id,
            code=concept(coding("http://loinc.org", "44261-6")),
            day=START + timedelta(days=offset),
            value=value,
        )
        for offset, value in ((0, 18), (85, 16))
    ]
    depression = condition(
        id_=f"{patient_id}-depression",
        patient_id=patient_id,
        code=concept(coding("http://hl7.org/fhir/sid/icd-10-cm", "F33.1")),
        onset=START,
    )
    return [patient(id_=patient_id, birth=date(1984, 5, 1), sex="female"), order, *fills, *scores, depression]


def draft(patient_id: str = "p1") -> Resource:
    """A drafted order for the drug that already failed."""
    return medication_request(
        id_="draft",
        patient_id=patient_id,
        medication=concept(coding(RXNORM, "312938", "sertraline 100 MG Oral Tablet")),
        status="draft",
        dosages=[dosage(text="1 daily", dose=quantity(100, "mg", ucum="mg"), frequency=1)],
    )


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return written(tmp_path / "bundle.json", collection(record()))


@pytest.fixture
def order(tmp_path: Path) -> Path:
    return written(tmp_path / "order.json", draft())


ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def _keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `trust` and `secret` as the deployment's own key maker writes them, in a process of its own."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("trust", "secret"):
        (folder / name).mkdir()
    subprocess.run(  # noqa: S603 - our own script
        [
            sys.executable,
            "docs/examples/client.py",
            "keys",
            "--registry",
            folder / "trust",
            "--secret",
            folder / "secret",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def registry(_keys: Path, tmp_path: Path) -> Path:
    """A test's own registry with one client; the private key is in `secret`."""
    for name in ("trust", "secret"):
        shutil.copytree(_keys / name, tmp_path / name)
    return tmp_path / "trust" / "registry.yaml"


def written(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
