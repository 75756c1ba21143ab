"""`trd-cds knowledge`: checked, shown, compared, refreshed and printed from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mappings.load import DIRECTORY, load

RRF = Path(__file__).parents[1] / "fixtures" / "rrf"
SINCE = "2027-01-01"


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("knowledge") / "mappings"
    shutil.copytree(DIRECTORY, target, ignore=shutil.ignore_patterns("*.py", "__pycache__", "py.typed"))
    return target


@pytest.fixture
def copy(packaged: Path, tmp_path: Path) -> Path:
    """A knowledge directory that a test may edit; the big table is shared."""
    return Path(shutil.copytree(packaged, tmp_path / "edited"))


def edit(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def raise_the_dose(root: Path) -> None:
    """Sertraline's default dose becomes 75 mg a day in the new year."""
    path = root / "drugs" / "sertraline.yaml"
    head, found, tail = path.read_text(encoding="utf-8").partition("  default:\n")
    assert found
    lines = tail.splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if "amount: 50" in line)
    lines.insert(place + 1, f"      {SINCE}: {{amount: 75, cites: [maudsley-2021], confidence: medium}}\n")
    path.write_text(head + found + "".join(lines), encoding="utf-8")
    edit(root, "drugs/sertraline.yaml", "last_reviewed: 2026-11-22", f"last_reviewed: {SINCE}")


class TestCheck:
    def test_says_what_there_is_and_how_much_is_signed(self, trd: Callable[..., Any]) -> None:
        said = trd("knowledge", "check", "--as-of", "2026-12-01")
        knowledge = load()
        assert said.status == 0 and said.err == ""
        assert f"knowledge {knowledge.version}" in said.out and knowledge.content_hash in said.out
        assert f"{len(knowledge.drugs):>7}   drugs" in said.out
        assert "of them in files that no clinician has signed (reviewed_by: none)" in said.out
        assert "facts of low confidence, to be verified" in said.out

    def test_a_signature_is_counted(self, trd: Callable[..., Any], copy: Path) -> None:
        def unsigned(directory: Path) -> int:
            line = next(line for line in trd("knowledge", "check", directory).out.splitlines() if " signed " in line)
            return int(line.split()[0])

        before = unsigned(copy)
        signed = Path(shutil.copytree(copy, copy.parent / "signed"))
        edit(signed, "drugs/sertraline.yaml", "reviewed_by: none", 'reviewed_by: "A. Clinician"')
        assert 5 < before - unsigned(signed) < 60

    def test_warns_of_files_past_their_review(self, trd: Callable[..., Any]) -> None:
        by = load().drugs["sertraline"].review_by
        on_the_day = trd("knowledge", "check", "--as-of", by.isoformat())
        assert "sertraline" not in on_the_day.err
        late = trd("knowledge", "check", "--as-of", by.replace(year=by.year + 1).isoformat())
        assert late.status == 0
        assert f"warning: drugs/sertraline.yaml: was to be looked at again by {by} (36" in late.err
        assert "warning" not in late.out

    def test_a_bad_directory_is_refused_with_file_place_and_remedy(self, trd: Callable[..., Any], copy: Path) -> None:
        edit(copy, "drugs/sertraline.yaml", "counting: counts", "counting: often")
        said = trd("knowledge", "check", copy)
        assert said.status == 2 and said.out == ""
        assert "drugs/sertraline.yaml, counting" in said.err and "use one of the listed values" in said.err
        missing = trd("knowledge", "check", copy / "none")
        assert missing.status == 2 and "is not a directory" in missing.err


