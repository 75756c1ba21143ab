"""How often a card would have been shown: overall, by kind and indicator, by prescriber, and repeats.

Of prescribers nothing is told but the spread of their rates: no name, no id, no number of orders of one of them. Those
with fewer moments than the limit of small cells have no rate of their own and are told together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from cds_hooks.disclosure.cells import KEPT, Cells
from cds_hooks.disclosure.folding import folded, other
from cds_hooks.disclosure.following import Key
from cds_hooks.governance.names import names_of
from cds_hooks.silent.report.clustering import Clustered, clustered
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import MOMENTS, ORDERS, UNIT_MOMENT, Tell, by_size, share
from mappings.load import Knowledge

_FEWEST_PRESCRIBERS = 5
_QUARTERS = 4
_EACH = "SELECT patient, count(*) AS many FROM assessments {0} GROUP BY 1"
_EVERY = _EACH.format("")
_LEFT = """
SELECT patient, count(DISTINCT moment) AS many FROM cards WHERE NOT coalesce(silenced_if_answered, FALSE) GROUP BY 1
"""
_CARDS = "SELECT patient, count(*) AS many FROM cards {0} GROUP BY 1"
_WITH = "SELECT patient, count(DISTINCT moment) AS many FROM cards WHERE list_contains(?, {0}) GROUP BY 1"
_ORDERS = "SELECT patient, count(*) AS many FROM orders JOIN assessments USING (patient, moment) {0} GROUP BY 1"
_RARELY = "WHERE prescriber IN (SELECT prescriber FROM prescribers WHERE moments < {0:d})"
_NAMED = "WHERE prescriber IS NOT NULL AND prescriber <> ''"
_PRESCRIBERS = f"""
CREATE OR REPLACE TEMP VIEW prescribers AS
SELECT prescriber, count(*) AS moments, count(*) FILTER (WHERE fired) AS fired FROM assessments {_NAMED} GROUP BY 1
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class _Part:
    """A count that is part of another, by their keys, and how both are spread over patients."""

    key: Key
    whole: Key
    counted: Clustered

    def told(self, cells: Cells) -> dict[str, Any]:
        """Its share, once `cells` are settled."""
        return share(cells, self.key, self.whole, self.counted)


def count_firing(run: Run, cells: Cells, knowledge: Knowledge, limit: int) -> Tell:
    """Count the moments at which cards would have been shown, and the cards that would repeat."""
    every, all_cards, all_orders = (MOMENTS, _EVERY), (("cards",), _CARDS.format("")), (ORDERS, _ORDERS.format(""))
    cells.put(MOMENTS, clustered(run, _EVERY, _EVERY).whole, spare=KEPT)
    fired = _part(run, cells, every, ("fired",), _EACH.format("WHERE fired"))
    of_fired = (fired.key, _EACH.format("WHERE fired"))
    _part(run, cells, of_fired, ("fired", "critical"), _EACH.format("WHERE fired AND hard_stop"))
    _part(run, cells, of_fired, ("fired", "after"), _LEFT)
    counted = clustered(run, all_orders[1], all_orders[1])
    cells.put(ORDERS, counted.whole, people=counted.patients)
    fired_orders = _part(run, cells, all_orders, (*ORDERS, "fired"), _ORDERS.format("WHERE fired"))
    titles = names_of(knowledge).kinds
    kinds = _values(run, cells, "kind", titles, limit)
    indicators = _values(run, cells, "indicator", {}, limit)
    cells.put(("cards",), clustered(run, all_cards[1], all_cards[1]).whole)
    repeats = _CARDS.format("WHERE repeat_days IS NOT NULL")
    repeated = _part(run, cells, all_cards, ("cards", "repeats"), repeats)
    silenced = _part(run, cells, all_cards, ("cards", "silenced"), _CARDS.format("WHERE silenced_if_answered"))
    prescribers = _prescribers(run, cells, limit)
    critical = _of(run, every, ("fired", "critical"), _EACH.format("WHERE fired AND hard_stop"))
    after = _of(run, every, ("fired", "after"), _LEFT)

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_MOMENT,
            "ordersJudged": run.plan.get("occasion") == "orders",
            "moments": cells.shown(MOMENTS),
            "fired": fired.told(cells),
            "orders": fired_orders.told(cells),
            "critical": critical.told(cells),
            "firedIfAnswersSilence": after.told(cells),
            "byKind": by_size([{**about, **one.told(cells)} for about, one in kinds]),
            "byIndicator": by_size([{**about, **one.told(cells)} for about, one in indicators]),
            "cards": cells.shown(("cards",)),
            "repeats": repeated.told(cells),
            "silencedIfAnswered": silenced.told(cells),
            "prescribers": prescribers(),
        }

    return tell


def _part(run: Run, cells: Cells, whole: tuple[Key, str], key: Key, query: str, *values: object) -> _Part:
    """A part of `whole`, a key and its query: `query` gives how many of each patient there are."""
    found = _of(run, whole, key, query, *values)
    [(people,)] = run.ask(f"SELECT count(*) FROM ({query})", *values)  # noqa: S608 - our own words
    cells.part_of(whole[0], key, found.counted.part, people=people)
    return found


def _of(run: Run, whole: tuple[Key, str], key: Key, query: str, *values: object) -> _Part:
    """The same, of a count that is put already, as part of another one."""
    return _Part(key, whole[0], clustered(run, whole[1], query, *values))


def _values(
    run: Run, cells: Cells, column: str, titles: Mapping[str, str], limit: int
) -> list[tuple[dict[str, Any], _Part]]:
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
    return [(about, _part(run, cells, (MOMENTS, _EVERY), (column, *names), query, names)) for about, names in groups]


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
    rarely = _RARELY.format(limit)
    few = _EACH.format(rarely)
    rest = _part(run, cells, (MOMENTS, _EVERY), ("moments", "few"), few)
    rest_fired = _part(run, cells, (rest.key, few), ("moments", "few", "fired"), _EACH.format(f"{rarely} AND fired"))
    unnamed = _EACH.format("WHERE coalesce(prescriber, '') = ''")
    nobody = _part(run, cells, (MOMENTS, _EVERY), ("moments", "unnamed"), unnamed)

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
            "others": {"prescribers": named - len(rates), "fired": rest_fired.told(cells)},
            "withoutPrescriber": cells.shown(nobody.key),
        }

    return tell
