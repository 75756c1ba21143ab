"""A monthly RxNorm release becomes code tables: on a small extract in the true column layout.

The extract was written for this test. Codes from 9900001 on, and the relations, are invented; the other codes and
names are real ones of the committed table, so that what is made from relations can be held against it.
"""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path

import pytest

from mappings.load import DIRECTORY, load
from mappings.products import ProductIndex
from mappings.refresh import Refreshed, manifest_text, read_table, refresh, table_text
from mappings.rrf import Release, ReleaseError, read_release
from mappings.rxnorm_names import pack_parts, read_name
from mappings.rxnorm_rows import COLUMNS, RowMaker

RRF = Path(__file__).parents[1] / "fixtures" / "rrf"
KNOWLEDGE = load()

COMMITTED = """\
rxcui,tty,name,ingredients,strengths,per,salts,dose_form,release,pack,confidence
312938,SCD,sertraline 100 MG Oral Tablet,sertraline,100,unit,,Oral Tablet,IR,,high
312941,SCD,sertraline 50 MG Oral Tablet,sertraline,500,unit,,Oral Tablet,IR,,medium
562790,SCD,Paroxetine 12.5 MG Extended Release Oral Tablet,paroxetine,12.5,unit,,Extended Release Oral Tablet,ER,,medium
312243,SCD,Paroxetine 30 MG Oral Tablet,paroxetine,30,unit,,Oral Tablet,IR,,medium
197363,SCD,amoxapine 100 MG Oral Tablet,amoxapine,100,unit,,Oral Tablet,IR,,high
92567,SBDF,Amitriptyline Injectable Solution [Elavil],amitriptyline,,,,Injectable Solution,injection,,low
1801289,SCD,Smoking Cessation bupropion,bupropion,150,unit,hydrochloride,Extended Release Oral Tablet,SR,,high
"""
PACKAGES = """\
ndc11,ingredients,brand
00049491066,paroxetine,
00173055602,bupropion,
99999000001,sertraline,
"""


def quiet(_: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def committed(tmp_path: Path) -> Path:
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "rxnorm.csv").write_text(COMMITTED, encoding="utf-8")
    (tmp_path / "codes" / "ndc.csv").write_text(PACKAGES, encoding="utf-8")
    return tmp_path


@pytest.fixture
def made(committed: Path) -> Refreshed:
    return refresh(read_release(RRF, quiet), KNOWLEDGE, committed, quiet)


def cells(made: Refreshed, rxcui: str) -> tuple[str, ...]:
    """Ingredients, strengths, per, salts, dose form, release, pack of one code."""
    row = next(row for row in made.rxnorm if row["rxcui"] == rxcui)
    return tuple(row[name] for name in COLUMNS[3:10])


