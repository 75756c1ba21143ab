"""Results of the measures that rules and checks read: laboratory values, vital signs, totals and items of other scales.

A value is kept in the unit of its measure; a censored one ("<0.4") stays a bound, one in an unknown unit is kept
without a number, and one that cannot be is set aside. Days in the future are kept: the reasoning leaves out what lies
after its day of judgement.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from functools import partial
from typing import NamedTuple

from mappings.domain_schema import Measure
from mappings.load import Knowledge
from plugin.findings import SetAside
from plugin.ingest.body_mass import body_mass
from plugin.ingest.codings import Coding, concept_of
from plugin.ingest.item_answers import origin_of, read_item
from plugin.ingest.lab_values import LabValue, factors_of, read_value
from plugin.ingest.measure_codes import MeasureCodes, MeasureRole, measure_codes_of
from plugin.ingest.questionnaires import FINISHED, NOT_FINISHED, bare_codes, items_of
from plugin.ingest.read_once import ReadOnce
from plugin.ingest.readings import only_issued, when_observed
from plugin.ingest.references import Member
from plugin.ingest.resources import ClosedList, Json, instant_in, objects
from plugin.record import ItemAnswer, LabResult

_COUNTED = ClosedList("final", "amended", "corrected", "preliminary")
_NOT_COUNTED = "not counted: its status is none of final, amended, corrected, preliminary"
_NO_DAY = "the day of the measure is not known"
_PRELIMINARY_ITEM = "preliminary: the answer to an item counts when it is final"
_THROUGH_MEMBERS = "a panel without a value of its own: its members are read"
_COULD_NOT = "could not be read"


class Results(NamedTuple):
    """Results and item answers, each oldest first, and the resources of a known measure that gave neither."""

    results: list[LabResult]
    answers: list[ItemAnswer]
    aside: list[SetAside]


class _Part(NamedTuple):
    """One element that tells of a measure: an Observation, a component, a questionnaire answer."""

    role: MeasureRole
    element: Json


class _Seen(NamedTuple):
    """Where and when something was observed."""

    member: Member
    day: date
    order: str
    group: str
    flags: tuple[str, ...]


@dataclass
class _Factors:
    """Unit factors by measure, worked out once for a record."""

    _known: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def of(self, measure: Measure) -> Mapping[str, float]:
        """The factors of `measure` by unit as compared."""
        if measure.id not in self._known:
            self._known[measure.id] = factors_of(measure)
        return self._known[measure.id]


def read_laboratory(
    members: Iterable[Member],
    codings: Mapping[str, tuple[Coding, ...]],
    knowledge: Knowledge,
    zone: tzinfo | None,
    already: ReadOnce | None = None,
) -> Results:
    """All results and answers in Observations and QuestionnaireResponses, and why one of a known measure has none.

    `codings` are the codings of the Observations by reference.
    """
    codes, factors = measure_codes_of(knowledge), _Factors()
    found = Results([], [], [])

    for member in members:
        read = partial(_told, member, codings.get(member.reference, ()), codes, factors, zone)
        own = read() if already is None else already.of("laboratory", member.resource, read, given=member.reference)
        found.results.extend(own.results)
        found.answers.extend(own.answers)
        found.aside.extend(own.aside)
    found.results.extend(body_mass(found.results, knowledge.clinical.measures))
    found.results.sort(key=lambda result: (result.day, result.order, result.reference, result.measure))
    found.answers.sort(key=lambda one: (one.day, one.order, one.instrument, one.item, one.reference))
    return found


def _told(
    member: Member, codings: tuple[Coding, ...], codes: MeasureCodes, factors: _Factors, zone: tzinfo | None
) -> Results:
    """What one resource tells, or why it tells nothing."""
    found = Results([], [], [])
    try:
        reason = _read(member, codings, codes, factors, zone, found)
    except Exception:  # one resource must never cost the others; the tests hold that no known input leads here
        reason = _COULD_NOT
    if reason:
        found.aside.append(SetAside(reference=member.reference, reason=reason))
    return found


def _read(
    member: Member,
    codings: tuple[Coding, ...],
    codes: MeasureCodes,
    factors: _Factors,
    zone: tzinfo | None,
    found: Results,
) -> str:
    """Add what one resource tells; the reason when it is of a known measure and tells nothing, else empty."""
    reference, kind, resource = member
    asked = kind == "QuestionnaireResponse"
    parts = _asked(resource, codes) if asked else _observed(resource, codings, codes)
    if not parts:
        return _THROUGH_MEMBERS if not asked and codes.is_panel(codings) else ""
    status = (FINISHED if asked else _COUNTED).word(resource.get("status"))
    if not status:
        return NOT_FINISHED if asked else _NOT_COUNTED
    day, order = instant_in(resource.get("authored"), None) if asked else when_observed(resource, zone)
    if day is None or day.day is None:
        return _NO_DAY
    flags = [] if status != "preliminary" else ["preliminary"]
    flags += ["issued-only"] if not asked and only_issued(resource) else []
    group = reference if asked or len(parts) > 1 else ""
    seen = _Seen(member, day.day, order, group, tuple(flags))
    reasons = [_note(part, seen, factors, found) for part in parts]
    return "" if "" in reasons else reasons[-1]


def _observed(resource: Json, codings: tuple[Coding, ...], codes: MeasureCodes) -> list[_Part]:
    own = codes.role_of(codings)
    parts = [_Part(own, resource)] if own is not None else []
    for component in objects(resource.get("component")):
        role = codes.role_of(concept_of(component.get("code")).codings)
        if role is not None:
            parts.append(_Part(role, component))
    return parts


def _asked(resource: Json, codes: MeasureCodes) -> list[_Part]:
    parts = []
    for item in items_of(resource):
        role = codes.role_of(concept_of(item.get("code")).codings)
        for bare in bare_codes(item) if role is None else ():
            role = codes.role_of_bare(bare)
            if role is not None:
                break
        if role is not None:
            parts += [_Part(role, answer) for answer in objects(item.get("answer"))[:1]]
    return parts


def _note(part: _Part, seen: _Seen, factors: _Factors, found: Results) -> str:
    """Add what one element says; the reason when it says nothing usable, else empty."""
    measure = part.role.measure
    if part.role.item:
        if "preliminary" in seen.flags:
            return _PRELIMINARY_ITEM
        said = read_item(part.element, measure, part.role.item)
        if isinstance(said, str):
            return said
        origin = origin_of(seen.member)
        found.answers.append(
            ItemAnswer(
                instrument=measure.id,
                item=part.role.item,
                day=seen.day,
                reference=seen.member.reference,
                value=said.value,
                meaning=said.meaning,
                order=seen.order,
                group=seen.group,
                source=origin.source,
                encounter=origin.encounter,
                recorded_by=origin.recorded_by,
                flags=origin.flags,
            )
        )
        return ""
    value = read_value(part.element, measure, factors.of(measure))
    if isinstance(value, str):
        return value
    found.results.append(_result(value, measure, seen))
    return ""


def _result(value: LabValue, measure: Measure, seen: _Seen) -> LabResult:
    return LabResult(
        reference=seen.member.reference,
        measure=measure.id,
        day=seen.day,
        order=seen.order,
        amount=value.amount,
        meaning=value.meaning,
        position=value.position,
        low=value.low,
        high=value.high,
        flags=(*value.flags, *seen.flags),
    )
