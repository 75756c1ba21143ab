"""Whole launches against an independent authorization server, and what they leave behind."""

from __future__ import annotations

import asyncio
import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_hooks.smart.app_context import context_of
from cds_hooks.storage.session_book import mark_of
from plugin.ingest import read_orders

WAYS = {
    "public, v2": {},
    "public, v1": {"scopes": "v1"},
    "secret": {"client_id": "trd-secret", "authentication": "client_secret_basic", "secret_file": "secret"},
    "key": {
        "client_id": "trd-key",
        "authentication": "private_key_jwt",
        "key_file": "key.pem",
        "key_id": "key-1",
        "algorithm": "ES384",
        "scopes": "v1",
    },
}


@pytest.mark.proves("LK-06")
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_an_ehr_launch_ends_on_the_page_of_its_patient(world, smart, way):
    here = world(**way)
    page = here.launched(patient="p2")
    assert page.status_code == 200, page.text
    told = page.json()
    assert told["patient"] == "p2" and told["author"] == smart.DOCTOR
    assert told["resources"] == ["Condition/p2-depression", "MedicationRequest/p2-order", "Patient/p2"]
    assert told["gaps"] == []
    assert told["writes"] == ["MedicationStatement", "Observation"]
    asked = parse_qs(urlsplit(str(here.browser.seen[0].headers["location"])).query)
    assert asked["aud"] == [smart.ISS] and asked["code_challenge_method"] == ["S256"]
    assert len(asked["state"][0]) >= 22 and asked["state"] != asked["nonce"]
    spelling = ".read" if way.get("scopes") == "v1" else ".rs"
    assert f"patient/Observation{spelling}" in asked["scope"][0]


@pytest.mark.parametrize("way", [WAYS["public, v2"], WAYS["secret"]], ids=["public", "secret"])
def test_a_standalone_launch_lets_the_patient_be_chosen_at_the_ehr(world, smart, way):
    here = world(**way)
    choice = here.browser.go(f"{smart.BASE}/app/standalone")
    link = re.search(r'href="([^"]+\?ehr=general)"', choice.text)
    assert link is not None and link[1] == "/trd/app/standalone?ehr=general"
    consent = here.browser.follow(here.browser.go(f"https://cds.example{link[1]}"))
    assert "Synthetic patients" in consent.text
    answer = here.browser.follow(here.consent(consent, patient="p1"))
    assert here.browser.follow(answer).json()["patient"] == "p1"


@pytest.mark.proves("LK-02", "LK-05")
def test_no_address_of_ours_names_anybody(world, smart):
    here = world()
    here.launched(patient="p1")
    here.page()
    ours = [str(one.url) for one in here.browser.seen if one.url.host == "cds.example"]
    assert ours[-2:] == [f"{smart.BASE}/app/patient"] * 2
    said = [re.sub(r"\b(code|launch|state)=[\w-]+", "", address) for address in ours]  # random, and may spell anything
    assert not any(re.search(r"p1|Practitioner|d1", address) for address in said)
    for one in here.browser.seen:
        if one.url.host == "cds.example":
            assert one.headers["referrer-policy"] == "no-referrer"
            assert one.headers["cache-control"] == "no-store"


@pytest.mark.proves("LK-05")
def test_the_card_tells_the_app_which_order_it_was_about(world, knowledge):
    here = world()
    code = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "312941"}
    draft = {"resourceType": "MedicationRequest", "id": "new", "medicationCodeableConcept": {"coding": [code]}}
    tms = {
        "resourceType": "ServiceRequest",
        "id": "t",
        "code": {"text": "repetitive transcranial magnetic stimulation"},
    }
    orders = read_orders([draft, tms], knowledge=knowledge)
    context = context_of(orders, hook="order-sign", service="trd-order-sign", definition="ema-2013")
    assert "p1" not in context and len(context) < 300
    told = here.launched(context=context).json()
    assert told["orders"][0] == ["sertraline"] and len(told["orders"]) == len(orders)
    assert told["definition"] == (json.loads(context)["definition"] if "ema-2013" in knowledge.definitions else "")


