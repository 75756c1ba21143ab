"""The synthetic cohort: the same bytes for a seed, valid FHIR, the truth apart, missing what its profile says."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_hooks.cohort.directory import MANIFEST, PRACTITIONER, TRUTH, files_of, write_cohort
from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.life import Course, Life
from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import TYPES, record_of
from cds_hooks.cohort.scribe import MonthOnly
from cds_hooks.cohort.supply import supply
from cds_hooks.fhir_writer import check

Made = Callable[[str], Path]
PROFILES = ("complete", "us-ehr")
PLAIN_STATUS = ("active", "completed", "stopped")


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def written(directory: Path, patients: int, seed: int, plan: Plan, profile: str = "us-ehr") -> dict[str, bytes]:
    directory.mkdir(exist_ok=True)
    for _ in write_cohort(directory, plan, patients=patients, seed=seed, profile=profile, engine="0.0.0"):
        pass
    return {file.name: file.read_bytes() for file in files_of(directory)}


def antidepressant_orders(directory: Path) -> list[dict[str, Any]]:
    """Orders of courses: those of unrelated drugs have no timing and no supply in any profile."""
    orders = lines(directory / "MedicationRequest.ndjson")
    unrelated = ("lisinopril", "losartan", "metoprolol", "aspirin")
    return [o for o in orders if not o["medicationCodeableConcept"]["text"].startswith(unrelated)]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, plan: Plan) -> None:
    first = written(tmp_path / "a", 12, 5, plan)
    assert first == written(tmp_path / "b", 12, 5, Plan(plan.knowledge))
    other = written(tmp_path / "c", 12, 6, plan)
    assert all(first[name] != other[name] for name in ("Patient.ndjson", "MedicationRequest.ndjson", "truth.ndjson"))


def test_more_patients_leave_the_first_ones_as_they_were(tmp_path: Path, plan: Plan) -> None:
    few, many = written(tmp_path / "a", 5, 5, plan), written(tmp_path / "b", 9, 5, plan)
    assert many["truth.ndjson"].startswith(few["truth.ndjson"])
    assert many["Condition.ndjson"].startswith(few["Condition.ndjson"])


def test_the_truth_is_apart_and_the_same_whatever_the_record_lacks(made: Made) -> None:
    complete, us_ehr = made("complete"), made("us-ehr")
    assert (complete / TRUTH).read_bytes() == (us_ehr / TRUTH).read_bytes()
    assert not {"truth.ndjson"} & {file.name for file in complete.glob("*.ndjson")}
    assert {file.stem for file in complete.glob("*.ndjson")} == {*TYPES, PRACTITIONER}
    for kind in TYPES:
        text = (complete / f"{kind}.ndjson").read_text()
        assert "failedAdequateTrials" not in text
        assert all(line["resourceType"] == kind for line in lines(complete / f"{kind}.ndjson"))


@pytest.mark.parametrize("profile", PROFILES)
def test_everything_written_is_valid_fhir(made: Made, profile: str) -> None:
    directory = made(profile)
    checked = Counter[str]()
    for kind in (*TYPES, PRACTITIONER):
        for resource in lines(directory / f"{kind}.ndjson")[::9]:
            check(resource)
            checked[kind] += 1
    wanted = {"Patient", "MedicationRequest", "MedicationDispense", "Observation", "QuestionnaireResponse", "Condition"}
    assert {*wanted, "Procedure", "Encounter", PRACTITIONER} <= set(checked)


def test_ids_are_unique_and_every_resource_is_about_a_patient_of_the_cohort(made: Made) -> None:
    directory = made("complete")
    people = {f"Patient/{person['id']}" for person in lines(directory / "Patient.ndjson")}
    assert len(people) == 300
    for kind in TYPES[1:]:
        resources = lines(directory / f"{kind}.ndjson")
        assert len({r["id"] for r in resources}) == len(resources)
        assert {r["subject"]["reference"] for r in resources} <= people


def test_every_order_is_signed_by_a_prescriber_of_the_cohort_and_some_sign_far_more(made: Made) -> None:
    directory = made("complete")
    known = {f"Practitioner/{one['id']}" for one in lines(directory / "Practitioner.ndjson")}
    signed = Counter(one["requester"]["reference"] for one in lines(directory / "MedicationRequest.ndjson"))
    assert set(signed) == known
    assert len(known) == 18  # three clinics of six
    of_one_clinic = [many for name, many in signed.items() if "-clinic-0-" in name]
    assert max(of_one_clinic) > 3 * min(of_one_clinic)


def test_who_signs_moves_nothing_else(plan: Plan) -> None:
    """With one prescriber in place of six the records are the same but for who signed."""
    file = plan.file.model_copy(update={"prescribers": plan.file.prescribers[:1]})
    alone = Plan(replace(plan.knowledge, cohort=file))
    signed: list[set[str]] = [set(), set()]
    for number in range(12):
        both = [record_of(live(one, 5, number), one, seed=5, hidden=one.hidden("us-ehr")) for one in (plan, alone)]
        for record, names in zip(both, signed, strict=True):
            names.update(one.pop("requester")["reference"] for one in record if "requester" in one)
        assert both[0] == both[1]
    assert [len(names) for names in signed] == [6, 1]


def _shares(directory: Path) -> dict[str, float]:
    orders = [o for o in antidepressant_orders(directory) if o["status"] in PLAIN_STATUS]
    stopped = [o for o in orders if o["status"] == "stopped"]

    def lacking(element: str) -> float:
        return sum(element not in o.get("dispenseRequest", {}) for o in orders) / len(orders)

    with_feed = {d["subject"]["reference"] for d in lines(directory / "MedicationDispense.ndjson")}
    taking = {o["subject"]["reference"] for o in orders}
    dispenses = [d for d in lines(directory / "MedicationDispense.ndjson") if d["status"] == "completed"]
    return {
        "order-days-supply": lacking("expectedSupplyDuration"),
        "order-quantity": lacking("quantity"),
        "order-refills": lacking("numberOfRepeatsAllowed"),
        "dispense-feed": len(taking - with_feed) / len(taking),
        "dispense-days-supply": sum("daysSupply" not in d for d in dispenses) / len(dispenses),
        "stopped": len(stopped) / len(orders),
    }


def test_a_complete_record_lacks_nothing_that_it_could_have(made: Made) -> None:
    found = _shares(made("complete"))
    assert "stopped" in {kind for kind, share in found.items() if share} <= {"dispense-feed", "stopped"}
    assert found["dispense-feed"] < 0.03  # only those whose every order was never filled


@pytest.mark.parametrize(
    ("kind", "within"),
    [
        ("order-days-supply", 0.01),
        ("order-quantity", 0.03),
        ("order-refills", 0.015),
        ("dispense-feed", 0.09),
        ("dispense-days-supply", 0.03),
    ],
)
def test_what_a_us_record_lacks_is_near_its_parameter(made: Made, plan: Plan, kind: str, within: float) -> None:
    assert _shares(made("us-ehr"))[kind] == pytest.approx(plan.hidden("us-ehr")[kind], abs=within)


def test_stop_reasons_and_scores_are_as_rare_as_the_profile_says(made: Made, plan: Plan) -> None:
    reasons = {p: sum("statusReason" in o for o in antidepressant_orders(made(p))) for p in PROFILES}
    scores = {
        p: sum(o["category"][0]["coding"][0]["code"] == "survey" for o in lines(made(p) / "Observation.ndjson"))
        for p in PROFILES
    }
    hidden = plan.hidden("us-ehr")
    assert reasons["complete"] > 100
    assert 1 - reasons["us-ehr"] / reasons["complete"] == pytest.approx(hidden["order-stop-reason"], abs=0.04)
    assert 1 - scores["us-ehr"] / scores["complete"] == pytest.approx(hidden["score"], abs=0.03)


def test_the_mess_of_real_records_is_there(made: Made) -> None:
    directory = made("complete")
    orders, scores = antidepressant_orders(directory), lines(directory / "Observation.ndjson")
    conditions = lines(directory / "Condition.ndjson")
    assert {"active", "completed", "stopped", "cancelled", "entered-in-error"} <= {o["status"] for o in orders}
    assert any("doseAndRate" not in o["dosageInstruction"][0] for o in orders)
    assert any(len(o["authoredOn"]) == len("2026-01") for o in orders)
    assert any("T" in o["authoredOn"] and o["authoredOn"][-6] == "-" for o in orders)
    codes = {o["code"]["coding"][0]["code"] for o in scores}
    assert {"44261-6", "44249-1", "44260-8", "3016-3"} <= codes
    assert len({c["code"] for o in scores for c in o["code"]["coding"] if "trd-instruments" in c["system"]}) >= 2
    assert any(len(i) < 9 for r in lines(directory / "QuestionnaireResponse.ndjson") for i in [_answered(r)])
    said = {c.get("verificationStatus", {}).get("coding", [{}])[0].get("code") for c in conditions}
    assert {"confirmed", "provisional", "refuted"} <= said
    copies = Counter(json.dumps({k: v for k, v in o.items() if k != "id"}, sort_keys=True) for o in orders)
    assert max(copies.values()) > 1


def _answered(response: dict[str, Any]) -> list[str]:
    return [item["linkId"] for item in response["item"] if item.get("answer")]


def test_histories_have_every_kind_of_step(made: Made) -> None:
    truths = lines(made("complete") / TRUTH)
    endings = {course["ending"] for truth in truths for course in truth["courses"]}
    assert endings == {"inefficacy", "intolerance", "drop-out", "recovery", "completed", "never-filled", "goes on"}
    assert {course["use"] for truth in truths for course in truth["courses"]} == {
        "antidepressant",
        "augmentation",
        "other",
    }
    assert {len(truth["episodes"]) for truth in truths} == {1, 2, 3}
    assert any(len(course["dailyDoses"]) > 2 for truth in truths for course in truth["courses"])
    resistant = [truth for truth in truths if truth["resistant"]]
    assert 0.05 < len(resistant) / len(truths) < 0.4
    assert all(truth["failedAdequateTrials"] >= 2 for truth in resistant)
    ages = [2026 - int(p["birthDate"][:4]) for p in lines(made("complete") / "Patient.ndjson")]
    assert min(ages) < 18
    assert max(ages) > 60


def test_nothing_is_recorded_after_the_last_day(made: Made, plan: Plan) -> None:
    last = plan.end.isoformat()
    for kind in ("MedicationRequest", "MedicationDispense", "Observation", "Procedure"):
        for resource in lines(made("complete") / f"{kind}.ndjson"):
            days = [resource.get(e) for e in ("authoredOn", "whenHandedOver", "effectiveDateTime", "performedDateTime")]
            assert all(day[:10] <= last for day in days if day)


def test_the_manifest_says_what_made_it(made: Made, plan: Plan) -> None:
    manifest = json.loads((made("us-ehr") / MANIFEST).read_text())
    assert (manifest["patients"], manifest["seed"], manifest["missingness"]) == (300, 7, "us-ehr")
    assert manifest["synthetic"] is True
    assert manifest["engine"]["knowledge"]["hash"] == plan.knowledge.content_hash
    assert manifest["parameters"]["missing"] == plan.hidden("us-ehr")
    written = {kind: len(lines(made("us-ehr") / f"{kind}.ndjson")) for kind in (*TYPES, PRACTITIONER)}
    assert manifest["resources"] == written


def test_a_cohort_cut_short_has_no_manifest(tmp_path: Path, plan: Plan) -> None:
    written(tmp_path, 2, 1, plan)
    steps = write_cohort(tmp_path, plan, patients=4, seed=1, profile="complete", engine="0.0.0")
    assert [next(steps), next(steps)] == [1, 2]
    steps.close()
    assert not (tmp_path / MANIFEST).exists()


def test_age_on_the_last_day_is_as_drawn(plan: Plan, made: Made) -> None:
    for person in lines(made("complete") / "Patient.ndjson")[:60]:
        born = date.fromisoformat(person["birthDate"])
        age = plan.end.year - born.year - ((plan.end.month, plan.end.day) < (born.month, born.day))
        assert age == live(plan, 7, int(person["id"].rpartition("-")[2])).age


def _course(**more: Any) -> Course:
    said = {"drug": "sertraline", "release": "", "use": "antidepressant", "start": -100, "doses": [(-100, 50.0)]}
    return Course(**{**said, "episode": 0, **more})


@pytest.mark.parametrize("number", range(25))
def test_taken_days_lie_inside_the_course_and_behind_a_fill(plan: Plan, number: int) -> None:
    for course in live(plan, 3, number).courses:
        stop = course.stop if course.stop is not None else 1
        assert all(course.start <= first <= last < stop for first, last in course.taken)
        assert course.taken == sorted(course.taken)
        assert bool(course.taken) is course.filled
        supplied = sum(fill.days for fill in course.fills)
        assert sum(last - first + 1 for first, last in course.taken) <= supplied


def test_an_unfilled_order_supplies_nothing(plan: Plan) -> None:
    course = _course(filled=False)
    supply(course, plan, Draw("x"), adherent=True)
    assert (course.fills, course.taken) == ([], [])


def test_severity_lies_on_the_line_between_turning_points() -> None:
    life = Life(number=0, age=40, sex="male", curve=[(-10, 20.0), (0, 10.0)])
    assert [life.severity(day) for day in (-20, -10, -5, 0, 5)] == [20.0, 20.0, 15.0, 10.0, 10.0]


def test_a_month_is_written_as_a_month() -> None:
    assert MonthOnly(2025, 3, 9).isoformat() == "2025-03"


def test_products_that_are_not_on_the_shelf_are_not_invented(plan: Plan) -> None:
    with pytest.raises(KeyError):
        plan.product("sertraline", "", 33.0)
    with pytest.raises(KeyError):
        plan.adequate_dose("esketamine")
    for choice in (*plan.file.antidepressants, *plan.file.augmenters):
        assert all(plan.product(choice.drug, choice.release, dose) for dose in plan.ladder(choice))
