"""What a drug was taken for (E10): stated, of the very product, assumed, or unknown."""

from __future__ import annotations

from typing import Any

import pytest

from plugin.exposure.eras import Era, eras_of
from plugin.exposure.exposures import expose
from plugin.record import ConditionFact, Score, Verification
from plugin.trial.adequacy import Intent
from plugin.trial.indication import intent_of
from tests.reasoning.facts import INSTRUMENTS, RULES, fill, on, phq9, product, when


def era(start: int = 100, **more: Any) -> Era:
    [exposure] = expose([fill(1, start, 60, **more)], rules=RULES, as_of=on(400)).by_key.values()
    [found] = eras_of(exposure, RULES)
    return found


def intent(taken: Era, *conditions: ConditionFact, scores: tuple[Score, ...] = ()) -> Intent:
    return intent_of(taken, conditions=conditions, scores=scores, rules=RULES, instruments=INSTRUMENTS)


def depression(onset: int | None = None, abatement: int | None = None) -> ConditionFact:
    return ConditionFact(
        reference="Condition/d",
        categories=frozenset({"depression"}),
        verification=Verification.CONFIRMED,
        onset=when(onset),
        abatement=when(abatement),
    )


@pytest.mark.parametrize(
    ("reasons", "value"),
    [
        (("depression",), "depression"),
        (("depression", "migraine"), "depression"),
        (("migraine",), "other"),
        (("migraine", "other"), "unknown"),
    ],
)
def test_stated_reasons_decide(reasons: tuple[str, ...], value: str) -> None:
    assert intent(era(indications=reasons), depression()) == Intent(value=value, basis="stated")


def test_a_product_for_something_else_was_taken_for_that() -> None:
    taken = era(product=product("bupropion", 150, excluded_for="smoking cessation"), indications=("depression",))

    assert intent(taken, depression()) == Intent(value="other", basis="product")


@pytest.mark.parametrize(
    ("onset", "abatement", "assumed"),
    [(None, None, True), (130, None, True), (131, None, False), (0, 100, True), (0, 99, False)],
)
def test_without_a_reason_depression_active_when_the_drug_began_is_assumed(
    onset: int | None, abatement: int | None, assumed: bool
) -> None:
    found = intent(era(), depression(onset, abatement))

    assert found == (Intent(value="depression", basis="assumed") if assumed else Intent(value="unknown", basis="none"))


@pytest.mark.parametrize(
    ("day", "value", "assumed"), [(70, 10, True), (69, 10, False), (107, 10, True), (100, 9, False)]
)
def test_a_score_at_the_line_when_the_drug_began_says_the_same(day: int, value: float, assumed: bool) -> None:
    found = intent(era(), depression(0, 20), scores=(phq9(day, value),))

    assert found.basis == ("assumed" if assumed else "none")