@pytest.mark.proves("LK-06")
@pytest.mark.parametrize("odd", ["{", "[]", '{"drugs": [["nothing-of-ours"], "x", []], "service": 5}', "x" * 5_000])
def test_an_odd_context_is_none(world, odd):
    assert world().launched(context=odd).json()["orders"] == []


def test_the_database_holds_no_clear_word(world, smart):
    here = world()
    here.launched()
    (row,) = here.rows()
    cookie = here.browser.cookies.get("__Secure-trd-app")
    token = next(iter(here.server.grants._tokens))
    stored = b"".join(file.read_bytes() for file in (here.records.database.url.database,) for file in _files(file))
    for secret in (cookie, token, smart.DOCTOR, "Patient/p1", smart.ISS):
        assert secret.encode() not in row.sealed
    for secret in (cookie, token):
        assert secret.encode() not in stored
    assert row.mark == mark_of(cookie)
    # The key alone does not open it: it takes what only the browser has.
    assert here.records.keys.unseal_for("another", row.sealed) is None
    assert token in (here.records.keys.unseal_for(cookie, row.sealed) or "")


def _files(name):
    from pathlib import Path

    return [file for file in Path(name).parent.glob(f"{Path(name).name}*") if file.is_file()]


def test_neither_log_nor_metrics_say_more_than_how_it_ended(world, smart, leak_scan):
    here = world()
    here.launched()
    here.page()
    token = next(iter(here.server.grants._tokens))
    text = here.written.getvalue()
    secrets = [*here.browser.cookies.values(), token, "Practitioner", "p1-order", "Patient/", smart.ISSUER]
    assert not [secret for secret in secrets if secret in text]
    said = [(line["call"], line["status"], line.get("outcome", "")) for line in here.lines]
    assert said == [
        ("app-launch", 302, ""),
        ("app-callback", 303, "launched"),
        ("app-page", 200, "shown"),
        ("app-page", 200, "shown"),
    ]
    assert {line["client"] for line in here.lines} == {"open"}


def test_each_page_is_in_the_audit_trail_before_it_is_seen(world, smart):
    here = world()
    here.launched()
    events = [json.loads(record) for _, record in asyncio.run(here.records.audit.events())]
    (event,) = [one for one in events if one["subtype"][0]["code"] == "app"]
    assert event["agent"][0]["who"]["identifier"]["value"] == smart.DOCTOR
    pseudonym = event["entity"][0]["what"]["identifier"]["value"]
    assert pseudonym == here.records.keys.pseudonym("patient", "open", smart.ISS, "p1")
    assert here.lines[-1]["audit"] == 1


def test_the_cookies_fit_where_the_page_stands(world, smart):
    alone = world()
    alone.launched()
    framed = world(frame_origins=("https://ehr.example",))
    page = framed.launched()
    for here, site, frames in ((alone, "SameSite=Lax", "'none'"), (framed, "SameSite=None", "https://ehr.example")):
        set_ = [value for one in here.browser.seen for value in one.headers.get_list("set-cookie")]
        assert len(set_) == 3 and all("HttpOnly" in one and "Secure" in one and site in one for one in set_)
        assert all("Path=/trd/app;" in one and ("Partitioned" in one) is (here is framed) for one in set_)
        assert here.browser.seen[-1].headers["content-security-policy"].endswith(f"frame-ancestors {frames}")
    assert page.status_code == 200


def test_on_loopback_http_the_cookies_are_lax_and_not_secure(world):
    here = world(settings={"base_url": "http://127.0.0.1:8000"}, frame_origins=("https://ehr.example",))
    here.browser.hosts["127.0.0.1:8000"] = here.app
    sent = here.browser.go(here.launch_address().replace("https://cds.example/trd", "http://127.0.0.1:8000"))
    (cookie,) = sent.headers.get_list("set-cookie")
    assert cookie.startswith("trd-launch-") and cookie.endswith("SameSite=Lax") and "Secure" not in cookie
