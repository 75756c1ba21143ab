"""Points of cards that deliberate faults have shown to rest on no test: what is named, offered and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin import Assessment
from plugin.advice.augmentation_base import may_be_added
from plugin.advice.policy import SHOWN_AT_MOST, advise
from plugin.advice.wording import Wording
from plugin.findings import Reason
from plugin.resistance.verdict import Value
from plugin.trial.measurement import Status
from tests.reasoning.facts import fill, product
from tests.reasoning.test_advice import KNOWLEDGE, SERTRALINE, VENLAFAXINE, judge, sentence
from tests.reasoning.test_cards_policy import stops
from tests.reasoning.test_cards_text import LONG_NAMES
from tests.reasoning.test_next_step_cards import cards, text

WORDS = Wording(KNOWLEDGE)


def line(judged: Assessment) -> str:
    [trial] = judged.trials
    return WORDS.trial(trial, judged.definition)


# What was tried


def test_a_drug_that_failed_by_a_switch_alone_is_told_as_probable() -> None:
    judged = judge(*SERTRALINE, *VENLAFAXINE, drafted="sertraline")
    assert judged.trials[0].outcome.status is Status.FAILED_PROXY
    [card] = [
        card for card in advise(judged, hook="order-select", knowledge=KNOWLEDGE) if card.kind == "already-failed"
    ]
    assert card.summary == sentence("already-failed-probable-summary", drug="Sertraline")


def test_an_adequate_drug_of_another_purpose_is_told_as_such() -> None:
    judged = judge(*(replace(each, indications=("other",)) for each in SERTRALINE))
    [trial] = judged.trials
    assert trial.judged.sure is not None
    assert sentence("adequacy-BORDERLINE-intent", sure=trial.judged.sure.days) in line(judged)


@pytest.mark.parametrize(("days", "outcome"), [(20, "outcome-not-rated"), (90, "outcome-none")])
def test_a_trial_too_short_is_not_rated_and_an_adequate_one_without_a_score_has_no_outcome(
    days: int, outcome: str
) -> None:
    judged = judge(fill(1, 0, days, product=product("sertraline", 100)))
    assert line(judged).endswith(sentence(outcome))


def test_drugs_are_named_by_their_labels_and_what_is_not_known_as_it_is() -> None:
    assert WORDS.names(("sertraline", "venlafaxine")) == "sertraline, venlafaxine"
    long = Wording(LONG_NAMES)
    assert long.names(("sertraline", "none of ours")) == f"{LONG_NAMES.drugs['sertraline'].label}, none of ours"


# What is added


def test_where_no_name_of_a_base_fits_the_drug_added_is_still_named() -> None:
    drugs = {
        id_: drug.model_copy(update={"label": drug.label * (12 if id_ == "sertraline" else 1)})
        for id_, drug in KNOWLEDGE.drugs.items()
    }
    base = fill(1, 0, 30, product=product("sertraline", 100))
    judged = judge(base, drafted="aripiprazole", as_of=28)
    [trial] = judged.trials
    judged = replace(judged, trials=(replace(trial, drug=drugs["sertraline"]),))
    [card] = [
        one for one in advise(judged, hook="order-select", knowledge=KNOWLEDGE) if one.kind == "augmentation-base"
    ]
    assert card.summary == sentence("augmentation-base-short", drug="Aripiprazole")


@pytest.mark.parametrize(
    ("value", "offered"), [(Value.MET, True), (Value.PROBABLE, True), (Value.INDETERMINATE, False)]
)
def test_what_is_labelled_for_resistant_depression_waits_for_the_criteria(value: Value, offered: bool) -> None:
    seen: list[Assessment] = []

    def told(judged: Assessment) -> Assessment:
        seen.append(judged)
        return judged

    cards(change=told)
    [judged] = seen
    [option] = [one for one in judged.next_step.options.listed if one.id == "ESK"]
    asked = replace(judged, verdict=replace(judged.verdict, value=value))
    assert may_be_added(option, asked, KNOWLEDGE) is offered


@pytest.mark.parametrize(("inline", "information"), [(True, False), (False, False), (True, True), (False, True)])
def test_the_therapy_beside_a_leading_option_is_offered_only_where_a_card_may(inline: bool, information: bool) -> None:
    def changed(judged: Assessment) -> Assessment:
        step = judged.next_step
        pairing = step.options.pairing
        assert pairing is not None
        adjunct = tuple(
            replace(one, shown_inline=inline, as_information=information) if one.id == pairing.therapy else one
            for one in step.options.adjunct
        )
        return replace(judged, next_step=replace(step, options=replace(step.options, adjunct=adjunct)))

    assert ("PSYT" in cards(change=changed)["trd-options"].offers) is (inline and not information)


# What is recorded, and what a cut card leaves


def test_a_level_recorded_by_the_rater_is_told_with_its_scale() -> None:
    card = cards(scales=["cssrs-screener high on day 208"])["acute-safety"]
    label = KNOWLEDGE.clinical.measures["cssrs-screener"].label
    assert label in f"{card.summary}\n{text(card)}"


def test_a_hard_stop_that_is_cut_leaves_its_rules_and_sources_on_the_last_card() -> None:
    judged = stops(SHOWN_AT_MOST + 1)
    cited = list(KNOWLEDGE.sources)[: SHOWN_AT_MOST + 1]
    orders = tuple(
        replace(
            order,
            stops=tuple(
                replace(stop, rule=f"S{90 + n}", reasons=(Reason(rule=f"S{90 + n}", text="Held.", cites=(cited[n],)),))
                for stop in order.stops
            ),
        )
        for n, order in enumerate(judged.next_step.orders)
    )
    said = advise(
        replace(judged, next_step=replace(judged.next_step, orders=orders)), hook="order-sign", knowledge=KNOWLEDGE
    )
    assert len(said) == SHOWN_AT_MOST
    assert {cite for card in said for cite in card.cites} >= set(cited)
    assert {rule for card in said for rule in card.rules} >= {f"S{90 + n}" for n in range(len(orders))}
