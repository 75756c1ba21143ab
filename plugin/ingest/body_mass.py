"""The body mass index where only weight and height are recorded.

Each weight is paired with the height nearest in time, of two equally near the later one. A day on which the index
itself is recorded needs no computed one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from mappings.domain_schema import Measure
from plugin.amounts import Amount
from plugin.ingest.lab_values import plausible
from plugin.record import LabResult

_CM_IN_M = 100
_Exact = tuple[LabResult, float]


def body_mass(results: Iterable[LabResult], measures: Mapping[str, Measure]) -> list[LabResult]:
    """The indexes that can be computed, each resting on the resources of a weight and a height."""
    known = list(results)
    if not known:
        return []
    found: list[LabResult] = []
    for measure in measures.values():
        if measure.computed is None:
            continue
        recorded = {result.day for result in known if result.measure == measure.id}
        heights = _exact(known, measure.computed.height)
        within = measure.computed.within.on(date.max).amount
        for weight, kilograms in _exact(known, measure.computed.weight):
            near = None if weight.day in recorded else _nearest(heights, weight.day, within)
            if near is not None:
                height, centimetres = near
                found.append(_index(measure, kilograms / (centimetres / _CM_IN_M) ** 2, weight, height))
    return [one for one in found if one.amount is not None and plausible(one.amount, measures[one.measure])]


def _exact(results: Iterable[LabResult], measure: str) -> list[_Exact]:
    """The results of a measure that are a plain number, oldest first."""
    found = [
        (one, one.amount.value) for one in results if one.measure == measure and one.amount and not one.amount.bound
    ]
    return sorted(found, key=lambda pair: (pair[0].day, pair[0].order, pair[0].reference))


def _nearest(heights: Sequence[_Exact], day: date, within: float) -> _Exact | None:
    """The height nearest to `day`; `heights` are oldest first."""
    after = bisect_right(heights, day, key=lambda pair: pair[0].day)
    beside = [pair for pair in heights[max(after - 1, 0) : after + 1] if abs((pair[0].day - day).days) <= within]
    return min(beside, key=lambda pair: (abs((pair[0].day - day).days), day - pair[0].day), default=None)


def _index(measure: Measure, value: float, weight: LabResult, height: LabResult) -> LabResult:
    return LabResult(
        reference=weight.reference,
        measure=measure.id,
        day=weight.day,
        order=weight.order,
        amount=Amount(value),
        also=(height.reference,),
        flags=("computed", *(flag for one in (weight, height) for flag in one.flags if flag == "preliminary")),
    )