class TestShow:
    def test_a_drug_with_value_history_sources_review_and_use(self, trd: Callable[..., Any]) -> None:
        out = trd("knowledge", "show", "venlafaxine").out
        assert out.startswith("drug venlafaxine  (drugs/venlafaxine.yaml)")
        assert "signed by no clinician yet; last looked at" in out
        assert "default dose: 150 mg/d since 2026-11-22, medium confidence (trd-cds-doses" in out
        assert "published dose, ATHF: 225 mg/d, low confidence (oquendo-2003)" in out
        assert "oquendo-2003: Oquendo MA et al." in out
        assert "codes/rxnorm.csv" in out and "rxnorm codes" in out

    def test_letter_case_does_not_matter(self, trd: Callable[..., Any]) -> None:
        assert trd("knowledge", "show", "trd-6w-50").out == trd("knowledge", "show", "TRD-6W-50").out

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (["TRD-6W-50"], "min days at dose: 42 days since 2026-11-22"),
            (["TRD-6W-50"], "version.yaml: parameter default_definition"),
            (["phq9"], "maximum: 27 points since"),
            (["era_gap_days"], "value: 30 days since 2026-11-22"),
            (["era_gap_days"], "the program: plugin/exposure/eras.py"),
            (["ANH"], "options/ESK.yaml: option ESK, grades, ANH"),
            (["suicidality"], "safety/S42.yaml: safety rule S42, rows, 1, when, suicidality\n"),
            (["loinc", "LA6569-3"], "instruments/phq9.yaml: instrument phq9, answers, LA6569-3"),
            (["kroenke-2001"], "instruments/phq9.yaml: instrument phq9"),
            (["count-line"], "the program: plugin/"),
            (["bipolar"], "condition category bipolar  (conditions.yaml)"),
            (["inefficacy"], "stop reason inefficacy  (stop_reasons.yaml)"),
            (["rxnorm", "312938"], "strength: sertraline 100 mg per unit"),
            (["rxnorm 312938"], "stands for sertraline"),
            (["312938"], "rxnorm 312938  (http://www.nlm.nih.gov/research/umls/rxnorm)"),
            (["rxnorm", "1653469"], "pack: 7 of 10 mg, 23 of 20 mg"),
            (["rxnorm", "1801289"], "drug bupropion, excluded products, codes"),
            (["loinc", "44261-6"], "instruments/phq9.yaml: instrument phq9, total codes"),
            (["icd10cm", "F33.1"], "condition category depression, code sets, prefixes, F33.1"),
            (["ndc", "00173-0556-02"], "stands for bupropion"),
            (["atc", "N06AB06"], "stands for sertraline"),
        ],
    )
    def test_whatever_the_knowledge_holds(self, trd: Callable[..., Any], words: list[str], told: str) -> None:
        said = trd("knowledge", "show", *words, "--as-of", "2026-12-01")
        assert said.status == 0, said.err
        assert told in said.out

    def test_a_value_of_the_future_is_told_apart(
        self, trd: Callable[..., Any], copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raise_the_dose(copy)
        monkeypatch.setattr("cds_hooks.commands.knowledge_show.load_knowledge", lambda: load(copy))
        before = trd("knowledge", "show", "sertraline", "--as-of", "2026-12-31").out
        assert "default dose: 50 mg/d since 2026-11-22" in before
        assert "2027-01-01  75 mg/d  (medium, not yet in force; maudsley-2021)" in before
        after = trd("knowledge", "show", "sertraline", "--as-of", SINCE).out
        assert "default dose: 75 mg/d since 2027-01-01, medium confidence (maudsley-2021)" in after

    def test_an_unknown_id_names_the_near_ones(self, trd: Callable[..., Any]) -> None:
        said = trd("knowledge", "show", "sertralin")
        assert said.status == 2 and said.out == ""
        assert "did you mean sertraline" in said.err
        nothing = trd("knowledge", "show", "rxnorm", "1")
        assert nothing.status == 2 and "is unknown to the knowledge" in nothing.err


class TestDiff:
    def test_the_same_knowledge(self, trd: Callable[..., Any], packaged: Path) -> None:
        said = trd("knowledge", "diff", packaged, "installed")
        assert (said.status, said.out) == (0, "no differences in meaning\n")

    def test_in_clinical_words(self, trd: Callable[..., Any], packaged: Path, copy: Path) -> None:
        raise_the_dose(copy)
        edit(copy, "drugs/bupropion.yaml", '"zyban", ', "")
        edit(copy, "conditions.yaml", "label: depressive disorder", "label: depression")
        edit(copy, "drugs/mirtazapine.yaml", "confidence: medium", "confidence: high")
        reason = next(
            line
            for line in (copy / "override_reasons.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
            if "patient-preference" in line
        )
        edit(copy, "override_reasons.yaml", reason, "")
        said = trd("knowledge", "diff", packaged, copy)
        assert said.status == 0, said.err
        lines = [line.strip() for line in said.out.splitlines()]
        assert f"sertraline: default dose 50 -> 75 mg/d from {SINCE} (maudsley-2021)" in lines
        assert (
            "bupropion: excluded products, smoking cessation, names removed: zyban (label-us, canvas-value-sets)"
            in lines
        )
        assert any(line.startswith("depression: label depressive disorder -> depression") for line in lines)
        assert any(line.startswith("mirtazapine: ") and "confidence medium -> high" in line for line in lines)
        assert "patient-preference: override reason removed: The patient prefers this treatment" in lines
        assert lines[-1].endswith("differences in meaning")

    def test_is_stable_and_turns_around(self, trd: Callable[..., Any], packaged: Path, copy: Path) -> None:
        raise_the_dose(copy)
        there = trd("knowledge", "diff", packaged, copy).out
        assert there == trd("knowledge", "diff", packaged, copy).out
        back = trd("knowledge", "diff", copy, packaged).out
        assert "sertraline: default dose 75 -> 50 mg/d from 2027-01-01" in back

    def test_as_json(self, trd: Callable[..., Any], packaged: Path, copy: Path) -> None:
        raise_the_dose(copy)
        document = json.loads(trd("knowledge", "diff", packaged, copy, "--format", "json").out)
        assert document["before"]["hash"] != document["after"]["hash"]
        review, change = document["changes"]
        assert review["text"] == f"sertraline: last looked at 2026-11-22 -> {SINCE}"
        assert change == {
            "kind": "drug",
            "id": "sertraline",
            "file": "drugs/sertraline.yaml",
            "what": "default dose",
            "before": "50 mg/d",
            "after": "75 mg/d",
            "from": SINCE,
            "cites": ["maudsley-2021"],
            "text": f"sertraline: default dose 50 -> 75 mg/d from {SINCE} (maudsley-2021)",
        }

    def test_code_tables_row_by_row(self, trd: Callable[..., Any], packaged: Path, copy: Path) -> None:
        row = "312938,SCD,sertraline 100 MG Oral Tablet,sertraline,100,unit,"
        edit(copy, "codes/rxnorm.csv", row, row.replace(",100,unit", ",50,unit"))
        out = trd("knowledge", "diff", packaged, copy).out
        assert "rxnorm 312938 (sertraline 100 MG Oral Tablet): strengths 100 -> 50 mg/unit" in out

    def test_a_directory_that_does_not_load_is_refused(self, trd: Callable[..., Any], copy: Path) -> None:
        (copy / "version.yaml").unlink()
        said = trd("knowledge", "diff", copy)
        assert said.status == 2 and "version.yaml" in said.err


class TestRefresh:
    def test_without_a_target_nothing_is_written(self, trd: Callable[..., Any]) -> None:
        table = DIRECTORY / "codes" / "rxnorm.csv"
        before = table.read_bytes()
        said = trd("knowledge", "refresh-rxnorm", RRF)
        assert said.status == 0, said.err
        assert table.read_bytes() == before
        assert said.out.rstrip().endswith("nothing written; use --out DIR or --write")
        assert "9900004 SCD sertraline 150 MG Oral Capsule" in said.out
        assert "RXNCONSO.RRF: 79 lines" in said.err and "RXNCONSO" not in said.out

    def test_written_tables_load_as_knowledge(self, trd: Callable[..., Any], copy: Path) -> None:
        said = trd("knowledge", "refresh-rxnorm", RRF, "--out", copy / "codes")
        assert said.status == 0, said.err
        new = load(copy).products
        assert new.rxnorm["9900004"].ingredients == ("sertraline",)
        assert new.ndc["10631000131"].ingredients == ("sertraline",)
        # Old codes are still known.
        assert load().products.rxnorm.keys() <= new.rxnorm.keys()
        assert trd("knowledge", "check", copy).status == 0

    def test_two_targets_are_refused(self, trd: Callable[..., Any], tmp_path: Path) -> None:
        said = trd("knowledge", "refresh-rxnorm", RRF, "--write", "--out", tmp_path)
        assert said.status == 2 and "excludes --out" in said.err

    def test_no_release_no_tables(self, trd: Callable[..., Any], tmp_path: Path) -> None:
        said = trd("knowledge", "refresh-rxnorm", tmp_path, "--out", tmp_path / "out")
        assert said.status == 2 and "RXNCONSO.RRF: is not in the release" in said.err
        assert not (tmp_path / "out").exists()

    def test_tables_that_would_not_load_are_not_written(self, trd: Callable[..., Any], tmp_path: Path) -> None:
        """A release that gives another drug's code away is stopped before anything is written."""
        spoiled = Path(shutil.copytree(RRF, tmp_path / "rrf"))
        names = spoiled / "RXNCONSO.RRF"
        text = names.read_text(encoding="utf-8")
        phenelzine = next(code.code for code in load().drugs["phenelzine"].codes if code.system == "rxnorm")
        names.write_text(text.replace("235830", phenelzine), encoding="utf-8")
        relations = spoiled / "RXNREL.RRF"
        relations.write_text(relations.read_text(encoding="utf-8").replace("235830", phenelzine), encoding="utf-8")
        said = trd("knowledge", "refresh-rxnorm", spoiled, "--out", tmp_path / "out")
        assert said.status == 2 and "a code belongs to one ingredient" in said.err
        assert not (tmp_path / "out").exists()


class TestPages:
    @pytest.mark.parametrize(("command", "file"), [("reference", "drugs.md"), ("schema", "drug.schema.json")])
    def test_written_then_current_then_stale(
        self, trd: Callable[..., Any], tmp_path: Path, command: str, file: str
    ) -> None:
        mine = tmp_path / f"mine{Path(file).suffixes[-1]}"
        mine.write_text("by hand", encoding="utf-8")
        assert trd("knowledge", command, "--write", tmp_path).status == 0
        assert trd("knowledge", command, "--check", tmp_path).status == 0
        (tmp_path / file).write_text("old", encoding="utf-8")
        said = trd("knowledge", command, "--check", tmp_path)
        assert said.status == 2
        assert f"is stale ({file})" in said.err and f"trd-cds knowledge {command} --write" in said.err
        assert mine.read_text(encoding="utf-8") == "by hand"

    @pytest.mark.deep
    def test_a_page_that_is_made_no_longer_is_found_and_removed(self, trd: Callable[..., Any], tmp_path: Path) -> None:
        trd("knowledge", "reference", "--write", tmp_path)
        shutil.copy(tmp_path / "drugs.md", tmp_path / "pills.md")
        assert "pills.md" in trd("knowledge", "reference", "--check", tmp_path).err
        trd("knowledge", "reference", "--write", tmp_path)
        assert not (tmp_path / "pills.md").exists()

    def test_one_of_the_two_is_needed(self, trd: Callable[..., Any], tmp_path: Path) -> None:
        assert trd("knowledge", "reference").status == 2
        assert trd("knowledge", "schema", "--write", tmp_path, "--check", tmp_path).status == 2


@pytest.mark.parametrize("group", ["knowledge", "stories"])
def test_a_group_without_a_command_shows_its_help(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    from cds_hooks.__main__ import run

    assert run([group]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0].startswith(f"Usage: trd-cds {group}")
    assert "Commands:" in said.err
