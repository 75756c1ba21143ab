"""The shorthand for stories, the FHIR it writes, and the demo patients told in it."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

import pytest

from cds_hooks import fhir_writer
from cds_hooks.fhir_writer import InvalidResourceError, check
from cds_hooks.stories import bundle_of, drafted, load_stories
from cds_hooks.stories.notation import write_story
from cds_hooks.stories.sentences import UnreadableLineError, clauses
from mappings.load import load
from plugin.ingest import read_record

DAY_0 = date(2024, 1, 1)
KNOWLEDGE = load()
Resource = dict[str, Any]


def told(**story: Any) -> list[Resource]:
    """The resources of a story, without the patient; each is valid FHIR."""
    resources = write_story({"as_of": 100, **story}, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE)
    for resource in resources:
        check(resource)
    return resources[1:]


def taken(line: str) -> list[Resource]:
    return told(medications=[line])


def test_each_fill_starts_when_the_one_before_ends() -> None:
    fills = taken("sertraline 100 mg daily, dispensed 3x30 on day 0")
    assert [fill["whenHandedOver"] for fill in fills] == ["2024-01-01", "2024-01-31", "2024-03-01"]
    assert {fill["daysSupply"]["value"] for fill in fills} == {30}
    assert {fill["quantity"]["value"] for fill in fills} == {30}
    assert {fill["status"] for fill in fills} == {"completed"}
    coded = fills[0]["medicationCodeableConcept"]["coding"][0]
    assert coded["display"] == "sertraline 100 MG Oral Tablet"
    assert KNOWLEDGE.products.rxnorm[coded["code"]].ingredients == ("sertraline",)


@pytest.mark.parametrize(
    ("head", "product", "per_intake", "quantity"),
    [
        ("venlafaxine er 150 mg daily", "24 HR venlafaxine 150 MG Extended Release Oral Capsule", 1, 30),
        ("venlafaxine ir 75 mg twice daily", "venlafaxine 75 MG Oral Tablet", 1, 60),
        ("bupropion sr 150 mg twice daily", "12 HR bupropion hydrochloride 150 MG Extended Release Oral Tablet", 1, 60),
        ("bupropion xl 348 mg daily", "24 HR bupropion hydrobromide 348 MG Extended Release Oral Tablet", 1, 30),
        ("fluvoxamine 200 mg at night", "fluvoxamine maleate 100 MG Oral Tablet", 2, 60),
        ("selegiline patch 6 mg daily", "24 HR selegiline 0.25 MG/HR Transdermal System", 1, 30),
        ("duloxetine 60 mg every other day", "duloxetine 60 MG Delayed Release Oral Capsule", 1, 15),
        ("Zoloft 50 mg daily", "sertraline 50 MG Oral Tablet", 1, 30),
    ],
)
def test_the_product_fits_drug_release_and_dose(head: str, product: str, per_intake: int, quantity: int) -> None:
    [fill] = taken(f"{head}, dispensed 30 on day 0")
    assert fill["medicationCodeableConcept"]["text"] == product
    assert fill["dosageInstruction"][0]["doseAndRate"][0]["doseQuantity"]["value"] == per_intake
    assert fill["quantity"]["value"] == quantity


def test_the_reason_and_the_stop_stand_on_the_order_behind_the_dispenses() -> None:
    order, *fills = taken(
        'paroxetine 40 mg daily, dispensed 2x30 on day 0, for "depression", stopped on day 45 because "low libido"'
    )
    assert (order["resourceType"], order["status"], order["authoredOn"]) == (
        "MedicationRequest",
        "stopped",
        "2024-01-01",
    )
    assert order["statusReason"] == {"text": "low libido"}
    assert order["reasonCode"] == [{"text": "depression"}]
    bounds = order["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]
    assert bounds == {"start": "2024-01-01", "end": "2024-02-15"}
    assert order["dispenseRequest"]["numberOfRepeatsAllowed"] == 1
    linked = [{"reference": f"MedicationRequest/{order['id']}"}]
    assert [fill["authorizingPrescription"] for fill in fills] == [linked, linked]


def test_a_standard_stop_reason_is_coded() -> None:
    [order, _] = taken("paroxetine 40 mg daily, dispensed 30 on day 0, stopped on day 9 because code sintol")
    [coded] = order["statusReason"]["coding"]
    assert (coded["system"], coded["code"]) == (KNOWLEDGE.uri_of("stop-reason"), "sintol")


def test_orders_may_be_renewed_refused_and_forbidden() -> None:
    renewed = taken("sertraline 50 mg daily, ordered on day 0 and day 30, quantity 30, repeats 2, status completed")
    assert [order["authoredOn"] for order in renewed] == ["2024-01-01", "2024-01-31"]
    assert renewed[0]["dispenseRequest"] == {
        "numberOfRepeatsAllowed": 2,
        "quantity": renewed[0]["dispenseRequest"]["quantity"],
    }
    [forbidden] = taken("sertraline 50 mg daily, ordered on day 0, do not perform")
    assert forbidden["doNotPerform"] is True
    [declined] = taken("sertraline 50 mg daily, dispensed 30 on day 0, status declined")
    assert declined["status"] == "declined"


def test_a_signature_replaces_the_structured_dosage() -> None:
    [fill] = taken('sertraline 50 mg, sig "take 1/2 tablet daily, with food", quantity 15, dispensed 30 on day 0')
    assert fill["dosageInstruction"] == [{"text": "take 1/2 tablet daily, with food"}]
    assert fill["quantity"]["value"] == 15


def test_reports_and_administrations() -> None:
    [dated] = taken("sertraline 50 mg daily, reported from day 0 to day 9")
    assert dated["effectivePeriod"] == {"start": "2024-01-01", "end": "2024-01-10"}
    [open_] = taken("sertraline 50 mg daily, reported from day 0")
    assert (open_["status"], open_["effectivePeriod"]) == ("active", {"start": "2024-01-01"})
    [undated] = taken("sertraline 50 mg daily, reported on day 5, status unknown")
    assert "effectivePeriod" not in undated
    [plan] = taken("sertraline 50 mg daily, reported as an order from day 0 to day 9")
    assert (plan["intent"], plan["reportedBoolean"]) == ("plan", True)
    given = taken("sertraline 50 mg twice daily, administered from day 0 to day 2")
    assert Counter(each["effectiveDateTime"] for each in given) == {f"2024-01-0{day}": 2 for day in (1, 2, 3)}


def test_adherence_is_the_extension_of_us_core() -> None:
    [order, _] = taken("sertraline 50 mg daily, dispensed 30 on day 0, adherence snomed 715036001 asserted on day 9")
    [extension] = order["extension"]
    assert extension["url"].endswith("us-core-medication-adherence")
    assert {"url": "dateAsserted", "valueDateTime": "2024-01-10"} in extension["extension"]


def test_items_add_up_and_the_last_ones_stay_unanswered() -> None:
    instrument = next(each for each in KNOWLEDGE.instruments.values() if each.missing_items_max)
    [response] = told(scores=["phq9 items 7 of 9 summing to 12 on day 3 as questionnaire"])
    answered = [item for item in response["item"] if "answer" in item]
    assert len(response["item"]) == 9
    assert response["item"][:7] == answered
    assert sum(instrument.answers[item["answer"][0]["valueCoding"]["code"]] for item in answered) == 12
    values = [
        each["valueInteger"] for each in told(scores=["phq9 items 9 of 9 summing to 13 on day 3 as observations"])
    ]
    assert (len(values), sum(values)) == (9, 13)


def test_total_panel_and_item_have_codes_of_their_own() -> None:
    lines = ["phq9 18 on day 0", "phq9 panel 18 on day 0", "phq9 item 9 value 2 on day 0"]
    codes = [each["code"]["coding"][0]["code"] for each in told(scores=lines)]
    instrument = next(each for each in KNOWLEDGE.instruments.values() if each.missing_items_max)
    assert codes[:2] == [instrument.total_codes[0].code, instrument.panel_codes[0].code]
    assert codes[2] == instrument.items[8].codes[0].code


def test_conditions_procedures_measurements_and_allergies() -> None:
    [active, words] = told(conditions=['F33.1 "Recurrent depression"', '"bipolar?" provisional, recorded day 3'])
    assert active["code"]["coding"][0]["system"] == KNOWLEDGE.uri_of("icd10cm")
    assert active["clinicalStatus"]["coding"][0]["code"] == "active"
    assert words["verificationStatus"]["coding"][0]["code"] == "provisional"
    assert words["code"] == {"text": "bipolar?"}
    [mistaken] = told(conditions=["F33.1 entered-in-error, onset day 0"])
    assert "clinicalStatus" not in mistaken
    sessions = told(procedures=["ect 3 sessions from day 0 every 2 days"])
    assert [session["performedDateTime"] for session in sessions] == ["2024-01-01", "2024-01-03", "2024-01-05"]
    [thyroid] = told(measurements=["loinc 3016-3 9.8 m[IU]/L on day 50"])
    assert (thyroid["valueQuantity"]["value"], thyroid["valueQuantity"]["code"]) == (9.8, "m[IU]/L")
    [none_known] = told(allergies=['snomed 716186003 "No known allergy", recorded day 0'])
    assert none_known["patient"] == {"reference": "Patient/p"}


def test_age_is_reached_on_the_day_of_the_story_whatever_the_calendar() -> None:
    for day_zero in (date(2023, 12, 31), date(2024, 2, 29), date(2024, 8, 31)):
        [patient] = write_story(
            {"as_of": 0, "patient": {"age": 16}}, day_zero=day_zero, patient_id="p", knowledge=KNOWLEDGE
        )
        record = read_record([patient], knowledge=KNOWLEDGE)
        assert record.patient is not None
        assert record.patient.age_on(day_zero) == (16, 16)


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("medications", "sertraline 100 mg sometimes, dispensed 30 on day 0", "RHYTHM"),
        ("medications", "sertraline 101 mg daily, dispensed 30 on day 0", "product table"),
        ("medications", "sertralin-like 50 mg daily, dispensed 30 on day 0", "product table"),
        ("medications", "sertraline 50 mg daily, dispensed thrice on day 0", "dispensed [Nx]DAYS on day N"),
        ("medications", "sertraline 50 mg daily, dispensed 30 on day zero", "dispensed [Nx]DAYS on day N"),
        ("medications", "sertraline 50 mg daily", "one of dispensed"),
        ("medications", "sertraline 50 mg, dispensed 30 on day 0", "a rhythm, or a quantity"),
        ("medications", "sertraline 50 mg daily, reported on day 0 to day 9", "reported"),
        ("medications", "sertraline 50 mg daily, reported from day 0, stopped on day 9", "only with dispensed"),
        ("medications", 'sertraline 50 mg daily, dispensed 30 on day 0, for "migraine', "pairs"),
        ("medications", "sertraline 50 mg daily, dispensed 30 on day 0, for migraine", 'for "TEXT"'),
        ("medications", "rxnorm 999999999 daily, dispensed 30 on day 0", "product table"),
        ("medications", 7, "a sentence"),
        ("scores", "phq9 eighteen on day 0", "SCALE N on day N"),
        ("scores", "phq99 18 on day 0", "SCALE is"),
        ("scores", "phq9 items 7 of 9 summing to 22 on day 0 as questionnaire", "a sum they can reach"),
        ("scores", "phq9 items 7 of 8 summing to 12 on day 0 as questionnaire", "as many items"),
        ("scores", "phq9 item 10 value 2 on day 0", "has a code for"),
        ("conditions", "F33.1 very active, onset day 0", "CODE"),
        ("conditions", "F33.1 active, began day 0", "onset day N"),
        ("procedures", "hypnosis on day 0", "KIND is"),
        ("measurements", "weight 70 kg on day 0", "SYSTEM CODE"),
        ("allergies", "penicillin, recorded day 0", "SYSTEM CODE"),
    ],
)
def test_an_unreadable_line_is_refused_with_what_would_do(section: str, line: object, said: str) -> None:
    with pytest.raises(UnreadableLineError) as refusal:
        told(**{section: [line]})
    assert repr(line) in str(refusal.value)
    assert said in str(refusal.value)


def test_exact_elements_replace_what_the_sentence_writes() -> None:
    first, second = told(
        medications=[
            {
                "line": "sertraline 100 mg daily, dispensed 2x30 on day 0",
                "dispense": [
                    {"whenHandedOver": None, "whenPrepared": "day 3", "note": [{"time": "day -1", "text": "x"}]}
                ],
            }
        ]
    )
    assert "whenHandedOver" not in first
    assert first["whenPrepared"] == "2024-01-04"
    assert first["note"] == [{"time": "2023-12-31", "text": "x"}]
    assert second["whenHandedOver"] == "2024-01-31"


def test_one_mapping_holds_for_every_record_of_its_kind() -> None:
    line = {
        "line": "sertraline 100 mg daily, ordered on day 0 and day 30",
        "order": {"category": [{"text": "discharge"}]},
    }
    assert [order["category"][0]["text"] for order in told(medications=[line])] == ["discharge", "discharge"]


@pytest.mark.parametrize(
    "line",
    [
        {"dispense": {"status": "completed"}},
        {"line": "sertraline 100 mg daily, dispensed 30 on day 0", "prescription": {}},
        {"line": "sertraline 100 mg daily, dispensed 30 on day 0", "order": {"status": "active"}},
        {"line": "sertraline 100 mg daily, dispensed 30 on day 0", "dispense": [{}, {}]},
        {"line": "sertraline 100 mg daily, dispensed 30 on day 0", "dispense": "completed"},
    ],
)
def test_exact_elements_of_no_record_are_refused(line: dict[str, Any]) -> None:
    with pytest.raises(UnreadableLineError, match="a mapping of line and any of order"):
        told(medications=[line])


def test_an_unknown_section_and_a_missing_day_are_refused() -> None:
    for story in ({"as_of": 1, "drugs": []}, {"medications": []}, {"as_of": 1, "scores": "phq9 18 on day 0"}):
        with pytest.raises(UnreadableLineError):
            write_story(story, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE)


def test_commas_inside_quotation_marks_do_not_part_clauses() -> None:
    assert clauses('a "b, c" ,  d; e') == ['a "b, c"', "d", "e"]


def test_check_names_the_place_of_a_fault() -> None:
    [fill] = taken("sertraline 50 mg daily, dispensed 30 on day 0")
    with pytest.raises(InvalidResourceError, match=r"MedicationDispense: dosageInstruction\[0\]"):
        check(fill | {"dosageInstruction": [{"timing": "daily"}]})
    with pytest.raises(InvalidResourceError, match="not a FHIR R4 resource type"):
        check({"resourceType": "Prescription"})
    with pytest.raises(InvalidResourceError, match="status"):
        check({key: value for key, value in fill.items() if key != "status"})


def test_the_writer_also_writes_what_no_story_needs() -> None:
    concept = fhir_writer.concept(fhir_writer.coding(KNOWLEDGE.uri_of("rxnorm"), "1", "x"), text="x")
    check(fhir_writer.medication(id_="m", code=concept))
    check(fhir_writer.service_request(id_="s", patient_id="p", code=concept, authored=DAY_0))
    check(fhir_writer.collection(taken("sertraline 50 mg daily, dispensed 2x30 on day 0"), kind="searchset"))


def test_demo_patients_are_plainly_synthetic_and_never_collide() -> None:
    stories = load_stories(date(2026, 3, 1), KNOWLEDGE)
    ids = [(each["resourceType"], each["id"]) for story in stories for each in story.resources]
    assert len(ids) == len(set(ids))
    assert {story.resources[0]["name"][0]["family"] for story in stories} == {"Synthetic"}
    assert all(story.teaching.count(".") == 1 and story.teaching.endswith(".") for story in stories)
    assert max(str(each.get("whenHandedOver", "")) for story in stories for each in story.resources) <= "2026-03-01"


def test_a_story_loads_as_one_transaction() -> None:
    story = load_stories(date(2026, 3, 1), KNOWLEDGE)[0]
    bundle = bundle_of(story)
    assert [entry["request"]["url"] for entry in bundle["entry"]] == [
        f"{each['resourceType']}/{each['id']}" for each in story.resources
    ]
    assert {entry["request"]["method"] for entry in bundle["entry"]} == {"PUT"}


def test_a_drafted_order_says_how_in_words_and_structure() -> None:
    order = drafted("mirtazapine 15 mg at night", patient_id="p", day=DAY_0, knowledge=KNOWLEDGE)
    check(order)
    assert (order["status"], order["authoredOn"]) == ("draft", "2024-01-01")
    assert order["dosageInstruction"][0]["text"] == "1 tablet at night"
    with pytest.raises(UnreadableLineError):
        drafted("mirtazapine 15 mg at night, dispensed 30 on day 0", patient_id="p", day=DAY_0, knowledge=KNOWLEDGE)
