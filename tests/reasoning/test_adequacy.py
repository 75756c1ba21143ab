"""What caps or undoes an adequate dose and duration: levels below range, drugs without an adequate dose."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from mappings.load import load
from plugin import assess
from plugin.amounts import Amount
from plugin.assessment import Assessment
from plugin.record import LabResult, MedicationFact, PatientRecord
from plugin.trial.adequacy import Adequacy
from plugin.trial.trials import Trial
from tests.reasoning.facts import ADULT, fill, on, order, product, report

KNOWLEDGE = load()


def judged(*medications: MedicationFact, knowledge: Any = KNOWLEDGE, as_of: int = 300, **more: Any) -> Assessment:
    record = PatientRecord(patient=ADULT, medications=medications, **more)
    return assess(record, knowledge=knowledge, as_of=on(as_of))


def only(assessment: Assessment) -> Trial:
    [trial] = assessment.trials
    return trial


def nortriptyline(number: int, start: int, milligrams: float, days: int) -> MedicationFact:
    return fill(number, start, days, product=product("nortriptyline", milligrams))


def level(day: int, value: float) -> LabResult:
    return LabResult(
        reference=f"Observation/level-{day}", measure="nortriptyline-level", day=on(day), amount=Amount(value, "")
    )


def test_a_level_below_range_at_an_adequate_dose_caps_a_trial_that_other_days_would_make_adequate() -> None:
    fills = nortriptyline(1, 0, 75, 30), nortriptyline(2, 30, 100, 50)
    without, low = only(judged(*fills)), only(judged(*fills, laboratory=(level(20, 49),)))

    assert without.judged.adequacy is Adequacy.ADEQUATE
    assert low.judged.sure is not None
    assert low.judged.sure.days >= 42
    assert low.judged.adequacy is Adequacy.BORDERLINE
    assert "level_below_range" in low.judged.flags
    [capped] = [reason for reason in low.judged.reasons if "at most borderline" in reason.text]
    assert (capped.rule, capped.uses) == ("A4", ("Observation/level-20",))
    assert capped.cites


def test_a_level_in_range_caps_nothing() -> None:
    fills = nortriptyline(1, 0, 75, 30), nortriptyline(2, 30, 100, 50)

    assert only(judged(*fills, laboratory=(level(20, 50),))).judged.adequacy is Adequacy.ADEQUATE


def test_a_drug_without_an_adequate_dose_is_no_trial_however_long_it_was_taken() -> None:
    modafinil = KNOWLEDGE.drugs["modafinil"]
    assert modafinil.adequate_dose is None
    for counting in ("never", "counts"):
        drugs = {**KNOWLEDGE.drugs, "modafinil": modafinil.model_copy(update={"counting": counting})}
        knowledge = replace(KNOWLEDGE, drugs=MappingProxyType(drugs))
        trial = only(judged(fill(1, 0, 90, product=product("modafinil", 200)), knowledge=knowledge))

        assert trial.judged.adequacy is Adequacy.EXCLUDED
        assert [reason.rule for reason in trial.judged.reasons] == ["A1"]
        assert trial.judged.thresholds is None


def test_an_undated_report_of_a_product_for_something_else_or_of_an_added_drug_is_no_trial() -> None:
    undated = (
        report(1, None, None, product=product("bupropion", 150, excluded_for="smoking cessation")),
        report(2, None, None, product=product("aripiprazole", 5)),
        report(3, None, None, product=product("escitalopram", 10)),
    )
    found = judged(*undated, fill(4, 0, 90))

    assert {(trial.ingredient, trial.undated) for trial in found.trials} == {
        ("sertraline", False),
        ("escitalopram", True),
    }


def test_an_undated_report_beside_dated_use_of_the_drug_is_not_told_as_a_second_trial() -> None:
    dated = fill(1, 0, 90, product=product("sertraline", 50))
    other_use = report(2, None, None, product=product("sertraline", 50, excluded_for="another use"))

    assert [trial.undated for trial in judged(dated, other_use).trials] == [False]


def test_an_unwritten_day_of_an_order_is_that_of_its_validity() -> None:
    known = order(1, 10, 60)
    bounded = replace(known, written=None, validity_start=known.written)

    assert only(judged(bounded)).judged.era.start == on(10)
    assert judged(replace(bounded, validity_start=None)).trials[0].undated
