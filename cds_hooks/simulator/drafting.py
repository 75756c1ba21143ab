"""Orders that a visitor of the demo can draft: drugs of the knowledge or plain words, some units, in some rhythm."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from cds_hooks.fhir_writer import Resource, coding, concept, dosage, medication_request, quantity
from cds_hooks.stories.medication_lines import RHYTHMS
from mappings.load import Knowledge
from mappings.products import ProductRow

MOST_UNITS = 8
LONGEST_WORDS = 100
ONCE_DAILY = "daily"
JUDGED = frozenset({"antidepressant"})
ALL = frozenset({"antidepressant", "augmentation", "information"})
_BRAND = re.compile(r"\[([^\]]+)\]$")
_WORDS = (("tablet", "{tbl}"), ("capsule", "{capsule}"))


@dataclass(frozen=True, slots=True)
class Choice:
    """One product as offered: its code and its name with strength and form."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class DrugChoices:
    """The products of one drug, weakest first, every name it may be searched by, misspellings too, and its brands."""

    label: str
    products: tuple[Choice, ...]
    names: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()


def choices(knowledge: Knowledge, roles: Collection[str] = JUDGED) -> tuple[DrugChoices, ...]:
    """The drugs of these `roles` with their oral products, by label; of antidepressants those whose dose is rated."""
    names: dict[str, list[str]] = {}
    for words, drug_id in knowledge.products.names.items():
        names.setdefault(drug_id, []).append(" ".join(words))
    brands: dict[str, set[str]] = {}
    for row in knowledge.products.rxnorm.values():
        if (brand := _BRAND.search(row.name)) is not None and len(row.ingredients) == 1:
            brands.setdefault(row.ingredients[0], set()).add(brand[1])
    found = []
    for drug in sorted(knowledge.drugs.values(), key=lambda drug: drug.label.lower()):
        if drug.role not in roles or (drug.role in JUDGED and drug.adequate_dose is None):
            continue
        special = {code.code for product in drug.excluded_products for code in product.codes}
        rows = [row for row in knowledge.products.rxnorm.values() if _is_offered(row, drug.id, special)]
        if rows:
            rows.sort(key=lambda row: (row.strengths[0].amount if row.strengths[0] else 0, row.name.lower()))
            listed = tuple(Choice(row.code, row.name) for row in rows)
            called = tuple(sorted(names.get(drug.id, ())))
            found.append(DrugChoices(drug.label, listed, called, tuple(sorted(brands.get(drug.id, ())))))
    return tuple(found)


def draft(
    code: str, units: int, *, patient_id: str, day: date, knowledge: Knowledge, rhythm: str = ONCE_DAILY
) -> Resource | None:
    """A drafted MedicationRequest for `units` of the product `code` in this `rhythm`; None if it is not offered."""
    row = knowledge.products.rxnorm.get(code)
    offered = any(code == choice.code for drug in choices(knowledge, ALL) for choice in drug.products)
    if row is None or not offered:
        return None
    medication = concept(coding(knowledge.uri_of("rxnorm"), row.code, row.name), text=row.name)
    return _request(medication, row.name, units, rhythm, patient_id, day)


def draft_in_words(words: str, units: int, *, patient_id: str, day: date, rhythm: str = ONCE_DAILY) -> Resource | None:
    """A drafted MedicationRequest that nobody coded, as some EHRs send them; None without words."""
    text = " ".join(words.split())
    return _request(concept(text=text), text, units, rhythm, patient_id, day) if text else None


def _request(
    medication: dict[str, object], name: str, units: int, rhythm: str, patient_id: str, day: date
) -> Resource | None:
    if not 1 <= units <= MOST_UNITS or rhythm not in RHYTHMS:
        return None
    word, ucum = next((pair for pair in _WORDS if pair[0] in name.lower()), ("unit", "1"))
    frequency, every_days = RHYTHMS[rhythm]
    spoken = "once a day" if rhythm == ONCE_DAILY else rhythm
    amount = quantity(units, word, ucum=ucum)
    return medication_request(
        id_="draft",
        patient_id=patient_id,
        medication=medication,
        status="draft",
        authored=day,
        dosages=[
            dosage(
                text=f"{units} {word if units == 1 else f'{word}s'} {spoken}",
                dose=amount,
                frequency=frequency,
                every_days=every_days,
            )
        ],
    )


def _is_offered(row: ProductRow, drug_id: str, special: set[str]) -> bool:
    """Clinical drugs of one ingredient with a strength per unit; capitals mark RxNorm's retired names."""
    return (
        row.ingredients == (drug_id,)
        and row.tty == "SCD"
        and not row.low
        and row.code not in special
        and not row.name[:1].isupper()
        and row.strengths[0] is not None
        and row.strengths[0].per == "unit"
    )
