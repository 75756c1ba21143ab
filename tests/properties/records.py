"""Random patient records, biased to where the rules change their mind: days, doses, overlaps and scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import Any

from hypothesis import strategies as st

from plugin.record import (
    Availability,
    Component,
    ConditionFact,
    DosageLine,
    Layer,
    MedicationFact,
    PackPart,
    PatientFact,
    PatientRecord,
    Product,
    Read,
    Score,
    StopReason,
    Verification,
)
from plugin.spans import PartialDate

DAY_0 = date(2024, 3, 1)
LENGTHS = (7, 13, 14, 15, 27, 28, 29, 30, 31, 41, 42, 43, 55, 56, 60, 89, 90, 91)
STEPS = (0, 1, 6, 7, 8, 13, 14, 15, 16, 27, 28, 29, 30, 31, 32, 41, 42, 43, 44, 60, 89, 90, 91, 98, 99, 179, 180, 181)
# Ingredient, tablet strengths around the lenient and the default dose.
DRUGS = {
    "sertraline": (25, 50, 100),
    "venlafaxine": (37.5, 75, 150),
    "trazodone": (50, 150, 300),
    "escitalopram": (5, 10),
    "bupropion": (150, 300),
    "mirtazapine": (7.5, 15),
}
TYPES = (
    "Patient", "MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration",
    "Observation", "QuestionnaireResponse", "Condition", "Procedure", "AllergyIntolerance",
)  # fmt: skip
COMPLETE = MappingProxyType({kind: Availability(read=Read.COMPLETE) for kind in TYPES})
ADULT = PatientFact(reference="Patient/p", birth=PartialDate.exactly(date(1985, 1, 1)), sex="female")
DEPRESSION = ConditionFact(
    reference="Condition/c",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=PartialDate.exactly(DAY_0 - timedelta(days=20)),
)


def on(offset: int) -> PartialDate:
    """The day `offset` days after day 0, as written."""
    return PartialDate.exactly(DAY_0 + timedelta(days=offset))


def tablet(ingredient: str, strength: float, **more: Any) -> Product:
    """A tablet of one ingredient."""
    return Product(
        label=ingredient,
        components=(Component(ingredient=ingredient, amount=strength),),
        recognised_by="rxnorm",
        **more,
    )


def daily(low: float = 1, high: float | None = None, **more: Any) -> DosageLine:
    """So many tablets once a day."""
    values: dict[str, Any] = {"unit": "unit", "times_low": 1, "times_high": 1, **more}
    return DosageLine(dose_low=low, dose_high=low if high is None else high, **values)


def finished(fact: MedicationFact) -> MedicationFact:
    """The fact with the fingerprint that its fields other than the reference have."""
    plain = repr(replace(fact, reference="", fingerprint=""))
    return replace(fact, fingerprint=hashlib.sha256(plain.encode()).hexdigest())


offsets = st.lists(st.sampled_from(STEPS), min_size=1, max_size=3).map(sum) | st.integers(0, 330)
lengths = st.sampled_from(LENGTHS) | st.integers(1, 100)


@dataclass(frozen=True)
class Scope:
    """Which features a random medication history may have. All False: plain dispenses of one tablet a day."""

    ranges: bool = False
    orders: bool = False
    reports: bool = False
    administrations: bool = False
    statuses: bool = False
    unknown_supply: bool = False
    stops: bool = False
    reasons: bool = False
    adherence: bool = False
    indications: bool = False


@st.composite
def histories_of_one_drug(draw: st.DrawFn, ingredient: str, scope: Scope) -> list[MedicationFact]:
    """Some facts on one ingredient, one after the other with gaps at the boundaries."""
    day = draw(offsets)
    facts: list[MedicationFact] = []
    product, line = tablet(ingredient, DRUGS[ingredient][-1]), daily()
    before = -1
    kinds = [Layer.DISPENSE] + [Layer.ORDER] * scope.orders + [Layer.REPORT] * scope.reports
    kinds += [Layer.ADMINISTRATION] * scope.administrations
    main = draw(st.sampled_from(kinds))
    for _ in range(draw(st.integers(1, 5))):
        layer = main if draw(st.integers(0, 3)) else draw(st.sampled_from(kinds))
        length = draw(lengths)
        if day != before:  # the same day in two strengths is told on purpose only, see `concurrent`
            product, line = (
                draw(_directions(ingredient, scope)) if draw(st.booleans()) or before < 0 else (product, line)
            )
        before = day
        facts += draw(_facts(product, line, layer, day, length, scope))
        day += draw(st.sampled_from((0, length, length, length, length))) + draw(
            st.sampled_from((0, 0, 0, *STEPS[:-6])) | st.integers(-10, 40)
        )
        day = max(day, before + length if scope.unknown_supply else before)
    return facts


@st.composite
def _directions(draw: st.DrawFn, ingredient: str, scope: Scope) -> tuple[Product, DosageLine]:
    units = draw(st.sampled_from((1, 1, 1, 2, 0.5)))
    most = draw(st.sampled_from((units, 2 * units))) if scope.ranges else None
    return tablet(ingredient, draw(st.sampled_from(DRUGS[ingredient]))), daily(units, most)


@st.composite
def _facts(
    draw: st.DrawFn, product: Product, line: DosageLine, layer: Layer, day: int, length: int, scope: Scope
) -> list[MedicationFact]:
    values: dict[str, Any] = {"product": product, "dosage": (line,), "layer": layer}
    if layer is Layer.ADMINISTRATION:
        return [
            MedicationFact(
                reference="", status="completed", start=on(day + k), end=on(day + k), inpatient=True, **values
            )
            for k in range(min(length, 12))
        ]
    if layer is Layer.REPORT:
        return [MedicationFact(reference="", status="completed", start=on(day), end=on(day + length - 1), **values)]
    if scope.indications:
        values["indications"] = draw(
            st.sampled_from(((), (), ("depression",), ("migraine",), ("migraine", "depression")))
        )
    supply: dict[str, Any] = {"days_supply": float(length)}
    if scope.unknown_supply:
        supply = draw(st.sampled_from((supply, supply, {}, {"quantity": length * (line.dose_low or 1)})))
    values |= supply
    if scope.adherence and not draw(st.integers(0, 5)):
        values["adherence"] = draw(st.sampled_from(("not-taking", "non-compliant", "partial")))
        values["adherence_asserted"] = draw(
            st.sampled_from((None, on(day), on(day + 10), on(day + 100), on(max(0, day - 60))))
        )
    if layer is Layer.DISPENSE:
        statuses = ("completed",) * 6 + (
            "in-progress",
            "unknown",
            "declined",
            "cancelled",
            "stopped",
            "entered-in-error",
        )
        status = draw(st.sampled_from(statuses)) if scope.statuses else "completed"
        return [MedicationFact(reference="", status=status, start=on(day), **values)]
    order_statuses = ("active",) * 3 + ("completed", "unknown", "on-hold", "cancelled", "draft", "entered-in-error")
    status = draw(st.sampled_from(order_statuses)) if scope.statuses else "active"
    intents = ("order",) * 5 + ("filler-order", "proposal", "plan", "option", "original-order")
    intent = draw(st.sampled_from(intents)) if scope.statuses else "order"
    values["repeats"] = draw(st.sampled_from((None, None, 0, 1, 2, 3)))
    if scope.stops and draw(st.integers(0, 2)) == 0:
        status, values["end"] = "stopped", on(day + draw(lengths))
    if scope.reasons and draw(st.booleans()):
        meaning = draw(st.sampled_from(("inefficacy", "inefficacy", "intolerance", "other", "completed")))
        by = draw(st.sampled_from(("code", "code", "text"))) if meaning == "inefficacy" else "code"
        values["stop_reasons"] = (StopReason(meaning=meaning, by=by, label=meaning),)
    return [MedicationFact(reference="", status=status, intent=intent, written=on(day), **values)]


_PREFIX = {
    Layer.DISPENSE: "MedicationDispense",
    Layer.ORDER: "MedicationRequest",
    Layer.REPORT: "MedicationStatement",
    Layer.ADMINISTRATION: "MedicationAdministration",
}


@st.composite
def medications(draw: st.DrawFn, scope: Scope, most_drugs: int = 3) -> tuple[MedicationFact, ...]:
    """The medication facts of one patient; every record has its own identifier."""
    drugs = draw(st.lists(st.sampled_from(sorted(DRUGS)), min_size=1, max_size=most_drugs, unique=True))
    facts = [fact for drug in drugs for fact in draw(histories_of_one_drug(drug, scope))]
    return tuple(
        finished(replace(fact, reference=f"{_PREFIX[fact.layer]}/{n}", identifiers=frozenset({f"urn:test|{n}"})))
        for n, fact in enumerate(facts)
    )


@st.composite
def records(draw: st.DrawFn, scope: Scope, most_drugs: int = 3, with_scores: bool = False) -> PatientRecord:
    """A whole record: an adult with depression, medications, and scores if asked for."""
    scores: tuple[Score, ...] = ()
    if with_scores:
        days = draw(st.lists(offsets, max_size=6, unique=True))
        scores = tuple(
            Score(
                instrument="phq9",
                value=float(draw(st.sampled_from((3, 4, 5, 8, 9, 10, 11, 14, 15, 18, 19, 20, 24)))),
                day=DAY_0 + timedelta(days=day),
                references=(f"Observation/{n}",),
            )
            for n, day in enumerate(days)
        )
    facts = draw(medications(scope, most_drugs))
    return PatientRecord(
        patient=ADULT, medications=facts, scores=scores, conditions=(DEPRESSION,), availability=COMPLETE
    )


@st.composite
def _written_out(draw: st.DrawFn, ingredient: str) -> MedicationFact:
    """One fill with directions of several lines, or a starter pack: the only record of its drug."""
    amounts = DRUGS[ingredient]
    kind = draw(st.sampled_from(("steps", "together", "unnumbered", "as needed", "pack")))
    counts = draw(st.lists(st.sampled_from((7, 14, 27, 28, 41, 42)), min_size=2, max_size=3))
    units = [draw(st.sampled_from((0.5, 1, 1, 2))) for _ in counts]
    product, length = tablet(ingredient, draw(st.sampled_from(amounts))), draw(lengths)
    if kind == "steps":
        bounds: list[float | None] = [*counts[:-1], None]
        lines = [
            daily(unit, sequence=n + 1, bounds_days=bound)
            for n, (unit, bound) in enumerate(zip(units, bounds, strict=True))
        ]
    elif kind == "pack":
        parts = [
            PackPart(count=n, components=(Component(ingredient=ingredient, amount=draw(st.sampled_from(amounts))),))
            for n in counts
        ]
        product, lines, length = replace(product, pack=tuple(parts)), [daily(1)], sum(counts)
    else:
        number = 1 if kind == "together" else None
        lines = [daily(unit, sequence=number, as_needed=kind == "as needed" and n > 0) for n, unit in enumerate(units)]
    return MedicationFact(
        reference="",
        layer=Layer.DISPENSE,
        status="completed",
        product=product,
        start=on(draw(offsets)),
        dosage=tuple(lines),
        days_supply=float(length),
    )


@st.composite
def written_out(draw: st.DrawFn) -> PatientRecord:
    """A record of up to three drugs, one fill each, with longer directions."""
    drugs = draw(st.lists(st.sampled_from(sorted(DRUGS)), min_size=1, max_size=3, unique=True))
    facts = [replace(draw(_written_out(drug)), reference=f"MedicationDispense/{n}") for n, drug in enumerate(drugs)]
    return PatientRecord(
        patient=ADULT,
        medications=tuple(finished(fact) for fact in facts),
        conditions=(DEPRESSION,),
        availability=COMPLETE,
    )
