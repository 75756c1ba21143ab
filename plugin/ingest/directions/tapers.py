"""Doses that change by so much every so long: "decrease by one tablet every week, then stop"."""

from __future__ import annotations

from dataclasses import replace

from plugin.ingest.directions.clauses import Quantity
from plugin.ingest.directions.cursor import Cursor
from plugin.ingest.directions.words import Lexicon, UnclearError
from plugin.record import WrittenDose

Steps = list[tuple[WrittenDose, ...]]


def end_of_course(step: int) -> WrittenDose:
    """The step in which nothing is taken any more."""
    return WrittenDose(step=step, dose_low=0.0, dose_high=0.0, unit="unit", times_low=1.0, times_high=1.0)


def taper(steps: Steps, delta: Quantity, *, falling: bool, cursor: Cursor, lexicon: Lexicon) -> Steps:
    """The steps before, followed by those of the change written at the cursor.

    A rise needs a written limit. A fall without one ends at nothing; where "then stop" is missing, the last amount may
    as well go on. Raises UnclearError when the first dose is not one plain amount.
    """
    days = _interval(cursor)
    first = _plain(steps[-1], delta)
    change = -delta.amount.low if falling else delta.amount.low
    cursor.take("comma")
    limit = _limit(cursor, first.unit, lexicon)
    stops = _stops(cursor, falling=falling, limit=limit)
    if limit is None and not falling:
        raise UnclearError
    end = 0.0 if limit is None else limit
    start = first.dose_low or 0.0
    if (end - start) * change <= 0:
        raise UnclearError
    found = [*steps[:-1], (replace(first, days=first.days if first.days is not None else days),)]
    amount = start + change
    while (end - amount) * change > 0:
        found.append((_at(first, len(found), amount, days),))
        amount += change
        if len(found) > lexicon.limits.steps:
            raise UnclearError
    if limit is not None:
        found.append((_at(first, len(found), limit, days if stops else None),))
    if limit is None and not stops:
        last = found[-1][0]
        found.append((replace(last, step=len(found), dose_low=0.0, days=None),))
    elif stops:
        found.append((end_of_course(len(found)),))
    return found


def _interval(cursor: Cursor) -> float:
    """Days between two changes: "every 3 days", "weekly"."""
    rate = cursor.take("rate")
    if rate is not None:
        return 1 / rate.rate
    cursor.expect("every", "each")
    number = cursor.take("number")
    if number is None:
        return cursor.period()
    if number.amount.low != number.amount.high:
        raise UnclearError
    return cursor.period() * number.amount.low


def _plain(step: tuple[WrittenDose, ...], delta: Quantity) -> WrittenDose:
    (first, *others) = step
    exact = first.dose_low == first.dose_high and first.times_low == first.times_high
    known = first.dose_low is not None and first.times_low is not None and first.unit == delta.unit
    if others or not exact or not known or delta.amount.low != delta.amount.high or first.as_needed:
        raise UnclearError
    return replace(first, mg=())


def _limit(cursor: Cursor, unit: str, lexicon: Lexicon) -> float | None:
    """The amount at which the change ends, in the same unit."""
    if not cursor.follows("until", "number"):
        return None
    cursor.skip(1)
    limit = cursor.number()
    counts, factor = cursor.unit() if cursor.kind() == "unit" else (unit, 1.0)
    rate = cursor.take("rate")
    if limit.low != limit.high or counts != unit or (rate is not None and rate.rate != 1):
        raise UnclearError
    if unit == "unit" and limit.high > lexicon.limits.units_per_intake:
        raise UnclearError
    return limit.low * factor


def _stops(cursor: Cursor, *, falling: bool, limit: float | None) -> bool:
    """Whether "then stop" or "until off" follows; whatever else may follow, the sentence must end there."""
    said = False
    while cursor.kind() in ("comma", "end", "then", "and", "until"):
        cursor.skip(1)
    if cursor.take("stop") is not None:
        said = True
    if said and not falling and limit is None:
        raise UnclearError
    return said


def _at(first: WrittenDose, step: int, amount: float, days: float | None) -> WrittenDose:
    return replace(first, step=step, dose_low=amount, dose_high=amount, days=days)
