"""Orders that a visitor of the demo can draft: antidepressants of the knowledge, some units once a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cds_hooks.fhir_writer import Resource, coding, concept, dosage, medication_request, quantity
from mappings.load import Knowledge
from mappings.products import ProductRow

MOST_UNITS = 8
_WORDS = (("tablet", "{tbl}"), ("capsule", "{capsule}"))


@dataclass(frozen=True, slots=True)
class Choice:
    """One product as offered: its code and its name with strength and form."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class DrugChoices:
    """The products of one drug, weakest first."""

    label: str
    products: tuple[Choice, ...]


def choices(knowledge: Knowledge) -> tuple[DrugChoices, ...]:
    """All drugs that count as antidepressants with their oral products, by label."""
    found = []
    for drug in sorted(knowledge.drugs.values(), key=lambda drug: drug.label.lower()):
        if drug.role != "antidepressant" or drug.adequate_dose is None:
            continue
        special = {code.code for product in drug.excluded_products for code in product.codes}
        rows = [row for row in knowledge.products.rxnorm.values() if _is_offered(row, drug.id, special)]
        if rows:
            rows.sort(key=lambda row: (row.strengths[0].amount if row.strengths[0] else 0, row.name.lower()))
            found.append(DrugChoices(drug.label, tuple(Choice(row.code, row.name) for row in rows)))
    return tuple(found)


def draft(code: str, units: int, *, patient_id: str, day: date, knowledge: Knowledge) -> Resource | None:
    """A drafted MedicationRequest for `units` of the product `code` once a day; None if it is not offered."""
    row = knowledge.products.rxnorm.get(code)
    offered = any(code == choice.code for drug in choices(knowledge) for choice in drug.products)
    if row is None or not offered or not 1 <= units <= MOST_UNITS:
        return None
    word, ucum = next((pair for pair in _WORDS if pair[0] in row.name.lower()), ("unit", "1"))
    return medication_request(
        id_="draft",
        patient_id=patient_id,
        medication=concept(coding(knowledge.uri_of("rxnorm"), row.code, row.name), text=row.name),
        status="draft",
        authored=day,
        dosages=[dosage(text=f"{units} {word} once a day", dose=quantity(units, word, ucum=ucum), frequency=1)],
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
