"""What the record says of the end of a course: stops of orders and reports, and times the drug was not taken."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from plugin.record import Layer, MedicationFact


def denials(facts: Iterable[MedicationFact], as_of: date) -> Iterator[tuple[date, date]]:
    """First and last day of each time in which the drug is said not to have been taken."""
    for fact in facts:
        if fact.status == "not-taken" and fact.start is not None:
            last = fact.end.latest if fact.end is not None else as_of
            yield fact.start.earliest, max(last, fact.start.earliest)


@dataclass(frozen=True, slots=True)
class Stops:
    """Days on which a stop took effect (exclusive): of reports, for any fill, and of orders, by their reference."""

    of_any: tuple[date, ...]
    of_reports: tuple[date, ...]
    of_order: Mapping[str, date]

    def first_for(self, record: MedicationFact, start: date) -> date | None:
        """The first stop that ends an order or a fill begun on `start`.

        Its own order's stop from `start` on; a reported end, and for a fill that names no order the stop of any,
        only after `start`: what begins on the day another course stopped is something new.
        """
        own = [record.reference] if record.layer is Layer.ORDER else list(record.based_on)
        unnamed = record.layer is Layer.DISPENSE and not record.based_on
        general = self.of_any if unnamed else self.of_reports
        place = bisect_right(general, start)
        found = list(general[place : place + 1])
        found += [day for order in own if (day := self.of_order.get(order)) is not None and day >= start]
        return min(found, default=None)


def stops_of(facts: Iterable[MedicationFact]) -> Stops:
    """The stops that the orders and reports of one ingredient record."""
    orders: dict[str, date] = {}
    reports: list[date] = []
    for fact in facts:
        if fact.layer is Layer.ORDER and fact.status == "stopped":
            when = fact.end or fact.stop_noted
            if when is not None:
                orders[fact.reference] = when.earliest
        elif fact.layer is Layer.REPORT and fact.status in ("stopped", "completed") and fact.end is not None:
            reports.append(fact.end.latest + timedelta(days=1))
    return Stops(of_any=tuple(sorted([*orders.values(), *reports])), of_reports=tuple(sorted(reports)), of_order=orders)


def cut_day(fact: MedicationFact, start: date, stops: Stops) -> date | None:
    """The first day a record no longer supplies: its own end, or a recorded stop of the same course."""
    cuts = []
    if fact.layer in (Layer.ORDER, Layer.DISPENSE) and fact.end is not None:
        exclusive = fact.status == "stopped"
        cuts.append(fact.end.earliest if exclusive else fact.end.latest + timedelta(days=1))
    if fact.layer in (Layer.DISPENSE, Layer.ORDER):
        stopped = stops.first_for(fact, start)
        cuts += [stopped] if stopped is not None else []
    return min(cuts, default=None)
