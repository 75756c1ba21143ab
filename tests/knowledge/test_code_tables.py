"""Every row of the code tables leads through recognition to its own ingredient."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from mappings.load import DIRECTORY, load
from plugin.ingest.recognition import recognise

KNOWLEDGE = load()
SCALES = {"44261-6", "44249-1", "44260-8", "70274-6"}


def rows(file: str) -> list[dict[str, str]]:
    with (DIRECTORY / "codes" / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def known(ingredients: str) -> tuple[str, ...]:
    return tuple(one for one in ingredients.split("+") if one in KNOWLEDGE.drugs)


def test_every_rxnorm_row_resolves_to_its_ingredients_and_strength() -> None:
    uri = KNOWLEDGE.uri_of("rxnorm")
    table = rows("rxnorm.csv")
    assert len(table) > 1500
    for row in table:
        product = recognise([{"system": uri, "code": row["rxcui"], "display": row["name"]}], "", KNOWLEDGE)
        assert product is not None, row
        assert product.ingredients == known(row["ingredients"]), row
        assert product.recognised_by == "rxnorm"
        assert not {"codes-conflict", "display-conflict"} & set(product.flags), row
        wanted = dict(zip(row["ingredients"].split("+"), row["strengths"].split("+"), strict=False))
        for component in product.components:
            if wanted.get(component.ingredient):
                assert component.amount == float(wanted[component.ingredient]), row
                counted = bool(KNOWLEDGE.drugs[component.ingredient].parts)
                assert component.per == ("count" if counted else row["per"]), row
        if row["pack"]:
            assert [(part.count, part.components[0].amount) for part in product.pack] == [
                (int(count), float(amount)) for count, amount in (part.split("x") for part in row["pack"].split("/"))
            ]


def test_every_rxnorm_row_resolves_without_display() -> None:
    uri = KNOWLEDGE.systems["rxnorm"][1]
    for code, row in KNOWLEDGE.products.rxnorm.items():
        product = recognise([{"system": uri, "code": code}], "", KNOWLEDGE)
        assert product is not None
        assert product.ingredients == known("+".join(row.ingredients))


@pytest.mark.parametrize("system", ["ndc", "atc", "snomed"])
def test_every_other_code_resolves(system: str) -> None:
    table = getattr(KNOWLEDGE.products, system)
    assert table
    uri = KNOWLEDGE.uri_of(system)
    for code, coded in table.items():
        product = recognise([{"system": uri, "code": code}], "", KNOWLEDGE)
        assert product is not None, code
        assert set(product.ingredients) == set(known("+".join(coded.ingredients))), code
        assert product.recognised_by == system


def test_every_usable_name_resolves_and_low_confidence_names_do_not() -> None:
    for row in rows("brands.csv"):
        product = recognise([], row["name"], KNOWLEDGE)
        if row["confidence"] == "low":
            spelled = {"".join(name) for name in KNOWLEDGE.products.names}
            assert row["name"].lower() not in spelled or product is not None
        else:
            assert product is not None, row
            assert product.ingredients == known(row["ingredients"]), row


def test_codes_are_unique_and_well_formed() -> None:
    for file, column in (("rxnorm.csv", "rxcui"), ("ndc.csv", "ndc11"), ("atc.csv", "code")):
        counted = Counter(row[column] for row in rows(file))
        assert max(counted.values()) == 1, file
    assert all(len(row["ndc11"]) == 11 and row["ndc11"].isdecimal() for row in rows("ndc.csv"))
    assert all(row["rxcui"].isdecimal() for row in rows("rxnorm.csv"))


def test_no_cpt_code_is_shipped() -> None:
    for kind in KNOWLEDGE.procedures.kinds:
        assert all(code_set.system != "cpt" for code_set in kind.code_sets)


def luhn_mod_10(code: str) -> bool:
    """The check digit of a LOINC code."""
    body, check = code.split("-")
    total = 0
    for place, digit in enumerate(reversed(body)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return (10 - total % 10) % 10 == int(check)


def test_loinc_codes_pass_their_check_digit() -> None:
    codes = {entry.code for entry in KNOWLEDGE.prefetch.scales}
    for instrument in KNOWLEDGE.instruments.values():
        codes |= {code.code for code in (*instrument.total_codes, *instrument.panel_codes) if code.system == "loinc"}
        codes |= {code.code for item in instrument.items for code in item.codes}
    assert codes > SCALES
    assert [code for code in sorted(codes) if not luhn_mod_10(code)] == []


_D = ["0123456789", "1234067895", "2340178956", "3401289567", "4012395678"]
_D += ["5987604321", "6598710432", "7659821043", "8765932104", "9876543210"]
_P = ["0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258"]


def verhoeff(code: str) -> bool:
    """The check digit of a SNOMED CT identifier."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(_D[check][int(_P[place % 8][int(digit)])])
    return check == 0


def test_snomed_identifiers_pass_their_check_digit() -> None:
    code_sets = [
        code_set
        for group in (
            KNOWLEDGE.conditions.categories,
            KNOWLEDGE.procedures.kinds,
            KNOWLEDGE.stop_reasons.meanings,
            KNOWLEDGE.adherence.meanings,
        )
        for entry in group
        for code_set in entry.code_sets
    ]
    codes = {code for code_set in code_sets if code_set.system == "snomed" for code in code_set.exact}
    codes |= {code.code for drug in KNOWLEDGE.drugs.values() for code in drug.codes if code.system == "snomed"}
    assert len(codes) > 500
    assert [code for code in sorted(codes) if not verhoeff(code)] == []


def test_every_excluded_or_equivalent_rxcui_belongs_to_its_drug() -> None:
    for drug in KNOWLEDGE.drugs.values():
        codes = [code for excluded in drug.excluded_products for code in excluded.codes]
        codes += [code for equivalence in drug.equivalences for code in equivalence.codes]
        for code in codes:
            if code.system == "rxnorm":
                assert drug.id in KNOWLEDGE.products.rxnorm[code.code].ingredients, (drug.id, code.code)
