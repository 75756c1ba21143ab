"""Checks of the clinical knowledge that need several files.

`KnownNames` brings in what lives outside it: drugs, condition categories, instruments, sentences, code systems.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mappings.decision_tables import FactTest, SafetyRow, effective_days, problem_of, redundant, unreachable
from mappings.domain_schema import Measure
from mappings.option_checks import check_proposals
from mappings.strict_yaml import KnowledgeError
from mappings.values import DatedValue

if TYPE_CHECKING:
    from mappings.clinical import Clinical

# A result told as a multiple of the laboratory's own upper limit.
MULTIPLE = "{ULN}"
DECLARE = "declare it there, or correct the name"


@dataclass(frozen=True)
class KnownNames:
    """The ids the clinical files may refer to. `instruments` maps an id to the numbers of its items."""

    drugs: Collection[str]
    drug_classes: Collection[str]
    conditions: Collection[str]
    procedures: Collection[str]
    instruments: Mapping[str, Collection[int]]
    sentences: Collection[str]
    systems: Collection[str]


def check_clinical(clinical: Clinical, names: KnownNames) -> None:
    """Raise KnowledgeError at the first contradiction between files; what they cite is checked with all other files."""
    _measures_and_domains(clinical, names)
    _facts_and_groups(clinical, names)
    _options(clinical, names)
    check_proposals(
        clinical,
        drugs=names.drugs,
        classes=names.drug_classes,
        procedures=names.procedures,
        systems=names.systems,
    )
    _safety(clinical, names)
    _suicidality(clinical, names)
    _order_checks(clinical, names)
    _pseudo_resistance(clinical, names)
    _comparisons(clinical, names)


def _known(file: str, place: str, found: Iterable[str], known: Collection[str], what: str) -> None:
    for name in found:
        if name not in known:
            raise KnowledgeError(file, place, f"there is no {what} {name!r}", DECLARE)


def _measures_and_domains(clinical: Clinical, names: KnownNames) -> None:
    measures = {id_: {item.number for item in entry.items} for id_, entry in clinical.measures.items()}
    for id_ in measures.keys() & names.instruments.keys():
        raise KnowledgeError("measures.yaml", id_, "an instrument has this id", "keep it in one of the two places")
    for id_, measure in clinical.measures.items():
        _measure(id_, measure, measures, names)
    known = {**measures, **names.instruments}
    recency = [entry.id for entry in clinical.scoring.recency]
    for id_, indicator in clinical.indicators.items():
        _known("indicators", id_, [indicator.measure], known, "measure or instrument")
        _known("indicators", id_, [indicator.recency], recency, "recency in scoring.yaml,")
        _known("indicators", id_, map(str, indicator.items), [str(n) for n in known[indicator.measure]], "item")
        if bool(indicator.items) != (indicator.take in {"item", "highest"}):
            raise KnowledgeError("indicators", id_, "take and items do not fit", "name items for item and highest")
        if indicator.summed is not None:
            _known("indicators", f"{id_}.summed", [indicator.summed.measure], measures, "measure")
            numbers = map(str, measures[indicator.summed.measure])
            _known("indicators", f"{id_}.summed", map(str, indicator.summed.items), list(numbers), "item")
        if (indicator.reference is None) == (indicator.take == "distance"):
            raise KnowledgeError("indicators", id_, "a distance needs a reference", "give one, and only for distance")
        for anchors in indicator.anchors.values.values():
            rising = anchors.points[0][1] < anchors.points[-1][1]
            if rising != (indicator.worse == "higher"):
                raise KnowledgeError("indicators", id_, "anchors run against worse", "correct one of the two")
    used: set[str] = set()
    for id_, domain in clinical.domains.items():
        file = f"domains/{id_}.yaml"
        _known(file, "boosts", (boost.category for boost in domain.boosts), names.conditions, "condition category")
        if not any(family.mandatory for family in domain.families):
            raise KnowledgeError(file, "families", "none is mandatory", "mark one; a domain must be assessable")
        for family in domain.families:
            members = [member.indicator for member in family.members]
            _known(file, f"families.{family.id}", members, clinical.indicators, "indicator")
            used.update(members)
        _known(file, "collect", domain.collect, clinical.indicators, "indicator")
    for idle in sorted(set(clinical.indicators) - used):
        raise KnowledgeError("indicators", idle, "no domain uses this indicator", "add it to a family or remove it")


def _measure(id_: str, measure: Measure, measures: Collection[str], names: KnownNames) -> None:
    """A measure is stated in its own unit throughout, and a level of a drug says from where on it is adequate."""
    stated = {given.unit for given in (measure.range, *measure.cut_offs.values()) if given is not None}
    if measure.unit is not None and stated - {measure.unit}:
        raise KnowledgeError("measures.yaml", id_, f"a value is not in {measure.unit}", "state all in one unit")
    if measure.computed is not None:
        parts = [measure.computed.weight, measure.computed.height]
        _known("measures.yaml", f"{id_}.computed", parts, measures, "measure")
    if measure.level_of is not None:
        _known("measures.yaml", f"{id_}.level_of", [measure.level_of], names.drugs, "drug")
        if "level-adequate-from" not in measure.cut_offs:
            raise KnowledgeError("measures.yaml", id_, "no level-adequate-from", "say from where on it is adequate")


def _facts_and_groups(clinical: Clinical, names: KnownNames) -> None:
    measures = {*clinical.measures, *names.instruments}
    for id_, group in clinical.drug_groups.items():
        _known("drug_groups.yaml", id_, group.drugs, names.drugs, "drug")
        if not (group.drugs or group.codes or group.words):
            raise KnowledgeError("drug_groups.yaml", id_, "the group is empty", "give drugs, codes or words")
    for id_, fact in clinical.facts.items():
        place = f"facts.{id_}"
        _known("facts.yaml", place, fact.categories, names.conditions, "condition category")
        _known("facts.yaml", place, [fact.group] if fact.group else [], {*clinical.drug_groups, *names.drugs}, "group")
        _known("facts.yaml", place, [fact.measure] if fact.measure else [], measures, "measure or instrument")
        _known("facts.yaml", place, fact.procedures, names.procedures, "procedure kind")
        source = {
            "condition": fact.categories and fact.status,
            "medication": fact.group,
            "measure": fact.measure,
            "answer": fact.measure and fact.item is not None,
            "failed": fact.group or fact.procedures,
        }
        if fact.kind in source and not source[fact.kind]:
            raise KnowledgeError("facts.yaml", place, f"a {fact.kind} fact names no source", "say where it comes from")
        if (fact.kind == "medication") != bool(fact.past):
            raise KnowledgeError("facts.yaml", place, "`past` is for medication facts, and each needs one", "state it")
        measure = clinical.measures.get(fact.measure or "")
        units = {measure.unit or "points", MULTIPLE} if measure is not None else {fact.unit}
        if fact.kind == "measure" and fact.type == "number" and fact.unit not in units:
            raise KnowledgeError("facts.yaml", place, "the unit is not that of the measure", "state it in that unit")
        if (fact.type == "choice") != bool(fact.choices) or (fact.type == "number") != bool(fact.unit):
            raise KnowledgeError("facts.yaml", place, "type, unit and choices do not fit", "see decision_tables.py")


def _options(clinical: Clinical, names: KnownNames) -> None:
    for id_, option in clinical.options.items():
        file = f"options/{id_}.yaml"
        _known(file, "drugs", (*option.drugs, *option.closes.drugs), names.drugs, "drug")
        _known(file, "closes.classes", option.closes.classes, names.drug_classes, "drug class")
        _known(file, "closes.procedures", option.closes.procedures, names.procedures, "procedure kind")
        for day, grades in option.grades.values.items():
            if set(grades.by_domain) != set(clinical.domains):
                raise KnowledgeError(file, f"grades.{day}", "a domain is missing", "grade every domain; 0 is a grade")
            if not set(grades.by_domain.values()) <= {-1, 0, 1, 2, 3}:
                raise KnowledgeError(file, f"grades.{day}", "a grade is not one of -1 to 3", "use the scale of grades")
    for number, statement in enumerate(clinical.guidelines.statements):
        _known("guidelines.yaml", f"statements.{number}", statement.options, clinical.options, "option")


def _tests(file: str, place: str, when: Iterable[FactTest], clinical: Clinical) -> set[str]:
    used: set[str] = set()
    for number, test in enumerate(when):
        problem = problem_of(test, clinical.facts)
        if problem is not None:
            raise KnowledgeError(file, f"{place}.when.{number}", problem, "see facts.yaml for facts, types and units")
        used.add(test.fact)
    return used


def _safety(clinical: Clinical, names: KnownNames) -> None:
    used: set[str] = set()
    for id_, rule in clinical.safety.items():
        file = f"safety/{id_}.yaml"
        for number, row in enumerate(rule.rows):
            place = f"rows.{number}"
            used |= _tests(file, place, row.when, clinical)
            _row(file, place, row, clinical, names)
        for day in effective_days(rule.rows):
            for number, row in enumerate(rule.rows):
                contradicted = unreachable(row.when, day)
                if contradicted is not None:
                    raise KnowledgeError(
                        file, f"rows.{number}", f"can never hold: {contradicted}", "correct the tests on this fact"
                    )
                if redundant(row, rule.rows, day):
                    raise KnowledgeError(file, f"rows.{number}", "adds nothing to another row", "remove or correct it")
    for check in clinical.pseudo_resistance.checks:
        used |= {test.fact for row in check.rows for test in row.when}
    used |= _modifiers(clinical)
    for idle in sorted(set(clinical.facts) - used):
        raise KnowledgeError("facts.yaml", f"facts.{idle}", "no table tests this fact", "use it or remove it")


def _row(file: str, place: str, row: SafetyRow, clinical: Clinical, names: KnownNames) -> None:
    _known(file, f"{place}.options", row.options, clinical.options, "option")
    _known(file, f"{place}.orders", row.orders, names.drugs, "drug")
    _known(file, f"{place}.order_groups", row.order_groups, clinical.drug_groups, "group")
    if not (row.options or row.orders or row.effect == "warning"):
        raise KnowledgeError(file, place, "concerns no option and no order", "name what the row applies to")
    if row.hard_stop and (row.effect != "block" or not row.orders):
        raise KnowledgeError(file, place, "a hard stop blocks a drafted order", "name its orders and use effect block")
    if row.drugs:
        offered = {drug for option in row.options for drug in clinical.options[option].drugs}
        _known(file, f"{place}.drugs", row.drugs, offered, "drug of these options")


def _modifiers(clinical: Clinical) -> set[str]:
    """The facts that modifiers test; every row can hold."""
    used: set[str] = set()
    for number, row in enumerate(clinical.modifiers.rows):
        used |= _tests("modifiers.yaml", f"rows.{number}", row.when, clinical)
        for day in effective_days([row]):
            if unreachable(row.when, day) is not None:
                raise KnowledgeError("modifiers.yaml", f"rows.{number}", "can never hold", "correct the tests")
    return used


def _suicidality(clinical: Clinical, names: KnownNames) -> None:
    file, known = "suicidality.yaml", {*clinical.measures, *names.instruments}
    levels = clinical.suicidality
    _known(file, "screen.measure", [levels.screen.measure], clinical.measures, "measure")
    _known(file, "item.instrument", [levels.item.instrument], names.instruments, "instrument")
    _known(file, "words", (word.measure for word in levels.words), known, "measure or instrument")
    _known(file, "conditions", (one.category for one in levels.conditions), names.conditions, "condition category")
    items = {item.number for item in clinical.measures[levels.screen.measure].items}
    asked = {n for answer in levels.screen.answers for n in answer.items}
    asked |= {*levels.screen.always, *levels.screen.one_of, levels.screen.branch, *levels.screen.after_branch}
    _known(file, "screen", map(str, sorted(asked)), [str(number) for number in items], "item")


def _order_checks(clinical: Clinical, names: KnownNames) -> None:
    for same in clinical.order_checks.same_substance:
        _known("order_checks.yaml", same.id, same.drugs, names.drugs, "drug")


def _pseudo_resistance(clinical: Clinical, names: KnownNames) -> None:
    file = "pseudo_resistance.yaml"
    for check in clinical.pseudo_resistance.checks:
        _known(file, check.id, [check.sentence], names.sentences, "sentence")
        for number, row in enumerate(check.rows):
            place = f"{check.id}.rows.{number}"
            _tests(file, place, row.when, clinical)
            numbers = [value for test in row.when for value in (test.value,) if isinstance(value, DatedValue)]
            for day in {day for number_ in numbers for day in number_.values}:
                if unreachable(row.when, day) is not None:
                    raise KnowledgeError(file, place, "can never hold", "correct the tests")


def _comparisons(clinical: Clinical, names: KnownNames) -> None:
    for figure in clinical.published_figures.figures:
        _known("published_figures.yaml", figure.id, figure.compare_with, clinical.comparisons, "comparison rule")
    for rule in clinical.comparisons.values():
        if rule.terms is None:
            continue
        file, terms = f"comparisons/{rule.id}.yaml", rule.terms
        _known(file, "terms.depression", terms.depression, names.conditions, "condition category")
        _known(file, "terms.excluding", terms.excluding, names.conditions, "condition category")
        _known(file, "terms.not_counted", terms.not_counted, names.drugs, "drug")
        _known(file, "terms.beside", terms.beside, names.drugs, "drug")
        _known(file, "terms.antipsychotic_classes", terms.antipsychotic_classes, names.drug_classes, "drug class")
        _known(file, "terms.procedures", terms.procedures, names.procedures, "kind of procedure")
