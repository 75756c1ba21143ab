"""How much of each symptom domain a record shows: a weighted mean of evidence, one indicator a family.

Score, completeness and bounds follow the project's scoring rules: in a family the indicator with the largest weight
times recency counts, recorded diagnoses only raise a score, and what is missing widens the bounds instead of counting
as absent. A domain without a mandatory family, or less than half complete, is not assessable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import prod

from mappings.domain_schema import Domain
from mappings.load import Knowledge
from mappings.schema import category_labels
from plugin.domains.indicators import Evidence, Ignored, Measurements, Taken
from plugin.findings import Reason
from plugin.record import ConditionFact, Verification

# Comparisons with thresholds are made on values rounded to this many digits, so that arithmetic decides nothing.
DIGITS = 6
_ENDED = frozenset({"inactive", "resolved", "remission"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Boost:
    """A recorded condition that raises a score by `share` of what is left to one."""

    category: str
    label: str
    share: float
    references: tuple[str, ...]
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainScore:
    """What one domain comes to on the day of judgement.

    `score` is None where no indicator gave evidence. `lower` and `upper` are what the score could become if all that
    is missing were absent or extreme; without a score they are zero and one. `reasons` say how it came about.
    """

    domain: str
    label: str
    score: float | None
    completeness: float
    lower: float
    upper: float
    assessable: bool
    evidence: tuple[Evidence, ...]
    boosts: tuple[Boost, ...]
    ignored: tuple[Ignored, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """The numbers of a domain from some evidence."""

    score: float | None
    completeness: float
    assessable: bool


def scores_of(
    measured: Measurements, conditions: Iterable[ConditionFact], knowledge: Knowledge, *, closed: Mapping[str, str]
) -> dict[str, DomainScore]:
    """Every domain in table order; `closed` names domains that cannot be assessed for another reason, with it."""
    told = tuple(conditions)
    return {
        id_: _scored(domain, measured, told, knowledge, closed.get(id_, ""))
        for id_, domain in knowledge.clinical.domains.items()
    }


def figures(
    domain: Domain, evidence: Iterable[Evidence], boosts: Iterable[Boost], amounts: Mapping[str, float], *, open_: bool
) -> Figures:
    """Score, completeness and whether it can be assessed; `amounts` are the parameters of scoring by name."""
    used = tuple(evidence)
    mass = sum(one.mass for one in used)
    if not mass:
        return Figures(None, 0.0, assessable=False)
    mean = sum(one.mass * one.evidence for one in used) / mass
    score = 1 - (1 - mean) * prod(1 - boost.share for boost in boosts)
    completeness = completeness_of(mass, amounts)
    return Figures(
        score, completeness, open_ and is_enough(domain, completeness, (one.family for one in used), amounts)
    )


def completeness_of(mass: float, amounts: Mapping[str, float]) -> float:
    """The share of what a complete assessment weighs."""
    return min(1.0, mass / amounts["completeness-full"])


def is_enough(domain: Domain, completeness: float, families: Iterable[str], amounts: Mapping[str, float]) -> bool:
    """Whether evidence of `families` lets a domain be assessed."""
    mandatory = {family.id for family in domain.families if family.mandatory}
    return round(completeness, DIGITS) >= amounts["completeness-assessable"] and not mandatory.isdisjoint(families)


def _scored(
    domain: Domain,
    measured: Measurements,
    conditions: Sequence[ConditionFact],
    knowledge: Knowledge,
    closed: str,
) -> DomainScore:
    as_of, amounts = measured.as_of, measured.amounts
    evidence, ignored = _evidence(domain, measured, knowledge)
    boosts = tuple(_boosts(domain, conditions, knowledge, as_of))
    found = figures(domain, evidence, boosts, amounts, open_=not closed)
    score, complete = found.score, found.completeness
    return DomainScore(
        domain=domain.id,
        label=domain.label,
        score=score,
        completeness=complete,
        lower=0 if score is None else score * complete,
        upper=1 if score is None else score * complete + 1 - complete,
        assessable=found.assessable,
        evidence=evidence,
        boosts=boosts,
        ignored=ignored,
        reasons=(*_explained(domain, found, evidence, boosts), _assessed(domain, found, evidence, amounts, closed)),
    )


def _evidence(
    domain: Domain, measured: Measurements, knowledge: Knowledge
) -> tuple[tuple[Evidence, ...], tuple[Ignored, ...]]:
    """One indicator a family, and everything left out."""
    evidence: list[Evidence] = []
    ignored: list[Ignored] = []
    for family in domain.families:
        found: list[Evidence] = []
        for member in family.members:
            indicator = knowledge.clinical.indicators[member.indicator]
            if not measured.has(indicator) or not knowledge.is_on(indicator.id):
                continue
            taken = measured.take(indicator)
            ignored.extend(taken.ignored)
            found.extend(_as_evidence(taken, family.id, member.weight.on(measured.as_of).amount))
        if found:
            best = max(found, key=lambda one: one.mass)  # the first of equals
            evidence.append(best)
            ignored.extend(_outweighed(one, best) for one in found if one is not best)
    return tuple(evidence), tuple(ignored)


def _as_evidence(taken: Taken, family: str, weight: float) -> list[Evidence]:
    value = taken.value
    if value is None or value.raw is None:
        return []
    return [
        Evidence(
            family=family,
            indicator=taken.indicator.id,
            label=taken.indicator.label,
            raw=value.raw,
            unit=taken.unit,
            date=value.day,
            weight=weight,
            recency=taken.recency,
            evidence=taken.evidence,
            references=value.references,
            cites=taken.cites,
            flags=(*value.flags, *(("convention",) if taken.convention else ())),
        )
    ]


def _outweighed(one: Evidence, best: Evidence) -> Ignored:
    return Ignored(
        indicator=one.indicator,
        label=one.label,
        raw=one.raw,
        date=one.date,
        why=f"{best.label} measures the same and counts in its place",
        references=one.references,
    )


def _boosts(domain: Domain, conditions: Sequence[ConditionFact], knowledge: Knowledge, as_of: date) -> Iterable[Boost]:
    labels = category_labels(knowledge.conditions)
    for boost in domain.boosts:
        held = [one for one in conditions if boost.category in one.categories and _stands(one, as_of)]
        if held:
            share = boost.share.on(as_of)
            yield Boost(
                category=boost.category,
                label=labels[boost.category],
                share=share.amount,
                references=tuple(one.reference for one in held),
                cites=share.cites,
            )


def _stands(condition: ConditionFact, as_of: date) -> bool:
    """Whether a coded condition is there on the day: not refuted, not ended, not recorded later."""
    if condition.verification is Verification.REFUTED or condition.by_text or condition.clinical in _ENDED:
        return False
    dated = condition.recorded or condition.onset
    ended = condition.abatement is not None and condition.abatement.latest <= as_of
    return not ended and (dated is None or dated.earliest <= as_of)


def _explained(
    domain: Domain, found: Figures, evidence: Sequence[Evidence], boosts: Sequence[Boost]
) -> Iterable[Reason]:
    """How the score came about: each value with its day, weight and anchors, then the score itself."""
    for one in evidence:
        yield Reason(
            rule="D1",
            text=(
                f"{one.label} {one.raw:g} on {one.date}: evidence {one.evidence:.2f}, "
                f"weight {one.weight:g}, recency {one.recency:.3f}."
            ),
            facts=(
                ("indicator", one.indicator),
                ("family", one.family),
                ("value", one.raw),
                ("unit", one.unit),
                ("date", one.date.isoformat()),
                ("weight", one.weight),
                ("recency", one.recency),
                ("evidence", one.evidence),
            ),
            cites=one.cites,
            uses=one.references,
        )
    for boost in boosts:
        yield Reason(
            rule="D1",
            text=f"Recorded {boost.label} raises the score by {boost.share:g} of what is left to one.",
            facts=(("category", boost.category), ("share", boost.share)),
            cites=boost.cites,
            uses=boost.references,
        )
    if found.score is not None:
        yield Reason(
            rule="D1",
            text=f"The {domain.label} score is {found.score:.2f}, completeness {found.completeness:.2f}.",
            facts=(("domain", domain.id), ("score", found.score), ("completeness", found.completeness)),
            cites=domain.cites,
            uses=tuple(dict.fromkeys(reference for one in evidence for reference in one.references)),
        )


def _assessed(
    domain: Domain, found: Figures, evidence: Sequence[Evidence], amounts: Mapping[str, float], closed: str
) -> Reason:
    least = amounts["completeness-assessable"]
    mandatory = [family.id for family in domain.families if family.mandatory]
    present = any(one.family in mandatory for one in evidence)
    if found.assessable:
        text = f"The {domain.label} domain can be assessed: completeness {found.completeness:.2f} is {least:g} or more."
    elif closed:
        text = f"The {domain.label} domain is not assessed: {closed}."
    elif not present:
        text = f"The {domain.label} domain cannot be assessed: no scale or value that it needs is recorded recently."
    else:
        text = (
            f"The {domain.label} domain cannot be assessed: completeness {found.completeness:.2f} is below {least:g}."
        )
    return Reason(
        rule="D2",
        text=text,
        facts=(("domain", domain.id), ("completeness", found.completeness), ("least", least)),
        cites=domain.cites,
    )
