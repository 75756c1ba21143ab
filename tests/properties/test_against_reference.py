"""The engine against the slow reference of `tests.reference`, on random records."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mappings.load import load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.record import PatientRecord
from tests.properties.effort import effort
from tests.properties.records import DAY_0, Scope, records, written_out
from tests.reference.eras import Context
from tests.reference.verdict import Judgement, judge

DEFINITIONS = ("TRD-6W-50", "ATHF4W", "EUPEARL-25", "ESM-CLASS")
AS_OF = st.sampled_from((300, 330, 365, 400, 500)).map(lambda offset: DAY_0 + timedelta(days=offset))


def _day(ordinal: int | None) -> str | None:
    return None if ordinal is None else date.fromordinal(ordinal).isoformat()


def _trials(judgement: Judgement) -> dict[str, list[tuple[Any, ...]]]:
    """For each ingredient what may be said of it: one tuple for each of its eras that rank equally high."""
    return {
        name: [
            (
                _day(trial.era.first),
                _day(trial.era.last),
                trial.rating.adequacy,
                trial.rating.sure,
                trial.rating.possible,
                trial.outcome.status,
            )
            for trial in trials
        ]
        for name, trials in judgement.trials.items()
    }


def _said(trial: dict[str, Any]) -> tuple[Any, ...]:
    days = trial["atDoseDays"]
    return (
        trial["start"],
        trial["end"],
        trial["adequacy"],
        days["sure"],
        days["possible"],
        trial["outcome"]["status"],
    )


def hold(record: PatientRecord, as_of: date) -> None:
    """The engine says of this record what the reference says: episode, trials, counts and verdicts."""
    knowledge = load()
    document = to_document(assess(record, knowledge=knowledge, as_of=as_of))
    context = Context(knowledge, as_of, record.patient.age_on(as_of) if record.patient else None)
    definitions = knowledge.definitions_on(as_of)
    for name in DEFINITIONS:
        expected = judge(record, knowledge, context, definitions[name])
        counts = document["counts"][name]
        assert (counts["lo"], counts["loProxy"], counts["hi"]) == expected.counts, name
        assert document["verdict"]["byDefinition"][name] == expected.verdict, name
        if name == document["engine"]["definition"]:
            assert document["episode"]["start"] == _day(expected.start)
            trials = {trial["ingredient"]: trial for trial in document["trials"]}
            wanted = _trials(expected)
            assert set(trials) == set(wanted)
            for ingredient, trial in trials.items():
                assert _said(trial) in wanted[ingredient], ingredient
                alike = zip(wanted[ingredient], expected.trials[ingredient], strict=True)
                grades = [told.rating.grades for said, told in alike if said == _said(trial)]
                assert any(not found or trial["evidenceGrade"] in found for found in grades)


@effort(30)
@given(records(Scope(), with_scores=True), AS_OF)
def test_dispenses_and_scores(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(25)
@given(records(Scope(indications=True, ranges=True), with_scores=True), AS_OF)
def test_indications_and_dose_ranges(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(30)
@given(records(Scope(orders=True, statuses=True), most_drugs=2, with_scores=True), AS_OF)
def test_orders_repeats_and_statuses(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(25)
@given(records(Scope(orders=True, stops=True, indications=True), most_drugs=2, with_scores=True), AS_OF)
def test_recorded_stops(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(25)
@given(records(Scope(reports=True, administrations=True), most_drugs=2, with_scores=True), AS_OF)
def test_reports_and_administrations(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(25)
@given(records(Scope(orders=True, unknown_supply=True), most_drugs=2, with_scores=True), AS_OF)
def test_supply_that_is_not_stated(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(30)
@given(records(Scope(orders=True, reports=True, administrations=True, statuses=True), with_scores=True), AS_OF)
def test_every_source_together(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(25)
@given(records(Scope(reasons=True, orders=True), with_scores=True), AS_OF)
def test_recorded_reasons_for_stopping(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(20)
@given(records(Scope(adherence=True), with_scores=True), AS_OF)
def test_recorded_adherence(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)


@effort(30)
@given(written_out(), AS_OF)
def test_directions_of_several_lines_and_packs(record: PatientRecord, as_of: date) -> None:
    hold(record, as_of)
