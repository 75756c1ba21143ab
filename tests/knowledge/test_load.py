"""The packaged knowledge loads, and each kind of bad file stops the start with file, place and remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from mappings.code_tables import MANIFEST, measure
from mappings.load import DIRECTORY, KnowledgeError, load
from mappings.values import DatedValue, Reviewed
from plugin import assess
from plugin.ingest import read_record
from tests.knowledge.spoiling import edit

DRUG = "drugs/sertraline.yaml"
DEFINITION = "definitions/TRD-6W-50.yaml"
PHQ9 = "instruments/phq9.yaml"
CITED = "cites: [chandler-2010, mcintyre-2023, trd-cds-rules], confidence: high"
DATED_42 = f"{{unit: d, values: {{2026-11-22: {{amount: 42, {CITED}}}}}}}"


def refused(root: Path) -> KnowledgeError:
    with pytest.raises(KnowledgeError) as caught:
        load(root)
    return caught.value


def test_packaged_knowledge_is_complete() -> None:
    knowledge = load()
    assert knowledge.default_definition == "TRD-6W-50"
    assert set(knowledge.definitions) >= {
        "TRD-6W-50",
        "ATHF4W",
        "EUPEARL-25",
        "AUG-COUNTS",
        "NEUROMOD-COUNTS",
        "ESM-CLASS",
    }
    assert knowledge.drugs["venlafaxine"].adequate_dose is not None
    assert {category.id for category in knowledge.conditions.categories} >= {
        "depression",
        "depression-possible",
        "depression-remission-full",
        "depression-remission-partial",
        "depression-remission-unspecified",
        "psychotic-depression",
        "bipolar",
        "cyclothymia",
        "schizophrenia-spectrum",
        "dementia",
        "organic-mood",
        "postpartum",
        "dysthymia",
        "adjustment",
        "other-indication",
    }
    assert knowledge.instruments["phq9"].remission == 4
    assert len(knowledge.instruments["phq9"].items) == 9


def test_load_is_cached() -> None:
    first = load()
    assert load() is first
    assert load(DIRECTORY) is first


def test_hash_is_stable_and_follows_every_data_file(copy: Path) -> None:
    before = load(copy).content_hash
    assert before.startswith("sha256:")
    assert len(before) == len("sha256:") + 64
    twin = copy.parent / "twin"
    shutil.copytree(copy, twin)
    assert load(twin).content_hash == before
    edit(twin, DRUG, "confidence: medium", "confidence: high")
    third = copy.parent / "third"
    shutil.copytree(twin, third)
    assert load(third).content_hash != before


@pytest.mark.parametrize(
    ("file", "old", "new", "place", "remedy"),
    [
        (DRUG, "role: antidepressant", "role: antidepressant\nrole: information", "line", "keep one"),
        (DRUG, "role: antidepressant", "role: antidepressant\ncolour: blue", "colour", "remove the key"),
        (DRUG, 'code: "36437"', "code: 36437", "codes", "quotes"),
        (DRUG, "comp006-screener", "nobody-2099", "adequate_dose", "sources.yaml"),
        (DRUG, 'code: "36437"', 'code: "4493"', "4493", "one ingredient"),
        (DRUG, 'code: "N06AB06"', 'code: "N06AB03"', "N06AB03", "one ingredient"),
        (DRUG, "{amount: 50,", "{amount: 51,", "adequate_dose", "lenient"),
        (DRUG, 'unit: "mg/d"', 'unit: "g/d"', "adequate_dose", "listed values"),
        (DRUG, 'unit: "mg/d"', "unit: tab/d", "adequate_dose", "same unit"),
        (DRUG, "2026-11-22: {amount: 50", '"2026-11-22": {amount: 50', "adequate_dose", "without quotes"),
        (DRUG, "2026-11-22: {amount: 50", "2027-11-23: {amount: 50", "adequate_dose", "set review_by"),
        (DRUG, "review_by: 2027-11-22", "review_by: 2025-11-22", "review_by", "after last_reviewed"),
        (DRUG, "last_reviewed: 2026-11-22", "last_reviewed: soon", "last_reviewed", "YYYY-MM-DD"),
        (DRUG, "confidence: medium}\n  default", "confidence: low}\n  default", "adequate_dose", "verified"),
        (DEFINITION, ", cites: [chandler-2010, mcintyre-2023, trd-cds-rules]", "", "min_days_at_dose", "add the key"),
        (DEFINITION, DATED_42, "42", "min_days_at_dose", "{unit, values"),
        (DEFINITION, "amount: 42", "amount: 42.5", "min_days_at_dose", "whole number"),
        (DEFINITION, "amount: 42", "amount: -1", "min_days_at_dose", "can be meant"),
        (DEFINITION, "amount: 42", "amount: 27", "borderline_days", "as long as"),
        (DEFINITION, "amount: 0.5", "amount: 50", "response", "can be meant"),
        (DEFINITION, "unit: d", "unit: wk", "min_days_at_dose", "that unit"),
        (DEFINITION, "trd-cds-rules], confidence: high", "trd-cds-rules], confidence: low", "min_days", "verified"),
        (
            DEFINITION,
            "{2026-11-22: {amount: 42",
            "{2026-11-22: {amount: 42, cites: [x]}, 2020-01-01: {amount: 42",
            "min_days_at_dose",
            "oldest date first",
        ),
        ("reconstruction.yaml", "run_gap_days:", "run_gap_day:", "run_gap_days", "add the key"),
        ("reconstruction.yaml", "unit: share", "unit: percent", "run_coverage_min", "listed values"),
        (PHQ9, "amount: 27", "amount: 9", "maximum", "correct minimum"),
        (
            PHQ9,
            "low: {unit: points, values: {2026-11-22: {amount: 5,",
            "low: {unit: points, values: {2026-11-22: {amount: 11,",
            "bands",
            "lowest to the highest",
        ),
        (
            PHQ9,
            "remission: {unit: points, values: {2026-11-22: {amount: 4,",
            "remission: {unit: points, values: {2026-11-22: {amount: 10,",
            "remission",
            "still ill",
        ),
        (PHQ9, "item_maximum:", "# item_maximum:", "items", "state both"),
        (DRUG, "cites: [trd-cds-doses, comp006-screener, maudsley-2021]", "cites: []", "cites", "citations"),
        (DRUG, "id: sertraline", "id: sertralin", "id", "same name"),
        (DRUG, "system: atc", "system: act", "codes", "systems.yaml"),
        (DRUG, "counting: counts", "counting: sometimes", "counting", "listed values"),
        (DRUG, "id: sertraline", "id: [sertraline", "line", "YAML"),
        ("drugs/escitalopram.yaml", "enantiomer_of: citalopram", "enantiomer_of: cit", "enantiomer_of", "id of a file"),
        ("version.yaml", "TRD-6W-50", "TRD-7W", "default_definition", "id of a file"),
        ("version.yaml", '"0.1.0"', '"one"', "version", "schema.py"),
        (PHQ9, "\nmaximum:", "\n# maximum:", "maximum", "add the key"),
        ("sentences/en.yaml", "fields: [drug]", "fields: [drgu]", "already-failed-summary.fields", "declare the field"),
        ("sentences/en.yaml", "{drug}: tried in this", "{drgu}: tried in this", "already-failed-summary", "declare"),
        ("sources.yaml", "last_reviewed: 2026-11-22\n", "", "last_reviewed", "add the key"),
        ("sources.yaml", "kind: project", "kind: rumour", "trd-cds-rules.kind", "listed values"),
        ("systems.yaml", "review_by: 2027-11-22", "review_by: 2020-11-22", "review_by", "after last_reviewed"),
        ("codes/codes.yaml", "rows: 4", "rows: four", "rows", "schema.py"),
        ("codes/codes.yaml", "cites: [atc]", "cites: []", "cites", "citations"),
        ("codes/codes.yaml", "cites: [atc]", "cites: [atlas]", "cites", "sources.yaml"),
        ("override_reasons.yaml", "trial-misjudged", "history-incomplete", "code", "unique"),
        ("override_reasons.yaml", "trial-misjudged", "trial misjudged", "code", "schema.py"),
        ("override_reasons.yaml", "not_on: [acute-safety]", "not_on: [acute-danger]", "not_on", "topics"),
        ("conditions.yaml", '"F30"', "2030-01-01", "prefixes", "quotes"),
        ("systems.yaml", "http://loinc.org", "http://snomed.info/sct", "", "one name"),
    ],
)
def test_bad_files_are_refused(copy: Path, file: str, old: str, new: str, place: str, remedy: str) -> None:
    edit(copy, file, old, new)
    failure = refused(copy)
    assert failure.file == file
    assert place in failure.place
    assert remedy in failure.remedy
    assert str(failure).startswith(f"{file}: ")


@pytest.mark.parametrize(("text", "remedy"), [("{version.major}", "fields"), ("{version", "braces"), ("{}", "fields")])
def test_sentences_with_odd_fields_are_refused(copy: Path, text: str, remedy: str) -> None:
    with (copy / "sentences" / "en.yaml").open("a", encoding="utf-8") as stream:
        stream.write(f'odd-sentence: {{text: "{text}"}}\n')
    failure = refused(copy)
    assert (failure.file, failure.place) == ("sentences/en.yaml", "odd-sentence")
    assert remedy in failure.remedy


def test_unused_source_is_refused(copy: Path) -> None:
    with (copy / "sources.yaml").open("a", encoding="utf-8") as stream:
        stream.write('idle-2001: {citation: "Nobody cites this.", kind: study}\n')
    failure = refused(copy)
    assert (failure.file, failure.place) == ("sources.yaml", "idle-2001")


def append(file: str, line: str) -> Callable[[Path], None]:
    """Adds one row to a code table, and counts it in the manifest."""

    def act(root: Path) -> None:
        with (root / "codes" / file).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")
        manifest = root / MANIFEST
        before, name, after = manifest.read_text(encoding="utf-8").partition(f"{file}:\n")
        rows = measure(root / "codes" / file)[1]
        manifest.write_text(before + name + after.replace(f"rows: {rows - 1}", f"rows: {rows}", 1), encoding="utf-8")

    return act


@pytest.mark.parametrize(
    ("spoil", "file"),
    [
        (append("rxnorm.csv", "312941,SCD,wrong drug,citalopram,50,unit,,Oral Tablet,IR,,high"), "codes/rxnorm.csv"),
        (append("rxnorm.csv", "1,SCD,bad number,citalopram,fifty,unit,,Oral Tablet,IR,,high"), "codes/rxnorm.csv"),
        (append("rxnorm.csv", "1,SCD,too few,citalopram+sertraline,5,unit,,,IR,,high"), "codes/rxnorm.csv"),
        (append("rxnorm.csv", "1,SCD,none of ours,aspirin,5,unit,,,IR,,high"), "codes/rxnorm.csv"),
        (append("atc.csv", "N06AB06,citalopram,high"), "codes/atc.csv"),
        (append("brands.csv", "Zoloft,citalopram,brand,high"), "codes/brands.csv"),
        (append("brands.csv", "Nonesuch,nonesuch,brand,high"), "codes/brands.csv"),
    ],
)
def test_bad_code_tables_are_refused(copy: Path, spoil: Callable[[Path], None], file: str) -> None:
    spoil(copy)
    failure = refused(copy)
    assert failure.file == file
    assert failure.remedy


@pytest.mark.parametrize("file", ["sources.yaml", "codes/rxnorm.csv", "dosing.yaml"])
def test_missing_file_is_named(copy: Path, file: str) -> None:
    (copy / file).unlink()
    assert refused(copy).file == file


@pytest.mark.parametrize(
    ("spoil", "file", "remedy"),
    [
        (lambda root: cut(root / "codes" / "ndc.csv"), "codes/ndc.csv", "restore the table"),
        (lambda root: edit(root, "codes/atc.csv", "code,", "codes,"), "codes/atc.csv", "write code,"),
        (lambda root: (root / "codes" / "more.csv").write_text("a,b\n"), "codes/more.csv", "describe it"),
        (lambda root: (root / "codes" / "ndc.csv").unlink(), "codes/ndc.csv", "restore the file"),
        (lambda root: (root / MANIFEST).unlink(), MANIFEST, "restore the file"),
    ],
)
def test_code_tables_match_their_manifest(copy: Path, spoil: Callable[[Path], object], file: str, remedy: str) -> None:
    spoil(copy)
    failure = refused(copy)
    assert failure.file == file
    assert remedy in failure.remedy


def cut(path: Path) -> None:
    """Loses the last line, as a broken copy would."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")


