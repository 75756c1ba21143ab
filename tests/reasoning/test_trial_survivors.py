"""Points of trials that deliberate faults have shown to rest on no test: levels, scales, sessions, openings."""

from __future__ import annotations

import pytest

from plugin.amounts import Amount
from plugin.record import AllergyFact, Availability, LabResult, ProcedureFact, Read, Score
from plugin.spans import DateSpan
from plugin.trial.adequacy import Adequacy
from plugin.trial.episode import episode_on
from plugin.trial.episode_grounds import Evidence, Grounds, grounds_of
from plugin.trial.measurement import Status
from tests.reasoning.facts import INSTRUMENTS, RULES, fill, on, phq9, product, when
from tests.reasoning.test_advice import ALL_READ, SERTRALINE, VENLAFAXINE, judge
from tests.reasoning.test_augmentation import BASE, SCORES, agent, only
from tests.reasoning.test_eligibility import DEPRESSION, condition
from tests.reasoning.test_eligibility import judge as eligible
from tests.reasoning.test_episode import start_of
from tests.reasoning.test_indication import era, intent
from tests.reasoning.test_neuromodulation import only as course
from tests.reasoning.test_neuromodulation import session, sessions
from tests.reasoning.test_outcome import on_scale, outcome

# What was added to an antidepressant


def test_an_allergy_to_the_agent_added_tells_why_it_ended() -> None:
    reaction = AllergyFact(reference="AllergyIntolerance/a", ingredients=("aripiprazole",), recorded=when(144))
    result = only(BASE, agent("aripiprazole", 5), scores=SCORES[:2], allergies=(reaction,)).outcome
    assert (result.status, result.category) == (Status.UNKNOWN, "intolerance")


# Why the drug was taken, and for whom


@pytest.mark.parametrize("reason", ["depression-possible", "depression-remission-partial", "psychotic-depression"])
def test_every_kind_of_depression_that_is_stated_is_depression(reason: str) -> None:
    assert intent(era(indications=(reason,))).value == "depression"


@pytest.mark.parametrize(("category", "rule"), [("dementia", "X3"), ("organic-mood", "X3"), ("cyclothymia", "X1")])
def test_a_cap_names_its_rule(category: str, rule: str) -> None:
    assert [cap.rule for cap in eligible(DEPRESSION, condition(category)).caps] == [rule]


# The episode


def evidence(
    scores: list[Score], eras: dict[str, tuple[int, int]], procedures: tuple[ProcedureFact, ...] = ()
) -> Evidence:
    return Evidence(
        scores=scores,
        conditions=[],
        procedures=procedures,
        era_starts=[(on(first), (reference,)) for reference, (first, _) in eras.items()],
        active_spans=[DateSpan(on(first), on(last)) for first, last in eras.values()],
    )


def grounds(told: Evidence) -> Grounds:
    return grounds_of(told, rules=RULES, instruments=INSTRUMENTS, as_of=on(700))


def test_without_a_drug_the_grounds_are_those_of_a_record_without_it() -> None:
    eras = {"MedicationDispense/kept": (10, 90), "MedicationDispense/gone": (400, 480)}
    scores = [phq9(0, 18), phq9(60, 15), phq9(650, 16)]
    kept = {"MedicationDispense/kept": eras["MedicationDispense/kept"]}
    found = grounds(evidence(scores, eras)).without(
        frozenset({"MedicationDispense/gone"}), [DateSpan(on(400), on(480))]
    )
    assert found == grounds(evidence(scores, kept))
    assert {opening.basis for opening in found.openings} == {"score", "antidepressant"}


@pytest.mark.parametrize(
    ("status", "start"), [("completed", 0), ("in-progress", 0), ("unknown", 0), ("not-done", 300), ("preparation", 300)]
)
def test_a_session_that_was_given_ends_a_silence(status: str, start: int) -> None:
    given = (session(1, 150, status=status),)
    told = evidence([phq9(0, 18), phq9(300, 17)], {}, given)
    assert start_of(episode_on(grounds_of(told, rules=RULES, instruments=INSTRUMENTS, as_of=on(310)))) == start


# Scales


def test_a_contradicted_scale_beside_another_is_told_with_both() -> None:
    result = outcome([*on_scale("madrs", (0, 30), (80, 28)), phq9(80, 4, flags=("conflict",))])
    [last] = [reason for reason in result.reasons if reason.rule == "O4"]
    assert result.reasons[-1] == last
    assert {"Observation/80", "Observation/madrs80"} <= set(last.uses)
    texts = " ".join(reason.text for reason in result.reasons)
    assert all(INSTRUMENTS[scale].label in texts for scale in ("madrs", "phq9"))


