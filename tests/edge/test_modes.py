"""Live, shadow, off: over the wire, by client and by rule, without a restart; and what can never be silenced."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from cds_hooks.fhir_writer.validity import check
from cds_hooks.modes import Standing, SwitchRefusedError, check_switch, hard_stops, standing_of, switchable
from cds_hooks.storage import tables
from cds_hooks.storage.switchboard import EVERY, Switch
from mappings.load import load
from tests.record_keeping import BEGUN, new_records

KNOWLEDGE = load()
STOPS = hard_stops(KNOWLEDGE)


@pytest.fixture
def switch(making):
    def make(mode, client=EVERY, rule=EVERY, **changed):
        said = {"client": client, "rule": rule, "mode": mode, "who": "Dr A", "why": "pilot", "at": making.now}
        return Switch(**{**said, **changed})

    return make


@pytest.fixture
def site(clinic, keyring, making, tmp_path):
    """A registered client's service, its records, and a way to call it and to throw a switch beside it."""

    class Site:
        def __init__(self, knowing=None, **entry):
            self.records = new_records(tmp_path)
            self.service = clinic(registry=keyring.registry(**entry), records=self.records, knowing=knowing)

        def fire(self, hook="order-select"):
            token = keyring.token(aud=f"{making.base}/cds-services/trd-{hook}", jti=uuid4().hex)
            return self.service.fire(making.call(hook), headers={"Authorization": f"Bearer {token}"})

        def throw(self, switch):
            beside = new_records(tmp_path)  # another process, say the command line
            asyncio.run(beside.throw(switch, {"resourceType": "AuditEvent"}))
            asyncio.run(beside.database.close())

        def rows(self, table):
            return asyncio.run(self.records.database.read(lambda one: one.execute(select(table)).mappings().all()))

    return Site


def kinds(response):
    return [card["source"]["topic"]["code"] for card in response.json()["cards"]]


@pytest.mark.proves("BP-06")
def test_a_new_installation_is_in_shadow_whatever_its_registry_says(site, card_drafts):
    card_drafts(2)
    place = site(knowing=KNOWLEDGE)
    assert place.fire().json() == {"cards": []}
    [call] = place.rows(tables.calls)
    assert (call["mode"], call["shown"], call["shadowed"], call["status"]) == ("shadow", 0, 2, 200)
    assert [(card["kind"], card["shown"]) for card in place.rows(tables.cards)] == [("trd-status", False)] * 2
    line = place.service.log[-1]
    assert (line["mode"], line["shadowed_cards"], "cards" in line) == ("shadow", ["trd-status", "trd-status"], False)


def test_a_new_version_is_in_shadow_until_it_too_is_accepted(site, card_drafts, making):
    card_drafts(1)
    old = making.accepted(KNOWLEDGE)
    assert kinds(site(knowing=old).fire()) == ["trdstatus"]
    # the loader finds no acceptance of the new content (see tests/knowledge/test_acceptance.py)
    new = replace(old, version="0.2.0", site=replace(old.site, accepted=None))
    assert site(knowing=new).fire().json() == {"cards": []}


@pytest.mark.proves("BP-06")
@pytest.mark.parametrize(("mode", "shown"), [("live", ["trdstatus"]), ("shadow", []), ("off", [])])
def test_the_registry_sets_the_mode_of_a_client(site, card_drafts, mode, shown):
    card_drafts(1)
    place = site(mode=mode)
    assert kinds(place.fire()) == shown
    assert len(place.rows(tables.cards)) == (mode != "off")
    assert [call["mode"] for call in place.rows(tables.calls)] == [mode]


def test_off_reads_nothing_and_says_so_in_the_log(site, card_drafts, chart):
    card_drafts(1)
    place = site(mode="off")
    assert place.fire().json() == {"cards": []}
    assert chart.requests == []
    assert place.service.log[-1]["outcome"] == "switched-off"


