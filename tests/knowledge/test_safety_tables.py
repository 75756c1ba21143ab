"""Safety as decision tables: every row can hold and adds something, and worked cases fire the rules they should."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mappings.clinical import Clinical
from mappings.decision_tables import FactTest, SafetyRow, implies, problem_of, redundant, unreachable
from mappings.load import KnowledgeError, load
from mappings.values import DatedValue, parts
from tests.knowledge.spoiling import edit

DAY = date(2026, 11, 22)


def clinical() -> Clinical:
    found = load().clinical
    assert found is not None
    return found


CLINICAL = clinical()


ROWS = [(rule.id, number, row) for rule in CLINICAL.safety.values() for number, row in enumerate(rule.rows)]
NAMES = [f"{rule}-{number}" for rule, number, _ in ROWS]


@pytest.mark.parametrize(("rule", "number", "row"), ROWS, ids=NAMES)
def test_every_row_can_hold_and_adds_something(rule: str, number: int, row: SafetyRow) -> None:
    assert not [problem for test in row.when if (problem := problem_of(test, CLINICAL.facts))]
    assert unreachable(row.when, DAY) is None
    assert not redundant(row, CLINICAL.safety[rule].rows, DAY)


def test_every_fact_is_used() -> None:
    used = {model.fact for _, model in parts(tuple(CLINICAL.files.values())) if isinstance(model, FactTest)}
    assert used == set(CLINICAL.facts)


def number(amount: float, unit: str = "a") -> DatedValue:
    return DatedValue.model_validate(
        {"unit": unit, "values": {DAY: {"amount": amount, "cites": ("trd-cds-rules",)}}}, strict=True
    )


def asks(op: str, amount: float, fact: str = "age", window: float | None = None) -> FactTest:
    value = number(amount, CLINICAL.facts[fact].unit)
    return FactTest.model_validate(
        {"fact": fact, "op": op, "value": value, "window_days": number(window, "d") if window else None}
    )


def flag(fact: str, value: bool = True, window: float | None = None) -> FactTest:
    return FactTest.model_validate(
        {"fact": fact, "op": "is", "value": value, "window_days": number(window, "d") if window else None}
    )


def test_a_contradiction_is_found() -> None:
    assert unreachable([asks("lt", 18), asks("ge", 65)], DAY) == "age"
    assert unreachable([asks("lt", 18), asks("ge", 18)], DAY) == "age"
    assert unreachable([asks("le", 18), asks("ge", 18)], DAY) is None
    assert unreachable([flag("bipolar"), flag("bipolar", False)], DAY) == "bipolar"
    unknown = FactTest.model_validate({"fact": "egfr", "op": "unknown"})
    assert unreachable([unknown, asks("lt", 30, "egfr")], DAY) == "egfr"


def test_implication_knows_ends_windows_and_conjunctions() -> None:
    assert implies([asks("ge", 75)], [asks("ge", 65)], DAY)
    assert implies([asks("gt", 65)], [asks("ge", 65)], DAY)
    assert not implies([asks("ge", 65)], [asks("gt", 65)], DAY)
    assert not implies([asks("ge", 65)], [asks("ge", 75)], DAY)
    assert implies([asks("ge", 65), flag("takes-thiazide")], [asks("ge", 65)], DAY)
    assert not implies([asks("ge", 65)], [asks("ge", 65), flag("takes-thiazide")], DAY)
    assert implies([flag("takes-maoi", window=14)], [flag("takes-maoi", window=35)], DAY)
    assert not implies([flag("takes-maoi", window=35)], [flag("takes-maoi", window=14)], DAY)
    assert implies([asks("ge", 30), asks("lt", 60)], [asks("lt", 90)], DAY)


def test_a_row_that_adds_nothing_is_found(copy: Path) -> None:
    text = (copy / "safety" / "S21.yaml").read_text(encoding="utf-8")
    row = text[text.index("  - when:") : text.index("cites: [label-eu]\nlast")]
    narrower = row.replace("amount: 75", "amount: 80").replace("effect: block", "effect: caution")
    (copy / "safety" / "S21.yaml").write_text(text.replace(row, row + narrower), encoding="utf-8")
    with pytest.raises(KnowledgeError, match="adds nothing"):
        load(copy)


def test_a_row_that_can_never_hold_is_found(copy: Path) -> None:
    dated = "{unit: a, values: {2026-11-22: {amount: 18, cites: [trd-cds-rules]}}}"
    more = f"      - {{fact: age, op: lt, value: {dated}}}\n    effect: block"
    edit(copy, "safety/S21.yaml", "    effect: block", more)
    with pytest.raises(KnowledgeError, match="can never hold"):
        load(copy)


def test_a_fact_nobody_tests_is_found(copy: Path) -> None:
    extra = "facts:\n  - {id: shoe-size, label: shoe size, type: number, kind: patient, unit: count}\n"
    edit(copy, "facts.yaml", "facts:\n", extra)
    with pytest.raises(KnowledgeError, match="no table tests"):
        load(copy)


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("modifiers.yaml", "fact: psychotic-depression", "fact: melancholy", "there is no fact"),
        ("modifiers.yaml", "amount: 12, cites: [young-1978]", "amount: -1, cites: [nobody]", "unknown citation"),
        ("suicidality.yaml", "category: suicide-attempt", "category: sadness", "no condition category"),
        ("suicidality.yaml", "measure: cssrs-screener\n", "measure: another\n", "no measure"),
        ("suicidality.yaml", "instrument: phq9", "instrument: phq99", "no instrument"),
        ("suicidality.yaml", "one_of: [6, 7]", "one_of: [6, 8]", "no item '8'"),
        ("order_checks.yaml", "drugs: [ketamine, esketamine]", "drugs: [ketamine, sugar]", "no drug 'sugar'"),
        ("safety/S40.yaml", "means: {ESK:", "means: {KET:", "means names options that the row does not: KET"),
        ("safety/S11.yaml", "order_groups: [maoi]", "order_groups: [sweets]", "no group 'sweets'"),
        ("facts.yaml", "unit: mmol/L\n    measure: sodium", "unit: mg/dL\n    measure: sodium", "unit"),
        ("facts.yaml", "procedures: [rtms]", "procedures: [hypnosis]", "no procedure kind"),
        ("facts.yaml", "    item: 13\n", "", "names no source"),
    ],
)
def test_a_name_that_nothing_bears_is_found(copy: Path, file: str, old: str, new: str, says: str) -> None:
    edit(copy, file, old, new)
    with pytest.raises(KnowledgeError, match=says):
        load(copy)


def test_a_modifier_that_can_never_hold_is_found(copy: Path) -> None:
    test = "      - {fact: bipolar, op: is, value: true}\n"
    edit(copy, "modifiers.yaml", test, f"{test}{test.replace('true', 'false')}")
    with pytest.raises(KnowledgeError, match="can never hold"):
        load(copy)


def test_unknown_operators_cannot_be_written() -> None:
    with pytest.raises(ValidationError):
        FactTest.model_validate({"fact": "age", "op": "eval", "value": True})


def holds(test: FactTest, known: Mapping[str, Any]) -> bool:
    """A plain reading of one test; `known` holds values inside every window."""
    value = known.get(test.fact)
    if test.op == "unknown":
        return value is None
    if value is None:
        return False
    if isinstance(test.value, bool):
        return bool(value is test.value)
    if isinstance(test.value, tuple):
        return value in test.value
    assert test.value is not None
    limit = test.value.on(DAY).amount
    return bool({"lt": value < limit, "le": value <= limit, "gt": value > limit, "ge": value >= limit}[test.op])


def fired(effect: str, known: Mapping[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for rule in CLINICAL.safety.values():
        for row in rule.rows:
            if row.effect == effect and all(holds(test, known) for test in row.when):
                found.setdefault(rule.id, set()).update(row.options)
    return {rule: options for rule, options in found.items() if options}


def said(text: str) -> dict[str, set[str]]:
    return {part.split()[0]: set(part.split()[1].split("/")) for part in text.split("; ") if part}


SEROTONERGIC = {"takes-serotonergic": True, "takes-incompatible-with-maoi": True}
CASES: dict[str, tuple[dict[str, Any], str, str]] = {
    "healthy": ({"age": 41}, "", ""),
    "bupropion": (
        {"age": 35, "takes-incompatible-with-maoi": True, "takes-bupropion-or-dextromethorphan": True}
        | {"takes-strong-cyp2d6-inhibitor": True, "bupropion-failed": True},
        "S11 MAOI; S12 DXB",
        "S13 APC/DXB/TCA/VOR; S44 DXB",
    ),
    "escitalopram": ({"age": 52, **SEROTONERGIC}, "S11 MAOI", "S41 APC/DXB/LIT/MIR/OFC/SNRI/TCA/VOR"),
    "obese on sertraline": (
        {"age": 47, **SEROTONERGIC, "bmi": 34, "metabolic-syndrome": True},
        "S11 MAOI",
        "S32 APC/MIR/OFC/QUE; S41 APC/DXB/LIT/MIR/OFC/SNRI/TCA/VOR",
    ),
    "psychotic": ({"age": 58, "psychosis": True}, "S26 DXB/ESK/KET/PPX/SAINT/TMS", "S26 BUP"),
    "suicidal on fluoxetine": (
        {"age": 31, "takes-serotonergic": True, "takes-fluoxetine": True, "suicidality": "high"}
        | {"bupropion-failed": True},
        "S11 MAOI",
        "S13 APC/DXB/TCA/VOR; S41 APC/DXB/LIT/MIR/OFC/SNRI/TCA/VOR; S42 BUP/DORA/DXB/LIT/MAOI/TCA; S44 DXB",
    ),
    "epilepsy on lamotrigine": (
        {"age": 39, "epilepsy": True, "any-seizure": True, "takes-anticonvulsant": True},
        "S06 BUP/DXB/SAINT; S06b TMS",
        "S06 KET/TCA; S31 ECT",
    ),
    "blood pressure 168/98": (
        {"age": 62, "systolic": 168, "diastolic": 98, "takes-ace-inhibitor-or-arb": True},
        "",
        "S05 BUP/DXB/ESK/KET/SNRI; S28 LIT",
    ),
    "bipolar": ({"age": 27, "bipolar": True}, "S01 AGO/BUP/DXB/MAOI/MIR/PPX/SNRI/TCA/VOR", "S01 ESK/KET/LGT/TMS"),
    "old with dementia": (
        {"age": 78, "dementia": True},
        "S21 AGO",
        "S22 APC/ARI/BRX/CAR/LUM/OFC/QUE; S40 ESK; S50 TCA",
    ),
    "bulimia": ({"age": 24, "anorexia-or-bulimia": True}, "S07 BUP/DXB", ""),
    "sleep apnoea on clonazepam": (
        {"age": 57, "sleep-apnoea": True, "takes-benzodiazepine": True, "bmi": 37},
        "",
        "S29 ECT/ESK/KET/TMS; S32 APC/MIR/OFC/QUE; S39 ESK/MIR/QUE",
    ),
    "esketamine and TMS failed": ({"age": 54, "esketamine-failed": True, "tms-failed": True}, "", "S45 KET/SAINT"),
    "140/90 exactly": ({"age": 50, "systolic": 140, "diastolic": 90}, "", ""),
    "180/100": (
        {"age": 50, "systolic": 180, "diastolic": 100},
        "S04 BUP/DXB/ESK/KET/SNRI",
        "S05 BUP/DXB/ESK/KET/SNRI",
    ),
    "QTc 469, woman": ({"age": 50, "sex": "female", "qtc": 469}, "", ""),
    "QTc 470, woman": (
        {"age": 50, "sex": "female", "qtc": 470},
        "",
        "S23 APC/LIT/MIR/OFC/QUE/SNRI/TCA",
    ),
    "QTc 500, sex unknown": ({"age": 50, "qtc": 500}, "S23 APC/OFC/QUE/TCA", "S23 LIT/MIR/SNRI"),
    "eGFR 30": ({"age": 50, "egfr": 30}, "", "S17 DXB/LIT/PPX"),
    "eGFR 29 outranks no stage": (
        {"age": 50, "egfr": 29, "kidney-disease-4-5": True},
        "S17 CAR/CEL/DXB/LIT",
        "S17 BRX/BUP/MIR/PPX/SNRI",
    ),
    "eGFR 70 outranks the stage": ({"age": 50, "egfr": 70, "kidney-disease-4-5": True}, "", ""),
    "linezolid": ({"age": 50, "takes-maoi": True}, "S10 APC/BUP/DXB/MIR/OFC/SNRI/TCA/VOR", "S10 ESK/KET"),
    "sodium 129": ({"age": 50, "sodium": 129}, "S46 APC/MIR/OFC/SNRI/TCA/VOR", "S47 LIT"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_worked_case(case: str) -> None:
    known, blocked, cautioned = CASES[case]
    assert fired("block", known) == said(blocked)
    assert fired("caution", known) == said(cautioned)


def test_under_eighteen_only_psychotherapy_remains() -> None:
    assert fired("block", {"age": 17})["S00"] == set(CLINICAL.options) - {"PSYT"}


def test_hard_stops_name_the_orders_they_stop() -> None:
    stops = {(rule, order) for rule, _, row in ROWS if row.hard_stop for order in row.orders}
    assert {
        ("S02", "esketamine"),
        ("S03", "ketamine"),
        ("S04", "esketamine"),
        ("S06", "bupropion"),
        ("S07", "dextromethorphan-bupropion"),
        ("S08", "bupropion"),
        ("S10", "sertraline"),
        ("S11", "phenelzine"),
        ("S12", "dextromethorphan-bupropion"),
        ("S23", "citalopram"),
        ("S23", "amitriptyline"),
        ("S24", "amitriptyline"),
        ("H01", "citalopram"),
    } <= stops


def test_facts_of_low_confidence_neither_block_nor_caution() -> None:
    assert not [name for name, (_, _, row) in zip(NAMES, ROWS, strict=True) if row.confidence == "low"]
