"""Agreement beyond chance between two raters who put the same things into categories.

Cohen J. Educ Psychol Meas 1960;20:37-46; the asymptotic standard error that holds for any kappa, not only for zero, is
that of Fleiss JL, Cohen J, Everitt BS. Psychol Bull 1969;72:323-327.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

from cds_hooks.governance.intervals import CONFIDENCE


@dataclass(frozen=True, slots=True)
class Kappa:
    """Kappa with its interval, on `pairs` things; the ends are cut at -1 and 1."""

    value: float
    low: float
    high: float
    error: float
    pairs: int


def kappa(pairs: Sequence[tuple[str, str]], confidence: float = CONFIDENCE) -> Kappa | None:
    """Kappa of (first rater, second rater); None without pairs, or where chance alone would agree always."""
    total = len(pairs)
    if not total:
        return None
    joint = {pair: count / total for pair, count in Counter(pairs).items()}
    first: defaultdict[str, float] = defaultdict(float)
    second: defaultdict[str, float] = defaultdict(float)
    for (one, other), share in joint.items():
        first[one] += share
        second[other] += share
    names = set(first) | set(second)
    seen = sum(joint.get((name, name), 0.0) for name in names)
    chance = sum(first[name] * second[name] for name in names)
    if chance >= 1:
        return None
    value = (seen - chance) / (1 - chance)
    agreeing = sum(
        joint.get((name, name), 0.0) * ((1 - chance) - (first[name] + second[name]) * (1 - seen)) ** 2 for name in names
    )
    differing = (1 - seen) ** 2 * sum(
        share * (second[one] + first[other]) ** 2 for (one, other), share in joint.items() if one != other
    )
    spread = agreeing + differing - (seen * chance - 2 * chance + seen) ** 2
    error = sqrt(max(spread, 0.0) / total) / (1 - chance) ** 2
    reach = NormalDist().inv_cdf((1 + confidence) / 2) * error
    return Kappa(value, max(-1.0, value - reach), min(1.0, value + reach), error, total)