def test_less_than_a_response_on_a_scale_without_a_line_is_told_by_the_rule_of_pairs() -> None:
    result = outcome(on_scale("epds", (0, 20), (80, 19)))
    assert (result.status, result.flags) == (Status.FAILED_PROXY, ("no_illness_line",))
    assert [reason.rule for reason in result.reasons if reason.facts] == ["O3"]


def test_a_poor_global_rating_says_what_it_makes_probable() -> None:
    result = outcome(on_scale("cgi-improvement", (80, 4)))
    assert (result.status, result.category) == (Status.FAILED_PROXY, "no-response")
    [reason] = result.reasons
    assert reason.text.startswith(f"{INSTRUMENTS['cgi-improvement'].label} 4 on {on(80)}: ")
    assert "not improved" in reason.text


# What followed


def test_a_switch_is_told_with_its_window_and_the_record_it_rests_on() -> None:
    [reason] = outcome([], switch=95).reasons
    told = dict(reason.facts)
    assert reason.rule == "O7"
    assert reason.uses == ("MedicationRequest/n",)
    assert set(told) == {"started", "from", "to"}
    days = [str(told[key]) for key in ("from", "started", "to")]
    assert days == sorted(days)
    assert told["started"] == on(95).isoformat()


def test_a_switch_beside_scores_that_were_not_read_settles_nothing_and_names_its_record() -> None:
    unread = {**ALL_READ, "Observation": Availability(read=Read.UNREAD, why="search refused: 403")}
    first, _ = judge(*SERTRALINE, *VENLAFAXINE, availability=unread).trials
    assert (first.outcome.status, first.outcome.basis) == (Status.UNKNOWN, "none")
    [reason] = [reason for reason in first.outcome.reasons if reason.rule == "O7"]
    assert reason.uses == tuple(fact.reference for fact in VENLAFAXINE)


@pytest.mark.parametrize(
    ("level", "status", "basis"), [(80, Status.FAILED_PROXY, "switch"), (20, Status.UNKNOWN, "none")]
)
def test_a_drug_below_its_dose_with_a_level_in_range_is_a_switch(level: float, status: Status, basis: str) -> None:
    """A level outranks the dose in both directions, also where the drug only follows another."""
    low = tuple(fill(10 + n, 90 + 30 * n, product=product("nortriptyline", 10)) for n in range(3))
    drawn = LabResult(reference="Observation/l", measure="nortriptyline-level", day=on(120), amount=Amount(level))
    first, second = judge(*SERTRALINE, *low, laboratory=(drawn,)).trials
    assert (first.ingredient, first.outcome.status, first.outcome.basis) == ("sertraline", status, basis)
    assert second.judged.reaches_lenient is (level == 80)


# Several eras, several drugs


def test_the_better_of_two_eras_of_a_drug_is_its_trial() -> None:
    short = fill(1, 0, 20, product=product("sertraline", 100))
    long = tuple(fill(2 + n, 120 + 30 * n, product=product("sertraline", 100)) for n in range(3))
    [trial] = judge(short, *long, as_of=300).trials
    assert trial.judged.adequacy is Adequacy.ADEQUATE
    assert [judged.adequacy for judged, _ in trial.others] == [Adequacy.INADEQUATE]


def test_two_drugs_of_one_class_are_flagged_as_such() -> None:
    second = tuple(fill(10 + n, 90 + 30 * n, product=product("fluoxetine", 40)) for n in range(3))
    third = tuple(fill(20 + n, 180 + 30 * n, product=product("mirtazapine", 30)) for n in range(3))
    flags = {trial.ingredient: trial.flags for trial in judge(*SERTRALINE, *second, *third, as_of=300).trials}
    assert flags == {"sertraline": ("same_class",), "fluoxetine": ("same_class",), "mirtazapine": ()}


# Sessions


def test_a_session_of_the_day_of_judgement_is_a_session() -> None:
    given = sessions(7)
    last = given[-1].start
    assert last is not None
    as_of = (last.latest - on(0)).days
    assert (course(given, as_of=as_of).series.sessions.lo, course(given, as_of=as_of - 1).series.sessions.lo) == (7, 6)


def test_sessions_for_another_condition_are_told_in_a_sentence() -> None:
    found = course(sessions(7, indications=("schizophrenia-spectrum",)))
    assert found.series.intent == "other"
    [reason] = found.series.reasons
    assert reason.rule == "E10"
    assert reason.text[0].isupper()
    assert reason.text.endswith(".")
    assert reason.uses
