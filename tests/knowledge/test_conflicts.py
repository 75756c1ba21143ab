"""Codes on which public sources disagree, or that public tables get wrong, resolve as listed or are refused.

The lists are this project's own: facts recast, with what must come out and why.
"""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mappings.load import load
from plugin.ingest import read_record
from plugin.ingest.recognition import recognise
from plugin.record import Product

LISTS = Path(__file__).parent / "recognition"
KNOWLEDGE = load()
NOTHING = "NONE"


def rows(file: str) -> list[dict[str, str]]:
    with (LISTS / file).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


CONFLICTS = rows("conflicts.csv")
EXPECTED = rows("rxnorm_expected.csv")


def sent(system: str, code: str, display: str = "") -> Product | None:
    return recognise([{"system": KNOWLEDGE.uri_of(system), "code": code, "display": display}], "", KNOWLEDGE)


def name(row: dict[str, str]) -> str:
    return f"{row['system']}-{row['code']}-{row['display'] or 'bare'}"


def of(*systems: str) -> list[dict[str, str]]:
    return [row for row in CONFLICTS if row["system"] in systems]


@pytest.mark.parametrize("row", of("rxnorm", "snomed"), ids=name)
def test_a_disputed_drug_code_resolves_as_listed_or_is_refused(row: dict[str, str]) -> None:
    product = sent(row["system"], row["code"], row["display"])
    if row["how"] == "refused":
        assert product is None
        return
    assert product is not None
    assert product.ingredients == (row["resolves_to"],)
    wanted = float(row["strength"]) if row["strength"] else None
    assert [one.amount for one in product.components] == [wanted]
    assert product.recognised_by == ("text" if row["how"] == "words" else row["system"])
    assert ("display-conflict" in product.flags) == (row["how"] == "conflict")


@pytest.mark.parametrize("row", of("rxnorm", "snomed"), ids=name)
def test_a_refused_drug_code_means_nothing_by_itself(row: dict[str, str]) -> None:
    known = sent(row["system"], row["code"])
    assert (known is None) == (row["how"] in {"refused", "words"})


@pytest.mark.parametrize("row", of("snomed-procedure"), ids=name)
def test_a_disputed_procedure_code(row: dict[str, str]) -> None:
    procedure = {
        "resourceType": "Procedure",
        "id": "p",
        "status": "completed",
        "subject": {"reference": "Patient/p"},
        "performedDateTime": "2025-01-01",
        "code": {"coding": [{"system": KNOWLEDGE.uri_of("snomed"), "code": row["code"]}]},
    }
    kinds = [fact.kind for fact in read_record([procedure], knowledge=KNOWLEDGE).procedures]
    assert kinds == ([] if row["how"] == "refused" else [row["resolves_to"]])


@pytest.mark.parametrize("row", of("loinc-score"), ids=name)
def test_a_disputed_scale_code(row: dict[str, str]) -> None:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2025-01-01",
        "valueInteger": 12,
        "code": {"coding": [{"system": KNOWLEDGE.uri_of("loinc"), "code": row["code"], "display": row["display"]}]},
    }
    scores = read_record([observation], knowledge=KNOWLEDGE).scores
    # A scale that this knowledge does not hold at all is refused like any unknown code.
    wanted = row["resolves_to"] in KNOWLEDGE.instruments
    assert [(score.instrument, score.value, score.day) for score in scores] == (
        [(row["resolves_to"], 12.0, date(2025, 1, 1))] if wanted else []
    )


def test_every_row_says_why_and_how() -> None:
    assert len(CONFLICTS) >= 90
    assert len({(row["system"], row["code"], row["display"]) for row in CONFLICTS}) == len(CONFLICTS)
    for row in CONFLICTS:
        assert row["why"], row
        assert row["how"] in {"code", "words", "conflict", "refused"}, row
        assert (row["how"] == "refused") == (row["resolves_to"] == NOTHING), row


def test_codes_known_only_from_memory_are_off() -> None:
    low = {
        code.code
        for drug in KNOWLEDGE.drugs.values()
        for code in drug.codes
        if code.system == "rxnorm" and code.confidence == "low"
    }
    for code in ("1433212", "1667655", "2275602"):
        assert code in low, code
    assert [code for code in sorted(low) if sent("rxnorm", code) is not None] == []
    for brand in ("Seropram", "Trevilor", "Elontril", "Noveril", "Priadel", "Camcolit", "Quilonum", "Teralithe"):
        assert recognise([], f"{brand} 20 mg", KNOWLEDGE) is None, brand


def test_every_known_antidepressant_rxcui_resolves_to_ingredient_release_and_strength() -> None:
    assert len(EXPECTED) >= 926
    assert len({row["rxcui"] for row in EXPECTED}) == len(EXPECTED)
    for row in EXPECTED:
        product = sent("rxnorm", row["rxcui"])
        if row["ingredients"] == "refused":
            assert product is None, row
            assert row["note"], row
            continue
        assert product is not None, row
        rated = [one for one in row["ingredients"].split("+") if one in KNOWLEDGE.drugs]
        assert list(product.ingredients) == rated, row
        assert product.release == row["release"], row
        strengths = dict(zip(row["ingredients"].split("+"), row["strengths"].split("+"), strict=False))
        for component in product.components:
            written = strengths.get(component.ingredient, "")
            assert component.amount == (float(written) if written else None), row
            if written and not KNOWLEDGE.drugs[component.ingredient].parts:
                assert component.per == row["per"], row
        inside = {part.components[0].amount for part in product.pack}
        assert inside == {float(amount) for amount in row["in_pack"].split()}, row


def test_every_refused_rxcui_says_why() -> None:
    refused = [row for row in EXPECTED if row["ingredients"] == "refused"]
    assert [row["rxcui"] for row in refused] == ["236734"]
    assert all(row["note"] for row in refused)


def test_the_table_holds_no_antidepressant_rxcui_that_was_not_expected() -> None:
    """A row added to the code table needs its expectation here, so that a wrong code cannot slip in alone."""
    expected = {row["rxcui"] for row in EXPECTED}
    antidepressants = {drug.id for drug in KNOWLEDGE.drugs.values() if drug.role == "antidepressant"}
    listed = {code for code, row in KNOWLEDGE.products.rxnorm.items() if antidepressants & set(row.ingredients)}
    assert listed - expected == set()
