"""The page as a whole: every story, policy, order of what is urgent, hostile words, what came from the form, size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from markupsafe import Markup

from cds_hooks.basis.page import HEADERS, Surroundings, basis_page
from mappings.load import Knowledge
from plugin.assessment import Assessment
from plugin.findings import Gap, Missing, SetAside
from tests.basis.page_checks import checked
from tests.basis.page_reader import read_page

Assessments = Mapping[str, Assessment]
HOSTILE = "<script>alert(1)</script><svg onload=x> \"' & {{ 7 * 7 }} **bold** [x](javascript:y)"
LARGEST = 150_000


def test_every_story_has_a_page_small_enough(assessments: Assessments, knowledge: Knowledge) -> None:
    for name, assessment in assessments.items():
        read = checked(assessment, knowledge)
        assert "Treatment-resistant depression:" in read.text
        html = basis_page(assessment, knowledge=knowledge, around=Surroundings())
        assert len(html.encode()) < LARGEST, name


def test_the_policy_allows_no_inline_code_and_no_copy() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy
    assert HEADERS["Cache-Control"] == "no-store"


def test_acute_danger_stands_before_the_verdict(assessments: Assessments, knowledge: Knowledge) -> None:
    text = checked(assessments["a-plan-is-recorded"], knowledge).text
    assert text.index("To be seen first") < text.index("Critical") < text.index("Treatment-resistant depression:")
    quiet = checked(assessments["two-failed-trials"], knowledge).text
    assert "To be seen first" not in quiet
    assert "not assessed" in quiet


def test_every_lane_leads_to_its_row(assessments: Assessments, knowledge: Knowledge) -> None:
    read = checked(assessments["after-ect-and-tms"], knowledge)
    rows = [id_ for id_ in read.ids if id_.startswith(("trial-", "augmentation-", "course-", "earlier-"))]
    assert set(rows) <= set(read.fragments)
    assert {"timeline-title", "timeline-told"} <= set(read.ids)


def test_hostile_words_are_shown_and_not_obeyed(assessments: Assessments, knowledge: Knowledge) -> None:
    plain = assessments["two-failed-trials"]
    trial = plain.trials[0]
    spoilt = replace(
        plain,
        trials=(replace(trial, drug=trial.drug.model_copy(update={"label": HOSTILE})), *plain.trials[1:]),
        gaps=(Gap(what=HOSTILE, why=HOSTILE),),
        missing=(Missing(what=HOSTILE, would_affect=HOSTILE),),
        set_aside=(SetAside(reference=f"Observation/{HOSTILE}", reason=HOSTILE),),
        never_filled=(HOSTILE,),
    )
    around = Surroundings(who=HOSTILE, notices=(HOSTILE,), links=((HOSTILE, "/"),))
    read = checked(spoilt, knowledge, around)
    assert read.text.count("<script>alert(1)</script>") >= 6
    assert "{{ 7 * 7 }}" in read.text
    assert not [address for address in read.values("a", "href") if "javascript" in address]


def test_what_the_clinician_entered_is_told_apart(assessments: Assessments, knowledge: Knowledge) -> None:
    assessment = assessments["two-failed-trials"]
    reported = frozenset(assessment.trials[0].sources)
    read = checked(assessment, knowledge, Surroundings(reported=reported))
    assert "clinician-reported" in read.text
    assert "clinician-reported" not in checked(assessment, knowledge).text


def test_the_surroundings_are_shown_and_the_form_stands_under_what_is_missing(
    assessments: Assessments, knowledge: Knowledge
) -> None:
    around = Surroundings(
        home="/start",
        who="A Name, born 1 Jan 1980",
        demo=True,
        notices=("Something was not read.",),
        links=(("Back", "/back"),),
        form=Markup('<form id="the-form"></form>'),
    )
    html = basis_page(assessments["told-without-dates"], knowledge=knowledge, around=around)
    read = read_page(html)
    assert {"/start", "/back"} <= set(read.values("a", "href"))
    for words in ("A Name, born 1 Jan 1980", "Something was not read.", "Synthetic patient, demonstration."):
        assert words in read.text
    assert html.index('id="missing"') < html.index('id="the-form"') < html.index('id="read"')


def test_nothing_on_record_is_said_as_such(knowledge: Knowledge, assessments: Assessments) -> None:
    full = assessments["two-failed-trials"]
    nothing = replace(full, trials=(), orders=(), severity=None, record=replace(full.record, scores=(), patient=None))
    text = checked(nothing, knowledge).text
    assert "age not known, sex not recorded" in text
    assert "No antidepressant trial is on record." in text


def test_what_is_missing_names_the_drug_and_no_path(assessments: Assessments, knowledge: Knowledge) -> None:
    text = checked(assessments["told-without-dates"], knowledge).text
    assert "outcome of fluoxetine" in text
    assert "trials[" not in text
