"""What a record does not tell is listed, and can be restored without touching anything else."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cohort.directory import LACKS
from cds_hooks.cohort.lacks import EVERYTHING, GROUPS, HIDDEN, MISHAPS, NOTHING, UNRECORDED, group_of
from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import record_of, scribe_of
from cds_hooks.fhir_writer import check
from mappings.cohort_schema import HIDEABLE

SEED = 7
# These change resources beside the one that lacks them: all dispenses, all conditions.
_ALL_OF_A_PATIENT = ("dispense-feed", "unspecified-code", "remission-uncoded", "remission-code", "episode-uncoded")
Made = Callable[[str], Path]


def record(plan: Plan, number: int, profile: str, restored: Collection[str] = NOTHING) -> dict[str, Any]:
    life = live(plan, SEED, number)
    written = record_of(life, plan, seed=SEED, hidden=plan.hidden(profile), restored=restored)
    return {one["id"]: one for one in written}


def test_every_kind_has_a_group_and_every_kind_of_a_profile_a_name() -> None:
    assert set(HIDDEN) == set(HIDEABLE)
    assert {group_of(kind) for kind in EVERYTHING} == set(GROUPS)
    assert {*HIDDEN, *MISHAPS, *UNRECORDED} == EVERYTHING


@pytest.mark.parametrize("number", range(20))
def test_with_all_that_was_hidden_restored_it_is_the_complete_record(plan: Plan, number: int) -> None:
    assert record(plan, number, "us-ehr", set(HIDDEN)) == record(plan, number, "complete")


@pytest.mark.parametrize("kind", [*HIDDEN, *MISHAPS])
def test_one_kind_restored_changes_only_what_lacks_it(plan: Plan, kind: str) -> None:
    changed, profile = 0, "us-ehr" if kind in HIDDEN else "complete"
    for number in range(30):
        life = live(plan, SEED, number)
        scribe = scribe_of(life, plan, seed=SEED, hidden=plan.hidden(profile))
        before = {one["id"]: one for one in scribe.resources}
        after = record(plan, number, profile, {kind})
        differ = {id_ for id_ in {*before, *after} if before.get(id_) != after.get(id_)}
        if not scribe.lacks.get(kind):
            assert not differ
        changed += len(differ)
        concerned = tuple(scribe.lacks.get(kind, ()))
        if kind not in _ALL_OF_A_PATIENT:
            assert all(id_.startswith(concerned) or "-copy-" in id_ for id_ in differ)
    assert changed


def test_a_record_that_tells_everything_lacks_nothing_and_is_valid(plan: Plan) -> None:
    for number in range(6):
        life = live(plan, SEED, number)
        scribe = scribe_of(life, plan, seed=SEED, hidden=plan.hidden("us-ehr"), restored=EVERYTHING)
        assert scribe.lacks == {}
        for resource in scribe.resources[:: 1 + len(scribe.resources) // 40]:
            check(resource)


def test_what_is_lacking_stands_beside_the_truth(made: Made) -> None:
    for profile in ("complete", "us-ehr"):
        told = [json.loads(line) for line in (made(profile) / LACKS).read_text().splitlines()]
        assert len(told) == 300
        kinds = {kind for one in told for kind in one["lacks"]}
        assert set(MISHAPS) <= kinds
        assert set(HIDDEN) & kinds == (set(HIDDEN) if profile == "us-ehr" else set())
        ids = {json.loads(line)["id"] for line in (made(profile) / "MedicationRequest.ndjson").read_text().splitlines()}
        assert {id_ for one in told for id_ in one["lacks"].get("order-quantity", ())} <= ids
