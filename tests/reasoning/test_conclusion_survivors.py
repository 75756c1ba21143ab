"""Points of conclusions that deliberate faults have shown to rest on no test: domains, options, staging, the tree."""

from __future__ import annotations

from dataclasses import replace

import pytest

from plugin import Assessment, assess
from plugin.amounts import Amount
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.domains.lab_results import newest
from plugin.options.reasons import _STATUS
from plugin.record import AllergyFact, LabResult
from plugin.resistance.rating import history_of
from plugin.sensitivity import effect_of
from tests.reasoning.domain_records import KNOWLEDGE, TODAY, phq9, profile, result, total
from tests.reasoning.facts import ADULT, fill, on, product
from tests.reasoning.facts import phq9 as scored_phq9
from tests.reasoning.option_cases import choose, failures_of
from tests.reasoning.test_advice import judge
from tests.reasoning.test_counterfactual import VENLAFAXINE, record
from tests.reasoning.test_explain import record as explained
from tests.reasoning.test_next_step_cards import cards
from tests.reasoning.test_option_reasons import ANH
from tests.reasoning.test_sensitivity import BASELINE, DAY, RECORDS, moves
from tests.reasoning.test_staging import staged

SHOWN = [*phq9(3, 1, 2, 2, 0), result("shaps", 40), result("gad7", 6), result("isi", 9), result("pdq5", 6)]


TWICE = (fill(1, 0, 90), fill(2, 0, 90, product=product("sertraline", 100)))  # tablets of two strengths for one dose


# Domains


def test_a_domain_score_is_told_with_its_completeness() -> None:
    found = profile(*SHOWN)
    for id_, score in found.scores.items():
        told = [
            dict(reason.facts) for reason in score.reasons if reason.rule == "D1" and "domain" in dict(reason.facts)
        ]
        known = {"domain": id_, "score": score.score, "completeness": score.completeness}
        assert told == ([known] if score.score is not None else [])
    assert any(score.score is not None for score in found.scores.values())


def test_without_a_severity_score_the_window_looked_into_is_told() -> None:
    [reason] = [reason for reason in profile(*SHOWN, severity=False).reasons if reason.rule == "D0"]
    window = KNOWLEDGE.clinical.scoring.parameters["severity-window"].on(TODAY).amount
    assert dict(reason.facts) == {"windowDays": window}


def test_a_mild_severity_is_told_once_as_too_low_with_its_record() -> None:
    mild = total(3)
    [reason] = [reason for reason in profile(*SHOWN, mild).reasons if reason.rule in ("D0", "D3")]
    assert "so no profile is drawn" in reason.text
    assert reason.uses == mild.references


@pytest.mark.parametrize("measure", ["vitamin-b12", "vitamin-d", "folate", "ferritin"])
def test_a_result_over_the_only_usual_limit_is_within(measure: str) -> None:
    one = KNOWLEDGE.clinical.measures[measure]
    least = one.cut_offs["usual-from"].on(TODAY).amount
    places = {
        value: newest(
            [LabResult(reference="Observation/x", measure=measure, day=TODAY, amount=Amount(value))], one, None, TODAY
        )[1]
        for value in (least / 2, least, least * 2)
    }
    assert places == {least / 2: "below", least: "within", least * 2: "within"}


# Options


def test_a_statement_of_evidence_names_its_domain_and_a_label_says_no_more_than_it_knows() -> None:
    for one in choose(ANH).listed:
        treatment = KNOWLEDGE.clinical.options[one.id]
        stated = [reason for reason in one.reasons if reason.text in {said.statement for said in treatment.evidence}]
        assert [dict(reason.facts) for reason in stated] == [
            {"confidence": said.confidence} | ({"domain": said.domain} if said.domain is not None else {})
            for said in treatment.evidence
        ]
        [label] = [reason for reason in one.reasons if reason.text.startswith("Label (US): ")]
        status = treatment.jurisdictions["us"]
        off, note = "; off-label for depression" if status.off_label else "", f"; {status.note}" if status.note else ""
        opening = label.text.removesuffix(f"{off}{note}.").removeprefix("Label (US): ")
        assert opening in _STATUS.values()


def test_every_reason_of_an_option_begins_as_a_sentence() -> None:
    listed = choose(ANH, history=failures_of(4)).listed
    own = [reason for one in listed for reason in one.reasons if reason.rule in ("L1", "L2", "L3", "L6")]
    assert any("several adequate trials failed" in reason.text for reason in own)
    assert [reason.text for reason in own if not reason.text[:1].isupper()] == []


# Resistance


def test_the_failures_of_a_stage_name_the_records_they_rest_on() -> None:
    fills = tuple(fill(n, 30 * n, product=product("sertraline", 100)) for n in range(3))
    stages = staged(*fills, scores=[scored_phq9(0, 18), scored_phq9(86, 16)], as_of=100)
    [reason] = [reason for reason in stages.reasons if "failed adequate antidepressants" in reason.text]
    assert dict(reason.facts) == {"failed_lo": 1, "failed_hi": 1}
    assert {fact.reference for fact in fills} <= set(reason.uses)


