"""What must hold for every history, whatever the drugs, gaps and scores."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.load import load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.ingest import read_record
from tests.properties.histories import DAY_0, HISTORIES, History, Resource, dispense, resources_of

AS_OF = DAY_0 + timedelta(days=365)
few = settings(max_examples=60, deadline=None, derandomize=True)


def judge(resources: list[Resource], shift: int = 0) -> dict[str, Any]:
    record = read_record(resources, knowledge=load())
    return to_document(assess(record, knowledge=load(), as_of=AS_OF + timedelta(days=shift)))


def core(document: dict[str, Any]) -> dict[str, Any]:
    """What may not depend on how the data arrived."""
    trials = [(t["ingredient"], t["start"], t["adequacy"], t["outcome"]["status"]) for t in document["trials"]]
    return {"counts": document["counts"], "value": document["verdict"]["value"], "trials": trials}


@few
@given(HISTORIES)
def test_counts_are_ordered(history: History) -> None:
    for counts in judge(resources_of(history))["counts"].values():
        if counts is not None:
            assert 0 <= counts["lo"] <= counts["loProxy"] <= counts["hi"]


@few
@given(HISTORIES, st.randoms(use_true_random=False))
def test_the_order_of_resources_is_irrelevant(history: History, random: Any) -> None:
    resources = resources_of(history)
    shuffled = list(resources)
    random.shuffle(shuffled)
    assert core(judge(resources)) == core(judge(shuffled))


@few
@given(HISTORIES)
def test_duplicates_and_entered_in_error_copies_change_nothing(history: History) -> None:
    resources = resources_of(history)
    wrong = []
    for resource in resources[2:]:
        twin = copy.deepcopy(resource)
        twin["id"] = f"{twin['id']}-twin"
        if resource["resourceType"] == "Observation":
            twin["status"] = "entered-in-error"
        wrong.append(twin)
    assert core(judge(resources)) == core(judge([*resources, *wrong]))


@few
@given(HISTORIES)
def test_splitting_a_dispense_in_two_halves_changes_nothing(history: History) -> None:
    fills, scores = history
    even = [(drug, start, days - days % 2) for drug, start, days in fills]
    whole = resources_of((even, scores))
    split: list[Resource] = [r for r in whole if r["resourceType"] != "MedicationDispense"]
    for number, (drug, start, days) in enumerate(even):
        split.append(dispense(2 * number, drug, start, days // 2))
        split.append(dispense(2 * number + 1, drug, start, days // 2))
    assert core(judge(whole)) == core(judge(split))


@few
@given(HISTORIES, st.integers(-500, 500))
def test_shifting_everything_changes_nothing(history: History, shift: int) -> None:
    here, there = judge(resources_of(history)), judge(resources_of(history, shift), shift)
    assert here["counts"] == there["counts"]
    assert here["verdict"]["value"] == there["verdict"]["value"]


@few
@given(HISTORIES)
def test_deleting_all_scores_never_raises_lo(history: History) -> None:
    with_scores, without = judge(resources_of(history)), judge(resources_of((history[0], [])))
    for name, counts in without["counts"].items():
        if counts is not None:
            assert counts["lo"] == 0 <= with_scores["counts"][name]["lo"]


@few
@given(HISTORIES, st.integers(0, 330))
def test_an_exposure_below_the_lenient_dose_never_raises_lo(history: History, start: int) -> None:
    low = (("trazodone", 50), start, 30)
    before = judge(resources_of(history))
    after = judge(resources_of(([*history[0], low], history[1])))
    for name, counts in after["counts"].items():
        if counts is not None:
            assert counts["lo"] <= before["counts"][name]["lo"]


@few
@given(HISTORIES)
def test_used_plus_set_aside_equals_received(history: History) -> None:
    resources = resources_of(history)
    record = read_record(resources, knowledge=load())
    result = assess(record, knowledge=load(), as_of=AS_OF)
    told = json.dumps({key: value for key, value in to_document(result).items() if key != "setAside"})
    assert all(f'"{reference}"' in told for reference in result.used)
    aside = {item.reference for item in result.set_aside}
    assert {f"{r['resourceType']}/{r['id']}" for r in resources} == set(result.used) | aside
    assert not set(result.used) & aside
