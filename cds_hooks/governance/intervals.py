"""The interval of a proportion, by Wilson's score method.

Wilson EB. Probable inference, the law of succession, and statistical inference. J Am Stat Assoc 1927;22:209–212;
compared with others by Newcombe RG. Stat Med 1998;17:857–872 (there method 3). It never leaves 0 to 1 and stays usable
where nothing, or everything, was accepted.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Proportion:
    """`part` of `whole` with the limits of its interval, all between 0 and 1."""

    part: int
    whole: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The observed share."""
        return self.part / self.whole


def proportion(
    part: int, whole: int, confidence: float = CONFIDENCE, *, size: float | None = None
) -> Proportion | None:
    """`part` of `whole` with its Wilson interval; None when `whole` is 0. ValueError when `part` is not in 0..whole.

    `size`, above 0, is the number of independent ones that would tell as much, where those counted are not; without it
    they are.
    """
    if not 0 <= part <= whole:
        raise ValueError("a part must lie between nothing and the whole")
    if whole == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    size = whole if size is None else size
    share, weight = part / whole, z * z / size
    middle = (share + weight / 2) / (1 + weight)
    reach = z * sqrt(share * (1 - share) / size + weight / (4 * size)) / (1 + weight)
    # At the ends the limit is exactly 0 or 1; rounding must not move it.
    return Proportion(
        part, whole, 0.0 if part == 0 else max(0.0, middle - reach), 1.0 if part == whole else min(1.0, middle + reach)
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One share less another with the limits of its interval, all between -1 and 1."""

    value: float
    low: float
    high: float


def difference(one: tuple[int, int], other: tuple[int, int], confidence: float = CONFIDENCE) -> Difference | None:
    """The share ``part of whole`` of `one` less that of `other`; None when either whole is 0.

    The interval is made of both Wilson intervals: Newcombe RG. Stat Med 1998;17:873–890, method 10.
    """
    first, second = proportion(*one, confidence), proportion(*other, confidence)
    if first is None or second is None:
        return None
    value = first.value - second.value
    below = sqrt((first.value - first.low) ** 2 + (second.high - second.value) ** 2)
    above = sqrt((first.high - first.value) ** 2 + (second.value - second.low) ** 2)
    return Difference(value, max(-1.0, value - below), min(1.0, value + above))
