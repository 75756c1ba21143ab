"""Invented records that hold scales, laboratory values and answers, to try the scoring of symptom domains on.

The synthetic cohort records outcome scales only, as clinics do; here each person has a hidden strength in every domain
and, by chance, the measures that tell of it, read off the anchors of the knowledge with some noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from cds_hooks.cohort.drawing import Draw
from mappings.domain_schema import Indicator, Point
from mappings.load import Knowledge
from plugin.amounts import Amount
from plugin.record import ItemAnswer, LabResult, PatientRecord, Score

_SHEET = "phq9"
_PRESENT = 1 / 2  # the share of the other measures that a record has
_NOISE = 1 / 4  # how far evidence strays from the hidden strength


@dataclass
class _Drawn:
    """What one invented person has on record."""

    results: list[LabResult] = field(default_factory=list)
    answers: dict[tuple[str, int], ItemAnswer] = field(default_factory=dict)


def scaled_records(count: int, *, seed: int, as_of: date, knowledge: Knowledge) -> Iterator[PatientRecord]:
    """`count` records, the same for the same `seed`; severity is high enough for a profile in all of them."""
    for number in range(count):
        yield _record(Draw("sensitivity", seed, number), number, as_of, knowledge)


def _record(draw: Draw, number: int, as_of: date, knowledge: Knowledge) -> PatientRecord:
    drawn, known = _Drawn(), knowledge.clinical
    recencies = {one.id: int(one.half_life.on(as_of).amount) for one in known.scoring.recency}
    seen: set[str] = set()
    for domain in known.domains.values():
        strength = draw.amid(0, 1)
        for member in (member for family in domain.families for member in family.members):
            indicator = known.indicators[member.indicator]
            present = indicator.measure == _SHEET or draw.chance(_PRESENT)
            evidence = min(1.0, max(0.0, strength + draw.amid(-_NOISE, _NOISE)))
            age = 0 if indicator.measure == _SHEET else draw.between(0, recencies[indicator.recency])
            if present and indicator.id not in seen:
                seen.add(indicator.id)
                _note(drawn, indicator, evidence, as_of - timedelta(days=age), f"{number}-{indicator.id}", as_of)
    severe = knowledge.instruments[_SHEET].maximum
    return PatientRecord(
        patient=None,
        scores=(Score(instrument=_SHEET, value=severe, day=as_of, references=(f"Observation/{number}-total",)),),
        laboratory=tuple(drawn.results),
        answers=tuple(drawn.answers.values()),
    )


def _note(drawn: _Drawn, indicator: Indicator, evidence: float, day: date, name: str, as_of: date) -> None:
    """Write down the value that says `evidence`; answers of one item are the same for every indicator that reads it."""
    anchors = list(indicator.anchors.values.values())[-1]
    raw = value_saying(evidence, anchors.points)
    reference = f"Observation/{name}"
    if indicator.take in ("item", "highest"):
        for item in indicator.items:
            answer = ItemAnswer(
                instrument=indicator.measure, item=item, value=float(round(raw)), day=day, reference=reference
            )
            drawn.answers.setdefault((indicator.measure, item), answer)
        return
    if indicator.reference is not None:
        raw = indicator.reference.on(as_of).amount - raw
    drawn.results.append(LabResult(reference=reference, measure=indicator.measure, day=day, amount=Amount(raw)))


def value_saying(evidence: float, points: tuple[Point, ...]) -> float:
    """The value on the curve of anchors that says `evidence`, from 0 to 1; an end of the curve where none does.

    >>> value_saying(0.75, ((0, 0), (10, 0.5), (20, 1)))
    15.0
    """
    for (low, first), (high, last) in pairwise(points):
        if min(first, last) <= evidence <= max(first, last) and first != last:
            return low + (high - low) * (evidence - first) / (last - first)
    ends: Mapping[float, float] = {points[0][1]: points[0][0], points[-1][1]: points[-1][0]}
    return ends[min(ends, key=lambda said: abs(said - evidence))]
