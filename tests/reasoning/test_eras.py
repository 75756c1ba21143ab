"""Where two and three drugs meet (T5): the first switch ends a drug, and only that one."""

from __future__ import annotations

from plugin.exposure.eras import Era, beside, eras_of, meet
from plugin.exposure.exposures import expose
from plugin.record import MedicationFact
from tests.reasoning.facts import RULES, fill, offset_of, on, product


def met(*facts: MedicationFact) -> dict[str, Era]:
    found = expose(facts, rules=RULES, as_of=on(400))
    eras = [era for exposure in found.by_key.values() for era in eras_of(exposure, RULES)]
    return {era.key.ingredient: era for era in meet(eras, beside(eras), RULES)}


def drug(number: int, name: str, start: int, days: int) -> MedicationFact:
    return fill(number, start, days, product=product(name, 100))


def test_a_drug_already_ended_by_a_switch_is_not_ended_again_by_a_later_one() -> None:
    eras = met(drug(1, "sertraline", 0, 70), drug(2, "venlafaxine", 50, 90), drug(3, "bupropion", 60, 90))
    ended = eras["sertraline"]

    assert offset_of(ended.end) == 49
    assert [dict(reason.facts)["started"] for reason in ended.reasons] == [f"{on(50)} venlafaxine"]


def test_every_drug_keeps_the_days_before_the_next_one_started() -> None:
    eras = met(drug(1, "sertraline", 0, 70), drug(2, "venlafaxine", 50, 30), drug(3, "bupropion", 60, 90))

    assert {name: (offset_of(era.start), offset_of(era.end)) for name, era in eras.items()} == {
        "sertraline": (0, 49),
        "venlafaxine": (50, 59),
        "bupropion": (60, 149),
    }
