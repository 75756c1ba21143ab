"""How often a card would have been shown: overall, by kind and indicator, by prescriber, and repeats.

Of prescribers nothing is told but the spread of their rates: no name, no id, no number of orders. A prescriber with
fewer orders than the limit of small cells has no rate.
"""

from __future__ import annotations

from statistics import quantiles
from typing import Any

from cds_hooks.silent.report.cells import KEPT, Cells, Key
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import MOMENTS, UNIT_MOMENT, Tell, share

_FEWEST_PRESCRIBERS = 5
_QUARTERS = 4
_LIKE = "SELECT {0}, count(DISTINCT (patient, moment)) FROM cards GROUP BY 1 ORDER BY 2 DESC, 1"
_LEFT = "SELECT count(DISTINCT (patient, moment)) FROM cards WHERE NOT coalesce(silenced_if_answered, FALSE)"
_PRESCRIBERS = """
SELECT round(100.0 * count(*) FILTER (WHERE fired) / count(*)) FROM assessments
WHERE prescriber IS NOT NULL AND prescriber <> '' GROUP BY prescriber HAVING count(*) >= ? ORDER BY 1
"""


def count_firing(run: Run, cells: Cells, limit: int) -> Tell:
    """Count the moments at which cards would have been shown, and the cards that would repeat."""
    cells.put(MOMENTS, run.number("SELECT count(*) FROM assessments"), spare=KEPT)
    fired = cells.part_of(MOMENTS, ("fired",), run.number("SELECT count(*) FROM assessments WHERE fired"))
    stopped = run.number("SELECT count(*) FROM assessments WHERE fired AND hard_stop")
    cells.part_of(fired, ("fired", "critical"), stopped)
    after = cells.part_of(fired, ("fired", "after"), run.number(_LEFT))
    kinds = _parts(run, cells, "kind")
    indicators = _parts(run, cells, "indicator")
    shown = cells.put(("cards",), run.number("SELECT count(*) FROM cards"))
    repeated = cells.part_of(
        shown, ("cards", "repeats"), run.number("SELECT count(*) FROM cards WHERE repeat_days IS NOT NULL")
    )
    silenced = cells.part_of(
        shown, ("cards", "silenced"), run.number("SELECT count(*) FROM cards WHERE silenced_if_answered")
    )
    rates = [int(rate) for (rate,) in run.ask(_PRESCRIBERS, limit)]
    most = run.number("SELECT count(DISTINCT prescriber) FROM assessments WHERE prescriber <> ''")

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_MOMENT,
            "ordersJudged": run.plan.get("occasion") == "orders",
            "moments": cells.shown(MOMENTS),
            "fired": share(cells, fired, MOMENTS),
            "critical": share(cells, ("fired", "critical"), MOMENTS),
            "firedIfAnswersSilence": share(cells, after, MOMENTS),
            "byKind": [{"kind": name, **share(cells, key, MOMENTS)} for name, key in kinds],
            "byIndicator": [{"indicator": name, **share(cells, key, MOMENTS)} for name, key in indicators],
            "cards": cells.shown(shown),
            "repeats": share(cells, repeated, shown),
            "silencedIfAnswered": share(cells, silenced, shown),
            "prescribers": _spread(rates, most, limit),
        }

    return tell


def _parts(run: Run, cells: Cells, column: str) -> list[tuple[str, Key]]:
    """For each value of a column of the cards, the moments with at least one such card."""
    found = run.ask(_LIKE.format(column))
    return [(name, cells.part_of(MOMENTS, (column, name), count)) for name, count in found]


def _spread(rates: list[int], prescribers: int, limit: int) -> dict[str, Any]:
    """Median, quartiles (the method of `statistics.quantiles`, inclusive) and the ranked rates per 100 moments."""
    told: dict[str, Any] = {"named": prescribers, "withEnough": len(rates), "fewestMoments": limit}
    if len(rates) < _FEWEST_PRESCRIBERS:
        return {**told, "median": None, "lowerQuartile": None, "upperQuartile": None, "ratesPer100": []}
    lower, median, upper = quantiles(rates, n=_QUARTERS, method="inclusive")
    return {**told, "median": median, "lowerQuartile": lower, "upperQuartile": upper, "ratesPer100": rates}
