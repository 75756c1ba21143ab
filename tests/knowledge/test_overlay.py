"""A site overlay changes what it names and nothing else, keeps who, when and why, and is refused where it is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from cds_hooks.stories import load_stories
from mappings.clinical import Clinical
from mappings.load import Knowledge, KnowledgeError, load
from mappings.overlay import lay_over
from mappings.rule_names import rule_names
from mappings.site_schema import SiteChange
from plugin import assess
from plugin.advice.policy import advise
from plugin.document.assessment_document import to_document
from plugin.ingest import read_orders, read_record
from plugin.ingest.recognition import recognise

BY = 'who: "Therapeutics board", when: 2026-12-01, why: "local pathway"'
SIGNED = BY.replace(", ", "\n", 2) + "\n"
SITE = 'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'
FLOWSHEET, PHARMACY, CATALOGUE = "urn:oid:2.999.1", "https://st-elsewhere.example/drugs", "urn:oid:2.999.3"
CODES = f"""{SIGNED}scales:
  - {{system: "{FLOWSHEET}", code: "3041", label: "PHQ-9 total", means: {{system: loinc, code: "44261-6"}}}}
  - {{system: "{FLOWSHEET}", code: "9", label: "PHQ-9 item 9", means: {{system: loinc, code: "44260-8"}}}}
  - {{system: "{FLOWSHEET}", code: "52", label: "MADRS", means: {{system: trd-instruments, code: "madrs-total"}}}}
medications:
  - {{system: "{PHARMACY}", code: "M1", label: "SERTRALINE 50 TAB", drug: sertraline, strength: 50}}
  - {{system: "{PHARMACY}", code: "M2", label: "VENLAFAXINE", drug: venlafaxine, release: XL}}
orders:
  - {{system: "http://www.ama-assn.org/go/cpt", code: "90867", label: "TMS, first", procedure: rtms}}
  - {{system: "{CATALOGUE}", code: "EAP7", label: "Nasal treatment", drug: esketamine}}
