"""The source attributes are what the rules in force do: each change of a rule, a site or a source shows on them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from cds_hooks.web.source_attributes import attributes_on, data_kinds
from mappings.attribute_document import Attribute, Section, SourceAttributes, Table
from mappings.attribute_schema import FILE, Reads, read_statements
from mappings.attribute_uses import names
from mappings.decision_tables import SafetyRow
from mappings.load import DIRECTORY, Knowledge, KnowledgeError, load
from mappings.overlay import lay_over
from mappings.source_attributes import source_attributes
from tests.knowledge.spoiling import edit

DAY = date(2026, 11, 23)
KNOWLEDGE = load()
STATEMENTS = read_statements(DIRECTORY)
TOLD = attributes_on(DAY, KNOWLEDGE, STATEMENTS)
KEPT = ("birth", "sex", "deceased")
SIGNED = 'who: "Therapeutics board", when: 2026-12-01, why: "local pathway"'
SITE = 'id: st-elsewhere\nname: "St Elsewhere"\naccepted_by: "Dr A. Example"\naccepted_on: 2026-12-01\n'
YEARS_65 = "{unit: a, values: {2026-11-22: {amount: 65, cites: [spravato-label]}}}"


def told(knowledge: Knowledge, day: date = DAY, *, kept: Iterable[str] = KEPT) -> SourceAttributes:
    inputs = data_kinds(knowledge)
    return source_attributes(STATEMENTS, knowledge, day=day, engine="test", patient_fields=tuple(kept), inputs=inputs)


def attribute(answer: SourceAttributes, name: str) -> Attribute:
    return next(one for one in answer.attributes if one.id == name)


def used(answer: SourceAttributes, name: str) -> dict[str, tuple[str, ...]]:
    """What each use asks for, by kind and id."""
    return {f"{use.kind} {use.id}": use.reads for use in attribute(answer, name).uses}


def section(answer: SourceAttributes, name: str) -> Section:
    return next(one for one in answer.basis if one.id == name)


def table(answer: SourceAttributes, part: str, caption: str) -> Table:
    return next(one for one in section(answer, part).tables if one.caption.startswith(caption))


def with_site(directory: Path, **files: str) -> Knowledge:
    directory.mkdir(exist_ok=True)
    for name, text in {"site": SITE, **files}.items():
        (directory / f"{name}.yaml").write_text(text, encoding="utf-8")
    return lay_over(KNOWLEDGE, directory)


def test_all_thirteen_stand_in_the_order_of_the_regulation() -> None:
    assert [one.number for one in TOLD.attributes] == list(range(1, 14))
    assert [one.id for one in TOLD.attributes] == [
        "bibliographic-citation",
        "developer",
        "funding",
        "dates",
        "race",
        "ethnicity",
        "language",
        "sexual-orientation",
        "gender-identity",
        "sex",
        "date-of-birth",
        "social-determinants",
        "health-status-assessments",
    ]
    assert all(one.answer for one in TOLD.attributes)


def test_what_is_empty_says_so_and_a_new_use_needs_a_review() -> None:
    """Race, ethnicity, language, orientation and gender identity are used by nothing. Whoever lets a rule read one of
    them changes this list on purpose, with the statement in source_attributes.yaml.
    """
    empty = {one.id for one in TOLD.attributes if one.empty}
    assert empty == {"funding", "race", "ethnicity", "language", "sexual-orientation", "gender-identity"}
    for one in TOLD.attributes:
        written = STATEMENTS.attributes[one.number - 1]
        assert one.answer == (written.none if one.empty else written.statement)
        assert bool(one.uses) == (written.reads is not None and not one.empty)
    assert TOLD.unassigned == ()


def tables_that_name(fact: str) -> set[str]:
    """The decision tables that name a fact, read from the files as plain YAML."""

    def named(value: Any) -> bool:
        if isinstance(value, dict):
            return value.get("fact") == fact or any(named(inner) for inner in value.values())
        return isinstance(value, list) and any(named(inner) for inner in value)

    found = set()
    for path in (DIRECTORY / "safety").glob("*.yaml"):
        if named(yaml.safe_load(path.read_text(encoding="utf-8"))):
            found.add(f"safety rule {path.stem}")
    for check in yaml.safe_load((DIRECTORY / "pseudo_resistance.yaml").read_text(encoding="utf-8"))["checks"]:
        if named(check):
            found.add(f"check before concluding resistance {check['id']}")
    for row in yaml.safe_load((DIRECTORY / "modifiers.yaml").read_text(encoding="utf-8"))["rows"]:
        if named(row):
            found.add(f"modifier {row['modifier']}")
    return found


@pytest.mark.parametrize(
    ("name", "facts", "besides"),
    [
        ("sex", ("sex",), {"data read sex", "usual range haemoglobin"}),
        ("date-of-birth", ("age", "onset-age"), {"data read birth", "rule X5", "rule L0"}),
        ("social-determinants", ("psychosocial-problem",), set()),
    ],
)
def test_the_uses_are_the_tables_that_name_the_facts(name: str, facts: tuple[str, ...], besides: set[str]) -> None:
    in_files = set[str]().union(*map(tables_that_name, facts))
    assert in_files
    doses = {f"drug {d.id}" for d in KNOWLEDGE.drugs.values() if d.adequate_dose and d.adequate_dose.lenient_geriatric}
    assert set(used(TOLD, name)) == in_files | besides | (doses if name == "date-of-birth" else set())


def test_uses_say_what_they_ask_for_and_what_follows() -> None:
    sex = {use.id: use for use in attribute(TOLD, "sex").uses}
    assert sex["S23"].reads == ("administrative sex: male",)
    assert sex["S23"].beside == ("QTc",)
    assert sex["S23"].then[0].startswith("caution for TCA")
    assert sex["N02"].then[0].startswith("asked for before the start of ESK")
    born = used(TOLD, "date-of-birth")
    assert born["safety rule S40"] == ("age at least 65 years",)
    assert born["rule X5"] == ("adult from years: 18 years",)


def test_every_scale_that_decides_something_is_a_health_status_assessment() -> None:
    uses = {use.id: use.then for use in attribute(TOLD, "health-status-assessments").uses}
    assert set(KNOWLEDGE.instruments) <= set(uses)
    assert {"gad7", "cssrs-screener", "moca", "audit-c", "pregnancy-status", "steps"} <= set(uses)
    kinds = {one.id: one.kind for one in KNOWLEDGE.clinical.measures.values()}
    assert not {one for one in uses if kinds.get(one) in {"laboratory", "vital"}}
    assert "domain ANX (indicator gad7)" in uses["gad7"]
    assert "level of recorded suicidality" in uses["cssrs-screener"]
    assert "modifier NCD" in uses["moca"]
    assert "phq4" not in uses, "a scale that nothing uses is no use"


def test_a_changed_rule_changes_the_page(copy: Path) -> None:
    edit(copy, "safety/S40.yaml", "amount: 65", "amount: 71")
    edit(copy, "safety/S23.yaml", "{fact: sex, op: in, value: [male]}", "{fact: sex, op: in, value: [other]}")
    changed = told(load(copy))
    assert used(changed, "date-of-birth")["safety rule S40"] == ("age at least 71 years",)
    assert used(changed, "sex")["safety rule S23"] == ("administrative sex: other", "administrative sex: male")
    assert changed.in_force.knowledge_hash != TOLD.in_force.knowledge_hash


def test_a_value_shows_from_the_day_it_holds(copy: Path) -> None:
    edit(
        copy,
        "safety/S40.yaml",
        "cites: [spravato-label]}",
        "cites: [spravato-label]}, 2027-01-01: {amount: 70, cites: [spravato-label]}",
    )
    edit(copy, "safety/S40.yaml", "last_reviewed: 2026-11-22", "last_reviewed: 2027-01-02")
    knowledge = load(copy)
    days = (date(2026, 12, 31), date(2027, 1, 1))
    shown = [used(told(knowledge, day), "date-of-birth")["safety rule S40"] for day in days]
    assert shown == [("age at least 65 years",), ("age at least 70 years",)]


def test_a_rule_that_reads_race_stands_on_the_page_at_once(copy: Path) -> None:
    race = '  - {id: race, label: "recorded race", type: choice, kind: patient, choices: [any]}\n'
    edit(copy, "facts.yaml", "facts:\n", f"facts:\n{race}")
    test = f"{{fact: age, op: ge, value: {YEARS_65}}}"
    edit(copy, "safety/S40.yaml", test, f"{test}\n      - {{fact: race, op: in, value: [any]}}")
    changed = told(load(copy))
    assert used(changed, "race") == {"safety rule S40": ("recorded race: any",)}
    assert not attribute(changed, "race").empty
    assert changed.unassigned == ()


def test_data_that_no_attribute_owns_awaits_a_review(copy: Path) -> None:
    """A fact of the patient whose name gives nothing away, and a field that ingest keeps."""
    edit(copy, "facts.yaml", "facts:\n", 'facts:\n  - {id: q7, label: "q7", type: flag, kind: patient}\n')
    test = f"{{fact: age, op: ge, value: {YEARS_65}}}"
    edit(copy, "safety/S40.yaml", test, f"{test}\n      - {{fact: q7, op: is, value: true}}")
    changed = told(load(copy), kept=(*KEPT, "shoe_size", "ethnicity", "us_core_race"))
    assert changed.unassigned == ("Patient field shoe_size", "Patient field us_core_race", "fact q7")
    assert list(used(changed, "ethnicity")) == ["data read ethnicity"]
    assert list(used(changed, "race")) == ["data read us_core_race"], "listed nowhere, its name gives it away"


def test_a_site_s_switches_and_values_count(tmp_path: Path) -> None:
    rules = f"- {{rule: S40, {SIGNED}}}\n- {{rule: gad7, {SIGNED}}}\n- {{rule: ESK, {SIGNED}}}\n"
    override = f"- {{path: definitions/TRD-6W-50/min_days_at_dose, value: 56, unit: d, {SIGNED}}}\n"
    override += f"- {{path: reconstruction/adult_from_years, value: 21, unit: a, {SIGNED}}}\n"
    here = told(with_site(tmp_path / "site", rules=rules, overrides=override))
    born = used(here, "date-of-birth")
    assert "safety rule S40" in used(TOLD, "date-of-birth") and "safety rule S40" not in born
    assert born["rule X5"] == ("adult from years: 21 years",)
    assert "gad7" not in {use.id for use in attribute(here, "health-status-assessments").uses}
    assert here.switched_off == ("ESK", "S40", "gad7")
    assert here.in_force.site == "St Elsewhere"
    assert {(one.path, one.after, one.who) for one in here.site_changes} >= {
        ("definitions/TRD-6W-50/min_days_at_dose", "56 d", "Therapeutics board")
    }
    shown = {row.cells: row.sources for row in table(here, "logic", "The definition in use").rows}
    assert shown["min days at dose", "56 days"] == ("site-st-elsewhere",)
    assert "ESK" not in {row.cells[0] for row in table(here, "logic", "Options").rows}
    assert not any(row.cells[0] == "ESK" for row in table(here, "evidence", "What the sources").rows)
    assert "Adult: 21 years and older." in section(here, "intended-use").paragraphs[-1].text
    keys = {source.key for source in here.bibliography}
    assert "site-st-elsewhere" in keys
    assert "escape-trd" in {source.key for source in TOLD.bibliography} and "escape-trd" not in keys


def test_the_bibliography_holds_whatever_is_cited_and_nothing_else() -> None:
    keys = {source.key for source in TOLD.bibliography}
    assert keys <= set(KNOWLEDGE.sources)
    cited = {cite for one in TOLD.attributes for use in one.uses for cite in use.sources}
    cited |= {cite for one in TOLD.attributes for cite in one.sources}
    for part in TOLD.basis:
        cited |= {cite for said in part.paragraphs for cite in said.sources}
        cited |= {cite for each in part.tables for row in each.rows for cite in row.sources}
    assert cited <= keys
    assert "trd-cds-synthetic" not in keys, "what only invents test patients acts nowhere"
    assert all(source.relied_on_by for source in TOLD.bibliography)


def test_a_source_that_only_unverified_facts_name_is_marked(copy: Path) -> None:
    edit(copy, "sources.yaml", "trd-cds-rules:", 'hearsay: {citation: "Hearsay.", kind: study}\ntrd-cds-rules:')
    fact = '{statement: "Effects on anhedonia come from post hoc and open-label work only."'
    edit(copy, "options/ESK.yaml", fact, f'{{statement: "Heard.", cites: [hearsay], confidence: low}}\n  - {fact}')
    marked = {source.key for source in told(load(copy)).bibliography if source.unverified}
    assert marked == {"hearsay"}
    assert not any(source.unverified for source in TOLD.bibliography)


def test_every_kind_of_data_that_a_call_reads_is_described() -> None:
    asked = {kind.key for kind in data_kinds(KNOWLEDGE)}
    assert asked == set(STATEMENTS.inputs)
    shown = {row.cells[0]: row.cells[2] for row in table(TOLD, "inputs", "Kinds of data").rows}
    assert shown == {key: said.text for key, said in STATEMENTS.inputs.items()}


def test_a_kind_of_data_without_description_is_shown_all_the_same() -> None:
    without = STATEMENTS.model_copy(update={"inputs": {}})
    here = source_attributes(
        without, KNOWLEDGE, day=DAY, engine="test", patient_fields=KEPT, inputs=data_kinds(KNOWLEDGE)
    )
    rows = table(here, "inputs", "Kinds of data").rows
    assert {row.cells[2] for row in rows} == {"no description written yet"}
    assert len(rows) == len(data_kinds(KNOWLEDGE))


def test_the_weights_are_those_of_the_domains(copy: Path) -> None:
    rows = table(TOLD, "weights", "Weight of each").rows
    members = [m for d in KNOWLEDGE.clinical.domains.values() for f in d.families for m in f.members]
    boosts = [boost for domain in KNOWLEDGE.clinical.domains.values() for boost in domain.boosts]
    assert len(rows) == len(members) + len(boosts)
    assert ("ANH, anhedonic", "A4", "steps a day", "0.15", "no") in {row.cells for row in rows}
    edit(copy, "domains/ANH.yaml", "amount: 0.15", "amount: 0.1")
    changed = table(told(load(copy)), "weights", "Weight of each").rows
    assert ("ANH, anhedonic", "A4", "steps a day", "0.1", "no") in {row.cells for row in changed}


def test_every_rule_in_force_stands_in_the_basis() -> None:
    rows = [row.cells for part in TOLD.basis for each in part.tables for row in each.rows]
    catalogued = [each for part in TOLD.basis for each in part.tables if each.head[0] == "rule"]
    stages = [row.cells[0] for each in catalogued for row in each.rows]
    assert sorted(stages) == sorted(KNOWLEDGE.rules), "each rule of the catalogue once"
    tables = {cells[1] for cells in rows if cells[0] == "safety rule"}
    assert tables == set(KNOWLEDGE.clinical.safety)
    effects = {row.effect for rule in KNOWLEDGE.clinical.safety.values() for row in rule.rows}
    assert effects == set(SafetyRow.model_fields["effect"].annotation.__args__)  # type: ignore[union-attr]
    assert {cells[0] for cells in rows} >= set(KNOWLEDGE.clinical.options)


def test_the_basis_says_what_the_criterion_asks_for() -> None:
    assert [part.id for part in TOLD.basis] == [
        "intended-use",
        "inputs",
        "logic",
        "weights",
        "evidence",
        "missing-data",
        "validation",
    ]
    validation = " ".join(said.text for said in section(TOLD, "validation").paragraphs)
    assert validation.startswith("Not clinically validated.")
    assert f"Signed by a clinician: 0 of {len(KNOWLEDGE.files)} files" in validation
    limits = [said.text for said in section(TOLD, "evidence").paragraphs]
    assert set(KNOWLEDGE.clinical.scoring.limits) <= set(limits)


def test_dates_follow_the_files(copy: Path) -> None:
    edit(copy, "safety/S40.yaml", "last_reviewed: 2026-11-22", "last_reviewed: 2026-12-24")
    lines = " ".join(attribute(told(load(copy)), "dates").details)
    assert "from 2026-11-22 to 2026-12-24" in lines
    assert "published on 2026-02-19" in lines


def test_what_the_statements_name_exists() -> None:
    measures = {cut for one in KNOWLEDGE.clinical.measures.values() for cut in one.cut_offs}
    for one in STATEMENTS.attributes:
        reads = one.reads or Reads()
        assert set(reads.facts) <= set(KNOWLEDGE.clinical.facts)
        assert set(reads.rules) <= set(KNOWLEDGE.rules)
        assert all(
            hasattr(KNOWLEDGE.written.reconstruction, name) for names_ in reads.rules.values() for name in names_
        )
        assert set(reads.code_prefixes) <= set(KNOWLEDGE.systems)
        assert not reads.cut_offs or set(reads.cut_offs) & measures
        assert all(word == word.lower() for word in reads.words)
        assert one.proposal in {"", *KNOWLEDGE.sources}
    text = (DIRECTORY / FILE).read_text(encoding="utf-8")
    cites = {cite.strip() for found in re.findall(r"cites: \[([^\]]+)\]", text) for cite in found.split(",")}
    assert cites <= set(KNOWLEDGE.sources)


@pytest.mark.parametrize(
    ("word", "text", "held"),
    [
        ("race", "us-core-race", True),
        ("race", "brace", False),
        ("race", "patient_race", True),
        ("age", "marriage", False),
        ("gender identity", "gender-identity", True),
        ("sex", "sexual orientation", False),
    ],
)
def test_words_are_whole_words(word: str, text: str, held: bool) -> None:
    assert names(Reads(words=(word,)), text) is held


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("number: 5\n", "number: 6\n", "order"),
        ("patient_fields: [race]", "patient_fields: [sex]", "one attribute only"),
        ("id: funding", "id: Funding", "pattern"),
        ("contact: {text:", 'contact: {note: "x", note2:', "note2|Field required|not permitted"),
    ],
)
def test_a_wrong_file_is_refused(old: str, new: str, problem: str, copy: Path) -> None:
    edit(copy, FILE, old, new)
    with pytest.raises(KnowledgeError, match=problem) as caught:
        read_statements(copy)
    assert caught.value.file == FILE
