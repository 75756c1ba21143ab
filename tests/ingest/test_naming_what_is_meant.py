"""Which drug, which patient, which resource: by code, by ingredients, by whom it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mappings.load import Knowledge
from plugin.ingest.codings import Coding
from plugin.ingest.recognition import recognise
from plugin.ingest.recognition_measure import COLUMNS, measure, read_samples
from plugin.record import PatientRecord
from tests.ingest.shorthand import (
    LOINC,
    PHQ9_ITEMS,
    PHQ9_TEEN,
    RXNORM,
    administration,
    observation,
    order,
    patient,
    questionnaire,
    total,
)
from tests.ingest.test_allergies import allergy, event

Reader = Callable[..., PatientRecord]
OLANZAPINE, FLUOXETINE = "61381", "4493"


@pytest.mark.parametrize("codes", [(OLANZAPINE, FLUOXETINE), (FLUOXETINE, OLANZAPINE)])
def test_the_codes_of_two_ingredients_are_their_combination(knowledge: Knowledge, codes: tuple[str, str]) -> None:
    found = recognise([Coding(RXNORM, code, "") for code in codes], "", knowledge)
    assert found is not None
    assert {(one.ingredient, one.equivalence) for one in found.components} == {("olanzapine", 1.0), ("fluoxetine", 1.0)}


@pytest.mark.parametrize("system", [RXNORM, ""])
def test_a_product_for_another_use_is_known_by_its_code_alone(knowledge: Knowledge, system: str) -> None:
    """A code that came without its system, and whose words name the drug, is the same code."""
    drug = knowledge.drugs["bupropion"]
    rule = next(one for one in drug.excluded_products if one.codes)
    by_code = rule.model_copy(update={"names": (), "dose_forms": ()})
    changed = drug.model_copy(update={"excluded_products": (by_code,)})
    knowing = replace(knowledge, drugs={**knowledge.drugs, drug.id: changed})
    found = recognise([Coding(system, rule.codes[0].code, "bupropion")], "", knowing)
    assert found is not None
    assert (found.ingredients, found.excluded_for) == ((drug.id,), rule.what)


@pytest.mark.parametrize(
    "parts",
    [
        [{"itemCodeableConcept": {"text": "olanzapine"}}, {"itemCodeableConcept": {"text": "fluoxetine"}}],
        [{"item": {"concept": {"text": "olanzapine"}}}, {"item": {"concept": {"text": "fluoxetine"}}}],
    ],
)
def test_a_medication_without_a_code_is_named_by_its_ingredients_together(
    read: Reader, parts: list[dict[str, object]]
) -> None:
    medication = {"resourceType": "Medication", "id": "m", "ingredient": parts}
    asked = order(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m"})
    (fact,) = read(asked, medication).medications
    assert fact.product is not None
    assert set(fact.product.ingredients) == {"olanzapine", "fluoxetine"}


def test_an_adverse_event_may_suspect_an_administration(read: Reader) -> None:
    suspected = event(date="2025-03-01", suspectEntity=[{"instance": {"reference": "MedicationAdministration/a1"}}])
    (fact,) = read(administration(), suspected).allergies
    assert (fact.ingredients, fact.kind) == (("sertraline",), "adverse-event")


def test_an_allergy_of_another_patient_is_not_this_patients(read: Reader) -> None:
    mine, other = allergy(), allergy(id="b", patient={"reference": "Patient/p2"})
    told = read(patient(), mine, other, patient_id="p1")
    assert [fact.reference for fact in told.allergies] == ["AllergyIntolerance/a"]
    assert [(one.reference, one.reason) for one in told.set_aside] == [
        ("AllergyIntolerance/b", "about another patient")
    ]


def test_what_names_no_type_is_of_an_unknown_one_and_keeps_its_id(read: Reader) -> None:
    told = read({"id": "x"}, {"id": "unnamed-1"}, {"note": "nothing"})
    assert told.received == ("Unknown/x", "Unknown/unnamed-1", "Unknown/unnamed-2")


def test_an_item_that_bears_the_code_of_another_scale_beside_its_own_is_the_item(read: Reader) -> None:
    codes = [{"system": LOINC, "code": code} for code in (PHQ9_TEEN, PHQ9_ITEMS[8])]
    (answer,) = read({**observation("i", PHQ9_ITEMS[8], valueInteger=2), "code": {"coding": codes}}).answers
    assert (answer.item, answer.value) == (9, 2)


def test_scores_that_contradict_each_other_twice_say_so_once(read: Reader) -> None:
    told = read(total("a", 12), total("b", 9), questionnaire("q", [2] * 9))
    assert sorted((score.value, score.flags) for score in told.scores) == [
        (9, ("conflict",)),
        (12, ("conflict",)),
        (18, ("conflict",)),
    ]


def test_a_sample_of_another_labelled_use_is_right_only_where_the_use_is_seen(knowledge: Knowledge) -> None:
    header = ",".join(COLUMNS)
    rows = ["Zyban 150 mg,bupropion,150,unit,smoking,brand", "Zyban 150 mg,bupropion,150,unit,insomnia,brand"]
    seen = measure(read_samples([header, *rows]), knowledge).readings
    assert [one.sample.other_use for one in seen] == ["smoking", "insomnia"]
    assert [one.right_use for one in seen] == [True, False]
