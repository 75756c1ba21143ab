"""Which cards speak of suicidality, hard stops, gates and options, and what stands on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds_hooks.fhir_writer import check
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import write_story
from mappings.load import Knowledge, load
from plugin import Assessment, assess
from plugin.advice.policy import CardDraft, advise
from plugin.document.explain import explain
from plugin.ingest import read_orders, read_record
from plugin.record import LABORATORY, Availability, Read

KNOWLEDGE = load()
DAY_0, TODAY = date(2023, 1, 2), 210
READ = (
    "MedicationRequest",
    "MedicationDispense",
    "Observation",
    "QuestionnaireResponse",
    "Condition",
    "AllergyIntolerance",
    LABORATORY,
)
STORY: dict[str, Any] = {
    "patient": {"age": 41, "sex": "male"},
    "conditions": ["F33.2 active confirmed, onset day 0"],
    "medications": [
        "sertraline 200 mg daily, dispensed 70 on day 20",
        "venlafaxine er 225 mg daily, dispensed 56 on day 90",
    ],
    "scores": ["phq9 20 on day 20", "phq9 19 on day 88", "phq9 18 on day 144"],
    "answers": ["phq9 3/3/1/2/3/2/2/0/0 on day 205 as observations"],
    "scales": ["shaps-likert 40 on day 205", "gad7 6 on day 205", "isi 9 on day 205", "pdq5 6 on day 205"],
}
PROPOSAL = "Domain matching is a proposal from a narrative synthesis (Pinzi et al. 2026); it has not been tested"
CLARITHROMYCIN = 'rxnorm 21212 "clarithromycin 500 MG Oral Tablet" 1 units daily, dispensed 14 on day 205'
PLAN = "cssrs-screener item 5 yes on day 208"


def cards(
    *,
    draft: str = "vortioxetine 10 mg daily",
    hook: str = "order-select",
    unread: str = "",
    jurisdiction: str = "us",
    knowledge: Knowledge = KNOWLEDGE,
    encounter: str = "",
    change: Callable[[Assessment], Assessment] = lambda judged: judged,
    history: list[str] | None = None,
    **more: Any,
) -> dict[str, CardDraft]:
    """The cards by kind, in order, for the case of two failed trials with `more` lines; no lines empty a section.

    `history` takes the place of its medications.
    """
    story: dict[str, Any] = {"as_of": TODAY, **STORY}
    if history is not None:
        story["medications"] = history
    for section, lines in more.items():
        story[section] = [*story.get(section, []), *lines] if lines else []
    resources = write_story(story, day_zero=DAY_0, patient_id="p", knowledge=knowledge)
    for resource in resources:
        if resource["resourceType"] == "Observation" and encounter:
            resource["encounter"] = {"reference": encounter}
            resource["performer"] = [{"reference": "Practitioner/me"}]
        check(resource)
    availability = {kind: Availability(read=Read.COMPLETE) for kind in READ}
    if unread:
        availability[unread] = Availability(read=Read.UNREAD, why="search refused: 403")
    day = DAY_0 + timedelta(days=TODAY)
    record = read_record(
        resources, knowledge=knowledge, patient_id="p", availability=availability, jurisdiction=jurisdiction
    )
    orders = read_orders([drafted(draft, patient_id="p", day=day, knowledge=knowledge)], knowledge=knowledge)
    judged = assess(record, knowledge=knowledge, as_of=day, orders=orders, jurisdiction=jurisdiction, suppose=False)
    assert "Next step" in explain(judged)
    judged = change(judged)
    said = advise(judged, hook=hook, knowledge=knowledge, user="Practitioner/me", encounter="Encounter/now")
    return {card.kind: card for card in said}


def text(card: CardDraft) -> str:
    return "\n".join(card.detail)


def test_options_follow_the_status_at_a_met_verdict_and_say_what_they_rest_on() -> None:
    said = cards()
    assert list(said) == ["trd-status", "mismatch-plausible", "trd-options"]
    card = said["trd-options"]
    assert card.summary.startswith("Options that match the recorded profile (anhedonic): esketamine")
    assert len(card.summary) < 140
    assert card.detail[0] == "What stands out: the anhedonic domain; certainty high"
    assert PROPOSAL in text(card)
    assert "Matched: **esketamine, nasal**; evidence tier A; to be known before start: blood pressure" in text(card)
    assert "By label or guideline: **aripiprazole, added**" in text(card)
    assert "Goes together with esketamine, nasal: behavioural activation" in text(card)
    assert card.indicator == "info"
    assert sum(line.startswith(("Matched: ", "By label or guideline: ")) for line in card.detail) == 4
    assert card.offers[:2] == ("ESK", "TMS")
    assert card.offers[-1] == "PSYT"  # the therapy that goes together with the leading option
    assert "hscrp" in card.collects
    assert any(use.startswith("Observation/") for use in card.uses)


def test_off_label_and_page_only_options_stay_off_the_card() -> None:
    assert {"KET", "PPX", "MIN", "CEL", "OM3"}.isdisjoint(cards()["trd-options"].offers)
    inflamed = cards(labs=["hs-CRP 6.5 mg/L on day 200"])["trd-options"]
    assert {"KET", "PPX", "MIN", "CEL", "OM3"}.isdisjoint(inflamed.offers)


def test_at_low_certainty_nothing_is_called_matched() -> None:
    card = cards(scales=[], labs=[], vitals=[])["trd-options"]
    assert "match" not in card.summary.lower()
    few = {"scales": []}
    lines = text(cards(**few, answers=[])["trd-options"])
    assert "Matched" not in lines
    assert "No symptom domain stands out" in lines
    hedged = cards(scales=[], answers=["gad7 3/3/3/3/2/2/2 on day 205 as panel"])["trd-options"]
    assert "Options to consider; the profile" in hedged.summary
    assert "Only 2 of 5 domains could be assessed" in text(hedged)
    assert "Matched" not in text(hedged)


def test_where_too_little_was_read_the_status_card_says_that_no_option_is_named() -> None:
    said = cards(unread="AllergyIntolerance")
    assert list(said) == ["trd-status"]
    assert "No option is named: Medications, allergies, conditions and age must all be known" in text(
        said["trd-status"]
    )
    assert "allergies (search refused: 403)" in text(said["trd-status"])


def test_recorded_danger_comes_first_and_takes_the_place_of_options() -> None:
    said = cards(answers=[PLAN])
    assert list(said) == ["acute-safety", "trd-status"]
    card = said["acute-safety"]
    assert card.indicator == "critical"
    assert card.summary == (
        "Recorded: C-SSRS, suicidal intent with a plan (29 Jul 2023). "
        "Complete a safety assessment by the local protocol"
    )
    assert "988" in text(card)
    assert "For information, no substitute for emergency care: esketamine, nasal; electroconvulsive therapy" in text(
        card
    )
    assert "has not been demonstrated" in text(card)
    assert "No risk is computed" in text(card)
    assert card.offers == ()
    assert card.uses
    assert "988" not in text(cards(answers=[PLAN], jurisdiction="eu")["acute-safety"])


def test_who_recorded_the_answers_in_this_encounter_is_only_informed() -> None:
    assert cards(answers=[PLAN], encounter="Encounter/now")["acute-safety"].indicator == "info"
    assert cards(answers=[PLAN], encounter="Encounter/other")["acute-safety"].indicator == "critical"


def test_moderate_levels_warn_and_lower_ones_are_a_line() -> None:
    moderate = cards(answers=["cssrs-screener item 3 yes on day 208"])
    assert list(moderate) == ["acute-safety", "trd-status", "trd-options"]
    assert moderate["acute-safety"].indicator == "warning"
    assert "esketamine" not in text(moderate["acute-safety"])
    assert "a full C-SSRS would tell more" in text(
        cards(answers=["cssrs-screener item 1 yes on day 208"])["trd-status"]
    )
    assert "asked about, none recorded" in text(cards()["trd-status"])
    assert "not assessed in the last 30 days; the" in text(cards(answers=[])["trd-status"])
    older = cards(answers=[], scores=["phq9 item 9 value 1 on day 100"])["trd-status"]
    assert "last recorded on 12 Apr 2023" in text(older)


def test_levels_and_conditions_are_named_in_our_own_words() -> None:
    level = cards(scales=["cssrs-screener high on day 208"])["acute-safety"]
    assert "risk level high as recorded by the rater" in level.summary
    attempt = cards(conditions=["T14.91XA active, onset day 180"])["acute-safety"]
    assert "a problem-list entry on suicidal thoughts or behaviour" in attempt.summary
    assert attempt.indicator == "critical"


def test_a_newer_and_higher_ninth_item_asks_for_screening_again() -> None:
    asked = [f"cssrs-screener item {number} no on day 204" for number in (1, 2, 6, 7)]
    card = cards(answers=[*asked, "phq9 item 9 value 3 on day 206"])["acute-safety"]
    assert "PHQ-9 item 9 is newer and higher than the last C-SSRS" in text(card)


def test_opening_a_record_speaks_of_high_danger_and_of_a_moderate_level_only_beside_news() -> None:
    assert list(cards(hook="patient-view", answers=[PLAN])) == ["acute-safety", "trd-status"]
    assert list(cards(hook="patient-view")) == ["trd-status"]
    assert list(cards(hook="patient-view", answers=[PLAN], medications=[])) == ["acute-safety"]
    moderate = {"answers": ["cssrs-screener item 3 yes on day 208"], "hook": "patient-view"}
    assert list(cards(**moderate)) == ["acute-safety", "trd-status"]
    assert list(cards(**moderate, medications=[])) == []


def test_a_drafted_order_that_meets_a_hard_stop_has_a_card_and_the_options_beside_it() -> None:
    said = cards(draft="bupropion xl 300 mg daily", conditions=["G40.909 active, recorded day 0"], medications=[])
    assert next(iter(said)) == "order-stop"
    assert said["order-stop"].indicator == "warning"
    assert said["order-stop"].summary.startswith("Bupropion meets a hard stop: epilepsy")
    assert "S06" in said["order-stop"].rules
    assert "This is not an interaction checker." in text(said["order-stop"])
    assert "Not offered: " in text(said["trd-options"])
    assert "bupropion (epilepsy" in text(said["trd-options"])


def test_a_washout_that_is_not_over_is_critical() -> None:
    said = cards(
        draft="bupropion xl 300 mg daily", medications=["tranylcypromine 30 mg daily, dispensed 60 on day 140"]
    )
    assert said["order-stop"].indicator == "critical"


def test_what_is_blocked_by_a_draft_alone_is_told_with_the_draft() -> None:
    """The draft may be stopped itself: nothing drafted is called taken."""
    rule = "MAO inhibitor, linezolid or methylene blue within 14 days"
    history = ["sertraline 200 mg daily, dispensed 70 on day 20", "venlafaxine er 225 mg daily, dispensed 56 on day 90"]
    drafts = text(cards(draft="phenelzine 15 mg three times daily", history=history)["trd-options"])
    assert f"mirtazapine ({rule}, because of the drafted phenelzine)" in drafts
    assert f"caution: {rule}, because of the drafted phenelzine" in drafts
    taken = [*history, "phenelzine 60 mg daily, dispensed 30 on day 200"]
    both = text(cards(draft="bupropion xl 300 mg daily", history=taken)["trd-options"])
    assert f"mirtazapine ({rule})" in both


@pytest.mark.parametrize(
    ("condition", "kind", "indicator", "line"),
    [
        ("F31.81 active confirmed", "gate-bipolar", "warning", "Guidance for bipolar depression names quetiapine"),
        ("F33.3 active confirmed", "gate-psychosis-catatonia", "warning", "Psychotic depression: ECT"),
        ("F06.1 active confirmed", "gate-psychosis-catatonia", "warning", "Catatonia: lorazepam challenge"),
        ("F03.90 active confirmed", "gate-neurocognitive", "info", "neither is settled here"),
    ],
)
def test_each_gate_has_its_card(condition: str, kind: str, indicator: str, line: str) -> None:
    said = cards(conditions=[condition])
    assert next(iter(said)) == kind
    assert said[kind].indicator == indicator
    assert line in text(said[kind])
    assert said[kind].uses


def test_under_a_gate_the_profile_is_not_said() -> None:
    assert "trd-options" not in cards(conditions=["F31.81 active confirmed"])
    gated = text(cards(conditions=["F33.3 active confirmed"])["trd-options"])
    assert "What stands out" not in gated
    assert "electroconvulsive therapy" in gated
    assert PROPOSAL in gated


def test_nothing_is_said_of_gates_to_those_out_of_scope() -> None:
    young = cards(patient=[], conditions=["F31.81 active confirmed"])
    assert "gate-bipolar" in young
    story = {**STORY, "patient": {"age": 16, "sex": "male"}}
    resources = write_story(
        {**story, "as_of": TODAY, "conditions": ["F31.81 active confirmed"]},
        day_zero=DAY_0,
        patient_id="p",
        knowledge=KNOWLEDGE,
    )
    record = read_record(resources, knowledge=KNOWLEDGE, patient_id="p")
    judged = assess(record, knowledge=KNOWLEDGE, as_of=DAY_0 + timedelta(days=TODAY), suppose=False)
    assert advise(judged, hook="order-select", knowledge=KNOWLEDGE) == ()


def test_without_a_pairing_nothing_is_said_of_one() -> None:
    def alone(judged: Assessment) -> Assessment:
        step = judged.next_step
        return replace(judged, next_step=replace(step, options=replace(step.options, pairing=None)))

    assert "Goes together" not in text(cards(change=alone)["trd-options"])


def test_a_recorded_diagnosis_raises_a_score_and_the_tree_says_so() -> None:
    seen: list[str] = []

    def told(judged: Assessment) -> Assessment:
        seen.append(explain(judged))
        return judged

    cards(change=told, conditions=["R45.84 active, recorded day 200"])
    assert "raised by 0.3 of the rest" in seen[0]


def test_in_remission_no_option_is_shown() -> None:
    assert "trd-options" not in cards(answers=[], scores=["phq9 2 on day 208"])


def test_a_crp_above_its_limit_asks_to_be_repeated() -> None:
    assert any("epeat" in line for line in cards(labs=["hs-CRP 24 mg/L on day 207"])["trd-options"].detail)


def test_the_proposal_sentence_is_the_one_that_orders_carry() -> None:
    assert KNOWLEDGE.sentences["option-proposal"].text == KNOWLEDGE.clinical.strategies.order_notes["match"]


def test_a_caution_says_beside_an_option_what_it_means_for_it() -> None:
    """What a label asks for beside an inhibitor differs from option to option; each is told its own."""
    means = KNOWLEDGE.clinical.safety["S14"].rows[1].means
    assert means["QUE"] != means["ARI"]
    told = cards(medications=[CLARITHROMYCIN])
    listed = [line for card in told.values() for line in card.detail]
    for line in listed:
        for option in ("QUE", "ARI", "BRX", "CAR", "LUM"):
            label = KNOWLEDGE.clinical.options[option].label
            if f"**{label}**" in line:
                assert f"({means[option]})" in line
    assert any(f"({text})" in line for line in listed for text in means.values())
