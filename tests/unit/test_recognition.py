"""Recognition of products from codes and words, as senders really write them."""

from __future__ import annotations

import pytest

from mappings.load import load
from plugin.ingest.recognition import recognise
from plugin.record import Product

KNOWLEDGE = load()
RX, NDC, ATC, SCT = (KNOWLEDGE.uri_of(system) for system in ("rxnorm", "ndc", "atc", "snomed"))


def find(*codings: tuple[str, str, str], text: str = "", jurisdiction: str = "us") -> Product | None:
    sent = [dict(zip(("system", "code", "display"), coding, strict=True)) for coding in codings]
    return recognise(sent, text, KNOWLEDGE, jurisdiction)


def found(*codings: tuple[str, str, str], text: str = "", jurisdiction: str = "us") -> Product:
    product = find(*codings, text=text, jurisdiction=jurisdiction)
    assert product is not None
    return product


def amounts(product: Product) -> list[tuple[str, float | None, str]]:
    return [(one.ingredient, one.amount, one.per) for one in product.components]


@pytest.mark.proves("FN-03")
@pytest.mark.parametrize(
    ("code", "ingredient", "amount", "release"),
    [
        ("312941", "sertraline", 50, "IR"),
        ("313586", "venlafaxine", 75, "IR"),
        ("993541", "bupropion", 150, "XL"),
        ("328670", "sertraline", 100, ""),  # a strength component sent as if it were a clinical drug
    ],
)
def test_clinical_drug_gives_strength_and_release(code: str, ingredient: str, amount: float, release: str) -> None:
    product = found((RX, code, ""))
    assert amounts(product) == [(ingredient, amount, "unit")]
    assert (product.recognised_by, product.release, product.flags) == ("rxnorm", release, ())
    assert product.excluded_for is None


def test_code_outranks_strength_in_display() -> None:
    product = found((RX, "312941", "Sertraline 100 MG Oral Tablet"))
    assert amounts(product) == [("sertraline", 50, "unit")]
    assert product.flags == ("display-conflict",)
    assert found((RX, "312941", "sertraline (ZOLOFT) 50 mg tablet")).flags == ()


def test_code_outranks_drug_in_display() -> None:
    product = found((RX, "32937", "sertraline"))
    assert product.ingredients == ("paroxetine",)
    assert "display-conflict" in product.flags


def test_several_codings_are_one_product() -> None:
    product = found(
        (RX, "36437", "sertraline"),
        ("urn:oid:1.2.840.114350.1.13.0.1.7.2.698288", "12345", "SERTRALINE 50 MG TABLET"),
        (RX, "208161", "sertraline 50 MG Oral Tablet [Zoloft]"),
        (RX, "312941", "sertraline 50 MG Oral Tablet"),
        (NDC, "00049-4900-50", ""),
        text="sertraline (ZOLOFT) 50 MG tablet",
    )
    assert amounts(product) == [("sertraline", 50, "unit")]
    assert product.flags == ()


def test_codes_of_two_drugs_conflict_and_the_clinical_drug_wins() -> None:
    product = found((RX, "36437", "sertraline"), (RX, "310385", "fluoxetine 20 MG Oral Capsule"))
    assert amounts(product) == [("fluoxetine", 20, "unit")]
    assert "codes-conflict" in product.flags


@pytest.mark.parametrize(
    "coding",
    [
        ("urn:oid:2.16.840.1.113883.6.88", " 312941 ", "sertraline"),
        (f"{RX}/", "312941", ""),
        ("", "312941", "Sertraline 50 mg"),
    ],
)
def test_odd_systems_and_blanks_are_read(coding: tuple[str, str, str]) -> None:
    assert amounts(found(coding)) == [("sertraline", 50, "unit")]


def test_number_without_system_needs_words_that_agree() -> None:
    assert find(("", "312941", "")) is None
    assert find(("", "312941", "aspirin")) is None
    assert found(("", "312941", "Fluoxetine 20 mg")).ingredients == ("fluoxetine",)


def test_junk_never_raises() -> None:
    junk: list[object] = [None, 7, "x", {"system": 3, "code": ["a"], "display": {}}, {"code": None}, {}]
    assert recognise(junk, "", KNOWLEDGE) is None  # type: ignore[arg-type]  # what the field sends
    product = recognise([*junk, {"system": RX, "code": "312941"}], "", KNOWLEDGE)  # type: ignore[list-item]
    assert product is not None


