"""Laboratory results as read: units, censored values, the laboratory's own range, and what is not counted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.stories.notation import write_story
from cds_hooks.stories.sentences import UnreadableLineError
from mappings.load import Knowledge, load
from plugin.amounts import Amount
from plugin.ingest import read_record
from plugin.ingest.lab_values import factors_of, plain_unit
from plugin.record import LABORATORY, Availability, LabResult, PatientRecord, Read
from tests.ingest.shorthand import (
    LOINC,
    RXNORM,
    SUBJECT,
    coded,
    dispense,
    observation,
    order,
    patient,
    statement,
    total,
)

TSH, FERRITIN, NORTRIPTYLINE, LITHIUM, HAEMOGLOBIN = "3016-3", "2276-4", "3872-9", "14334-7", "718-7"
CYP2D6, CYP2C19, AUDIT_C = "79715-9", "79714-2", "75626-2"
Reader = Callable[..., PatientRecord]


def quantity(value: object, unit: str = "", code: str = "", **more: Any) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit, "code": code, **more}}


def one(read: Reader, code: str = TSH, **more: Any) -> LabResult:
    """The only result of one Observation."""
    record = read(patient(), observation("l1", code, **more))
    assert [result.reference for result in record.laboratory] == ["Observation/l1"], record.set_aside
    return record.laboratory[0]


def reason(read: Reader, code: str = TSH, **more: Any) -> str:
    """Why one Observation gives no result."""
    record = read(patient(), observation("l1", code, **more))
    assert record.laboratory == ()
    return next(entry.reason for entry in record.set_aside if entry.reference == "Observation/l1")


@pytest.mark.parametrize(
    ("code", "value", "unit", "amount"),
    [
        (TSH, 9.8, "m[IU]/L", 9.8),
        (TSH, 9.8, "mIU/L", 9.8),
        (TSH, 9.8, "uIU/mL", 9.8),
        (TSH, 9.8, "µIU/mL", 9.8),
        (TSH, 9.8, "mU/L", 9.8),
        (FERRITIN, 12, "ug/L", 12),
        (FERRITIN, 12, "mcg/L", 12),
        (FERRITIN, 12, "ng/mL", 12),
        (NORTRIPTYLINE, 190, "nmol/L", 50),
        (NORTRIPTYLINE, 570, "nmol/L", 150),
        (LITHIUM, 0.6, "mEq/L", 0.6),
        (LITHIUM, 0.6, "mmol/L", 0.6),
        (HAEMOGLOBIN, 115, "g/L", 11.5),
    ],
)
@pytest.mark.parametrize("element", ["code", "unit"])
def test_a_value_is_kept_in_the_unit_of_its_measure(
    read: Reader, code: str, value: float, unit: str, amount: float, element: str
) -> None:
    result = one(read, code, **quantity(value, **{element: unit}))
    assert result.amount is not None
    assert result.amount.value == pytest.approx(amount)
    assert (result.amount.bound, result.flags) == ("", ())


@pytest.mark.parametrize("unit", ["", "furlong", "mg/dL"])
def test_a_value_in_an_unknown_unit_has_no_amount(read: Reader, unit: str) -> None:
    result = one(read, **quantity(9.8, unit))
    assert (result.amount, result.position, result.flags) == (None, "", ("unit-unknown",))


def test_spellings_of_one_unit_that_convert_differently_are_no_unit(read: Reader) -> None:
    assert one(read, HAEMOGLOBIN, **quantity(12, "g/L", "g/dL")).flags == ("unit-unknown",)
    known = one(read, HAEMOGLOBIN, **quantity(12, "gram", "g/dL")).amount
    assert known == Amount(12)


def test_a_count_of_points_needs_no_unit(read: Reader) -> None:
    assert one(read, AUDIT_C, valueInteger=5).amount == Amount(5)
    assert one(read, AUDIT_C, **quantity(5, "{score}")).amount == Amount(5)


@pytest.mark.parametrize(
    ("sent", "amount"),
    [
        (quantity(5, "mIU/L", comparator="<"), Amount(5, "<")),
        (quantity(5, "mIU/L", comparator="<="), Amount(5, "<=")),
        (quantity(100, "mIU/L", comparator=">"), Amount(100, ">")),
        (quantity(100, "mIU/L", comparator=">="), Amount(100, ">=")),
        (quantity("<0.4", "mIU/L"), Amount(0.4, "<")),
        (quantity("<0.4", "mIU/L", comparator="<"), Amount(0.4, "<")),
        (quantity("9.8", "mIU/L"), Amount(9.8)),
        ({"valueString": "<0.4 mIU/L"}, Amount(0.4, "<")),
        ({"valueString": "≥ 5.5mIU/L"}, Amount(5.5, ">=")),
        ({"valueString": "≤5.5 mIU/L"}, Amount(5.5, "<=")),
        ({"valueString": "9.8 mIU/L"}, Amount(9.8)),
    ],
)
def test_a_censored_value_stays_a_bound(read: Reader, sent: dict[str, Any], amount: Amount) -> None:
    assert one(read, **sent).amount == amount


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"valueString": "see comment"},
        {"valueString": "9,8 mIU/L"},
        {"valueBoolean": True},
        {"valueQuantity": "9.8"},
        {"valueQuantity": {"unit": "mIU/L"}},
        quantity(9.8, "mIU/L", comparator="ad"),
        quantity("<0.4", "mIU/L", comparator=">"),
        quantity(float("nan"), "mIU/L"),
        {"dataAbsentReason": coded("x", "unknown")},
    ],
)
def test_what_cannot_be_read_is_set_aside(read: Reader, sent: dict[str, Any]) -> None:
    assert reason(read, **sent) == "no readable value"


@pytest.mark.parametrize(("value", "plausible"), [(-0.1, False), (0, True), (1000, True), (1000.1, False)])
def test_an_impossible_value_is_set_aside(read: Reader, value: float, plausible: bool) -> None:
    if plausible:
        assert one(read, **quantity(value, "mIU/L")).amount == Amount(value)
    else:
        assert reason(read, **quantity(value, "mIU/L")) == "its value is not plausible"


def test_a_value_without_any_known_range_is_not_doubted(read: Reader) -> None:
    assert one(read, "70273-8", valueInteger=99).amount == Amount(99)  # PHQ-15, no range in the knowledge


@pytest.mark.parametrize(
    ("status", "flags"),
    [("final", ()), ("amended", ()), ("corrected", ()), ("preliminary", ("preliminary",))],
)
def test_final_and_preliminary_results_count(read: Reader, status: str, flags: tuple[str, ...]) -> None:
    assert one(read, status=status, **quantity(9.8, "mIU/L")).flags == flags


@pytest.mark.parametrize("status", ["entered-in-error", "cancelled", "registered", "unknown", None, 7])
def test_other_results_do_not(read: Reader, status: object) -> None:
    assert reason(read, status=status, **quantity(9.8, "mIU/L")).startswith("not counted: its status")


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ({"effectiveDateTime": "2025-03-01T23:30:00-05:00"}, date(2025, 3, 1)),
        ({"effectivePeriod": {"start": "2025-02-27", "end": "2025-03-02"}}, date(2025, 3, 2)),
        ({"effectivePeriod": {"start": "2025-02-27"}}, date(2025, 2, 27)),
        ({"effectiveInstant": "2025-03-03T08:00:00Z"}, date(2025, 3, 3)),
        ({"issued": "2025-03-04T08:00:00Z"}, date(2025, 3, 4)),
    ],
)
def test_the_day_of_a_result(read: Reader, when: dict[str, Any], day: date) -> None:
    record = read(patient(), observation("l1", TSH, None, **when, **quantity(9.8, "mIU/L")))
    assert [result.day for result in record.laboratory] == [day]


@pytest.mark.parametrize("when", [None, "2025-03", "soon"])
def test_a_result_without_a_day_is_set_aside(read: Reader, when: str | None) -> None:
    record = read(patient(), observation("l1", TSH, when, **quantity(9.8, "mIU/L")))
    assert record.laboratory == ()
    assert [entry.reason for entry in record.set_aside] == ["the day of the measure is not known"]


def limits(low: float | None = None, high: float | None = None, unit: str = "", **more: Any) -> dict[str, Any]:
    ends = {"low": low, "high": high}
    return {**{end: {"value": value, "unit": unit} for end, value in ends.items() if value is not None}, **more}


@pytest.mark.parametrize(
    ("value", "given", "position", "kept"),
    [
        (0.39, limits(0.4, 4.5, "mIU/L"), "below", (0.4, 4.5)),
        (0.4, limits(0.4, 4.5, "mIU/L"), "within", (0.4, 4.5)),
        (4.5, limits(0.4, 4.5, "mIU/L"), "within", (0.4, 4.5)),
        (4.51, limits(0.4, 4.5, "mIU/L"), "above", (0.4, 4.5)),
        (4.51, limits(0.4, 4.5), "above", (0.4, 4.5)),
        (4.51, limits(high=4.5, unit="uIU/mL"), "above", (None, 4.5)),
        (0.1, limits(low=0.4, unit="mIU/L"), "below", (0.4, None)),
        (5, {"text": "0.4 - 4.5 mIU/L"}, "above", (0.4, 4.5)),
        (5, {"text": "0.4-4.5"}, "above", (0.4, 4.5)),
        (5, {"text": "up to you"}, "", (None, None)),
        (5, limits(0.4, 4.5, "mIU/L", type=coded("x", "normal")), "above", (0.4, 4.5)),
        (5, limits(0.4, 4.5, "mIU/L", type=coded("x", "therapeutic")), "", (None, None)),
        (5, limits(0.4, 4.5, "furlong"), "", (None, None)),
        (5, limits(), "", (None, None)),
    ],
)
def test_the_range_of_the_laboratory_places_a_value(
    read: Reader, value: float, given: dict[str, Any], position: str, kept: tuple[float | None, float | None]
) -> None:
    result = one(read, referenceRange=[given], **quantity(value, "mIU/L"))
    assert (result.position, (result.low, result.high)) == (position, kept)


def test_a_range_in_another_unit_is_converted(read: Reader) -> None:
    result = one(read, HAEMOGLOBIN, referenceRange=[limits(120, 160, "g/L")], **quantity(11.9, "g/dL"))
    assert result.position == "below"
    assert result.low == pytest.approx(12)
    assert result.high == pytest.approx(16)


def test_an_unknown_unit_is_still_held_against_a_range_in_it(read: Reader) -> None:
    result = one(read, referenceRange=[limits(1, 2, "furlong")], **quantity(3, "furlong"))
    assert (result.position, result.amount, result.low) == ("above", None, None)


def test_several_ranges_must_agree(read: Reader) -> None:
    agreeing = [limits(0.4, 4.5, "mIU/L"), limits(0.3, 4, "mIU/L")]
    assert one(read, referenceRange=agreeing, **quantity(5, "mIU/L")).position == "above"
    assert one(read, referenceRange=agreeing, **quantity(4.2, "mIU/L")).position == ""
    assert one(read, referenceRange=agreeing, **quantity(5, "mIU/L")).low is None


@pytest.mark.parametrize(
    ("value", "position"),
    [("<0.4", "below"), ("<0.5", ""), (">4.5", "above"), (">4", ""), ("<=0.3", "below")],
)
def test_a_censored_value_is_placed_only_where_it_is_certain(read: Reader, value: str, position: str) -> None:
    result = one(read, referenceRange=[limits(0.4, 4.5)], valueString=f"{value} mIU/L")
    assert result.position == position


def interpreted(*codes: str) -> dict[str, Any]:
    return {
        "interpretation": [
            coded("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", c) for c in codes
        ]
    }


@pytest.mark.parametrize(
    ("codes", "position"),
    [
        (("H",), "above"),
        (("HH",), "above"),
        (("L",), "below"),
        (("LL",), "below"),
        (("N",), "within"),
        (("A",), "abnormal"),
        (("H", "N"), ""),
        (("?",), ""),
    ],
)
def test_the_interpretation_stands_in_where_there_is_no_range(
    read: Reader, codes: tuple[str, ...], position: str
) -> None:
    assert one(read, **interpreted(*codes), **quantity(9.8, "mIU/L")).position == position


def test_an_interpretation_alone_is_a_result(read: Reader) -> None:
    result = one(read, **interpreted("H"))
    assert (result.position, result.amount, result.flags) == ("above", None, ())
    assert one(read, interpretation={"text": "L"}).position == "below"


@pytest.mark.parametrize(
    ("code", "value", "position", "conflict"),
    [
        ("N", 9.8, "above", True),
        ("L", 9.8, "above", True),
        ("A", 1, "within", True),
        ("H", 9.8, "above", False),
        ("A", 9.8, "above", False),
    ],
)
def test_the_range_goes_before_the_interpretation(
    read: Reader, code: str, value: float, position: str, conflict: bool
) -> None:
    sent = {"referenceRange": [limits(0.4, 4.5)], **interpreted(code), **quantity(value, "mIU/L")}
    result = one(read, **sent)
    assert (result.position, result.flags) == (position, ("interpretation-conflict",) if conflict else ())


@pytest.mark.parametrize(
    ("code", "sent", "meaning"),
    [
        (CYP2D6, {"valueCodeableConcept": coded(LOINC, "LA9657-3")}, "poor"),
        (CYP2D6, {"valueCodeableConcept": {"text": "Poor metabolizer"}}, "poor"),
        (CYP2D6, {"valueString": "Ultrarapid metabolizer"}, "ultrarapid"),
        (CYP2C19, {"valueCodeableConcept": coded(LOINC, "LA25390-8")}, "rapid"),
    ],
)
def test_a_coded_answer_is_a_word_of_the_knowledge(read: Reader, code: str, sent: dict[str, Any], meaning: str) -> None:
    assert one(read, code, **sent).meaning == meaning


def test_an_answer_that_may_mean_two_things_means_none(read: Reader) -> None:
    assert reason(read, CYP2D6, valueString="poor to intermediate") == "no readable value"


def test_components_are_results_of_their_own(read: Reader) -> None:
    panel = observation(
        "l1",
        "58410-2",
        component=[
            {"code": coded(LOINC, HAEMOGLOBIN), **quantity(11, "g/dL"), **interpreted("L")},
            {"code": coded(LOINC, FERRITIN)},
            {"code": coded(LOINC, "0000-0"), **quantity(1)},
        ],
    )
    record = read(patient(), panel)
    assert [(r.measure, r.amount, r.position) for r in record.laboratory] == [("haemoglobin", Amount(11), "below")]
    assert record.set_aside == ()


@pytest.mark.parametrize(
    "codes",
    [
        [TSH, FERRITIN],  # two measures
        ["93374-7", "93245-9"],  # a code that must never be read as the measure
        ["0000-0"],
    ],
)
def test_codes_that_do_not_name_one_measure_name_none(read: Reader, codes: list[str]) -> None:
    code = {"coding": [{"system": LOINC, "code": c} for c in codes]}
    record = read(patient(), {**observation("l1", TSH, **quantity(1, "mIU/L")), "code": code})
    assert record.laboratory == ()
    assert [entry.reference for entry in record.set_aside] == ["Observation/l1"]


def test_a_code_of_the_site_stands_for_the_measure_it_means(tmp_path: Path) -> None:
    signed = 'who: "Board"\nwhen: 2026-12-01\nwhy: "our laboratory"\n'
    (tmp_path / "site.yaml").write_text(
        'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'
    )
    (tmp_path / "codes.yaml").write_text(
        f'{signed}scales:\n  - {{system: "urn:oid:2.999.1", code: "T1", label: "TSH", '
        f'means: {{system: loinc, code: "{TSH}"}}}}\n'
    )
    site = load(site=tmp_path)
    local = {**observation("l1", TSH, **quantity(9.8, "mIU/L")), "code": coded("urn:oid:2.999.1", "T1")}
    assert [result.measure for result in read_record([patient(), local], knowledge=site).laboratory] == ["tsh"]
    assert read_record([patient(), local], knowledge=load()).laboratory == ()
    assert "T1" not in {code.code for code in site.prefetch.scales}  # read where sent, not asked for as a scale


def test_a_code_without_its_system_is_not_read(read: Reader) -> None:
    record = read(patient(), {**observation("l1", TSH, **quantity(1, "mIU/L")), "code": {"coding": [{"code": TSH}]}})
    assert record.laboratory == ()


def test_results_come_in_the_order_of_their_days(read: Reader) -> None:
    late = observation("l1", TSH, "2025-03-02", **quantity(1, "mIU/L"))
    early = observation("l2", TSH, "2025-03-01", **quantity(2, "mIU/L"))
    assert [r.reference for r in read(patient(), late, early).laboratory] == ["Observation/l2", "Observation/l1"]


def test_a_score_is_no_laboratory_result(read: Reader) -> None:
    record = read(patient(), total("s1", 12))
    assert len(record.scores) == 1
    assert record.laboratory == ()


def test_how_far_laboratory_data_were_read(read: Reader) -> None:
    result = observation("l1", TSH, **quantity(1, "mIU/L"))
    assert read(patient(), result).read(LABORATORY) is Read.COMPLETE
    assert read(patient(), total("s1", 12)).read(LABORATORY) is Read.UNREAD
    assert read(patient(), observation("v1", "39156-5", **quantity(30, "kg/m2"))).read(LABORATORY) is Read.UNREAD
    asked = {"Observation": Availability(read=Read.COMPLETE)}  # for scales: it says nothing about the laboratory
    assert read(patient(), result, availability=asked).read(LABORATORY) is Read.UNREAD


@pytest.mark.parametrize(
    "junk",
    [
        {"code": None},
        {"component": "many"},
        {"component": [None, 3, {"code": coded(LOINC, TSH), "valueQuantity": []}]},
        {"referenceRange": "normal", "interpretation": {"coding": "H"}, **quantity(1, "mIU/L")},
        {"referenceRange": [{"low": 4, "high": None, "text": {}}], **quantity(1, "mIU/L")},
        {"valueQuantity": {"value": {"value": 1}, "unit": ["mIU/L"], "code": 3}},
        {"valueString": "9" * 500},
        {"valueCodeableConcept": [[]]},
    ],
)
def test_junk_costs_only_itself(read: Reader, junk: dict[str, Any]) -> None:
    good = observation("l2", TSH, **quantity(1, "mIU/L"))
    record = read(patient(), {**observation("l1", TSH), **junk}, good)
    assert "Observation/l2" in {result.reference for result in record.laboratory}
    accounted = {r.reference for r in record.laboratory} | {entry.reference for entry in record.set_aside}
    assert accounted == {"Observation/l1", "Observation/l2"}


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("µg/L", "ug/l"),
        ("μg/L", "ug/l"),
        ("mcg/L", "ug/l"),
        ("m[IU]/L", "miu/l"),
        ("mL/min/{1.73_m2}", "ml/min/1.73m2"),
        ("kg/m^2", "kg/m2"),
        ("ng / mL", "ng/ml"),
    ],
)
def test_units_are_compared_without_their_markup(written: str, plain: str) -> None:
    assert plain_unit(written) == plain


def test_factors_of_a_measure_without_unit_are_those_of_its_conversions(knowledge: Knowledge) -> None:
    assert factors_of(knowledge.clinical.measures["audit-c"]) == {}
    assert factors_of(knowledge.clinical.measures["haemoglobin"])["g/dl"] == 1


PREDNISONE = {"text": "prednisone 20 MG Oral Tablet"}


def test_a_drug_of_a_group_is_read_beside_those_that_are_judged(read: Reader) -> None:
    record = read(patient(), order("o1", medicationCodeableConcept=PREDNISONE))
    (other,) = record.other_medications
    assert (other.reference, other.groups, other.ongoing) == (
        "MedicationRequest/o1",
        frozenset({"depressogenic"}),
        True,
    )
    assert [entry.reference for entry in record.set_aside] == ["MedicationRequest/o1"]


def test_a_drug_of_a_group_is_known_by_its_ingredient_code(read: Reader) -> None:
    record = read(patient(), statement("s1", medicationCodeableConcept=coded(RXNORM, "2002")))  # carbamazepine
    assert "inducer-or-st-johns-wort" in record.other_medications[0].groups


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled"},
        {"status": "draft"},
        {"status": "entered-in-error"},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"doNotPerform": True},
        {"medicationCodeableConcept": {"text": "metformin 500 MG Oral Tablet"}},
        {"medicationCodeableConcept": {"text": "prednisolone 1 % ophthalmic suspension"}},
    ],
)
def test_what_was_not_taken_or_belongs_to_no_group_is_not_read(read: Reader, change: dict[str, Any]) -> None:
    record = read(patient(), order("o1", **{"medicationCodeableConcept": PREDNISONE, **change}))
    assert record.other_medications == ()


def test_a_reported_plan_is_read(read: Reader) -> None:
    reported = order("o1", intent="plan", reportedBoolean=True, medicationCodeableConcept=PREDNISONE)
    assert len(read(patient(), reported).other_medications) == 1


def test_when_a_drug_of_a_group_was_taken(read: Reader) -> None:
    bounds = {"timing": {"repeat": {"boundsPeriod": {"start": "2025-01-05", "end": "2025-01-20"}}}}
    records = read(
        patient(),
        dispense("d1", medicationCodeableConcept=PREDNISONE, daysSupply={"value": 30, "code": "d"}),
        order("o1", medicationCodeableConcept=PREDNISONE, dosageInstruction=[bounds]),
        {
            "resourceType": "MedicationAdministration",
            "id": "a1",
            "status": "completed",
            "subject": SUBJECT,
            "medicationCodeableConcept": PREDNISONE,
            "effectiveDateTime": "2025-01-12",
        },
    ).other_medications
    told = {
        o.reference: (
            o.start.latest.isoformat() if o.start else "",
            o.end.latest.isoformat() if o.end else "",
            o.days_supply,
            o.ongoing,
        )
        for o in records
    }
    assert told == {
        "MedicationDispense/d1": ("2025-01-12", "", 30, False),
        "MedicationRequest/o1": ("2025-01-05", "2025-01-20", None, False),
        "MedicationAdministration/a1": ("2025-01-12", "2025-01-12", None, False),
    }


def told(knowledge: Knowledge, line: object) -> dict[str, Any]:
    story = {"as_of": 200, "labs": [line]}
    return write_story(story, day_zero=date(2025, 1, 1), patient_id="p1", knowledge=knowledge)[1]


@pytest.mark.parametrize(
    ("line", "amount", "position"),
    [
        ("TSH 9.8 mIU/L on day 150", Amount(9.8), ""),
        ("TSH <0.4 mIU/L on day 150", Amount(0.4, "<"), ""),
        ("tsh 9.8 uIU/mL on day 150, range 0.4 to 4.5", Amount(9.8), "above"),
        ("Lithium level 0.7 mmol/L on day 150, status preliminary", Amount(0.7), ""),
        ("nortriptyline-level 190 nmol/L on day 150", Amount(50), ""),
        ("ferritin 9 furlong on day 150", None, ""),
    ],
)
def test_a_line_of_a_story_is_a_result(
    knowledge: Knowledge, read: Reader, line: str, amount: Amount | None, position: str
) -> None:
    (result,) = read(patient(), told(knowledge, line)).laboratory
    assert (result.amount, result.position, result.day) == (amount, position, date(2025, 5, 31))


@pytest.mark.parametrize("line", ["TSH high", "unobtainium 3 mg/L on day 1", "TSH 3 mIU/L on day 1, fasting"])
def test_a_line_outside_the_notation_is_refused(knowledge: Knowledge, line: str) -> None:
    with pytest.raises(UnreadableLineError):
        told(knowledge, line)
