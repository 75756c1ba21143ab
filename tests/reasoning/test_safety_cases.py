"""Every safety rule by its cases: when it speaks, when it nearly would, and when the time is wrong."""

from __future__ import annotations

from collections import defaultdict

import pytest

from cds_hooks.fhir_writer import check
from mappings.load import load
from plugin.safety.decision_index import asked
from plugin.safety.decision_rows import held
from plugin.safety.known_values import Certainty
from plugin.safety.option_safety import rows_that_hold
from plugin.safety.order_stops import facts_for
from tests.safety_cases.cases import AS_OF, KINDS, Case, cases
from tests.safety_cases.judging import Said, judge

KNOWLEDGE = load()
CASES = list(cases())
EFFECTS = ("block", "caution", "needed")
CHECKS = ("ALLERGY", "allergy", "duplicate-ingredient")


def said_of(case: Case) -> Said:
    return judge(case.record(KNOWLEDGE), case.orders(KNOWLEDGE), knowledge=KNOWLEDGE, as_of=AS_OF)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    for resource in case.resources(KNOWLEDGE):
        check(resource)
    said = said_of(case)
    assert {effect: said.options(case.rule, effect) for effect in EFFECTS} == {e: case.options(e) for e in EFFECTS}
    assert (case.rule in {hit.rule for hit in said.safety.warnings}) is bool(case.said.get("warning"))
    assert case.stops <= said.stops
    if not case.stops:
        own = {"H01": "citalopram-max-dose"}.get(case.rule, case.rule)
        assert own not in {stop.split()[0] for stop in said.stops}
    for hits in (*said.safety.blocked.values(), *said.safety.cautions.values(), said.safety.warnings):
        for hit in hits:
            assert hit.reasons
            assert all(reason.rule == hit.rule and reason.cites and reason.text for reason in hit.reasons)
            drafts = {order.reference for order in case.orders(KNOWLEDGE)}
            assert set(hit.uses) <= {*drafts, *(f"{r['resourceType']}/{r['id']}" for r in case.resources(KNOWLEDGE))}


def test_no_row_is_passed_over_that_holds() -> None:
    """Rows are found by what is recorded; asking each of them finds the same."""
    for case in CASES:
        facts = said_of(case).facts
        asked_each = [
            (rule.id, number)
            for rule in KNOWLEDGE.clinical.safety.values()
            for number, row in enumerate(rule.rows)
            if held(asked(row.when, AS_OF), facts) is not None
        ]
        found = {(rule.id, rule.rows.index(row)) for rule, row, _ in rows_that_hold(facts, KNOWLEDGE, AS_OF, "us")}
        passed_over = {(id_, number) for id_, number in asked_each if (id_, number) not in found}
        rows = [KNOWLEDGE.clinical.safety[id_].rows[number] for id_, number in passed_over]
        assert all(row.jurisdictions == ("eu",) or row.effect != "block" for row in rows), passed_over
        for row in rows:
            met = held(asked(row.when, AS_OF), facts)
            assert met is not None
            assert row.jurisdictions == ("eu",) or met.certainty is Certainty.WORDS


@pytest.mark.parametrize("rule", [*KNOWLEDGE.clinical.safety, *CHECKS])
def test_every_rule_has_a_trigger_a_near_miss_and_a_wrong_time(rule: str) -> None:
    told = defaultdict(list)
    for case in CASES:
        told[case.rule, case.kind].append(case)
    assert [kind for kind in KINDS if not told[rule, kind]] == []


def test_every_row_of_every_rule_holds_in_some_trigger() -> None:
    untold = {(rule.id, number) for rule in KNOWLEDGE.clinical.safety.values() for number in range(len(rule.rows))}
    for case in CASES:
        rule = KNOWLEDGE.clinical.safety.get(case.rule)
        if case.kind != "trigger" or rule is None:
            continue
        said = said_of(case)
        for facts in [said.facts, *(facts_for(order, case.orders(KNOWLEDGE), said.facts) for order in said.orders)]:
            untold -= {
                (rule.id, number)
                for number, row in enumerate(rule.rows)
                if held(asked(row.when, AS_OF), facts) is not None
            }
    assert untold == set()


def test_every_hard_stop_stops_an_order_in_some_case() -> None:
    """Every rule with a hard stop, and every row of it, is met by a drafted order that it names."""
    untold = {
        (rule.id, number)
        for rule in KNOWLEDGE.clinical.safety.values()
        for number, row in enumerate(rule.rows)
        if row.hard_stop
    }
    for case in CASES:
        rule = KNOWLEDGE.clinical.safety.get(case.rule)
        if rule is None or not case.stops:
            continue
        said = said_of(case)
        for order in said.orders:
            drug, groups = order.drug, order.order.groups
            facts = facts_for(order, case.orders(KNOWLEDGE), said.facts)
            untold -= {
                (rule.id, number)
                for number, row in enumerate(rule.rows)
                if (drug in row.orders or groups & set(row.order_groups))
                and held(asked(row.when, AS_OF), facts) is not None
            }
    assert untold == set()


def test_cases_are_told_once() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
