"""Both sides of every day count of the rules, and what moving the clock does there."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from mappings.load import load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.ingest import read_record
from tests.properties.histories import DAY_0, Resource, dispense, frame, score

SERTRALINE, ESCITALOPRAM, VENLAFAXINE = ("sertraline", 100), ("escitalopram", 10), ("venlafaxine", 150)
Case = tuple[list[Resource], int]  # resources, day of judgement


def _first_failed() -> list[Resource]:
    return [*frame(), dispense(0, SERTRALINE, 0, 90), score(0, 0, 18), score(1, 86, 16)]


def _length(days: int) -> Case:
    """A second drug for so many days, with a score after six weeks."""
    return [*_first_failed(), dispense(1, ESCITALOPRAM, 90, days), score(2, 90 + 44, 16)], 300


def _run_gap(days: int) -> Case:
    """Two fills of 30 days with so many uncovered days between."""
    fills = [dispense(1, ESCITALOPRAM, 90, 30), dispense(2, ESCITALOPRAM, 120 + days, 30)]
    return [*_first_failed(), *fills, score(2, 150, 16)], 300


def _era_gap(days: int) -> Case:
    """Two fills of 21 days with so many uncovered days between: one era of 42 scattered days, or two of 21."""
    return [
        *_first_failed(), dispense(1, ESCITALOPRAM, 90, 21), dispense(2, ESCITALOPRAM, 111 + days, 21),
    ], 300  # fmt: skip


def _remission(days: int) -> Case:
    """Two failures, then two scores in remission so many days apart, then illness again."""
    failed = [*_first_failed(), dispense(1, VENLAFAXINE, 90, 90), score(2, 176, 16)]
    return [*failed, score(3, 200, 3), score(4, 200 + days, 3), score(5, 300, 17)], 310


def _silence(days: int) -> Case:
    """Two failures, judged so many days after the last sign of anything (day 179)."""
    return [*_first_failed(), dispense(1, VENLAFAXINE, 90, 90), score(2, 176, 16)], 179 + days


BOUNDARIES: dict[str, tuple[Callable[[int], Case], int, str, str]] = {
    "27/28 days": (_length, 27, "NOT_MET", "INDETERMINATE"),
    "41/42 days": (_length, 41, "INDETERMINATE", "MET"),
    "14/15 days within a run": (_run_gap, 14, "MET", "INDETERMINATE"),
    "30/31 days within an era": (_era_gap, 30, "INDETERMINATE", "NOT_MET"),
    "55/56 days of remission": (_remission, 55, "MET", "NOT_MET"),
    "179/180 days of silence": (_silence, 179, "MET", "INDETERMINATE"),
}
_TIMES = ("effectiveDateTime", "whenHandedOver")


def _verdict(case: Case, moved: int = 0) -> str:
    resources, day = case
    record = read_record(resources, knowledge=load())
    value = to_document(assess(record, knowledge=load(), as_of=DAY_0 + timedelta(days=day + moved)))["verdict"]["value"]
    assert isinstance(value, str)
    return value


def _at(resource: Resource, hour: int, shift: float) -> Resource:
    """The same resource with the time of day, written by a clock `shift` hours ahead."""
    changed: dict[str, Any] = copy.deepcopy(resource)
    for key in _TIMES:
        if key in changed:
            here = datetime.fromisoformat(changed[key]).replace(hour=hour, tzinfo=UTC)
            changed[key] = here.astimezone(timezone(timedelta(hours=shift))).isoformat()
    return changed


@pytest.mark.parametrize("name", BOUNDARIES)
def test_both_sides_of_a_boundary(name: str) -> None:
    build, last, at, beyond = BOUNDARIES[name]
    assert (_verdict(build(last)), _verdict(build(last + 1))) == (at, beyond)


@pytest.mark.parametrize("shift", [-12, 14])
@pytest.mark.parametrize("name", BOUNDARIES)
def test_another_zone_for_everything_moves_no_verdict_on_either_side(name: str, shift: int) -> None:
    """Written in another zone every date moves alike, so no length changes."""
    build, last, at, beyond = BOUNDARIES[name]
    for days, expected in ((last, at), (last + 1, beyond)):
        resources, day = build(days)
        moved = [_at(resource, 23 if shift < 0 else 12, shift) for resource in resources]
        by = 1 if shift > 0 else 0
        assert _verdict((moved, day), by) == expected


@pytest.mark.parametrize("hours", [-14, 14])
@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_clock_fourteen_hours_off_for_one_record_moves_no_verdict_away_from_the_boundary(
    name: str, hours: int
) -> None:
    """A record made at noon and dated by such a clock is a day off; three days from a boundary that changes nothing."""
    build, last, at, beyond = BOUNDARIES[name]
    for days, expected in ((last - 2, at), (last + 3, beyond)):
        resources, day = build(days)
        assert _verdict((resources, day)) == expected
        for place, resource in enumerate(resources):
            for key in _TIMES:
                if key in resource:
                    told = datetime.fromisoformat(resource[key]) + timedelta(hours=12 + hours)
                    off = {**resource, key: told.date().isoformat()}
                    assert _verdict(([*resources[:place], off, *resources[place + 1 :]], day)) == expected
