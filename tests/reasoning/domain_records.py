"""Records for the tests of domains: what was measured, how many days ago, in one line each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

from mappings.load import load
from plugin.amounts import Amount
from plugin.domains.profile import DomainProfile, domain_profile
from plugin.record import ConditionFact, ItemAnswer, LabResult, PatientRecord, Score, Verification

KNOWLEDGE = load()
TODAY = date(2026, 11, 22)
INDICATORS = KNOWLEDGE.clinical.indicators


def ago(days: int) -> date:
    """The day so many days before the day of judgement."""
    return TODAY - timedelta(days=days)


def result(indicator: str, value: float | None, days: int = 5, **more: Any) -> LabResult:
    """The value that an indicator reads as a total."""
    name = f"Observation/{indicator}-{value}-{days}-{more.get('order', '')}"
    amount = Amount(value, more.pop("bound", "")) if value is not None else None
    known = {"reference": name, "measure": INDICATORS[indicator].measure, "day": ago(days), "amount": amount}
    return LabResult(**{**known, **more})


def answer(scale: str, item: int, value: float | None, days: int = 5, **more: Any) -> ItemAnswer:
    """The answer to one item."""
    name = f"Observation/{scale}-{item}-{value}-{days}-{more.get('order', '')}"
    return ItemAnswer(
        **{"instrument": scale, "item": item, "value": value, "day": ago(days), "reference": name, **more}
    )


def phq9(one: int, three: int, four: int, seven: int, eight: int, days: int = 5) -> list[ItemAnswer]:
    """The items of the PHQ-9 that belong to domains."""
    values = {1: one, 3: three, 4: four, 7: seven, 8: eight}
    return [answer("phq9", item, value, days) for item, value in values.items()]


def total(value: float = 18, days: int = 5, instrument: str = "phq9", **more: Any) -> Score:
    """A severity score."""
    name = f"Observation/{instrument}-{value}-{days}-{more.get('order', '')}"
    return Score(**{"instrument": instrument, "value": value, "day": ago(days), "references": (name,), **more})


def has(category: str, **more: Any) -> ConditionFact:
    """A confirmed active condition."""
    known = {"reference": f"Condition/{category}", "categories": frozenset({category})}
    return ConditionFact(**{**known, "verification": Verification.CONFIRMED, "clinical": "active", **more})


def record(
    *facts: LabResult | ItemAnswer | ConditionFact | Score | Iterable[ItemAnswer], severity: bool = True
) -> PatientRecord:
    """A record of facts, with a moderate severity score unless they bring their own."""
    flat: list[Any] = []
    for fact in facts:
        flat.extend([fact] if isinstance(fact, LabResult | ItemAnswer | ConditionFact | Score) else fact)
    scores = [fact for fact in flat if isinstance(fact, Score)]
    return PatientRecord(
        patient=None,
        laboratory=tuple(fact for fact in flat if isinstance(fact, LabResult)),
        answers=tuple(fact for fact in flat if isinstance(fact, ItemAnswer)),
        conditions=tuple(fact for fact in flat if isinstance(fact, ConditionFact)),
        scores=tuple(scores or ([total()] if severity else [])),
    )


def profile(*facts: Any, **more: Any) -> DomainProfile:
    """The profile of such a record today."""
    told = {"depressed": True, "neurocognitive": False, "knowledge": KNOWLEDGE, "as_of": TODAY, "severity": True}
    given = {**told, **more}
    return domain_profile(record(*facts, severity=given.pop("severity")), **given)


def scored(*facts: Any, **more: Any) -> Mapping[str, float | None]:
    """The scores of such a record, to two decimals."""
    scores = profile(*facts, **more).scores
    return {id_: None if one.score is None else round(one.score, 2) for id_, one in scores.items()}
