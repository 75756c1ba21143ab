"""Domains, options, safety, checks and comparisons: complete, cited, dated, and without contradictions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from mappings import decision_tables, domain_schema, modifier_schema, option_schema, order_schema
from mappings.clinical import FILES, FOLDERS, Clinical, read_clinical
from mappings.load import DIRECTORY, KnowledgeError, load
from tests.knowledge.spoiling import edit

DAY = date(2026, 11, 22)


def clinical() -> Clinical:
    found = load().clinical
    assert found is not None
    return found


CLINICAL = clinical()


def test_all_parts_are_present() -> None:
    assert list(CLINICAL.domains) == ["ANH", "ANX", "COG", "CIR", "INF"]
    rules = (
        {f"S{number:02}" for number in range(51)}
        | {"S06b", "S35b", "S41b", "H01", "W01"}
        | {f"N0{n}" for n in range(1, 5)}
    )
    assert set(CLINICAL.safety) == rules
    drugs = {"ESK", "KET", "DXB", "BUP", "VOR", "PPX", "AGO", "SNRI", "MIR", "LIT", "OFC", "APC", "T3", "TCA", "MAOI"}
    added = {"QUE", "ARI", "BRX", "CAR", "LUM", "LGT", "CBTI", "DORA", "PSYT", "OM3", "MIN", "CEL"}
    assert set(CLINICAL.options) == drugs | added | {"TMS", "SAINT", "ECT", "VNS"}
    assert {"FABBRI-UKB", "KIM", "OHDSI-1009", "CEPEDA-2018"} <= set(CLINICAL.comparisons)
    assert sum(rule.kind == "payer" for rule in CLINICAL.comparisons.values()) >= 4
    assert len(CLINICAL.pseudo_resistance.checks) == 13
    assert CLINICAL.guidelines.statements
    assert CLINICAL.investigational.agents


def test_nothing_that_cannot_be_computed_poses_as_a_definition() -> None:
    assert not set(CLINICAL.comparisons) & set(load().definitions)
    computed = {name for name, rule in CLINICAL.comparisons.items() if rule.computable}
    assert computed == {"FABBRI-UKB", "KIM", "OHDSI-1009", "CEPEDA-2018"}


def test_no_file_claims_a_review_that_did_not_happen() -> None:
    assert {getattr(content, "reviewed_by", "none") for content in CLINICAL.files.values()} == {"none"}


def test_a_file_outside_any_part_is_not_read_silently() -> None:
    on_disk = {f"{folder}/{path.name}" for folder in FOLDERS for path in (DIRECTORY / folder).glob("*")}
    assert set(CLINICAL.files) == on_disk | set(FILES)
    for name, content in CLINICAL.files.items():
        assert type(content) is FILES.get(name, FOLDERS.get(Path(name).parts[0]))


def members(domain: str) -> dict[str, dict[str, float]]:
    return {
        family.id: {member.indicator: member.weight.on(DAY).amount for member in family.members}
        for family in CLINICAL.domains[domain].families
    }


def test_weights_of_a_domain_as_published_here() -> None:
    assert members("INF") == {
        "I1": {"hscrp": 1.0, "crp": 0.7},
        "I2": {"il6": 0.3, "esr": 0.2},
        "I3": {"bmi": 0.25},
        "I4": {"phq4": 0.25, "qids14": 0.25},
    }
    assert [family.id for family in CLINICAL.domains["COG"].families if family.mandatory] == ["C1", "C2"]


def evidence(indicator: str, value: float) -> float:
    """Interpolation as the anchors mean it, held at the ends."""
    points = CLINICAL.indicators[indicator].anchors.values[DAY].points
    if value <= points[0][0]:
        return points[0][1]
    for (low, start), (high, end) in pairwise(points):
        if value <= high:
            return start + (end - start) * (value - low) / (high - low)
    return points[-1][1]


def test_the_worked_arithmetic_of_the_first_case() -> None:
    """SHAPS 40, PHQ-9 items 1 and 4 at 3 and 2, five days old: 0.952 of a full score."""
    recency = {entry.id: entry.half_life.on(DAY).amount for entry in CLINICAL.scoring.recency}
    parts = [("A1", "shaps", 40), ("A2", "phq1", 3), ("A3", "phq4", 2)]
    weights = [
        members("ANH")[family][name] * 0.5 ** (5 / recency[CLINICAL.indicators[name].recency])
        for family, name, _ in parts
    ]
    mean = sum(w * evidence(name, x) for w, (_, name, x) in zip(weights, parts, strict=True)) / sum(weights)
    assert mean == pytest.approx(0.952, abs=0.001)
    full = CLINICAL.scoring.parameters["completeness-full"].on(DAY).amount
    assert sum(weights) / full > 1


def models() -> Iterator[type[BaseModel]]:
    for module in (domain_schema, option_schema, order_schema, decision_tables, modifier_schema):
        for kind in vars(module).values():
            if isinstance(kind, type) and issubclass(kind, BaseModel) and kind.__module__ == module.__name__:
                yield kind


def types(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from types(inner)


# Which item of a scale: names, not amounts.
BARE = {
    ("MeasureItem", "number"),
    ("Indicator", "items"),
    ("SumOfItems", "items"),
    ("Fact", "item"),
    ("SingleItem", "item"),
    ("AnswerLevel", "items"),
    *(("Screen", name) for name in ("always", "one_of", "branch", "after_branch")),
}


@pytest.mark.parametrize("kind", list(models()), ids=lambda kind: kind.__name__)
def test_a_number_stands_only_in_a_cited_record_kept_by_date(kind: type[BaseModel]) -> None:
    for name, field in kind.model_fields.items():
        if not {int, float} & set(types(field.annotation)) or (kind.__name__, name) in BARE:
            continue
        assert "cites" in kind.model_fields, f"{kind.__name__}.{name} has no citation"
        holders = [
            held
            for other in models()
            for held in other.model_fields.values()
            if get_origin(held.annotation) is dict and get_args(held.annotation) == (date, kind)
        ]
        assert holders, f"{kind.__name__}.{name} is not kept by effective date"


@pytest.mark.parametrize("kind", list(models()), ids=lambda kind: kind.__name__)
def test_models_are_strict_and_frozen(kind: type[BaseModel]) -> None:
    assert kind.model_config["strict"]
    assert kind.model_config["frozen"]
    assert kind.model_config["extra"] == "forbid"


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("safety/S21.yaml", "amount: 75, cites: [label-eu]", "amount: 75"),
        ("safety/S21.yaml", "amount: 75, cites: [label-eu]", "amount: 75, cites: []"),
        ("safety/S21.yaml", "{unit: a, values: {2026-11-22: {amount: 75, cites: [label-eu]}}}", "75"),
        ("options/ESK.yaml", "by_domain: {ANH: 2, ANX: 1, COG: 0, CIR: 0, INF: 1}, cites:", "by_domain: {}, quotes:"),
        ("options/ESK.yaml", "grades: {values: {2026-11-22: ", "grades: {values: {today: "),
        ("indicators/anxiety.yaml", "[10, 0.5]", "[4, 0.5]"),
        ("indicators/anxiety.yaml", "[10, 0.5]", "[10, 1.5]"),
        ("indicators/anxiety.yaml", "values: {2026-11-22: {points", "values: {unknown: {points"),
        (
            "domains/ANH.yaml",
            "weight: {unit: count, values: {2026-11-22: {amount: 1.0",
            "weight: {unit: count, values: {1: {amount: 1.0",
        ),
        ("measures.yaml", "{low: 0, high: 21, cites: [spitzer-2006]}", "{low: 21, high: 0, cites: [spitzer-2006]}"),
        ("measures.yaml", "{low: 0, high: 21, cites: [spitzer-2006]}", "{low: 0, high: 21}"),
        ("comparisons/KIM.yaml", "cites: [hagg-2020], note", "note"),
        ("comparisons/PAYER-4W.yaml", "why_not:", "why:"),
        ("comparisons/PAYER-4W.yaml", "computable: false", "computable: true"),
        ("comparisons/KIM.yaml", "computable: true", "computable: false"),
        ("comparisons/KIM.yaml", "amount: 0.13, cites", "amount: 0.13, sites"),
        ("scoring.yaml", "amount: 1.25, cites: [trd-cds-rules]", "amount: 1.25"),
        ("guidelines.yaml", "    cites: [canmat-2023]\n", ""),
        ("investigational.yaml", "    cites: [comp360-2026]\n", ""),
        ("drug_groups.yaml", "    cites: [label-us, rxnorm]\n", ""),
        ("pseudo_resistance.yaml", "shows: evidence", "shows: anything"),
    ],
)
def test_uncited_undated_or_misshapen_values_are_refused(copy: Path, file: str, old: str, new: str) -> None:
    edit(copy, file, old, new)
    with pytest.raises(KnowledgeError) as caught:
        read_clinical(copy)
    assert caught.value.file == file
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("safety/S21.yaml", "[AGO]", "[AGOO]", "option"),
        ("safety/S21.yaml", "fact: age", "fact: aged", "fact"),
        ("safety/S21.yaml", "unit: a,", "unit: d,", "unit"),
        ("safety/S21.yaml", "op: ge", "op: is", "flag"),
        ("safety/S21.yaml", "label-eu", "label-mars", "citation"),
        ("safety/S02.yaml", "orders: [esketamine, ketamine]", "orders: [esketamin]", "drug"),
        ("safety/S04.yaml", "    effect: block", "    effect: caution", "hard stop"),
        ("facts.yaml", "categories: [bipolar]", "categories: [bipolarity]", "condition category"),
        ("facts.yaml", "measure: qtc", "measure: qtd", "measure"),
        ("facts.yaml", "group: maoi", "group: maois", "group"),
        ("measures.yaml", 'unit: "m[IU]/L", values', 'unit: "mmol/L", values', "not in m"),
        ("measures.yaml", "level_of: lithium", "level_of: lithion", "drug"),
        ("measures.yaml", "level-adequate-from", "level-fine-from", "level-adequate-from"),
        ("domains/ANH.yaml", "indicator: shaps,", "indicator: shap,", "indicator"),
        ("domains/ANH.yaml", "category: anhedonia", "category: joylessness", "condition category"),
        ("indicators/anxiety.yaml", "measure: gad7", "measure: gad9", "measure"),
        ("indicators/anxiety.yaml", "worse: higher", "worse: lower", "anchors"),
        ("indicators/phq9.yaml", "items: [1]", "items: [10]", "item"),
        ("indicators/anxiety.yaml", "summed: {measure: gad7", "summed: {measure: gad9", "measure"),
        ("indicators/anxiety.yaml", "items: [1, 2, 3, 4, 5, 6, 7]", "items: [1, 2, 3, 4, 5, 6, 8]", "item"),
        ("domains/ANH.yaml", "collect: [shaps, phq1]", "collect: [shaps, phq0]", "indicator"),
        ("measures.yaml", "weight: body-weight", "weight: body-wait", "measure"),
        ("options/ESK.yaml", "drugs: [esketamine]", "drugs: [eskétamine]", "drug"),
        ("options/ESK.yaml", "ANX: 1, COG", "COG", "domain"),
        ("options/ESK.yaml", "ANH: 2", "ANH: 5", "grade"),
        ("comparisons/KIM.yaml", "depression: [depression,", "depression: [sadness,", "condition category"),
        ("comparisons/KIM.yaml", "not_counted: [tryptophan,", "not_counted: [tryptofan,", "drug"),
        ("comparisons/KIM.yaml", "procedures: [ect,", "procedures: [etc,", "procedure"),
        ("comparisons/OHDSI-1009.yaml", "[atypical antipsychotic]", "[typical]", "class"),
        ("drug_groups.yaml", "drugs: [phenelzine", "drugs: [phenelzin", "drug"),
        ("pseudo_resistance.yaml", "sentence: pseudo-adherence", "sentence: pseudo-nothing", "sentence"),
        ("guidelines.yaml", "options: [TMS, ECT, VNS]", "options: [TMS, ECT, DBS]", "option"),
    ],
)
def test_contradictions_between_files_are_refused(copy: Path, file: str, old: str, new: str, says: str) -> None:
    edit(copy, file, old, new)
    with pytest.raises(KnowledgeError) as caught:
        load(copy)
    assert Path(caught.value.file).parts[0].removesuffix(".yaml") == Path(file).parts[0].removesuffix(".yaml")
    assert says in f"{caught.value.problem} {caught.value.remedy}"


def test_codes_of_low_confidence_never_stand_in_an_order() -> None:
    for option in CLINICAL.options.values():
        assert all(code.confidence != "low" for code in option.codes)
        assert all(code.confidence == "low" for code in option.to_verify)


def test_no_order_for_what_is_information_only() -> None:
    assert {id_ for id_, option in CLINICAL.options.items() if option.tier == "D"} == {"OM3", "MIN", "CEL"}
    assert all(option.action == "information" for option in CLINICAL.options.values() if option.tier == "D")
    agents = {agent.id for agent in CLINICAL.investigational.agents}
    assert not agents & {name.lower() for name in CLINICAL.options}


def test_no_scale_wording_is_shipped() -> None:
    """Scales carry codes and numbers: a measure's label is a short name, never a question."""
    for measure in CLINICAL.measures.values():
        assert "?" not in measure.label
        assert len(measure.label) < 60
