"""Results of the measures that rules and checks read: laboratory values, vital signs, totals of other scales.

A value is kept in the unit of its measure; a censored one ("<0.4") stays a bound, one in an unknown unit is kept
without a number, and one that cannot be is set aside. Days in the future are kept: the reasoning leaves out what lies
after its day of judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import tzinfo

from mappings.domain_schema import Measure
from mappings.load import Knowledge
from plugin.findings import SetAside
from plugin.ingest.codings import Concept, concept_of
from plugin.ingest.lab_values import factors_of, read_value
from plugin.ingest.readings import when_observed
from plugin.ingest.resources import Json, code_word, objects
from plugin.ingest.vocabulary import plain_code
from plugin.record import LabResult

_COUNTED = ("final", "amended", "corrected", "preliminary")
_Measured = list[tuple[Measure, Json]]


@dataclass(frozen=True, slots=True)
class _MeasureCodes:
    """Which measure a coding belongs to."""

    knowledge: Knowledge
    measures: Mapping[tuple[str, str], Measure]
    refused: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, knowledge: Knowledge) -> _MeasureCodes:
        known = knowledge.clinical.measures.values()
        return cls(
            knowledge=knowledge,
            measures={(code.system, plain_code(code.code)): measure for measure in known for code in measure.codes},
            refused=frozenset((code.system, plain_code(code.code)) for measure in known for code in measure.not_this),
        )

    def measure_of(self, concept: Concept) -> Measure | None:
        """The measure that all known codings agree on; none when one of them must not be read."""
        keys = {
            (self.knowledge.system_of(coding.system) or "", plain_code(coding.code))
            for coding in concept.codings
            if coding.system and coding.code
        }
        found = {measure.id: measure for key in keys if (measure := self.measures.get(key)) is not None}
        return next(iter(found.values())) if len(found) == 1 and self.refused.isdisjoint(keys) else None


def read_laboratory(
    observations: Iterable[tuple[str, Json]], knowledge: Knowledge, zone: tzinfo | None
) -> tuple[list[LabResult], list[SetAside]]:
    """All results, oldest first, and the Observations of a known measure that gave none, with the reason."""
    codes = _MeasureCodes.of(knowledge)
    found: list[LabResult] = []
    aside: list[SetAside] = []
    for reference, resource in observations:
        elements = (resource, *objects(resource.get("component")))
        parts = [(measure, e) for e in elements if (measure := codes.measure_of(concept_of(e.get("code")))) is not None]
        if not parts:
            continue
        read = _results(reference, resource, parts, zone)
        if isinstance(read, str):
            aside.append(SetAside(reference=reference, reason=read))
        else:
            found.extend(read)
    return sorted(found, key=lambda result: (result.day, result.order, result.reference, result.measure)), aside


def _results(reference: str, resource: Json, parts: _Measured, zone: tzinfo | None) -> list[LabResult] | str:
    """The results of one Observation, or why there is none."""
    status = code_word(resource.get("status"), _COUNTED)
    if not status:
        return "not counted: its status is none of final, amended, corrected, preliminary"
    day, order = when_observed(resource, zone)
    if day is None or day.day is None:
        return "the day of the measure is not known"
    found: list[LabResult] = []
    reason = ""
    for measure, element in parts:
        value = read_value(element, measure, factors_of(measure))
        if isinstance(value, str):
            reason = value
            continue
        found.append(
            LabResult(
                reference=reference,
                measure=measure.id,
                day=day.day,
                order=order,
                amount=value.amount,
                meaning=value.meaning,
                position=value.position,
                low=value.low,
                high=value.high,
                flags=(*value.flags, *(("preliminary",) if status == "preliminary" else ())),
            )
        )
    return found or reason
