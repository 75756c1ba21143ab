"""Scores on rating scales, and the answers to their items, out of Observations and QuestionnaireResponses.

Only final results count. A total is taken from the total's own code, or from the items; one item is never a
total, and scales for other groups (teenagers, two items) are never read as the scale they resemble. An answer is
a fact of its own, whether or not its scale is complete. Every resource ends in a fact or is set aside with its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, tzinfo
from functools import partial
from typing import NamedTuple

from plugin.findings import SetAside
from plugin.ingest.codings import Coding, concept_of
from plugin.ingest.item_answers import item_answer, origin_of
from plugin.ingest.questionnaires import read_questionnaire
from plugin.ingest.read_once import ReadOnce
from plugin.ingest.readings import Answer, Total, number_in, when_observed
from plugin.ingest.references import Member, Received
from plugin.ingest.resources import ClosedList, Json, objects
from plugin.ingest.totals import Sheet, reconciled, settle, sheets_among
from plugin.ingest.vocabulary import Role, ScaleCodes, Vocabulary
from plugin.record import ItemAnswer, Score

MEASURE_TYPES = ("Observation", "QuestionnaireResponse")
_FINAL = ClosedList("final", "amended", "corrected")
COULD_NOT_BE_READ = "could not be read"
_NO_MEASURE = "not a measure this version reads"
_TOO_FEW = "too few answered items for a total"
_OTHER_SCALE = "another scale than those this version reads"

Day = tuple[str, date]


@dataclass(frozen=True, slots=True)
class _Panel:
    """The panel Observation that others are members of, the scales its code names, and those that hold their items."""

    reference: str = ""
    instruments: frozenset[str] = frozenset()
    longer: frozenset[str] = frozenset()


_NO_PANEL = _Panel()


class _Sighting(NamedTuple):
    """Where and when something was observed; `group` is the panel or resource it belongs to."""

    reference: str
    element: str
    day: date
    order: str
    group: str


@dataclass(slots=True)
class _Heard:
    """What one resource says, and why it may end up unused."""

    reference: str
    totals: list[Total] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    stray_answers: list[Answer] = field(default_factory=list)
    why_not: str = COULD_NOT_BE_READ

    def note(self, role: Role, value: float | None, seen: _Sighting, *, stray: bool = False) -> str:
        """Add what one element says; the reason when it says nothing usable, else empty.

        A `stray` answer was given on a shorter scale that shares the item: it counts toward no total of this one.
        """
        if role.kind == "other":
            return _OTHER_SCALE
        if value is None:
            return "" if role.kind == "panel" else "no readable value"
        if role.kind == "item":
            (self.stray_answers if stray else self.answers).append(
                Answer(
                    instrument=role.instrument,
                    item=role.item,
                    value=value,
                    day=seen.day,
                    order=seen.order,
                    reference=seen.reference,
                    element=seen.element,
                    group=seen.group,
                )
            )
            return ""
        if not role.instrument.minimum <= value <= role.instrument.maximum:
            return "its value is outside the range of the scale"
        self.totals.append(
            Total(
                instrument=role.instrument,
                value=value,
                day=seen.day,
                order=seen.order,
                references=(seen.reference, seen.group)
                if seen.group not in ("", seen.reference)
                else (seen.reference,),
                group=seen.group,
                suspect=role.kind == "panel",
            )
        )
        return ""


class Measured(NamedTuple):
    """Scores and item answers, each oldest first, and the resources that gave neither.

    `codings` are those of every Observation by reference, read once for whoever looks for something else in them.
    """

    scores: list[Score]
    answers: list[ItemAnswer]
    aside: list[SetAside]
    codings: Mapping[str, tuple[Coding, ...]]


class _Coded(NamedTuple):
    """The codings of an Observation, and what they mean for the scales."""

    codings: tuple[Coding, ...]
    roles: tuple[Role, ...]


def read_measures(
    members: Sequence[Member],
    received: Received,
    vocabulary: Vocabulary,
    zone: tzinfo | None,
    already: ReadOnce | None = None,
) -> Measured:
    """All scores and item answers on the instruments of outcome."""
    reading = _Reading(vocabulary.scales, zone, already)
    coded = {one.reference: reading.coded(one) for one in members if one.kind == "Observation"}
    panels, others = _panels(members, received, coded)
    observed: list[_Heard] = []
    asked: list[_Heard] = []
    for member in members:
        if member.kind == "QuestionnaireResponse":
            asked.append(reading.asked(member))
        elif member.reference in others:
            observed.append(_Heard(member.reference, why_not=_OTHER_SCALE))
        else:
            panel = panels.get(member.reference, _NO_PANEL)
            observed.append(reading.observed(member, coded[member.reference].roles, panel))
    scores = _scores(observed, asked)
    answers = _answers(observed, asked, {member.reference: member for member in members})
    used = {reference for score in scores for reference in score.references}
    used.update([answer.reference for answer in answers])
    aside = [
        SetAside(reference=heard.reference, reason=heard.why_not)
        for heard in (*observed, *asked)
        if heard.reference not in used
    ]
    return Measured(scores, answers, aside, {reference: one.codings for reference, one in coded.items()})


class _Reading(NamedTuple):
    """What the resources of one record are read with, each once where they are read `already`."""

    scales: ScaleCodes
    zone: tzinfo | None
    already: ReadOnce | None

    def coded(self, member: Member) -> _Coded:
        """The codes of an Observation."""
        if self.already is None:
            return self._coded(member)
        return self.already.of("codes", member.resource, partial(self._coded, member))

    def _coded(self, member: Member) -> _Coded:
        codings = concept_of(member.resource.get("code")).codings
        return _Coded(codings, self.scales.roles(codings))

    def observed(self, member: Member, roles: tuple[Role, ...], panel: _Panel) -> _Heard:
        """What an Observation says as a member of `panel`."""
        if not roles and "component" not in member.resource:
            return _Heard(member.reference, why_not=_NO_MEASURE)

        read = partial(_heard, member, partial(_observed, member, roles, panel, self))
        if self.already is None:
            return read()
        return self.already.of("measure", member.resource, read, given=(member.reference, panel))

    def asked(self, member: Member) -> _Heard:
        """What a QuestionnaireResponse says."""
        read = partial(_heard, member, partial(_asked, member, self))
        if self.already is None:
            return read()
        return self.already.of("measure", member.resource, read, given=member.reference)


def _heard(member: Member, read: Callable[[_Heard], str]) -> _Heard:
    heard = _Heard(member.reference)
    with suppress(Exception):  # one resource must never cost the others; the tests hold that no known input leads here
        heard.why_not = read(heard)
    return heard


def _answers(observed: Sequence[_Heard], asked: Sequence[_Heard], members: Mapping[str, Member]) -> list[ItemAnswer]:
    """Every answer within the range of its item once, by the longest scale that has the item."""
    longest: dict[str, Answer] = {}
    every = [answer for heard in (*observed, *asked) for answer in heard.answers]
    every += [answer for heard in observed for answer in heard.stray_answers]
    for answer in sorted(every, key=lambda one: -len(one.instrument.items)):
        if 0 <= answer.value <= answer.instrument.item_maximum:
            longest.setdefault(answer.element, answer)
    origins = {reference: origin_of(members[reference]) for reference in {one.reference for one in longest.values()}}
    read = [item_answer(answer, origins[answer.reference]) for answer in longest.values()]
    return sorted(read, key=lambda one: (one.day, one.order, one.instrument, one.item, one.reference))


def _panels(
    members: Iterable[Member], received: Received, coded: Mapping[str, _Coded]
) -> tuple[dict[str, _Panel], set[str]]:
    """Which panel each member Observation belongs to, and which Observations belong to a scale that is not
    read.
    """
    panels: dict[str, _Panel] = {}
    others: set[str] = set()
    for reference, kind, resource in members:
        roles = coded[reference].roles if kind == "Observation" else ()
        kinds = {role.kind for role in roles}
        if kinds == {"other"}:
            others.update((reference, *_linked(resource, received)))
        elif "panel" in kinds and _FINAL.word(resource.get("status")):
            named = [role.instrument for role in roles if role.kind == "panel"]
            longer = frozenset(id_ for instrument in named for id_ in instrument.part_of)
            panel = _Panel(reference, frozenset(instrument.id for instrument in named), longer)
            panels.update(dict.fromkeys((*_linked(resource, received), reference), panel))
    return panels, others


def _linked(resource: Json, received: Received) -> list[str]:
    """The Observations that a panel names as its members."""
    return [
        target[0]
        for link in (*objects(resource.get("hasMember")), *objects(resource.get("related")))
        if (target := received.find(link.get("target") or link, parent=resource, kind="Observation")) is not None
    ]


def _asked(member: Member, reading: _Reading, heard: _Heard) -> str:
    """Note the totals and answers of one QuestionnaireResponse; the reason that holds if none of them gives a score."""
    read = read_questionnaire(member.reference, member.resource, reading.scales, reading.zone)
    if isinstance(read, str):
        return read
    heard.totals.extend(read[0])
    heard.answers.extend(read[1])
    return _TOO_FEW


def _observed(member: Member, own: tuple[Role, ...], panel: _Panel, reading: _Reading, heard: _Heard) -> str:
    """Note the totals and answers of one Observation; the reason that holds if none of them gives a score."""
    reference, _, resource = member
    scales = reading.scales
    parts = [(scales.roles(concept_of(part.get("code")).codings), part) for part in objects(resource.get("component"))]
    parts = [(roles, part) for roles, part in parts if roles]
    if not own and not parts:
        return _NO_MEASURE
    if not _FINAL.word(resource.get("status")):
        return "not final: its status is none of final, amended, corrected"
    day, order = when_observed(resource, reading.zone)
    if day is None or day.day is None:
        return "the day of the measure is not known"
    group = panel.reference or (reference if parts else "")
    reasons: list[str] = []
    for place, (roles, element) in enumerate([(own, resource), *parts]):
        seen = _Sighting(reference=reference, element=f"{reference}#{place}", day=day.day, order=order, group=group)
        # A total's code settles what an element with several codes is; another scale's code comes last.
        for role in _ranked(roles):
            stray = bool(panel.instruments) and role.instrument.id not in panel.instruments
            if stray and not (role.kind == "item" and role.instrument.id in panel.longer):
                continue
            value = number_in(element, role)
            reasons.append(heard.note(role, value, seen, stray=stray))
    return next((reason for reason in reasons if reason), _TOO_FEW)


def _ranked(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    if len(roles) <= 1:
        return roles
    for kind in ("total", "item", "panel", "other"):
        chosen = tuple(role for role in roles if role.kind == kind)
        if chosen:
            return chosen
    return ()


def _scores(observed: Sequence[_Heard], asked: Sequence[_Heard]) -> list[Score]:
    seen = _settled(
        [total for heard in observed for total in heard.totals],
        [answer for heard in observed for answer in heard.answers],
        "observation",
    )
    answered: dict[Day, list[Score]] = defaultdict(list)
    for heard in sorted(asked, key=lambda one: not one.totals):  # totals first
        for key, scores in _settled(heard.totals, heard.answers, "questionnaire").items():
            answered[key].extend(scores)
    result: list[Score] = []
    for key in sorted({*seen, *answered}, key=lambda key: (key[1], key[0])):
        scores = reconciled(seen.get(key, []), answered.get(key, []))
        result.extend(sorted(scores, key=lambda s: (s.order, s.references)) if len(scores) > 1 else scores)
    return result


def _settled(totals: Iterable[Total], answers: Iterable[Answer], source: str) -> dict[Day, list[Score]]:
    """Scores of one source by scale and day."""
    by_day: dict[Day, tuple[list[Total], list[Sheet]]] = defaultdict(lambda: ([], []))
    for total in totals:
        by_day[total.instrument.id, total.day][0].append(total)
    for sheet in sheets_among(answers):
        by_day[sheet.instrument.id, sheet.answers[0].day][1].append(sheet)
    return {key: settle(*found, source=source) for key, found in by_day.items()}
