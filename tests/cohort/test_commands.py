"""`trd-cds cohort synth` and `shares`: what they print, and how they refuse."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.__main__ import run

Made = Callable[[str], Path]
Capture = pytest.CaptureFixture[str]


def synth(out: Path, *more: str, patients: int = 3) -> int:
    return run(["cohort", "synth", "--patients", str(patients), "--seed", "1", "--out", str(out), *more])


@pytest.fixture
def small(tmp_path: Path, capsys: Capture) -> Path:
    """A cohort of 25 patients."""
    assert synth(tmp_path / "small", patients=25) == 0
    capsys.readouterr()
    return tmp_path / "small"


def test_synth_says_where_everything_is_and_keeps_stderr_quiet_off_a_terminal(tmp_path: Path, capsys: Capture) -> None:
    assert synth(tmp_path / "a" / "b") == 0
    out, err = capsys.readouterr()
    assert out == (
        f"3 synthetic patients in {tmp_path}/a/b; the simulated truth in {tmp_path}/a/b/truth/truth.ndjson\n"
    )
    assert err == ""


def test_a_directory_in_use_is_written_over_only_with_force(tmp_path: Path, capsys: Capture) -> None:
    assert synth(tmp_path / "c") == 0
    before = (tmp_path / "c" / "Patient.ndjson").read_bytes()
    assert synth(tmp_path / "c", patients=4) == 2
    assert (tmp_path / "c" / "Patient.ndjson").read_bytes() == before
    assert (
        "is not empty; name another directory, or write over the cohort in it with --force" in capsys.readouterr().err
    )
    assert synth(tmp_path / "c", "--force", patients=4) == 0
    assert (tmp_path / "c" / "Patient.ndjson").read_bytes().startswith(before)


@pytest.mark.deep
def test_where_nothing_is_said_a_cohort_goes_where_the_run_is_told_to_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["cohort", "synth", "--patients", "2"]) == 0
    assert run(["cohort", "run", "cohort", "--workers", "1"]) == 0
    assert run(["cohort", "report", "run"]) == 0
    assert (tmp_path / "run" / "report.html").exists()
    monkeypatch.chdir("/")
    assert synth(tmp_path / "again", "--patients", "2", "--seed", "1") == 0
    orders = (tmp_path / "cohort" / "MedicationRequest.ndjson").read_bytes()
    assert (tmp_path / "again" / "MedicationRequest.ndjson").read_bytes() == orders


def test_force_never_touches_what_is_no_cohort(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    assert synth(tmp_path, "--force") == 2
    assert "thesis.txt: is no file of a cohort" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--missingness", "german-ehr"], "choose one of complete, us-ehr"),
        (["--patients", "0"], "--patients"),
        (["--seed", "-1"], "--seed"),
    ],
)
def test_unusable_arguments_are_refused_with_the_remedy(
    tmp_path: Path, capsys: Capture, arguments: list[str], says: str
) -> None:
    assert synth(tmp_path / "d", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err
    assert not (tmp_path / "d").exists()


def test_a_file_is_no_place_for_a_cohort(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "file").write_text("")
    assert synth(tmp_path / "file") == 2
    assert "is a file; name a directory" in capsys.readouterr().err
    assert synth(tmp_path / "file" / "below") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_shares_as_a_document(small: Path, capsys: Capture) -> None:
    truth = small / "truth" / "truth.ndjson"
    assert run(["cohort", "shares", str(small), "--truth", str(truth), "--format", "json"]) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert err == ""
    assert (report["patients"], report["asOf"], report["definition"]) == (25, "2026-06-30", "TRD-6W-50")
    assert "no accuracy is claimed" in report["caveat"]
    for parts in report["verdicts"].values():
        assert sum(part["count"] for part in parts.values()) == 25
    rules = {rule["rule"]: rule for rule in report["publishedRules"]}
    assert set(rules) == {"FABBRI-UKB", "KIM", "OHDSI-1009", "CEPEDA-2018"}
    assert [each["share"] for each in rules["FABBRI-UKB"]["published"]] == [0.132, 0.135, 0.025]
    for rule in rules.values():
        assert sum(rule[answer]["count"] for answer in ("resistant", "notResistant", "cannotTell")) == 25
    settle = report["wouldSettle"]
    assert settle["unsettled"]["count"] == sum(
        report["verdicts"]["TRD-6W-50"][value]["count"] for value in ("PROBABLE", "INDETERMINATE")
    )
    assert all(part["count"] <= settle["bySomeSingleDatum"]["count"] for part in settle["byDatum"].values())
    told = [json.loads(line)["resistant"] for line in truth.read_text().splitlines()]
    agreement = report["simulatedTruth"]
    assert agreement["patientsWithoutTruth"] == 0
    assert sum(part["count"] for part in agreement["resistant"].values()) == sum(told)
    assert sum(part["count"] for part in agreement["notResistant"].values()) == 25 - sum(told)


def test_shares_to_read(small: Path, capsys: Capture) -> None:
    assert run(["cohort", "shares", str(small), "--definition", "ATHF4W", "--as-of", "2026-05-01"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("25 patients judged on 2026-05-01\n")
    assert "13.2% UK Biobank primary care, depression (fabbri-2021)" in out
    assert "What would settle a patient under ATHF4W" in out
    assert "simulation says" not in out


def test_without_a_manifest_the_day_is_today(small: Path, capsys: Capture) -> None:
    (small / "manifest.json").write_text("[]")
    assert run(["cohort", "shares", str(small), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["asOf"] != "2026-06-30"
    (small / "manifest.json").unlink()
    assert run(["cohort", "shares", str(small), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["asOf"] != "2026-06-30"


def test_a_type_without_a_file_was_not_read(small: Path, capsys: Capture) -> None:
    for file in small.glob("Medication*.ndjson"):
        file.unlink()
    assert run(["cohort", "shares", str(small), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert all(rule["cannotTell"]["count"] == 25 for rule in report["publishedRules"])
    assert report["verdicts"]["TRD-6W-50"]["NOT_MET"]["count"] == 0


def test_a_truth_of_other_patients_is_told_and_not_compared(small: Path, tmp_path: Path, capsys: Capture) -> None:
    other = tmp_path / "truth.ndjson"
    other.write_text('{"patient": "Patient/nobody", "resistant": true}\n')
    assert run(["cohort", "shares", str(small), "--truth", str(other)]) == 0
    assert "patients without truth: 25" in capsys.readouterr().out


def test_no_record_is_about_the_truth_folder(small: Path, capsys: Capture) -> None:
    assert run(["cohort", "shares", str(small), "--format", "json"]) == 0
    with_truth = capsys.readouterr().out
    shutil.rmtree(small / "truth")
    assert run(["cohort", "shares", str(small), "--format", "json"]) == 0
    assert capsys.readouterr().out == with_truth


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["{dir}/nowhere"], "is not a directory; name a directory of NDJSON files"),
        (["{dir}"], "holds no NDJSON file; make one with `trd-cds cohort synth`"),
        (["{cohort}", "--definition", "TRD"], "choose one of"),
        (["{cohort}", "--as-of", "June"], "write it as YYYY-MM-DD"),
        (["{cohort}", "--truth", "{dir}/nowhere"], "name the truth.ndjson"),
        (["{cohort}", "--truth", "{cohort}/Patient.ndjson"], "line 1: is no simulated truth"),
    ],
)
def test_shares_refuses_with_the_remedy(
    small: Path, tmp_path: Path, capsys: Capture, arguments: list[str], says: str
) -> None:
    places = {"dir": str(tmp_path), "cohort": str(small)}
    assert run(["cohort", "shares", *(each.format(**places) for each in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_a_broken_line_is_named_by_its_place_and_not_quoted(small: Path, capsys: Capture) -> None:
    with (small / "Condition.ndjson").open("a") as file:
        file.write("\n{secret\n")
    count = len((small / "Condition.ndjson").read_text().splitlines())
    assert run(["cohort", "shares", str(small)]) == 2
    err = capsys.readouterr().err
    assert f"Condition.ndjson, line {count}: is not JSON" in err
    assert "secret" not in err
