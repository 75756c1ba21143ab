"""What would change the verdict: every single missing fact, decided again by the real stages."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.load import load
from plugin import assess
from plugin.assessment import Assessment
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.record import (
    Availability,
    ConditionFact,
    MedicationFact,
    PatientFact,
    PatientRecord,
    Read,
    Score,
    StopReason,
    Verification,
)
from plugin.resistance.counterfactual import Change
from plugin.spans import PartialDate
from tests.reasoning.facts import ADULT, fill, on, order, phq9, product, report, when

KNOWLEDGE = load()
EFFORTS = [entry.kind for entry in KNOWLEDGE.missing_facts]
KINDS = (
    *("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration"),
    *("Observation", "QuestionnaireResponse", "Condition", "Procedure"),
)
ALL_READ = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}
DEPRESSION = ConditionFact(
    reference="Condition/d",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=when(-5),
)
SERTRALINE = tuple(fill(number, 30 * number, product=product("sertraline", 100)) for number in range(3))
VENLAFAXINE = tuple(fill(number + 10, 90 + 30 * number, product=product("venlafaxine", 150)) for number in range(3))
FAILED = [phq9(0, 18), phq9(86, 16)]


def venlafaxine(**more: Any) -> tuple[MedicationFact, ...]:
    return tuple(replace(fact, **more) for fact in VENLAFAXINE)


def record(
    medications: tuple[MedicationFact, ...] = (*SERTRALINE, *VENLAFAXINE), scores: list[Score] = FAILED, **more: Any
) -> PatientRecord:
    values: dict[str, Any] = {"patient": ADULT, "conditions": (DEPRESSION,), "availability": ALL_READ, **more}
    return PatientRecord(medications=medications, scores=tuple(scores), **values)


def judge(known: PatientRecord, as_of: int = 300, **more: Any) -> Assessment:
    return assess(known, knowledge=KNOWLEDGE, as_of=on(as_of), **more)


def told(assessment: Assessment, *kinds: str) -> list[tuple[str, str]]:
    return [(c.fact, c.verdict.value) for c in assessment.changes if not kinds or c.kind in kinds]


def test_a_score_in_the_empty_window_settles_it_both_ways() -> None:
    found = judge(record())

    assert found.verdict.value == "INDETERMINATE"
    assert told(found, "score-past") == [
        (f"PHQ-9 at {on(193)} below 5", "NOT_MET"),
        (f"PHQ-9 at {on(193)} of 9 or more", "MET"),
    ]
    [low, _] = [c for c in found.changes if c.kind == "score-past"]
    assert (low.trial, low.ingredient, low.instrument) == (1, "venlafaxine", "phq9")
    assert (low.day, low.window) == (on(193), (on(132), on(193)))


def test_the_document_and_the_text_tell_it() -> None:
    found = judge(record())
    entries = to_document(found)["verdict"]["wouldChangeIf"]

    assert entries[0] == {
        "fact": "venlafaxine stopped for lack of effect, by code",
        "verdict": "MET",
        "kind": "stop-reason",
        "effort": EFFORTS.index("stop-reason"),
        "trial": 1,
        "ingredient": "venlafaxine",
        "instrument": None,
        "date": None,
        "from": None,
        "to": None,
    }
    assert f"Would change: PHQ-9 at {on(193)} below 5 gives NOT_MET" in explain(found)


@pytest.mark.parametrize(("as_of", "kind", "day"), [(193, "score-now", 193), (194, "score-past", 193)])
def test_a_window_that_is_still_open_asks_for_a_score_today(as_of: int, kind: str, day: int) -> None:
    scores = [c for c in judge(record(), as_of).changes if c.kind.startswith("score")]

    assert {(c.kind, c.day) for c in scores} == {(kind, on(day))}


def test_a_window_not_yet_open_is_not_asked_for() -> None:
    assert told(judge(record(), 131), "score-now", "score-past") == []


@pytest.mark.parametrize("flags", [("suspect-total",), ("conflict",)])
def test_no_score_is_supposed_on_a_day_that_has_one(flags: tuple[str, ...]) -> None:
    taken = [phq9(193, 12, flags=flags), phq9(192, 12, flags=flags)]
    days = {c.day for c in judge(record(scores=[*FAILED, *taken])).changes if c.instrument is not None}

    assert days <= {on(191)}


def test_a_window_full_of_doubtful_scores_asks_for_none() -> None:
    short = tuple(fill(number + 10, 90 + 30 * number, product=product("venlafaxine", 150)) for number in range(2))
    doubtful = [phq9(day, 12, flags=("suspect-total",)) for day in range(132, 164)]

    assert told(judge(record((*SERTRALINE, *short), [*FAILED, *doubtful])), "score-past") == []


def test_the_scale_asked_for() -> None:
    def asked(scores: list[Score]) -> set[str | None]:
        changes = judge(record(scores=scores)).changes
        return {c.instrument for c in changes if c.kind == "score-past" and c.trial == 1}

    def madrs(day: int, value: float) -> Score:
        return Score(instrument="madrs", value=value, day=on(day), references=(f"Observation/m{day}",))

    assert asked([*FAILED, madrs(88, 30)]) == {"madrs"}
    assert asked([phq9(0, 18), phq9(50, 18), phq9(59, 16), madrs(10, 30)]) == {"phq9"}
    assert judge(record(SERTRALINE, [])).changes == ()


def test_without_any_score_the_preferred_scale_is_asked_for() -> None:
    found = judge(record(scores=[]))

    assert found.verdict.value == "INDETERMINATE"
    assert {c.instrument for c in found.changes if c.kind == "score-past"} == {"phq9"}
    assert (f"PHQ-9 at {on(193)} of 10 or more", "PROBABLE") in told(found)


def test_a_scale_without_remission_has_a_response_to_offer() -> None:
    phq8 = [
        Score(instrument="phq8", value=value, day=on(day), references=(f"Observation/8{day}",))
        for day, value in ((0, 18), (86, 16))
    ]

    assert told(judge(record(scores=phq8)), "score-past") == [
        (f"PHQ-8 at {on(193)} below 9", "NOT_MET"),
        (f"PHQ-8 at {on(193)} of 9 or more", "MET"),
    ]
    late = [replace(score, day=on(30)) if score.value == 16 else score for score in phq8]
    without_baseline = [c.fact for c in judge(record(scores=late)).changes if c.trial == 1 and c.kind == "score-past"]
    assert without_baseline == [f"PHQ-8 at {on(193)} of 10 or more"]


@pytest.mark.parametrize(
    ("endpoint", "facts"),
    [
        (12, [("10 to 23", "MET"), ("24 or more", "NOT_MET")]),
        (14, [("10 or more", "MET")]),
        (6, [("10 to 11", "MET"), ("12 or more", "NOT_MET")]),
        (5, [("10 or more", "NOT_MET")]),
    ],
)
def test_a_baseline_for_an_endpoint_without_one(endpoint: int, facts: list[tuple[str, str]]) -> None:
    known = record(scores=[phq9(0, 18), phq9(50, 16), phq9(180, endpoint)])

    assert told(judge(known), "baseline-past") == [
        (f"PHQ-9 at {on(97)} of {words}", verdict) for words, verdict in facts
    ]


def test_a_scale_without_a_line_has_no_baseline_to_ask_for() -> None:
    epds = Score(instrument="epds", value=20, day=on(180), references=("Observation/e",))

    assert told(judge(record(scores=[phq9(0, 18), phq9(50, 16), epds])), "baseline-past") == []


@pytest.mark.parametrize(
    ("stop", "asked"),
    [
        (None, ["lack of effect"]),
        (StopReason(meaning="inefficacy", by="text", label="x"), ["lack of effect"]),
        (StopReason(meaning="inefficacy", by="code", label="x"), []),
        (StopReason(meaning="intolerance", by="text", label="x"), []),
        (StopReason(meaning="other", by="code", label="x"), []),
    ],
)
def test_a_stop_reason_is_asked_for_where_none_is_coded(stop: StopReason | None, asked: list[str]) -> None:
    stopped = venlafaxine(stop_reasons=() if stop is None else (stop,))
    found = told(judge(record((*SERTRALINE, *stopped))), "stop-reason")

    assert found == [(f"venlafaxine stopped for {words}, by code", "MET") for words in asked]


def test_side_effects_would_undo_a_probable_failure() -> None:
    mirtazapine = fill(20, 180, 30, product=product("mirtazapine", 30))
    found = judge(record((*SERTRALINE, *VENLAFAXINE, mirtazapine)))

    assert found.verdict.value == "PROBABLE"
    assert ("venlafaxine stopped for side effects, by code", "INDETERMINATE") in told(found)
    reported = venlafaxine(reported_ineffective=True)
    assert ("venlafaxine stopped for side effects, by code", "INDETERMINATE") not in told(
        judge(record((*SERTRALINE, *reported)))
    )


@pytest.mark.parametrize(("as_of", "asked"), [(193, False), (194, True)])
def test_a_running_trial_has_no_reason_to_stop(as_of: int, asked: bool) -> None:
    assert bool(told(judge(record(), as_of), "stop-reason")) is asked


def test_the_indication_confirmed() -> None:
    known = record((*SERTRALINE, *venlafaxine(indications=("neuropathic-pain",))), [*FAILED, phq9(180, 15)])

    assert told(judge(known), "indication") == [("venlafaxine confirmed as taken for depression", "MET")]


def test_a_dose_that_cannot_be_read() -> None:
    known = record((*SERTRALINE, *venlafaxine(product=product("venlafaxine", None))), [*FAILED, phq9(180, 15)])
    found = judge(known)

    assert found.verdict.value == "INDETERMINATE"
    assert told(found, "dose") == [
        ("venlafaxine taken at 150 mg a day or more", "MET"),
        ("venlafaxine taken below 75 mg a day", "NOT_MET"),
    ]


ORDERED = tuple(order(number, 30 * number, product=product("sertraline", 100)) for number in range(3))
OPEN_ENDED = order(30, 90, None, product=product("venlafaxine", 150))


def test_a_supply_of_unknown_length() -> None:
    found = judge(record((*ORDERED, OPEN_ENDED), [*FAILED, phq9(133, 15)]), 190)

    assert found.verdict.value == "INDETERMINATE"
    assert ("venlafaxine supplied for less than 28 days", "NOT_MET") in told(found, "supply")
    dated = replace(OPEN_ENDED, status="completed")
    renewed = order(31, 110, None, product=product("venlafaxine", 150))
    found = judge(record((*ORDERED, dated, renewed), [*FAILED, phq9(133, 15)]), 190)
    assert ("venlafaxine supplied for 42 days", "MET") in told(found, "supply")


@pytest.mark.parametrize(("next_start", "as_of"), [(125, 300), (None, 130)])
def test_a_supply_is_not_prolonged_beyond_the_next_drug_or_today(next_start: int | None, as_of: int) -> None:
    renewed = order(31, 100, None, product=product("venlafaxine", 150))
    following = () if next_start is None else (order(32, next_start, 30, product=product("mirtazapine", 30)),)
    found = judge(record((*ORDERED, OPEN_ENDED, renewed, *following), [*FAILED, phq9(133, 15)]), as_of)

    assert "venlafaxine supplied for 42 days" not in [fact for fact, _ in told(found)]


def test_a_single_order_confirmed_or_denied_by_the_pharmacy() -> None:
    sertraline = tuple(order(number, 30 * number, product=product("sertraline", 100)) for number in range(3))
    lone = order(30, 90, 90, product=product("venlafaxine", 150))
    found = judge(record((*sertraline, lone), [*FAILED, phq9(175, 15)]))

    assert found.verdict.value == "INDETERMINATE"
    assert told(found, "dispense") == [
        ("venlafaxine dispensed as ordered", "MET"),
        ("venlafaxine never dispensed", "NOT_MET"),
    ]


def test_a_report_without_dates() -> None:
    undated = report(40, None, None, product=product("venlafaxine", 150))
    found = judge(record((*SERTRALINE, undated)))

    assert told(found) == [("venlafaxine: dates known, and not enough", "NOT_MET")]


def test_a_report_without_dates_or_dose() -> None:
    undated = report(40, None, None, product=product("venlafaxine", 150), dosage=())
    found = judge(record((*SERTRALINE, undated)))

    assert told(found) == [("venlafaxine: dates and dose known, and not enough", "NOT_MET")]


def both_failed(**more: Any) -> PatientRecord:
    return record(scores=[*FAILED, phq9(180, 15)], **more)


def suspected(*categories: str, **more: Any) -> ConditionFact:
    known = frozenset(categories)
    return ConditionFact(reference="Condition/s", categories=known, verification=Verification.SUSPECTED, **more)


def test_a_met_verdict_hangs_on_no_missing_fact() -> None:
    found = judge(both_failed())

    assert found.verdict.value == "MET"
    assert found.changes == ()
    assert "Would change: no single missing fact that was tried" in explain(found)


def test_a_suspected_exclusion() -> None:
    found = judge(both_failed(conditions=(DEPRESSION, suspected("bipolar"), suspected("bipolar"))))

    assert found.verdict.value == "INDETERMINATE"
    assert [verdict for _, verdict in told(found, "diagnosis")] == ["EXCLUDED", "MET"]
    assert [c.kind for c in found.changes] == ["diagnosis", "diagnosis"]


def test_a_depression_not_yet_confirmed() -> None:
    provisional = suspected("depression", onset=when(-5))
    unspecified = replace(DEPRESSION, categories=frozenset({"depression-possible"}))

    for condition in (provisional, unspecified):
        found = judge(both_failed(conditions=(condition,)))
        assert found.verdict.value == "INDETERMINATE"
        assert "MET" in [verdict for _, verdict in told(found, "diagnosis")]


def test_conditions_that_were_not_read() -> None:
    unread = {**ALL_READ, "Condition": Availability(read=Read.UNREAD)}
    found = judge(both_failed(conditions=(), availability=unread))

    assert [verdict for _, verdict in told(found, "conditions-read")] == ["MET"]


@pytest.mark.parametrize("patient", [None, PatientFact(reference="Patient/p")])
def test_an_unknown_age(patient: PatientFact | None) -> None:
    assert told(judge(both_failed(patient=patient)), "birth-date") == [("date of birth 18 years ago or more", "MET")]


def test_an_age_on_the_border_of_adulthood() -> None:
    born = PartialDate.parse("2007")

    assert told(judge(both_failed(patient=PatientFact(reference="Patient/p", birth=born))), "birth-date")


@pytest.mark.parametrize(("as_of", "asked"), [(359, False), (360, True)])
def test_an_episode_that_may_have_ended(as_of: int, asked: bool) -> None:
    found = told(judge(both_failed(), as_of), "episode-current")

    assert found == ([("the depressive episode confirmed as going on", "MET")] if asked else [])


def test_a_medication_history_read_in_part() -> None:
    part = {**ALL_READ, "MedicationRequest": Availability(read=Read.PARTIAL)}
    found = judge(record(SERTRALINE, availability=part))

    assert told(found, "history-read") == [
        ("the medication history read completely, with nothing more in it", "NOT_MET")
    ]


def test_the_smallest_effort_comes_first() -> None:
    bipolar = suspected("bipolar")
    found = judge(both_failed(patient=None, conditions=(DEPRESSION, bipolar)))
    order_of = [change.effort for change in judge(record(), 193).changes] + [c.effort for c in found.changes]

    assert [EFFORTS[effort] for effort in order_of] == [
        *(c.kind for c in judge(record(), 193).changes),
        *(c.kind for c in found.changes),
    ]
    assert [c.effort for c in judge(record(), 250).changes] == sorted(c.effort for c in judge(record(), 250).changes)
    assert EFFORTS[0] == "score-now"
    assert EFFORTS.index("stop-reason") < EFFORTS.index("dispense") < EFFORTS.index("score-past")


RECORDS = {
    "open": record(),
    "no scores": record(scores=[]),
    "proxy": record(scores=[phq9(0, 18), phq9(50, 16), phq9(180, 12)]),
    "remission before": record(scores=[phq9(0, 18), phq9(40, 16), phq9(110, 4)]),
    "one short": record((*SERTRALINE, *VENLAFAXINE[:1], replace(VENLAFAXINE[1], days_supply=8))),
    "two eras": record((*SERTRALINE, *VENLAFAXINE, fill(50, 240, 60, product=product("venlafaxine", 150)))),
    "undated beside": record((*SERTRALINE, *VENLAFAXINE, report(40, None, None, product=product("fluoxetine", 20)))),
}


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("definition", sorted(KNOWLEDGE.definitions))
@pytest.mark.parametrize("as_of", [190, 300])
def test_a_supposed_score_gives_what_the_whole_reasoning_gives(name: str, definition: str, as_of: int) -> None:
    known = RECORDS[name]
    found = judge(known, as_of, definition=definition)

    for change in found.changes:
        if change.day is not None:
            again = judge(_with(known, change), as_of, definition=definition, suppose=False)
            assert again.verdict.value is change.verdict, change.fact
            assert change.verdict is not found.verdict.value


def _with(known: PatientRecord, change: Change) -> PatientRecord:
    """The record with the score that a change supposes, at the boundary its words name."""
    assert change.instrument is not None
    assert change.day is not None
    words = change.fact.split()
    at_most = words[-2] == "below"
    numbers = [float(word) for word in words if word.isdigit()]
    value = numbers[-1] - 1 if at_most else numbers[-1]
    score = Score(instrument=change.instrument, value=value, day=change.day, references=("Observation/more",))
    return replace(known, scores=(*known.scores, score))


def test_a_supposed_remission_may_close_the_episode() -> None:
    known = record((*SERTRALINE, *VENLAFAXINE), [phq9(0, 18), phq9(86, 16), phq9(131, 4)])
    found = judge(known)

    closing = [c for c in found.changes if c.day == on(193)]
    for change in closing:
        assert judge(_with(known, change), suppose=False).verdict.value is change.verdict


def test_without_supposing_nothing_is_tried() -> None:
    assert judge(record(), suppose=False).changes == ()
