"""Drafts of one request beside each other, and orders of it that stood before: no washout is lost between them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from cds_hooks.draft_changes import drafted_twice, order_named
from cds_hooks.stories import drafted
from cds_hooks.stories.notation import write_story
from mappings.load import load
from plugin import Assessment, assess
from plugin.advice.policy import advise
from plugin.ingest import read_orders, read_record, read_standing_orders
from plugin.record import Availability, Read
from tests.reasoning.test_next_step_cards import DAY_0, READ, STORY, TODAY

KNOWLEDGE = load()
DAY = DAY_0 + timedelta(days=TODAY)


def order(identifier: str, line: str, *, day: date = DAY, **changed: Any) -> dict[str, Any]:
    made = drafted(line, patient_id="p", day=day, knowledge=KNOWLEDGE)
    return {**made, "id": identifier, **changed}


def worded(identifier: str, name: str, kind: str = "MedicationRequest", **changed: Any) -> dict[str, Any]:
    field = "medicationCodeableConcept" if kind == "MedicationRequest" else "code"
    made = {"resourceType": kind, "id": identifier, "status": "draft", "intent": "order", field: {"text": name}}
    return {**made, "subject": {"reference": "Patient/p"}, **changed}


def judged(
    *drafts: dict[str, Any],
    recorded: tuple[dict[str, Any], ...] = (),
    selections: list[str] | None = None,
    **more: Any,
) -> Assessment:
    """As a call judges it: the record without the orders of the request, which tell beside it what was taken."""
    story = {"as_of": TODAY, **STORY, "medications": [], **more}
    known = [*write_story(story, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE), *recorded]
    named = {(draft["resourceType"], draft["id"]) for draft in drafts}
    record = read_record(
        [one for one in known if (one["resourceType"], one["id"]) not in named],
        knowledge=KNOWLEDGE,
        patient_id="p",
        availability={kind: Availability(read=Read.COMPLETE) for kind in READ},
    )
    return assess(
        record,
        knowledge=KNOWLEDGE,
        as_of=DAY,
        orders=read_orders(drafts, knowledge=KNOWLEDGE, selections=selections),
        stood=read_standing_orders(drafts, known, knowledge=KNOWLEDGE, as_of=DAY),
        suppose=False,
    )


def stops(found: Assessment) -> dict[str, set[str]]:
    """Names of the stops by draft."""
    return {one.order.reference.split("/")[1]: {stop.rule for stop in one.stops} for one in found.orders}


def texts(found: Assessment) -> str:
    return " ".join(reason.text for one in found.orders for stop in one.stops for reason in stop.reasons)


def blocks(found: Assessment) -> dict[str, tuple[str, ...]]:
    return {one.id: one.rules for one in found.next_step.options.blocked}


# Drafts beside each other


def test_an_mao_inhibitor_and_an_ssri_drafted_together_stop_each_other() -> None:
    found = judged(order("maoi", "tranylcypromine 30 mg daily"), order("ssri", "sertraline 50 mg daily"))
    assert stops(found) == {"maoi": {"S11"}, "ssri": {"S10"}}
    assert "also being ordered: tranylcypromine" in texts(found)
    assert "takes" not in texts(found)


def test_a_draft_that_is_not_selected_is_met_all_the_same() -> None:
    found = judged(
        order("maoi", "tranylcypromine 30 mg daily"),
        order("ssri", "sertraline 50 mg daily"),
        selections=["MedicationRequest/ssri"],
    )
    assert stops(found) == {"ssri": {"S10"}}


def test_linezolid_and_an_ssri_drafted_together_stop_each_other() -> None:
    found = judged(worded("antibiotic", "linezolid 600 mg tablet"), order("ssri", "sertraline 50 mg daily"))
    assert stops(found) == {"antibiotic": {"S11"}, "ssri": {"S10"}}
    assert "also being ordered: MAO inhibitor, linezolid or methylene blue" in texts(found)


@pytest.mark.parametrize("change", [{"status": "entered-in-error"}, {"status": "cancelled"}, {"doNotPerform": True}])
def test_what_was_withdrawn_in_the_request_is_not_met(change: dict[str, Any]) -> None:
    maoi = order("maoi", "tranylcypromine 30 mg daily", **change)
    assert stops(judged(maoi, order("ssri", "sertraline 50 mg daily"))) == {"ssri": set()}


def test_two_drafts_that_do_not_conflict_say_nothing() -> None:
    found = judged(order("one", "sertraline 50 mg daily"), order("two", "mirtazapine 15 mg daily"))
    assert stops(found) == {"one": set(), "two": set()}


def test_what_is_taken_and_what_is_being_ordered_are_both_told() -> None:
    found = judged(
        order("maoi", "tranylcypromine 30 mg daily"),
        order("ssri", "sertraline 50 mg daily"),
        medications=["phenelzine 60 mg daily, dispensed 30 on day 190"],
    )
    assert "takes an MAO inhibitor, linezolid or methylene blue: phenelzine; also being ordered: tranylcypromine" in (
        texts(found)
    )


def test_a_drug_of_no_concern_matters_beside_one_of_concern_and_not_alone() -> None:
    omeprazole = worded("ppi", "omeprazole 20 mg capsule")
    assert not any(one.selected for one in read_orders([omeprazole], knowledge=KNOWLEDGE))
    assert stops(judged(omeprazole)) == {}
    assert stops(judged(omeprazole, order("ssri", "citalopram 40 mg daily"))) == {"ssri": {"citalopram-max-dose"}}
    assert stops(judged(omeprazole, order("ssri", "citalopram 20 mg daily"))) == {"ssri": set()}


def test_ketamine_as_a_procedure_meets_what_is_drafted_and_recorded() -> None:
    visit = worded("visit", "esketamine nasal administration", "ServiceRequest")
    found = judged(visit, worded("drug", "ketamine 50 mg/mL injection"), conditions=["I67.1 active, onset day 0"])
    assert stops(found) == {"visit": {"S02", "duplicate-ingredient"}, "drug": {"S02", "duplicate-ingredient"}}
    assert stops(judged(visit, worded("drug", "esketamine 28 mg nasal spray"))) == {"visit": set(), "drug": set()}


# Options beside drafts


def test_options_see_what_is_drafted() -> None:
    assert "S10" not in {
        rule for rules in blocks(judged(order("x", "aripiprazole 2 mg daily"))).values() for rule in rules
    }
    maoi = judged(order("maoi", "tranylcypromine 30 mg daily"))
    met = {name for name, rules in blocks(maoi).items() if "S10" in rules}
    assert met == {"APC", "BUP", "DXB", "MIR", "OFC", "SNRI", "TCA", "VOR"}
    assert "S10" in {hit.rule for hit in maoi.next_step.safety.cautions["ESK"]}
    ssri = judged(order("ssri", "sertraline 50 mg daily"))
    assert blocks(ssri)["MAOI"] == ("S11",)
    assert "also being ordered: sertraline" in " ".join(
        reason.text for hit in ssri.next_step.safety.blocked["MAOI"] for reason in hit.reasons
    )


def test_no_option_stands_in_its_own_way() -> None:
    assert "DXB" not in blocks(judged(worded("dxb", "Auvelity 45 mg / 105 mg")))
    assert "MAOI" not in blocks(judged(order("maoi", "tranylcypromine 30 mg daily")))
    assert blocks(judged(order("bup", "bupropion xl 150 mg daily")))["DXB"] == ("S12",)


# Orders of the request that stood before


def phenelzine(day: int = TODAY - 60, **changed: Any) -> dict[str, Any]:
    return order("ph", "phenelzine 60 mg daily", day=DAY_0 + timedelta(days=day), **{"status": "active", **changed})


VOR = ("vor", "vortioxetine 10 mg daily")


@pytest.mark.parametrize("status", ["active", "on-hold", "stopped", "completed", "cancelled", "draft"])
def test_the_old_mao_inhibitor_in_the_request_is_no_lost_washout(status: str) -> None:
    found = judged(order(*VOR), {**phenelzine(), "status": status}, recorded=(phenelzine(),))
    assert "S10" in stops(found)["vor"]
    going_on = status in ("active", "on-hold", "draft")
    assert ("takes an MAO inhibitor" in texts(found)) is going_on
    assert ("took an MAO inhibitor" in texts(found)) is not going_on
    assert all("S10" in blocks(found)[name] for name in ("BUP", "SNRI", "TCA"))
    assert found.trials == (), "the order itself is no history"


def ended(days_ago: int, status: str = "stopped") -> dict[str, Any]:
    made = phenelzine()
    line = made["dosageInstruction"][0]
    end = {"end": (DAY - timedelta(days=days_ago)).isoformat()}
    timing = {**line.get("timing", {}), "repeat": {**line.get("timing", {}).get("repeat", {}), "boundsPeriod": end}}
    return {**made, "status": status, "dosageInstruction": [{**line, "timing": timing}]}


@pytest.mark.parametrize(("days_ago", "stopped"), [(13, True), (14, True), (15, False)])
def test_the_washout_counts_from_the_end_of_the_old_order(days_ago: int, stopped: bool) -> None:
    for recorded in ((), (phenelzine(),)):
        found = judged(order(*VOR), ended(days_ago), recorded=recorded)
        assert ("S10" in stops(found)["vor"]) is stopped


def test_what_ends_in_the_request_is_no_longer_taken_beside_what_begins() -> None:
    old = order("cit", "citalopram 20 mg daily", day=DAY - timedelta(days=60), status="active")
    new = order("esc", "escitalopram 10 mg daily")
    assert stops(judged(new, {**old, "status": "stopped"}, recorded=(old,)))["esc"] == set()
    assert stops(judged(new, old, recorded=(old,)))["esc"] == {"duplicate-ingredient"}


def supplied(line: str, **more: Any) -> tuple[dict[str, Any], ...]:
    """An active order of the chart, and its fill that reaches beyond today."""
    story = {"as_of": TODAY, **STORY, "medications": [f"{line}, dispensed 60 on day {TODAY - 20}"]}
    made = write_story(story, day_zero=DAY_0, patient_id="p", knowledge=KNOWLEDGE)
    fills = [one for one in made if one["resourceType"] == "MedicationDispense"]
    assert fills
    return (order("old", line, day=DAY - timedelta(days=20), status="active"), *({**one, **more} for one in fills))


NAMED = {"authorizingPrescription": [{"reference": "MedicationRequest/old"}]}
SWITCHES = [
    ("citalopram 20 mg daily", "escitalopram 10 mg daily"),
    ("venlafaxine er 75 mg daily", "desvenlafaxine 50 mg daily"),
]


@pytest.mark.parametrize(("before", "after"), SWITCHES)
@pytest.mark.parametrize("fills", [{}, NAMED])
@pytest.mark.parametrize("status", ["stopped", "cancelled", "completed"])
def test_a_switch_that_ends_the_old_order_is_no_duplicate(
    before: str, after: str, fills: dict[str, Any], status: str
) -> None:
    old, *rest = supplied(before, **fills)
    new = order("new", after)
    assert stops(judged(new, old | {"status": status}, recorded=(old, *rest)))["new"] == set()
    assert stops(judged(new, old, recorded=(old, *rest)))["new"] == {"duplicate-ingredient"}
    assert stops(judged(new, recorded=(old, *rest)))["new"] == {"duplicate-ingredient"}


@pytest.mark.parametrize(
    ("change", "goes_on"), [({}, True), ({"status": "stopped"}, False), ({"status": "completed"}, False)]
)
def test_another_order_that_goes_on_is_a_duplicate_whatever_the_request_ends(
    change: dict[str, Any], goes_on: bool
) -> None:
    old, *rest = supplied("citalopram 20 mg daily")
    another = {**old, "id": "another", **change}
    found = judged(
        order("new", "escitalopram 10 mg daily"), old | {"status": "stopped"}, recorded=(old, *rest, another)
    )
    assert stops(found)["new"] == ({"duplicate-ingredient"} if goes_on else set())


def test_ending_another_drug_ends_no_duplicate() -> None:
    old, *rest = supplied("citalopram 20 mg daily")
    other = order("other", "mirtazapine 15 mg daily", day=DAY - timedelta(days=20), status="active")
    found = judged(
        order("new", "escitalopram 10 mg daily"), other | {"status": "stopped"}, recorded=(old, *rest, other)
    )
    assert stops(found)["new"] == {"duplicate-ingredient"}


@pytest.mark.parametrize(("named", "goes_on"), [((), True), (("MedicationRequest/old",), False)])
def test_an_active_report_goes_on_unless_it_is_of_the_ended_order(named: tuple[str, ...], goes_on: bool) -> None:
    old, *rest = supplied("citalopram 20 mg daily")
    report = {
        "resourceType": "MedicationStatement",
        "id": "told",
        "status": "active",
        "subject": {"reference": "Patient/p"},
        "medicationCodeableConcept": old["medicationCodeableConcept"],
        "effectivePeriod": {"start": (DAY - timedelta(days=20)).isoformat()},
        "basedOn": [{"reference": reference} for reference in named],
    }
    found = judged(order("new", "escitalopram 10 mg daily"), old | {"status": "stopped"}, recorded=(old, *rest, report))
    assert stops(found)["new"] == ({"duplicate-ingredient"} if goes_on else set())


def test_an_order_signed_again_is_no_conflict_with_itself() -> None:
    found = judged(phenelzine(), recorded=(phenelzine(),))
    assert stops(found) == {"ph": set()}


@pytest.mark.parametrize(
    "old",
    [
        phenelzine(day=TODAY, status="cancelled"),
        phenelzine(status="entered-in-error"),
        phenelzine(status="stopped", intent="plan"),
        phenelzine(status="stopped", doNotPerform=True),
    ],
)
def test_an_order_that_never_stood_tells_nothing(old: dict[str, Any]) -> None:
    assert stops(judged(order(*VOR), old))["vor"] == set()


def test_an_old_linezolid_in_the_request_is_no_lost_washout() -> None:
    written = (DAY - timedelta(days=9)).isoformat()
    old = worded("lz", "linezolid 600 mg tablet", status="active", authoredOn=written)
    found = judged(order("ssri", "sertraline 50 mg daily"), {**old, "status": "stopped"}, recorded=(old,))
    assert stops(found) == {"ssri": {"S10"}}


def test_an_order_long_completed_on_record_counts_by_its_supply() -> None:
    supply = {"expectedSupplyDuration": {"value": 30, "unit": "days", "code": "d"}}
    old = phenelzine(day=TODAY - 90, dispenseRequest=supply) | {"status": "completed"}
    assert stops(judged(order(*VOR), old, recorded=(old,)))["vor"] == set()


# Which of two drafts of one drug may go


def removed(*drafts: dict[str, Any], selections: list[str] | None = None) -> tuple[str, str]:
    found = judged(*drafts, selections=selections)
    by_reference = {f"MedicationRequest/{one['id']}": one for one in drafts}
    [card] = [one for one in advise(found, hook="order-sign", knowledge=KNOWLEDGE) if one.kind == "order-stop"]
    gone = drafted_twice(card, found, by_reference, KNOWLEDGE)
    orders = {one.reference: one for one in read_orders(drafts, knowledge=KNOWLEDGE, selections=selections)}
    return gone, order_named(orders[gone], KNOWLEDGE) if gone else ""


def test_the_draft_that_is_not_selected_goes_and_is_told_with_its_dose() -> None:
    one, two = order("one", "bupropion xl 150 mg daily"), order("two", "bupropion xl 150 mg daily")
    dose = "bupropion 150 mg, 150 mg a day"
    assert removed(one, two, selections=["MedicationRequest/one"])[0] == "MedicationRequest/two"
    assert removed(one, two, selections=["MedicationRequest/two"]) == ("MedicationRequest/one", dose)
    assert removed(one, two)[0] in {"MedicationRequest/one", "MedicationRequest/two"}


def levels(found: Assessment) -> set[tuple[str, str]]:
    return {(stop.rule, stop.level) for one in found.orders for stop in one.stops}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("venlafaxine er 75 mg daily", "venlafaxine er 150 mg daily"),
        ("bupropion xl 150 mg daily", "bupropion xl 300 mg daily"),
    ],
)
def test_two_strengths_of_one_product_make_up_one_dose(one: str, two: str) -> None:
    assert levels(judged(order("a", one), order("b", two))) == set()
    assert levels(judged(order("a", one), order("b", one))) == {("duplicate-ingredient", "warning")}


@pytest.mark.parametrize(("age", "two", "stopped"), [(70, 10, True), (70, 20, True), (45, 10, False)])
def test_the_doses_of_all_drafts_of_a_drug_are_added_up(age: int, two: int, stopped: bool) -> None:
    drafts = (order("a", "citalopram 20 mg daily"), order("b", f"citalopram {two} mg daily"))
    found = judged(*drafts, patient={"age": age, "sex": "female"})
    assert ({rule for rule, _ in levels(found)} - {"duplicate-ingredient"} != set()) is stopped


def test_two_standing_strengths_signed_again_are_no_hard_stop() -> None:
    both = tuple(
        order(name, f"venlafaxine er {dose} mg daily", status="active") for name, dose in (("a", 75), ("b", 150))
    )
    assert {level for _, level in levels(judged(*both, recorded=both))} <= {"info"}


@pytest.mark.parametrize(
    ("change", "met"),
    [
        ({"status": "stopped"}, True),
        ({"status": "completed"}, True),
        ({"status": "on-hold"}, True),
        ({"status": "cancelled"}, False),
        ({"status": "stopped", "authoredOn": (DAY - timedelta(days=365)).isoformat()}, True),
        ({"status": "stopped", "authoredOn": (DAY - timedelta(days=366)).isoformat()}, False),
        ({"status": "stopped", "dispenseRequest": {"expectedSupplyDuration": {"value": 5, "code": "d"}}}, False),
    ],
)
def test_a_washout_stays_open_while_nobody_knows_when_the_old_drug_was_stopped(
    change: dict[str, Any], met: bool
) -> None:
    old = phenelzine(day=TODAY - 40) | change
    found = judged(order("ssri", "sertraline 50 mg daily"), recorded=(old,))
    assert stops(found) == {"ssri": {"S10"} if met else set()}


def test_an_order_that_was_only_ever_a_draft_was_never_taken() -> None:
    pended = phenelzine(day=TODAY - 3) | {"status": "draft"}
    found = judged(order("ssri", "sertraline 50 mg daily"), pended | {"status": "cancelled"}, recorded=(pended,))
    assert stops(found)["ssri"] == set()


def test_of_several_unselected_drafts_none_is_named() -> None:
    drafts = [order(name, "bupropion xl 150 mg daily") for name in ("a", "b", "c")]
    assert removed(*drafts, selections=["MedicationRequest/a"]) == ("", "")


def test_a_draft_is_named_by_what_can_be_read_of_it() -> None:
    plain = {key: value for key, value in order("a", "bupropion xl 150 mg daily").items() if key != "dosageInstruction"}
    [read] = read_orders([plain], knowledge=KNOWLEDGE)
    assert order_named(read, KNOWLEDGE) == "bupropion 150 mg"
    [service] = read_orders([worded("s", "TMS", "ServiceRequest")], knowledge=KNOWLEDGE)
    assert order_named(service, KNOWLEDGE) == ""
