"""What each kind of fact does to the assessment: read and judged like the record, never more than a report."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cds_hooks.basis.page import Surroundings, basis_page
from cds_hooks.fhir_writer import (
    Resource,
    coding,
    concept,
    dosage,
    medication_request,
    medication_statement,
    period,
    quantity,
)
from cds_hooks.reported.offered import drugs_offered
from plugin.advice.policy import advise
from plugin.trial.measurement import Status
from tests.basis.page_reader import read_page
from tests.reported.charts import (
    AS_OF,
    ESC,
    FAILED,
    FIRST,
    KNOWLEDGE,
    OPEN,
    PERSON,
    counts,
    enter,
    fills,
    judged,
    made_of,
    on,
    phq9,
    rated,
)

NO_RESPONSE = {"kind": "outcome", "trial": ESC, "outcome": "no-response"}
VEN = {"kind": "trial", "drug": "venlafaxine", "dose": "150", "start": on(95), "weeks": "8", "outcome": "no-response"}
ONE = [*PERSON, *FAILED]


def test_the_record_alone() -> None:
    assert counts(judged(OPEN)) == ("INDETERMINATE", 1, 1, 2)
    assert counts(judged(ONE)) == ("NOT_MET", 1, 1, 1)


def test_a_reported_no_response_is_a_probable_failure_and_never_a_measured_one() -> None:
    found = judged(OPEN, NO_RESPONSE)
    assert counts(found) == ("PROBABLE", 1, 2, 2)
    assert rated(found, "escitalopram") == ("ADEQUATE", "FAILED_PROXY", "reported")


@pytest.mark.parametrize(("value", "verdict"), [("4", "NOT_MET"), ("8", "NOT_MET"), ("9", "MET"), ("15", "MET")])
def test_a_score_then_is_a_measurement(value: str, verdict: str) -> None:
    row = {"kind": "score", "instrument": "phq9", "value": value, "day": on(175)}
    assert counts(judged(OPEN, row))[0] == verdict


@pytest.mark.parametrize("outcome", ["response", "remission"])
def test_a_reported_response_closes_the_switch_and_is_no_failure(outcome: str) -> None:
    switched = [*OPEN, *fills("mir", "mirtazapine", 30, 180, count=1)]
    assert counts(judged(switched)) == ("PROBABLE", 1, 2, 2)
    found = judged(switched, {**NO_RESPONSE, "outcome": outcome})
    assert counts(found) == ("INDETERMINATE", 1, 1, 2)
    assert rated(found, "escitalopram")[1] == Status.UNKNOWN


def test_side_effects_close_the_switch_too() -> None:
    switched = [*OPEN, *fills("mir", "mirtazapine", 30, 180, count=1)]
    found = judged(switched, {"kind": "outcome", "trial": ESC, "reason": "side-effects"})
    assert counts(found) == ("INDETERMINATE", 1, 1, 2)
    trial = next(one for one in found.trials if one.ingredient == "escitalopram")
    assert trial.outcome.category == "intolerance"


@pytest.mark.parametrize("outcome", ["partial", ""])
def test_a_partial_response_alone_says_neither(outcome: str) -> None:
    row = {**NO_RESPONSE, "outcome": outcome, "purpose": "depression"}
    assert counts(judged(OPEN, row)) == ("INDETERMINATE", 1, 1, 2)


def test_no_report_undoes_a_measured_failure() -> None:
    measured = [*OPEN, phq9(175, 16)]
    for row in ({**NO_RESPONSE, "outcome": "remission"}, {**NO_RESPONSE, "outcome": "", "reason": "side-effects"}):
        assert counts(judged(measured, row)) == ("MET", 2, 2, 2)


def test_no_report_undoes_a_recorded_stop_reason() -> None:
    stop = concept(coding("http://snomed.info/sct", "395007004"))
    order = medication_request(
        id_="o",
        patient_id="p",
        medication=concept(text="escitalopram 20 mg tablet"),
        status="stopped",
        authored=FIRST + timedelta(days=90),
        status_reason=stop,
    )
    coded = [*OPEN, order]
    before = judged(coded)
    assert rated(before, "escitalopram")[2] == "coded-reason"
    assert counts(judged(coded, {**NO_RESPONSE, "outcome": "remission"})) == counts(before)


@pytest.mark.parametrize(
    ("until", "verdict"), [(90 + 26, "NOT_MET"), (90 + 27, "INDETERMINATE"), (178, "INDETERMINATE")]
)
def test_taken_only_until_a_day(until: int, verdict: str) -> None:
    """27 days are no trial, 28 days a borderline one."""
    row = {"kind": "adherence", "trial": ESC, "taken": "until", "until": on(until)}
    assert counts(judged(OPEN, row))[0] == verdict


def test_not_taken_at_all() -> None:
    found = judged(OPEN, {"kind": "adherence", "trial": ESC, "taken": "none"})
    assert counts(found) == ("NOT_MET", 1, 1, 1)
    assert all(one.ingredient != "escitalopram" for one in found.trials)
    aside = {one.reference: one.reason for one in found.set_aside}
    assert "another record says that the drug was not taken then" in aside["MedicationDispense/esc-1"]
    assert "says that the drug was not taken" in aside["MedicationStatement/reported-1"]
    assert not any("ser-" in reference for reference in aside)
    assert {one.id for one in KNOWLEDGE.definitions.values()} == set(found.by_definition)


def test_what_it_was_taken_for() -> None:
    neuropathy = concept(text="diabetic neuropathy")
    order = medication_request(
        id_="o",
        patient_id="p",
        medication=concept(text="escitalopram 20 mg tablet"),
        status="active",
        authored=FIRST + timedelta(days=90),
        reasons=[neuropathy],
    )
    for_pain = [*OPEN, order]
    assert rated(judged(for_pain), "escitalopram")[0] == "BORDERLINE"
    row = {"kind": "outcome", "trial": ESC, "purpose": "depression", "outcome": "no-response"}
    assert counts(judged(for_pain, row)) == ("PROBABLE", 1, 2, 2)
    elsewhere = {**VEN, "purpose": "other"}
    assert rated(judged(ONE, elsewhere), "venlafaxine")[0] == "BORDERLINE"


def test_a_trial_elsewhere_by_the_day() -> None:
    found = judged(ONE, VEN)
    assert counts(found) == ("PROBABLE", 1, 2, 2)
    assert rated(found, "venlafaxine") == ("ADEQUATE", "FAILED_PROXY", "reported")
    assert counts(judged(ONE, {**VEN, "outcome": "", "reason": "no-effect"})) == ("PROBABLE", 1, 2, 2)


@pytest.mark.parametrize(
    ("weeks", "adequacy"), [("3", "INADEQUATE"), ("4", "BORDERLINE"), ("5", "BORDERLINE"), ("6", "ADEQUATE")]
)
def test_weeks_are_weeks_of_seven_days(weeks: str, adequacy: str) -> None:
    assert rated(judged(ONE, {**VEN, "weeks": weeks}), "venlafaxine")[0] == adequacy


@pytest.mark.parametrize("start", [{"start": "2025-09"}, {"start": "2025-09-10", "about": "yes"}])
@pytest.mark.parametrize(("weeks", "adequacy"), [("3", "INADEQUATE"), ("4", "BORDERLINE"), ("8", "BORDERLINE")])
def test_an_imprecise_start_never_makes_a_failure_nor_shortens_a_trial(
    start: dict[str, str], weeks: str, adequacy: str
) -> None:
    found = judged(ONE, {**VEN, **start, "weeks": weeks})
    assert rated(found, "venlafaxine")[:2] == (adequacy, "UNKNOWN")
    assert counts(found)[0] == ("NOT_MET" if adequacy == "INADEQUATE" else "INDETERMINATE")


@pytest.mark.parametrize(
    ("dose", "adequacy"), [("74.9", "INADEQUATE"), ("75", "BORDERLINE"), ("150", "ADEQUATE"), ("", "BORDERLINE")]
)
def test_the_dose_decides_as_in_the_record(dose: str, adequacy: str) -> None:
    assert rated(judged(ONE, {**VEN, "dose": dose}), "venlafaxine")[0] == adequacy


def test_a_reported_dose_fills_in_and_replaces_none() -> None:
    silent = [{**fill, "dosageInstruction": []} for fill in fills("esc", "escitalopram", 20, 90)]
    for fill in silent:
        fill["medicationCodeableConcept"] = concept(text="escitalopram")
    chart = [*ONE, *silent]
    row = {"kind": "trial", "drug": "escitalopram", "dose": "20", "start": on(90), "end": on(179)}
    assert rated(judged(chart), "escitalopram")[0] == "BORDERLINE"
    assert rated(judged(chart, row), "escitalopram")[0] == "ADEQUATE"
    assert rated(judged(chart, {**row, "dose": "5"}), "escitalopram")[0] == "INADEQUATE"
    assert rated(judged(OPEN, {**row, "dose": "5"}), "escitalopram")[0] == "ADEQUATE"


def test_what_was_taken_settles_a_single_order() -> None:
    order = medication_request(
        id_="o",
        patient_id="p",
        medication=concept(text="escitalopram 20 mg tablet"),
        status="active",
        authored=FIRST + timedelta(days=90),
        dosages=[dosage(dose=quantity(20, "mg", ucum="mg"), frequency=1)],
        fill_days=90,
    )
    chart = [*PERSON, order]
    assert rated(judged(chart), "escitalopram")[0] == "BORDERLINE"  # grade C
    row = {"kind": "trial", "drug": "escitalopram", "dose": "20", "start": on(90), "end": on(179)}
    assert rated(judged(chart, row), "escitalopram")[0] == "ADEQUATE"


def test_still_taken() -> None:
    row = {"kind": "trial", "drug": "venlafaxine", "dose": "150", "start": on(150), "still": "yes"}
    assert rated(judged(ONE, row), "venlafaxine")[0] == "BORDERLINE"  # without an end: grade C
    assert rated(judged(ONE, {**row, "start": on(190)}), "venlafaxine")[0] == "IN_PROGRESS"


def test_a_release_form_that_changes_the_dose() -> None:
    row = {**VEN, "drug": "paroxetine", "dose": "20"}
    assert rated(judged(ONE, row), "paroxetine")[0] == "ADEQUATE"
    assert rated(judged(ONE, {**row, "release": "released"}), "paroxetine")[0] == "INADEQUATE"
    assert rated(judged(ONE, {**row, "release": "released", "dose": "25"}), "paroxetine")[0] == "ADEQUATE"


def test_an_augmenting_agent() -> None:
    row = {
        "kind": "trial",
        "drug": "aripiprazole",
        "dose": "5",
        "start": on(40),
        "weeks": "5",
        "outcome": "no-response",
    }
    assert rated(judged(ONE, row), "aripiprazole")[0] == "ADEQUATE"


@pytest.mark.parametrize("drug", sorted(drugs_offered(KNOWLEDGE)))
def test_every_drug_offered_is_recognised_with_its_dose(drug: str) -> None:
    doses = KNOWLEDGE.drugs[drug].adequate_dose
    assert doses is not None
    row = {**VEN, "drug": drug, "dose": f"{doses.default.on(AS_OF).amount:g}"}
    record = judged(PERSON, row).record
    [fact] = record.medications
    assert fact.product is not None
    assert fact.product.ingredients == (drug,)
    assert fact.reported_ineffective
    if KNOWLEDGE.drugs[drug].role == "antidepressant" and fact.product.excluded_for is None:
        found = judged(PERSON, row)
        assert rated(found, drug)[0] == ("ADEQUATE" if KNOWLEDGE.drugs[drug].counting == "counts" else "BORDERLINE")


def _as_recorded(drug: str, dose: float, first: int, last: int, note: str, status: str) -> Resource:
    """The same trial as somebody else's system writes it: no identifier, no author, other words."""
    statement = medication_statement(
        id_="foreign",
        patient_id="p",
        medication=concept(text=f"{drug} tablet"),
        status=status,
        effective=period(FIRST + timedelta(days=first), FIRST + timedelta(days=last)),
        asserted=AS_OF,
        dosages=[dosage(dose=quantity(dose / 2, "mg", ucum="mg"), frequency=2)],
    )
    return {**statement, "note": [{"text": note}]} if note else statement


