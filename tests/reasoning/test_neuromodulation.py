"""Courses of procedures: sessions counted, adequacy below, at and above each number, outcome windows, who counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from mappings.load import load
from plugin import assess
from plugin.ingest import read_record
from plugin.record import (
    Component,
    ConditionFact,
    Layer,
    MedicationFact,
    PatientRecord,
    ProcedureFact,
    Product,
    Score,
    Verification,
)
from plugin.spans import PartialDate
from plugin.trial.adequacy import Adequacy
from plugin.trial.episode import Episode
from plugin.trial.lifetime import Setting
from plugin.trial.measurement import Status
from plugin.trial.neuromodulation import Course, courses_of, episode_series
from plugin.trial.sessions import Interval
from tests.properties.histories import resources_of
from tests.reasoning.facts import ADULT, INSTRUMENTS, RULES, on, phq9, when

KNOWLEDGE = load()
DEFINITION = KNOWLEDGE.definitions["TRD-6W-50"]
EPISODE = Episode(start=on(0), basis="score", uncertain=False, may_have_ended=False, reasons=())


def session(number: int, day: int, kind: str = "ect", status: str = "completed", **more: Any) -> ProcedureFact:
    return ProcedureFact(
        reference=f"Procedure/{number}",
        kind=kind,
        status=status,
        **{"start": when(day), "end": when(day), **more},
    )


def series(number: int, first: int, last: int | None, kind: str = "ect", **more: Any) -> ProcedureFact:
    return session(number, first, kind, end=when(last), is_period=True, **more)


def sessions(count: int, first: int = 10, step: int = 3, kind: str = "ect", **more: Any) -> list[ProcedureFact]:
    return [session(100 + n, first + n * step, kind, **more) for n in range(count)]


def courses(
    procedures: list[ProcedureFact],
    scores: list[Score] | None = None,
    *,
    as_of: int = 300,
    episode: Episode = EPISODE,
    response: float = 0.5,
    **more: Any,
) -> list[Course]:
    record = PatientRecord(patient=ADULT, procedures=tuple(procedures), scores=tuple(scores or ()), **more)
    setting = Setting(drugs=KNOWLEDGE.drugs, instruments=INSTRUMENTS, rules=RULES, as_of=on(as_of))
    return list(
        courses_of(
            episode_series(record, KNOWLEDGE.procedures.kinds, episode=episode, as_of=on(as_of)),
            record.scores,
            windows=KNOWLEDGE.procedures.windows,
            definition=DEFINITION.model_copy(update={"response": response}),
            setting=setting,
        )
    )


def only(*args: Any, **more: Any) -> Course:
    [course] = courses(*args, **more)
    return course


@pytest.mark.parametrize(
    ("kind", "count", "adequacy"),
    [
        ("ect", 6, Adequacy.INADEQUATE),
        ("ect", 7, Adequacy.ADEQUATE),
        ("ect", 8, Adequacy.ADEQUATE),
        ("rtms", 19, Adequacy.INADEQUATE),
        ("rtms", 20, Adequacy.ADEQUATE),
        ("rtms", 21, Adequacy.ADEQUATE),
        ("esketamine-administration", 7, Adequacy.INADEQUATE),
        ("esketamine-administration", 8, Adequacy.ADEQUATE),
        ("esketamine-administration", 9, Adequacy.ADEQUATE),
    ],
)
def test_sessions_below_at_and_above_the_number(kind: str, count: int, adequacy: Adequacy) -> None:
    course = only(sessions(count, kind=kind))

    assert course.adequacy is adequacy
    assert course.series.sessions == Interval(count, count)
    assert course.sources == tuple(f"Procedure/{100 + n}" for n in range(count))


@pytest.mark.parametrize(("gap", "lengths"), [(13, [8]), (14, [8]), (15, [4, 4])])
def test_the_gap_inside_one_series(gap: int, lengths: list[int]) -> None:
    found = courses([*sessions(4, 10), *[session(n, 19 + gap + 3 * n) for n in range(4)]])

    assert [c.series.sessions.lo for c in found] == lengths


def test_a_claim_and_a_note_of_one_day_are_one_session() -> None:
    twins = [replace(s, reference=f"{s.reference}-claim") for s in sessions(6)]
    course = only([*sessions(6), *twins])

    assert course.series.sessions == Interval(6, 6)
    assert course.adequacy is Adequacy.INADEQUATE
    assert len(course.sources) == 12


@pytest.mark.parametrize(("status", "counted"), [("completed", (7, 7)), ("in-progress", (6, 7)), ("unknown", (6, 7))])
def test_weak_statuses_may_hold_a_session_and_prove_none(status: str, counted: tuple[int, int]) -> None:
    course = only([*sessions(6), session(1, 28, status=status)])

    assert course.series.sessions == Interval(*counted)
    assert course.adequacy is (Adequacy.ADEQUATE if counted[0] == 7 else Adequacy.BORDERLINE)


@pytest.mark.parametrize("status", ["not-done", "stopped", "preparation", "on-hold", "aborted"])
def test_other_statuses_never_count(status: str) -> None:
    assert only([*sessions(6), session(1, 28, status=status)]).series.sessions == Interval(6, 6)
    assert courses([session(1, 28, status=status)]) == []


def test_a_procedure_without_a_date_or_after_the_day_of_judgement_is_left_out() -> None:
    assert courses([session(1, 0, start=None, end=None), session(2, 301)]) == []


@pytest.mark.parametrize(
    ("last", "stated", "counted", "adequacy"),
    [
        (30, None, (1, 21), Adequacy.BORDERLINE),
        (15, None, (1, 6), Adequacy.INADEQUATE),
        (16, None, (1, 7), Adequacy.BORDERLINE),
        (30, 6, (6, 6), Adequacy.INADEQUATE),
        (30, 7, (7, 7), Adequacy.ADEQUATE),
    ],
)
def test_a_series_in_one_record(last: int, stated: int | None, counted: tuple[int, int], adequacy: Adequacy) -> None:
    course = only([series(1, 10, last, sessions=stated)])

    assert course.series.sessions == Interval(*counted)
    assert course.adequacy is adequacy


def test_sessions_inside_a_series_are_not_added_to_it() -> None:
    assert only([series(1, 10, 40, sessions=8), *sessions(8)]).series.sessions == Interval(8, 8)
    assert only([series(1, 10, 40), *sessions(7)]).series.sessions == Interval(7, 31)
    assert only([series(1, 10, 20, sessions=4), *sessions(7, 21)]).series.sessions == Interval(11, 11)


def test_two_records_of_one_period_tell_of_one_series() -> None:
    twins = [series(1, 10, 40, sessions=4), series(2, 10, 40, sessions=4)]

    assert only(twins).series.sessions == Interval(4, 4)
    assert only([series(1, 10, 40, sessions=4), series(2, 12, 42, sessions=4)]).series.sessions == Interval(4, 8)


def test_an_open_series_has_no_end_and_no_outcome() -> None:
    course = only([series(1, 10, None, sessions=8)], [phq9(5, 20), phq9(60, 19)])

    assert (course.series.end, course.ongoing, course.adequacy) == (None, True, Adequacy.ADEQUATE)
    assert course.outcome.status is Status.UNKNOWN
    assert course.outcome.missing[0].would_affect == "outcome of ect"
    assert "end_unknown" in course.flags


def test_a_count_on_a_single_day_is_a_series_whose_days_are_not_recorded() -> None:
    course = only([session(1, 10, sessions=8)])

    assert (course.series.sessions, course.series.end) == (Interval(8, 8), None)


def test_partial_dates_may_hold_sessions_that_are_not_on_the_days_known() -> None:
    month = PartialDate(on(10), on(40))
    vague = [session(n, 0, start=month, end=month) for n in range(3)]
    course = only([*sessions(5), *vague])

    assert (course.series.sessions, course.adequacy) == (Interval(5, 8), Adequacy.BORDERLINE)
    assert only(vague).series.sessions == Interval(1, 3)
    assert only(vague).series.known_start is None
    assert only([session(1, 0, start=PartialDate(on(290), on(320)), end=None)]).series.sessions == Interval(0, 1)


@pytest.mark.parametrize(
    ("days", "within"), [((0, 4, 8, 12, 16, 20, 24, 28), True), ((0, 4, 8, 12, 16, 20, 24, 29), False)]
)
def test_an_induction_of_esketamine_takes_four_weeks(days: tuple[int, ...], within: bool) -> None:
    course = only([session(n, 10 + day, "esketamine-administration") for n, day in enumerate(days)])

    assert course.adequacy is (Adequacy.ADEQUATE if within else Adequacy.INADEQUATE)
    assert course.series.sessions == Interval(8, 8)


@pytest.mark.parametrize(("last", "adequacy"), [(37, Adequacy.ADEQUATE), (38, Adequacy.BORDERLINE)])
def test_a_stated_induction_must_lie_inside_the_window(last: int, adequacy: Adequacy) -> None:
    assert only([series(1, 10, last, "esketamine-administration", sessions=8)]).adequacy is adequacy


def test_administrations_of_esketamine_are_sessions() -> None:
    product = Product(label="esketamine", components=(Component(ingredient="esketamine"),), recognised_by="rxnorm")

    def given(number: int, day: int, **more: Any) -> MedicationFact:
        return MedicationFact(
            reference=f"MedicationAdministration/{number}",
            layer=Layer.ADMINISTRATION,
            **{"status": "completed", "product": product, "start": when(day), **more},
        )

    doses = [given(n, 10 + 3 * n) for n in range(8)]
    others = [given(90, 50, status="not-done"), given(91, 51, start=None), given(92, 400)]
    others.append(replace(given(93, 52), layer=Layer.DISPENSE))
    course = only([session(1, 10, "esketamine-administration")], medications=(*doses, *others))

    assert (course.series.sessions, course.adequacy) == (Interval(8, 8), Adequacy.ADEQUATE)
    assert not course.counts_as_trial


@pytest.mark.parametrize(
    ("days", "stated", "adequacy"),
    [
        (4, None, Adequacy.INADEQUATE),
        (5, None, Adequacy.ADEQUATE),
        (1, 49, Adequacy.BORDERLINE),
        (1, 50, Adequacy.ADEQUATE),
    ],
)
def test_an_accelerated_protocol_is_complete_after_its_days_or_sessions(
    days: int, stated: int | None, adequacy: Adequacy
) -> None:
    traits = frozenset({"accelerated"})
    done = [session(n, 10 + n, "rtms", sessions=stated, traits=traits) for n in range(days)]

    assert only(done).adequacy is adequacy


def test_five_days_of_tms_are_no_protocol_unless_stated() -> None:
    assert only(sessions(5, step=1, kind="rtms")).adequacy is Adequacy.INADEQUATE


@pytest.mark.parametrize(("as_of", "adequacy"), [(374, Adequacy.IN_PROGRESS), (375, Adequacy.BORDERLINE)])
def test_vagus_nerve_stimulation_is_borderline_at_most(as_of: int, adequacy: Adequacy) -> None:
    course = only([session(1, 10, "vns")], [phq9(5, 20), phq9(20, 19)], as_of=as_of)

    assert course.adequacy is adequacy
    assert (course.series.end, course.outcome.status) == (None, Status.UNKNOWN)
    assert ("confidence", "low") in course.reasons[-1].facts
    assert not course.counts_as_trial


@pytest.mark.parametrize("kind", ["tdcs", "mst", "dbs", "ketamine-infusion"])
def test_what_has_no_agreed_minimum_is_for_information(kind: str) -> None:
    course = only([session(1, 10, kind), session(2, 200, kind)], [phq9(5, 20), phq9(201, 19)])

    assert (course.adequacy, course.outcome.status) == (Adequacy.EXCLUDED, Status.UNKNOWN)
    assert course.series.sessions == Interval(2, 2)


def test_maintenance_sessions_are_not_part_of_the_acute_series() -> None:
    upkeep = [session(n, 40 + 7 * n, traits=frozenset({"maintenance"})) for n in range(9)]
    acute, maintenance = courses([*sessions(6), *upkeep])

    assert (acute.adequacy, maintenance.adequacy) == (Adequacy.INADEQUATE, Adequacy.EXCLUDED)
    assert "maintenance" in maintenance.flags


@pytest.mark.parametrize(("as_of", "adequacy"), [(36, Adequacy.IN_PROGRESS), (37, Adequacy.INADEQUATE)])
def test_a_series_that_may_go_on_is_not_judged_yet(as_of: int, adequacy: Adequacy) -> None:
    assert only(sessions(5), as_of=as_of).adequacy is adequacy


@pytest.mark.parametrize(
    ("stated", "adequacy", "indication"),
    [
        (("depression",), Adequacy.ADEQUATE, "depression"),
        (("catatonia", "depression"), Adequacy.ADEQUATE, "depression"),
        (("catatonia",), Adequacy.EXCLUDED, "other"),
        (("other",), Adequacy.BORDERLINE, "unknown"),
        ((), Adequacy.ADEQUATE, "depression"),
    ],
)
def test_what_it_was_done_for(stated: tuple[str, ...], adequacy: Adequacy, indication: str) -> None:
    course = only(sessions(8, indications=stated))

    assert (course.adequacy, course.series.intent) == (adequacy, indication)


@pytest.mark.parametrize(
    ("verification", "clinical", "adequacy"),
    [
        (Verification.CONFIRMED, "active", Adequacy.BORDERLINE),
        (Verification.SUSPECTED, "", Adequacy.BORDERLINE),
        (Verification.REFUTED, "active", Adequacy.ADEQUATE),
        (Verification.CONFIRMED, "resolved", Adequacy.ADEQUATE),
    ],
)
def test_another_recorded_condition_leaves_the_use_in_doubt(
    verification: Verification, clinical: str, adequacy: Adequacy
) -> None:
    ocd = ConditionFact(
        reference="Condition/1", categories=frozenset({"ocd"}), verification=verification, clinical=clinical
    )

    assert only(sessions(20, kind="rtms"), conditions=(ocd,)).adequacy is adequacy


ENDS = 31  # the last of eight sessions from day 10 every third day


@pytest.mark.parametrize(
    ("before", "after", "status", "category"),
    [
        (20, 10, Status.NOT_FAILED, "response"),
        (20, 11, Status.FAILED_MEASURED, "partial-response"),
        (20, 20, Status.FAILED_MEASURED, "no-response"),
        (20, 4, Status.NOT_FAILED, "remission"),
        (9, 9, Status.UNKNOWN, None),
    ],
)
def test_the_outcome_of_a_course(before: int, after: int, status: Status, category: str | None) -> None:
    outcome = only(sessions(8), [phq9(9, before), phq9(ENDS, after)]).outcome

    assert (outcome.status, outcome.category) == (status, category)


def test_a_stricter_definition_asks_for_less_improvement() -> None:
    scores = [phq9(9, 20), phq9(ENDS, 13)]

    assert only(sessions(8), scores, response=0.25).outcome.status is Status.NOT_FAILED
    assert only(sessions(8), scores).outcome.status is Status.FAILED_MEASURED


@pytest.mark.parametrize(
    ("day", "found"), [(ENDS - 15, False), (ENDS - 14, True), (ENDS + 14, True), (ENDS + 15, False)]
)
def test_the_score_lies_within_two_weeks_of_the_end(day: int, found: bool) -> None:
    outcome = only(sessions(8), [phq9(9, 20), phq9(day, 19)]).outcome

    assert (outcome.status is Status.FAILED_MEASURED) is found
    assert bool(outcome.missing) is not found


def test_the_last_score_decides() -> None:
    assert only(sessions(8), [phq9(9, 20), phq9(20, 18), phq9(ENDS, 8)]).outcome.status is Status.NOT_FAILED


@pytest.mark.parametrize(("day", "found"), [(-21, False), (-20, True), (10, True), (11, False)])
def test_the_baseline_lies_before_the_second_session_day(day: int, found: bool) -> None:
    outcome = only(sessions(8), [phq9(day, 20), phq9(ENDS, 19)]).outcome

    assert outcome.status is (Status.FAILED_MEASURED if found else Status.FAILED_PROXY)


def test_a_score_on_the_first_day_is_no_outcome_of_a_short_protocol() -> None:
    short = [session(n, 10 + n, "rtms", traits=frozenset({"accelerated"})) for n in range(5)]

    assert only(short, [phq9(10, 20)]).outcome.endpoint is None
    assert only(short, [phq9(10, 20), phq9(11, 20)]).outcome.status is Status.FAILED_MEASURED


@pytest.mark.parametrize(("after", "status"), [(19, Status.UNKNOWN), (9, Status.NOT_FAILED)])
def test_a_borderline_course_can_only_have_not_failed(after: int, status: Status) -> None:
    assert only([series(1, 10, ENDS)], [phq9(9, 20), phq9(ENDS, after)]).outcome.status is status


def test_a_short_course_has_no_outcome() -> None:
    outcome = only(sessions(5), [phq9(9, 20), phq9(22, 19)]).outcome

    assert (outcome.status, outcome.endpoint) == (Status.UNKNOWN, None)


@pytest.mark.parametrize(("basis", "current"), [("score", False), ("first-evidence", True)])
def test_sessions_before_an_episode_belong_to_an_earlier_one(basis: str, current: bool) -> None:
    episode = replace(EPISODE, start=on(100), basis=basis)
    course = only(sessions(8), episode=episode)

    assert course.series.current is current
    assert ("earlier_episode" in course.flags) is not current
    assert course.counts_as_trial is current


def test_a_series_across_the_start_of_the_episode_is_split_and_a_period_proves_nothing() -> None:
    episode = replace(EPISODE, start=on(20))
    before, within = courses(sessions(8), episode=episode)
    assert (before.series.sessions.lo, within.series.sessions.lo) == (4, 4)
    assert (before.series.current, within.series.current) == (False, True)

    period = only([series(1, 10, 40, sessions=9)], episode=episode)
    assert (period.series.start, period.series.sessions) == (on(20), Interval(0, 9))


def test_laterality() -> None:
    def stated(*traits: str) -> bool | None:
        return only(sessions(8, traits=frozenset(traits))).is_bilateral()

    assert (stated("bilateral"), stated("unilateral"), stated()) == (True, False, None)
    assert stated("bilateral", "unilateral") is True


SNOMED, PCS = "http://snomed.info/sct", "http://www.cms.gov/Medicare/Coding/ICD10"


def read(**more: Any) -> ProcedureFact:
    resource = {
        "resourceType": "Procedure",
        "id": "1",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "code": {"text": "ECT"},
        "performedDateTime": "2025-03-01",
        **more,
    }
    [fact] = read_record([resource], knowledge=KNOWLEDGE).procedures
    return fact


COUNT = KNOWLEDGE.procedures.count_extensions[0]


@pytest.mark.parametrize(
    ("extension", "stated"),
    [
        ([{"url": COUNT, "valueUnsignedInt": 8}], 8),
        ([{"url": COUNT, "valuePositiveInt": "8"}], 8),
        ([{"url": COUNT, "valueQuantity": {"value": 8}}], 8),
        ([{"url": COUNT, "valueInteger": 0}], None),
        ([{"url": COUNT, "valueInteger": 8}, {"url": COUNT, "valueInteger": 9}], None),
        ([{"url": "http://elsewhere", "valueInteger": 8}], None),
        ("nonsense", None),
    ],
)
def test_a_stated_count_is_read_from_an_extension(extension: Any, stated: int | None) -> None:
    assert read(extension=extension).sessions == stated


def test_periods_and_days_are_told_apart() -> None:
    period = {"performedDateTime": None, "performedPeriod": {"start": "2025-03-01", "end": "2025-03-20"}}
    one_day = {"performedPeriod": {"start": "2025-03-01T08:00:00Z", "end": "2025-03-01T09:00:00Z"}}
    only_end = {"performedDateTime": None, "performedPeriod": {"end": "2025-03-20"}}
    backwards = {"performedPeriod": {"start": "2025-03-20", "end": "2025-03-01"}}

    assert (read(**period).is_period, read(**period).end) == (True, PartialDate.exactly(date(2025, 3, 20)))
    assert read(performedPeriod={"start": "2025-03-01"}).end is None
    assert not read(**one_day).is_period
    assert read(**only_end).start == PartialDate.exactly(date(2025, 3, 20))
    assert not read(**backwards).is_period


def test_traits_and_reasons_are_read() -> None:
    fact = read(
        code={"text": "Maintenance ECT, bilateral"},
        category={"text": "psychiatric procedure"},
        reasonCode=[{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "F33.2"}]}],
    )
    assert fact.traits == {"maintenance", "bilateral"}
    assert fact.indications == ("depression",)
    assert read(reasonReference=[{"reference": "Condition/nowhere"}]).indications == ("other",)
    assert read(code={"coding": [{"system": PCS, "code": "GZB2ZZZ"}]}).traits == {"bilateral"}
    assert read(code={"coding": [{"system": PCS, "code": "GZB0ZZZ"}]}).traits == {"unilateral"}
    assert read(code={"text": "accelerated theta burst stimulation"}).traits == {"accelerated"}


@pytest.mark.parametrize(
    ("count", "score", "counted", "value"),
    [
        (7, 19, [2, 2, 2], "MET"),
        (6, 19, [1, 1, 1], "NOT_MET"),
        (7, 9, [1, 1, 1], "NOT_MET"),
        (7, None, [1, 1, 2], "INDETERMINATE"),
    ],
)
def test_an_adequate_failed_course_counts_where_the_definition_says_so(
    count: int, score: int | None, counted: list[int], value: str
) -> None:
    record = read_record(resources_of(([(("sertraline", 100), 0, 60)], [(0, 18), (50, 17)])), knowledge=KNOWLEDGE)
    start = next(s.day for s in record.scores)
    done = [
        ProcedureFact(
            reference=f"Procedure/{n}",
            kind="ect",
            status="completed",
            start=PartialDate.exactly(date.fromordinal(start.toordinal() + 70 + 3 * n)),
            end=PartialDate.exactly(date.fromordinal(start.toordinal() + 70 + 3 * n)),
        )
        for n in range(count)
    ]
    scores = [Score(instrument="phq9", value=18, day=date.fromordinal(start.toordinal() + 65), references=("O/x",))]
    if score is not None:
        day = date.fromordinal(start.toordinal() + 92)
        scores.append(Score(instrument="phq9", value=score, day=day, references=("O/y",)))
    record = replace(record, procedures=tuple(done), scores=(*record.scores, *scores))
    result = assess(record, knowledge=KNOWLEDGE, as_of=date.fromordinal(start.toordinal() + 120))
    judged = result.by_definition["NEUROMOD-COUNTS"]

    assert judged is not None
    counts, verdict = judged
    assert [counts.lo, counts.lo_proxy, counts.hi] == counted
    assert verdict.value == value
    assert result.verdict.value.value == "NOT_MET"
