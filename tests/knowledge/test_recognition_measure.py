"""Recognition is measured on the published list, and its bounds are held here."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.recognition import PRECISION, RECALL, measured
from mappings.load import DIRECTORY, load
from mappings.products import words_of
from plugin.ingest.recognition_measure import COLUMNS, Measure, measure, read_samples

ROOT = Path(__file__).parents[2]
KNOWLEDGE = load()
HEADER = ",".join(COLUMNS)


@pytest.fixture(scope="module")
def result() -> Measure:
    return measured()


def test_list_is_long_varied_and_without_repeats(result: Measure) -> None:
    texts = [one.sample.text.lower() for one in result.readings]
    kinds = Counter(one.sample.kind for one in result.readings)
    assert len(texts) >= 500
    assert len(set(texts)) == len(texts)
    assert len(result.look_alikes) >= 150
    assert min(kinds.values()) >= 7
    assert {"tall-man", "brand-strength", "salt", "foreign-inn", "misspelling", "lookalike-none", "unseen"} <= set(
        kinds
    )
    named = {one for reading in result.readings for one in reading.sample.ingredients}
    assert named <= set(KNOWLEDGE.drugs)
    counted = {drug.id for drug in KNOWLEDGE.drugs.values() if drug.counting == "counts"}
    assert counted - named == set(), "the list must try every drug that counts"


def test_nothing_is_mistaken_for_a_look_alike(result: Measure) -> None:
    assert result.precision == PRECISION == 1.0
    assert [one.sample.text for one in result.look_alikes if not one.right_drug] == []


def test_recall_on_the_rest(result: Measure) -> None:
    assert RECALL == 0.97
    assert result.recall >= RECALL


def test_strengths_are_read_as_stated_and_hardly_ever_invented(result: Measure) -> None:
    assert result.strength_recall >= 0.97
    invented = [one.sample.text for one in result.readings if one.wrong_strength]
    # Two amounts in brackets behind a labelled strength: the sum is read as the strength.
    assert invented == ["Zoloft 150mg (100 + 50)"]


def test_products_labelled_for_another_use_are_seen(result: Measure) -> None:
    assert [one.sample.text for one in result.readings if one.right_drug and not one.right_use] == []


def test_drugs_are_told_from_their_neighbours_in_every_letter_case(result: Measure) -> None:
    for change in (str.upper, str.lower):
        twisted = measure((replace(one.sample, text=change(one.sample.text)) for one in result.readings), KNOWLEDGE)
        assert twisted.precision == result.precision
        assert twisted.recall == result.recall


def test_report_gives_the_figures_and_every_miss(result: Measure) -> None:
    report = result.report()
    assert "precision on look-alikes      1.000" in report
    assert f"recall on the rest            {result.recall:.3f}" in report
    for one in result.misses:
        assert repr(one.sample.text) in report


def test_command_prints_the_measure() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.recognition"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "precision on look-alikes      1.000" in done.stdout


@pytest.mark.deep
def test_command_fails_on_a_list_that_is_missed(tmp_path: Path) -> None:
    bad = tmp_path / "list.csv"
    bad.write_text(f"{HEADER}\nsertraline 50 mg,fluoxetine,50,unit,,lookalike-own\n", encoding="utf-8")
    done = subprocess.run(  # noqa: S603 - our own command on our own file
        [sys.executable, "-m", "benchmarks.recognition", str(bad)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "precision on look-alikes      0.000" in done.stdout


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["text,kind"], "columns"),
        ([HEADER, ",sertraline,,,,salt"], "line 2"),
        ([HEADER, "a,sertraline,x,unit,,salt"], "not a number"),
        ([HEADER, "a,sertraline+fluoxetine,5,unit,,salt"], "line 2"),
        ([HEADER, "a,NONE,5,unit,,salt"], "line 2"),
    ],
)
def test_a_list_that_says_nothing_clear_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_samples(lines)


def test_measure_counts_wrong_and_missing_names() -> None:
    lines = [
        HEADER,
        "sertraline 50 mg,sertraline,50,unit,,lookalike-own",
        "clomipramine 25 mg,NONE,,,,lookalike-none",
        "fluoxetine 20 mg,fluoxetine,40,unit,,salt",
        "nothing known,citalopram,,,,salt",
    ]
    result = measure(read_samples(lines), KNOWLEDGE)
    assert (result.precision, result.recall) == (0.5, 0.5)
    assert [one.wrong_strength for one in result.readings] == [False, True, True, False]
    assert len(result.misses) == 3


def distance(one: str, other: str) -> int:
    """Edits (insert, delete, replace, swap neighbours) between two words."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        before, last, row = row, before, [i]
        for j, b in enumerate(other, start=1):
            step = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                step = min(step, last[j - 2] + 1)
            row.append(step)
    return row[-1]


@pytest.mark.deep
def test_no_listed_misspelling_is_as_near_to_another_drug() -> None:
    with (DIRECTORY / "codes" / "brands.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    owners = {" ".join(words): {drug} for words, drug in KNOWLEDGE.products.names.items()}
    for row in rows:
        if row["kind"] == "misspelling":
            owners.pop(" ".join(words_of(row["name"])), None)
    for reading in measured().look_alikes:
        if not reading.sample.ingredients:
            owners.setdefault(" ".join(words_of(reading.sample.text)[:1]), {reading.sample.text})
    listed = [row for row in rows if row["kind"] == "misspelling"]
    assert len(listed) >= 150
    doubtful = []
    for row in listed:
        wrong, drug = row["name"].lower(), row["ingredients"]
        near = {name: distance(wrong, name) for name in owners if abs(len(name) - len(wrong)) <= 3}
        own = min((far for name, far in near.items() if drug in owners[name]), default=9)
        other = min((far for name, far in near.items() if drug not in owners[name]), default=9)
        if own > 3 or own >= other:
            doubtful.append((row["name"], own, other, sorted(near, key=near.__getitem__)[:3]))
    assert not doubtful


def test_misspellings_and_abbreviations_say_where_they_come_from() -> None:
    with (DIRECTORY / "codes" / "brands.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    kinds = {"brand", "inn_variant", "spelling", "misspelling", "abbreviation"}
    for row in rows:
        assert row["kind"] in kinds, row
        assert row["confidence"] in {"high", "medium", "low"}, row
        assert row["source"], row
        if row["kind"] in {"misspelling", "abbreviation", "spelling"}:
            assert row["confidence"] == "medium", row
            assert "project" in row["source"], row
