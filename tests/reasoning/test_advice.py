"""When a card speaks, how loudly, and what stays silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest

from mappings.load import load
from mappings.site_schema import Site, SiteChange, SiteOverlay
from plugin import assess
from plugin.advice.policy import CardDraft, advise
from plugin.assessment import Assessment
from plugin.record import (
    Availability,
    ConditionFact,
    DraftOrder,
    MedicationFact,
    PatientRecord,
    Read,
    Score,
    StopReason,
    Verification,
)
from tests.reasoning.facts import ADULT, fill, on, phq9, product, report, when

KNOWLEDGE = load()
KINDS = (
    *("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration"),
    *("Observation", "QuestionnaireResponse", "Condition", "Procedure"),
)
ALL_READ = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}
DEPRESSION = ConditionFact(
    reference="Condition/d",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=when(-5),
)
SERTRALINE = tuple(fill(n, 30 * n, product=product("sertraline", 100)) for n in range(3))
VENLAFAXINE = tuple(fill(10 + n, 90 + 30 * n, product=product("venlafaxine", 150)) for n in range(3))
TWO_FAILED = [phq9(0, 18), phq9(75, 16), phq9(162, 15)]
NOT_TOLERATED = (StopReason(meaning="intolerance", by="code", label="side effects"),)


def judge(
    *medications: MedicationFact, scores: list[Score] | None = None, as_of: int = 190, drafted: str = "", **more: Any
) -> Assessment:
    values: dict[str, Any] = {"patient": ADULT, "conditions": (DEPRESSION,), "availability": ALL_READ, **more}
    known = PatientRecord(medications=medications, scores=tuple(scores or ()), **values)
    drafts = (DraftOrder(reference="MedicationRequest/new", product=product(drafted)),) if drafted else ()
    return assess(known, knowledge=KNOWLEDGE, as_of=on(as_of), orders=drafts)


def cards(assessment: Assessment, hook: str = "order-select", knowledge: Any = KNOWLEDGE) -> dict[str, CardDraft]:
    return {card.kind: card for card in advise(assessment, hook=hook, knowledge=knowledge)}


def sentence(name: str, **fields: object) -> str:
    return KNOWLEDGE.sentences[name].text.format(**fields)


def test_a_drug_that_failed_an_adequate_trial_of_this_episode_is_told_when_ordered_again() -> None:
    found = cards(judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED, drafted="sertraline"))

    assert found["already-failed"].indicator == "warning"
    assert found["already-failed"].summary == sentence("already-failed-summary", drug="Sertraline")
    assert {"MedicationDispense/0", "Observation/0", "Observation/75"} <= set(found["already-failed"].uses)
    assert "trd-status" in found


def test_a_drug_stopped_for_side_effects_is_told_as_not_tolerated_and_not_as_failed() -> None:
    stopped = [replace(each, stop_reasons=NOT_TOLERATED) for each in VENLAFAXINE[:1]]
    found = cards(judge(*stopped, drafted="venlafaxine"))

    assert not {"already-failed", "tried-too-low-or-short"} & set(found)
    assert found["not-tolerated"].indicator == "warning"


@pytest.mark.parametrize(
    ("milligrams", "days"),
    [(100, 20), (100, 41), (25, 90)],
)
def test_a_trial_too_low_or_too_short_is_told_quietly_as_no_failure(milligrams: float, days: int) -> None:
    found = cards(judge(fill(1, 0, days, product=product("sertraline", milligrams)), drafted="sertraline"))

    card = found["tried-too-low-or-short"]
    assert card.indicator == "info"
    assert sentence("not-a-failure") in card.detail


def test_what_helped_or_is_undated_or_was_never_taken_gives_no_order_card() -> None:
    helped = judge(*SERTRALINE, scores=[phq9(0, 18), phq9(75, 6)], drafted="sertraline")
    short = judge(
        fill(1, 0, 39, product=product("sertraline", 100)), scores=[phq9(0, 18), phq9(45, 3)], drafted="sertraline"
    )
    undated = judge(report(1, None, None), drafted="sertraline")
    never = judge(*SERTRALINE, drafted="mirtazapine")

    for found in (helped, short, undated, never):
        assert not {"already-failed", "not-tolerated", "tried-too-low-or-short"} & set(cards(found))


def test_an_earlier_episode_is_told_quietly_and_only_where_it_failed_or_was_not_tolerated() -> None:
    closed = [phq9(0, 18), phq9(75, 16), phq9(110, 4), phq9(170, 3), phq9(400, 19)]
    later = fill(20, 400, 30, product=product("mirtazapine", 30))
    failed = cards(judge(*SERTRALINE, later, scores=closed, as_of=430, drafted="sertraline"))
    short = cards(judge(SERTRALINE[0], later, scores=closed, as_of=430, drafted="sertraline"))

    assert failed["already-failed"].indicator == "info"
    assert failed["already-failed"].summary == sentence("already-failed-earlier-summary", drug="Sertraline")
    assert not {"already-failed", "tried-too-low-or-short"} & set(short)


def test_drafts_not_selected_and_procedures_have_no_history_to_tell() -> None:
    known = PatientRecord(patient=ADULT, medications=SERTRALINE, conditions=(DEPRESSION,), availability=ALL_READ)
    drafts = (
        DraftOrder(reference="MedicationRequest/a", product=product("sertraline"), selected=False),
        DraftOrder(reference="ServiceRequest/b", procedure="ect"),
    )
    found = assess(known, knowledge=KNOWLEDGE, as_of=on(100), orders=drafts)

    [procedure] = found.orders
    assert (procedure.ingredient, procedure.label, procedure.findings) == (
        None,
        next(kind.label for kind in KNOWLEDGE.procedures.kinds if kind.id == "ect"),
        (),
    )


def test_the_chart_view_speaks_of_an_evidenced_episode_only() -> None:
    current = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED)
    silent = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED, as_of=600)

    assert "trd-status" in cards(current, "patient-view")
    assert silent.episode.may_have_ended
    assert "trd-status" not in cards(silent, "patient-view")
    assert "trd-status" in cards(silent)


def test_a_history_that_was_not_read_is_said_to_be_incomplete() -> None:
    unread = {**ALL_READ, "MedicationRequest": Availability(read=Read.PARTIAL, why="page 2 missing")}
    card = cards(judge(*SERTRALINE, scores=TWO_FAILED[:2], availability=unread))["trd-status"]

    assert card.summary == sentence("unread-summary")
    assert card.indicator == "info"


def changed(path: str) -> SiteChange:
    return SiteChange(path=path, before="", after="45 d", who="Board", when=date(2026, 1, 2), why="local pathway")


@pytest.mark.parametrize(
    ("path", "told"),
    [("definitions.TRD-6W-50.min_days_at_dose", True), ("codes.scales", False), ("override_reasons.own", False)],
)
def test_a_card_names_the_values_that_a_site_changed_and_not_its_codes(path: str, told: bool) -> None:
    site = Site(id="st", name="St Elsewhere", accepted_by="Dr A", accepted_on=date(2026, 1, 2))
    found = replace(
        judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED),
        site=SiteOverlay(site, (changed(path),), MappingProxyType({})),
    )

    assert any("St Elsewhere" in line for line in cards(found)["trd-status"].detail) is told


def test_sources_without_a_short_name_leave_no_empty_line_behind() -> None:
    nameless = {key: one.model_copy(update={"short": ""}) for key, one in KNOWLEDGE.sources.items()}
    found = judge(*SERTRALINE, *VENLAFAXINE, scores=TWO_FAILED)
    opening = KNOWLEDGE.sentences["citation-line"].text.partition("{")[0]
    usual = cards(found)["trd-status"].detail
    without = cards(found, knowledge=replace(KNOWLEDGE, sources=MappingProxyType(nameless)))["trd-status"].detail

    assert [line for line in usual if line not in without] == [line for line in usual if line.startswith(opening)]
    assert len(usual) == len(without) + 1


def test_a_running_trial_without_a_score_is_not_yet_due() -> None:
    running = fill(20, 180, 30, product=product("mirtazapine", 30))
    card = cards(judge(*SERTRALINE, *VENLAFAXINE, running, scores=TWO_FAILED))["trd-status"]

    [line] = [line for line in card.detail if line.startswith("**mirtazapine**")]
    assert sentence("outcome-not-due") in line


def test_only_what_settles_the_verdict_is_told_to_settle_it() -> None:
    following = tuple(fill(20 + n, 180 + 30 * n, product=product("mirtazapine", 30)) for n in range(2))
    judged = judge(*SERTRALINE, *VENLAFAXINE, *following, as_of=290)
    leaving_open = [change for change in judged.changes if change.verdict.value == "INDETERMINATE"]
    assert judged.verdict.value == "PROBABLE"
    assert leaving_open  # the document lists them
    told = "\n".join(cards(judged)["trd-status"].detail)
    assert sentence("verdict-INDETERMINATE") not in told.replace(cards(judged)["trd-status"].summary, "")


@pytest.mark.parametrize(("last", "known"), [(162, True), (99, False)])
def test_a_severity_that_is_not_known_is_said_to_be_unknown(last: int, known: bool) -> None:
    scores = [phq9(0, 18), phq9(75, 16), phq9(last, 15)]
    detail = cards(judge(*SERTRALINE, *VENLAFAXINE, scores=scores))["trd-status"].detail
    unknown = sentence("severity-unknown", days=KNOWLEDGE.reconstruction.severity_days)
    assert (unknown in detail) is not known


def test_a_gate_card_says_what_is_recorded_and_no_code_of_ours() -> None:
    bipolar = replace(DEPRESSION, reference="Condition/b", categories=frozenset({"bipolar"}))
    detail = cards(judge(*SERTRALINE, conditions=(DEPRESSION, bipolar)))["gate-bipolar"].detail
    assert detail[0].startswith("Recorded: bipolar disorder")
