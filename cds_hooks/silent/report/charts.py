"""The drawings of a report as shapes with places; the templates write them down as SVG without words.

Every drawing stands in the table of its numbers, so that it may shrink with the page. Places along a bar are in
hundredths of its length. A withheld count has no length: its row says so in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FULL = 100.0
_LEAST = 0.4  # width of the narrowest bar that can be seen
_SCALES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar from zero with its interval (None without) and marks of other figures; no `width` where it is withheld."""

    width: float | None
    low: float | None
    high: float | None
    marks: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars on one scale that ends at the share `end`."""

    end: float
    rows: tuple[Bar, ...]


def bars(shares: Sequence[Mapping[str, Any]], marks: Sequence[Sequence[float]] = ()) -> Bars:
    """Shares on one scale, which ends at a round share above all of them, their intervals and marks."""
    ends = [told.get("high") or 0.0 for told in shares] + [mark for some in marks for mark in some]
    end = next((scale for scale in _SCALES if scale >= max(ends, default=0.0)), 1.0)

    def at(value: float | None) -> float | None:
        return None if value is None else round(min(value / end, 1.0) * FULL, 2)

    return Bars(
        end=end,
        rows=tuple(
            Bar(
                width=at(told.get("share")),
                low=at(told.get("low")),
                high=at(told.get("high")),
                marks=tuple(at(mark) or 0.0 for mark in (marks[place] if marks else ())),
            )
            for place, told in enumerate(shares)
        ),
    )


def length(count: int | None, whole: int | None) -> float:
    """A count as a length of a bar that is `whole` long; nothing where either is withheld."""
    return max(round(FULL * count / whole, 2), _LEAST) if count and whole else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a stacked bar; `kind` is a verdict, ``UNSETTLED`` or ``WITHHELD``."""

    x: float
    width: float
    kind: str


def stack(verdicts: Mapping[str, Mapping[str, Any]], not_settled: Mapping[str, Any]) -> tuple[Segment, ...]:
    """The verdicts of a whole population. Those that are not settled are one segment where they are withheld apart.

    All that is withheld is one segment, where the first of it belongs: what the shown ones leave over.
    """
    shares: dict[str, float | None] = {name: told.get("share") for name, told in verdicts.items()}
    together = not_settled.get("share")
    if together is not None and None in (shares["PROBABLE"], shares["INDETERMINATE"]):
        renamed = {"PROBABLE": "UNSETTLED"}
        shares = {renamed.get(name, name): share for name, share in shares.items() if name != "INDETERMINATE"}
        shares["UNSETTLED"] = together
    rest = 1 - sum(share for share in shares.values() if share is not None)
    segments, x = [], 0.0
    for name, known in shares.items():
        kind, share = (name, known) if known is not None else ("WITHHELD", rest)
        rest = rest if known is not None else 0.0
        segments.append(Segment(x=round(x, 2), width=round(share * FULL, 2), kind=kind))
        x += share * FULL
    return tuple(one for one in segments if one.width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A dot for each prescriber by rate per 100, piled where rates are equal, with median and quartiles."""

    width: float
    height: float
    ground: float
    ticks: tuple[tuple[float, int], ...]
    dots: tuple[tuple[float, float], ...]
    radius: float
    lower: float
    median: float
    upper: float


_STRIP, _EDGE, _DOT, _PILE = 440.0, 14.0, 3.0, 90.0


def strip(told: Mapping[str, Any]) -> Strip | None:
    """Rates per 100 moments; None where too few prescribers have one."""
    rates: Sequence[int] = told["ratesPer100"]
    if not rates or told["median"] is None:
        return None

    def at(rate: float) -> float:
        return round(_EDGE + rate / FULL * (_STRIP - 2 * _EDGE), 1)

    piles = Counter(rates)
    step = min(_DOT * 2, _PILE / max(piles.values()))
    ground = max(piles.values()) * step + 8
    return Strip(
        width=_STRIP,
        height=ground + 42,
        ground=ground,
        ticks=tuple((at(rate), rate) for rate in range(0, 101, 20)),
        dots=tuple(
            (at(rate), round(ground - step / 2 - number * step - 1, 1))
            for rate, many in sorted(piles.items())
            for number in range(many)
        ),
        radius=min(_DOT, step / 2),
        lower=at(told["lowerQuartile"]),
        median=at(told["median"]),
        upper=at(told["upperQuartile"]),
    )
