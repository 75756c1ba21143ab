"""Numbers as they are written together: "one and a half", "1 1/2", "2 (two)", "1-2", "up to 2"."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.ingest.directions.words import Amount, Symbol, UnclearError

_TWICE = ("number", "open", "number", "close")
_RANGE = (("range", "number"), ("choice", "number"))


def joined(symbols: Sequence[Symbol]) -> list[Symbol]:
    """The symbols with every group of figures as one number. Raises UnclearError for a group with two readings."""
    return _ranges(_restated(_mixed(symbols)))


def _mixed(symbols: Sequence[Symbol]) -> list[Symbol]:
    """A whole number and the part behind it, with or without "and" between."""
    found: list[Symbol] = []
    for symbol in symbols:
        mixed = None
        if symbol.kind == "number" and symbol.amount.part and found:
            and_between = found[-1].kind == "and" and len(found) > 1
            whole = found[-2] if and_between else found[-1]
            if whole.kind == "number":
                beside = and_between or not symbol.spelt[0].isalpha()  # "two half tablets" are one tablet, not 2.5
                if whole.amount.part or not whole.amount.low.is_integer() or not beside:
                    raise UnclearError
                del found[-2 if and_between else -1 :]
                total = whole.amount.low + symbol.amount.low
                mixed = Symbol("number", Amount(total, total), "mixed")
        found.append(mixed or symbol)
    return found


def _restated(symbols: Sequence[Symbol]) -> list[Symbol]:
    """A number said twice, in words and in figures: "2 (two)". Two different ones are unclear."""
    found: list[Symbol] = []
    place = 0
    while place < len(symbols):
        kinds = tuple(symbol.kind for symbol in symbols[place : place + len(_TWICE)])
        found.append(symbols[place])
        if kinds == _TWICE:
            if symbols[place].amount.low != symbols[place + 2].amount.low:
                raise UnclearError
            place += len(kinds)
        else:
            place += 1
    return found


def _ranges(symbols: Sequence[Symbol]) -> list[Symbol]:
    """Two numbers with "to" or "or" between, lowest first; "up to" reaches down to none."""
    found: list[Symbol] = []
    place = 0
    while place < len(symbols):
        symbol = symbols[place]
        following = symbols[place + 1 : place + 1 + 2]
        if symbol.kind == "at_most":
            if not following or following[0].kind != "number":
                raise UnclearError
            symbol = Symbol("number", Amount(0.0, following[0].amount.high), "range")
            place += 1
        elif symbol.kind == "number" and tuple(s.kind for s in following) in _RANGE:
            low, high = symbol.amount, following[1].amount
            # "1-1/2" may be one and a half, "1-0-1" a scheme: only what rises is a range.
            if low.high >= high.low or _kind_at(symbols, place + 1 + 2) in ("range", "choice"):
                raise UnclearError
            symbol = Symbol("number", Amount(low.low, high.high), "range")
            place += 2
        found.append(symbol)
        place += 1
    return found


def _kind_at(symbols: Sequence[Symbol], place: int) -> str:
    return symbols[place].kind if place < len(symbols) else ""