"""
REASONS = f'{SIGNED}reasons:\n  - {{code: "our-pathway", display: "Our own pathway applies"}}\n'
BASE = load()


@pytest.fixture
def site(tmp_path: Path) -> Callable[..., Path]:
    """Writes an overlay: ``site(overrides=..., codes=...)`` gives its directory."""

    def write(**files: str) -> Path:
        for name, text in {"site": SITE, **files}.items():
            (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def override(path: str, value: object, unit: str | None = None, by: str = BY) -> str:
    return f"- {{path: {path}, value: {value}{f', unit: {unit}' if unit else ''}, {by}}}\n"


def test_an_empty_overlay_changes_only_the_hash(site: Callable[..., Path]) -> None:
    knowledge = load(site=site())
    assert knowledge.site is not None
    assert (knowledge.site_id, knowledge.site.changes) == ("st-elsewhere", ())
    assert knowledge.site.site.accepted_by == "Dr A. Example"
    assert knowledge.content_hash != BASE.content_hash
    assert replace(knowledge, site=None, content_hash=BASE.content_hash) == BASE
    assert (BASE.site, BASE.site_id) == (None, None)


@pytest.mark.parametrize(
    ("path", "value", "unit", "look", "before", "after"),
    [
        (
            "definitions/TRD-6W-50/min_days_at_dose",
            56,
            "d",
            lambda k: k.definitions["TRD-6W-50"].min_days_at_dose,
            "42 d",
            "56 d",
        ),
        (
            "definitions/TRD-6W-50/augmentation_counts",
            "true",
            None,
            lambda k: k.definitions["TRD-6W-50"].augmentation_counts,
            "false",
            "true",
        ),
        ("reconstruction/era_gap_days", 45, "d", lambda k: k.reconstruction.era_gap_days, "30 d", "45 d"),
        (
            "instruments/phq9/bands/mild/low",
            6,
            "points",
            lambda k: k.instruments["phq9"].bands[1].low,
            "5 points",
            "6 points",
        ),
        (
            "drugs/venlafaxine/adequate_dose/default",
            225,
            "mg/d",
            lambda k: k.drugs["venlafaxine"].adequate_dose.default.on(date.min).amount,
            "150 mg/d",
            "225 mg/d",
        ),
        ("default_definition", "ATHF4W", None, lambda k: k.default_definition, "TRD-6W-50", "ATHF4W"),
        ("jurisdiction", "eu", None, lambda k: k.jurisdiction, "", "eu"),
    ],
)
def test_one_value_is_changed_with_who_when_and_why(
    site: Callable[..., Path],
    path: str,
    value: object,
    unit: str | None,
    look: Callable[[Knowledge], object],
    before: str,
    after: str,
) -> None:
    knowledge = load(site=site(overrides=override(path, value, unit)))
    assert knowledge.site is not None
    assert knowledge.site.changes == (
        SiteChange(path, before, after, "Therapeutics board", date(2026, 12, 1), "local pathway"),
    )
    assert look(knowledge) == {"true": True}.get(str(value), value)
    assert look(BASE) != look(knowledge)
    assert "site-st-elsewhere" in knowledge.sources
    assert "site-st-elsewhere" not in BASE.sources


def test_a_site_value_holds_for_every_day_and_is_cited(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(overrides=override("definitions/TRD-6W-50/min_days_at_dose", 56, "d")))
    for day in (date(2000, 1, 1), date(2026, 11, 22), date(2040, 1, 1)):
        assert knowledge.definitions_on(day)["TRD-6W-50"].min_days_at_dose == 56
    judged = assess(read_record([], knowledge=knowledge), knowledge=knowledge, as_of=date(2020, 1, 1))
    assert judged.definition.min_days_at_dose == 56
    assert "site-st-elsewhere" in judged.definition.cites
    assert knowledge.sources["site-st-elsewhere"].short == "St Elsewhere"


def test_the_hash_follows_the_overlay(site: Callable[..., Path], tmp_path: Path) -> None:
    first = lay_over(BASE, site(overrides=override("reconstruction/era_gap_days", 45, "d")))
    again = lay_over(BASE, tmp_path)
    other = lay_over(BASE, site(overrides=override("reconstruction/era_gap_days", 46, "d")))
    assert first.content_hash == again.content_hash != other.content_hash


def test_rules_are_switched(site: Callable[..., Path]) -> None:
    off = f"- {{rule: already-failed, {BY}}}\n- {{rule: not-tolerated, enabled: true, {BY}}}\n"
    knowledge = load(site=site(rules=off))
    assert not knowledge.is_on("already-failed")
    assert knowledge.is_on("not-tolerated", otherwise=False)
    assert knowledge.is_on("trd-status")
    assert not knowledge.is_on("anything", otherwise=False)
    assert BASE.is_on("already-failed")
    assert knowledge.site is not None
    assert [(one.path, one.after) for one in knowledge.site.changes] == [
        ("rules/already-failed", "off"),
        ("rules/not-tolerated", "on"),
    ]


def clinical(*, hard_stop: bool) -> Clinical:
    """As much of the clinical knowledge as names rules: one safety rule of two rows."""
    rule = SimpleNamespace(id="maoi", rows=(SimpleNamespace(hard_stop=False), SimpleNamespace(hard_stop=hard_stop)))
    parts: dict[str, Any] = {name: {} for name in ("options", "indicators", "comparisons")}
    checks = SimpleNamespace(checks=(SimpleNamespace(id="adherence"),))
    return cast(Clinical, SimpleNamespace(**parts, safety={"maoi": rule}, pseudo_resistance=checks))


def test_hard_stops_cannot_be_switched_off(site: Callable[..., Path]) -> None:
    assert rule_names({}, clinical(hard_stop=True)) == {"adherence": False, "maoi": True}
    directory = site(rules=f"- {{rule: maoi, {BY}}}\n")
    with pytest.raises(KnowledgeError, match=r"site/rules.yaml: 0.rule: 'maoi' is a hard stop; hard stops stay on"):
        lay_over(replace(BASE, clinical=clinical(hard_stop=True)), directory)
    assert not lay_over(replace(BASE, clinical=clinical(hard_stop=False)), directory).is_on("maoi")


def test_no_hard_stop_of_the_knowledge_can_be_switched_off(site: Callable[..., Path]) -> None:
    stops = [rule for rule, hard in rule_names(BASE.sentences, BASE.clinical).items() if hard]
    assert stops
    for rule in stops:
        with pytest.raises(KnowledgeError, match="hard stop"):
            lay_over(BASE, site(rules=f"- {{rule: {rule}, {BY}}}\n"))


def observation(code: str, value: int, key: str = "a") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": key,
        "status": "final",
        "code": {"coding": [{"system": FLOWSHEET, "code": code}]},
        "effectiveDateTime": "2026-01-05",
        "valueQuantity": {"value": value},
    }


def test_local_flowsheet_codes_are_scores_and_are_asked_for(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(codes=CODES))
    record = read_record([observation("3041", 17), observation("52", 30, "b")], knowledge=knowledge)
    assert {(score.instrument, score.value) for score in record.scores} == {("phq9", 17), ("madrs", 30)}
    assert read_record([observation("3041", 17)], knowledge=BASE).scores == ()
    asked = {(knowledge.uri_of(one.system), one.code) for one in knowledge.prefetch.scales}
    assert (FLOWSHEET, "3041") in asked
    assert [code.code for item in knowledge.instruments["phq9"].items if item.number == 9 for code in item.codes] == [
        "44260-8",
        "9",
    ]


def test_a_bare_local_code_is_nobodys(site: Callable[..., Path]) -> None:
    """Row numbers without their system also number the questions of any form."""
    knowledge = load(site=site(codes=CODES))
    form = {
        "resourceType": "QuestionnaireResponse",
        "id": "q",
        "status": "completed",
        "authored": "2026-01-05",
        "item": [{"linkId": "3041", "answer": [{"valueInteger": 17}]}],
    }
    assert read_record([form], knowledge=knowledge).scores == ()


def test_local_medication_codes_are_products(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(codes=CODES))
    product = recognise([{"system": PHARMACY, "code": "M1"}], "", knowledge)
    assert product is not None
    assert (product.ingredients, product.components[0].amount, product.recognised_by) == (("sertraline",), 50, "site")
    other = recognise([{"system": PHARMACY, "code": "M2"}], "", knowledge)
    assert other is not None
    assert (other.ingredients, other.components[0].amount, other.release) == (("venlafaxine",), None, "XL")
    assert recognise([{"system": PHARMACY, "code": "M1"}], "", BASE) is None
    assert recognise([{"system": CATALOGUE, "code": "M1"}], "", knowledge) is None


def test_local_order_codes_are_drugs_and_procedures(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(codes=CODES))
    tms = {
        "resourceType": "ServiceRequest",
        "id": "s",
        "status": "draft",
        "intent": "order",
        "code": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "90867"}]},
    }
    spray = {
        "resourceType": "MedicationRequest",
        "id": "m",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": CATALOGUE, "code": "EAP7"}]},
    }
    assert len(read_orders([tms, spray], knowledge=knowledge)) == 2
    assert read_orders([tms, spray], knowledge=BASE) == ()


def test_reasons_are_added_after_our_own(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(override_reasons=REASONS))
    assert knowledge.override_reasons[:-1] == BASE.override_reasons
    assert knowledge.override_reasons[-1].display == "Our own pathway applies"


LONG = override("definitions/TRD-6W-50/min_days_at_dose", 56, "d")


@pytest.mark.parametrize(
    ("name", "text", "place", "problem", "remedy"),
    [
        ("site", "id: st-elsewhere\n", "name", "required", "add the key"),
        ("site", SITE.replace("st-elsewhere", "St Elsewhere"), "id", "match", "schema"),
        ("site", SITE + "colour: blue\n", "colour", "Extra", "remove the key"),
        ("site", SITE + 'name: "again"\n', "line 5", "twice", "keep one"),
        ("site", SITE.replace("2026-12-01", '"2026-12-01"'), "accepted_on", "date", "YYYY-MM-DD"),
        ("override", LONG, "file", "no file of an overlay", "overrides.yaml"),
        ("overrides", LONG + LONG, "1 definitions", "overridden twice", "keep one"),
        ("overrides", LONG.replace("why", "reason"), "0.", "required", "add the key"),
        ("overrides", LONG.replace('"local pathway"', '" "'), "0.why", "match", "schema"),
        ("overrides", LONG.replace("2026-12-01", "2027-01-01"), "0.when", "after the overlay was accepted", "anew"),
        ("overrides", LONG.replace(", unit: d", ""), "0 definitions", "stated in d", "unit: d"),
        ("overrides", LONG.replace("unit: d", "unit: wk"), "0 definitions", "stated in d", "unit: d"),
        ("overrides", LONG.replace("unit: d", "unit: days"), "0.unit", "Input should be", "listed values"),
        ("overrides", LONG.replace("56", "56.5"), "0 definitions", "whole number", "whole number"),
        ("overrides", LONG.replace("56", "-5"), "0 definitions", "range", "can be meant"),
        ("overrides", LONG.replace("56", "true"), "0 definitions", "is a number", "number in d"),
        ("overrides", LONG.replace("56", "7"), "definitions/TRD-6W-50.yaml borderline_days", "min_days", "adequate"),
        ("overrides", LONG.replace("TRD-6W-50", "TRD-7W"), "0 definitions", "no 'TRD-7W'", "id of a file"),
        (
            "overrides",
            LONG.replace("min_days_at_dose", "min_days"),
            "0 definitions",
            "no 'min_days'",
            "min_days_at_dose",
        ),
        ("overrides", LONG.replace("min_days_at_dose", "label"), "0 definitions", "no value", "knowledge show"),
        ("overrides", LONG.replace("_at_dose", "_at_dose/unit/x"), "0 definitions", "nothing below", "shorten"),
        ("overrides", override("safety/maoi", 1, "d"), "0 safety", "starts like this", "definitions/"),
        ("overrides", override("reconstruction", 1, "d"), "0 reconstruction", "no value", "knowledge show"),
        ("overrides", override("instruments/phq9/bands/awful/low", 1, "points"), "0 instr", "no 'awful'", "mild"),
        ("overrides", override("instruments/phq9/maximum", 9, "points"), "phq9.yaml maximum", "outside", "correct"),
        ("overrides", override("definitions/TRD-6W-50/augmentation_counts", 1), "0 def", "true or false", "true"),
        ("overrides", override("drugs/sertraline/adequate_dose/default", 25, "mg/d"), "sertraline", "above", "lenient"),
        ("overrides", override("default_definition", "TRD-7W"), "0 default", "no default definition", "ATHF4W"),
        ("overrides", override("jurisdiction", "uk"), "0 jurisdiction", "no jurisdiction", "us, eu"),
        ("overrides", "- [1]\n", "0", "valid dictionary", "keys and values"),
        ("rules", f"- {{rule: nonesuch, {BY}}}\n", "0.rule", "no rule 'nonesuch'", "already-failed"),
        ("rules", f"- {{rule: trd-status, {BY}}}\n" * 2, "1.rule", "twice", "keep one"),
        ("rules", "- {rule: trd-status}\n", "0.who", "required", "add the key"),
        ("rules", f"- {{rule: trd-status, enabled: 0, {BY}}}\n", "0.enabled", "boolean", "true or false"),
        ("codes", CODES.replace('"3041"', "3041"), "scales.0.code", "string", "quotes"),
        ("codes", CODES.replace("44261-6", "44261-7"), "scales.0.means", "no scale", "in instruments"),
        ("codes", CODES.replace('"9"', '"3041"'), "scales.1", "mapped twice", "keep one"),
        ("codes", CODES.replace(FLOWSHEET, "flowsheets"), "scales.0.system", "match", "schema"),
        (
            "codes",
            CODES.replace("drug: sertraline", "drug: sertralin"),
            "medications.0.drug",
            "no drug",
            "id of a file",
        ),
        ("codes", CODES.replace("release: XL", "release: XXL"), "medications.1.release", "no release", "XL"),
        ("codes", CODES.replace("strength: 50", "strength: 0"), "medications.0.strength", "greater", "schema"),
        ("codes", CODES.replace("procedure: rtms", "procedure: tms"), "orders.0.procedure", "no procedure", "rtms"),
        ("codes", CODES.replace("procedure: rtms", "drug: esketamine, procedure: rtms"), "orders.0", "or", "either"),
        (
            "codes",
            CODES.replace(PHARMACY, "http://www.nlm.nih.gov/research/umls/rxnorm").replace('"M1"', '"36437"'),
            "medications.0",
            "already knows",
            "remove",
        ),
        ("codes", CODES.removeprefix('who: "Therapeutics board"\n'), "who", "required", "add the key"),
        ("override_reasons", REASONS.replace("our-pathway", "trial-misjudged"), "reasons.0.code", "already", "unique"),
        ("override_reasons", REASONS.replace("our-pathway", "our pathway"), "reasons.0.code", "match", "schema"),
        ("override_reasons", SIGNED + "reasons: []\n", "reasons", "at least 1", "at least one"),
    ],
)
def test_bad_overlays_are_refused(
    site: Callable[..., Path], name: str, text: str, place: str, problem: str, remedy: str
) -> None:
    with pytest.raises(KnowledgeError) as caught:
        load(site=site(**{name: text}))
    failure = caught.value
    assert failure.file == f"site/{name}.yaml"
    assert place in failure.place
    assert problem in failure.problem
    assert remedy in failure.remedy


def test_a_directory_that_is_no_overlay_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"site: directory: cannot be read; point to the directory"):
        load(site=tmp_path / "nowhere")
    with pytest.raises(KnowledgeError, match=r"site/site.yaml: file: cannot be read"):
        load(site=tmp_path)


def test_overlay_models_are_immutable(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(overrides=LONG))
    assert knowledge.site is not None
    assert isinstance(knowledge.site.switches, MappingProxyType)
    assert isinstance(knowledge.sources, MappingProxyType)
    assert BASE.definitions["TRD-6W-50"].min_days_at_dose == 42


def test_what_a_site_changed_stands_in_the_document_and_on_the_card(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(overrides=override("definitions/TRD-6W-50/min_failed_trials", 1, "count"), codes=CODES))
    story = load_stories(date(2026, 12, 2), knowledge)[0]
    record = read_record(story.resources, knowledge=knowledge)
    assessment = assess(record, knowledge=knowledge, as_of=date(2026, 12, 2))
    engine = to_document(assessment)["engine"]["knowledge"]

    assert (engine["site"], engine["acceptedBy"]) == ("st-elsewhere", "Dr A. Example")
    change = next(c for c in engine["siteChanges"] if c["path"] == "definitions/TRD-6W-50/min_failed_trials")
    assert (change["who"], change["when"], change["why"]) == ("Therapeutics board", "2026-12-01", "local pathway")
    card, *_ = advise(assessment, hook="order-sign", knowledge=knowledge)
    [line] = [line for line in card.detail if line.startswith("Changed by St Elsewhere")]
    assert "min\\_failed\\_trials" in line
    assert FLOWSHEET not in line


def test_a_kind_of_card_switched_off_stays_silent(site: Callable[..., Path]) -> None:
    knowledge = load(site=site(rules=f"- {{rule: trd-status, {BY}}}\n"))
    story = load_stories(date(2026, 12, 2), knowledge)[0]
    record = read_record(story.resources, knowledge=knowledge)
    assessment = assess(record, knowledge=knowledge, as_of=date(2026, 12, 2))

    packaged = [card.kind for card in advise(assessment, hook="order-sign", knowledge=BASE)]
    assert "trd-status" in packaged
    overlaid = [card.kind for card in advise(assessment, hook="order-sign", knowledge=knowledge)]
    assert overlaid == [kind for kind in packaged if kind != "trd-status"]


@pytest.mark.parametrize("kind", ["acute-safety", "order-stop"])
def test_cards_on_acute_danger_and_hard_stops_cannot_be_switched_off(site: Callable[..., Path], kind: str) -> None:
    with pytest.raises(KnowledgeError, match="hard stop"):
        load(site=site(rules=f"- {{rule: {kind}, {BY}}}\n"))
