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


def proportion(part: int, whole: int, confidence: float = CONFIDENCE) -> Proportion | None:
    """`part` of `whole` with its Wilson interval; None when `whole` is 0. ValueError when `part` is not in 0..whole."""
    if not 0 <= part <= whole:
        raise ValueError("a part must lie between nothing and the whole")
    if whole == 0:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, weight = part / whole, z * z / whole
    middle = (share + weight / 2) / (1 + weight)
    reach = z * sqrt(share * (1 - share) / whole + weight / (4 * whole)) / (1 + weight)
    # At the ends the limit is exactly 0 or 1; rounding must not move it.
    return Proportion(
        part, whole, 0.0 if part == 0 else max(0.0, middle - reach), 1.0 if part == whole else min(1.0, middle + reach)
    )