@pytest.mark.parametrize(
    ("text", "ingredient", "amount", "per"),
    [
        ("sertraline 50 mg tablet", "sertraline", 50, "unit"),
        ("FLUoxetine HCl 40mg cap", "fluoxetine", 40, "unit"),
        ("buPROPion XL (WELLBUTRIN XL) 300 MG 24 hr tablet", "bupropion", 300, "unit"),
        ("Escitalopram Tablet 10mg", "escitalopram", 10, "unit"),
        ("Lexapro 10mg", "escitalopram", 10, "unit"),
        ("venlafaxine hydrochloride 37,5 mg", "venlafaxine", 37.5, "unit"),
        ("fluoxetine 20 mg/5 mL solution", "fluoxetine", 4, "mL"),
        ("citalopram 2 mg/mL oral solution", "citalopram", 2, "mL"),
        ("Emsam 6 mg/24 hr patch", "selegiline", 6, "unit"),
        ("selegiline 0.25 mg/hr transdermal", "selegiline", 6, "unit"),
        ("liothyronine 25 mcg tablet", "liothyronine", 0.025, "unit"),
        ("lithium carbonate 1 g", "lithium", 1000, "unit"),
        ("amitriptyline 25 mg/perphenazine 2 mg", "amitriptyline", 25, "unit"),
    ],
)
def test_words_give_drug_and_strength(text: str, ingredient: str, amount: float, per: str) -> None:
    product = found(text=text)
    assert amounts(product) == [(ingredient, amount, per)]
    assert (product.recognised_by, product.flags) == ("text", ("strength-from-text",))


@pytest.mark.parametrize(
    "text",
    ["sertraline", "perphenazine-amitriptyline 2-25 mg", "sertraline 50 mg or 100 mg", "Symbyax 6-25"],
)
def test_strength_that_is_not_plain_stays_unknown(text: str) -> None:
    product = found(text=text)
    assert all(component.amount is None for component in product.components)
    assert "strength-unknown" in product.flags


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hydrOXYzine 25 mg",
        "Celebrex 200 mg",
        "dextromethorphan 30 mg/5 mL",
        "Delsym",
        "clonazepam 1 mg",
        "chlorpromazine",
        "Serax",
        "sertralike",
        "take the same dose",
        "perphenazine 4 mg",
        "naltrexone 50 mg",
        "metformin 500 mg",
    ],
)
def test_look_alikes_and_other_drugs_are_not_recognised(text: str) -> None:
    assert find(text=text) is None


@pytest.mark.parametrize(
    ("text", "ingredient"),
    [
        ("desvenlafaxine 50 mg", "desvenlafaxine"),
        ("levomilnacipran 40 mg", "levomilnacipran"),
        ("escitalopram 10 mg", "escitalopram"),
        ("clomiPRAMINE 25 mg", "clomipramine"),
        ("trimipramine 50 mg", "trimipramine"),
        ("esketamine 28 mg", "esketamine"),
        ("St. John's Wort 300 mg", "st-johns-wort"),
    ],
)
def test_longer_names_are_not_their_endings(text: str, ingredient: str) -> None:
    assert found(text=text).ingredients == (ingredient,)


def test_two_unrelated_drugs_in_words_are_flagged() -> None:
    product = found(text="sertraline or fluoxetine 20 mg")
    assert product.ingredients == ("sertraline",)
    assert "codes-conflict" in product.flags
    assert "strength-unknown" in product.flags


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("00049-4960-50", ""),
        ("0049-4960-50", ""),
        ("0049496050", ""),
        ("00049496050", ""),
    ],
)
def test_ndc_in_every_spelling(code: str, text: str) -> None:
    product = found((NDC, code, text))
    assert product.ingredients == ("sertraline",)
    assert product.recognised_by == "ndc"
    assert product.flags == ("strength-unknown",)


def test_ingredient_level_codes_take_strength_from_words() -> None:
    for coding in (
        (ATC, "N06AB06", "Sertraline 50 mg"),
        (SCT, "372594008", "sertraline 50 mg"),
        (RX, "36437", "50mg sertraline"),
    ):
        product = found(coding)
        assert amounts(product) == [("sertraline", 50, "unit")]
        assert product.flags == ("strength-from-text",)


@pytest.mark.parametrize(
    ("product", "use"),
    [
        (find((RX, "1801289", "")), "smoking"),
        (find(text="Zyban 150 mg"), "smoking"),
        (find((RX, "1551468", "")), "weight"),
        (find(text="naltrexone-bupropion ER 8-90 mg"), "weight"),
        (find((ATC, "A08AA62", "")), "weight"),
        (find((RX, "2532159", "")), "premenstrual"),
        (find((RX, "859186", "")), "Parkinson"),
        (find(text="selegiline 5 mg capsule"), "Parkinson"),
        (find((RX, "643052", "")), "Parkinson"),
        (find((RX, "966787", "")), "insomnia"),
        (find(text="doxepin 6 mg tablet"), "insomnia"),
        (find((RX, "1000091", "")), "topical"),
        (find((RX, "1430122", "")), "vasomotor"),
        (find((RX, "2049251", "")), "veterinary"),
        (find((RX, "588250", "")), "fibromyalgia"),
    ],
)
def test_products_labelled_for_something_else(product: Product | None, use: str) -> None:
    assert product is not None
    assert use in (product.excluded_for or "")


