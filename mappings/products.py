"""Which code or name stands for which drug, and at what strength: the tables of `codes/` as one index.

`rxnorm.csv` carries strengths; `ndc.csv`, `atc.csv` and `snomed.csv` lead to ingredients only; `brands.csv` lists brand
names, foreign spellings, abbreviations and known misspellings; `name_words.csv` the words for salts and forms that
stand between a name and its strength; `other_drugs.csv` codes of drugs that are not rated. The large NDC table is read
on first use.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from mappings.schema import Drug
from mappings.strict_yaml import KnowledgeError

_WORD = re.compile(r"\d+(?:[.,]\d+)?|[^\W\d_]+")


def without_accents(text: str) -> str:
    """`text` with every accent taken off its letter, whichever way the accent was encoded."""
    if text.isascii():
        return text
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def words_of(text: str) -> tuple[str, ...]:
    """The words of `text` in lower case without accents: runs of letters, and numbers; apostrophes dropped."""
    return tuple(_WORD.findall(without_accents(text).lower().replace("'", "").replace("\u2019", "")))


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

    `local` holds a site's own products by system and code. `names` maps the words of a name to one drug id,
    `combination_names` to the ingredients of a fixed combination.
    """

    def __init__(self, directory: Path, drugs: Mapping[str, Drug]) -> None:
        """Read the tables below `directory` / ``codes``; raises KnowledgeError when a row is unusable."""
        self._codes = directory / "codes"
        self.local: Mapping[tuple[str, str], ProductRow] = MappingProxyType({})
        self.rxnorm: Mapping[str, ProductRow] = MappingProxyType(self._read_rxnorm(drugs))
        self.atc: Mapping[str, CodedIngredients] = MappingProxyType(self._read_coded("atc", drugs))
        self.snomed: Mapping[str, CodedIngredients] = MappingProxyType(self._read_coded("snomed", drugs))
        self.others: frozenset[tuple[str, str]] = self._read_others()
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
    def labelled(self) -> Mapping[str, frozenset[float]]:
        """The strengths, in mg per unit, of the listed products that hold one drug only; by drug id."""
        found: dict[str, set[float]] = {}
        for row in self.rxnorm.values():
            if len(row.ingredients) == 1 and row.strengths[0] is not None and row.strengths[0].per == "unit":
                found.setdefault(row.ingredients[0], set()).add(row.strengths[0].amount)
        return MappingProxyType({drug: frozenset(amounts) for drug, amounts in found.items()})

    @cached_property
    def form_words(self) -> frozenset[str]:
        """The words for one countable piece of a product, such as a tablet."""
        return self._name_words("form")

    @cached_property
    def salt_words(self) -> frozenset[str]:
        """The words that name a salt and say nothing on its strength."""
        return self._name_words("salt")

    def with_local(self, rows: Mapping[tuple[str, str], ProductRow]) -> ProductIndex:
        """The same index with a site's own products, by short name of the code system and code."""
        index = copy(self)
        index.local = MappingProxyType({**self.local, **rows})
        return index

    @cached_property
    def ndc(self) -> Mapping[str, CodedIngredients]:
        """NDC of eleven digits to ingredients; read on first use."""
        return MappingProxyType(
            {
                row["ndc11"]: CodedIngredients(_split(row["ingredients"]), row["brand"])
                for _, row in self.rows("ndc.csv")
            }
        )

    def codes_in(self, file: str) -> Iterator[tuple[int, str]]:
        """The first column of a code table with its line numbers, read without building rows."""
        for line, text in enumerate((self._codes / file).read_text(encoding="utf-8").splitlines()[1:], start=2):
            yield line, text.partition(",")[0]

    def rows(self, file: str) -> Iterator[tuple[int, dict[str, str]]]:
        """The rows of a code table with their line numbers; raises KnowledgeError when it cannot be read."""
        path = self._codes / file
        try:
            with path.open(encoding="utf-8", newline="") as stream:
                yield from enumerate(csv.DictReader(stream), start=2)
        except OSError as failure:
            raise KnowledgeError(
                f"codes/{file}", "file", "cannot be read", "restore the file from the release"
            ) from failure

    def _name_words(self, kind: str) -> frozenset[str]:
        return frozenset(row["word"] for _, row in self.rows("name_words.csv") if row["kind"] == kind)

    def _read_rxnorm(self, drugs: Mapping[str, Drug]) -> dict[str, ProductRow]:
        table: dict[str, ProductRow] = {}
        for line, row in self.rows("rxnorm.csv"):
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
        for line, row in self.rows(f"{system}.csv"):
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

    def _read_others(self) -> frozenset[tuple[str, str]]:
        """Codes known to stand for drugs that are not rated here, by system; words beside them do not count."""
        others = {(row["system"], row["code"]) for _, row in self.rows("other_drugs.csv")}
        for system, table in (("rxnorm", self.rxnorm), ("atc", self.atc), ("snomed", self.snomed)):
            for code in sorted(code for owner, code in others if owner == system and code in table):
                raise KnowledgeError(
                    "codes/other_drugs.csv",
                    code,
                    f"this {system} code also stands for a drug of the knowledge",
                    "a code belongs to one drug: keep it here or there",
                )
        return frozenset(others)

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
        for line, row in self.rows("brands.csv"):
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
