"""How often a card would have been shown: overall, by kind and indicator, by prescriber, and repeats.

Of prescribers nothing is told but the spread of their rates: no name, no id, no number of orders of one of them. Those
with fewer moments than the limit of small cells have no rate of their own and are told together.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import quantiles
from typing import Any

from cds_hooks.disclosure.cells import KEPT, Cells
from cds_hooks.disclosure.folding import folded, other
from cds_hooks.disclosure.following import Key
from cds_hooks.governance.names import names_of
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import MOMENTS, ORDERS, UNIT_MOMENT, Tell, by_size, share
from mappings.load import Knowledge

_FEWEST_PRESCRIBERS = 5
_QUARTERS = 4
_EVERY = "SELECT count(*), count(DISTINCT patient) FROM assessments"
_LEFT = """
SELECT count(DISTINCT (patient, moment)), count(DISTINCT patient) FROM cards
WHERE NOT coalesce(silenced_if_answered, FALSE)
"""
_CARDS = "SELECT count(*), count(DISTINCT patient) FROM cards"
_WITH = "SELECT count(DISTINCT (patient, moment)), count(DISTINCT patient) FROM cards WHERE list_contains(?, {0})"
_ORDERS = "SELECT count(*), count(DISTINCT patient) FROM orders JOIN assessments USING (patient, moment)"
_NAMED = "WHERE prescriber IS NOT NULL AND prescriber <> ''"
_PRESCRIBERS = f"""
CREATE OR REPLACE TEMP VIEW prescribers AS
SELECT prescriber, count(*) AS moments, count(*) FILTER (WHERE fired) AS fired FROM assessments {_NAMED} GROUP BY 1
"""  # noqa: S608 - our own words


def count_firing(run: Run, cells: Cells, knowledge: Knowledge, limit: int) -> Tell:
    """Count the moments at which cards would have been shown, and the cards that would repeat."""
    cells.put(MOMENTS, run.number(_EVERY), spare=KEPT)
    fired = _part(run, cells, MOMENTS, ("fired",), f"{_EVERY} WHERE fired")
    critical = _part(run, cells, fired, ("fired", "critical"), f"{_EVERY} WHERE fired AND hard_stop")
    after = _part(run, cells, fired, ("fired", "after"), _LEFT)
    count, people = _judged(run, "TRUE")
    orders = cells.put(ORDERS, count, people=people)
    count, people = _judged(run, "fired")
    fired_orders = cells.part_of(orders, (*ORDERS, "fired"), count, people=people)
    titles = names_of(knowledge).kinds
    kinds = _values(run, cells, "kind", titles, limit)
    indicators = _values(run, cells, "indicator", {}, limit)
    shown = cells.put(("cards",), run.number(_CARDS))
    repeated = _part(run, cells, shown, ("cards", "repeats"), f"{_CARDS} WHERE repeat_days IS NOT NULL")
    silenced = _part(run, cells, shown, ("cards", "silenced"), f"{_CARDS} WHERE silenced_if_answered")
    prescribers = _prescribers(run, cells, limit)

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_MOMENT,
            "ordersJudged": run.plan.get("occasion") == "orders",
            "moments": cells.shown(MOMENTS),
            "fired": share(cells, fired, MOMENTS),
            "orders": share(cells, fired_orders, orders),
            "critical": share(cells, critical, MOMENTS),
            "firedIfAnswersSilence": share(cells, after, MOMENTS),
            "byKind": by_size([{**about, **share(cells, key, MOMENTS)} for about, key in kinds]),
            "byIndicator": by_size([{**about, **share(cells, key, MOMENTS)} for about, key in indicators]),
            "cards": cells.shown(shown),
            "repeats": share(cells, repeated, shown),
            "silencedIfAnswered": share(cells, silenced, shown),
            "prescribers": prescribers(),
        }

    return tell


def _judged(run: Run, condition: str) -> tuple[int, int]:
    """The orders judged at moments that fit, and of how many patients they are."""
    [(count, people)] = run.ask(f"{_ORDERS} WHERE {condition}")
    return count, people


def _part(run: Run, cells: Cells, whole: Key, key: Key, query: str, *values: object) -> Key:
    """A part of `whole`: `query` gives how many there are, and of how many patients."""
    [(count, people)] = run.ask(query, *values)
    return cells.part_of(whole, key, count, people=people)


def _values(
    run: Run, cells: Cells, column: str, titles: Mapping[str, str], limit: int
) -> list[tuple[dict[str, Any], Key]]:
    """For each value of a column of the cards, the moments with at least one such card; the rare ones together."""
    people = {
        str(name): count
        for name, count in run.ask(f"SELECT {column}, count(DISTINCT patient) FROM cards GROUP BY 1")  # noqa: S608
    }
    rare = folded(people, limit, adds_up=False)
    groups: list[tuple[dict[str, Any], list[str]]] = [
        ({"name": titles.get(name, name), column: name}, [name]) for name in people if name not in rare
    ]
    if rare:
        groups.append(({"name": other(len(rare), f"{column}s"), "folds": len(rare)}, list(rare)))
    query = _WITH.format(column)
    return [(about, _part(run, cells, MOMENTS, (column, *names), query, names)) for about, names in groups]


def _prescribers(run: Run, cells: Cells, limit: int) -> Tell:
    """Median, quartiles (`statistics.quantiles`, inclusive), ranked rates per 100 moments, and the others together."""
    run.database.execute(_PRESCRIBERS)
    rates = [
        int(rate)
        for (rate,) in run.ask(
            "SELECT round(100.0 * fired / moments) FROM prescribers WHERE moments >= ? ORDER BY 1", limit
        )
    ]
    named = run.number("SELECT count(*) FROM prescribers")
    few = f"{_EVERY} WHERE prescriber IN (SELECT prescriber FROM prescribers WHERE moments < ?)"  # noqa: S608
    rest = _part(run, cells, MOMENTS, ("moments", "few"), few, limit)
    rest_fired = _part(run, cells, rest, ("moments", "few", "fired"), f"{few} AND fired", limit)
    nobody = _part(run, cells, MOMENTS, ("moments", "unnamed"), f"{_EVERY} WHERE coalesce(prescriber, '') = ''")

    def tell() -> dict[str, Any]:
        spread: dict[str, Any] = dict.fromkeys(("lowest", "lowerQuartile", "median", "upperQuartile", "highest"))
        if len(rates) >= _FEWEST_PRESCRIBERS:
            quarters = quantiles(rates, n=_QUARTERS, method="inclusive")
            spread = dict(zip(spread, (rates[0], *quarters, rates[-1]), strict=True))
        return {
            "named": named,
            "withEnough": len(rates),
            "fewestMoments": limit,
            **spread,
            "ratesPer100": rates if len(rates) >= _FEWEST_PRESCRIBERS else [],
            "others": {"prescribers": named - len(rates), "fired": share(cells, rest_fired, rest)},
            "withoutPrescriber": cells.shown(nobody),
        }

    return tell