def test_every_file_says_who_reviewed_it() -> None:
    knowledge = load()
    on_disk = {path.relative_to(DIRECTORY).as_posix().lower() for path in DIRECTORY.rglob("*.yaml")}
    assert {file.lower() for file in knowledge.files} <= on_disk
    for file, content in knowledge.files.items():
        assert isinstance(content, Reviewed), file
        assert content.reviewed_by == "none", "no clinician has signed anything yet"


def later(root: Path) -> None:
    """The definition gets a second value, three days before its review."""
    edit(
        root, DEFINITION, "confidence: high}}}", "confidence: high}, 2026-12-01: {amount: 56, cites: [trd-cds-rules]}}}"
    )
    edit(root, DEFINITION, "last_reviewed: 2026-11-22", "last_reviewed: 2026-12-04")


def test_a_value_holds_from_its_date(copy: Path) -> None:
    later(copy)
    knowledge = load(copy)
    found = {
        day: knowledge.definitions_on(day)["TRD-6W-50"].min_days_at_dose
        for day in (date(2020, 1, 1), date(2026, 11, 22), date(2026, 11, 30), date(2026, 12, 1), date(2030, 1, 1))
    }
    assert list(found.values()) == [42, 42, 42, 56, 56]
    assert knowledge.definitions["TRD-6W-50"].min_days_at_dose == 56
    assert knowledge.reconstruction_on(date(2020, 1, 1)) == knowledge.reconstruction
    assert knowledge.instruments_on(date(2020, 1, 1)) == knowledge.instruments
    assert knowledge.definitions_on(date(2026, 12, 1)) is knowledge.definitions_on(date(2029, 1, 1))


