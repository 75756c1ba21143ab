"""A measured amount that may be known only as a bound ("<0.4"), and comparisons that may have no answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isclose


@dataclass(frozen=True, slots=True)
class Amount:
    """A number, or a bound on it: `bound` is ``<``, ``<=``, ``>`` or ``>=`` for a censored value, else empty."""

    value: float
    bound: str = ""

    def times(self, factor: float) -> Amount:
        """The same amount in another unit; `factor` is above zero."""
        return replace(self, value=self.value * factor)

    def below(self, cut: float) -> bool | None:
        """Whether it lies below `cut`; None when the bound leaves it open."""
        at = isclose(self.value, cut)
        under = self.value < cut and not at
        if self.bound.startswith(">"):
            return None if under else False
        if self.bound == "<":
            return True if under or at else None
        if self.bound == "<=":
            return True if under else None
        return under

    def above(self, cut: float) -> bool | None:
        """Whether it lies above `cut`; None when the bound leaves it open."""
        at = isclose(self.value, cut)
        over = self.value > cut and not at
        if self.bound.startswith("<"):
            return None if over else False
        if self.bound == ">":
            return True if over or at else None
        if self.bound == ">=":
            return True if over else None
        return over

    def __str__(self) -> str:
        return f"{self.bound}{self.value:.4g}"
