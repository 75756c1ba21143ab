"""Scores on rating scales, and the answers to their items, out of Observations and QuestionnaireResponses.

Only final results count. A total is taken from the total's own code, or from the items; one item is never a
total, and scales for other groups (teenagers, two items) are never read as the scale they resemble. An answer is
a fact of its own, whether or not its scale is complete. Every resource ends in a fact or is set aside with its reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, tzinfo
from typing import NamedTuple

from plugin.findings import SetAside
from plugin.ingest.codings import Coding, concept_of
from plugin.ingest.item_answers import item_answer
from plugin.ingest.questionnaires import read_questionnaire
from plugin.ingest.readings import Answer, Total, number_in, when_observed
from plugin.ingest.references import Received, type_of
from plugin.ingest.resources import Json, code_word, objects
from plugin.ingest.totals import reconciled, settle, sheets_among
from plugin.ingest.vocabulary import Role, ScaleCodes, Vocabulary
from plugin.record import ItemAnswer, Score

MEASURE_TYPES = ("Observation", "QuestionnaireResponse")
_FINAL = ("final", "amended", "corrected")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sighting:
    """Where and when something was observed; `group` is the panel or resource it belongs to."""

    reference: str
    element: str
    day: date
    order: str
    group: str


@dataclass
class _Collected:
    """What was found so far, and why a resource may end up unused."""

    scales: ScaleCodes
    codings: Mapping[str, tuple[Coding, ...]]
    totals: list[Total] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    asked_totals: list[Total] = field(default_factory=list)
    asked_answers: list[Answer] = field(default_factory=list)
    stray_answers: list[Answer] = field(default_factory=list)
    why_not: dict[str, str] = field(default_factory=dict)

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
                references=tuple(dict.fromkeys((seen.reference, *((seen.group,) if seen.group else ())))),
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


def read_measures(
    resources: Iterable[tuple[str, Json]], received: Received, vocabulary: Vocabulary, zone: tzinfo | None
) -> Measured:
    """All scores and item answers on the instruments of outcome."""
    members = list(resources)
    codings = {ref: concept_of(one.get("code")).codings for ref, one in members if type_of(one) == "Observation"}
    panels, others = _panels(members, received, vocabulary.scales, codings)
    found = _Collected(scales=vocabulary.scales, codings=codings)
    for reference, resource in members:
        try:
            found.why_not[reference] = (
                _OTHER_SCALE
                if reference in others
                else _asked(reference, resource, found, zone)
                if type_of(resource) == "QuestionnaireResponse"
                else _observed(reference, resource, panels, found, zone)
            )
        except Exception:  # one resource must never cost the others; the tests hold that no known input leads here
            found.why_not[reference] = COULD_NOT_BE_READ
    scores, answers = _scores(found), _answers(found, dict(members))
    used = {reference for score in scores for reference in score.references}
    used.update(answer.reference for answer in answers)
    aside = [SetAside(reference=r, reason=reason) for r, reason in found.why_not.items() if r not in used]
    return Measured(scores, answers, aside, codings)


def _answers(found: _Collected, resources: Mapping[str, Json]) -> list[ItemAnswer]:
    """Every answer within the range of its item once, by the longest scale that has the item."""
    longest: dict[str, Answer] = {}
    every = (*found.answers, *found.asked_answers, *found.stray_answers)
    for answer in sorted(every, key=lambda one: -len(one.instrument.items)):
        if 0 <= answer.value <= answer.instrument.item_maximum:
            longest.setdefault(answer.element, answer)
    read = [item_answer(answer, resources[answer.reference]) for answer in longest.values()]
    return sorted(read, key=lambda one: (one.day, one.order, one.instrument, one.item, one.reference))


def _panels(
    members: Iterable[tuple[str, Json]],
    received: Received,
    scales: ScaleCodes,
    codings: Mapping[str, tuple[Coding, ...]],
) -> tuple[dict[str, _Panel], set[str]]:
    """Which panel each member Observation belongs to, and which Observations belong to a scale that is not
    read.
    """
    panels: dict[str, _Panel] = {}
    others: set[str] = set()
    for reference, resource in members:
        if type_of(resource) != "Observation":
            continue
        roles = scales.roles(codings[reference])
        kinds = {role.kind for role in roles}
        linked = [
            target[0]
            for link in (*objects(resource.get("hasMember")), *objects(resource.get("related")))
            if (target := received.find(link.get("target") or link, parent=resource, kind="Observation")) is not None
        ]
        if kinds and kinds <= {"other"}:
            others.update((reference, *linked))
        elif "panel" in kinds and code_word(resource.get("status"), _FINAL):
            named = [role.instrument for role in roles if role.kind == "panel"]
            longer = frozenset(id_ for instrument in named for id_ in instrument.part_of)
            panel = _Panel(reference, frozenset(instrument.id for instrument in named), longer)
            panels.update(dict.fromkeys((*linked, reference), panel))
    return panels, others


def _asked(reference: str, resource: Json, found: _Collected, zone: tzinfo | None) -> str:
    read = read_questionnaire(reference, resource, found.scales, zone)
    if isinstance(read, str):
        return read
    found.asked_totals.extend(read[0])
    found.asked_answers.extend(read[1])
    return _TOO_FEW


def _observed(reference: str, resource: Json, panels: dict[str, _Panel], found: _Collected, zone: tzinfo | None) -> str:
    """Note the totals and answers of one Observation; the reason that holds if none of them gives a score."""
    scales = found.scales
    own = scales.roles(found.codings[reference])
    parts = [(scales.roles(concept_of(part.get("code")).codings), part) for part in objects(resource.get("component"))]
    parts = [(roles, part) for roles, part in parts if roles]
    if not own and not parts:
        return _NO_MEASURE
    if not code_word(resource.get("status"), _FINAL):
        return "not final: its status is none of final, amended, corrected"
    day, order = when_observed(resource, zone)
    if day is None or day.day is None:
        return "the day of the measure is not known"
    linked = panels.get(reference, _Panel())
    group = linked.reference or (reference if parts else "")
    reasons: list[str] = []
    for place, (roles, element) in enumerate([(own, resource), *parts]):
        seen = _Sighting(reference=reference, element=f"{reference}#{place}", day=day.day, order=order, group=group)
        # A total's code settles what an element with several codes is; another scale's code comes last.
        for role in _ranked(roles):
            stray = bool(linked.instruments) and role.instrument.id not in linked.instruments
            if stray and not (role.kind == "item" and role.instrument.id in linked.longer):
                continue
            value = number_in(element, role.instrument, scored=role.kind == "item")
            reasons.append(found.note(role, value, seen, stray=stray))
    return next((reason for reason in reasons if reason), _TOO_FEW)


def _ranked(roles: tuple[Role, ...]) -> tuple[Role, ...]:
    for kind in ("total", "item", "panel", "other"):
        chosen = tuple(role for role in roles if role.kind == kind)
        if chosen:
            return chosen
    return ()


def _scores(found: _Collected) -> list[Score]:
    observed = _settled(found.totals, found.answers, "observation")
    asked: dict[Day, list[Score]] = defaultdict(list)
    for reference in dict.fromkeys(
        [
            *(r for total in found.asked_totals for r in total.references),
            *(a.reference for a in found.asked_answers),
        ]
    ):
        one = _settled(
            [total for total in found.asked_totals if reference in total.references],
            [answer for answer in found.asked_answers if answer.reference == reference],
            "questionnaire",
        )
        for key, scores in one.items():
            asked[key].extend(scores)
    result = [
        score
        for key in sorted({*observed, *asked}, key=lambda key: (key[1], key[0]))
        for score in sorted(
            reconciled(observed.get(key, []), asked.get(key, [])), key=lambda s: (s.order, s.references)
        )
    ]
    return result


def _settled(totals: Iterable[Total], answers: Iterable[Answer], source: str) -> dict[Day, list[Score]]:
    """Scores of one source by scale and day."""
    by_day: dict[Day, list[Total]] = defaultdict(list)
    for total in totals:
        by_day[total.instrument.id, total.day].append(total)
    sheets = sheets_among(answers)
    keys = {*by_day, *((sheet.instrument.id, sheet.answers[0].day) for sheet in sheets)}
    return {
        key: settle(
            by_day.get(key, []),
            [sheet for sheet in sheets if (sheet.instrument.id, sheet.answers[0].day) == key],
            source=source,
        )
        for key in keys
    }
