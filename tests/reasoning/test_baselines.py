"""The published rules of registers and claims: each parameter below, at and above, told in the story notation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import pytest

from cds_hooks.stories.notation import write_story
from mappings.load import Knowledge
from plugin.baselines import Baseline, baselines
from plugin.exposure.exposures import expose
from plugin.exposure.issued import issued
from plugin.ingest import read_record
from plugin.record import PatientRecord, Read
from tests.reasoning.facts import ADULT, RULES, fill, on, product

DAY_0 = date(2023, 1, 2)
DEPRESSED = ("F33.1 active confirmed, onset day 0",)


def record(
    knowledge: Knowledge,
    *medications: str,
    conditions: Sequence[str] = DEPRESSED,
    procedures: Sequence[str] = (),
    as_of: int = 400,
) -> PatientRecord:
    story = {
        "as_of": as_of,
        "conditions": list(conditions),
        "medications": list(medications),
        "procedures": list(procedures),
    }
    return read_record(write_story(story, day_zero=DAY_0, patient_id="p", knowledge=knowledge), knowledge=knowledge)


def judged(told: PatientRecord, knowledge: Knowledge, as_of: int = 400) -> dict[str, Baseline]:
    found = baselines(told, knowledge=knowledge, as_of=DAY_0 + timedelta(days=as_of))
    return {each.rule: each for each in found}


def answer(rule: str, knowledge: Knowledge, *medications: str, as_of: int = 400, **more: Sequence[str]) -> bool | None:
    return judged(record(knowledge, *medications, as_of=as_of, **more), knowledge, as_of)[rule].resistant


D01 = (
    "sertraline 50 mg daily, dispensed 30 on day 0",
    "sertraline 100 mg daily, dispensed 2x30 on day 30",
    "venlafaxine er 150 mg daily, dispensed 3x30 on day 90",
)
D23 = (
    "sertraline 100 mg daily, dispensed 3x30 on day 0",
    "venlafaxine er 225 mg daily, dispensed 4x30 on day 90",
    "mirtazapine 30 mg at night, dispensed 2x30 on day 210",
)


def test_the_register_rule_and_the_measured_rule_are_not_nested(knowledge: Knowledge) -> None:
    assert answer("FABBRI-UKB", knowledge, *D23, as_of=300) is True
    assert answer("FABBRI-UKB", knowledge, *D01, as_of=190) is False


def test_each_rule_says_why_with_its_values_citations_and_records(knowledge: Knowledge) -> None:
    found = judged(record(knowledge, *D23), knowledge)
    assert list(found) == ["CEPEDA-2018", "FABBRI-UKB", "KIM", "OHDSI-1009"]
    for rule, said in found.items():
        [reason] = said.reasons
        assert (reason.rule, said.label) == (rule, knowledge.clinical.comparisons[rule].label)  # type: ignore[union-attr]
        assert reason.text
        assert reason.facts
        assert set(reason.cites) <= set(knowledge.sources)
    assert dict(found["FABBRI-UKB"].reasons[0].facts) == {"switches": 2, "drugs": 3}
    assert len(found["FABBRI-UKB"].reasons[0].uses) == 9


def test_exposures_may_be_handed_over(knowledge: Knowledge) -> None:
    told, day = record(knowledge, *D23), DAY_0 + timedelta(days=400)
    exposures = expose(told.medications, rules=knowledge.reconstruction_on(day), as_of=day)
    assert baselines(told, knowledge=knowledge, as_of=day, exposures=exposures) == baselines(
        told, knowledge=knowledge, as_of=day
    )


def test_without_clinical_knowledge_there_is_no_rule(knowledge: Knowledge) -> None:
    bare = replace(knowledge, clinical=None)
    assert baselines(record(knowledge, *D23), knowledge=bare, as_of=DAY_0) == ()


# Fabbri: weeks of the drug that is left, counted between its issues


@pytest.mark.parametrize(("last", "resistant"), [(41, False), (42, True), (43, True)])
def test_fabbri_asks_for_six_weeks_between_issues(knowledge: Knowledge, last: int, resistant: bool) -> None:
    first = f"sertraline 100 mg daily, dispensed 20 on day 0 and day {last}"
    rest = (
        "venlafaxine er 150 mg daily, dispensed 3x30 on day 90",
        "mirtazapine 30 mg at night, dispensed 30 on day 180",
    )
    assert answer("FABBRI-UKB", knowledge, first, *rest) is resistant


@pytest.mark.parametrize(("start", "resistant"), [(60, False), (61, True), (158, True), (159, False)])
def test_fabbri_asks_for_the_next_drug_within_14_weeks(knowledge: Knowledge, start: int, resistant: bool) -> None:
    told = (
        "sertraline 100 mg daily, dispensed 3x30 on day 0",
        f"venlafaxine er 150 mg daily, dispensed 30 on day {start} and day {start + 99}",
        f"mirtazapine 30 mg at night, dispensed 30 on day {start + 129}",
    )
    assert answer("FABBRI-UKB", knowledge, *told) is resistant


@pytest.mark.parametrize(("pause", "resistant"), [(181, True), (182, True), (183, False)])
def test_fabbri_starts_a_new_prescription_episode_after_26_weeks(
    knowledge: Knowledge, pause: int, resistant: bool
) -> None:
    back = 40 + pause
    told = (
        f"sertraline 100 mg daily, dispensed 20 on day 0 and day 40 and day {back} and day {back + 10}",
        f"venlafaxine er 150 mg daily, dispensed 3x30 on day {back + 30}",
        f"mirtazapine 30 mg at night, dispensed 30 on day {back + 110}",
    )
    assert answer("FABBRI-UKB", knowledge, *told, as_of=600) is resistant


def test_fabbri_takes_drugs_issued_in_turn_for_switches(knowledge: Knowledge) -> None:
    together = (
        "sertraline 100 mg daily, dispensed 4x30 on day 0",
        "venlafaxine er 150 mg daily, dispensed 4x30 on day 15",
        "mirtazapine 30 mg at night, dispensed 30 on day 135",
    )
    assert answer("FABBRI-UKB", knowledge, *together) is True
    same_days = tuple(line.replace("day 15", "day 0") for line in together)
    assert answer("FABBRI-UKB", knowledge, *same_days) is False  # an issue of the same day follows no other


def test_fabbri_lets_a_drug_issued_once_borrow_the_interval_to_the_next(knowledge: Knowledge) -> None:
    def told(start: int) -> tuple[str, ...]:
        return (
            "sertraline 100 mg daily, dispensed 30 on day 0",
            f"venlafaxine er 150 mg daily, dispensed 3x30 on day {start}",
            f"mirtazapine 30 mg at night, dispensed 30 on day {start + 90}",
        )

    assert [answer("FABBRI-UKB", knowledge, *told(day)) for day in (41, 42, 98, 99)] == [False, True, True, False]


def test_fabbri_counts_switches_from_one_drug_once(knowledge: Knowledge) -> None:
    # Sertraline is left twice, in two prescription episodes, venlafaxine for nothing within 14 weeks.
    told = (
        "sertraline 100 mg daily, dispensed 3x30 on day 0 and day 400",
        "venlafaxine er 150 mg daily, dispensed 3x30 on day 90",
        "mirtazapine 30 mg at night, dispensed 30 on day 490",
    )
    found = judged(record(knowledge, *told, as_of=700), knowledge, 700)["FABBRI-UKB"]
    assert (found.resistant, dict(found.reasons[0].facts)) == (False, {"switches": 1, "drugs": 3})


def test_fabbri_wants_three_drugs(knowledge: Knowledge) -> None:
    there_and_back = (
        "sertraline 100 mg daily, dispensed 3x30 on day 0 and day 300",
        "venlafaxine er 150 mg daily, dispensed 4x30 on day 90 and day 210",
    )
    found = judged(record(knowledge, *there_and_back, as_of=700), knowledge, 700)["FABBRI-UKB"]
    assert (found.resistant, dict(found.reasons[0].facts)["drugs"]) == (False, 2)


def test_fabbri_drops_tryptophan(knowledge: Knowledge) -> None:
    told = (*D23[:2], 'text "tryptophan 500 mg tablet" daily, dispensed 2x30 on day 210')
    assert answer("FABBRI-UKB", knowledge, *told) is False


# KIM: the third trial in sequence


@pytest.mark.parametrize(("days", "resistant"), [(27, False), (28, True), (29, True)])
def test_kim_asks_for_28_days_a_trial(knowledge: Knowledge, days: int, resistant: bool) -> None:
    told = (*D23[:2], f"mirtazapine 30 mg at night, dispensed {days} on day 210")
    assert answer("KIM", knowledge, *told) is resistant


@pytest.mark.parametrize(("pause", "resistant"), [(179, True), (180, True), (181, False)])
def test_kim_starts_anew_after_a_long_pause(knowledge: Knowledge, pause: int, resistant: bool) -> None:
    # Venlafaxine is supplied to day 149.
    told = (
        "sertraline 100 mg daily, dispensed 3x30 on day 0",
        "venlafaxine er 150 mg daily, dispensed 2x30 on day 90",
        f"mirtazapine 30 mg at night, dispensed 2x30 on day {149 + pause}",
    )
    assert answer("KIM", knowledge, *told, as_of=600) is resistant


@pytest.mark.parametrize(("gap", "trials"), [(29, 1), (30, 1), (31, 0)])
def test_kim_joins_supply_across_thirty_days(knowledge: Knowledge, gap: int, trials: int) -> None:
    told = f"sertraline 100 mg daily, dispensed 20 on day 0 and day {20 + gap}"
    found = judged(record(knowledge, told), knowledge)["KIM"]
    assert dict(found.reasons[0].facts) == {"trials": trials}


def test_kim_counts_a_series_of_ect_and_what_starts_the_same_day_once(knowledge: Knowledge) -> None:
    two = D23[:2]
    assert answer("KIM", knowledge, *two) is False
    assert answer("KIM", knowledge, *two, procedures=["ect 6 sessions from day 210 every 3 days"]) is True
    assert (
        answer("KIM", knowledge, *two, procedures=["ect 6 sessions from day 210 every 3 days, status not-done"])
        is False
    )
    together = (
        "sertraline 100 mg daily, dispensed 3x30 on day 0",
        "mirtazapine 30 mg at night, dispensed 3x30 on day 0",
    )
    assert answer("KIM", knowledge, *together, two[1]) is False


def test_kim_counts_a_drug_gone_back_to_and_none_gone_on_with(knowledge: Knowledge) -> None:
    back = (*D23[:2], "sertraline 100 mg daily, dispensed 3x30 on day 210")
    assert answer("KIM", knowledge, *back) is True
    on = (*D23[:2], "venlafaxine er 150 mg daily, dispensed 3x30 on day 260")
    assert answer("KIM", knowledge, *on) is False


# OHDSI 1009


@pytest.mark.parametrize(("start", "resistant"), [(394, True), (395, False)])
def test_ohdsi_looks_back_a_year(knowledge: Knowledge, start: int, resistant: bool) -> None:
    # Sertraline is supplied to day 29: 365 days later is day 394.
    told = (
        "sertraline 100 mg daily, dispensed 30 on day 0",
        "venlafaxine er 150 mg daily, dispensed 30 on day 200",
        f"mirtazapine 30 mg at night, dispensed 30 on day {start}",
    )
    assert answer("OHDSI-1009", knowledge, *told, as_of=500) is resistant


@pytest.mark.parametrize(("gap", "first_ends"), [(30, 49), (31, 19)])
def test_ohdsi_joins_eras_across_thirty_days(knowledge: Knowledge, gap: int, first_ends: int) -> None:
    told = (
        f"sertraline 100 mg daily, dispensed 10 on day 0 and day {10 + gap}",
        "venlafaxine er 150 mg daily, dispensed 30 on day 200",
        "mirtazapine 30 mg at night, dispensed 30 on day 201",
    )
    assert answer("OHDSI-1009", knowledge, *told) is True
    assert first_ends > 0


def test_ohdsi_takes_an_antipsychotic_with_one_antidepressant_or_esketamine_with_two(knowledge: Knowledge) -> None:
    one = "sertraline 100 mg daily, dispensed 30 on day 0"
    two = (one, "venlafaxine er 150 mg daily, dispensed 30 on day 30")
    added = "aripiprazole 5 mg daily, dispensed 30 on day 40"
    spray = 'text "esketamine 28 mg nasal spray" weekly, dispensed 28 on day 60'
    assert answer("OHDSI-1009", knowledge, one) is False
    assert answer("OHDSI-1009", knowledge, added) is False
    assert answer("OHDSI-1009", knowledge, one, added) is True
    assert answer("OHDSI-1009", knowledge, one, spray) is False
    assert answer("OHDSI-1009", knowledge, *two) is False
    assert answer("OHDSI-1009", knowledge, *two, spray) is True


@pytest.mark.parametrize(
    ("condition", "resistant"),
    [
        ("F33.1 active confirmed, onset day -300", True),
        ("F33.1 active confirmed", True),  # undated: it stands throughout
        ("F33.1 resolved confirmed, onset day -900, abated day -305", True),
        ("F33.1 resolved confirmed, onset day -900, abated day -306", False),
        ("F33.1 resolved confirmed, onset day -305", True),
        ("F33.1 resolved confirmed, onset day -306", False),
        ("F33.1 active confirmed, recorded day 61", False),
        ("F33.1 active provisional, onset day 0", False),
    ],
)
def test_ohdsi_wants_depression_coded_in_the_year_before(knowledge: Knowledge, condition: str, resistant: bool) -> None:
    told = (
        "sertraline 100 mg daily, dispensed 30 on day 0",
        "venlafaxine er 150 mg daily, dispensed 30 on day 30",
        "mirtazapine 30 mg at night, dispensed 30 on day 60",
    )
    assert answer("OHDSI-1009", knowledge, *told, conditions=[condition]) is resistant


@pytest.mark.parametrize(("day", "resistant"), [(60, False), (61, True)])
def test_ohdsi_excludes_by_what_was_known_then(knowledge: Knowledge, day: int, resistant: bool) -> None:
    told = (
        "sertraline 100 mg daily, dispensed 30 on day 0",
        "venlafaxine er 150 mg daily, dispensed 30 on day 30",
        "mirtazapine 30 mg at night, dispensed 30 on day 60",
    )
    conditions = [*DEPRESSED, f"F31.9 active confirmed, recorded day {day}"]
    assert answer("OHDSI-1009", knowledge, *told, conditions=conditions) is resistant


# Cepeda


@pytest.mark.parametrize(("as_of", "resistant"), [(394, True), (395, False)])
def test_cepeda_looks_back_a_year_from_the_day_of_judgement(knowledge: Knowledge, as_of: int, resistant: bool) -> None:
    told = (
        "sertraline 100 mg daily, dispensed 30 on day 0",
        "venlafaxine er 150 mg daily, dispensed 30 on day 100",
        "mirtazapine 30 mg at night, dispensed 30 on day 200",
    )
    assert answer("CEPEDA-2018", knowledge, *told, as_of=as_of) is resistant


def test_cepeda_takes_one_antipsychotic_or_three_antidepressants(knowledge: Knowledge) -> None:
    two = D23[:2]
    assert answer("CEPEDA-2018", knowledge, *two) is False
    assert answer("CEPEDA-2018", knowledge, *D23) is True
    assert answer("CEPEDA-2018", knowledge, "quetiapine 25 mg at night, dispensed 30 on day 100") is True
    assert answer("CEPEDA-2018", knowledge, "lithium 300 mg daily, dispensed 30 on day 100") is False


# Population, exclusions, what could not be read


@pytest.mark.parametrize(
    ("rule", "code", "resistant"),
    [
        ("FABBRI-UKB", "F31.9", False),
        ("FABBRI-UKB", "F20.9", False),
        ("FABBRI-UKB", "F10.20", False),
        ("FABBRI-UKB", "G30.9", True),
        ("KIM", "F31.9", True),
        ("OHDSI-1009", "F31.9", False),
        ("OHDSI-1009", "F20.9", False),
        ("OHDSI-1009", "G30.9", False),
        ("OHDSI-1009", "F10.20", True),
        ("CEPEDA-2018", "F31.9", False),
        ("CEPEDA-2018", "F20.9", False),
        ("CEPEDA-2018", "G30.9", False),
    ],
)
def test_each_rule_excludes_what_it_names(knowledge: Knowledge, rule: str, code: str, resistant: bool) -> None:
    conditions = [*DEPRESSED, f"{code} active confirmed, recorded day 5"]
    assert answer(rule, knowledge, *D23, conditions=conditions) is resistant


@pytest.mark.parametrize("words", ["active provisional, recorded day 5", "active refuted, recorded day 5"])
def test_only_a_confirmed_diagnosis_excludes(knowledge: Knowledge, words: str) -> None:
    assert answer("FABBRI-UKB", knowledge, *D23, conditions=[*DEPRESSED, f"F31.9 {words}"]) is True


@pytest.mark.parametrize("rule", ["FABBRI-UKB", "KIM", "OHDSI-1009", "CEPEDA-2018"])
def test_without_any_depression_entry_nobody_is_resistant(knowledge: Knowledge, rule: str) -> None:
    assert answer(rule, knowledge, *D23, conditions=["I10 active confirmed, onset day 0"]) is False


@pytest.mark.parametrize("rule", ["FABBRI-UKB", "KIM", "OHDSI-1009", "CEPEDA-2018"])
def test_what_could_not_be_read_leaves_a_positive_answer_open(knowledge: Knowledge, rule: str) -> None:
    assert answer(rule, knowledge, *D23, conditions=()) is None
    assert answer(rule, knowledge, *D23[:1], conditions=()) is False
    assert answer(rule, knowledge) is None
    assert record(knowledge).read("MedicationRequest") is Read.UNREAD


def test_issues_of_a_product_for_something_else_count_as_the_sources_count_them(knowledge: Knowledge) -> None:
    smoking = 'rxnorm 1801289 twice daily, dispensed 3x30 on day 210, for "tobacco"'
    assert answer("KIM", knowledge, *D23[:2], smoking) is True


def test_a_drug_that_is_not_rated_does_not_count(knowledge: Knowledge) -> None:
    told = record(knowledge, *D23[:2], 'text "lisinopril 10 mg tablet" daily, dispensed 3x30 on day 210')
    assert dict(judged(told, knowledge)["CEPEDA-2018"].reasons[0].facts) == {"antipsychotics": 0, "antidepressants": 2}


def test_an_ingredient_outside_the_knowledge_is_no_drug_of_these_rules(knowledge: Knowledge) -> None:
    told = PatientRecord(patient=ADULT, medications=(fill(1, 0, product=product("unrated")),))
    [reason] = judged(told, knowledge)["KIM"].reasons
    assert reason.text == "No medication data could be read."
    exposures = expose(told.medications, rules=RULES, as_of=on(90))
    assert issued(exposures, dict(knowledge.drugs)) == ()