@pytest.mark.parametrize(
    "product",
    [
        find((RX, "865206", "")),
        find(text="selegiline transdermal system 6 mg/24 hr"),
        find((RX, "1738495", "")),
        find(text="doxepin 75 mg capsule"),
        find(text="doxepin 12.6 mg"),
        find((RX, "993541", "")),
        find((RX, "588250", ""), jurisdiction="eu"),
    ],
)
def test_products_for_depression_are_not_excluded(product: Product | None) -> None:
    assert product is not None
    assert product.excluded_for is None


def test_combinations_give_one_component_per_drug() -> None:
    assert amounts(found((RX, "856797", ""))) == [("amitriptyline", 25, "unit")]
    assert amounts(found((RX, "721787", ""))) == [("fluoxetine", 25, "unit"), ("olanzapine", 3, "unit")]
    assert amounts(found((RX, "2611260", ""))) == [("dextromethorphan-bupropion", 1, "count")]
    assert found((RX, "4493", "fluoxetine"), (RX, "61381", "olanzapine")).ingredients == ("fluoxetine", "olanzapine")
    assert found((ATC, "N06CA03", "")).ingredients == ("fluoxetine", "olanzapine")


@pytest.mark.parametrize(
    "text", ["Auvelity 45-105 mg", "dextromethorphan-buPROPion ER", "bupropion / dextromethorphan"]
)
def test_dextromethorphan_bupropion_is_one_drug(text: str) -> None:
    assert amounts(found(text=text)) == [("dextromethorphan-bupropion", 1, "count")]
    assert amounts(found((RX, "42347", "bupropion"), text=text)) == [("dextromethorphan-bupropion", 1, "count")]


def test_packs_are_expanded_in_order() -> None:
    product = found((RX, "1086789", "vilazodone starter pack"))
    assert [(part.count, part.components[0].amount) for part in product.pack] == [(7, 10), (7, 20), (16, 40)]
    assert product.ingredients == ("vilazodone",)
    assert "strength-unknown" not in product.flags


@pytest.mark.parametrize(("code", "mg"), [("865206", 6), ("865210", 9), ("865214", 12)])
def test_patches_are_mg_per_24_hours(code: str, mg: float) -> None:
    product = found((RX, code, "24 HR selegiline patch"))
    assert amounts(product) == [("selegiline", mg, "unit")]
    assert product.release == "patch"
    assert "display-conflict" not in found((RX, code, f"EMSAM {mg} mg/24 hr")).flags


def test_liquids_are_mg_per_ml() -> None:
    assert amounts(found((RX, "310386", "fluoxetine 20 mg/5 mL"))) == [("fluoxetine", 4, "mL")]
    assert found((RX, "310386", "fluoxetine 20 mg/5 mL")).flags == ()


@pytest.mark.parametrize(
    ("product", "equivalent"),
    [
        (find((RX, "313995", "")), 140),  # seven days of 20 mg
        (find((RX, "993550", "")), 150),
        (find(text="Aplenzin 174 mg"), 150),
        (find(text="buPROPion hydrobromide 348 mg"), 300),
        (find(text="paroxetine CR 25 mg"), 20),
        (find(text="Paxil CR 37.5 mg"), 30),
        (find((RX, "312941", "")), 50),
        (find((RX, "1738495", "")), 20),
    ],
)
def test_equivalence_turns_labelled_into_reference_amount(product: Product | None, equivalent: float) -> None:
    assert product is not None
    component = product.components[0]
    assert component.amount is not None
    assert component.amount * component.equivalence == pytest.approx(equivalent, abs=1e-9)
    assert component.amount * component.equivalence >= equivalent - 1e-12


def test_a_form_without_strength_gives_way_to_words_that_name_another_drug() -> None:
    agreeing = found((RX, "92568", "Elavil 25 MG"))  # amitriptyline as an oral tablet of a brand, no strength
    differing = found((RX, "92568", "sertraline 50 MG Oral Tablet"))

    assert (agreeing.ingredients, agreeing.recognised_by) == (("amitriptyline",), "rxnorm")
    assert (differing.ingredients, differing.recognised_by) == (("sertraline",), "text")


def test_a_bare_number_that_agrees_with_the_words_is_the_labelled_product() -> None:
    bare = found(("", "1801289", ""), text="bupropion 150 mg")

    assert (bare.recognised_by, bare.excluded_for) == ("rxnorm", "smoking cessation")
    assert found(text="bupropion 150 mg").excluded_for is None


def test_an_ndc_with_other_than_digits_is_none() -> None:
    assert find((NDC, "0049-49A0-66", "")) is None
    assert find((NDC, "0049-4900-66", "")) is not None
