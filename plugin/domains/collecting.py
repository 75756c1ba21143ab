"""What to record next: the instruments that would make a domain assessable which is not.

Each instrument that the knowledge offers is supposed answered today, with all its indicators; it is named when a domain
could then be assessed. The most missing weight comes first.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from mappings.domain_schema import Domain
from mappings.load import Knowledge
from plugin.domains.domain_scores import DIGITS, DomainScore, figures, parameters_on
from plugin.domains.indicators import Evidence, Measurements


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
    amounts = parameters_on(knowledge, measured.as_of)
    gains: dict[str, float] = {}
    for domain in knowledge.clinical.domains.values():
        for name in domain.collect:
            measure = knowledge.clinical.indicators[name].measure
            key = measure if measure in knowledge.instruments else name
            if key not in gains and knowledge.is_on(name):
                gains[key] = sum(_gain(one, measure, scores[one.id], measured, knowledge, amounts) for one in wanted)
    ranked = sorted((key for key, gain in gains.items() if gain), key=lambda key: -round(gains[key], DIGITS))
    first = [] if severity_known else [id_ for id_, one in knowledge.instruments.items() if one.preferred]
    return tuple(dict.fromkeys((*first, *ranked)))


def _gain(
    domain: Domain,
    measure: str,
    score: DomainScore,
    measured: Measurements,
    knowledge: Knowledge,
    amounts: Mapping[str, float],
) -> float:
    """The weight that `measure` would add if it were recorded today; zero when the domain stays unassessable."""
    supposed = {one.family: one for one in score.evidence}
    for family in domain.families:
        for member in family.members:
            indicator = knowledge.clinical.indicators[member.indicator]
            if indicator.measure != measure or not knowledge.is_on(member.indicator):
                continue
            fresh = Evidence(
                family=family.id,
                indicator=indicator.id,
                label=indicator.label,
                raw=0,
                unit=indicator.anchors.unit,
                date=measured.as_of,
                weight=member.weight.on(measured.as_of).amount,
                recency=1,
                evidence=0,
                references=(),
                cites=(),
            )
            known = supposed.get(family.id, replace(fresh, weight=0))
            supposed[family.id] = max(known, fresh, key=lambda one: one.mass)
    if not figures(domain, supposed.values(), (), amounts, open_=True).assessable:
        return 0
    return sum(one.mass for one in supposed.values()) - sum(one.mass for one in score.evidence)
