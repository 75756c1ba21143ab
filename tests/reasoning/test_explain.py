"""The text tree tells every part of an assessment, with the records behind it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError
from types import MappingProxyType
from typing import Any

import pytest

import plugin.document.assessment_document
from mappings.load import load
from mappings.site_schema import Site, SiteChange, SiteOverlay
from plugin import assess
from plugin.document.assessment_document import engine_version
from plugin.document.explain import explain
from plugin.pipeline import UnknownDefinitionError
from plugin.record import (
    Availability,
    ConditionFact,
    DraftOrder,
    LabResult,
    PatientRecord,
    ProcedureFact,
    Read,
    Verification,
)
from plugin.resistance.verdict import Counts
from tests.reasoning.facts import ADULT, daily, fill, on, phq9, product, when

KNOWLEDGE = load()
ALL_READ = {
    kind: Availability(read=Read.COMPLETE)
    for kind in ("MedicationRequest", "MedicationDispense", "Observation", "Condition", "Procedure")
}
DEPRESSION = ConditionFact(
    reference="Condition/d",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=when(390),
)
EARLIER = tuple(fill(n, 30 * n, product=product("escitalopram", 10)) for n in range(3))
CURRENT = tuple(fill(10 + n, 400 + 30 * n, product=product("sertraline", 100)) for n in range(3))
ADDED = tuple(fill(20 + n, 460 + 30 * n, product=product("aripiprazole", 5)) for n in range(2))
SCORES = (phq9(0, 18), phq9(75, 16), phq9(100, 4), phq9(160, 3), phq9(400, 19), phq9(480, 17))
SESSIONS = tuple(
    ProcedureFact(
        reference=f"Procedure/{n}", kind="ect", status="completed", start=when(500 + 3 * n), end=when(500 + 3 * n)
    )
    for n in range(8)
)


def record(**more: Any) -> PatientRecord:
    values: dict[str, Any] = {
        "patient": ADULT,
        "medications": (*EARLIER, *CURRENT, *ADDED),
        "scores": SCORES,
        "conditions": (DEPRESSION,),
        "procedures": SESSIONS,
        "availability": ALL_READ,
        **more,
    }
    return PatientRecord(**values)


def told(**more: Any) -> list[str]:
    drafts = (DraftOrder(reference="MedicationRequest/new", product=product("sertraline")),)
    return explain(assess(record(**more), knowledge=KNOWLEDGE, as_of=on(530), orders=drafts)).splitlines()


def test_courses_additions_and_earlier_episodes_stand_under_their_titles() -> None:
    lines = told()

    for title, below in (
        ("Trials", "sertraline"),
        ("Augmentation", "aripiprazole"),
        ("Earlier episodes", "escitalopram"),
    ):
        assert lines[lines.index(title) + 1].startswith(f"  {below} (")
    [course] = [line for line in lines if line.startswith("Course ")]
    assert f"{on(500)} to {on(521)}, 8 to 8 sessions: ADEQUATE" in course
    assert any(line.strip().startswith("from: Procedure/0") for line in lines)
    assert "Staging" in lines
    assert "Staging: none" in told(availability={})


def test_an_ordered_drug_is_told_with_what_the_history_says() -> None:
    [line] = [line for line in told() if line.startswith("Order ")]

    assert line == "Order sertraline: already-failed"
    assert "Order sertraline: nothing in the history" in told(medications=())


def test_a_cap_is_told_with_what_the_verdict_would_be() -> None:
    second = tuple(fill(30 + n, 490 + 30 * n, product=product("venlafaxine", 150)) for n in range(3))
    suspected = replace(
        DEPRESSION, reference="Condition/b", categories=frozenset({"bipolar"}), verification=Verification.SUSPECTED
    )
    known = record(
        medications=(*CURRENT, *second), scores=(*SCORES[4:], phq9(560, 18)), conditions=(DEPRESSION, suspected)
    )
    lines = explain(assess(known, knowledge=KNOWLEDGE, as_of=on(580))).splitlines()

    assert lines[0].endswith("INDETERMINATE")
    assert "  capped: would be MET" in lines


def test_what_to_consider_names_the_records_it_comes_from() -> None:
    raised = LabResult(reference="Observation/tsh", measure="tsh", day=on(500), position="above")
    lines = told(laboratory=(raised,))
    at = [number for number, line in enumerate(lines) if line.startswith("Consider: thyroid")]

    assert [lines[number + 1] for number in at] == ["  from: Observation/tsh"]


def test_a_changed_value_is_told_with_who_when_and_why() -> None:
    change = SiteChange(
        path="reconstruction.era_gap_days", before="", after="45 d", who="Board", when=date(2026, 1, 2), why="pathway"
    )
    site = Site(id="st", name="St Elsewhere", accepted_by="Dr A", accepted_on=date(2026, 1, 3))
    found = replace(
        assess(record(), knowledge=KNOWLEDGE, as_of=on(530)), site=SiteOverlay(site, (change,), MappingProxyType({}))
    )
    lines = explain(found).splitlines()

    at = lines.index("Site st (St Elsewhere), accepted by Dr A on 2026-01-03")
    assert lines[at + 1] == "  reconstruction.era_gap_days: none -> 45 d (Board, 2026-01-02: pathway)"


def test_a_dose_that_cannot_be_read_is_told_as_unknown() -> None:
    unreadable = fill(1, 400, 60, product=product("sertraline", None), dosage=(daily(),))

    assert any("60 days at an unknown dose" in line for line in told(medications=(unreadable,)))


def test_a_definition_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(UnknownDefinitionError, match=r"choose one of: .*TRD-6W-50"):
        assess(record(), knowledge=KNOWLEDGE, as_of=on(530), definition="TRD-1D")


def test_counts_out_of_order_are_refused() -> None:
    for lo, lo_proxy, hi in ((2, 1, 3), (1, 3, 2), (-1, 0, 0)):
        with pytest.raises(ValueError, match="ordered"):
            Counts(lo=lo, lo_proxy=lo_proxy, hi=hi)


def test_a_version_that_is_not_installed_is_said_to_be_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(plugin.document.assessment_document, "version", missing)
    assert engine_version.__wrapped__() == "0+unknown"