@pytest.mark.parametrize(
    ("row", "note", "status"),
    [
        ({"outcome": "no-response"}, "did not help", "completed"),
        ({"outcome": "", "reason": "no-effect"}, "stopped working", "stopped"),
        ({"outcome": "", "reason": "side-effects"}, "stopped for nausea", "stopped"),
        ({"outcome": "remission"}, "in remission", "completed"),
        ({"outcome": ""}, "", "completed"),
    ],
)
def test_the_form_and_the_record_say_the_same(row: dict[str, str], note: str, status: str) -> None:
    entered = judged(ONE, {**VEN, **row}, suppose=True)
    recorded = judged(ONE, more=(_as_recorded("venlafaxine", 150, 95, 150, note, status),), suppose=True)
    assert counts(entered) == counts(recorded)
    assert entered.by_definition == recorded.by_definition
    assert [(c.kind, c.fact, c.verdict) for c in entered.changes] == [
        (c.kind, c.fact, c.verdict) for c in recorded.changes
    ]
    for one, other in zip(entered.trials, recorded.trials, strict=True):
        assert (one.ingredient, one.judged.adequacy, one.judged.sure, one.judged.possible, one.grade) == (
            other.ingredient,
            other.judged.adequacy,
            other.judged.sure,
            other.judged.possible,
            other.grade,
        )
        assert (one.outcome.status, one.outcome.basis, one.outcome.category) == (
            other.outcome.status,
            other.outcome.basis,
            other.outcome.category,
        )