def test_a_switch_acts_from_the_next_call_on_and_is_taken_back(site, card_drafts, switch):
    card_drafts(1)
    place = site(mode="shadow")
    seen = [kinds(place.fire())]
    for mode in ("live", "off", "default"):
        place.throw(switch(mode, client="general"))
        seen.append(kinds(place.fire()))
    assert seen == [[], ["trdstatus"], [], []]


def test_a_switch_for_all_limits_every_client_and_frees_none(site, card_drafts, switch):
    card_drafts(1)
    place = site(mode="live")
    place.throw(switch("off"))
    assert kinds(place.fire()) == []
    place.throw(switch("live"))
    assert kinds(place.fire()) == ["trdstatus"]
    place.throw(switch("shadow", client="general"))
    assert kinds(place.fire()) == []


@pytest.mark.parametrize(("mode", "counted"), [("shadow", 1), ("off", 0)])
def test_a_kind_of_card_in_shadow_is_counted_and_one_that_is_off_is_not(site, monkeypatch, switch, mode, counted):
    from plugin.advice.card_draft import CardDraft

    def say(_, *, knowledge, **__):
        named = {"trd-status": "a", "trd-options": "b"}
        made = [
            CardDraft(kind=kind, summary=text, detail=(), indicator="info", source_label="TRD-CDS")
            for kind, text in named.items()
        ]
        return tuple(draft for draft in made if knowledge.is_on(draft.kind))

    monkeypatch.setattr("cds_hooks.answering.advise", say)
    place = site()
    assert kinds(place.fire()) == ["trdstatus", "trdoptions"]
    place.throw(switch(mode, rule="trd-options"))
    assert kinds(place.fire()) == ["trdstatus"]
    last = [card for card in place.rows(tables.cards) if not card["shown"]]
    assert [card["kind"] for card in last] == ["trd-options"] * counted
    # a switch for this client stands before the one for all
    place.throw(switch("live", client="general", rule="trd-options"))
    assert kinds(place.fire()) == ["trdstatus", "trdoptions"]


def test_what_was_told_in_shadow_on_opening_a_record_was_not_told(site, card_drafts, switch):
    card_drafts(1, lasting=True)
    place = site(mode="shadow")
    assert kinds(place.fire("patient-view")) == []
    place.throw(switch("live", client="general"))
    assert kinds(place.fire("patient-view")) == ["trdstatus"]
    assert sorted(card["shown"] for card in place.rows(tables.cards)) == [False, True]


@pytest.mark.parametrize("rule", ["acute-safety", "order-stop", "S10"])
@pytest.mark.parametrize("mode", ["off", "shadow"])
def test_hard_stops_are_refused_a_switch_and_would_not_obey_one(switch, rule, mode):
    assert rule in STOPS
    thrown = switch(mode, rule=rule)
    with pytest.raises(SwitchRefusedError, match="hard stop"):
        check_switch(thrown, clients={"general"}, knowledge=KNOWLEDGE)
    standing = standing_of("general", baseline="live", switches=[thrown], knowledge=KNOWLEDGE, accepted=True)
    assert standing == Standing("live")
    with pytest.raises(ValueError, match="hard stop"):
        KNOWLEDGE.without({rule})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"client": "nobody"}, "registry"),
        ({"rule": "no-such-rule"}, "mode rules"),
        ({"mode": "loud"}, "live, shadow, off, default"),
        ({"who": " "}, "who"),
        ({"why": ""}, "why"),
        ({"why": "a\nb"}, "why"),
        ({"why": "a" * 1001}, "why"),
    ],
)
def test_a_switch_that_makes_no_sense_is_refused_with_a_remedy(switch, changed, said):
    with pytest.raises(SwitchRefusedError, match=said):
        check_switch(switch(**{"mode": "off", **changed}), clients={"general"}, knowledge=KNOWLEDGE)


MODES = st.sampled_from(["live", "shadow", "off", "from a newer version"])
RULES = st.sampled_from([EVERY, *sorted(switchable(KNOWLEDGE))])


