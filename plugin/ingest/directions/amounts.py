"""How much is taken at once: "1 tablet (50 mg)", "two 25 mg capsules", "100 mg (2 tablets)", a bare "1".

An amount in mg beside a count is either of the strength or of the whole; where the words do not say which, both
readings are kept and the strength of the product decides later.
"""

from __future__ import annotations

from mappings.direction_schema import Limits
from plugin.ingest.directions.clauses import Quantity
from plugin.ingest.directions.cursor import Cursor
from plugin.ingest.directions.words import Amount, UnclearError

_TO_ANOTHER = ("range", "number", "unit")
_PERIODIC = ("rate", "per", "article", "every", "each")


def read_quantity(cursor: Cursor, before: Quantity | None, limits: Limits) -> Quantity:
    """The amount at the cursor; a bare number counts what `before` counted, else units of the product.

    Raises UnclearError for amounts nobody can have meant.
    """
    number = Amount(1.0, 1.0) if cursor.take("article") is not None else cursor.number()
    quantity = _of_strength(cursor, number) or _counted(cursor, number) or _bare(number, before, limits)
    if quantity.unit == "unit" and quantity.amount.high > limits.units_per_intake:
        raise UnclearError
    return quantity


def _of_strength(cursor: Cursor, number: Amount) -> Quantity | None:
    """So many units of a stated strength: "2 x 50 mg", "one 50 mg tablet"."""
    by = cursor.follows("by", "number", "unit")
    if not by and not cursor.follows("number", "unit", "unit"):
        return None
    place = 1 if by else 0
    (counts, factor), form = cursor.symbol(place + 1).unit, cursor.kind(place + 2) == "unit"
    if counts != "mg" or number.part:
        return None
    whole = _product(number, cursor.symbol(place).amount.times(factor))
    cursor.skip(place + 2)
    if not form:
        return Quantity(whole, "mg")
    if cursor.unit()[0] != "unit":
        raise UnclearError
    return Quantity(number, "unit", (whole,))


def _counted(cursor: Cursor, number: Amount) -> Quantity | None:
    if cursor.kind() != "unit":
        return None
    counts, factor = cursor.unit()
    amount = number.times(factor)
    if cursor.follows(*_TO_ANOTHER):
        high, (unit, again) = cursor.symbol(1).amount.times(cursor.symbol(2).unit[1]), cursor.symbol(2).unit
        if (unit, again) != (counts, factor) or amount.high >= high.low:
            raise UnclearError
        amount = Amount(amount.low, high.high)
        cursor.skip(len(_TO_ANOTHER))
    if counts == "mg":
        return _milligrams(cursor, amount)
    return Quantity(amount, counts, _beside(cursor, number, counts))


def _milligrams(cursor: Cursor, amount: Amount) -> Quantity:
    """An amount in mg, with the form or the count of units that may follow it."""
    if cursor.kind() == "unit":
        if cursor.unit()[0] != "unit":
            raise UnclearError
        return Quantity(amount, "mg")
    opened = cursor.kind() == "open"
    place = 1 if opened else 0
    place += 1 if cursor.kind(place) == "equals" else 0
    if (cursor.kind(place), cursor.kind(place + 1)) != ("number", "unit") or cursor.symbol(place + 1).unit[0] == "mg":
        return Quantity(amount, "mg")
    count, (counts, factor) = cursor.symbol(place).amount, cursor.symbol(place + 1).unit
    if opened and cursor.kind(place + 2) != "close":
        raise UnclearError
    cursor.skip(place + 2 + (1 if opened else 0))
    readings = (amount,) if opened or counts == "mL" else (amount, _product(count, amount))
    return Quantity(count.times(factor), counts, readings)


def _beside(cursor: Cursor, count: Amount, counts: str) -> tuple[Amount, ...]:
    """The readings of an amount in mg behind a count; empty when there is none, or when it is a total of the day."""
    opened = cursor.kind() == "open"
    place = 1 if opened else 0
    whole = False
    for kind in ("equals", "total", "equals"):
        if cursor.kind(place) == kind:
            whole, place = True, place + 1
    if (cursor.kind(place), cursor.kind(place + 1)) != ("number", "unit") or cursor.symbol(place + 1).unit[0] != "mg":
        return ()
    if cursor.kind(place + 2) == "unit" or (whole and not opened):
        return ()
    strength = cursor.symbol(place).amount.times(cursor.symbol(place + 1).unit[1])
    place += 2
    behind = cursor.kind(place)
    if behind == "total_daily" or (behind == "total" and cursor.kind(place + 1) in _PERIODIC):
        return ()
    if whole and cursor.kind(place) in _PERIODIC:
        return ()
    if behind in ("total", "each", "apiece"):
        place += 1
    if opened and cursor.kind(place) != "close":
        raise UnclearError
    cursor.skip(place + (1 if opened else 0))
    if behind in ("each", "apiece"):
        if counts == "mL":
            raise UnclearError
        return (_product(count, strength),)
    if whole or behind == "total" or counts == "mL" or count == Amount(1.0, 1.0):
        return (strength,)
    return (strength, _product(count, strength))


def _bare(number: Amount, before: Quantity | None, limits: Limits) -> Quantity:
    if before is not None and before.unit:
        return Quantity(number, before.unit)
    if number.high > limits.bare_units:
        raise UnclearError  # "take 50 daily" means milligrams, but does not say so
    return Quantity(number, "unit")


def _product(count: Amount, strength: Amount) -> Amount:
    return Amount(count.low * strength.low, count.high * strength.high)
