"""How much the label of a profile hangs on each weight and each anchor of the knowledge.

Weights and anchors are conventions. Each is moved by a share of itself, one at a time and in both directions; every
record that has the indicator is judged again, and changes of the label are counted. An anchor keeps its place between
its neighbours: it moves at most halfway towards them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType

from mappings.domain_schema import Domain, Indicator, Member, Point
from mappings.load import Knowledge
from mappings.values import DatedValue
from plugin.domains.profile import DomainProfile, domain_profile
from plugin.record import PatientRecord

WEIGHT, ANCHOR = "weight", "anchor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One number of the knowledge moved: `before` to `after`. `place` is the family of a weight, the evidence at an
    anchor; `known` the knowledge with that one change.
    """

    kind: str
    domains: tuple[str, ...]
    indicator: str
    place: str
    before: float
    after: float
    known: Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a move does: of `concerned` records that have the indicator, in how many the label, the domains it names or
    the certainty change.
    """

    move: Move
    concerned: int
    label: int
    named: int
    certainty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The profiles as the knowledge stands, and which indicators each record has."""

    profiles: tuple[DomainProfile, ...]
    indicators: tuple[frozenset[str], ...]

    @property
    def labels(self) -> Mapping[str, int]:
        """How often each label occurs."""
        return MappingProxyType(dict(Counter(profile.label for profile in self.profiles)))


def baseline_of(records: Sequence[PatientRecord], *, knowledge: Knowledge, as_of: date) -> Baseline:
    """Every record as somebody with current depression, judged with the knowledge as it stands."""
    profiles = tuple(_judge(record, knowledge, as_of) for record in records)
    return Baseline(profiles=profiles, indicators=tuple(_indicators(profile) for profile in profiles))


def moves_of(knowledge: Knowledge, *, as_of: date, share: float) -> Iterator[Move]:
    """Every weight and every anchor in use on `as_of`, each lowered and raised by `share` of itself."""
    domains = knowledge.clinical.domains
    used: dict[str, list[str]] = {}
    for domain in domains.values():
        for family in domain.families:
            for member in family.members:
                used.setdefault(member.indicator, []).append(domain.id)
                for factor in (1 - share, 1 + share):
                    yield _weight_move(knowledge, domain, family.id, member, factor, as_of)
    for name, inside in used.items():
        yield from _anchor_moves(
            knowledge, knowledge.clinical.indicators[name], tuple(dict.fromkeys(inside)), as_of, share
        )


def effect_of(move: Move, records: Sequence[PatientRecord], baseline: Baseline, *, as_of: date) -> Effect:
    """Judge again every record that has the indicator, with the one number moved."""
    concerned = label = named = certainty = 0
    for record, before, indicators in zip(records, baseline.profiles, baseline.indicators, strict=True):
        if move.indicator not in indicators:
            continue
        after = _judge(record, move.known, as_of)
        concerned += 1
        label += after.label != before.label
        named += {*after.domains} != {*before.domains}
        certainty += after.certainty != before.certainty
    return Effect(move=move, concerned=concerned, label=label, named=named, certainty=certainty)


def _judge(record: PatientRecord, knowledge: Knowledge, as_of: date) -> DomainProfile:
    return domain_profile(record, knowledge=knowledge, as_of=as_of, depressed=True, neurocognitive=False)


def _indicators(profile: DomainProfile) -> frozenset[str]:
    """What a score rests on or could rest on with other weights."""
    used = {one.indicator for score in profile.scores.values() for one in score.evidence}
    return frozenset(used | {one.indicator for score in profile.scores.values() for one in score.ignored})


def _weight_move(
    knowledge: Knowledge, domain: Domain, family_id: str, member: Member, factor: float, as_of: date
) -> Move:
    before = member.weight.on(as_of).amount
    heavier = member.model_copy(update={"weight": _only(member.weight, as_of, before * factor)})
    families = tuple(
        family.model_copy(update={"members": tuple(heavier if one is member else one for one in family.members)})
        if family.id == family_id
        else family
        for family in domain.families
    )
    changed = domain.model_copy(update={"families": families})
    domains = MappingProxyType({**knowledge.clinical.domains, domain.id: changed})
    return Move(
        kind=WEIGHT,
        domains=(domain.id,),
        indicator=member.indicator,
        place=family_id,
        before=before,
        after=before * factor,
        known=replace(knowledge, clinical=replace(knowledge.clinical, domains=domains)),
    )


def _anchor_moves(
    knowledge: Knowledge, indicator: Indicator, domains: tuple[str, ...], as_of: date, share: float
) -> Iterator[Move]:
    past = [day for day in indicator.anchors.values if day <= as_of]
    day = max(past) if past else min(indicator.anchors.values)
    anchors = indicator.anchors.values[day]
    for index, (value, evidence) in enumerate(anchors.points):
        for way in (-share, share):
            moved = _between_neighbours(value + way * abs(value), index, anchors.points)
            if moved == value:
                continue  # nothing is a share of zero
            points = tuple((moved, said) if at == index else (x, said) for at, (x, said) in enumerate(anchors.points))
            dated = indicator.anchors.model_copy(
                update={"values": {**indicator.anchors.values, day: anchors.model_copy(update={"points": points})}}
            )
            changed = indicator.model_copy(update={"anchors": dated})
            indicators = MappingProxyType({**knowledge.clinical.indicators, indicator.id: changed})
            yield Move(
                kind=ANCHOR,
                domains=domains,
                indicator=indicator.id,
                place=f"{evidence:g}",
                before=value,
                after=moved,
                known=replace(knowledge, clinical=replace(knowledge.clinical, indicators=indicators)),
            )


def _between_neighbours(moved: float, index: int, points: Sequence[Point]) -> float:
    value = points[index][0]
    if index > 0:
        moved = max(moved, (points[index - 1][0] + value) / 2)
    if index + 1 < len(points):
        moved = min(moved, (points[index + 1][0] + value) / 2)
    return moved


def _only(weight: DatedValue, as_of: date, amount: float) -> DatedValue:
    """The weight with this amount on every day."""
    value = weight.on(as_of).model_copy(update={"amount": amount})
    return weight.model_copy(update={"values": dict.fromkeys(weight.values, value)})