@pytest.mark.parametrize(
    ("rxcui", "expected"),
    [
        ("36437", ("sertraline", "", "", "", "", "", "")),
        ("82728", ("sertraline", "", "", "", "", "", "")),
        ("312938", ("sertraline", "100", "unit", "", "Oral Tablet", "IR", "")),
        ("208161", ("sertraline", "50", "unit", "", "Oral Tablet", "IR", "")),
        ("1158195", ("sertraline", "", "", "", "Pill", "", "")),
        ("373868", ("sertraline", "", "", "", "Oral Tablet", "IR", "")),
        ("9900001", ("sertraline", "", "", "hydrochloride", "", "", "")),
        ("9900002", ("bupropion", "", "", "hydrobromide", "", "", "")),
        ("993556", ("bupropion", "300", "unit", "hydrochloride", "", "", "")),
        ("993557", ("bupropion", "300", "unit", "hydrochloride", "Extended Release Oral Tablet", "XL", "")),
        ("993518", ("bupropion", "150", "unit", "hydrochloride", "Extended Release Oral Tablet", "SR", "")),
        ("993954", ("bupropion", "150", "unit", "hydrochloride", "Extended Release Oral Tablet", "SR", "")),
        ("993550", ("bupropion", "174", "unit", "hydrobromide", "Extended Release Oral Tablet", "XL", "")),
        ("403969", ("fluoxetine+olanzapine", "25+6", "unit", "", "Oral Capsule", "IR", "")),
        ("9900008", ("fluoxetine+olanzapine", "", "", "", "", "", "")),
        ("2611260", ("dextromethorphan-bupropion", "1", "unit", "", "Extended Release Oral Tablet", "ER", "")),
        ("856706", ("amitriptyline+perphenazine", "10+2", "unit", "hydrochloride+", "Oral Tablet", "IR", "")),
        ("1653469", ("vilazodone", "", "", "", "Pack", "pack", "7x10/23x20")),
        ("9900012", ("vilazodone", "", "", "", "Pack", "pack", "7x10/23x20")),
        ("865206", ("selegiline", "6", "unit", "", "Transdermal System", "patch", "")),
        ("2119381", ("esketamine", "28", "unit", "", "Nasal Spray", "nasal", "")),
        ("2119388", ("esketamine", "", "", "", "Pack", "pack", "3x28")),
        ("9900017", ("paroxetine", "2", "mL", "", "Oral Suspension", "suspension", "")),
        ("9900023", ("zuranolone", "25", "unit", "", "Oral Capsule", "IR", "")),
    ],
)
def test_concepts_become_rows(made: Refreshed, rxcui: str, expected: tuple[str, ...]) -> None:
    assert cells(made, rxcui) == expected


def test_rows_made_from_a_release_agree_with_the_committed_ones() -> None:
    """Real codes of the extract: made from relations, they say what the committed table says."""
    fresh = RowMaker(read_release(RRF, quiet), KNOWLEDGE).rows()
    known = {row["rxcui"]: row for row in read_table(DIRECTORY / "codes" / "rxnorm.csv")}
    shared = fresh.keys() & known.keys()
    assert len(shared) >= 35
    for rxcui in shared:
        for name in COLUMNS[3:10]:
            assert fresh[rxcui][name] == known[rxcui][name], (rxcui, name)


def test_other_drugs_other_sources_and_suppressed_names_stay_out(made: Refreshed) -> None:
    listed = {row["rxcui"]: row["name"] for row in made.rxnorm}
    assert not {"9900028", "9900029", "9900005", "9900024"} & listed.keys()
    assert listed["312938"] == "sertraline 100 MG Oral Tablet"
    assert "00093104801" not in {row["ndc11"] for row in made.ndc}


def test_the_report_says_what_was_added_changed_remapped_and_retired(made: Refreshed) -> None:
    report = made.report
    assert "9900004 SCD sertraline 150 MG Oral Capsule" in report.added
    assert report.changed == ["312941 sertraline 50 MG Oral Tablet: strengths 500 -> 50"]
    assert report.remapped == [
        "562790 Paroxetine 12.5 MG Extended Release Oral Tablet -> "
        "1738803 24 HR paroxetine hydrochloride 12.5 MG Extended Release Oral Tablet"
    ]
    assert report.retired == [
        "312243 Paroxetine 30 MG Oral Tablet",
        "197363 amoxapine 100 MG Oral Tablet (split into several)",
        "92567 Amitriptyline Injectable Solution [Elavil]",
        "1801289 Smoking Cessation bupropion",
    ]
    notes = "\n".join(report.notes)
    assert "312243 Paroxetine 30 MG Oral Tablet: remapped to 9900028 metformin" in notes
    assert "9900021 zuranolone: add this ingredient code to drugs/zuranolone.yaml" in notes
    assert "1801289: named by drugs/bupropion.yaml (smoking cessation), no longer listed" in notes
    assert (report.unchanged, report.ndc_added, report.ndc_retired) == (1, 3, 1)
    text = "\n".join(report.lines())
    assert "1 changed" in text and "4 retired, kept for old records" in text


