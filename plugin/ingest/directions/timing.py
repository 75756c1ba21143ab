"""When it is taken: frequencies, counts per period, times of day and days of the week."""

from __future__ import annotations

from plugin.ingest.directions.clauses import WEEK, Clause
from plugin.ingest.directions.cursor import Cursor
from plugin.ingest.directions.words import Amount, Lexicon, Symbol, UnclearError

_ONCE = Amount(1.0, 1.0)
# What opens a word of timing. A number or an article may also open an amount: see `opens_count`.
TIMING = frozenset({"rate", "count", "every", "each", "per", "moment", "weekdays", "except", "at", "clock"})


def opens_count(cursor: Cursor) -> bool:
    """Whether the number at the cursor counts intakes: "3 times", "2x daily"."""
    if cursor.follows("number", "times"):
        return True
    return cursor.follows("number", "by") and cursor.kind(2) in ("rate", "per", "article", "every", "each")


def read_timing(cursor: Cursor, clause: Clause, joined: str, lexicon: Lexicon) -> None:
    """Read the words of timing at the cursor into the clause; raises UnclearError where they say nothing known."""
    symbol = cursor.expect(*TIMING, "number", "article")
    if symbol.kind == "rate":
        clause.rates.append(_ONCE.times(symbol.rate))
    elif symbol.kind == "count":
        _per_period(cursor, clause, Amount(symbol.rate, symbol.rate))
    elif symbol.kind == "number":
        cursor.expect("times", "by")
        _per_period(cursor, clause, symbol.amount)
    elif symbol.kind in ("every", "each"):
        _every(cursor, clause, joined, lexicon)
    elif symbol.kind in ("per", "article"):
        number = cursor.take("number") if symbol.kind == "per" else None
        clause.rates.append(_rate(_ONCE, number, cursor.period()))
    elif symbol.kind == "moment":
        clause.at(str(symbol.meaning), joined=joined, lexicon=lexicon)
    elif symbol.kind == "weekdays":
        clause.weekdays.extend(_weekdays(cursor, symbol))
    elif symbol.kind == "except":
        clause.excepted.extend(_weekdays(cursor, cursor.expect("weekdays")))
        while cursor.kind() in ("and", "comma") and cursor.kind(1) == "weekdays":
            cursor.skip(1)
            clause.excepted.extend(_weekdays(cursor, cursor.expect("weekdays")))
    else:
        hour = symbol if symbol.kind == "clock" else cursor.expect("number", "clock")
        read_hour(cursor, clause, hour, joined, lexicon)


def read_hour(cursor: Cursor, clause: Clause, hour: Symbol, joined: str, lexicon: Lexicon) -> None:
    """A time by the clock, "8 am" or "20:00". The part of the day stands for it where one is named."""
    moment = cursor.take("moment")
    if moment is None and hour.kind != "clock":
        raise UnclearError
    clause.clocked = True
    clause.at(str(moment.meaning) if moment is not None else hour.spelt, joined=joined, lexicon=lexicon)


def _per_period(cursor: Cursor, clause: Clause, times: Amount) -> None:
    """So many times in a stated period; without one, a bare count that must fit the times of day."""
    rate = cursor.take("rate")
    if rate is not None:
        if rate.rate > 1:
            raise UnclearError
        clause.rates.append(times.times(rate.rate))
    elif cursor.kind() in ("per", "article", "every", "each") and cursor.kind(1) in ("number", "period", "other"):
        cursor.skip(1)
        other = cursor.take("other")
        number = cursor.take("number")
        length = cursor.period()
        clause.rates.append(_rate(times, number, length * 2 if other is not None else length))
    elif times.low != times.high or clause.times not in (None, times.low):
        raise UnclearError
    else:
        clause.times = times.low


def _every(cursor: Cursor, clause: Clause, joined: str, lexicon: Lexicon) -> None:
    other = cursor.take("other") is not None
    if other and cursor.kind() == "moment":
        clause.rates.append(Amount(1 / 2, 1 / 2))
    if cursor.kind() == "moment":
        clause.at(str(cursor.expect("moment").meaning), joined=joined, lexicon=lexicon)
    elif cursor.kind() == "weekdays" and not other:
        clause.weekdays.extend(_weekdays(cursor, cursor.expect("weekdays")))
    else:
        number = None if other else cursor.take("number")
        clause.rates.append(_rate(_ONCE, number, cursor.period() * (2 if other else 1)))


def _rate(times: Amount, number: Symbol | None, period_days: float) -> Amount:
    """So many times in so many periods, as intakes a day; the longest period gives the fewest."""
    periods = number.amount if number is not None else _ONCE
    if not periods.low > 0:
        raise UnclearError
    return Amount(times.low / (periods.high * period_days), times.high / (periods.low * period_days))


def _weekdays(cursor: Cursor, first: Symbol) -> tuple[str, ...]:
    """One day, several, or "Monday to Friday"."""
    if not cursor.follows("range", "weekdays"):
        return first.days
    cursor.skip(1)
    last = cursor.expect("weekdays")

    begin, end = WEEK.index(first.days[0]), WEEK.index(last.days[-1])
    if begin >= end or len(first.days) > 1 or len(last.days) > 1:
        raise UnclearError
    return WEEK[begin : end + 1]
