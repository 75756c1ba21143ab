"""The edge cases named for domains, options and safety, told in FHIR resources: one test for each line of the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cds_hooks.fhir_writer import check
from cds_hooks.stories.notation import write_story
from mappings.load import load
from plugin import Assessment, assess
from plugin.document.assessment_document import to_document
from plugin.document.explain import explain
from plugin.domains.indicators import Evidence
from plugin.ingest import read_record
from plugin.record import LABORATORY, Availability, PatientRecord, Read

KNOWLEDGE = load()
DAY_0, TODAY = date(2023, 1, 2), 210
READ = (
    "MedicationRequest",
    "MedicationDispense",
    "MedicationStatement",
    "Observation",
    "QuestionnaireResponse",
    "Condition",
    "Procedure",
    "AllergyIntolerance",
    LABORATORY,
)
FAILED = {
    "patient": {"age": 41, "sex": "female"},
    "conditions": ["F33.2 active confirmed, onset day 0"],
    "medications": [
        "sertraline 200 mg daily, dispensed 70 on day 20",
        "venlafaxine er 225 mg daily, dispensed 56 on day 90",
    ],
    "scores": ["phq9 20 on day 20", "phq9 19 on day 88", "phq9 18 on day 144"],
}
SHEET = "phq9 3/3/1/2/3/2/2/0/0 on day 205 as observations"
SCALES = ["shaps-likert 40 on day 205", "gad7 6 on day 205", "isi 9 on day 205", "pdq5 6 on day 205"]
Edit = Callable[[dict[str, Any]], None]


def judged(
    *,
    unread: str = "",
    edit: Edit | None = None,
    answers: list[str] | None = None,
    scales: list[str] | None = None,
    **more: Any,
) -> Assessment:
    """The case of two failed trials with `more` lines of a story; `edit` changes each resource after it was written."""
    story: dict[str, Any] = {"as_of": TODAY, **FAILED, "answers": [SHEET] if answers is None else answers}
    story["scales"] = SCALES if scales is None else scales
    for section, lines in more.items():
        story[section] = [*story.get(section, []), *lines] if isinstance(lines, list) else lines
    resources = write_story(story, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE)
    for resource in resources:
        check(resource)
        if edit is not None:
            edit(resource)
    availability = {kind: Availability(read=Read.COMPLETE) for kind in READ}
    if unread:
        availability[unread] = Availability(read=Read.UNREAD, why="search refused: 403")
    record = read_record(
        resources,
        knowledge=KNOWLEDGE,
        patient_id="p",
        availability=availability,
        zone=ZoneInfo("America/New_York"),
    )
    return assess(record, knowledge=KNOWLEDGE, as_of=DAY_0 + timedelta(days=TODAY), suppose=False)


def evidence(assessment: Assessment, indicator: str) -> list[Evidence]:
    scores = assessment.next_step.profile.scores.values()
    return [one for score in scores for one in score.evidence if one.indicator == indicator]


def blocked(assessment: Assessment, option: str) -> list[str]:
    return [hit.rule for hit in assessment.next_step.safety.blocked.get(option, ())]


def cautions(assessment: Assessment, option: str) -> list[str]:
    return [hit.rule for hit in assessment.next_step.safety.cautions.get(option, ())]


def listed(assessment: Assessment) -> list[str]:
    options = assessment.next_step.options
    return [one.id for one in (*options.matched, *options.guideline, *options.adjunct)]


def at(code: str, time: str) -> Edit:
    """Every observation with this code is timed at `time` of its day, in the order written."""
    times = iter(time.split())

    def edit(resource: dict[str, Any]) -> None:
        codes = [one["code"] for one in resource.get("code", {}).get("coding", [])]
        if resource["resourceType"] == "Observation" and code in codes:
            resource["effectiveDateTime"] += f"T{next(times)}-04:00"

    return edit


def test_crp_in_mg_per_dl_is_converted() -> None:
    (found,) = evidence(judged(labs=["hs-CRP 0.08 mg/dL on day 190"]), "hscrp")
    assert found.raw == pytest.approx(0.8)
    assert found.evidence == pytest.approx(0.2)


def test_a_censored_crp_is_no_low_evidence() -> None:
    inflammatory = judged(labs=["CRP <5 mg/L on day 190"]).next_step.profile.scores["INF"]
    assert [one.indicator for one in inflammatory.evidence] == ["phq4"]
    assert [one.indicator for one in inflammatory.ignored] == ["crp"]
    assert not inflammatory.assessable


def test_of_two_sheets_of_one_day_the_later_counts_and_without_times_the_worse() -> None:
    two = ["phq9 item 1 value 3 on day 205", "phq9 item 1 value 1 on day 205"]
    (worse,) = evidence(judged(answers=two), "phq1")
    (later,) = evidence(judged(answers=two, edit=at("44250-9", "08:00:00 17:00:00")), "phq1")
    assert (worse.raw, later.raw) == (3, 1)


def test_a_sheet_without_its_ninth_answer_gives_a_total_and_no_word_on_suicidality() -> None:
    without = judged(answers=["phq9 3/3/1/2/3/2/2/0/- on day 205 as questionnaire"]).next_step
    assert without.profile.severity is not None
    assert without.profile.severity.value == 18
    assert without.modifiers.values["SUI"] == "not-assessed"
    assert judged().next_step.modifiers.values["SUI"] == "none-recorded"


def test_a_complete_negative_screener_of_the_same_day_supersedes_the_ninth_item() -> None:
    positive = "phq9 3/3/1/2/3/2/2/0/2 on day 205 as observations"
    asked = [f"cssrs-screener item {number} no on day 205" for number in (1, 2, 6, 7)]
    assert judged(answers=[positive]).next_step.modifiers.values["SUI"] == "moderate"
    assert judged(answers=[positive, *asked]).next_step.modifiers.values["SUI"] == "none-recorded"
    assert judged(answers=[positive, asked[0]]).next_step.modifiers.values["SUI"] == "moderate"


def test_the_minimum_data_set_version_is_no_phq9() -> None:
    other = [
        "loinc 54635-8 20 {score} on day 205",
        "loinc 54636-6 1 {score} on day 205",
        "loinc 54637-4 3 {score} on day 205",
    ]
    found = judged(answers=[], measurements=other)
    assert evidence(found, "phq1") == []
    assert found.next_step.profile.severity is None


def test_a_sheet_says_the_same_in_every_form() -> None:
    forms = ("observations", "panel", "components", "questionnaire")
    seen = [judged(answers=[SHEET.replace("observations", form)]).next_step for form in forms]
    scores = [{name: score.score for name, score in one.profile.scores.items()} for one in seen]
    assert scores == [scores[0]] * len(forms)
    assert [one.profile.severity and one.profile.severity.value for one in seen] == [16] * len(forms)
    assert [[o.id for o in one.options.matched] for one in seen] == [[o.id for o in seen[0].options.matched]] * len(
        forms
    )


def test_a_refuted_bipolar_disorder_changes_nothing() -> None:
    refuted, held = judged(conditions=["F31.81 refuted"]), judged(conditions=["F31.81 active confirmed"])
    assert (refuted.next_step.modifiers.gates, blocked(refuted, "BUP")) == ((), [])
    assert (held.next_step.modifiers.gates, blocked(held, "BUP")) == (("BIPOLAR",), ["S01"])
    assert listed(refuted)
    assert not listed(held)


def test_a_seizure_in_childhood_still_blocks_and_says_who_judges() -> None:
    found = judged(conditions=["R56.9 resolved, onset day -12000"])
    assert blocked(found, "DXB") == ["S06"]
    (hit,) = found.next_step.safety.blocked["DXB"]
    assert "childhood febrile seizure" in hit.means
    assert "Childhood febrile seizure: for the clinician to judge." in hit.reasons[0].text


@pytest.mark.parametrize(("days", "expected"), [(13, ["S10"]), (14, ["S10"]), (15, [])])
def test_the_washout_of_an_mao_inhibitor(days: int, expected: list[str]) -> None:
    last = TODAY - days
    found = judged(medications=[f"tranylcypromine 30 mg daily, dispensed 20 on day {last - 19}"])
    assert blocked(found, "BUP") == expected


@pytest.mark.parametrize(("days", "expected"), [(30, ["S11"]), (35, ["S11"]), (36, [])])
def test_the_washout_of_fluoxetine_before_an_mao_inhibitor(days: int, expected: list[str]) -> None:
    last = TODAY - days
    found = judged(medications=[f"fluoxetine 20 mg daily, dispensed 20 on day {last - 19}"])
    assert blocked(found, "MAOI") == expected


@pytest.mark.parametrize(("ms", "expected"), [(469, []), (470, ["S23"])])
def test_the_lower_band_of_the_qt_interval_in_women(ms: int, expected: list[str]) -> None:
    assert cautions(judged(vitals=[f"qtc {ms} ms on day 200"]), "QUE") == expected


@pytest.mark.parametrize(
    ("pressure", "blocks", "warns"),
    [("140/90", [], []), ("141/90", [], ["S05"]), ("180/100", ["S04"], ["S05"]), ("170/120", ["S04"], ["S05"])],
)
def test_blood_pressure_at_its_limits(pressure: str, blocks: list[str], warns: list[str]) -> None:
    found = judged(vitals=[f"blood pressure {pressure} on day 205"])
    assert (blocked(found, "ESK"), cautions(found, "ESK")) == (blocks, warns)


def test_body_mass_from_height_and_weight_alone() -> None:
    found = judged(measurements=["loinc 8302-2 175 cm on day 150", "loinc 29463-7 104.125 kg on day 150"])
    (mass,) = evidence(found, "bmi")
    assert mass.raw == pytest.approx(34.0, abs=0.01)
    assert cautions(found, "QUE") == ["S32"]


@pytest.mark.parametrize("kind", ["MedicationRequest", "AllergyIntolerance", "Condition"])
def test_unreadable_medications_allergies_or_conditions_name_no_option(kind: str) -> None:
    options = judged(unread=kind).next_step.options
    assert not (options.matched or options.guideline or options.adjunct or options.blocked)
    assert options.why_none is not None


@pytest.mark.parametrize(("born", "of_age"), [("2005-08-01", False), ("2005-07-31", True)])
def test_the_last_day_before_the_eighteenth_birthday(born: str, of_age: bool) -> None:
    found = judged(patient={"born": born, "sex": "female"})
    assert (blocked(found, "ESK") == ["S00"]) is not of_age
    assert bool(listed(found)) is of_age
    assert "PSYT" not in found.next_step.safety.blocked


def test_a_date_without_time_zone_is_the_day_as_written() -> None:
    def untimed(resource: dict[str, Any]) -> None:
        if resource["resourceType"] == "Observation" and resource["effectiveDateTime"] == "2023-07-26":
            resource["effectiveDateTime"] = "2023-07-26T02:30:00"  # the day before, were it taken for universal time

    (timed,) = evidence(judged(edit=untimed), "gad7")
    (plain,) = evidence(judged(), "gad7")
    assert timed.date == plain.date == date(2023, 7, 26)
    assert timed.recency == plain.recency


def test_the_proposal_sentence_stands_beside_every_statement_on_domains() -> None:
    """0.4 (10): in the document and in the text; the cards have tests of their own."""
    told = assess(PatientRecord(patient=None), knowledge=KNOWLEDGE, as_of=DAY_0 + timedelta(days=TODAY))
    sentence = KNOWLEDGE.sentences["option-proposal"].text
    assert to_document(told)["profile"]["limits"][0] == sentence
    assert sentence in explain(told)
