"""Checks of single facts that models cannot express: code shapes, closed lists in tables, numbers that can be meant.

They come after the models and `checks` and raise the same error. Nothing here compares clinical judgement; it only
refuses what nobody can have meant.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, get_args

from mappings.site_schema import Jurisdiction
from mappings.strict_yaml import KnowledgeError
from mappings.values import Confidence, DatedValue

if TYPE_CHECKING:
    from mappings.load import Knowledge

CONFIDENCES = frozenset(get_args(Confidence))
JURISDICTIONS = frozenset(get_args(Jurisdiction))
# Release forms of the RxNorm table that no word in a text stands for; the others are listed in dosing.yaml.
PLAIN_RELEASES = frozenset({"", "IR", "SL", "solution", "suspension", "injection", "nasal", "topical", "pack"})
NAME_KINDS = frozenset({"brand", "inn_variant", "spelling", "misspelling", "abbreviation"})
WORD_KINDS = frozenset({"salt", "form"})
STRENGTH_UNITS = frozenset({"", "unit", "mL"})
NDC_DIGITS = 11
SHAPES = {
    "rxnorm": re.compile(r"[1-9]\d{0,7}"),
    "ndc": re.compile(rf"\d{{{NDC_DIGITS}}}"),
    "atc": re.compile(r"[A-Z]\d{2}[A-Z]{2}\d{2}"),
    "snomed": re.compile(r"[1-9]\d{5,17}"),
}
RESTORE = "correct the row; the columns are described in codes/codes.yaml"


def check_integrity(knowledge: Knowledge) -> None:
    """Raise KnowledgeError at the first fact that nobody can have meant; return nothing otherwise."""
    _drugs(knowledge)
    _scales(knowledge)
    _dosing(knowledge)
    _ids(knowledge)
    _tables(knowledge)


def _drugs(knowledge: Knowledge) -> None:
    for drug in knowledge.drugs.values():
        file = f"drugs/{drug.id}.yaml"
        doses = {"adequate_days": drug.adequate_days}
        if drug.adequate_dose is not None:
            doses |= {"adequate_dose.lenient": drug.adequate_dose.lenient}
            doses |= {"adequate_dose.default": drug.adequate_dose.default}
        for place, dose in doses.items():
            if isinstance(dose, DatedValue):
                for day, value in dose.values.items():
                    _above_zero(file, f"{place}.values.{day}", value.amount)
        for number, published in enumerate(drug.published):
            _above_zero(file, f"published.{number}.amount", published.amount)
        for number, rule in enumerate(drug.equivalences):
            _above_zero(file, f"equivalences.{number}.factor", rule.factor)
        if drug.enantiomer_of == drug.id:
            raise KnowledgeError(file, "enantiomer_of", "names the drug itself", "name the other drug of the pair")
        stated = [("jurisdictions", drug.jurisdictions)]
        for number, product in enumerate(drug.excluded_products):
            stated.append((f"excluded_products.{number}.jurisdictions", product.jurisdictions))
        for place, names in stated:
            _among(file, place, names, JURISDICTIONS, "a jurisdiction", "use one that sites can choose")
        for code in drug.codes:
            _code(file, f"codes {code.system} {code.code}", code.system, code.code)


def _above_zero(file: str, place: str, amount: float) -> None:
    if not (math.isfinite(amount) and amount > 0):
        raise KnowledgeError(file, place, "is not a number above zero", "give the amount that the source states")


def _among(file: str, place: str, found: Iterable[str], known: Collection[str], what: str, remedy: str) -> None:
    for one in found:
        if one not in known:
            raise KnowledgeError(file, place, f"{one!r} is not {what}", remedy)


def _code(file: str, place: str, system: str, code: str) -> None:
    shape = SHAPES.get(system)
    if shape is not None and not shape.fullmatch(code):
        raise KnowledgeError(file, place, f"{code!r} cannot be a code of {system}", "copy the code from the source")


def _scales(knowledge: Knowledge) -> None:
    owner: dict[tuple[str, str], str] = {}
    for scale in knowledge.instruments.values():
        file = f"instruments/{scale.id}.yaml"
        twice = [str(number) for number, times in Counter(item.number for item in scale.items).items() if times > 1]
        if twice:
            raise KnowledgeError(file, "items", f"number {twice[0]} is given twice", "number every item once")
        named = [("total_codes", code) for code in scale.total_codes]
        named += [("panel_codes", code) for code in scale.panel_codes]
        named += [(f"item {item.number}", code) for item in scale.items for code in item.codes]
        for role, code in named:
            mine = f"{scale.id} {role}"
            other = owner.setdefault((code.system, code.code), mine)
            if other != mine:
                raise KnowledgeError(
                    file, role, f"code {code.code} already stands for {other}", "a code means one thing: keep one"
                )


def _dosing(knowledge: Knowledge) -> None:
    for number, timing in enumerate(knowledge.dosing.timing):
        _above_zero("dosing.yaml", f"timing.{number}.per_day", timing.per_day)
    for number, unit in enumerate(knowledge.dosing.units):
        _above_zero("dosing.yaml", f"units.{number}.factor", unit.factor)
    for period, days in knowledge.dosing.period_days.items():
        _above_zero("dosing.yaml", f"period_days.{period}", days)


def _ids(knowledge: Knowledge) -> None:
    for file, ids in (
        ("conditions.yaml", [category.id for category in knowledge.conditions.categories]),
        ("procedures.yaml", [kind.id for kind in knowledge.procedures.kinds]),
    ):
        for one, times in Counter(ids).items():
            if times > 1:
                raise KnowledgeError(file, one, "the id is given twice", "every id is unique: rename or join the two")


def _tables(knowledge: Knowledge) -> None:
    products = knowledge.products
    releases = PLAIN_RELEASES | knowledge.dosing.releases.keys()
    for line, row in products.rows("rxnorm.csv"):
        file, place = "codes/rxnorm.csv", f"line {line}"
        _code(file, place, "rxnorm", row["rxcui"])
        _among(file, place, [row["confidence"]], CONFIDENCES, "a confidence", RESTORE)
        _among(file, place, [row["per"]], STRENGTH_UNITS, "unit or mL", RESTORE)
        _among(file, place, [row["release"]], releases, "a release form", RESTORE)
        for amount in (part for part in row["strengths"].split("+") if part):
            _above_zero(file, place, float(amount))
    for line, row in products.rows("brands.csv"):
        file, place = "codes/brands.csv", f"line {line}"
        _among(file, place, [row["confidence"]], CONFIDENCES, "a confidence", RESTORE)
        _among(file, place, [row["kind"]], NAME_KINDS, "a kind of name", RESTORE)
        if not row["source"]:
            raise KnowledgeError(file, place, "names no source", RESTORE)
    for line, row in products.rows("name_words.csv"):
        _among("codes/name_words.csv", f"line {line}", [row["kind"]], WORD_KINDS, "salt or form", RESTORE)
    for system in ("atc", "snomed"):
        for line, row in products.rows(f"{system}.csv"):
            file, place = f"codes/{system}.csv", f"line {line}"
            _code(file, place, system, row["code"])
            _among(file, place, [row["confidence"]], CONFIDENCES, "a confidence", RESTORE)
    for line, row in products.rows("other_drugs.csv"):
        _code("codes/other_drugs.csv", f"line {line}", row["system"], row["code"])
    for line, code in products.codes_in("ndc.csv"):
        if len(code) != NDC_DIGITS or not code.isdecimal():
            _code("codes/ndc.csv", f"line {line}", "ndc", code)
