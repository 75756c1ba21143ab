"""`trd-cds cohort report` and `diff` from the command line: a cohort from its export to every page, and refusals."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.measurereport import MeasureReport

from cds_hooks.__main__ import run
from mappings.load import DIRECTORY, load
from tests.silent.report_tables import Cohort, row

DAY = date(2026, 3, 1)
Capture = pytest.CaptureFixture[str]
BY = 'who: "Board", when: 2026-12-01, why: "local pathway"'
SITE = {
    "site": 'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n',
    "rules": f"- {{rule: already-failed, {BY}}}\n",
    "overrides": f"- {{path: definitions/TRD-6W-50/min_days_at_dose, value: 28, unit: d, {BY}}}\n",
}


def read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four invented patients, judged under two definitions."""
    place = tmp_path_factory.mktemp("judged")
    assert run(["cohort", "synth", "--patients", "4", "--seed", "2", "--out", str(place / "export")]) == 0
    for name, more in (("run", []), ("other", ["--definition", "ATHF4W"])):
        command = ["cohort", "run", str(place / "export"), "--out", str(place / name), "--workers", "1"]
        assert run([*command, "--since", "2026-03-01", *more]) == 0
    return place


def test_a_cohort_becomes_a_report_an_agreement_and_a_valid_measure_report(judged: Path, tmp_path: Path) -> None:
    [first, *_] = sorted(
        json.loads(line)["id"] for line in (judged / "export" / "Patient.ndjson").read_text().splitlines()
    )
    review = tmp_path / "review.csv"
    review.write_text(f"patient,label,reviewer\n{first},not_met,a\nnobody,met,a\n", encoding="utf-8")
    command = ["cohort", "report", str(judged / "run"), "--out", str(tmp_path / "out"), "--chart-review", str(review)]
    assert run([*command, "--truth", str(judged / "export" / "truth" / "truth.ndjson")]) == 0
    written = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"report.html", "report.json", "measure-report.json", "chart-review.html", "chart-review.json"} <= written
    assert {"simulated-truth.html", "simulated-truth.json"} <= written
    assert all(file.stat().st_mode & 0o077 == 0 for file in (tmp_path / "out").iterdir())
    MeasureReport.model_validate(read(tmp_path / "out" / "measure-report.json"))
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert first not in report  # four patients: nearly all is withheld, and nobody is named
    assert report.count("withheld") > 20
    told = read(tmp_path / "out" / "chart-review.json")
    assert (told["charts"], told["notInTheRun"]) == (1, 1)


def test_two_definitions_are_compared_over_the_same_input(judged: Path, tmp_path: Path) -> None:
    command = ["cohort", "diff", str(judged / "run"), str(judged / "other"), "--out", str(tmp_path)]
    assert run(command) == 0
    told = read(tmp_path / "diff.json")
    assert told["plan"] == [{"setting": "definition", "before": "TRD-6W-50", "after": "ATHF4W"}]
    assert (told["sameInput"], told["knowledge"]["same"]) == (True, True)
    assert {"diff.html", "changed-patients.html", "changed-patients.json"} <= {one.name for one in tmp_path.iterdir()}


def two_runs(place: Path, after: dict[str, str]) -> tuple[Path, Path]:
    """Twenty patients whose verdict changes as a trial becomes adequate, thirty who stay."""
    made = []
    for name, knowledge in (("before", known(None)), ("after", after)):
        cohort = Cohort()
        cohort.people(30, "same", DAY, verdict="NOT_MET")
        verdict = "NOT_MET" if name == "before" else "PROBABLE"
        cohort.people(20, "p", DAY, verdict=verdict, decided_by=["V4" if name == "before" else "V2"])
        for number in range(20):
            trial = {"patient": f"p-{number}", "moment": f"{DAY.isoformat()} o-p-{number}", "number": 0}
            adequacy = "BORDERLINE" if name == "before" else "ADEQUATE"
            cohort.tables["trials"].append(
                row("trials", **trial, ingredient="sertraline", adequacy=adequacy, outcome="UNKNOWN")
            )
        made.append(cohort.write(place / name, manifest={"knowledge": knowledge}))
    return made[0], made[1]


def known(site: Path | None) -> dict[str, str]:
    knowledge = load(DIRECTORY, site)
    return {"version": knowledge.version, "hash": knowledge.content_hash}


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    place = tmp_path / "site"
    place.mkdir()
    for name, text in SITE.items():
        (place / f"{name}.yaml").write_text(text, encoding="utf-8")
    return place


def test_two_states_of_the_knowledge_are_compared_with_who_changes_and_why(tmp_path: Path, overlay: Path) -> None:
    before, after = two_runs(tmp_path, known(overlay))
    command = ["cohort", "diff", str(before), str(after), "--site-after", str(overlay), "--out", str(tmp_path / "out")]
    assert run(command) == 0
    told = read(tmp_path / "out" / "diff.json")
    assert told["knowledge"]["same"] is False
    changes = told["knowledge"]["changes"]
    assert "the site, after only: rules/already-failed: off (Board, 2026-12-01: local pathway)" in changes
    assert any("TRD-6W-50: min days at dose 42 -> 28 days" in line for line in changes)
    assert (told["patients"]["changed"]["count"], told["patients"]["inBoth"]) == (20, 50)
    reasons = {one["name"]: one["count"] for one in told["reasons"]}
    assert reasons == {
        "a trial with another adequacy": 20,
        "no longer decides: Not met": 20,
        "now decides: Probable": 20,
    }
    listed = read(tmp_path / "out" / "changed-patients.json")["changed"]
    assert len(listed) == 20
    assert listed[0]["trials"][0]["what"] == ["adequacy"]
    page = (tmp_path / "out" / "changed-patients.html").read_text(encoding="utf-8")
    assert "Not met (V4)" in page


def test_knowledge_that_is_not_that_of_the_run_is_refused(tmp_path: Path, overlay: Path, capsys: Capture) -> None:
    before, after = two_runs(tmp_path, {"version": "1", "hash": "sha256:00"})
    assert run(["cohort", "diff", str(before), str(after), "--site-after", str(overlay)]) == 2
    assert "is not the knowledge of that run" in capsys.readouterr().err
    assert not (after / "diff.json").exists()


def test_what_differs_in_fewer_patients_than_may_be_told_is_told_together(tmp_path: Path) -> None:
    runs = []
    for name in ("before", "after"):
        cohort = Cohort()
        cohort.people(60, "same", DAY, verdict="NOT_MET")
        for start, rule, many in (("a", "V1", 14), ("b", "X1", 6), ("c", "X2", 8)):
            verdict, decided = ("NOT_MET", "V4") if name == "before" else ("MET", rule)
            cohort.people(many, start, DAY, verdict=verdict, decided_by=[decided])
        runs.append(str(cohort.write(tmp_path / name)))
    assert run(["cohort", "diff", *runs, "--out", str(tmp_path / "out")]) == 0
    told = read(tmp_path / "out" / "diff.json")
    assert [(one["name"], one["count"]) for one in told["reasons"]] == [
        ("no longer decides: Not met", 28),
        ("now decides: Met", 14),
        ("other (2 kinds of difference)", 14),
    ]


def test_a_run_that_is_none_is_refused(tmp_path: Path, capsys: Capture) -> None:
    assert run(["cohort", "report", str(tmp_path)]) == 2
    assert "name a directory that `trd-cds cohort run` has finished" in capsys.readouterr().err