def test_of_equal_effort_the_fact_of_the_earlier_trial_comes_first() -> None:
    drugs = (("sertraline", 100, 0), ("mirtazapine", 30, 200), ("venlafaxine", 150, 400))
    taken = tuple(
        fill(10 * number + n, start + 30 * n, product=product(drug, strength))
        for number, (drug, strength, start) in enumerate(drugs)
        for n in range(3)
    )
    scores = [scored_phq9(day, value) for day, value in ((0, 18), (200, 18), (400, 18), (480, 17))]
    judged = assess(record(medications=taken, scores=scores), knowledge=KNOWLEDGE, as_of=on(600))
    places = [(one.effort, -1 if one.trial is None else one.trial, one.fact) for one in judged.changes]
    assert places == sorted(places)
    told = [one.fact.split()[0] for one in judged.changes if " stopped " in one.fact]
    assert list(dict.fromkeys(told)) == ["sertraline", "mirtazapine"]


def test_a_record_that_begins_its_episode_later_holds_only_what_was_taken_since() -> None:
    known = record()
    history = history_of(known, knowledge=KNOWLEDGE, as_of=on(300))
    assert {one.drug.id for one in history.taken} == {"sertraline", "venlafaxine"}
    later = replace(history.episode, start=VENLAFAXINE[0].start.latest if VENLAFAXINE[0].start else None)
    assert {one.drug.id for one in history.supposing(known, later).taken} == {"venlafaxine"}


# The tree and the document


def test_the_tree_names_the_modifiers_and_how_sure_the_episode_is() -> None:
    for judged in (judge(*TWICE), assess(explained(), knowledge=KNOWLEDGE, as_of=on(530))):
        lines = explain(judged).splitlines()
        modifiers = ", ".join(f"{name} {value}" for name, value in judged.next_step.modifiers.values.items())
        assert f"  Modifiers: {modifiers}" in lines
        episode = judged.episode
        uncertain = f"{episode.basis}, uncertain" if episode.uncertain else episode.basis
        assert f"Episode from {episode.start} ({uncertain})" in lines


def test_a_day_that_two_records_tell_of_names_both_in_the_tree() -> None:
    [stretch] = [line for line in explain(judge(*TWICE)).splitlines() if " days at 150 mg/d, " in line]
    records = ", ".join(fact.reference for fact in TWICE)
    assert stretch.endswith(f"({records})")


def test_what_was_ignored_stands_in_the_tree_with_its_records_below_it() -> None:
    seen: list[Assessment] = []

    def told(judged: Assessment) -> Assessment:
        seen.append(judged)
        return judged

    cards(change=told, labs=["hs-CRP 25 mg/L on day 200"])
    [judged] = seen
    lines = explain(judged).splitlines()
    scores = judged.next_step.profile.scores
    assert any(score.ignored for score in scores.values())
    ignored = [number for number, line in enumerate(lines) if line.startswith("    ignored: ")]
    evidence = next(number for number, line in enumerate(lines) if ": evidence " in line and "recency" in line)
    depths = {len(line) - len(line.lstrip()) for line in (lines[n + 1] for n in (*ignored, evidence))}
    assert depths == {len("    ignored: ") - len("ignored: ") + 2}
    for name, score in scores.items():
        if score.score is not None:
            [head] = [line for line in lines if line.startswith(f"  {name}: ")]
            ending = ")" if score.assessable else ", not assessable)"
            assert head.endswith(f"between {score.lower:.2f} and {score.upper:.2f}{ending}")
    assert {score.assessable for score in scores.values() if score.score is not None} == {True, False}


def test_the_document_names_the_patient() -> None:
    judged = assess(explained(), knowledge=KNOWLEDGE, as_of=on(530))
    assert to_document(judged)["patient"] == {"reference": ADULT.reference, "ageYears": 41, "sex": ADULT.sex}


def test_an_adverse_event_that_decided_nothing_is_set_aside_with_a_reason_of_its_own() -> None:
    event = AllergyFact(reference="AdverseEvent/e", ingredients=("mirtazapine",), kind="adverse-event")
    judged = assess(explained(allergies=(event,), received=(event.reference,)), knowledge=KNOWLEDGE, as_of=on(530))
    [reason] = [one.reason for one in judged.set_aside if one.reference == event.reference]
    assert reason == "read; tells of the end of no trial"


# How labels hang on numbers


def test_a_number_moved_by_nothing_turns_nothing() -> None:
    still = [effect_of(move, RECORDS, BASELINE, as_of=DAY) for move in moves(0.0)[:12]]
    assert any(effect.concerned for effect in still)
    assert {(effect.label, effect.named, effect.certainty) for effect in still} == {(0, 0, 0)}