def test_codes_that_left_stay_for_old_records(made: Refreshed) -> None:
    rows = {row["rxcui"]: row for row in made.rxnorm}
    assert rows["197363"]["confidence"] == "medium" and rows["197363"]["strengths"] == "100"
    assert rows["92567"]["confidence"] == "low"
    # A remapped code keeps its own name and takes what its successor means.
    assert rows["562790"]["name"] == "Paroxetine 12.5 MG Extended Release Oral Tablet"
    assert cells(made, "562790") == cells(made, "1738803")
    # Never the meaning of a successor that is another drug.
    assert rows["312243"]["ingredients"] == "paroxetine"


def test_package_codes(made: Refreshed) -> None:
    packages = {row["ndc11"]: (row["ingredients"], row["brand"]) for row in made.ndc}
    assert packages["00049491066"] == ("sertraline", "")  # the release wins over a wrong row
    assert packages["00173055602"] == ("bupropion", "zyban")  # the brand means another use
    assert packages["99999000001"] == ("sertraline", "")
    assert packages["00456110130"] == ("vilazodone", "")
    assert all(len(code) == 11 for code in packages)
    assert [row["ndc11"] for row in made.ndc] == sorted(packages)
    assert "00049491066: paroxetine -> sertraline" in made.report.ndc_changed


def test_new_tables_have_the_committed_form_and_load(made: Refreshed, tmp_path: Path) -> None:
    text = table_text(made.rxnorm, COLUMNS)
    assert text.splitlines()[0] == COMMITTED.splitlines()[0]
    order = [(row["ingredients"], int(row["rxcui"])) for row in csv.DictReader(text.splitlines())]
    assert order == sorted(order)
    shutil.copytree(DIRECTORY / "codes", tmp_path / "new" / "codes")
    (tmp_path / "new" / "codes" / "rxnorm.csv").write_text(text, encoding="utf-8")
    index = ProductIndex(tmp_path / "new", KNOWLEDGE.drugs)
    assert index.rxnorm["1653469"].pack == ((7, 10.0), (23, 20.0))


def test_the_committed_table_is_written_as_it_is_read() -> None:
    for name in ("rxnorm.csv", "ndc.csv"):
        path = DIRECTORY / "codes" / name
        rows = read_table(path)
        assert table_text(rows, tuple(rows[0])) == path.read_text(encoding="utf-8")


def test_a_zip_reads_like_a_folder(tmp_path: Path) -> None:
    archive = tmp_path / "RxNorm_full_prescribe_11022026.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for file in RRF.iterdir():
            packed.write(file, f"rrf/{file.name}")
    assert read_release(archive, quiet) == read_release(RRF, quiet)


def test_progress_names_every_file() -> None:
    told: list[str] = []
    read_release(RRF, told.append)
    assert [line.partition(":")[0] for line in told] == [
        "RXNCONSO.RRF",
        "RXNREL.RRF",
        "RXNSAT.RRF",
        "RXNCUI.RRF",
        "RXNATOMARCHIVE.RRF",
    ]


@pytest.fixture
def extract(tmp_path: Path) -> Path:
    return Path(shutil.copytree(RRF, tmp_path / "rrf"))


def test_history_files_may_be_absent(extract: Path, committed: Path) -> None:
    (extract / "RXNCUI.RRF").unlink()
    (extract / "RXNATOMARCHIVE.RRF").unlink()
    report = refresh(read_release(extract, quiet), KNOWLEDGE, committed, quiet).report
    assert report.remapped == [] and len(report.retired) == 5


