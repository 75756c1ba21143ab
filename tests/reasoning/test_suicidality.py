"""The level of recorded suicidality: recorded answers only, their age, and what supersedes what."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from mappings.load import load
from plugin.amounts import Amount
from plugin.record import ConditionFact, ItemAnswer, LabResult, PatientRecord, Verification
from plugin.safety.suicidality import Suicidality, suicidality_of
from tests.reasoning.facts import ADULT, on, when

KNOWLEDGE = load()
AS_OF = on(400)
SCREEN = KNOWLEDGE.clinical.suicidality.screen.measure
SINGLE = KNOWLEDGE.clinical.suicidality.item.instrument


def screen(item: int, yes: bool, offset: int = 395, mark: str = "") -> ItemAnswer:
    return ItemAnswer(
        instrument=SCREEN, item=item, day=on(offset), reference=f"Observation/c{item}-{offset}{mark}", value=float(yes)
    )


def denied(offset: int, *, but: tuple[int, ...] = (), asked: tuple[int, ...] = (1, 2, 7)) -> list[ItemAnswer]:
    return [screen(item, item in but, offset) for item in asked]


def single(value: float | None, offset: int = 395, item: int = 9) -> ItemAnswer:
    return ItemAnswer(
        instrument=SINGLE, item=item, day=on(offset), reference=f"Observation/p{item}-{offset}-{value}", value=value
    )


def told(meaning: str, offset: int = 395) -> LabResult:
    return LabResult(reference=f"Observation/r{offset}", measure=SCREEN, day=on(offset), meaning=meaning)


def condition(category: str, **more: Any) -> ConditionFact:
    values: dict[str, Any] = {
        "reference": f"Condition/{category}",
        "categories": frozenset({category}),
        "verification": Verification.CONFIRMED,
        **more,
    }
    return ConditionFact(**values)


def of(*facts: object) -> Suicidality:
    def kept(kind: type) -> tuple[Any, ...]:
        return tuple(fact for fact in facts if isinstance(fact, kind))

    record = PatientRecord(
        patient=ADULT, answers=kept(ItemAnswer), laboratory=kept(LabResult), conditions=kept(ConditionFact)
    )
    return suicidality_of(record, knowledge=KNOWLEDGE, as_of=AS_OF)


def test_nothing_recorded_is_not_assessed_and_never_none() -> None:
    said = of()
    assert (said.level, said.known_level, said.day, said.last_recorded, said.uses) == (
        "not-assessed",
        "",
        None,
        None,
        (),
    )
    assert "nothing is recorded" in said.reasons[0].text
    assert said.reasons[0].cites


@pytest.mark.parametrize(
    ("item", "level"),
    [(1, "low"), (2, "low"), (3, "moderate"), (4, "high"), (5, "high"), (6, "moderate"), (7, "high")],
)
def test_what_a_yes_means(item: int, level: str) -> None:
    said = of(screen(item, True))
    assert (said.level, said.day, said.uses) == (level, on(395), (f"Observation/c{item}-395",))
    assert said.acute is (level == "high")
    assert dict(said.reasons[0].facts) == {"level": level}


@pytest.mark.parametrize(("value", "level"), [(0, "none-recorded"), (1, "low"), (2, "moderate"), (3, "moderate")])
def test_the_single_item(value: float, level: str) -> None:
    assert of(single(value)).level == level
    assert of(single(3, item=1)).level == "not-assessed"
    assert of(single(None)).level == "not-assessed"


@pytest.mark.parametrize(
    ("days", "level", "acute"),
    [
        (0, "high", True),
        (14, "high", True),
        (15, "moderate", False),
        (30, "moderate", False),
        (31, "not-assessed", False),
    ],
)
def test_a_high_answer_fades(days: int, level: str, acute: bool) -> None:
    said = of(screen(5, True, 400 - days))
    assert (said.level, said.acute, said.last_recorded) == (level, acute, on(400 - days))
    if level == "not-assessed":
        assert f"last recorded on {on(400 - days)}" in said.reasons[0].text


def test_other_answers_hold_thirty_days() -> None:
    assert of(screen(3, True, 370)).level == "moderate"
    assert of(screen(3, True, 369)).level == "not-assessed"
    assert of(single(2, 370)).level == "moderate"
    assert of(single(2, 369)).level == "not-assessed"


def test_answers_of_a_later_day_are_not_known_yet() -> None:
    assert of(screen(5, True, 401), single(3, 401), told("high", 401)).level == "not-assessed"


def test_none_recorded_needs_all_that_is_asked() -> None:
    assert of(*denied(395)).level == "none-recorded"
    assert of(*denied(395, asked=(1, 2))).level == "not-assessed"
    assert of(*denied(395, asked=(1, 7))).level == "not-assessed"
    assert of(*denied(395, but=(2,), asked=(1, 2, 3, 4, 5, 6))).level == "low"
    assert of(*denied(369)).level == "not-assessed"


def test_a_complete_screener_supersedes_the_item_on_or_before_its_day() -> None:
    assert of(single(3, 395), *denied(395)).level == "none-recorded"
    assert of(single(3, 390), *denied(395)).level == "none-recorded"
    assert of(single(3, 395), *denied(395, asked=(1, 2))).level == "moderate"
    # Where thoughts were admitted the questions after them must have been asked as well.
    assert of(single(3, 395), *denied(395, but=(2,))).level == "moderate"
    assert of(single(3, 395), *denied(395, but=(2,), asked=(1, 2, 3, 4, 5, 7))).level == "low"


def test_a_newer_and_graver_item_asks_for_screening_again() -> None:
    said = of(*denied(390), single(2, 395))
    assert (said.level, said.rescreen) == ("moderate", True)
    assert not of(*denied(390), single(0, 395)).rescreen
    assert not of(*denied(395), single(2, 395)).rescreen
    assert not of(screen(5, True, 390), single(2, 395)).rescreen
    assert not of(single(2, 395)).rescreen
    assert not of(*denied(300), single(2, 369)).rescreen


def test_the_newest_complete_screener_counts_and_the_worst_of_a_day() -> None:
    assert of(screen(5, True, 390), *denied(395)).level == "none-recorded"
    assert of(screen(5, True, 390), *denied(395, asked=(1, 2))).level == "high"
    assert of(*denied(395), screen(5, True, 395, "again")).level == "high"
    assert of(single(1, 395), single(3, 390)).level == "low"
    assert of(screen(1, True, 395), screen(1, False, 395, "again"), screen(2, False), screen(6, False)).level == "low"


@pytest.mark.parametrize("meaning", ["low", "moderate", "high"])
def test_the_recorded_level_of_the_screener(meaning: str) -> None:
    said = of(told(meaning))
    assert (said.level, said.day) == (meaning, on(395))
    assert of(told(meaning, 369)).level == "not-assessed"
    assert (
        of(LabResult(reference="Observation/x", measure=SCREEN, day=on(395), amount=Amount(3))).level == "not-assessed"
    )


@pytest.mark.parametrize(
    ("onset", "level"), [(310, "high"), (309, "not-assessed"), (400, "high"), (401, "not-assessed")]
)
def test_a_coded_attempt_of_the_last_ninety_days(onset: int, level: str) -> None:
    said = of(condition("suicide-attempt", onset=when(onset)))
    assert (said.level, said.acute) == (level, False)
    assert of(condition("suicide-attempt", recorded=when(onset))).level == level


def test_what_attempts_do_not_count() -> None:
    recent: dict[str, Any] = {"onset": when(390)}
    assert of(condition("suicide-attempt")).level == "not-assessed"
    assert of(condition("suicide-attempt", verification=Verification.SUSPECTED, **recent)).level == "not-assessed"
    assert of(condition("suicide-attempt", verification=Verification.REFUTED, **recent)).level == "not-assessed"
    assert of(condition("depression", **recent)).level == "not-assessed"
    assert of(condition("suicide-attempt", clinical="resolved", **recent)).level == "high"


def test_coded_ideation_is_at_least_moderate_while_active_and_recent() -> None:
    assert of(condition("suicidal-ideation", onset=when(386))).level == "moderate"
    assert of(condition("suicidal-ideation", onset=when(385))).level == "not-assessed"
    assert of(condition("suicidal-ideation", onset=when(390), clinical="resolved")).level == "not-assessed"
    assert of(condition("suicidal-ideation", onset=when(390), abatement=when(395))).level == "not-assessed"
    assert of(condition("suicidal-ideation", onset=when(390), abatement=when(410))).level == "moderate"
    assert of(condition("suicidal-ideation", onset=when(390)), screen(5, True)).level == "high"
    assert of(condition("suicidal-ideation", onset=when(390)), *denied(395)).level == "moderate"


def test_the_day_is_that_of_the_newest_deciding_answer() -> None:
    said = of(screen(5, True, 390), screen(4, True, 395), single(1, 398))
    assert (said.level, said.day, said.last_recorded) == ("high", on(395), on(398))
    assert set(said.uses) == {"Observation/c5-390", "Observation/c4-395"}
    assert isinstance(said.day, date)
