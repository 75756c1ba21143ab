"""Checks that need several knowledge files at once.

They run after each file has passed its own model and stop the start with the file, the place and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import BaseModel

from mappings.clinical_checks import KnownNames, check_clinical
from mappings.course_checks import check_courses
from mappings.languages import check_languages
from mappings.number_checks import check_dates, check_numbers
from mappings.strict_yaml import KnowledgeError
from mappings.values import parts

if TYPE_CHECKING:
    from mappings.load import Knowledge

Files = Mapping[str, list[tuple[str, BaseModel]]]  # by name: every model of the file with its place


def check(knowledge: Knowledge, *, site_sources: frozenset[str] = frozenset()) -> None:
    """Raise KnowledgeError at the first contradiction between files; return nothing otherwise.

    `site_sources` name a site's own decisions: they may stand uncited.
    """
    files = {file: parts(content) for file, content in knowledge.files.items()}
    used = _citations(files, knowledge) | site_sources
    _systems(files, knowledge)
    check_clinical(knowledge.clinical, _known_names(knowledge))
    _idle_sources(knowledge, used)
    _one_drug_per_code(knowledge)
    _enantiomers(knowledge)
    check_dates(files, site_sources)
    check_numbers(knowledge.written, knowledge.drugs)
    check_courses(knowledge)
    _products(knowledge)
    _names(knowledge)


def _citations(files: Files, knowledge: Knowledge) -> set[str]:
    """The ids of the sources cited; every one is known."""
    used: set[str] = set()
    for file, found in files.items():
        for place, model in found:
            for cite in vars(model).get("cites", ()):
                if cite not in knowledge.sources:
                    raise KnowledgeError(
                        file,
                        f"{place}.cites",
                        f"unknown citation {cite!r}",
                        "add it to sources.yaml or correct it",
                    )
                used.add(cite)
    return used


def _idle_sources(knowledge: Knowledge, used: set[str]) -> None:
    for unused in sorted(set(knowledge.sources) - used):
        raise KnowledgeError(
            "sources.yaml", unused, "no file cites this source", "cite it where it is relied on, or remove it"
        )


def _known_names(knowledge: Knowledge) -> KnownNames:
    return KnownNames(
        drugs=knowledge.drugs,
        drug_classes={drug.drug_class for drug in knowledge.drugs.values()},
        conditions={category.id for category in knowledge.conditions.categories},
        procedures={kind.id for kind in knowledge.procedures.kinds},
        instruments={key: {item.number for item in one.items} for key, one in knowledge.instruments.items()},
        sentences=knowledge.sentences,
        systems=knowledge.systems,
    )


def _systems(files: Files, knowledge: Knowledge) -> None:
    for file, found in files.items():
        for place, model in found:
            system = vars(model).get("system")
            if isinstance(system, str) and system not in knowledge.systems:
                raise KnowledgeError(
                    file,
                    f"{place}.system",
                    f"unknown code system {system!r}",
                    "use a short name of systems.yaml",
                )
    seen: dict[str, str] = {}
    for short, uris in knowledge.systems.items():
        for uri in uris:
            if seen.setdefault(uri, short) != short:
                raise KnowledgeError("systems.yaml", short, f"{uri} is listed twice", "keep it under one name")


def _one_drug_per_code(knowledge: Knowledge) -> None:
    owner: dict[tuple[str, str], str] = {}
    for drug in knowledge.drugs.values():
        for code in drug.codes:
            other = owner.setdefault((code.system, code.code), drug.id)
            if other != drug.id:
                raise KnowledgeError(
                    f"drugs/{drug.id}.yaml",
                    f"codes {code.system} {code.code}",
                    f"this code already belongs to {other}",
                    "a code belongs to one ingredient: remove it from one of the two",
                )


def _enantiomers(knowledge: Knowledge) -> None:
    for drug in knowledge.drugs.values():
        file = f"drugs/{drug.id}.yaml"
        if drug.enantiomer_of is not None and drug.enantiomer_of not in knowledge.drugs:
            raise KnowledgeError(
                file,
                "enantiomer_of",
                f"there is no drug {drug.enantiomer_of!r}",
                "use the id of a file in drugs",
            )


def _products(knowledge: Knowledge) -> None:
    tables: tuple[tuple[str, Iterable[tuple[str, tuple[str, ...]]]], ...] = (
        ("codes/rxnorm.csv", ((code, row.ingredients) for code, row in knowledge.products.rxnorm.items())),
        ("codes/atc.csv", ((code, row.ingredients) for code, row in knowledge.products.atc.items())),
        ("codes/snomed.csv", ((code, row.ingredients) for code, row in knowledge.products.snomed.items())),
        ("codes/brands.csv", ((" ".join(name), (drug,)) for name, drug in knowledge.products.names.items())),
        (
            "codes/brands.csv",
            ((" ".join(name), drugs) for name, drugs in knowledge.products.combination_names.items()),
        ),
    )
    for file, entries in tables:
        for code, ingredients in entries:
            if not any(ingredient in knowledge.drugs for ingredient in ingredients):
                raise KnowledgeError(
                    file,
                    code,
                    "names no drug of the knowledge",
                    "correct the ingredient id or remove the row",
                )


def _names(knowledge: Knowledge) -> None:
    if knowledge.default_definition not in knowledge.definitions:
        raise KnowledgeError(
            "version.yaml",
            "default_definition",
            "there is no such definition",
            "use the id of a file in definitions",
        )
    check_languages(knowledge.languages)
    codes = [reason.code for reason in knowledge.override_reasons]
    if len(set(codes)) != len(codes):
        raise KnowledgeError("override_reasons.yaml", "code", "a code is given twice", "codes are unique and stable")
    for reason in knowledge.override_reasons:
        for kind in reason.not_on:
            if f"topic-{kind}" not in knowledge.sentences:
                place = f"reasons.{reason.code}.not_on"
                raise KnowledgeError("override_reasons.yaml", place, "there is no such kind of card", "see the topics")
