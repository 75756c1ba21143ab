"""Which product a story's pharmacist takes from the shelf for a drug, a dose and a release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from cds_hooks.fhir_writer import Element, concept, quantity
from cds_hooks.stories.sentences import Scene
from mappings.load import Knowledge
from mappings.products import ProductIndex, ProductRow

RELEASES = {
    "ir": ("IR",),
    "er": ("XL", "ER"),
    "xr": ("XL", "ER"),
    "xl": ("XL", "ER"),
    "cr": ("XL", "ER"),
    "sr": ("SR",),
    "dr": ("DR",),
    "patch": ("patch",),
}
"""A release as a story says it, and as the product table writes it, the likeliest first."""

_PLAIN = ("IR", "DR", "XL", "ER", "SR", "patch")
_UNITS = {"tablet": "{tbl}", "capsule": "{capsule}", "patch": "{patch}", "unit": "1"}
_MOST_UNITS = 6


@dataclass(frozen=True, slots=True)
class Packed:
    """A medication as coded, the unit it is counted in, and how many units one intake takes."""

    medication: Element
    unit: str
    per_intake: float

    def amount(self, count: float) -> Element:
        """A Quantity of `count` units of this product."""
        return quantity(count, self.unit, ucum=_UNITS[self.unit])


def drug_named(knowledge: Knowledge, words: tuple[str, ...]) -> str | None:
    """The drug id that these words are a name of, None when they are no name."""
    return knowledge.products.names.get(words)


def packed(scene: Scene, drug_id: str, amount: float, release: str) -> Packed | None:
    """The product for `amount` mg per intake: that very strength, or else several units of a smaller one."""
    rows = _candidates(scene.knowledge, drug_id, release)
    for units in range(1, _MOST_UNITS + 1):
        fitting = [row for row in rows if row.strengths[0] and row.strengths[0].amount * units == amount]
        if fitting:
            return _packed(scene, fitting[0], units)
    return None


def by_code(scene: Scene, code: str, display: str, per_intake: float) -> Packed | None:
    """The product with this RxNorm code; one that the table does not hold needs its own `display`."""
    row = scene.knowledge.products.rxnorm.get(code)
    if row is not None:
        return _packed(scene, row, per_intake)
    if not display:
        return None
    return Packed(concept(scene.coded("rxnorm", code, display), text=display), _unit(display), per_intake)


def by_text(text: str, per_intake: float) -> Packed:
    """A medication nobody coded."""
    return Packed(concept(text=text), _unit(text), per_intake)


def _packed(scene: Scene, row: ProductRow, per_intake: float) -> Packed:
    return Packed(concept(scene.coded("rxnorm", row.code, row.name), text=row.name), _unit(row.name), per_intake)


def _unit(name: str) -> str:
    lowered = name.lower()
    for unit in ("tablet", "capsule"):
        if unit in lowered:
            return unit
    return "patch" if "transdermal" in lowered else "unit"


def _candidates(knowledge: Knowledge, drug_id: str, release: str) -> list[ProductRow]:
    """Clinical drugs of this one ingredient, the most usual first.

    RxNorm writes names of current products in lower case; capitals mark old or special ones.
    """
    wanted = RELEASES[release] if release else _PLAIN
    drug = knowledge.drugs.get(drug_id)
    special = {code.code for product in (drug.excluded_products if drug else ()) for code in product.codes}
    rows = [
        row
        for row in _clinical_drugs(knowledge.products).get(drug_id, ())
        if row.release in wanted and row.code not in special
    ]
    return sorted(rows, key=lambda row: (wanted.index(row.release), row.name[0].isupper(), row.name))


@lru_cache(maxsize=1)
def _clinical_drugs(products: ProductIndex) -> Mapping[str, Sequence[ProductRow]]:
    """Clinical drugs of one ingredient with a strength per unit, by drug: the table is long, and stories are many."""
    found: dict[str, list[ProductRow]] = {}
    for row in products.rxnorm.values():
        single = row.tty == "SCD" and len(row.ingredients) == 1 and not row.low
        if single and row.strengths[0] is not None and row.strengths[0].per == "unit":
            found.setdefault(row.ingredients[0], []).append(row)
    return found