def test_the_engine_judges_by_the_values_of_the_day(copy: Path) -> None:
    later(copy)
    knowledge = load(copy)
    nobody = read_record([], knowledge=knowledge)
    before = assess(nobody, knowledge=knowledge, as_of=date(2026, 11, 30))
    after = assess(nobody, knowledge=knowledge, as_of=date(2026, 12, 1))
    assert (before.definition.min_days_at_dose, after.definition.min_days_at_dose) == (42, 56)


def test_an_unverified_value_gives_way_to_a_verified_one() -> None:
    value = DatedValue.model_validate(
        {
            "unit": "mg",
            "values": {
                date(2026, 1, 1): {"amount": 1, "cites": ("a",)},
                date(2026, 2, 1): {"amount": 2, "cites": ("a",), "confidence": "low"},
            },
        }
    )
    assert value.on(date(2026, 3, 1)).amount == 1
    unverified = DatedValue(unit="mg", values={date(2026, 2, 1): value.values[date(2026, 2, 1)]})
    assert not unverified.on(date(2026, 3, 1)).active


def test_systems_are_found_under_every_uri() -> None:
    knowledge = load()
    for short, uris in knowledge.systems.items():
        assert knowledge.uri_of(short) == uris[0]
        for uri in uris:
            assert knowledge.system_of(uri) == short
            assert knowledge.system_of(f" {uri.upper()}/ ") == short
    assert knowledge.system_of("http://example.org") is None
    assert knowledge.system_of("") is None


def test_every_drug_that_counts_cites_a_source_for_both_thresholds() -> None:
    for drug in load().drugs.values():
        if drug.role == "antidepressant" and drug.counting != "never":
            assert drug.adequate_dose is not None, drug.id
        if drug.role == "augmentation":
            assert drug.adequate_days is not None, drug.id