def test_one_direction_of_each_relation_is_enough(extract: Path) -> None:
    """A release that lists the inverse relations only gives the same rows."""
    inverse = {
        "has_ingredient": "ingredient_of",
        "has_precise_ingredient": "precise_ingredient_of",
        "has_part": "part_of",
        "form_of": "has_form",
        "has_form": "form_of",
        "consists_of": "constitutes",
        "tradename_of": "has_tradename",
        "contains": "contained_in",
        "has_dose_form": "dose_form_of",
        "has_quantified_form": "quantified_form_of",
    }
    path = extract / "RXNREL.RRF"
    turned = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = line.split("|")
        row[0], row[4], row[7] = row[4], row[0], inverse[row[7]]
        turned.append("|".join(row) + "\n")
    path.write_text("".join(turned), encoding="utf-8")
    before = RowMaker(read_release(RRF, quiet), KNOWLEDGE).rows()
    assert RowMaker(read_release(extract, quiet), KNOWLEDGE).rows() == before


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("RXNREL.RRF", None, "RXNREL.RRF: is not in the release"),
        ("RXNCONSO.RRF", "36437|ENG|sertraline|\n", "RXNCONSO.RRF, line 1: has 3 columns, not 18"),
        ("RXNCONSO.RRF", "", "RXNCONSO.RRF: holds no current name"),
    ],
)
def test_a_damaged_release_is_refused(extract: Path, file: str, text: str | None, told: str) -> None:
    if text is None:
        (extract / file).unlink()
    else:
        (extract / file).write_text(text, encoding="utf-8")
    with pytest.raises(ReleaseError) as caught:
        read_release(extract, quiet)
    assert str(caught.value).startswith(told)


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "release.zip"
    text.write_text("no zip", encoding="utf-8")
    for path, told in ((text, "neither a folder nor a readable zip"), (tmp_path / "none.zip", "does not exist")):
        with pytest.raises(ReleaseError, match=told):
            read_release(path, quiet)


def test_a_release_without_our_drugs_is_refused(committed: Path) -> None:
    foreign = Release(names={"9900029": ("IN", "metformin")})
    with pytest.raises(ReleaseError, match="none of the drugs"):
        refresh(foreign, KNOWLEDGE, committed, quiet)


def test_a_strength_that_the_name_does_not_state_comes_from_nlm() -> None:
    release = Release(
        names={"1": ("IN", "sertraline"), "2": ("SCDC", "sertraline"), "3": ("SCD", "sertraline Oral Tablet")},
        relations={"2": {"has_ingredient": ["1"]}, "3": {"consists_of": ["2"]}},
        available={"3": "25 MG"},
    )
    row = RowMaker(release, KNOWLEDGE).rows()["3"]
    assert (row["strengths"], row["per"]) == ("25", "unit")


def test_a_circle_of_relations_ends() -> None:
    release = Release(
        names={"1": ("BN", "A"), "2": ("BN", "B"), "3": ("IN", "sertraline")},
        relations={"1": {"tradename_of": ["2"]}, "2": {"tradename_of": ["1"]}},
        moved={"8": "9", "9": "8"},
    )
    assert RowMaker(release, KNOWLEDGE).rows().keys() == {"3"}
    assert release.successor("8") is None


def test_names_are_taken_apart() -> None:
    name = read_name("24 HR bupropion hydrochloride 300 MG Extended Release Oral Tablet [Wellbutrin]")
    assert name.quantity == (24.0, "HR")
    assert (name.components[0].substance, name.components[0].amount) == ("bupropion hydrochloride", 300.0)
    assert (name.dose_form, name.brand) == ("Extended Release Oral Tablet", "Wellbutrin")
    assert read_name("selegiline 0.25 MG/HR").components[0].per == "HR"
    assert list(pack_parts("{3 (0.2 ML) (esketamine 140 MG/ML Nasal Spray) } Pack")) == [
        (3, "0.2 ML esketamine 140 MG/ML Nasal Spray")
    ]


def test_the_manifest_keeps_its_comments_and_gets_new_counts() -> None:
    text = (DIRECTORY / "codes" / "codes.yaml").read_text(encoding="utf-8")
    new = manifest_text(text, {"rxnorm.csv": 5, "ndc.csv": 7}, "2026-11-02")
    changed = [line for line in new.splitlines() if line not in text.splitlines()]
    assert changed == ["  rows: 7", '  published: "2026-11-02"', "  rows: 5"]
    assert len(new.splitlines()) == len(text.splitlines())
