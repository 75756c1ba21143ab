"""Reproducible chance: the same name of a draw gives the same numbers on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """One stream of chance, named by its parts; streams of other names do not disturb it."""

    def __init__(self, *parts: str | int) -> None:
        self._random = Random(":".join(str(part) for part in parts))  # noqa: S311 - invented lives, no secrets

    def chance(self, share: float) -> bool:
        """True in `share` of all draws."""
        return self._random.random() < share

    def between(self, low: float, high: float) -> int:
        """A whole number from `low` to `high`, both included."""
        return self._random.randint(int(low), int(high))

    def amid(self, low: float, high: float) -> float:
        """Any number from `low` to `high`."""
        return self._random.uniform(low, high)

    def around(self, low: float, mode: float, high: float) -> float:
        """A number from `low` to `high`, most often near `mode`."""
        return self._random.triangular(low, high, mode)

    def pick(self, weighted: Sequence[tuple[T, float]]) -> T:
        """One of the things, each as often as its weight says; ValueError when there is none."""
        return self._random.choices([thing for thing, _ in weighted], [weight for _, weight in weighted])[0]

    def one_of(self, things: Sequence[T]) -> T:
        """One of the things, each as often as another."""
        return self._random.choice(things)
