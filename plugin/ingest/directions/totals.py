"""What directions say beside a dose: the total of the day, other supplies taken along, and a cap. None is a dose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugin.ingest.directions.cursor import Cursor
from plugin.ingest.directions.words import Amount, UnclearError
from plugin.record import WrittenDose

_ONE = Amount(1.0, 1.0)
_TOTAL = ("total", "total_daily")


@dataclass(frozen=True, slots=True)
class Total:
    """A stated total in mg; `daily` when the words say that it is that of a day."""

    mg: float
    daily: bool


def opens_total(cursor: Cursor, *, started: bool) -> bool:
    """Whether a total stands at the cursor: "total 150 mg", "150 mg total daily", "= 150 mg"."""
    if cursor.kind() in _TOTAL:
        return True
    if cursor.follows("number", "unit"):
        return cursor.symbol(1).unit[0] == "mg" and cursor.kind(2) in _TOTAL
    return started and cursor.follows("equals", "number", "unit")


def read_total(cursor: Cursor) -> Total:
    """The total at the cursor. Raises UnclearError for a range or another unit than of mass."""
    said = cursor.take(*_TOTAL, "equals")
    cursor.take("equals")
    amount, (counts, factor) = cursor.number(), cursor.unit()
    if counts != "mg" or amount.low != amount.high:
        raise UnclearError
    if said is None or said.kind == "equals":
        said = cursor.take(*_TOTAL) or said
    daily = _per_day(cursor)
    return Total(amount.low * factor, daily or (said is not None and said.kind == "total_daily"))


def _per_day(cursor: Cursor) -> bool:
    """Take "daily", "per day", "a day", "each day". Another period than a day is unclear."""
    rate = cursor.take("rate")
    if rate is not None:
        if rate.rate != 1:
            raise UnclearError
        return True
    if cursor.take("per", "article", "each", "every") is None:
        return False
    if cursor.period() != 1:
        raise UnclearError
    return True


def total_of(totals: Sequence[Total], doses: Sequence[WrittenDose]) -> float | None:
    """The stated total a day, None when none is stated or it may be that of one intake. Two totals are unclear."""
    if len({total.mg for total in totals}) > 1:
        raise UnclearError
    if not totals or len({dose.step for dose in doses}) > 1:
        return None
    once = len(doses) == 1 and (doses[0].times_low, doses[0].times_high) == (1, 1)
    return totals[0].mg if once or any(total.daily for total in totals) else None


def skip_other_supply(cursor: Cursor) -> None:
    """Pass over "along with one 75 mg capsule": another supply, not part of this dose."""
    cursor.expect("beside")
    cursor.take("article")
    first = cursor.number()
    if cursor.kind() == "number":
        if first != _ONE:
            raise UnclearError
        cursor.skip(1)
    if cursor.unit()[0] != "mg":
        raise UnclearError
    if cursor.kind() == "unit" and cursor.unit()[0] != "unit":
        raise UnclearError


def read_cap(cursor: Cursor) -> tuple[float, str] | None:
    """The most a day and its unit; None when the period it holds for is not written, and then it says nothing."""
    cursor.expect("cap")
    cursor.take("equals")
    amount = cursor.number()
    counts, factor = cursor.unit() if cursor.kind() == "unit" else ("unit", 1.0)
    rate = cursor.take("rate")
    if rate is not None:
        if rate.rate > 1:
            raise UnclearError
        return amount.high * factor * rate.rate, counts
    if cursor.take("per", "article", "each", "every", "within") is None:
        return None
    cursor.take("article")
    number = cursor.take("number")
    length = cursor.period() * (number.amount.low if number is not None else 1)
    return amount.high * factor / length, counts