@given(
    st.lists(st.tuples(st.sampled_from([EVERY, "general", "other"]), RULES, MODES), max_size=8),
    st.sampled_from(["live", "shadow", "off"]),
    st.booleans(),
)
def test_no_switch_makes_more_visible_than_acceptance_and_the_stop_for_all_allow(thrown, baseline, accepted):
    switches = [Switch(client=who, rule=rule, mode=mode, who="x", why="y", at=BEGUN) for who, rule, mode in thrown]
    standing = standing_of("general", baseline=baseline, switches=switches, knowledge=KNOWLEDGE, accepted=accepted)
    assert accepted or standing.mode != "live"
    assert not (standing.off | standing.shadowed) & STOPS
    assert not standing.off & standing.shadowed
    last = {(switch.client, switch.rule): switch.mode for switch in switches}
    if last.get((EVERY, EVERY), "live") not in ("live", "shadow"):
        assert standing.mode == "off"
    silent = standing_of("general", baseline=baseline, switches=(), knowledge=KNOWLEDGE, accepted=accepted)
    if not any(who in ("general", EVERY) for who, *_ in thrown):
        assert standing == silent


def test_every_call_is_audited_with_who_for_whom_and_which_rules(site, card_drafts):
    card_drafts(1, rules=("V1",))
    place = site()
    place.fire()
    [row] = place.rows(tables.audit_events)
    event = json.loads(row["record"])
    check(event)
    assert [agent["who"]["identifier"]["value"] for agent in event["agent"]] == ["Practitioner/d1", "general"]
    details = {one["type"]: one["valueString"] for one in event["entity"][1]["detail"]}
    assert (details["cards"], details["mode"], details["status"]) == ("trd-status", "live", "200")
    assert details["rules"]
    [card] = place.rows(tables.cards)
    pseudonym = event["entity"][0]["what"]["identifier"]["value"]
    assert (card["patient"], len(pseudonym), card["user"]) == (pseudonym, 64, "Practitioner/d1")
    assert "p1" not in row["record"].replace("Practitioner/d1", "")
    assert asyncio.run(place.records.audit.verify()).broken == ""


def test_a_call_of_no_concern_is_counted_and_leaves_no_trace_of_the_patient(site, keyring, making):
    place = site()
    token = keyring.token(jti="other-drug")
    drafts = {"resourceType": "Bundle", "entry": [{"resource": making.order(code="860975")}]}
    body = making.call()
    body["context"]["draftOrders"] = drafts
    assert place.service.fire(body, headers={"Authorization": f"Bearer {token}"}).json() == {"cards": []}
    assert [(call["hook"], call["orders"]) for call in place.rows(tables.calls)] == [("order-select", 0)]
    assert place.rows(tables.audit_events) == place.rows(tables.cards) == []


def test_a_call_that_fails_is_audited_too(site, monkeypatch):
    place = site()

    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("cds_hooks.answering.assess", broken)
    assert place.fire().status_code == 500
    monkeypatch.undo()
    [row] = place.rows(tables.audit_events)
    assert json.loads(row["record"])["outcome"] == "8"
    assert [call["status"] for call in place.rows(tables.calls)] == [500]


def test_patients_of_two_clients_never_share_a_pseudonym_and_one_keeps_its_own(clinic, keyring, making, tmp_path):
    seen = []
    for client in ("general", "county", "general"):
        records = new_records(tmp_path)
        service = clinic(registry=keyring.registry(id=client), records=records)
        token = keyring.token(jti=f"{client}{len(seen)}")
        assert service.fire(making.call(), headers={"Authorization": f"Bearer {token}"}).status_code == 200
        rows = asyncio.run(records.database.read(lambda one: one.execute(select(tables.audit_events)).mappings().all()))
        seen.append(json.loads(rows[-1]["record"])["entity"][0]["what"]["identifier"]["value"])
    assert seen[0] == seen[2] != seen[1]
