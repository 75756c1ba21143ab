"""Intervals of rates of which one patient has many: as wide as patients, not orders, make them."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest

from cds_hooks.governance.intervals import proportion
from cds_hooks.silent.report.clustering import Clustered
from cds_hooks.silent.report.making import make_report
from cds_hooks.silent.report.run_reading import open_run
from mappings.load import Knowledge
from tests.silent.report_tables import Cohort

CARD = {"kind": "trd-status", "indicator": "info", "finding": "x"}


def counted(people: list[tuple[int, int]]) -> Clustered:
    """Of each patient how many there are, and how many of these are counted."""
    return Clustered(
        patients=len(people),
        whole=sum(many for many, _ in people),
        part=sum(some for _, some in people),
        squares_of_whole=sum(many * many for many, _ in people),
        products=sum(many * some for many, some in people),
        squares_of_part=sum(some * some for _, some in people),
    )


@pytest.mark.parametrize(
    ("people", "size"),
    [
        ([(10, 10)] * 5 + [(10, 0)] * 5, 9),  # by hand: 10/9 x 250 / 100^2 = 1/36, and 1/4 : 1/36 = 9
        ([(1, 1)] * 50 + [(1, 0)] * 50, 99),  # one each: independent, but for the 99 of a sample's variance
        ([(2, 1)] * 50, 100),  # each as the other: never more than the orders
        ([(4, 4)] * 30, 30),  # all of them: never more than the patients
        ([(4, 0)] * 30, 30),
        ([(9, 3)], 1),
        ([], 0),
    ],
)
def test_as_many_independent_orders_as_tell_as_much(people: list[tuple[int, int]], size: float) -> None:
    assert counted(people).size == pytest.approx(size)


def test_the_interval_covers_the_true_rate_where_one_of_independent_orders_does_not() -> None:
    """Sixty patients with 1 to 20 orders each, every patient with a rate of its own, all in all 0.3."""
    chance = random.Random(5)
    covers = {"patients": 0, "orders": 0}
    rounds = 400
    for _ in range(rounds):
        people = []
        for _ in range(60):
            many, own = chance.randint(1, 20), chance.betavariate(0.6, 1.4)
            people.append((many, sum(chance.random() < own for _ in range(many))))
        found = counted(people)
        for name, size in (("patients", found.size), ("orders", None)):
            told = proportion(found.part, found.whole, size=size)
            assert told is not None
            covers[name] += told.low <= 0.3 <= told.high
    assert 0.92 < covers["patients"] / rounds <= 0.98
    assert covers["orders"] / rounds < 0.75


def test_the_report_tells_the_interval_of_patients(tmp_path: Path, knowledge: Knowledge) -> None:
    """Forty patients with ten moments each; twenty of them have a card at every one."""
    cohort = Cohort()
    for number in range(40):
        cohort.patient(f"p{number}", moments=10)
        for day in range(10):
            cards = [CARD] if number < 20 else []
            cohort.moment(f"p{number}", date(2026, 3, 1) + timedelta(days=day), cards=cards)
    told = make_report(open_run(cohort.write(tmp_path / "run")), knowledge)["firing"]["fired"]
    expected = proportion(200, 400, size=39)
    assert expected is not None
    assert (told["count"], told["of"]) == (200, 400)
    assert (told["low"], told["high"]) == (round(expected.low, 4), round(expected.high, 4))
    assert told["low"] < 0.36  # of 400 independent orders it would be 0.45
