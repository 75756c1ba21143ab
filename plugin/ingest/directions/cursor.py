"""A place in the symbols of a text, with what follows it."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.ingest.directions.words import Amount, Symbol, UnclearError

_END = Symbol("")


class Cursor:
    """Reads symbols from first to last. The kind behind the last one is ``""``."""

    def __init__(self, symbols: Sequence[Symbol]) -> None:
        self._symbols = symbols
        self._place = 0

    def symbol(self, ahead: int = 0) -> Symbol:
        """The symbol so many places ahead."""
        place = self._place + ahead
        return self._symbols[place] if place < len(self._symbols) else _END

    def kind(self, ahead: int = 0) -> str:
        """The kind of the symbol so many places ahead."""
        return self.symbol(ahead).kind

    def follows(self, *kinds: str) -> bool:
        """Whether symbols of just these kinds come next."""
        return all(self.kind(ahead) == kind for ahead, kind in enumerate(kinds))

    def skip(self, count: int) -> None:
        """Go on by so many symbols."""
        self._place += count

    def take(self, *kinds: str) -> Symbol | None:
        """The next symbol if it is of one of these kinds, and go on; else None."""
        symbol = self.symbol()
        if symbol.kind not in kinds:
            return None
        self._place += 1
        return symbol

    def expect(self, *kinds: str) -> Symbol:
        """The next symbol, which must be of one of these kinds. Raises UnclearError otherwise."""
        symbol = self.take(*kinds)
        if symbol is None:
            raise UnclearError
        return symbol

    def number(self) -> Amount:
        """The next symbol, which must be a number."""
        return self.expect("number").amount

    def unit(self) -> tuple[str, float]:
        """The next symbol, which must be a unit: what it counts and the factor."""
        return self.expect("unit").unit

    def period(self) -> float:
        """The next symbol, which must be a unit of time, in days."""
        return self.expect("period").rate
