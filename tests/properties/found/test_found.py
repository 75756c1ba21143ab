"""Smallest examples of what the reference found in the engine; each states the rule and what the engine must say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from mappings.load import load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.record import Layer, MedicationFact, PatientRecord, Score
from tests.properties.records import ADULT, COMPLETE, DAY_0, DEPRESSION, daily, finished, on, tablet

_KIND = {
    Layer.DISPENSE: "MedicationDispense",
    Layer.ORDER: "MedicationRequest",
    Layer.REPORT: "MedicationStatement",
}


def fill(
    drug: str, mg: float, day: int, days: float, units: float = 1, most: float | None = None, **more: Any
) -> MedicationFact:
    """A completed dispense."""
    return _fact(Layer.DISPENSE, drug, mg, units, most, status="completed", start=on(day), days_supply=days, **more)


def order(drug: str, mg: float, day: int, days: float, units: float = 1, **more: Any) -> MedicationFact:
    """An active order."""
    values = {"status": "active", "intent": "order", "written": on(day), "days_supply": days, **more}
    return _fact(Layer.ORDER, drug, mg, units, None, **values)


def report(drug: str, mg: float, first: int, last: int) -> MedicationFact:
    """A completed statement with its period."""
    return _fact(Layer.REPORT, drug, mg, 1, None, status="completed", start=on(first), end=on(last))


def _fact(layer: Layer, drug: str, mg: float, units: float, most: float | None, **more: Any) -> MedicationFact:
    return MedicationFact(reference="", layer=layer, product=tablet(drug, mg), dosage=(daily(units, most),), **more)


def trials(*facts: MedicationFact, as_of: int = 365, scores: tuple[Score, ...] = ()) -> dict[str, dict[str, Any]]:
    """The trials of an adult with depression and these facts, by ingredient."""
    numbered = tuple(
        finished(replace(f, reference=f"{_KIND[f.layer]}/{n}", identifiers=frozenset({f"urn:test|{n}"})))
        for n, f in enumerate(facts)
    )
    record = PatientRecord(
        patient=ADULT, medications=numbered, scores=scores, conditions=(DEPRESSION,), availability=COMPLETE
    )
    document = to_document(assess(record, knowledge=load(), as_of=DAY_0 + timedelta(days=as_of)))
    return {trial["ingredient"]: trial for trial in document["trials"]}


def test_the_stock_cap_holds_after_rescaling() -> None:
    """E5, decision 93: 26 days at 600 mg are 104 at 150 mg; no more than 90 of them are carried over."""
    trial = trials(fill("bupropion", 300, 0, 27, 2), fill("bupropion", 150, 1, 7))["bupropion"]
    assert trial["atDoseDays"]["possible"] == 1 + 90 + 7


def test_leftover_of_an_uncertain_dose_is_sure_only_at_the_higher_dose() -> None:
    """Decisions 11, 93: 40 days' supply never make 59 sure days."""
    trial = trials(fill("bupropion", 300, 0, 20, 1, 2), fill("bupropion", 300, 1, 20))["bupropion"]
    assert (trial["adequacy"], trial["atDoseDays"]["sure"]) == ("BORDERLINE", 40)


def test_a_fill_after_a_reported_end_is_something_new() -> None:
    """4.2: the report ends what was there; the fill of the next day counts."""
    trial = trials(fill("bupropion", 300, 0, 30), report("bupropion", 300, 0, 29), fill("bupropion", 300, 30, 30))
    assert trial["bupropion"]["atDoseDays"]["sure"] == 60


def test_a_reported_end_ends_orders_too() -> None:
    """4.2: an explicit end of use comes before the end of the last supply."""
    trial = trials(order("sertraline", 50, 0, 90), report("sertraline", 50, 0, 20))["sertraline"]
    assert trial["atDoseDays"]["possible"] == 21


def test_repeats_never_lend_their_dose_to_a_sure_order() -> None:
    """Decision 42: after day 30 only 75 mg are sure, whatever order the two records come in."""
    lasting = order("venlafaxine", 75, 0, 90)
    repeated = order("venlafaxine", 37.5, 0, 30, 2, repeats=2)
    for facts in ((lasting, repeated), (repeated, lasting)):
        trial = trials(*facts)["venlafaxine"]
        assert (trial["adequacy"], trial["atDoseDays"]["sure"]) == ("BORDERLINE", 30)


def test_of_two_orders_alike_the_longer_one_is_sure() -> None:
    """Decisions 31, 92: the dose is [one, sum] for the longer of the two, whichever record comes first."""
    short, long = order("escitalopram", 10, 0, 7, repeats=2), order("escitalopram", 10, 0, 43)
    for facts in ((short, long), (long, short)):
        assert trials(*facts)["escitalopram"]["atDoseDays"]["sure"] == 43


def test_two_statements_of_not_taking_speak_of_one_era() -> None:
    """Decision 32: both were made in the second era; the first stays."""
    denied: dict[str, Any] = {"adherence": "not-taking", "adherence_asserted": on(120)}
    trial = trials(
        fill("bupropion", 300, 0, 50),
        fill("bupropion", 300, 100, 30, **denied),
        fill("bupropion", 300, 130, 30, **denied),
    )["bupropion"]
    assert (trial["adequacy"], trial["atDoseDays"]["sure"]) == ("ADEQUATE", 50)


def test_the_possible_run_is_the_longest() -> None:
    """Decision 36: 45 possible days in one run are BORDERLINE, not IN_PROGRESS, whatever their proof."""
    trial = trials(fill("bupropion", 300, 0, 30), order("bupropion", 300, 50, 45), as_of=95)["bupropion"]
    assert (trial["adequacy"], trial["atDoseDays"]["possible"]) == ("BORDERLINE", 45)


def test_an_era_below_the_lenient_dose_ends_no_other_drug() -> None:
    """Decision 33: that escitalopram reaches 10 mg another time does not make 5 mg a switch."""
    trial = trials(fill("bupropion", 300, 0, 60), fill("escitalopram", 5, 40, 20), fill("escitalopram", 10, 150, 30))
    assert trial["bupropion"]["end"] == on(59).latest.isoformat()


def test_the_next_antidepressant_is_next_to_the_run_that_is_rated() -> None:
    """5.2: borderline from day 0 on, bupropion from day 10 on: remission on day 56 is not the first drug's alone."""
    remission = Score(instrument="phq9", value=3, day=DAY_0 + timedelta(days=56), references=("Observation/1",))
    facts = (fill("venlafaxine", 75, 0, 30), fill("venlafaxine", 150, 30, 30), fill("bupropion", 150, 10, 30))
    trial = trials(*facts, scores=(remission,))["venlafaxine"]
    assert (trial["adequacy"], trial["outcome"]["status"]) == ("BORDERLINE", "UNKNOWN")
