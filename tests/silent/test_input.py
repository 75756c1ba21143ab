"""What may be in an export, and what becomes of each line of it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from cds_hooks.silent.blocks import blocks_of, pieces_of
from cds_hooks.silent.buckets import patients_in
from cds_hooks.silent.engine import Tally
from cds_hooks.silent.faults import UnusableRunError
from cds_hooks.silent.inputs import find_inputs, kinds_named
from cds_hooks.silent.local import LocalEngine
from cds_hooks.silent.telling import medications_named, told_by
from mappings.load import Knowledge
from plugin.ingest import split_patients
from tests.silent.exports import Quiet, ndjson, observation, patient, task_of

Grouped = Callable[..., tuple[Tally, dict[str, list[bytes]], list[dict[str, object]]]]


@pytest.fixture
def grouped(tmp_path: Path, knowledge: Knowledge) -> Grouped:
    """Groups paths and reads the buckets back: the tally, the lines of each patient, the rejects."""

    def group(*paths: Path) -> tuple[Tally, dict[str, list[bytes]], list[dict[str, object]]]:
        task = task_of(tmp_path / "run", list(paths), knowledge)
        LocalEngine().group(task, Quiet())
        place = tmp_path / "run" / "work" / "grouped"
        told = json.loads((place / "grouping.json").read_bytes())["tally"]
        database = duckdb.connect()
        lines = {name: own for bucket in range(told["buckets"]) for name, own in patients_in(place, bucket, database)}
        database.close()
        rejects = [json.loads(line) for line in (tmp_path / "run" / "rejects.ndjson").read_bytes().splitlines()]
        return Tally(**{**told, "kinds": tuple(told["kinds"])}), lines, rejects

    return group


def test_lines_of_one_patient_meet_whatever_file_packing_and_order(tmp_path: Path, grouped: Grouped) -> None:
    place = tmp_path / "export"
    place.mkdir()
    (place / "Patient.ndjson").write_bytes(ndjson([patient("b"), patient("a")]))
    (place / "Observation.1.ndjson.gz").write_bytes(
        gzip.compress(ndjson([observation(1, "a")])) + gzip.compress(ndjson([observation(2, "b")]))
    )
    with pa.output_stream(str(place / "Observation.2.ndjson.zst"), compression="zstd") as packed:
        packed.write(ndjson([observation(3, "a")]))
    (place / "Condition.ndjson").write_bytes(b"")
    (place / "manifest.json").write_text("{}")
    (place / "truth").mkdir()
    (place / "truth" / "truth.ndjson").write_bytes(ndjson([patient("never")]))
    tally, lines, rejects = grouped(place)
    assert {name: [json.loads(line)["id"] for line in own] for name, own in lines.items()} == {
        "a": ["o1", "o3", "a"],
        "b": ["o2", "b"],
    }
    assert tally.kinds == ("Condition", "Observation", "Patient")
    assert tally.resources == 5
    assert rejects == []


def test_each_broken_line_is_counted_located_and_kept(tmp_path: Path, grouped: Grouped) -> None:
    several = {"resourceType": "Bundle", "entry": [{"resource": patient("x")}, {"resource": patient("y")}]}
    file = tmp_path / "Observation.ndjson"
    broken = [
        b'{"resourceType":',
        b"[1]",
        b'"text"',
        b'{"id":"1"}',
        b'{"resourceType":"Observation","id":"9"}',
        b'{"resourceType":"Observation","subject":{"reference":"Patient/a"},"v":NaN}',
        b'{"resourceType":"Observation","subject":{"reference":"Patient/a"},"v":[1,]}',
        b'{"resourceType":"Observation","subject":{"reference":"Patient/\xff"}}',
        json.dumps(several).encode(),
    ]
    file.write_bytes(ndjson([observation(1, "a"), b"", *broken, observation(2, "a")]))
    tally, lines, rejects = grouped(file)
    assert len(lines["a"]) == 2
    assert dict(tally.rejects) == {
        "no patient named": 1,
        "no resourceType": 1,
        "not JSON": 4,
        "not an object": 2,
        "several patients": 1,
    }
    assert [one["line"] for one in rejects] == list(range(3, 12))
    assert {one["file"] for one in rejects} == {"Observation.ndjson"}
    kept = (tmp_path / "run" / str(rejects[0]["kept"])).read_bytes().split(b"\n")
    assert kept[:-1] == broken
    assert [one["keptLine"] for one in rejects] == list(range(1, 10))
    assert (tmp_path / "run" / "rejects.ndjson").stat().st_mode & 0o077 == 0


def test_resources_of_no_patient_are_no_fault_where_nobody_reads_them(tmp_path: Path, grouped: Grouped) -> None:
    file = tmp_path / "all.ndjson"
    file.write_bytes(ndjson([{"resourceType": "Organization", "id": "1"}, {"resourceType": "Location", "id": "1"}]))
    tally, lines, _ = grouped(file)
    assert (tally.passed, dict(tally.rejects), lines) == (2, {}, {})


@pytest.mark.parametrize("cut", [40, -3])
def test_a_packed_file_that_ends_early_is_a_located_fault(tmp_path: Path, grouped: Grouped, cut: int) -> None:
    file = tmp_path / "Observation.ndjson.gz"
    file.write_bytes(gzip.compress(ndjson(observation(number, "a") for number in range(3000)), mtime=0)[:cut])
    tally, lines, rejects = grouped(file)
    read = len(lines.get("a", []))
    assert dict(tally.rejects) == {"the packed file is damaged or ends early": 1}
    assert rejects[0]["line"] == read + 1


def test_a_damaged_zstd_file_is_a_located_fault(tmp_path: Path, grouped: Grouped) -> None:
    file = tmp_path / "Observation.ndjson.zst"
    with pa.output_stream(str(file), compression="zstd") as packed:
        packed.write(ndjson(observation(number, "a", text=f"{number**9}") for number in range(50_000)))
    file.write_bytes(file.read_bytes()[:-2000])
    tally, lines, rejects = grouped(file)
    assert dict(tally.rejects) == {"the packed file is damaged or ends early": 1}
    assert len(lines["a"]) == rejects[0]["line"] - 1  # type: ignore[operator]


def test_a_directory_of_bundles_gives_each_patient_its_own_medications(tmp_path: Path, grouped: Grouped) -> None:
    place = tmp_path / "bundles"
    place.mkdir()
    for name in ("a", "b"):
        entries = [{"resource": patient(name)}, {"resource": {"resourceType": "Medication", "id": f"m-{name}"}}]
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        (place / f"{name}.json").write_text(json.dumps(bundle, indent=1))
    (place / "broken.json").write_text('{"resourceType":\n "Bundle",')
    (place / "lines.json").write_bytes(ndjson([observation(1, "a"), observation(2, "b")]))
    tally, lines, rejects = grouped(place)
    assert {name: len(own) for name, own in lines.items()} == {"a": 3, "b": 3}
    assert tally.kinds == ("Medication", "Observation", "Patient")
    assert [(one["file"], one["line"], one["kind"]) for one in rejects] == [("broken.json", 1, "not JSON")]


def test_a_medication_reaches_those_whose_records_refer_to_it_and_nobody_else(tmp_path: Path, grouped: Grouped) -> None:
    def order(name: str, reference: str) -> dict[str, object]:
        return {
            "resourceType": "MedicationRequest",
            "id": f"r-{name}",
            "subject": {"reference": f"Patient/{name}"},
            "medicationReference": {"reference": reference},
        }

    place = tmp_path / "export"
    place.mkdir()
    orders = [
        order("a", "Medication/m1"),
        order("b", "https://ehr.example/fhir/Medication/m1"),
        order("c", "urn:uuid:m2"),
    ]
    (place / "MedicationRequest.ndjson").write_bytes(ndjson([*orders, order("d", "#m1")]))
    (place / "Medication.ndjson").write_bytes(
        ndjson({"resourceType": "Medication", "id": name} for name in ("m1", "m2", "m3"))
    )
    tally, lines, _ = grouped(place)
    got = {name: [json.loads(line)["id"] for line in own if b'"Medication"' in line] for name, own in lines.items()}
    assert got == {"a": ["m1"], "b": ["m1"], "c": ["m2"], "d": []}
    assert tally.resources == 4


def test_medications_named_reads_every_way_of_writing_a_reference() -> None:
    line = (
        rb'{"medicationReference": "Medication/a", "x":{"reference" : "Medication\/b"}, "y":{"reference":"Patient/c"}}'
    )
    assert list(medications_named(line)) == ["a", "b"]


@pytest.mark.parametrize(
    "resource",
    [
        {"subject": {"reference": "Patient/p"}},
        {"patient": {"reference": "Patient/p"}},
        {"subject": {"reference": "https://ehr.example/fhir/Patient/p/_history/3"}},
        {"subject": {"reference": "urn:uuid:p"}},
        {"subject": {"reference": "p"}},
        {"subject": {"display": "unnamed"}, "patient": {"reference": "Patient/p"}},
        {"subject": {"reference": "Group/g"}, "patient": {"reference": "Patient/p"}},
        {"subject": {"reference": "#inner"}, "patient": {"reference": "Patient/p"}},
        {"subject": [{"reference": "Patient/p"}]},
        {"subject": None, "patient": {"reference": "Patient/p"}},
        {"subject": {"reference": 5}},
        {"subject": "Patient/p"},
    ],
)
def test_the_fast_way_and_the_rule_agree_whose_a_line_is(
    resource: dict[str, object], tmp_path: Path, grouped: Grouped
) -> None:
    whole = {"resourceType": "Observation", "id": "1", **resource}
    file = tmp_path / "Observation.ndjson"
    file.write_bytes(ndjson([whole]))
    _, lines, rejects = grouped(file)
    assert tuple(lines) == split_patients([whole])
    assert bool(rejects) is not bool(lines)
    assert bool(told_by(json.dumps(whole).encode(), {"Observation"}).members) is bool(lines)


def test_ranges_of_a_file_hold_every_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "Observation.ndjson"
    written = ndjson(observation(number, "a" * (number % 70)) for number in range(300)).rstrip(b"\n")
    file.write_bytes(written)
    for size in (1, 7, 64, 1000):
        monkeypatch.setattr("cds_hooks.silent.blocks._PIECE", max(size, 40))
        monkeypatch.setattr("cds_hooks.silent.blocks._BLOCK", size)
        pieces = pieces_of(find_inputs([file], out=tmp_path / "run"))
        read = [line for piece in pieces for block in blocks_of(piece, piece.files[0][1]) for line in block.lines]
        assert read == written.split(b"\n")


def test_a_line_too_long_is_told_and_not_held(
    tmp_path: Path, grouped: Grouped, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_hooks.silent.blocks.LONGEST", 5000)
    monkeypatch.setattr("cds_hooks.silent.blocks._BLOCK", 1000)
    file = tmp_path / "Observation.ndjson"
    file.write_bytes(ndjson([observation(1, "a"), b"x" * 9000, observation(2, "a")]))
    _, lines, rejects = grouped(file)
    assert len(lines["a"]) == 2
    assert [(one["line"], one["kept"]) for one in rejects] == [(2, None)]


def test_kinds_are_read_from_the_usual_names_of_files(tmp_path: Path) -> None:
    for name in ("1.Patient.ndjson", "Observation-000.ndjson.gz", "MedicationRequest_2.ndjson.zst", "export.ndjson"):
        (tmp_path / name).write_bytes(b"")
    known = {"Patient", "Observation", "MedicationRequest", "Medication"}
    assert kinds_named(find_inputs([tmp_path], out=tmp_path / "r"), known) == known - {"Medication"}


def test_unusable_paths_are_refused_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for path, says in [("none", "does not exist"), ("notes.txt", "no file of an export"), (".", "holds no NDJSON")]:
        with pytest.raises(UnusableRunError, match=says):
            find_inputs([tmp_path / path], out=tmp_path / "run")
