"""Which code or name stands for which drug, and at what strength: the tables of `codes/` as one index.

`rxnorm.csv` carries strengths; `ndc.csv`, `atc.csv` and `snomed.csv` lead to ingredients only; `brands.csv`
lists brand names and foreign spellings. The large NDC table is read on first use.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from mappings.schema import Drug
from mappings.strict_yaml import KnowledgeError

_WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+")


def words_of(text: str) -> tuple[str, ...]:
    """The words of `text` in lower case: runs of letters, and numbers; apostrophes dropped."""
    return tuple(_WORD.findall(text.lower().replace("'", "").replace("\u2019", "")))


@dataclass(frozen=True, slots=True)
class Strength:
    """A labelled amount in mg per ``unit`` (tablet, capsule, device, patch per 24 h) or per ``mL``."""

    amount: float
    per: str


@dataclass(frozen=True, slots=True)
class ProductRow:
    """One concept of RxNorm. `ingredients` are drug ids, or names of ingredients that are not rated.

    `strengths` matches `ingredients` one to one; None where the concept has no strength. `pack` lists count
    and mg of the only rated ingredient, in order. `low` marks rows kept for the record whose source is weak.
    """

    code: str
    tty: str
    name: str
    ingredients: tuple[str, ...]
    strengths: tuple[Strength | None, ...]
    salts: tuple[str, ...]
    dose_form: str
    release: str
    pack: tuple[tuple[int, float], ...]
    low: bool


@dataclass(frozen=True, slots=True)
class CodedIngredients:
    """The ingredients behind a code without strength, and the brand where it changes the meaning."""

    ingredients: tuple[str, ...]
    brand: str = ""


class ProductIndex:
    """Lookup of products by code and by name.

    `names` maps the words of a name to one drug id, `combination_names` to the ingredients of a fixed
    combination.
    """

    def __init__(self, directory: Path, drugs: Mapping[str, Drug]) -> None:
        """Read the tables below `directory` / ``codes``; raises KnowledgeError when a row is unusable."""
        self._codes = directory / "codes"
        self.rxnorm: Mapping[str, ProductRow] = MappingProxyType(self._read_rxnorm(drugs))
        self.atc: Mapping[str, CodedIngredients] = MappingProxyType(self._read_coded("atc", drugs))
        self.snomed: Mapping[str, CodedIngredients] = MappingProxyType(self._read_coded("snomed", drugs))
        names = self._read_names(drugs)
        self.names: Mapping[tuple[str, ...], str] = MappingProxyType(
            {name: found[0] for name, found in names.items() if len(found) == 1}
        )
        self.combination_names: Mapping[tuple[str, ...], tuple[str, ...]] = MappingProxyType(
            {name: found for name, found in names.items() if len(found) > 1}
        )
        self.longest_name = max((len(name) for name in names), default=1)
        self.combinations: frozenset[frozenset[str]] = frozenset(
            frozenset(row.ingredients) for row in self.rxnorm.values() if len(row.ingredients) > 1
        )

    @cached_property
    def ndc(self) -> Mapping[str, CodedIngredients]:
        """NDC of eleven digits to ingredients; read on first use."""
        return MappingProxyType(
            {
                row["ndc11"]: CodedIngredients(_split(row["ingredients"]), row["brand"])
                for _, row in self._rows("ndc.csv")
            }
        )

    def _rows(self, file: str) -> Iterator[tuple[int, dict[str, str]]]:
        path = self._codes / file
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                yield from enumerate(csv.DictReader(stream), start=2)
        except OSError as failure:
            raise KnowledgeError(
                f"codes/{file}", "file", "cannot be read", "restore the file from the release"
            ) from failure

    def _read_rxnorm(self, drugs: Mapping[str, Drug]) -> dict[str, ProductRow]:
        table: dict[str, ProductRow] = {}
        for line, row in self._rows("rxnorm.csv"):
            read = _product_row(row, line)
            if read.code in table:
                raise KnowledgeError(
                    "codes/rxnorm.csv",
                    f"line {line}",
                    f"code {read.code} is listed twice",
                    "keep the row that names the right ingredient",
                )
            table[read.code] = read
        for drug in drugs.values():
            for code in (code for code in drug.codes if code.system == "rxnorm"):
                listed = table.get(code.code)
                if listed is not None and drug.id not in listed.ingredients:
                    raise KnowledgeError(
                        f"drugs/{drug.id}.yaml",
                        f"codes {code.code}",
                        f"codes/rxnorm.csv gives this code to {' + '.join(listed.ingredients)}",
                        "a code belongs to one ingredient: correct one of the two",
                    )
                if listed is None and code.confidence != "low":
                    table[code.code] = ProductRow(
                        code.code, "IN", drug.label, (drug.id,), (None,), ("",), "", "", (), low=False
                    )
        return table

    def _read_coded(self, system: str, drugs: Mapping[str, Drug]) -> dict[str, CodedIngredients]:
        table = {
            code.code: CodedIngredients((drug.id,))
            for drug in drugs.values()
            for code in drug.codes
            if code.system == system and code.confidence != "low"
        }
        for line, row in self._rows(f"{system}.csv"):
            if row["code"] in table:
                raise KnowledgeError(
                    f"codes/{system}.csv",
                    f"line {line}",
                    f"code {row['code']} also stands for one drug",
                    "a code belongs to one ingredient: keep it here or in the drug's file",
                )
            if row["confidence"] != "low":
                table[row["code"]] = CodedIngredients(_split(row["ingredients"]))
        return table

    def _read_names(self, drugs: Mapping[str, Drug]) -> dict[tuple[str, ...], tuple[str, ...]]:
        table: dict[tuple[str, ...], tuple[str, ...]] = {}
        for drug in drugs.values():
            for name in (drug.label, *drug.names):
                taken = table.setdefault(words_of(name), (drug.id,))
                if taken != (drug.id,):
                    raise KnowledgeError(
                        f"drugs/{drug.id}.yaml",
                        "names",
                        f"{name!r} already names {taken}",
                        "remove one of the two",
                    )
        for line, row in self._rows("brands.csv"):
            if row["confidence"] == "low":
                continue
            taken = table.setdefault(words_of(row["name"]), _split(row["ingredients"]))
            if taken != _split(row["ingredients"]):
                raise KnowledgeError(
                    "codes/brands.csv",
                    f"line {line}",
                    f"the name already stands for {taken}",
                    "remove one of the two",
                )
        return table


def _split(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.split("+") if part)


def _product_row(row: Mapping[str, str], line: int) -> ProductRow:
    ingredients = _split(row["ingredients"])
    try:
        strengths = tuple(
            Strength(float(value), row["per"]) if value else None
            for value in (row["strengths"].split("+") if row["strengths"] else [""] * len(ingredients))
        )
        pack = tuple(
            (int(count), float(amount))
            for count, amount in (part.split("x") for part in row["pack"].split("/") if part)
        )
    except ValueError as failure:
        raise KnowledgeError(
            "codes/rxnorm.csv",
            f"line {line}",
            "a strength or pack is not a number",
            "write 50, 10+2 or 7x10/7x20",
        ) from failure
    salts = tuple(row["salts"].split("+")) if row["salts"] else ("",) * len(ingredients)
    if not ingredients or not len(ingredients) == len(strengths) == len(salts):
        raise KnowledgeError(
            "codes/rxnorm.csv",
            f"line {line}",
            "ingredients, strengths and salts differ in number",
            "give one of each per ingredient, joined by +",
        )
    return ProductRow(
        row["rxcui"],
        row["tty"],
        row["name"],
        ingredients,
        strengths,
        salts,
        row["dose_form"],
        row["release"],
        pack,
        row["confidence"] == "low",
    )
