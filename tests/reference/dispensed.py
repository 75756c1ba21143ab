"""The days that fills cover: stock, carry-over, rescaling, stops (trials 4.3, E5, E7)."""

from __future__ import annotations

import math
from dataclasses import replace

from mappings.schema import Reconstruction
from plugin.record import Layer, MedicationFact
from tests.reference.daily_doses import UNKNOWN, Directions
from tests.reference.one_record import Day, begun, cut_of, days_of, report_end, stop_of, strength_of


def dispensed_days(
    facts: list[MedicationFact],
    every: list[MedicationFact],
    ingredient: str,
    told: dict[str, Directions],
    rules: Reconstruction,
) -> dict[int, Day]:
    """Day by day: take from the stock; each hand-over adds to it, rescaled when the dose changes; a stop empties it."""
    if not facts:
        return {}
    issues = sorted({begun(fact) for fact in facts})
    stock: list[Day] = []
    days: dict[int, Day] = {}
    handed: list[MedicationFact] = []
    for today in range(issues[0], issues[-1] + 40_000):
        if any(_ends(stop, fill, today) for stop in every for fill in handed):
            stock, handed = [], []  # what is handed over on the very day is something new
        new = [fact for fact in facts if begun(fact) == today]
        handed = new or handed
        if new:
            later = [day for day in issues if day > today]
            stock = _restock(stock, _fills(new, later, ingredient, told, rules), rules.stock_cap_days)
        if not stock and today > issues[-1]:
            break
        if stock:
            days[today] = stock.pop(0)
    return days


def _restock(old: list[Day], new: list[Day], cap: int) -> list[Day]:
    """What is left when the next fill comes, in days of the new dose: surely the least, possibly the most it can be."""
    if not old or not new:
        return old or new
    dose = new[0].dose
    if old[0].dose == dose or UNKNOWN in (old[0].dose, dose) or not dose[1]:
        return new + old[:cap]
    least = math.floor(sum(day.dose[0] for day in old) / dose[1] + 1e-9) if all(day.sure for day in old) else 0
    most = math.floor(sum(day.dose[1] for day in old) / (dose[0] or dose[1]) + 1e-9)
    left = [replace(new[0], sure=k < least) for k in range(most)]
    # The sure days come first: so many days in a row the supply lasts whatever was taken.
    return new + left[:cap]


def _fills(
    facts: list[MedicationFact], later: list[int], ingredient: str, told: dict[str, Directions], rules: Reconstruction
) -> list[Day]:
    """The supplies handed over on one day, as the days they last."""
    lasting: dict[tuple[object, ...], list[list[Day]]] = {}
    for fact in sorted(facts, key=lambda f: f.reference):
        lasting.setdefault(strength_of(fact, ingredient), []).append(_fill(fact, later, told[fact.reference], rules))
    products: list[list[Day]] = []
    for strength, fills in lasting.items():
        of = [f for f in sorted(facts, key=lambda f: f.reference) if strength_of(f, ingredient) == strength]
        orders = {f.based_on for f in of}
        if len(of) > 1 and len(orders) > 1:
            products.append(_one_or_sum(fills))
        else:
            products.append([day for fill in fills for day in fill])
    return _added(products)


def _fill(fact: MedicationFact, later: list[int], told: Directions, rules: Reconstruction) -> list[Day]:
    length, sure, grade = days_of(fact, told), True, "A"
    if length is None:
        grade = "B"
        if later and later[0] - begun(fact) <= rules.issue_interval_max_days:
            length = later[0] - begun(fact)
        else:
            length, sure = rules.assumed_last_issue_days, False
    cut = cut_of(fact)
    if cut is not None:
        length = max(0, min(length, cut - begun(fact)))
    by = frozenset({fact.reference})
    return [Day(told.on(k), sure, False, grade, fact.layer, by) for k in range(length)]


def _one_or_sum(fills: list[list[Day]]) -> list[Day]:
    """The same product under several orders: one of them, or all together, as long as the longest."""
    longest = max(fills, key=len)
    return [
        replace(
            day,
            dose=(min(f[k].dose[0] for f in fills if k < len(f)), sum(f[k].dose[1] for f in fills if k < len(f))),
        )
        for k, day in enumerate(longest)
    ]


def _added(products: list[list[Day]]) -> list[Day]:
    result = []
    for k in range(max((len(fill) for fill in products), default=0)):
        there = [fill[k] for fill in products if k < len(fill)]
        dose = (sum(d.dose[0] for d in there), sum(d.dose[1] for d in there))
        result.append(replace(there[0], dose=dose, sure=all(d.sure for d in there)))
    return result


def _ends(stop: MedicationFact, fill: MedicationFact, today: int) -> bool:
    """Whether `stop` says that what was handed over as `fill`, on an earlier day, is not taken from `today` on."""
    if stop.layer is Layer.REPORT:
        return report_end(stop) == today
    if stop.layer is not Layer.ORDER or stop.status != "stopped" or stop_of(stop) != today:
        return False
    return not fill.based_on or stop.reference in fill.based_on
