"""Scores that were not read: what was measured counts, and nothing that rests on there being no score.

That none was read does not mean that there is none. Nobody to ask, as with a file, is another matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mappings.load import load
from plugin import Assessment, assess
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from plugin.record import (
    OUTCOME_SCALES,
    Availability,
    ConditionFact,
    DraftOrder,
    ItemAnswer,
    PatientRecord,
    Read,
    Score,
    StopReason,
    Verification,
)
from plugin.resistance.optimisation import Points
from plugin.trial.measurement import Status
from plugin.trial.outcome import SCORES_UNREAD
from tests.reasoning.facts import ADULT, fill, on, phq9, product, when

KNOWLEDGE = load()
OTHERS = ("MedicationRequest", "MedicationDispense", "MedicationStatement", "Condition", "Procedure")
SCORES = ("Observation", "QuestionnaireResponse", OUTCOME_SCALES)
WHOLE = Availability(read=Read.COMPLETE)
REFUSED = Availability(read=Read.UNREAD, why="search refused: 403")
HALF = Availability(read=Read.PARTIAL, why="there are more pages than the service reads")
NOBODY_TO_ASK = Availability(read=Read.UNREAD, why="none in the input", feed=False)
UNASKED = Availability(read=Read.UNKNOWN, why="sent without the query being known")
ALL_READ = dict.fromkeys((*OTHERS, *SCORES), WHOLE)
DEPRESSION = ConditionFact(
    reference="Condition/d",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=when(-5),
)
CODED = StopReason(meaning="inefficacy", by="code", label="ineffective")
WRITTEN = StopReason(meaning="inefficacy", by="text", label="did not help")
CONSEQUENCE = KNOWLEDGE.sentences["scores-unread"].text


def judge(
    *scores: Score,
    first: StopReason | None = None,
    second: StopReason | None = None,
    answers: tuple[ItemAnswer, ...] = (),
    read: Mapping[str, Availability] = ALL_READ,
) -> Assessment:
    """Sertraline from day 0, venlafaxine from day 90, both adequate, then mirtazapine, told on day 300.

    `first` and `second` say why the first two ended; `read` how far kinds of data were read, the others wholly.
    """
    fills = [fill(n, 30 * n, product=product("sertraline", 100), stop_reasons=_of(first)) for n in range(3)]
    fills += [
        fill(10 + n, 90 + 30 * n, product=product("venlafaxine", 150), stop_reasons=_of(second)) for n in range(3)
    ]
    fills += [fill(20 + n, 180 + 30 * n, product=product("mirtazapine", 30)) for n in range(2)]
    known = PatientRecord(
        patient=ADULT,
        medications=tuple(fills),
        conditions=(DEPRESSION,),
        scores=scores,
        answers=answers,
        availability={**ALL_READ, **read},
    )
    return assess(known, knowledge=KNOWLEDGE, as_of=on(300))


def _of(reason: StopReason | None) -> tuple[StopReason, ...]:
    return () if reason is None else (reason,)


def rated(found: Assessment) -> list[tuple[str, str]]:
    """Status and basis of the first two trials."""
    return [(trial.outcome.status.value, trial.outcome.basis) for trial in found.trials[:2]]


@pytest.mark.parametrize("kind", SCORES)
@pytest.mark.parametrize(
    ("how", "verdict"),
    [
        (WHOLE, "PROBABLE"),
        (UNASKED, "PROBABLE"),
        (NOBODY_TO_ASK, "PROBABLE"),
        (HALF, "INDETERMINATE"),
        (REFUSED, "INDETERMINATE"),
    ],
    ids=["whole", "unasked", "nobody-to-ask", "half", "refused"],
)
def test_a_switch_is_no_proxy_where_scores_did_not_come(kind: str, how: Availability, verdict: str) -> None:
    found = judge(read={kind: how})

    assert found.verdict.value == verdict
    if verdict == "INDETERMINATE":
        assert rated(found) == [("UNKNOWN", "none")] * 2
        assert found.verdict.counts.lo_proxy == 0 and found.verdict.counts.hi >= 2
        [reason] = [one for one in found.trials[0].outcome.reasons if one.rule == "O7"]
        assert "scores were not read, and nothing says whether one exists" in reason.text
        assert [m for m in found.missing if m.would_affect == "trials[0].outcome"]
        of_trials = [m for m in found.missing if m.would_affect.startswith("trials")]
        assert all("scores were not read" in m.what for m in of_trials)
    else:
        assert rated(found) == [("FAILED_PROXY", "switch")] * 2


@pytest.mark.parametrize(("day", "proxy"), [(41, False), (42, True), (179, True), (180, False)])
def test_without_the_switch_unread_scores_change_nothing(day: int, proxy: bool) -> None:
    """One drug, and another one at the edges of the window that makes a switch a proxy."""

    def first(**availability: Availability) -> Any:
        fills = [fill(n, 30 * n, product=product("sertraline", 100)) for n in range(3)]
        fills += [fill(10 + n, day + 30 * n, product=product("venlafaxine", 150)) for n in range(3)]
        known = PatientRecord(
            patient=ADULT,
            medications=tuple(fills),
            conditions=(DEPRESSION,),
            availability={**ALL_READ, **availability},
        )
        return assess(known, knowledge=KNOWLEDGE, as_of=on(300)).trials[0].outcome

    whole, lacking = first(), first(Observation=REFUSED)
    assert (whole.status is Status.FAILED_PROXY) is proxy
    assert lacking.status is Status.UNKNOWN
    assert (whole.reasons == lacking.reasons) is not proxy


@pytest.mark.parametrize(
    ("reason", "status", "basis"), [(CODED, "FAILED_MEASURED", "coded-reason"), (WRITTEN, "FAILED_PROXY", "reported")]
)
def test_what_is_recorded_of_a_failure_stands(reason: StopReason, status: str, basis: str) -> None:
    whole, lacking = (
        judge(first=reason, second=reason),
        judge(first=reason, second=reason, read={"Observation": REFUSED}),
    )

    assert rated(lacking) == rated(whole) == [(status, basis)] * 2
    assert lacking.verdict.value == whole.verdict.value == "PROBABLE"


@pytest.mark.parametrize(("value", "without"), [(9, "UNKNOWN"), (10, "FAILED_PROXY"), (11, "FAILED_PROXY")])
def test_an_endpoint_whose_baseline_may_be_unread_is_unknown(value: int, without: str) -> None:
    """The baseline that did not come could make it a response."""
    whole, lacking = judge(phq9(85, value)), judge(phq9(85, value), read={"Observation": HALF})

    assert whole.trials[0].outcome.status.value == without
    assert lacking.trials[0].outcome.status is Status.UNKNOWN
    assert lacking.trials[0].outcome.endpoint is not None
    assert f"a score on the same scale between {on(-30)} and {on(7)}" in lacking.missing[0].what


@pytest.mark.parametrize(("value", "status"), [(8, "NOT_FAILED"), (9, "NOT_FAILED"), (10, "FAILED_MEASURED")])
@pytest.mark.parametrize("how", [WHOLE, HALF, REFUSED], ids=["whole", "half", "refused"])
def test_a_pair_that_was_read_is_rated_as_it_was_measured(value: int, status: str, how: Availability) -> None:
    found = judge(phq9(0, 18), phq9(85, value), read={"QuestionnaireResponse": how})

    assert found.trials[0].outcome.status.value == status
    assert (SCORES_UNREAD in found.trials[0].outcome.flags) is (how is not WHOLE)


FAILED = (phq9(0, 20), phq9(86, 18), phq9(175, 17))


@pytest.mark.parametrize(("how", "told"), [(WHOLE, False), (NOBODY_TO_ASK, False), (HALF, True), (REFUSED, True)])
def test_measured_failures_stand_and_the_card_says_what_an_unread_score_could_do(how: Availability, told: bool) -> None:
    found = judge(*FAILED, read={"QuestionnaireResponse": how})
    [card] = advise(found, hook="patient-view", knowledge=KNOWLEDGE)[:1]

    assert found.verdict.value == "MET" and found.verdict.counts.lo == 2
    assert (CONSEQUENCE in card.detail) is told
    assert any("Not read completely:" in line and "questionnaires" in line for line in card.detail) is (
        how is not WHOLE
    )
    assert (SCORES_UNREAD in to_document(found)["trials"][0]["flags"]) is told


def test_a_supposed_score_leaves_the_others_unread() -> None:
    """A score read today neither reads the others nor makes their absence known."""
    found = judge(phq9(0, 18), phq9(86, 16), read={"Observation": HALF})

    assert found.verdict.value == "INDETERMINATE"
    supposed = ("score-now", "score-past", "baseline-past")
    assert "PROBABLE" not in {change.verdict.value for change in found.changes if change.kind in supposed}


def test_an_augmentation_is_rated_by_the_same_rule() -> None:
    """Aripiprazole added on day 90 to sertraline, another drug after it: no proxy where scores did not come."""
    fills = [fill(n, 30 * n, product=product("sertraline", 100)) for n in range(8)]
    fills += [fill(20 + n, 90 + 30 * n, product=product("aripiprazole", 5)) for n in range(3)]
    fills += [fill(30 + n, 190 + 30 * n, product=product("venlafaxine", 150)) for n in range(2)]

    def status(**availability: Availability) -> str:
        known = PatientRecord(
            patient=ADULT,
            medications=tuple(fills),
            conditions=(DEPRESSION,),
            availability={**ALL_READ, **availability},
        )
        [one] = assess(known, knowledge=KNOWLEDGE, as_of=on(300)).augmentations
        return one.outcome.status.value

    assert (status(), status(Observation=REFUSED)) == ("FAILED_PROXY", "UNKNOWN")


def test_the_gap_names_the_scales_of_outcome() -> None:
    found = judge(read={OUTCOME_SCALES: REFUSED})

    assert {gap.what: gap.why for gap in found.gaps}[OUTCOME_SCALES] == "search refused: 403"


RESPONDED = (phq9(0, 18), phq9(85, 8))
REMITTED = (phq9(0, 18), phq9(85, 16), phq9(290, 3))
OFFERS = {"trd-options", "mismatch-plausible", "matched-failure", "refractory-pattern"}


def ordered(
    *scores: Score, drugs: int = 1, drafted: str = "mirtazapine", read: Mapping[str, Availability] = ALL_READ
) -> Assessment:
    """Sertraline from day 0 and, for two `drugs`, venlafaxine from day 90; a drug is drafted on day 300."""
    fills = [fill(n, 30 * n, product=product("sertraline", 100)) for n in range(3)]
    fills += [fill(10 + n, 90 + 30 * n, product=product("venlafaxine", 150)) for n in range(3)]
    known = PatientRecord(
        patient=ADULT,
        medications=tuple(fills[: 3 * drugs]),
        conditions=(DEPRESSION,),
        scores=scores,
        availability={**ALL_READ, "AllergyIntolerance": WHOLE, **read},
    )
    order = DraftOrder(reference="MedicationRequest/draft", product=product(drafted))
    return assess(known, knowledge=KNOWLEDGE, as_of=on(300), orders=(order,))


def kinds(found: Assessment, hook: str = "order-sign") -> list[str]:
    return [card.kind for card in advise(found, hook=hook, knowledge=KNOWLEDGE)]


@pytest.mark.parametrize("scores", [RESPONDED, REMITTED], ids=["response", "remission"])
@pytest.mark.parametrize(
    ("how", "told"), [(WHOLE, False), (UNASKED, False), (NOBODY_TO_ASK, False), (HALF, True), (REFUSED, True)]
)
def test_a_good_outcome_that_an_unread_relapse_may_have_ended_is_told_at_an_order(
    scores: tuple[Score, ...], how: Availability, told: bool
) -> None:
    found = ordered(*scores, read={"QuestionnaireResponse": how})

    assert found.verdict.value == "NOT_MET"
    assert kinds(found) == (["remission-unsure"] if told else [])
    assert kinds(found, "patient-view") == []
    if told:
        [card] = advise(found, hook="order-sign", knowledge=KNOWLEDGE)
        assert (card.indicator, card.lasting) == ("info", True)
        assert CONSEQUENCE in card.detail
        assert any("Not read completely: " in line and "questionnaires" in line for line in card.detail)


def test_the_card_names_the_remission_with_its_day_and_the_trial_that_did_not_fail() -> None:
    [remitted] = advise(ordered(*REMITTED, read={"Observation": HALF}), hook="order-sign", knowledge=KNOWLEDGE)
    [responded] = advise(ordered(*RESPONDED, read={"Observation": HALF}), hook="order-sign", knowledge=KNOWLEDGE)

    assert remitted.summary.startswith("In remission by the last score that was read (PHQ-9 3, ")
    assert f"Latest severity: PHQ-9 3 on {on(290):%d %b %Y} (minimal)" in remitted.detail
    assert responded.summary.startswith("No failure by the scores that were read (sertraline)")
    assert any(line.startswith("**sertraline**") and "response" in line for line in responded.detail)


def test_without_a_trial_an_unread_score_changes_nothing_and_nothing_is_said() -> None:
    assert kinds(ordered(phq9(290, 3), drugs=0, read={"Observation": HALF})) == []


@pytest.mark.parametrize(("value", "remitted"), [(4, True), (5, False)])
@pytest.mark.parametrize(("how", "known"), [(WHOLE, True), (NOBODY_TO_ASK, True), (HALF, False), (REFUSED, False)])
def test_a_remission_read_in_part_silences_no_statement_and_opens_no_option(
    value: int, remitted: bool, how: Availability, known: bool
) -> None:
    """What is on record is told as if ill; what would propose a treatment stays silent as if well."""
    found = ordered(*FAILED, phq9(290, value), drugs=2, drafted="sertraline", read={"QuestionnaireResponse": how})
    said = kinds(found)

    assert found.severity is not None and found.severity.in_remission is remitted
    assert found.verdict.value == "MET"
    assert ({"trd-status", "already-failed"} <= set(said)) is not (remitted and known)
    assert ("trd-status" in kinds(found, "patient-view")) is not (remitted and known)
    assert not (remitted and OFFERS & set(said))


def test_the_status_says_why_no_option_stands_beside_it() -> None:
    found = ordered(*FAILED, phq9(290, 3), drugs=2, read={"QuestionnaireResponse": HALF})
    why = KNOWLEDGE.sentences["options-none-remission"].text
    detail = {hook: advise(found, hook=hook, knowledge=KNOWLEDGE)[0].detail for hook in ("order-sign", "patient-view")}

    assert why in detail["order-sign"] and why not in detail["patient-view"]


def item_9(value: float, day: int) -> ItemAnswer:
    return ItemAnswer(instrument="phq9", item=9, day=on(day), reference=f"Observation/item-{day}", value=value)


LACKING = {"QuestionnaireResponse": HALF}
MAYBE_AN_ANSWER = "Not all scores were read: an answer on suicidality may be among them"


@pytest.mark.parametrize(
    ("answers", "read", "said"),
    [
        ((), ALL_READ, ["Suicidality: not assessed in the last 30 days; the C-SSRS screener would tell"]),
        (
            (),
            {"Observation": NOBODY_TO_ASK},
            ["Suicidality: not assessed in the last 30 days; the C-SSRS screener would tell"],
        ),
        ((), LACKING, ["Suicidality: not known, since not all scores were read; the C-SSRS screener would tell"]),
        (
            (),
            {OUTCOME_SCALES: REFUSED},
            ["Suicidality: not known, since not all scores were read; the C-SSRS screener would tell"],
        ),
        (
            (item_9(1, 200),),
            LACKING,
            [
                "Suicidality: not known for the last 30 days, since not all scores were read; last recorded, by what"
                f" was read, on {on(200):%d %b %Y}; the C-SSRS screener would tell"
            ],
        ),
        ((item_9(1, 299),), LACKING, [KNOWLEDGE.sentences["safety-line-low"].text, MAYBE_AN_ANSWER]),
        ((item_9(0, 299),), LACKING, [KNOWLEDGE.sentences["safety-line-none-recorded"].text, MAYBE_AN_ANSWER]),
        ((item_9(0, 299),), ALL_READ, [KNOWLEDGE.sentences["safety-line-none-recorded"].text]),
    ],
    ids=["whole", "nobody-to-ask", "half", "refused", "earlier", "low", "denied", "denied-whole"],
)
def test_suicidality_is_not_called_unassessed_where_answers_may_be_unread(
    answers: tuple[ItemAnswer, ...], read: Mapping[str, Availability], said: list[str]
) -> None:
    [card] = advise(judge(*FAILED, answers=answers, read=read), hook="patient-view", knowledge=KNOWLEDGE)

    assert [line for line in card.detail if "uicidality" in line] == said


NEW_EPISODE = (phq9(-400, 20), phq9(-300, 2), phq9(-200, 2), *FAILED)


@pytest.mark.parametrize(
    ("how", "told"), [(WHOLE, False), (UNASKED, False), (NOBODY_TO_ASK, False), (HALF, True), (REFUSED, True)]
)
def test_the_bounds_of_the_episode_are_not_sure_where_scores_were_not_read(how: Availability, told: bool) -> None:
    """A remission that closes the episode, or a score that joins it with the one before, may be among them."""
    found = judge(*NEW_EPISODE, read={"QuestionnaireResponse": how})
    whole = judge(*NEW_EPISODE)

    assert not whole.episode.uncertain and found.episode.uncertain is told
    assert found.episode.start == whole.episode.start == on(-5)
    added = [reason for reason in found.episode.reasons if reason not in whole.episode.reasons]
    assert [(one.rule, one.uses) for one in added] == ([("P1", ())] if told else [])
    assert [(m.what, m.would_affect) for m in found.missing if m.would_affect == "episode"] == (
        [("the scores that were not read", "episode")] if told else []
    )
    assert found.verdict.value == whole.verdict.value == "MET"
    assert whole.staging is not None and found.staging is not None
    assert (whole.staging.maudsley["duration"], found.staging.maudsley["duration"]) == (
        Points(1, 1),
        Points(1, 3) if told else Points(1, 1),
    )
    assert to_document(found)["episode"]["uncertain"] is told


@pytest.mark.parametrize(
    ("how", "changes"), [(WHOLE, []), (UNASKED, []), (NOBODY_TO_ASK, []), (HALF, ["PROBABLE"]), (REFUSED, ["PROBABLE"])]
)
def test_to_read_the_scores_is_one_of_the_facts_that_would_change_the_verdict(
    how: Availability, changes: list[str]
) -> None:
    """Two switches: without a further score they are probable failures."""
    found = judge(read={"Observation": how})
    supposed = [change for change in found.changes if change.kind == "scores-read"]

    assert [change.verdict.value for change in supposed] == changes
    assert {change.fact for change in supposed} <= {"the scores read completely, with nothing more in them"}
    listed = to_document(found)["verdict"]["wouldChangeIf"]
    assert [one["verdict"] for one in listed if one["kind"] == "scores-read"] == changes
