"""What to consider before concluding resistance: evidence or a clear gap, and never another verdict."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from cds_hooks.stories.notation import write_story
from mappings.decision_tables import FactTest
from mappings.load import load
from mappings.option_schema import CheckRow, PseudoResistanceCheck
from mappings.values import DatedValue, Value
from plugin import Assessment, assess
from plugin.advice.policy import advise
from plugin.amounts import Amount
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.domains.lab_results import newest, place_of
from plugin.ingest import read_record
from plugin.record import (
    LABORATORY,
    Availability,
    ConditionFact,
    LabResult,
    Layer,
    MedicationFact,
    OtherMedication,
    PatientFact,
    PatientRecord,
    Read,
    Verification,
)
from plugin.resistance.pseudo_resistance import Consideration, considerations
from plugin.safety.named_facts import Concluded, NamedFacts
from plugin.safety.taken import takings
from plugin.spans import PartialDate
from tests.reasoning.facts import ADULT, on, order, product, report, when

KNOWLEDGE = load()
CHECKS = KNOWLEDGE.clinical.pseudo_resistance.checks
AS_OF = on(500)
COMPLETE = Availability(read=Read.COMPLETE)
WOMAN = replace(ADULT, sex="female")
MAN = replace(ADULT, sex="male")
ALL_READ = MappingProxyType({"Condition": COMPLETE, "MedicationRequest": COMPLETE, LABORATORY: COMPLETE})


def record(*facts: object, patient: PatientFact | None = WOMAN, read: bool = False) -> PatientRecord:
    """A record of these facts; `read`: every kind of data was read completely."""

    def of(kind: type) -> tuple[Any, ...]:
        return tuple(fact for fact in facts if isinstance(fact, kind))

    return PatientRecord(
        patient=patient,
        medications=of(MedicationFact),
        laboratory=of(LabResult),
        other_medications=of(OtherMedication),
        conditions=of(ConditionFact),
        availability=ALL_READ if read else {},
    )


def considered(known: PatientRecord) -> dict[str, Consideration]:
    """What the checks of the knowledge find, by id."""
    facts = NamedFacts(known, Concluded(), knowledge=KNOWLEDGE, as_of=AS_OF)
    found = considerations(CHECKS, facts, sentences=KNOWLEDGE.sentences, as_of=AS_OF)
    return {one.id: one for one in found}


def evidence(known: PatientRecord) -> set[str]:
    return {one.id for one in considered(known).values() if one.kind == "evidence"}


def lab(measure: str, value: float | None = None, offset: int = 400, bound: str = "", **more: Any) -> LabResult:
    amount = Amount(value, bound) if value is not None else None
    return LabResult(
        reference=f"Observation/{measure}-{offset}{more.get('order', '')}-{value}",
        measure=measure,
        day=on(offset),
        amount=amount,
        **more,
    )


def condition(category: str, **more: Any) -> ConditionFact:
    values: dict[str, Any] = {
        "reference": f"Condition/{category}",
        "categories": frozenset({category}),
        "verification": Verification.CONFIRMED,
        "recorded": when(100),
        **more,
    }
    return ConditionFact(**values)


def other(group: str, **more: Any) -> OtherMedication:
    values: dict[str, Any] = {"reference": "MedicationRequest/x", "groups": frozenset({group}), **more}
    return OtherMedication(**values)


def test_nothing_recorded_and_nothing_read_is_nothing_to_consider() -> None:
    assert considered(record()) == {}
    assert considered(record(patient=None)) == {}


# Thyroid


@pytest.mark.parametrize(
    ("value", "out"), [(0.39, True), (0.4, False), (0.41, False), (4.49, False), (4.5, False), (4.51, True)]
)
def test_tsh_without_a_range_of_the_laboratory(value: float, out: bool) -> None:
    assert ("thyroid" in evidence(record(lab("tsh", value)))) is out


@pytest.mark.parametrize(
    ("position", "value", "out"),
    [("within", 9.8, False), ("above", 3, True), ("below", 3, True), ("abnormal", 3, True), ("above", None, True)],
)
def test_the_range_of_the_laboratory_goes_before_the_usual_one(position: str, value: float | None, out: bool) -> None:
    assert ("thyroid" in evidence(record(lab("tsh", value, position=position)))) is out


@pytest.mark.parametrize(
    ("bound", "value", "out"),
    [("<", 0.4, True), ("<", 0.5, False), (">", 4.5, True), (">", 4.4, False), ("<=", 4.5, False)],
)
def test_a_censored_tsh_is_evidence_only_where_it_is_certain(bound: str, value: float, out: bool) -> None:
    assert ("thyroid" in evidence(record(lab("tsh", value, bound=bound)))) is out


def test_the_newest_result_counts_the_later_of_a_day_then_the_worse() -> None:
    assert evidence(record(lab("tsh", 9.8, 300), lab("tsh", 2, 400))) == set()
    assert evidence(record(lab("tsh", 2, 300), lab("tsh", 9.8, 400))) == {"thyroid"}
    assert evidence(record(lab("tsh", 9.8, order="08:00"), lab("tsh", 2, order="09:00"))) == set()
    assert evidence(record(lab("tsh", 9.8), lab("tsh", 2))) == {"thyroid"}
    assert evidence(record(lab("tsh", 2), lab("tsh", 9.8))) == {"thyroid"}


def test_a_result_after_the_day_of_judgement_is_not_known_yet() -> None:
    assert evidence(record(lab("tsh", 9.8, 501))) == set()
    assert evidence(record(lab("tsh", 9.8, 500))) == {"thyroid"}


@pytest.mark.parametrize(("days", "leads"), [(364, True), (365, True), (366, False)])
def test_an_abnormal_tsh_of_the_last_year_leads(days: int, leads: bool) -> None:
    found = considered(record(lab("tsh", 9.8, 500 - days)))["thyroid"]
    assert (found.leads, found.kind) == (leads, "evidence")


@pytest.mark.parametrize(("days", "gap"), [(365, False), (366, True)])
def test_a_tsh_is_missing_after_a_year(days: int, gap: bool) -> None:
    found = considered(record(lab("tsh", 2, 500 - days), read=True)).get("thyroid")
    assert (found is not None) is gap
    if found is not None:
        assert (found.kind, found.finding) == ("gap", "no thyrotropin on record within 365 days")
    assert "thyroid" not in considered(record(lab("tsh", 2, 500 - days)))  # not read completely


def test_a_tsh_that_cannot_be_interpreted_is_neither_evidence_nor_a_gap() -> None:
    assert "thyroid" not in considered(record(lab("tsh", None, flags=("unit-unknown",)), read=True))


def test_under_levothyroxine_an_abnormal_tsh_does_not_lead() -> None:
    treated = order(1, 100, status="active", product=product("levothyroxine"))
    found = considered(record(lab("tsh", 9.8), treated))["thyroid"]
    assert not found.leads
    untreated = considered(record(lab("tsh", 9.8), read=True))["thyroid"]
    assert untreated.leads
    assert untreated.finding == "newest TSH out of range (9.8 mIU/L on 2026-02-05)"
    assert untreated.uses == ("Observation/tsh-400-9.8",)


def test_lithium_is_a_reason_to_look_at_the_thyroid_and_at_its_level() -> None:
    lithium = order(1, 100, status="active", product=product("lithium", 300))
    found = considered(record(lithium, lab("tsh", 2), read=True))
    assert found["thyroid"].kind == "evidence"
    assert found["thyroid"].finding == "takes lithium"
    assert found["drug-level"].kind == "gap"
    assert found["drug-level"].finding == "takes lithium, no lithium level on record within 180 days"
    assert found["drug-level"].uses == ("MedicationRequest/1",)


@pytest.mark.parametrize(("days", "gap"), [(179, False), (180, False), (181, True)])
def test_a_lithium_level_is_missing_after_180_days(days: int, gap: bool) -> None:
    lithium = order(1, 100, status="active", product=product("lithium", 300))
    known = record(lithium, lab("lithium-level", 0.7, 500 - days), read=True)
    assert ("drug-level" in considered(known)) is gap


def test_a_nortriptyline_level_that_was_never_measured_is_a_gap() -> None:
    taken = order(1, 100, status="active", product=product("nortriptyline", 75))
    assert considered(record(taken, read=True))["drug-level"].kind == "gap"
    assert "drug-level" not in considered(record(taken))
    assert "drug-level" not in considered(record(taken, lab("nortriptyline-level", 60), read=True))


# Blood and vitamins


@pytest.mark.parametrize(
    ("measure", "cut", "check"),
    [
        ("ferritin", 15, "anaemia-iron"),
        ("vitamin-b12", 200, "vitamins"),
        ("folate", 3, "vitamins"),
        ("vitamin-d", 20, "vitamins"),
        ("haemoglobin", 12, "anaemia-iron"),
    ],
)
def test_a_low_value_is_below_the_usual_limit(measure: str, cut: float, check: str) -> None:
    assert evidence(record(lab(measure, cut - 0.1))) == {check}
    assert evidence(record(lab(measure, cut))) == set()
    assert evidence(record(lab(measure, cut + 0.1))) == set()
    assert evidence(record(lab(measure, cut, position="below"))) == {check}
    assert evidence(record(lab(measure, cut - 1, position="above"))) == set()
    assert evidence(record(lab(measure, cut - 1, position="abnormal"))) == set()


@pytest.mark.parametrize(("patient", "cut"), [(MAN, 13), (WOMAN, 12)])
def test_the_usual_haemoglobin_depends_on_the_sex(patient: PatientFact, cut: float) -> None:
    assert evidence(record(lab("haemoglobin", cut - 0.1), patient=patient)) == {"anaemia-iron"}
    assert evidence(record(lab("haemoglobin", cut), patient=patient)) == set()


@pytest.mark.parametrize("patient", [None, ADULT, replace(ADULT, sex="other")])
def test_without_a_sex_there_is_no_usual_haemoglobin(patient: PatientFact | None) -> None:
    assert evidence(record(lab("haemoglobin", 5), patient=patient)) == set()


def test_vitamins_never_measured_are_one_gap_and_one_measured_is_none() -> None:
    gap = considered(record(read=True))["vitamins"]
    assert gap.finding == "no vitamin B12, folate, 25-hydroxyvitamin D on record"
    assert "vitamins" not in considered(record(lab("folate", 9), read=True))


# Alcohol, conditions, drugs, metabolism


@pytest.mark.parametrize(
    ("patient", "score", "positive"),
    [
        (WOMAN, 2, False),
        (WOMAN, 3, True),
        (WOMAN, 4, True),
        (MAN, 3, False),
        (MAN, 4, True),
        (MAN, 5, True),
        (ADULT, 12, False),
        (None, 12, False),
    ],
)
def test_audit_c_by_sex(patient: PatientFact | None, score: int, positive: bool) -> None:
    found = considered(record(lab("audit-c", score), patient=patient))
    assert ("alcohol-substances" in found) is positive
    if positive:
        assert found["alcohol-substances"].finding == f"AUDIT-C total ({score} on 2026-02-05)"


def test_a_bound_is_no_score() -> None:
    assert evidence(record(lab("audit-c", 4, bound=">"), patient=MAN)) == set()


@pytest.mark.parametrize(
    ("category", "check"),
    [
        ("sleep-apnoea", "sleep-apnoea"),
        ("substance-use", "alcohol-substances"),
        ("ptsd", "other-diagnosis"),
        ("chronic-pain", "other-diagnosis"),
        ("psychosocial-problem", "psychosocial"),
    ],
)
def test_a_recorded_condition_is_evidence(category: str, check: str) -> None:
    found = considered(record(condition(category)))
    assert {one.id for one in found.values()} == {check}
    assert found[check].uses == (f"Condition/{category}",)


@pytest.mark.parametrize(
    "change",
    [
        {"verification": Verification.SUSPECTED},
        {"verification": Verification.REFUTED},
        {"clinical": "resolved"},
        {"clinical": "inactive"},
        {"clinical": "remission"},
        {"abatement": when(500)},
        {"recorded": when(501)},
    ],
)
def test_what_is_not_certain_or_not_current_is_no_evidence(change: dict[str, Any]) -> None:
    assert evidence(record(condition("sleep-apnoea", **change))) == set()


@pytest.mark.parametrize("change", [{"clinical": "active"}, {"abatement": when(501)}, {"recorded": None}])
def test_what_is_current_is(change: dict[str, Any]) -> None:
    assert evidence(record(condition("sleep-apnoea", **change))) == {"sleep-apnoea"}


@pytest.mark.parametrize(
    ("taken", "now"),
    [
        ({"start": when(100), "ongoing": True}, True),
        ({"start": when(501), "ongoing": True}, False),
        ({"start": None, "ongoing": True}, False),
        ({"start": when(100), "end": when(499)}, False),
        ({"start": when(100), "end": when(500)}, True),
        ({"start": when(471), "days_supply": 30.0}, True),
        ({"start": when(470), "days_supply": 30.0}, False),
        ({"start": when(471)}, False),
    ],
)
def test_a_drug_counts_while_it_is_taken(taken: dict[str, Any], now: bool) -> None:
    assert ("depressogenic-drugs" in evidence(record(other("depressogenic", **taken)))) is now


def test_inducers_and_inhibitors() -> None:
    inducer = other("inducer-or-st-johns-wort", start=when(100), ongoing=True)
    assert evidence(record(inducer)) == {"pharmacokinetics"}
    for drug in ("paroxetine", "fluoxetine", "st-johns-wort"):
        assert "pharmacokinetics" in evidence(record(order(1, 100, product=product(drug)))), drug
    assert evidence(record(order(1, 100, product=product("sertraline")))) == set()


@pytest.mark.parametrize(
    ("fact", "now"),
    [
        (order(1, 100), True),
        (order(1, 501), False),
        (order(1, 100, status="completed"), False),
        (order(1, 100, do_not_perform=True), False),
        (order(1, 100, intent="proposal"), False),
        (order(1, 100, end=when(200)), False),
        (order(1, 100, adherence="not-taking"), False),
        (order(1, 100, product=None), False),
        (report(1, 100, None, status="active"), True),
        (report(1, 100, None), False),
    ],
)
def test_an_active_order_without_an_end_is_taken(fact: MedicationFact, now: bool) -> None:
    paroxetine = replace(fact, product=product("paroxetine")) if fact.product is not None else fact
    found = takings(record(paroxetine), (), KNOWLEDGE, AS_OF)
    assert any("strong-cyp2d6-inhibitor" in taking.groups for taking in found) is now


def test_a_dispense_alone_is_no_open_end() -> None:
    fact = MedicationFact(
        reference="MedicationDispense/1",
        layer=Layer.DISPENSE,
        status="active",
        product=product("paroxetine"),
        start=when(1),
    )
    assert takings(record(fact), (), KNOWLEDGE, AS_OF) == ()


@pytest.mark.parametrize(
    ("measure", "meaning", "found"),
    [
        ("cyp2d6", "poor", True),
        ("cyp2d6", "ultrarapid", True),
        ("cyp2d6", "normal", False),
        ("cyp2d6", "", False),
        ("cyp2c19", "poor", True),
        ("cyp2c19", "rapid", False),
    ],
)
def test_metaboliser_status(measure: str, meaning: str, found: bool) -> None:
    result = considered(record(lab(measure, meaning=meaning)))
    assert ("pharmacokinetics" in result) is found
    if found:
        assert f"({meaning} on 2026-02-05)" in result["pharmacokinetics"].finding


# Bipolarity


@pytest.mark.parametrize(("years", "early"), [(24, True), (25, False), (26, False)])
def test_an_early_onset(years: int, early: bool) -> None:
    born = ADULT.birth
    assert born is not None
    onset = PartialDate.exactly(born.latest.replace(year=born.latest.year + years))
    known = record(condition("depression", onset=onset))
    assert ("bipolarity" in evidence(known)) is early


def test_an_onset_that_is_not_known_is_not_early() -> None:
    onset = PartialDate.exactly(date(2000, 1, 1))
    suspected = condition("depression", onset=onset, verification=Verification.SUSPECTED)
    assert evidence(record(suspected)) == set()
    assert evidence(record(condition("depression", onset=onset), patient=None)) == set()
    assert evidence(record(condition("depression", onset=onset), patient=replace(ADULT, birth=None))) == set()
    earliest = [condition("depression", onset=when(0)), condition("depression", reference="Condition/2", onset=onset)]
    assert considered(record(*earliest))["bipolarity"].uses == ("Condition/2",)


# Through the whole reasoning


def judged(
    *medications: str, scores: Sequence[str] = (), as_of: int = 190, labs: Sequence[str] = (), **more: Any
) -> Assessment:
    story = {
        "as_of": as_of,
        "conditions": ["F33.1 active confirmed, onset day 0"],
        "medications": list(medications),
        "scores": list(scores),
        "labs": list(labs),
        **more,
    }
    resources = write_story(story, day_zero=on(0), patient_id="p", knowledge=KNOWLEDGE)
    known = read_record(resources, knowledge=KNOWLEDGE)
    return assess(known, knowledge=KNOWLEDGE, as_of=on(as_of))


def ids(result: Assessment) -> list[str]:
    return [one.id for one in result.pseudo_resistance]


MET = (
    "sertraline 50 mg daily, dispensed 1x30 on day 0",
    "sertraline 100 mg daily, dispensed 2x30 on day 30",
    "venlafaxine er 225 mg daily, dispensed 3x30 on day 90",
)
SCORES = ("phq9 18 on day 0", "phq9 16 on day 75", "phq9 15 on day 162")


def test_an_abnormal_tsh_leads_the_card_and_leaves_the_verdict_alone() -> None:
    with_lab = judged(*MET, scores=SCORES, labs=["TSH 9.8 mIU/L on day 150"])
    without = judged(*MET, scores=SCORES)
    assert with_lab.verdict == without.verdict
    assert with_lab.verdict.value.value == "MET"
    assert without.pseudo_resistance == ()
    (card,) = advise(with_lab, hook="order-select", knowledge=KNOWLEDGE)
    assert card.detail[1] == (  # the first line says whether the definitions agree
        "Consider before concluding resistance: Thyroid: newest TSH out of range (9.8 mIU/L on 31 May 2025)"
    )
    assert "Observation/p-lab-1" in card.uses
    assert "Consider: thyroid (evidence): newest TSH out of range" in explain(with_lab)
    document = to_document(with_lab)
    assert document["pseudoResistance"][0] == {
        "id": "thyroid",
        "kind": "evidence",
        "finding": "newest TSH out of range (9.8 mIU/L on 2025-05-31)",
        "cites": ["loinc", "trd-cds-rules"],
        "uses": ["Observation/p-lab-1"],
    }


def test_a_normal_tsh_is_read_and_accounted_for() -> None:
    labs = ["TSH 2 mIU/L on day 150", "TSH 9.8 mIU/L on day 191", "ferritin 3 furlong on day 100"]
    result = judged(*MET, scores=SCORES, labs=labs)
    assert "thyroid" not in ids(result)
    reasons = {entry.reference: entry.reason for entry in result.set_aside}
    assert reasons == {
        "Observation/p-lab-1": "read; a result that no rule of this version needed",
        "Observation/p-lab-2": "dated after the day of judgement",
        "Observation/p-lab-3": "read; its unit is not one this version converts",
    }
    assert result.used | set(reasons) == set(result.record.received)


def test_a_card_shows_three_at_most_evidence_before_gaps() -> None:
    result = judged(
        *MET[:2],
        "venlafaxine er 150 mg daily, dispensed 3x30 on day 90",
        scores=SCORES,
        labs=["TSH 2 mIU/L on day 150"],
        conditions=["F33.1 active confirmed, onset day 0", "G47.33 active", "F43.10 active", "F10.20 active"],
    )
    assert ids(result) == ["dose-optimisation", "sleep-apnoea", "alcohol-substances", "other-diagnosis", "vitamins"]
    (card,) = advise(result, hook="order-select", knowledge=KNOWLEDGE)
    [line] = [line for line in card.detail if line.startswith("Consider before concluding resistance")]
    assert re.findall(r"(?:: |; )([A-Z][a-z ]+):", line) == ["Dose", "Sleep apnoea", "Alcohol or substances"]
    assert "Consider" not in card.detail[0]


@pytest.mark.parametrize(("second", "late"), [(29, False), (30, False), (31, True)])
def test_late_refills(second: int, late: bool) -> None:
    result = judged(
        "sertraline 100 mg daily, dispensed 1x20 on day 0", f"sertraline 100 mg daily, dispensed 1x20 on day {second}"
    )
    found = {one.id: one for one in result.pseudo_resistance}
    assert ("adherence" in found) is late
    if late:
        assert found["adherence"].finding == "share of days covered by supply (sertraline 78%)"
        assert len(found["adherence"].uses) == 2


def test_an_order_never_filled_is_evidence() -> None:
    result = judged(
        'rxnorm 861007 "metformin hydrochloride 500 MG Oral Tablet" twice daily, dispensed 90 on day 60 and day 150',
        "escitalopram 20 mg daily, ordered on day 90, quantity 90, status active",
        as_of=220,
    )
    found = {one.id: one for one in result.pseudo_resistance}
    assert found["adherence"].finding == "an ordered antidepressant was never filled (escitalopram)"
    assert set(found["adherence"].uses) <= result.used


@pytest.mark.parametrize(("mg", "found"), [(50, True), (100, False)])
def test_a_dose_never_raised_above_the_minimum(mg: int, found: bool) -> None:
    failed = ["phq9 18 on day 0", "phq9 16 on day 75"]
    result = judged(f"sertraline {mg} mg daily, dispensed 3x30 on day 0", scores=failed)
    assert ("dose-optimisation" in ids(result)) is found


def test_a_dose_is_not_blamed_where_nothing_failed() -> None:
    result = judged("sertraline 50 mg daily, dispensed 3x30 on day 0", scores=["phq9 18 on day 0", "phq9 4 on day 75"])
    assert ids(result) == []


@pytest.mark.parametrize(("drugs", "found"), [(2, False), (3, True)])
def test_three_failed_antidepressants_raise_the_question_of_bipolarity(drugs: int, found: bool) -> None:
    lines = [
        "sertraline 150 mg daily, dispensed 3x30 on day 0",
        "venlafaxine er 225 mg daily, dispensed 3x30 on day 90",
        "escitalopram 20 mg daily, dispensed 3x30 on day 180",
    ]
    scores = [f"phq9 18 on day {day}" for day in (0, 80, 170, 260)]
    result = judged(*lines[:drugs], scores=scores, as_of=290)
    assert ("bipolarity" in ids(result)) is found


def test_the_order_of_resources_changes_nothing() -> None:
    labs = ["TSH 9.8 mIU/L on day 150", "TSH 9.8 mIU/L on day 150, status amended", "ferritin 3 ug/L on day 20"]
    story = {"as_of": 190, "medications": list(MET), "scores": list(SCORES), "labs": labs}
    resources = write_story(story, day_zero=on(0), patient_id="p", knowledge=KNOWLEDGE)
    forward = assess(read_record(resources, knowledge=KNOWLEDGE), knowledge=KNOWLEDGE, as_of=on(190))
    backward = assess(read_record(resources[::-1], knowledge=KNOWLEDGE), knowledge=KNOWLEDGE, as_of=on(190))
    assert forward.pseudo_resistance == backward.pseudo_resistance


# The tables themselves


def check(*tests: FactTest, shows: str = "evidence") -> PseudoResistanceCheck:
    row = CheckRow.model_validate({"when": tests, "shows": shows, "cites": ("trd-cds-rules",)})
    return PseudoResistanceCheck(
        id="own", label="own", rows=(row,), sentence="pseudo-thyroid", cites=("trd-cds-rules",)
    )


def limit(amount: float, unit: str = "a") -> DatedValue:
    return DatedValue(unit=unit, values={date(2020, 1, 1): Value(amount=amount, cites=("trd-cds-rules",))})  # type: ignore[arg-type]


def holds(test: FactTest, known: PatientRecord) -> bool:
    facts = NamedFacts(known, Concluded(), knowledge=KNOWLEDGE, as_of=AS_OF)
    return bool(considerations([check(test)], facts, sentences=KNOWLEDGE.sentences, as_of=AS_OF))


@pytest.mark.parametrize(
    ("op", "holding"), [("lt", (False, False, True)), ("le", (False, True, True)), ("ge", (True, True, False))]
)
def test_numbers_are_compared_as_the_table_says(op: str, holding: tuple[bool, bool, bool]) -> None:
    ages = (40, 41, 42)  # the patient is 41
    found = tuple(
        holds(FactTest.model_validate({"fact": "age", "op": op, "value": limit(age)}), record()) for age in ages
    )
    assert found == holding
    assert not holds(FactTest(fact="age", op="gt", value=limit(41)), record())
    assert holds(FactTest(fact="age", op="gt", value=limit(40)), record())


def test_an_unknown_age_passes_no_test() -> None:
    undated = replace(ADULT, birth=None)
    partial = replace(ADULT, birth=PartialDate.parse("1985"))
    for patient in (None, undated, partial):
        assert not holds(FactTest(fact="age", op="ge", value=limit(1)), record(patient=patient))


def test_absence_is_known_only_where_everything_was_read() -> None:
    absent = FactTest(fact="sleep-apnoea", op="is", value=False)
    assert not holds(absent, record())
    assert holds(absent, record(read=True))
    assert not holds(absent, record(condition("sleep-apnoea", verification=Verification.SUSPECTED), read=True))
    untaken = FactTest(fact="takes-lithium", op="is", value=False)
    assert not holds(untaken, record())
    assert holds(untaken, record(read=True))


def test_a_condition_ever_recorded_counts_when_it_has_ended() -> None:
    assert holds(FactTest(fact="bipolar", op="is", value=True), record(condition("bipolar", clinical="resolved")))


@pytest.mark.parametrize(("days", "inside"), [(399, False), (400, True)])
def test_a_window_limits_how_old_a_condition_may_be(days: int, inside: bool) -> None:
    test = FactTest(fact="sleep-apnoea", op="is", value=True, window_days=limit(days, "d"))
    assert holds(test, record(condition("sleep-apnoea"))) is inside
    assert not holds(test, record(condition("sleep-apnoea", recorded=None)))


@pytest.mark.parametrize(("days", "inside"), [(13, False), (14, True)])
def test_a_window_looks_back_at_what_was_taken(days: int, inside: bool) -> None:
    test = FactTest(fact="takes-depressogenic", op="is", value=True, window_days=limit(days, "d"))
    assert holds(test, record(other("depressogenic", start=when(400), end=when(486)))) is inside


@pytest.mark.parametrize("fact", ["suicidality", "psychotherapy-in-episode", "bipolar-screen-positive"])
def test_what_this_version_cannot_compute_is_unknown(fact: str) -> None:
    assert holds(FactTest(fact=fact, op="unknown"), record(read=True))


@pytest.mark.parametrize(
    ("fact", "value"),
    [("alt", 80.0), ("pregnancy-test", 1.0)],  # a multiple of the upper limit, a word: not what was sent
)
def test_a_value_in_another_shape_than_the_fact_is_unknown(fact: str, value: float) -> None:
    assert holds(FactTest(fact=fact, op="unknown"), record(lab(fact, value)))


def test_a_fact_of_an_instrument_is_not_a_result() -> None:
    facts = dict(KNOWLEDGE.clinical.facts)
    facts["age"] = facts["alt"].model_copy(update={"id": "age", "measure": "phq9"})
    changed = replace(KNOWLEDGE, clinical=replace(KNOWLEDGE.clinical, facts=facts))
    named = NamedFacts(record(), Concluded(), knowledge=changed, as_of=AS_OF)
    assert named.value("age") is None
    assert named.unmeasured("age") == named.label("age")


def test_places() -> None:
    assert place_of(None, "below") is None
    assert place_of("below", "") is None
    assert place_of("above", "above") is True
    assert place_of("above", "below") is False
    tsh = KNOWLEDGE.clinical.measures["tsh"]
    assert newest([lab("tsh", 4.4, bound="<")], tsh, None, AS_OF)[1] == ""
    assert newest([lab("sodium", 4)], KNOWLEDGE.clinical.measures["sodium"], None, AS_OF)[1] == ""
