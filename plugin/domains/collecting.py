"""What to record next: the instruments that would make a domain assessable which is not.

Each instrument that the knowledge offers is supposed answered today, with all its indicators; it is named when a domain
could then be assessed. The most missing weight comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from mappings.arranged import Arranged
from mappings.domain_schema import Domain, Member
from mappings.load import Knowledge
from plugin.domains.domain_scores import DIGITS, DomainScore, completeness_of, is_enough
from plugin.domains.indicators import Measurements


def collect_next(
    scores: Mapping[str, DomainScore],
    measured: Measurements,
    knowledge: Knowledge,
    *,
    closed: Collection[str],
    severity_known: bool,
) -> tuple[str, ...]:
    """Ids of indicators, or of the instrument of outcome where its items are meant; `closed` domains need nothing."""
    wanted = [d for id_, d in knowledge.clinical.domains.items() if not scores[id_].assessable and id_ not in closed]
    gains: dict[str, float] = {}
    for domain in knowledge.clinical.domains.values():
        for name in domain.collect:
            measure = knowledge.clinical.indicators[name].measure
            key = measure if measure in knowledge.instruments else name
            if key not in gains and knowledge.is_on(name):
                gains[key] = sum(_gain(one, measure, scores[one.id], measured, knowledge) for one in wanted)
    ranked = sorted((key for key, gain in gains.items() if gain), key=lambda key: -round(gains[key], DIGITS))
    first = [] if severity_known else [id_ for id_, one in knowledge.instruments.items() if one.preferred]
    return tuple(dict.fromkeys((*first, *ranked)))


def _gain(domain: Domain, measure: str, score: DomainScore, measured: Measurements, knowledge: Knowledge) -> float:
    """The weight that `measure` would add if it were recorded today; zero when the domain stays unassessable."""
    known = {one.family: one.mass for one in score.evidence}
    supposed = dict(known)
    for family, member in _members_of(knowledge)[domain.id].get(measure, ()):
        if knowledge.is_on(member.indicator):
            supposed[family] = max(supposed.get(family, 0.0), member.weight.on(measured.as_of).amount)
    mass = sum(supposed.values())
    completeness = completeness_of(mass, measured.amounts)
    if not mass or not is_enough(domain, completeness, supposed, measured.amounts):
        return 0
    return mass - sum(known.values())


def _arranged(knowledge: Knowledge) -> Mapping[str, Mapping[str, Sequence[tuple[str, Member]]]]:
    """By domain and by what is measured, the members of its families with the family of each."""
    found: dict[str, dict[str, list[tuple[str, Member]]]] = {}
    for domain in knowledge.clinical.domains.values():
        measures = found.setdefault(domain.id, {})
        for family in domain.families:
            for member in family.members:
                measure = knowledge.clinical.indicators[member.indicator].measure
                measures.setdefault(measure, []).append((family.id, member))
    return found


_members_of = Arranged(_arranged)
