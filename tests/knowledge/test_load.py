"""The packaged knowledge loads, and each kind of bad file stops the start with file, place and remedy."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from mappings.load import DIRECTORY, KnowledgeError, load

DRUG = "drugs/sertraline.yaml"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the data files that a test may spoil."""
    target = tmp_path / "mappings"
    shutil.copytree(DIRECTORY, target, ignore=shutil.ignore_patterns("*.py", "__pycache__", "ndc.csv"))
    return target


def edit(root: Path, file: str, old: str, new: str) -> None:
    path = root / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{file} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refused(root: Path) -> KnowledgeError:
    with pytest.raises(KnowledgeError) as caught:
        load(root)
    return caught.value


def test_packaged_knowledge_is_complete() -> None:
    knowledge = load()
    assert knowledge.default_definition == "TRD-6W-50"
    assert set(knowledge.definitions) == {
        "TRD-6W-50",
        "ATHF4W",
        "EUPEARL-25",
        "AUG-COUNTS",
        "NEUROMOD-COUNTS",
        "ESM-CLASS",
    }
    assert knowledge.drugs["venlafaxine"].adequate_dose is not None
    assert {category.id for category in knowledge.conditions.categories} == {
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
    (copy / "codes" / "ndc.csv").write_text("ndc11,ingredients,brand\n", encoding="utf-8")
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
        (DRUG, 'unit: "mg/d"', 'unit: "g/d"', "adequate_dose", "same unit"),
        (DRUG, "cites: [trd-cds-doses, comp006-screener, maudsley-2021]", "cites: []", "cites", "citations"),
        (DRUG, "id: sertraline", "id: sertralin", "id", "same name"),
        (DRUG, "system: atc", "system: act", "codes", "systems.yaml"),
        (DRUG, "counting: counts", "counting: sometimes", "counting", "listed values"),
        (DRUG, "id: sertraline", "id: [sertraline", "line", "YAML"),
        ("drugs/escitalopram.yaml", "enantiomer_of: citalopram", "enantiomer_of: cit", "enantiomer_of", "id of a file"),
        ("version.yaml", "TRD-6W-50", "TRD-7W", "default_definition", "id of a file"),
        ("version.yaml", '"0.1.0"', '"one"', "version", "schema.py"),
        ("instruments/phq9.yaml", "maximum: 27\n", "", "maximum", "add the key"),
        ("override_reasons.yaml", "trial-misjudged", "history-incomplete", "code", "unique"),
        ("override_reasons.yaml", "trial-misjudged", "trial misjudged", "code", "schema.py"),
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
    with (copy / "sentences.yaml").open("a", encoding="utf-8") as stream:
        stream.write(f'odd-sentence: {{text: "{text}"}}\n')
    failure = refused(copy)
    assert (failure.file, failure.place) == ("sentences.yaml", "odd-sentence")
    assert remedy in failure.remedy


def test_unused_source_is_refused(copy: Path) -> None:
    with (copy / "sources.yaml").open("a", encoding="utf-8") as stream:
        stream.write('idle-2001: {citation: "Nobody cites this.", kind: study}\n')
    failure = refused(copy)
    assert (failure.file, failure.place) == ("sources.yaml", "idle-2001")


def append(file: str, line: str) -> Callable[[Path], None]:
    def act(root: Path) -> None:
        with (root / "codes" / file).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

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
