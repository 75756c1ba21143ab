"""What must hold for every set of recorded values: more is never less, silence is no absence, order never matters."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.domain_schema import Measure
from plugin.ingest import read_record
from plugin.ingest.lab_values import factors_of, plain_unit
from plugin.record import ItemAnswer, LabResult
from tests.ingest.shorthand import observation
from tests.properties.effort import effort
from tests.reasoning.domain_records import INDICATORS, KNOWLEDGE, answer, has, profile, result

MEASURES = KNOWLEDGE.clinical.measures
TOTALS = [name for name, one in INDICATORS.items() if one.take in ("total", "distance")]
ITEMS = [name for name, one in INDICATORS.items() if one.take in ("item", "highest")]
CATEGORIES = sorted({boost.category for domain in KNOWLEDGE.clinical.domains.values() for boost in domain.boosts})
Fact = LabResult | ItemAnswer


def span(name: str) -> tuple[float, float]:
    """Every value an indicator can be recorded with; below the limit above which a CRP is not scored."""
    indicator = INDICATORS[name]
    measure = MEASURES.get(indicator.measure)
    points = [value for value, _ in indicator.anchors.values[max(indicator.anchors.values)].points]
    if indicator.ignored_above is not None:
        return 0, indicator.ignored_above.on(max(indicator.ignored_above.values)).amount
    if measure is not None and measure.range is not None and name not in ITEMS:
        limits = measure.range.values[max(measure.range.values)]
        return limits.low, limits.high
    return points[0], points[-1]


def values(name: str) -> st.SearchStrategy[float]:
    low, high = span(name)
    return st.floats(low, high) if name in TOTALS else st.integers(int(low), int(high)).map(float)


@st.composite
def facts(draw: st.DrawFn) -> Fact:
    """One value of one indicator, at any age that matters."""
    name = draw(st.sampled_from([*TOTALS, *ITEMS]))
    value, days = draw(values(name)), draw(st.integers(0, 120))
    more = {"order": draw(st.sampled_from(["", "08:00", "12:00"])), "reference": f"Observation/{draw(st.uuids())}"}
    if name in TOTALS:
        return result(name, value, days, **more)
    indicator = INDICATORS[name]
    return answer(indicator.measure, draw(st.sampled_from(indicator.items)), value, days, **more)


RECORDS = st.lists(facts(), max_size=14)
DIAGNOSES = st.lists(st.sampled_from(CATEGORIES), max_size=4, unique=True).map(lambda ids: [has(id_) for id_ in ids])


def numbers(found: Any) -> dict[str, tuple[float | None, float, bool]]:
    return {id_: (one.score, one.completeness, one.assessable) for id_, one in found.scores.items()}


def name_of(fact: Fact) -> list[str]:
    if isinstance(fact, LabResult):
        return [name for name in TOTALS if INDICATORS[name].measure == fact.measure]
    return [n for n in ITEMS if INDICATORS[n].measure == fact.instrument and fact.item in INDICATORS[n].items]


@effort(150)
@given(RECORDS.filter(bool), DIAGNOSES, st.data())
def test_a_worse_value_never_lowers_a_score(recorded: list[Fact], diagnoses: list[Any], data: st.DataObject) -> None:
    """Up to the limit of a CRP, the one intended exception; distances worsen away from their reference."""
    place = data.draw(st.integers(0, len(recorded) - 1))
    fact = recorded[place]
    name = name_of(fact)[0]
    indicator = INDICATORS[name]
    low, high = span(name)
    now = fact.amount.value if isinstance(fact, LabResult) and fact.amount else getattr(fact, "value", 0.0)
    if indicator.reference is not None:
        middle = indicator.reference.on(max(indicator.reference.values)).amount
        worse = data.draw(st.floats(now, high) if now >= middle else st.floats(low, now))
    elif indicator.worse == "higher":
        worse = data.draw(st.floats(now, high))
    else:
        worse = data.draw(st.floats(low, now))
    worsened = result(name, worse, day=fact.day, order=fact.order, reference=fact.reference)
    changed: Fact = worsened if isinstance(fact, LabResult) else replace(fact, value=worse)
    after = [*recorded[:place], changed, *recorded[place + 1 :]]
    before, then = profile(*recorded, *diagnoses).scores, profile(*after, *diagnoses).scores
    for id_, score in before.items():
        other = then[id_].score
        assert (score.score is None) == (other is None)
        if score.score is not None and other is not None:
            assert other >= score.score - 1e-12


@effort(80)
@given(RECORDS, DIAGNOSES, st.sampled_from(CATEGORIES))
def test_a_further_diagnosis_never_lowers_a_score(recorded: list[Fact], diagnoses: list[Any], more: str) -> None:
    before = profile(*recorded, *diagnoses).scores
    after = profile(*recorded, *diagnoses, has(more, reference="Condition/more")).scores
    for id_, score in before.items():
        other = after[id_]
        assert (score.score is None) == (other.score is None)
        assert score.score is None or (other.score or 0) >= score.score - 1e-12
        assert (other.completeness, other.assessable) == (score.completeness, score.assessable)


@effort(80)
@given(RECORDS, st.integers(1, 200))
def test_ageing_never_raises_completeness(recorded: list[Fact], days: int) -> None:
    older = [replace(fact, day=fact.day - timedelta(days=days)) for fact in recorded]
    before, after = profile(*recorded).scores, profile(*older).scores
    for id_, score in before.items():
        assert after[id_].completeness <= score.completeness + 1e-12
        assert not (after[id_].assessable and not score.assessable)


@effort(80)
@given(RECORDS, DIAGNOSES, st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(recorded: list[Fact], diagnoses: list[Any], random: Any) -> None:
    shuffled = [*recorded, *diagnoses]
    random.shuffle(shuffled)
    one, other = profile(*recorded, *diagnoses), profile(*shuffled)
    assert numbers(one) == numbers(other)
    assert (one.label, one.domains, one.secondary, one.certainty) == (
        other.label,
        other.domains,
        other.secondary,
        other.certainty,
    )
    assert [s.evidence for s in one.scores.values()] == [s.evidence for s in other.scores.values()]


@effort(80)
@given(RECORDS)
def test_duplicates_change_nothing(recorded: list[Fact]) -> None:
    twins = [replace(fact, reference=f"{fact.reference}-twin") for fact in recorded]
    one, other = profile(*recorded), profile(*recorded, *recorded, *twins)
    assert numbers(one) == numbers(other)
    assert (one.label, one.domains, one.certainty) == (other.label, other.domains, other.certainty)


CONVERTED = [
    (measure.id, conversion.unit)
    for measure in MEASURES.values()
    for conversion in measure.conversions
    if measure.range is not None and measure.codes
]


def in_unit(measure: Measure, unit: str, amount: float) -> float:
    """What is sent in `unit` for an amount in the unit of the measure."""
    return amount / factors_of(measure)[plain_unit(unit)]


@pytest.mark.parametrize(("name", "unit"), CONVERTED)
@effort(10)
@given(share=st.floats(0.01, 0.99))
def test_units_convert_there_and_back(name: str, unit: str, share: float) -> None:
    measure = MEASURES[name]
    assert measure.range is not None
    limits = measure.range.values[max(measure.range.values)]
    amount = limits.low + share * (limits.high - limits.low)
    code = measure.codes[0]
    system = {"loinc": "http://loinc.org"}.get(code.system, code.system)
    sent = observation("o", code.code, valueQuantity={"value": in_unit(measure, unit, amount), "unit": unit})
    sent["code"] = {"coding": [{"system": system, "code": code.code}]}
    [read] = [one for one in read_record([sent], knowledge=KNOWLEDGE).laboratory if one.measure == name]
    assert read.amount is not None
    assert read.amount.value == pytest.approx(amount, rel=1e-9)


@effort(150)
@given(RECORDS, DIAGNOSES, st.booleans())
def test_what_a_label_promises(recorded: list[Fact], diagnoses: list[Any], neurocognitive: bool) -> None:
    """No label with fewer than two assessable domains; every domain named can be assessed and is prominent."""
    found = profile(*recorded, *diagnoses, neurocognitive=neurocognitive)
    if len(found.assessable) < 2:
        assert found.label == "UNDETERMINED"
    assert (found.label == "UNDETERMINED") == (not found.domains) == (found.certainty == "none")
    assert not set(found.domains) & set(found.secondary)
    for id_ in (*found.domains, *found.secondary):
        assert found.scores[id_].assessable
        assert (found.scores[id_].score or 0) >= 0.5 - 1e-6
    if found.label == "LEANING":
        assert found.certainty == "low"
    for score in found.scores.values():
        assert 0 <= score.lower <= score.upper <= 1
        assert score.score is None or score.lower - 1e-12 <= score.score <= score.upper + 1e-12
        assert len({one.family for one in score.evidence}) == len(score.evidence)
