"""Safety beyond the cases of each rule: what may hold, fail closed, switches of a site, whole records, drafts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType
from typing import Any

import pytest

from mappings.decision_tables import FactTest, SafetyRow
from mappings.load import Knowledge, load
from plugin.amounts import Amount
from plugin.ingest import read_record
from plugin.record import (
    AllergyFact,
    Availability,
    DosageLine,
    DraftOrder,
    ItemAnswer,
    LabResult,
    PatientRecord,
    Read,
    Verification,
)
from plugin.safety.concluded_facts import Concluded
from plugin.safety.decision_index import asked
from plugin.safety.decision_rows import held
from plugin.safety.named_facts import NamedFacts
from plugin.safety.option_safety import Safety, allergies_to, safety_of
from plugin.safety.order_stops import daily_dose, least_dose, with_stops
from tests.reasoning.facts import ADULT, daily, on, product, when
from tests.safety_cases.cases import AS_OF, PATIENT, Case
from tests.safety_cases.judging import Said, judge

KNOWLEDGE = load()
COMPLETE = Availability(read=Read.COMPLETE)
READ = MappingProxyType(
    dict.fromkeys(("MedicationRequest", "AllergyIntolerance", "Condition", "Observation"), COMPLETE)
)


def said(knowledge: Knowledge = KNOWLEDGE, **story: Any) -> Said:
    case = Case("", "", {"id": "story", **story}, "here")
    return judge(case.record(knowledge), case.orders(knowledge), knowledge=knowledge, as_of=AS_OF)


def of(record: PatientRecord, **manner: Any) -> Safety:
    facts = NamedFacts(record, Concluded(), knowledge=KNOWLEDGE, as_of=on(400))
    return safety_of(facts, record, knowledge=KNOWLEDGE, as_of=on(400), **manner)


def lab(measure: str, value: float | None, offset: int = 390, **more: Any) -> LabResult:
    amount = Amount(value, more.pop("bound", "")) if value is not None else None
    return LabResult(
        reference=f"Observation/{measure}-{value}-{offset}", measure=measure, day=on(offset), amount=amount, **more
    )


def rules(hits: Any, option: str) -> set[str]:
    return {hit.rule for hit in hits.get(option, ())}


# Fail closed (decision 2)


def test_everything_read_is_complete() -> None:
    safety = of(PatientRecord(patient=ADULT, availability=READ))
    assert (safety.complete, safety.unread) == (True, ())


@pytest.mark.parametrize("kind", ["MedicationRequest", "AllergyIntolerance", "Condition"])
@pytest.mark.parametrize("read", [Read.UNREAD, Read.PARTIAL, Read.UNKNOWN])
def test_what_is_essential_and_not_read_completely(kind: str, read: Read) -> None:
    safety = of(PatientRecord(patient=ADULT, availability={**READ, kind: Availability(read=read, why="refused")}))
    assert not safety.complete
    assert len(safety.unread) == 1


def test_no_age_is_not_complete() -> None:
    assert not of(PatientRecord(patient=None, availability=READ)).complete
    assert not of(PatientRecord(patient=replace(ADULT, birth=None), availability=READ)).complete


@pytest.mark.parametrize(
    ("availability", "complete"),
    [
        ({"MedicationDispense": COMPLETE}, True),  # a file of dispenses: nobody asked for orders
        ({}, False),
        ({"MedicationRequest": COMPLETE, "MedicationDispense": Availability(read=Read.UNREAD, feed=False)}, True),
        ({"MedicationRequest": COMPLETE, "MedicationDispense": Availability(read=Read.UNREAD, why="403")}, False),
        ({"MedicationRequest": COMPLETE, "MedicationStatement": Availability(read=Read.UNREAD, why="403")}, False),
        ({"MedicationRequest": Availability(read=Read.UNREAD, feed=False), "MedicationDispense": COMPLETE}, False),
        ({"MedicationRequest": COMPLETE, "MedicationDispense": Availability(read=Read.PARTIAL)}, False),
        ({"MedicationRequest": Availability(read=Read.UNREAD), "MedicationDispense": COMPLETE}, False),
    ],
)
def test_which_medications_must_be_read(availability: dict[str, Availability], complete: bool) -> None:
    rest = {"AllergyIntolerance": COMPLETE, "Condition": COMPLETE}
    assert of(PatientRecord(patient=ADULT, availability={**rest, **availability})).complete is complete


def test_what_kind_of_medication_record_did_not_come_is_named() -> None:
    refused = {**READ, "MedicationDispense": Availability(read=Read.UNREAD, why="refused")}
    (reason,) = of(PatientRecord(patient=ADULT, availability=refused)).unread
    assert reason.text == "Medications could not be read completely (MedicationDispense): no option is suggested."


PROCEDURES = {"TMS", "SAINT", "ECT", "VNS"}


@pytest.mark.parametrize(
    ("known", "blocked", "told"),
    [
        (COMPLETE, set(), set()),
        (Availability(read=Read.UNREAD, why="refused"), PROCEDURES, set()),
        (Availability(read=Read.PARTIAL), PROCEDURES, set()),
        (Availability(read=Read.UNREAD, feed=False), set(), PROCEDURES),
        (Availability(read=Read.UNKNOWN), set(), PROCEDURES),
        (None, set(), PROCEDURES),
    ],
)
def test_unread_procedures_close_procedures_or_are_told(
    known: Availability | None, blocked: set[str], told: set[str]
) -> None:
    rule = "PROCEDURES-NOT-READ"
    safety = of(PatientRecord(patient=ADULT, availability={**READ, **({"Procedure": known} if known else {})}))
    assert safety.complete
    assert {option for option in safety.blocked if rule in rules(safety.blocked, option)} == blocked
    assert {one.option for one in safety.needed if one.rule == rule} == told
    assert all(one.what == "earlier procedures, which were not read" for one in safety.needed if one.rule == rule)


def test_a_file_without_any_medication_is_unread() -> None:
    patient = {"resourceType": "Patient", "id": PATIENT, "birthDate": "1980-01-01"}
    condition = {"resourceType": "Condition", "id": "c", "code": {"text": "cough"}, "subject": {}}
    allergy = {"resourceType": "AllergyIntolerance", "id": "a", "code": {"text": "no known allergies"}, "patient": {}}
    record = read_record([patient, condition, allergy], knowledge=KNOWLEDGE)
    assert [reason.text.split()[0] for reason in of(record).unread] == ["Medications"]


# What may hold


def test_of_two_results_of_one_moment_either_may_be_right() -> None:
    record = PatientRecord(patient=ADULT, laboratory=(lab("systolic", 150), lab("systolic", 185)), availability=READ)
    assert rules(of(record).blocked, "ESK") == {"S04"}


def test_a_later_result_of_the_day_stands_alone() -> None:
    first, later = lab("systolic", 185, order="08:00"), lab("systolic", 150, order="16:00")
    safety = of(PatientRecord(patient=ADULT, laboratory=(first, later), availability=READ))
    assert rules(safety.blocked, "ESK") == set()
    assert rules(safety.cautions, "ESK") == {"S05"}


def test_a_result_that_cannot_be_read_does_not_hide_an_older_one() -> None:
    unreadable = LabResult(reference="Observation/u", measure="qtc", day=on(395), flags=("unit-unknown",))
    safety = of(PatientRecord(patient=ADULT, laboratory=(lab("qtc", 510), unreadable), availability=READ))
    assert "S23" in rules(safety.blocked, "TCA")


@pytest.mark.parametrize(
    ("bound", "value", "effects"),
    [("<", 15, {"block"}), ("<", 45, {"block", "caution"}), (">", 60, set()), (">", 20, {"block", "caution"})],
)
def test_a_bound_holds_where_the_true_value_may_lie(bound: str, value: float, effects: set[str]) -> None:
    safety = of(PatientRecord(patient=ADULT, laboratory=(lab("egfr", value, bound=bound),), availability=READ))
    found = {"block"} if rules(safety.blocked, "DXB") else set()
    assert found | ({"caution"} if "S17" in rules(safety.cautions, "DXB") else set()) == effects
    assert "S17" not in {needed.rule for needed in safety.needed}


@pytest.mark.parametrize(
    ("op", "held_for"),
    [
        ("lt", {"<5", "<=5", "<6", ">4", "4.9"}),
        ("le", {"<5", "<=5", "<6", ">4", ">=5", "4.9", "5"}),
        ("gt", {"<6", ">5", ">=5", ">4", "5.1"}),
        ("ge", {"<6", "<=5", ">5", ">=5", ">4", "5", "5.1"}),
    ],
)
def test_comparisons_at_and_around_a_limit(op: str, held_for: set[str]) -> None:
    value = {"unit": "mmol/L", "values": {on(0): {"amount": 5, "cites": ("trd-cds-rules",)}}}
    test = FactTest.model_validate({"fact": "sodium", "op": op, "value": value})
    for written in ("<5", "<=5", "<6", ">5", ">=5", ">4", "4.9", "5", "5.1"):
        bound = written.rstrip("0123456789.")
        result = lab("sodium", float(written[len(bound) :]), bound=bound)
        record = PatientRecord(patient=ADULT, laboratory=(result,), availability=READ)
        facts = NamedFacts(record, Concluded(), knowledge=KNOWLEDGE, as_of=on(400))
        assert (held(asked([test], on(400)), facts) is not None) is (written in held_for), written


def test_a_value_of_another_measure_says_nothing() -> None:
    record = PatientRecord(patient=ADULT, laboratory=(lab("alt", 400), lab("sodium", None)), availability=READ)
    assert "S19" not in rules(of(record).blocked, "AGO")
    assert "S46" not in rules(of(record).blocked, "SNRI")


def test_an_answer_without_a_score_is_none() -> None:
    blank = ItemAnswer(instrument="phq9", item=1, day=on(395), reference="Observation/a")
    facts = NamedFacts(PatientRecord(patient=ADULT, answers=(blank,)), Concluded(), knowledge=KNOWLEDGE, as_of=on(400))
    assert facts.candidates("phq9-item-1") == ()


def test_of_several_answers_the_newest_day_counts_and_the_worst_of_it() -> None:
    answers = tuple(
        ItemAnswer(instrument="phq9", item=1, day=on(day), reference=f"Observation/{day}-{value}", value=value)
        for day, value in ((390, 3), (395, 1), (395, 2))
    )
    facts = NamedFacts(PatientRecord(patient=ADULT, answers=answers), Concluded(), knowledge=KNOWLEDGE, as_of=on(400))
    known = facts.value("phq9-item-1")
    assert known is not None
    assert (known.value, known.day, known.uses) == (2, on(395), ("Observation/395-2",))


# What is said


def test_only_the_options_asked_for() -> None:
    record = PatientRecord(patient=ADULT, laboratory=(lab("systolic", 185),), availability=READ)
    safety = of(record, options=["KET"])
    assert set(safety.blocked) == {"KET"}
    assert {needed.option for needed in safety.needed} <= {"KET"}


def test_a_row_of_another_jurisdiction_does_not_hold() -> None:
    rule = KNOWLEDGE.clinical.safety["S40"]
    row: SafetyRow = rule.rows[0].model_copy(update={"jurisdictions": ("eu",)})
    clinical = replace(
        KNOWLEDGE.clinical,
        safety=MappingProxyType({"S40": rule.model_copy(update={"rows": (row,)})}),
    )
    knowledge = replace(KNOWLEDGE, clinical=clinical)
    case = Case("", "", {"id": "old", "patient": {"age": 70, "sex": "male"}}, "here")
    record = case.record(knowledge)
    facts = NamedFacts(record, Concluded(), knowledge=knowledge, as_of=AS_OF)
    for jurisdiction, held_there in (("us", set()), ("eu", {"S40"})):
        found = safety_of(facts, record, knowledge=knowledge, as_of=AS_OF, jurisdiction=jurisdiction)
        assert rules(found.cautions, "ESK") == held_there


def test_a_rule_that_a_site_switched_off_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    story: dict[str, Any] = {"conditions": ["G47.33 active, onset day 10"]}
    assert "S39" in rules(said(**story).safety.cautions, "QUE")
    monkeypatch.setattr(Knowledge, "is_on", lambda _self, rule, otherwise=True: rule != "S39" and otherwise)
    assert "S39" not in rules(said(**story).safety.cautions, "QUE")


def test_two_rows_of_a_rule_are_one_hit_with_both_reasons() -> None:
    safety = said(conditions=["R33.9 active, onset day 300"], patient={"age": 70, "sex": "male"}).safety
    hits = [hit for hit in safety.cautions["TCA"] if hit.rule == "S50"]
    assert [len(hit.reasons) for hit in hits] == [2]


def test_a_row_about_one_drug_names_it() -> None:
    safety = said(conditions=["K74.60 active, onset day 300"]).safety
    (hit,) = safety.blocked["SNRI"]
    assert hit.drugs == ("duloxetine",)
    both = said(conditions=["K74.60 active, onset day 300", "K72.90 active, onset day 300"]).safety
    assert [hit.drugs for hit in both.blocked["SNRI"]] == [("duloxetine",)]


def test_a_reason_compares_the_values() -> None:
    safety = said(vitals=["blood pressure 168/98 on day 395"]).safety
    (hit,) = safety.cautions["ESK"]
    day = AS_OF - timedelta(days=5)
    texts = " ".join(reason.text for reason in hit.reasons)
    assert f"systolic blood pressure: 168 mmHg on {day} (above 140)" in texts
    assert ("systolic", 168.0) in hit.reasons[0].facts
    assert hit.uses
    assert set(hit.uses) <= set(safety.uses)


def test_a_reason_says_how_sure_a_condition_is() -> None:
    texts = [
        said(conditions=[line]).safety.blocked["DXB"][0].reasons[0].text
        for line in ('"bulimia", recorded day 10', "F50.20 provisional, recorded day 10", "F50.20 active, onset day 10")
    ]
    assert "(named in words only)" in texts[0]
    assert "(not yet confirmed)" in texts[1]
    assert "(" not in texts[2]


def why(option: str, rule: str, **story: Any) -> str:
    """The reasons of one rule that blocks an option."""
    [hit] = [hit for hit in said(**story).safety.blocked[option] if hit.rule == rule]
    return " ".join(reason.text for reason in hit.reasons)


@pytest.mark.parametrize(
    ("medications", "told"),
    [
        (["fluoxetine 20 mg daily, dispensed 30 on day 336"], ["took fluoxetine, last day 2026-01-01."]),
        (["fluoxetine 20 mg daily, dispensed 30 on day 380"], ["takes fluoxetine."]),
        (
            ["sertraline 50 mg daily, dispensed 30 on day 365"],
            ["took a drug that must not meet an MAO inhibitor: sertraline (last day 2026-01-30)."],
        ),
        (
            ["sertraline 50 mg daily, dispensed 30 on day 365", "mirtazapine 15 mg daily, dispensed 60 on day 350"],
            ["takes a drug that must not meet an MAO inhibitor: mirtazapine, sertraline (last day 2026-01-30)."],
        ),
        (
            # a switch is inferred on the day the new drug begins, and the old supply lasts longer
            ["fluoxetine 20 mg daily, dispensed 60 on day 330", "escitalopram 10 mg daily, dispensed 30 on day 370"],
            ["took fluoxetine, supply to 2026-01-25."],
        ),
    ],
)
def test_what_is_over_is_told_in_the_past_with_its_last_day(medications: list[str], told: list[str]) -> None:
    text = why("MAOI", "S11", medications=medications)
    assert all(line in text for line in told), text
    assert "fluoxetine: fluoxetine" not in text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Z33.1 active confirmed, recorded day 370", "pregnancy among the conditions, recorded 2026-01-06."),
        ("Z33.1 active confirmed, onset day 360", "pregnancy among the conditions, onset 2025-12-27."),
        ("Z33.1 active confirmed", "pregnancy among the conditions, no date recorded."),
    ],
)
def test_a_condition_that_counts_for_a_time_is_told_with_its_day(line: str, told: str) -> None:
    text = why("DXB", "S16", patient={"age": 30, "sex": "female"}, conditions=[line])
    assert text == f"Pregnancy and breast-feeding: {told}"


def test_a_needed_line_says_what_and_why() -> None:
    needed = {one.what for one in said(patient={"age": 30, "sex": "female"}).safety.needed if one.option == "DXB"}
    assert needed == {"blood pressure", "eGFR", "pregnancy status"}
    (one,) = [one for one in said().safety.needed if (one.option, one.rule) == ("LIT", "N03")]
    assert one.reasons[0].text == "Renal function not known: no eGFR on record."


def test_a_blocked_option_needs_nothing() -> None:
    assert "DXB" not in {needed.option for needed in said(conditions=["F50.20 active, onset day 10"]).safety.needed}


def test_the_valproate_warning_is_about_no_option() -> None:
    line = 'text "divalproex 500 mg" twice daily, ordered on day 300, status active'
    safety = said(patient={"age": 30, "sex": "female"}, medications=[line]).safety
    assert [hit.rule for hit in safety.warnings] == ["W01"]
    assert set(safety.warnings[0].uses) <= set(safety.uses)


# Allergies


def allergy(*drugs: str, **more: Any) -> AllergyFact:
    values: dict[str, Any] = {"reference": "AllergyIntolerance/a", "ingredients": drugs, **more}
    return AllergyFact(**values)


@pytest.mark.parametrize(
    ("fact", "counts"),
    [
        (allergy("sertraline"), True),
        (allergy("sertraline", kind="intolerance", clinical="active"), True),
        (allergy("sertraline", verification=Verification.SUSPECTED), True),
        (allergy("sertraline", clinical="inactive"), False),
        (allergy("sertraline", kind="adverse-event"), False),
        (allergy("paroxetine"), False),
    ],
)
def test_which_allergies_count(fact: AllergyFact, counts: bool) -> None:
    record = PatientRecord(patient=ADULT, allergies=(fact,))
    assert bool(allergies_to("sertraline", record, KNOWLEDGE)) is counts


def test_an_allergy_joins_the_other_blocks() -> None:
    record = PatientRecord(
        patient=ADULT, allergies=(allergy("bupropion"),), laboratory=(lab("egfr", 20),), availability=READ
    )
    assert rules(of(record).blocked, "DXB") == {"S17", "ALLERGY"}
    assert rules(of(record).blocked, "BUP") == {"ALLERGY"}


# Drafts


def test_the_highest_dose_that_a_draft_may_mean() -> None:
    tablets = product("citalopram", 20)
    assert daily_dose(DraftOrder(reference="MedicationRequest/d"), "citalopram") is None
    assert daily_dose(DraftOrder(reference="MedicationRequest/d", product=tablets), "citalopram") is None
    assert daily_dose(DraftOrder(reference="MedicationRequest/d", product=tablets), "sertraline") is None
    spread = DosageLine(dose_low=1, dose_high=2, unit="unit", times_low=1, times_high=1)
    known = daily_dose(DraftOrder(reference="MedicationRequest/d", product=tablets, dosage=(spread,)), "citalopram")
    assert known is not None
    assert (known.value, known.shown) == (40, "40 mg a day")
    one = daily_dose(DraftOrder(reference="MedicationRequest/d", product=tablets, dosage=(daily(),)), "citalopram")
    assert one is not None
    assert one.value == 20


def test_the_least_dose_that_a_draft_without_one_can_mean() -> None:
    tablets = DraftOrder(reference="MedicationRequest/d", product=product("citalopram", 20))
    known = least_dose(tablets, "citalopram")
    assert known is not None
    assert (known.value, known.shown) == (20, "at least 20 mg a day")
    assert least_dose(tablets, "sertraline") is None
    assert least_dose(DraftOrder(reference="MedicationRequest/d"), "citalopram") is None


def test_an_unreadable_dose_is_told_with_the_limit() -> None:
    found = said(patient={"age": 61, "sex": "male"}, draft_text="citalopram 20 mg oral tablet")
    [stop] = [stop for order in found.orders for stop in order.stops]
    assert (stop.rule, stop.level, stop.note) == (
        "citalopram-max-dose",
        "info",
        "dose not readable; limit 20 mg a day at this age",
    )
    assert "cannot be read" in stop.reasons[0].text
    sure = said(patient={"age": 61, "sex": "male"}, draft_text="citalopram 40 mg oral tablet")
    [stop] = [stop for order in sure.orders for stop in order.stops]
    assert stop.level == "warning"
    assert "at least 40 mg a day (above 20)" in stop.reasons[0].text


def test_no_drafts_have_no_hard_stop() -> None:
    record = PatientRecord(patient=ADULT, availability=READ)
    facts = NamedFacts(record, Concluded(), knowledge=KNOWLEDGE, as_of=on(400))
    assert with_stops([], [], record, facts, knowledge=KNOWLEDGE, as_of=on(400)) == ()


def test_stops_stand_the_loudest_first_and_each_once() -> None:
    found = said(
        medications=[
            "phenelzine 45 mg daily, dispensed 30 on day 360",
            'text "Auvelity 45 mg / 105 mg" twice daily, dispensed 30 on day 380',
        ],
        conditions=["F50.20 active, onset day 10", "G40.909 active, onset day 10"],
        order="bupropion xl 150 mg daily",
    )
    (order,) = found.orders
    assert [stop.rule for stop in order.stops] == ["S10", "S06", "S07", "S12", "duplicate-ingredient"]
    assert all(stop.uses and stop.label for stop in order.stops)


def test_a_drafted_linezolid_is_named_by_its_group() -> None:
    (order,) = said(
        medications=["sertraline 100 mg daily, dispensed 30 on day 380"], draft_text="linezolid 600 mg tablet"
    ).orders
    assert order.ingredient is None
    assert order.label == "MAO inhibitor, linezolid or methylene blue"
    assert [(stop.rule, stop.level) for stop in order.stops] == [("S11", "critical")]


def test_a_draft_of_no_concern_is_not_judged() -> None:
    assert said(draft_text="amoxicillin 500 mg capsule").orders == ()


def test_days_before_a_condition_was_known_do_not_count() -> None:
    later = when(410)
    assert later is not None
    assert said(conditions=["I67.1 active, onset day 410"]).safety.blocked.get("ESK", ()) == ()
