"""The clinical knowledge beyond trials as one immutable value: domains, options, safety, checks, comparisons.

`read_clinical` validates each file by its model; `check_clinical` then checks what needs several files. Both stop
with the file, the place and the remedy. Nothing here is reviewed by a clinician until a file says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from mappings.clinical_checks import check_clinical
from mappings.decision_tables import Fact, Facts, SafetyRule
from mappings.domain_schema import Domain, Indicator, Indicators, Measure, Measures, Scoring
from mappings.figure_schema import DemographicGroups, PublishedFigures
from mappings.modifier_schema import Modifiers, OrderChecks, Suicidality
from mappings.option_schema import (
    ComparisonRule,
    DrugGroup,
    DrugGroups,
    Guidelines,
    InvestigationalAgents,
    Option,
    PseudoResistance,
)
from mappings.order_schema import Strategies
from mappings.strict_yaml import KnowledgeError, read_model
from mappings.values import Reviewed

__all__ = ["FILES", "FOLDERS", "Clinical", "check_clinical", "read_clinical"]

# Which model each clinical file must satisfy: single files by name, folders of like files by folder.
FILES: Mapping[str, type[Reviewed]] = MappingProxyType(
    {
        "measures.yaml": Measures,
        "scoring.yaml": Scoring,
        "drug_groups.yaml": DrugGroups,
        "facts.yaml": Facts,
        "modifiers.yaml": Modifiers,
        "suicidality.yaml": Suicidality,
        "order_checks.yaml": OrderChecks,
        "guidelines.yaml": Guidelines,
        "investigational.yaml": InvestigationalAgents,
        "strategies.yaml": Strategies,
        "pseudo_resistance.yaml": PseudoResistance,
        "published_figures.yaml": PublishedFigures,
        "demographic_groups.yaml": DemographicGroups,
    }
)
FOLDERS: Mapping[str, type[Reviewed]] = MappingProxyType(
    {
        "domains": Domain,
        "indicators": Indicators,
        "options": Option,
        "safety": SafetyRule,
        "comparisons": ComparisonRule,
    }
)

DOMAIN_ORDER = ("ANH", "ANX", "COG", "CIR", "INF")
OneFile = TypeVar("OneFile", Domain, Option, SafetyRule, ComparisonRule)
Part = TypeVar("Part", Measure, DrugGroup, Fact, Indicator)


@dataclass(frozen=True)
class Clinical:
    """Everything known about domains, options and safety. All mappings are by id; `domains` is in table order."""

    measures: Mapping[str, Measure]
    scoring: Scoring
    indicators: Mapping[str, Indicator]
    domains: Mapping[str, Domain]
    options: Mapping[str, Option]
    drug_groups: Mapping[str, DrugGroup]
    facts: Mapping[str, Fact]
    safety: Mapping[str, SafetyRule]
    modifiers: Modifiers
    suicidality: Suicidality
    order_checks: OrderChecks
    guidelines: Guidelines
    investigational: InvestigationalAgents
    strategies: Strategies
    pseudo_resistance: PseudoResistance
    comparisons: Mapping[str, ComparisonRule]
    published_figures: PublishedFigures
    demographic_groups: DemographicGroups
    files: Mapping[str, object]


def read_clinical(root: Path) -> Clinical:
    """The clinical files below `root`, each validated by its own model; `files` maps each name to its content.

    Raises KnowledgeError when a file is missing, does not fit its model, or an id is given twice.
    """
    files: dict[str, object] = {}
    domains = _folder(root, "domains", Domain, files)
    read = _one(root, "measures.yaml", Measures, files)
    groups = _one(root, "drug_groups.yaml", DrugGroups, files)
    facts = _one(root, "facts.yaml", Facts, files)
    return Clinical(
        measures=_by_id("measures.yaml", read.measures),
        scoring=_one(root, "scoring.yaml", Scoring, files),
        indicators=_indicators(root, files),
        domains=MappingProxyType({name: domains[name] for name in DOMAIN_ORDER if name in domains}),
        options=_folder(root, "options", Option, files),
        drug_groups=_by_id("drug_groups.yaml", groups.groups),
        facts=_by_id("facts.yaml", facts.facts),
        safety=_folder(root, "safety", SafetyRule, files),
        modifiers=_one(root, "modifiers.yaml", Modifiers, files),
        suicidality=_one(root, "suicidality.yaml", Suicidality, files),
        order_checks=_one(root, "order_checks.yaml", OrderChecks, files),
        guidelines=_one(root, "guidelines.yaml", Guidelines, files),
        investigational=_one(root, "investigational.yaml", InvestigationalAgents, files),
        strategies=_one(root, "strategies.yaml", Strategies, files),
        pseudo_resistance=_one(root, "pseudo_resistance.yaml", PseudoResistance, files),
        comparisons=_folder(root, "comparisons", ComparisonRule, files),
        published_figures=_one(root, "published_figures.yaml", PublishedFigures, files),
        demographic_groups=_one(root, "demographic_groups.yaml", DemographicGroups, files),
        files=MappingProxyType(files),
    )


T = TypeVar("T")


def _one(root: Path, name: str, kind: type[T], files: dict[str, object]) -> T:
    content = read_model(root / name, name, kind)
    files[name] = content
    return content


def _folder(root: Path, folder: str, kind: type[OneFile], files: dict[str, object]) -> Mapping[str, OneFile]:
    read: dict[str, OneFile] = {}
    for path in sorted((root / folder).glob("*.yaml")):
        name = f"{folder}/{path.name}"
        entry = _one(root, name, kind, files)
        if path.stem != entry.id:
            raise KnowledgeError(name, "id", f"{entry.id!r} differs from the file name", "give both the same name")
        read[entry.id] = entry
    if not read:
        raise KnowledgeError(folder, "folder", "holds no YAML file", "restore the folder from the release")
    return MappingProxyType(read)


def _indicators(root: Path, files: dict[str, object]) -> Mapping[str, Indicator]:
    paths = sorted((root / "indicators").glob("*.yaml"))
    found = [
        (f"indicators/{path.name}", entry)
        for path in paths
        for entry in _one(root, f"indicators/{path.name}", Indicators, files).indicators
    ]
    seen: dict[str, Indicator] = {}
    for name, entry in found:
        if entry.id in seen:
            raise KnowledgeError(name, entry.id, "this indicator is given twice", "keep one of the two")
        seen[entry.id] = entry
    return MappingProxyType(seen)


def _by_id(name: str, entries: Collection[Part]) -> Mapping[str, Part]:
    seen: dict[str, Part] = {}
    for entry in entries:
        if entry.id in seen:
            raise KnowledgeError(name, entry.id, "this id is given twice", "keep one of the two")
        seen[entry.id] = entry
    return MappingProxyType(seen)