def test_everything_entered_is_used_or_set_aside_with_a_reason() -> None:
    rows = [
        VEN,
        NO_RESPONSE,
        {"kind": "score", "instrument": "phq9", "value": "15", "day": on(175)},
        {"kind": "adherence", "trial": ESC, "taken": "until", "until": on(150)},
    ]
    made = {f"{one['resourceType']}/{one['id']}" for one in made_of(enter(*rows))}
    found = judged(OPEN, *rows)
    aside = {entry.reference for entry in found.set_aside}
    assert made <= found.used | aside
    assert "MedicationStatement/reported-1" in found.used


REPORTS_ALONE = KNOWLEDGE.sentences["reports-alone"].text.partition("{names}")[0]


def test_a_failure_that_only_a_report_tells_of_is_named_as_such_on_the_card_and_on_the_page() -> None:
    """The count stays as it is (decision 30)."""

    def told(*rows: dict[str, str], resources: list[Resource] = ONE) -> tuple[list[str], str]:
        found = judged(resources, *rows)
        [card] = [one for one in advise(found, hook="order-sign", knowledge=KNOWLEDGE) if one.kind == "trd-status"]
        page = read_page(basis_page(found, knowledge=KNOWLEDGE, around=Surroundings())).text
        return [line for line in card.detail if line.startswith(REPORTS_ALONE)], page

    scores = [{"kind": "score", "instrument": "phq9", "value": "18", "day": day} for day in (on(94), on(150))]
    line, page = told({**VEN, "outcome": ""}, *scores)
    assert counts(judged(ONE, {**VEN, "outcome": ""}, *scores))[0] == "MET"
    assert line == [f"{REPORTS_ALONE}venlafaxine"]
    assert f"{REPORTS_ALONE}venlafaxine." in page

    dispensed, page = told(NO_RESPONSE, resources=OPEN)
    assert dispensed == [] and REPORTS_ALONE not in page
