"""Whether a count that is withheld could be had from those that are shown, by adding and subtracting them.

Every count is a sum over the same groups of cards, so it is a vector with a 1 for each group it covers. A withheld
count can be had from others exactly when its vector lies in the span of theirs. The span is taken modulo the prime
2³¹ − 1. There may be many more groups than counts: each group is therefore given a pseudo-random vector with a few more
places than there are counts, and a count is the sum of those of its groups. What lies outside a span stays outside,
but for a chance of about one in the prime (Schwartz and Zippel), and what lies inside stays inside. A vector is one
large integer with 64 bits for each place, so that all places are added at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache

_BITS = 31
_PRIME = (1 << _BITS) - 1
_LANE = 64


def vector_of(group: int, places: int) -> int:
    """The vector of a group of cards; up to 2³³ of them may be added."""
    drawn = hashlib.shake_256(group.to_bytes(8, "big")).digest(places * _LANE // 8)
    low: int = _ones(places) * _PRIME
    return int.from_bytes(drawn, "little") & low


@cache
def _ones(places: int) -> int:
    return sum(1 << (_LANE * place) for place in range(places))


class Derivation:
    """What follows from the counts shown so far, watched for the counts that must not.

    Counts are given as their vectors, which have no more than `places` places.
    """

    def __init__(self, withheld: Iterable[int], places: int) -> None:
        self._ones = ones = _ones(places)
        self._low = ones * _PRIME
        self._high = ones * (2 ** (_LANE - _BITS) - 1)
        self._basis: list[tuple[int, int]] = []  # place of the pivot, vector with 1 there
        self._watched = [self._reduced(vector) for vector in dict.fromkeys(withheld) if vector]

    def allows(self, shown: Iterable[int]) -> bool:
        """Show the counts with these vectors, unless a withheld one would follow from them; then change nothing."""
        if not self._watched:
            return True
        before = list(self._basis), list(self._watched)
        for vector in dict.fromkeys(shown):
            if not self._add(self._reduced(vector)):
                self._basis, self._watched = before
                return False
        return True

    def _add(self, vector: int) -> bool:
        for place, known in self._basis:
            vector = self._cleared(vector, place, known)
        if vector == 0:
            return True  # it says nothing new
        place = ((vector & -vector).bit_length() - 1) // _LANE
        vector = self._reduced(vector * pow(_value(vector, place), -1, _PRIME))
        self._basis.append((place, vector))
        self._watched = [self._cleared(one, place, vector) for one in self._watched]
        return all(self._watched)

    def _cleared(self, vector: int, place: int, known: int) -> int:
        """`vector` less the multiple of `known` that leaves 0 in `place`."""
        value = _value(vector, place)
        return self._reduced(vector + (_PRIME - value) * known) if value else vector

    def _reduced(self, vector: int) -> int:
        """The same modulo the prime in every place, from 0 to one less than it."""
        for _ in range(3):
            vector = (vector & self._low) + ((vector >> _BITS) & self._high)
        full = ((vector + self._ones) >> _BITS) & self._ones  # 1 where the prime itself stands
        return vector - full * _PRIME


def _value(vector: int, place: int) -> int:
    return (vector >> (place * _LANE)) & ((1 << _LANE) - 1)
