"""Proposed orders: valid R4 drafts for every option of every jurisdiction, or why none; only confirmed codes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_hooks.fhir_writer import OrderContext
from cds_hooks.proposals import OrderStyle, Proposal, measure_order, proposals_for
from mappings.load import DIRECTORY, Knowledge
from mappings.rule_names import order_switch
from mappings.schema import CodeSet
from plugin.ingest import read_orders
from plugin.options.listing import Option
from tests.reasoning.option_cases import KNOWLEDGE, choose, failures_of, profile, switched
from tests.validity import check_twice

OPTIONS = KNOWLEDGE.clinical.options
STRATEGIES = KNOWLEDGE.clinical.strategies
CONTEXT = OrderContext(
    encounter="Encounter/e1", reasons=("Condition/mdd",), supporting=("Observation/a", "Observation/b")
)
EVERYTHING = switched(**{order_switch(id_): True for id_ in OPTIONS})
PLACES = ("us", "eu")


def listed(id_: str, **more: Any) -> Option:
    """An option as it is listed, with nothing decided."""
    known = OPTIONS[id_]
    values: dict[str, Any] = {
        "id": id_,
        "label": known.label,
        "kind": known.kind,
        "tier": known.tier,
        "lane": "guideline",
        "grade": 0,
        "cautions": (),
        "off_label": False,
        "shown_inline": True,
        "as_information": not known.orders,
        "probable": False,
        "pairs_with": (),
        "not_with": (),
        "reasons": (),
        **more,
    }
    return Option(**values)


def propose(
    id_: str,
    jurisdiction: str = "us",
    knowledge: Knowledge = KNOWLEDGE,
    style: OrderStyle | None = None,
    **more: Any,
) -> Proposal:
    status = OPTIONS[id_].jurisdictions[jurisdiction]
    return proposals_for(
        listed(id_, **{"off_label": status.off_label, **more}),
        patient_id="p1",
        context=CONTEXT,
        knowledge=knowledge,
        jurisdiction=jurisdiction,
        style=style,
    )


def codes(resource: dict[str, Any]) -> list[str]:
    held = resource.get("medicationCodeableConcept") or resource.get("code") or {}
    return [coding["code"] for coding in held.get("coding", [])]


# Every option


@pytest.mark.parametrize("allowed", [False, True], ids=["as-shipped", "all-allowed"])
@pytest.mark.parametrize("jurisdiction", PLACES)
@pytest.mark.parametrize("id_", sorted(OPTIONS))
def test_every_option_has_valid_drafts_or_says_why_none(id_, jurisdiction, allowed) -> None:
    proposal = propose(id_, jurisdiction, EVERYTHING if allowed else KNOWLEDGE)
    assert bool(proposal.orders) != bool(proposal.why_none)
    for order in proposal.orders:
        check_twice(order.resource)
        assert order.resource["status"] == "draft"
        assert order.resource["intent"] == "proposal"
        assert order.resource["subject"] == {"reference": "Patient/p1"}
        assert order.resource["encounter"] == {"reference": "Encounter/e1"}
        assert order.resource["reasonReference"] == [{"reference": "Condition/mdd"}]
        assert order.description
        unsigned = {"id", "dispenseRequest", "authoredOn", "requester", "isRecommended"}
        assert not unsigned & set(order.resource)
    offered = OPTIONS[id_].jurisdictions[jurisdiction].offered
    if allowed and offered and OPTIONS[id_].orders:
        assert proposal.orders


@pytest.mark.parametrize(
    ("id_", "why"),
    [
        ("APC", "information only"),
        ("MIN", "information only"),
        ("CEL", "information only"),
        ("OM3", "information only"),
        ("AGO", "not offered"),
        ("KET", "off-label"),
        ("LIT", "off-label"),
        ("T3", "off-label"),
        ("PPX", "off-label"),
    ],
)
def test_why_there_is_none_as_shipped(id_, why) -> None:
    assert why in propose(id_).why_none


def test_off_label_follows_the_jurisdiction() -> None:
    assert propose("ARI").orders
    assert "off-label" in propose("ARI", "eu").why_none
    assert propose("ARI", "eu", switched(ARI_order=True)).orders


def test_an_order_that_needs_consent_has_none_where_the_option_is_labelled() -> None:
    """Pramipexole, were it labelled here, would still wait for the site."""
    on_label = OPTIONS["PPX"].jurisdictions["us"].model_copy(update={"off_label": False})
    changed = OPTIONS["PPX"].model_copy(update={"jurisdictions": {"us": on_label}})
    clinical = replace(KNOWLEDGE.clinical, options={**OPTIONS, "PPX": changed})
    assert "not allowed" in propose("PPX", knowledge=replace(KNOWLEDGE, clinical=clinical)).why_none
    assert propose("PPX", "us", replace(switched(PPX_order=True), clinical=clinical)).orders


def test_a_jurisdiction_that_an_option_does_not_name() -> None:
    proposal = proposals_for(listed("BUP"), patient_id="p1", context=CONTEXT, knowledge=KNOWLEDGE, jurisdiction="xx")
    assert "not offered" in proposal.why_none


def test_under_acute_safety_nothing_is_ordered() -> None:
    assert propose("ESK", as_information=True).why_none
    assert propose("ESK", as_information=True).orders == ()


# What an order holds


def test_a_medication_order() -> None:
    [order] = propose("BUP", grade=2).orders
    resource = order.resource
    assert resource["resourceType"] == "MedicationRequest"
    assert codes(resource) == ["993541"]
    assert resource["supportingInformation"] == [{"reference": "Observation/a"}, {"reference": "Observation/b"}]
    [dosage] = resource["dosageInstruction"]
    assert set(dosage) == {"text"}
    assert dosage["text"].startswith("XL 150 mg in the morning")
    assert dosage["text"].endswith("Source: US label.")
    notes = [note["text"] for note in resource["note"]]
    assert notes == [STRATEGIES.order_notes["proposal"], STRATEGIES.order_notes["match"]]


def test_the_notes_follow_match_and_label() -> None:
    [plain] = propose("BUP").orders
    assert len(plain.resource["note"]) == 1
    [off_label] = propose("LIT", knowledge=EVERYTHING).orders
    assert off_label.resource["note"][-1]["text"] == STRATEGIES.order_notes["off-label"]


def test_a_service_order_and_a_referral() -> None:
    [service] = propose("PSYT").orders
    assert service.resource["resourceType"] == "ServiceRequest"
    assert service.resource["category"] == [{"text": "Therapy or procedure"}]
    assert service.resource["supportingInfo"] == [{"reference": "Observation/a"}, {"reference": "Observation/b"}]
    assert codes(service.resource) == ["75516001"]
    [referral] = propose("ECT").orders
    assert referral.resource["category"] == [{"text": "Referral"}]
    assert codes(referral.resource) == ["23835007"]


def test_alternatives_of_a_class_each_with_their_own_dosing() -> None:
    orders = propose("SNRI").orders
    texts = [order.resource["dosageInstruction"][0]["text"] for order in orders]
    assert [text.split()[0] for text in texts] == ["Duloxetine", "Venlafaxine"]
    assert [codes(order.resource) for order in orders] == [["596930"], ["313585"]]


def test_esketamine_is_a_referral_unless_the_site_is_certified() -> None:
    proposal = propose("ESK")
    [referral] = proposal.orders
    assert referral.resource["resourceType"] == "ServiceRequest"
    assert codes(referral.resource) == []
    [order] = propose("ESK", knowledge=switched(ESK_order=True)).orders
    assert order.resource["resourceType"] == "MedicationRequest"
    assert codes(order.resource) == ["2119365"]
    assert "Not shown to prevent suicide" in order.resource["dosageInstruction"][0]["text"]


def test_esketamine_prompts_for_the_risk_programme_and_monitoring() -> None:
    prompts = propose("ESK").prompts
    said = " ".join(prompt.text for prompt in prompts)
    for words in ("REMS", "Blood pressure before", "two hours", "no driving", "substance use", "pregnancy test"):
        assert words in said
    assert all(set(prompt.cites) <= set(KNOWLEDGE.sources) and prompt.confidence for prompt in prompts)


def test_what_has_no_order_still_has_its_prompts() -> None:
    assert propose("KET").prompts
    assert propose("KET").orders == ()


# Codes by client and place


def test_outside_the_us_drugs_travel_under_their_atc_code() -> None:
    [order] = propose("BUP", "eu").orders
    assert codes(order.resource) == ["N06AX12"]
    [agomelatine] = propose("AGO", "eu").orders
    assert codes(agomelatine.resource) == ["N06AX22"]


def test_a_client_may_narrow_the_systems_and_choose_the_intent() -> None:
    [order] = propose("BUP", style=OrderStyle(intent="order", systems=("atc",))).orders
    assert codes(order.resource) == ["N06AX12"]
    assert order.resource["intent"] == "order"
    check_twice(order.resource)
    [words] = propose("BUP", style=OrderStyle(systems=("loinc",))).orders
    assert codes(words.resource) == []
    assert words.resource["medicationCodeableConcept"]["text"]
    check_twice(words.resource)


def test_a_code_that_some_file_doubts_is_left_out() -> None:
    [order] = propose("T3", knowledge=EVERYTHING).orders
    assert codes(order.resource) == []
    assert propose("T3", "eu", EVERYTHING).orders[0].resource["medicationCodeableConcept"]["coding"]


@pytest.mark.parametrize(
    ("system", "jurisdiction", "found"),
    [("cpt", "us", ["T1"]), ("cpt", "eu", []), ("our-catalogue", "us", ["T1"]), ("our-catalogue", "eu", ["T1"])],
)
def test_the_site_adds_its_own_procedure_codes(system, jurisdiction, found) -> None:
    known = KNOWLEDGE.with_systems({"our-catalogue": ("https://example.org/catalogue",)})
    own = CodeSet(system=system, exact=("T1", "T2"))
    kinds = tuple(
        kind.model_copy(update={"code_sets": (*kind.code_sets, own)}) if kind.id == "rtms" else kind
        for kind in known.procedures.kinds
    )
    site = replace(known, procedures=known.procedures.model_copy(update={"kinds": kinds}))
    [order] = propose("TMS", jurisdiction, site).orders
    assert codes(order.resource) == found
    check_twice(order.resource)
    assert codes(propose("TMS", jurisdiction).orders[0].resource) == []


def every_order(knowledge: Knowledge = EVERYTHING, style: OrderStyle | None = None) -> list[dict[str, Any]]:
    return [
        order.resource for id_ in OPTIONS for place in PLACES for order in propose(id_, place, knowledge, style).orders
    ]


def test_no_code_leaves_that_is_still_to_be_verified() -> None:
    doubtful = {
        code.code
        for option in OPTIONS.values()
        for code in (*option.codes, *option.to_verify)
        if code.confidence != "high"
    }
    assert doubtful
    everything = OrderStyle(systems=tuple(KNOWLEDGE.systems))
    for style in (None, everything):
        assert not {code for resource in every_order(style=style) for code in codes(resource)} & doubtful


def test_rxnorm_codes_that_leave_are_confirmed_by_the_code_table() -> None:
    table = {line.split(",")[0]: line for line in (DIRECTORY / "codes" / "rxnorm.csv").read_text().splitlines()}
    uri = KNOWLEDGE.uri_of("rxnorm")
    sent = {
        coding["code"]
        for resource in every_order()
        for coding in resource.get("medicationCodeableConcept", {}).get("coding", [])
        if coding["system"] == uri
    }
    assert sent
    assert all(table[code].endswith(",high") for code in sent)


@pytest.mark.parametrize("id_", [id_ for id_, one in OPTIONS.items() if one.drugs and one.orders])
def test_a_proposed_drug_is_read_back_as_the_option_it_stands_for(id_) -> None:
    """What we propose, our own reader recognises: the codes mean what the option says."""
    for order in propose(id_, "us" if OPTIONS[id_].jurisdictions["us"].offered else "eu", EVERYTHING).orders:
        if order.resource["resourceType"] != "MedicationRequest" or not codes(order.resource):
            continue
        coded = json.loads(json.dumps(order.resource)) | {"id": "draft"}
        coded["medicationCodeableConcept"].pop("text")
        for draft in read_orders([coded], knowledge=KNOWLEDGE, jurisdiction="us"):
            assert set(draft.product.ingredients) <= {*OPTIONS[id_].drugs}


# Agents under study


def test_no_resource_anywhere_names_an_agent_under_study() -> None:
    names = [name for agent in KNOWLEDGE.clinical.investigational.agents for name in agent.names]
    written = [json.dumps(resource).lower() for resource in every_order()]
    measures = [*KNOWLEDGE.clinical.indicators, *KNOWLEDGE.clinical.measures]
    written += [json.dumps(order.resource).lower() for name in measures if (order := measured(name)) is not None]
    assert len(names) >= len(KNOWLEDGE.clinical.investigational.agents)
    assert not [name for name in names for text in written if name in text]


@given(st.sampled_from([agent.id for agent in KNOWLEDGE.clinical.investigational.agents]))
def test_an_agent_under_study_is_never_proposed(agent: str) -> None:
    made = replace(listed("BUP"), id=agent, as_information=False)
    proposal = proposals_for(made, patient_id="p1", context=CONTEXT, knowledge=EVERYTHING, jurisdiction="us")
    assert proposal.orders == ()
    assert proposal.prompts == ()
    assert proposal.why_none


@given(st.sampled_from(["ANH", "ANX", "COG", "CIR", "INF"]), st.sampled_from(PLACES), st.integers(0, 5))
def test_what_is_listed_yields_valid_drafts(domain: str, jurisdiction: str, failed: int) -> None:
    found = choose(profile("DOMINANT", domain), history=failures_of(failed), jurisdiction=jurisdiction)
    for option in found.listed:
        proposal = proposals_for(
            option, patient_id="p1", context=OrderContext(), knowledge=KNOWLEDGE, jurisdiction=jurisdiction
        )
        assert bool(proposal.orders) != bool(proposal.why_none)
        for order in proposal.orders:
            check_twice(order.resource)


# What is missing

UNCONFIRMED = next(
    id_
    for id_, measure in KNOWLEDGE.clinical.measures.items()
    if id_ not in KNOWLEDGE.clinical.indicators
    and all(code.confidence != "high" for code in (*measure.panel_codes, *measure.codes))
)


def measured(name: str, jurisdiction: str = "us", style: OrderStyle | None = None):
    return measure_order(
        name, patient_id="p1", context=CONTEXT, knowledge=KNOWLEDGE, jurisdiction=jurisdiction, style=style
    )


@pytest.mark.parametrize(
    ("name", "code", "category"),
    [
        ("hscrp", "30522-7", "Laboratory"),
        ("gad7", "69737-5", "Questionnaire"),
        ("phq9", "44249-1", "Questionnaire"),
        ("cssrs-screener", "93373-9", "Questionnaire"),
        ("isi", "isi-total", "Questionnaire"),
        ("shaps", "shaps-total-likert", "Questionnaire"),
        ("pdq5", "pdq5-total", "Questionnaire"),
    ],
)
@pytest.mark.parametrize("jurisdiction", PLACES)
def test_an_order_for_what_is_missing(name, code, category, jurisdiction) -> None:
    order = measured(name, jurisdiction)
    check_twice(order.resource)
    assert codes(order.resource) == [code]
    assert order.resource["category"] == [{"text": category}]
    assert order.resource["status"] == "draft"
    assert order.description


def test_a_scale_without_a_confirmed_code_travels_in_words() -> None:
    order = measured(UNCONFIRMED)
    check_twice(order.resource)
    assert codes(order.resource) == []
    assert codes(measured("gad7", style=OrderStyle(systems=("snomed",))).resource) == []
    assert measured("gad7", style=OrderStyle(intent="plan")).resource["intent"] == "plan"


def test_nothing_of_that_name_is_no_order() -> None:
    assert measured("no-such-measure") is None
