"""The speaking policy as one table: who speaks for which verdict, at which hook, in what order, and what gives way."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mappings.load import load
from mappings.rule_names import ALWAYS_ON, rule_names
from plugin import assess
from plugin.advice.policy import POLICY, SHOWN_AT_MOST, CardDraft, advise, would_tell
from plugin.assessment import Assessment
from plugin.record import LABORATORY, Availability, ConditionFact, DraftOrder, PatientRecord, Read, Verification
from plugin.resistance.verdict import Value
from plugin.safety.drafts import OrderStop
from plugin.safety.modifiers import Modifiers
from tests.reasoning.facts import ADULT, fill, on, phq9, product, when
from tests.reasoning.test_advice import (
    ALL_READ,
    DEPRESSION,
    NOT_TOLERATED,
    SERTRALINE,
    TWO_FAILED,
    VENLAFAXINE,
    judge,
    sentence,
)
from tests.reasoning.test_next_step_cards import PLAN, cards

KNOWLEDGE = load()
HOOKS = ("order-select", "order-sign", "patient-view")
MET = (*SERTRALINE, *VENLAFAXINE)
PLACES = {row.kind: number for number, row in enumerate(POLICY)}


def kinds(judged: Assessment, hook: str = "order-select", **more: Any) -> list[str]:
    return [card.kind for card in advise(judged, hook=hook, knowledge=KNOWLEDGE, **more)]


def of_verdict(value: Value) -> Assessment:
    judged = judge(*MET, scores=TWO_FAILED)
    return replace(judged, verdict=replace(judged.verdict, value=value))


def in_danger(judged: Assessment) -> Assessment:
    step = judged.next_step
    held: Modifiers = replace(step.modifiers, gates=(*step.modifiers.gates, "ACUTE_SAFETY"))
    return replace(judged, next_step=replace(step, modifiers=held))


def test_every_kind_of_card_has_one_row_a_topic_and_can_be_switched_unless_it_is_safety() -> None:
    assert len(PLACES) == len(POLICY)
    assert set(PLACES) == {k.removeprefix("topic-") for k in KNOWLEDGE.sentences if k.startswith("topic-")}
    switchable = rule_names(KNOWLEDGE.sentences, KNOWLEDGE.clinical)
    assert {row.kind for row in POLICY if switchable[row.kind]} == ALWAYS_ON
    for row in POLICY:
        assert row.told_by in {"", *PLACES}
        assert row.says


def test_what_is_never_silenced_comes_first_and_speaks_in_remission_and_in_danger() -> None:
    never = [row for row in POLICY if not row.lasting]
    assert [row.kind for row in never] == [row.kind for row in POLICY[: len(never)]]
    assert {"acute-safety", "order-stop"} <= {row.kind for row in never}
    assert all(row.first and row.in_remission and row.in_danger for row in never)


@pytest.mark.parametrize(
    ("value", "on_order", "on_view"),
    [
        (Value.MET, True, True),
        (Value.PROBABLE, True, True),
        (Value.INDETERMINATE, True, False),
        (Value.NOT_MET, False, False),
        (Value.EXCLUDED, False, False),
        (Value.OUT_OF_SCOPE, False, False),
    ],
)
def test_the_status_is_told_for_what_is_reached_and_at_orders_for_what_is_open(
    value: Value, on_order: bool, on_view: bool
) -> None:
    said = {hook: "trd-status" in kinds(of_verdict(value), hook) for hook in HOOKS}
    assert said == {"order-select": on_order, "order-sign": on_order, "patient-view": on_view}


EVERYTHING_READ = {**ALL_READ, "AllergyIntolerance": Availability(read=Read.COMPLETE)}


@pytest.mark.parametrize("kind", ["AllergyIntolerance", "Condition"])
@pytest.mark.parametrize("read", [Read.PARTIAL, Read.UNREAD])
def test_silence_is_no_clearance_where_what_hard_stops_need_was_not_read(kind: str, read: Read) -> None:
    untreated = judge(drafted="mirtazapine", availability={**EVERYTHING_READ, kind: Availability(read=read)})
    [card] = advise(untreated, hook="order-select", knowledge=KNOWLEDGE)
    assert (card.kind, card.indicator, card.lasting) == ("order-unchecked", "info", True)
    assert card.summary.startswith("Mirtazapine: hard stops could not all be checked. Not read completely: ")
    assert kinds(untreated, "patient-view") == []
    told = judge(
        *MET, scores=TWO_FAILED, drafted="mirtazapine", availability={**EVERYTHING_READ, kind: Availability(read=read)}
    )
    assert "order-unchecked" not in kinds(told)


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("MedicationDispense", "dispenses"),
        ("MedicationStatement", "reported drugs"),
        ("MedicationAdministration", "doses given"),
        (LABORATORY, "laboratory values"),
    ],
)
@pytest.mark.parametrize(
    ("read", "feed", "told"),
    [
        (Read.PARTIAL, True, True),
        (Read.UNREAD, True, True),
        (Read.UNREAD, False, False),  # no feed: asked for where there is none to be had, or of nobody
        (Read.UNKNOWN, True, False),
        (Read.COMPLETE, True, False),
    ],
)
def test_what_hard_stops_are_also_read_from_is_told_where_it_was_to_be_had_and_did_not_come(
    kind: str, named: str, read: Read, feed: bool, told: bool
) -> None:
    """In remission, so that no other card says what was not read."""
    known = Availability(read=read, why="search refused: 403", feed=feed)
    judged = judge(drafted="mirtazapine", scores=[phq9(185, 2)], availability={**EVERYTHING_READ, kind: known})
    said = advise(judged, hook="order-sign", knowledge=KNOWLEDGE)
    assert [card.kind for card in said] == (["order-unchecked"] if told else [])
    if told:
        assert said[0].summary.endswith(f"hard stops could not all be checked. Not read completely: {named}")
        assert any(line.startswith("Not read completely: ") and named in line for line in said[0].detail)


def test_nothing_to_say_is_silence() -> None:
    untreated = judge(drafted="mirtazapine", availability=EVERYTHING_READ)
    assert untreated.verdict.value is Value.NOT_MET
    assert [kinds(untreated, hook) for hook in HOOKS] == [[], [], []]


@pytest.mark.parametrize(("last", "remitted"), [(5, False), (4, True), (3, True)])
def test_in_remission_no_card_asks_for_action(last: int, remitted: bool) -> None:
    scores = [*TWO_FAILED, phq9(230, last)]  # after the endpoint windows
    said = kinds(judge(*MET, scores=scores, drafted="sertraline", as_of=235))
    assert ("trd-status" in said) is not remitted
    assert ("already-failed" in said) is not remitted


@pytest.mark.proves("PF-17")
def test_silence_about_an_open_verdict_is_due_to_remission_or_a_switch_or_to_missing_data() -> None:
    """The last of the three is no reason to be silent: see `cds_hooks.answering`."""
    open_one, well = of_verdict(Value.INDETERMINATE), judge(*MET, scores=[*TWO_FAILED, phq9(230, 3)], as_of=235)
    assert would_tell(open_one, KNOWLEDGE)
    assert would_tell(in_danger(open_one), KNOWLEDGE)
    assert well.severity is not None and well.severity.in_remission
    assert not would_tell(well, KNOWLEDGE)
    assert not would_tell(open_one, KNOWLEDGE.without(frozenset({"trd-status"})))


def test_in_remission_what_was_not_tolerated_and_recorded_danger_are_still_told() -> None:
    stopped = [replace(each, stop_reasons=NOT_TOLERATED) for each in VENLAFAXINE[:1]]
    assert kinds(judge(*stopped, scores=[phq9(185, 2)], drafted="venlafaxine")) == ["not-tolerated"]
    said = cards(answers=[PLAN], scores=["phq9 2 on day 209"])
    assert next(iter(said)) == "acute-safety"
    assert "trd-status" not in said


def test_beside_recorded_danger_no_pattern_and_no_option_is_told() -> None:
    judged = judge(*MET, scores=TWO_FAILED, drafted="sertraline")
    assert {"trd-status", "already-failed"} <= set(kinds(in_danger(judged)))
    assert not {"trd-options", "mismatch-plausible", "augmentation-base"} & set(cards(answers=[PLAN]))


def test_three_cards_at_most_and_a_pattern_gives_way_to_the_options_that_say_it_too() -> None:
    roomy, full = cards(), cards(draft="sertraline 100 mg daily")
    assert list(roomy) == ["trd-status", "mismatch-plausible", "trd-options"]
    assert list(full) == ["trd-status", "already-failed", "trd-options"]
    line = sentence("mismatch-plausible-line")
    assert line in full["trd-options"].detail
    assert len(full) == SHOWN_AT_MOST


def test_louder_cards_come_before_quieter_ones_after_the_first_rows() -> None:
    partly = [phq9(0, 18), phq9(75, 16)]
    judged = judge(*MET, scores=partly, drafted="sertraline")
    assert judged.verdict.value is Value.INDETERMINATE
    assert kinds(judged) == ["already-failed", "trd-status"]


def stops(count: int) -> Assessment:
    judged = judge(*MET, scores=TWO_FAILED, drafted="sertraline")
    [order] = judged.next_step.orders
    levels = ["warning", "critical"] * count
    made = tuple(
        replace(
            order,
            label=f"drug {number}",
            ingredient=f"drug-{number}",
            stops=(OrderStop(rule="S06", level=level, label="epilepsy", note="", reasons=()),),
        )
        for number, level in enumerate(levels[:count])
    )
    return replace(judged, next_step=replace(judged.next_step, orders=made))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_hard_stops_come_before_advice_and_none_of_them_is_lost(count: int) -> None:
    said = advise(stops(count), hook="order-sign", knowledge=KNOWLEDGE)
    assert len(said) <= SHOWN_AT_MOST
    shown = [card for card in said if card.kind == "order-stop"]
    assert len(shown) == min(count, SHOWN_AT_MOST)
    assert list(said[: len(shown)]) == shown
    assert [card.indicator for card in shown] == sorted(card.indicator for card in shown)
    told = " ".join((*(card.summary for card in shown), *(line for card in shown for line in card.detail)))
    assert all(f"rug {number}" in told for number in range(count))


def test_recorded_danger_is_among_the_three_whatever_else_is_said() -> None:
    said = cards(
        draft="bupropion xl 300 mg daily",
        answers=[PLAN],
        conditions=["G40.909 active, recorded day 0", "F33.3 active confirmed"],
    )
    assert list(said)[:2] == ["acute-safety", "order-stop"]
    assert len(said) <= SHOWN_AT_MOST


def test_only_lasting_cards_can_be_silenced_and_what_is_answered_leaves_room() -> None:
    judged = judge(*MET, scores=TWO_FAILED, drafted="sertraline")
    asked: list[CardDraft] = []

    def all_of(draft: CardDraft) -> bool:
        asked.append(draft)
        return True

    assert kinds(judged, silenced=all_of) == []
    assert all(draft.lasting for draft in asked)
    stopped = advise(stops(2), hook="order-sign", knowledge=KNOWLEDGE, silenced=lambda _: True)
    assert [card.kind for card in stopped] == ["order-stop", "order-stop"]
    kept = kinds(judged, silenced=lambda draft: draft.kind == "trd-status")
    assert kept == ["already-failed"]


def test_opening_a_record_tells_danger_even_when_the_status_was_answered() -> None:
    said = kinds(of_verdict(Value.MET), "patient-view", silenced=lambda _: True)
    assert said == []


def test_every_kind_but_those_of_safety_can_be_switched_off() -> None:
    for judged in (judge(*MET, scores=TWO_FAILED, drafted="sertraline"), _augmented(), _in_hand(60)):
        said = kinds(judged)
        assert said
        for kind in said:
            without = advise(judged, hook="order-select", knowledge=KNOWLEDGE.without({kind, "order-unchecked"}))
            assert [card.kind for card in without] == [
                other for other in said if other not in (kind, "order-unchecked")
            ]


def _augmented(days: int = 30, agent: str = "aripiprazole", **more: Any) -> Assessment:
    running = fill(1, 0, days, product=product("sertraline", 100))
    return judge(running, drafted=agent, as_of=days - 2, **more)


@pytest.mark.parametrize(("days", "told"), [(30, True), (41, True), (44, False), (60, False)])
def test_an_addition_to_an_antidepressant_without_an_adequate_trial_is_told(days: int, told: bool) -> None:
    said = {card.kind: card for card in advise(_augmented(days), hook="order-select", knowledge=KNOWLEDGE)}
    assert ("augmentation-base" in said) is told
    if told:
        card = said["augmentation-base"]
        assert (card.indicator, card.finding) == ("info", "augmentation-base:aripiprazole")
        assert card.summary == sentence("augmentation-base-summary", drug="Aripiprazole", names="sertraline")


def test_an_addition_is_not_told_of_without_a_base_or_for_another_illness_or_when_it_is_taken_already() -> None:
    bipolar = replace(DEPRESSION, reference="Condition/b", categories=frozenset({"bipolar"}))
    taken = fill(2, 0, 30, product=product("aripiprazole", 5))
    running = fill(1, 0, 30, product=product("sertraline", 100))
    for judged in (
        judge(drafted="aripiprazole"),
        _augmented(conditions=(DEPRESSION, bipolar)),
        judge(running, taken, drafted="aripiprazole", as_of=28),
        _augmented(agent="mirtazapine"),
    ):
        assert "augmentation-base" not in kinds(judged)


def _in_hand(days: int, **more: Any) -> Assessment:
    """A supply of sertraline that lasts so many days beyond the day of judgement."""
    return judge(fill(1, 0, 29 + days, product=product("sertraline", 100)), drafted="sertraline", as_of=28, **more)


@pytest.mark.parametrize(("days", "told"), [(0, False), (29, False), (30, True), (31, True)])
def test_a_second_supply_is_told_from_a_month_in_hand(days: int, told: bool) -> None:
    said = {card.kind: card for card in advise(_in_hand(days), hook="order-select", knowledge=KNOWLEDGE)}
    assert ("already-taken" in said) is told
    if told:
        assert said["already-taken"].indicator == "info"
        assert said["already-taken"].summary.endswith(f"{on(28 + days):%d %b %Y}")


def test_a_drug_none_of_ours_and_a_supply_of_another_drug_are_no_second_supply() -> None:
    other = judge(fill(1, 0, 90, product=product("sertraline", 100)), drafted="mirtazapine", as_of=28)
    assert "already-taken" not in kinds(other)
    ordered = replace(fill(1, 0, 90, product=product("sertraline", 100)), days_supply=None)
    assert "already-taken" not in kinds(judge(ordered, drafted="sertraline", as_of=28))


def test_a_finding_says_what_is_said_of_what_and_holds_no_value() -> None:
    said = advise(judge(*MET, scores=TWO_FAILED, drafted="sertraline"), hook="order-sign", knowledge=KNOWLEDGE)
    assert [card.finding for card in said] == ["trd-status:TRD-6W-50", "already-failed:sertraline"]


def _facts(kind: str, *medications: Any, scores: list[Any] | None = None, **more: Any) -> tuple[str, ...]:
    judged = judge(*(medications or MET), scores=scores or TWO_FAILED, drafted="sertraline", **more)
    return {card.kind: card for card in advise(judged, hook="order-sign", knowledge=KNOWLEDGE)}[kind].facts


@pytest.mark.parametrize("kind", ["trd-status", "already-failed"])
def test_facts_stay_the_same_from_day_to_day_and_when_the_draft_is_written_anew(kind: str) -> None:
    assert _facts(kind, as_of=190) == _facts(kind, as_of=194)
    known = PatientRecord(
        patient=ADULT, medications=MET, scores=tuple(TWO_FAILED), conditions=(DEPRESSION,), availability=ALL_READ
    )
    again = (DraftOrder(reference="MedicationRequest/another", product=product("sertraline")),)
    judged = assess(known, knowledge=KNOWLEDGE, as_of=on(190), orders=again)
    anew = {card.kind: card for card in advise(judged, hook="order-select", knowledge=KNOWLEDGE)}
    assert anew[kind].facts == _facts(kind)


@pytest.mark.parametrize("kind", ["trd-status", "already-failed"])
def test_facts_change_when_a_value_they_rest_on_is_corrected(kind: str) -> None:
    corrected = [TWO_FAILED[0], phq9(75, 17), TWO_FAILED[2]]
    assert corrected[1].references == TWO_FAILED[1].references
    assert _facts(kind, scores=corrected) != _facts(kind)


def test_a_new_score_changes_the_facts_of_the_status_and_not_of_a_drug_tried_before() -> None:
    newer = [*TWO_FAILED, phq9(188, 15)]
    assert _facts("trd-status", scores=newer) != _facts("trd-status")
    assert _facts("already-failed", scores=newer) == _facts("already-failed")


def test_a_gate_outranks_the_status_and_keeps_its_own_words() -> None:
    psychotic = ConditionFact(
        reference="Condition/p",
        categories=frozenset({"psychotic-depression"}),
        verification=Verification.CONFIRMED,
        clinical="active",
        onset=when(-5),
    )
    said = kinds(judge(*MET, scores=TWO_FAILED, conditions=(DEPRESSION, psychotic)))
    assert said[:2] == ["gate-psychosis-catatonia", "trd-status"]


def test_a_card_offers_only_reasons_that_make_sense_on_it() -> None:
    danger = next(iter(cards(answers=[PLAN]).values()))
    assert danger.kind == "acute-safety"
    assert {"already-considered", "not-clinically-relevant"} <= set(danger.override_reasons)
    assert not {"patient-preference", "trial-misjudged", "other-indication"} & set(danger.override_reasons)
    [status] = advise(judge(*MET, scores=TWO_FAILED), hook="order-select", knowledge=KNOWLEDGE)
    assert status.override_reasons == tuple(reason.code for reason in KNOWLEDGE.override_reasons)
