"""How long a session lasts, what renews it, and what ends it."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import httpx
import pytest
from starlette.responses import JSONResponse

from cds_hooks.errors import RecordsUnavailable
from cds_hooks.reported import save
from cds_hooks.smart import saving
from cds_hooks.smart.refusals import TOLD


def over(here, answer, outcome="session-ended"):
    assert (here.outcome, answer.status_code) == (outcome, TOLD[outcome].status)
    assert TOLD[outcome].heading in answer.text
    assert "p1-order" not in answer.text and "no history" not in answer.text.replace("not even that there is no", "")


def test_without_a_cookie_there_is_nothing(world):
    here = world()
    over(here, here.page())
    here.launched()
    over(here, here.page(here.new_browser()))


def test_a_session_that_stands_still_ends(world):
    here = world()
    here.launched()
    here.clock.pass_by(minutes=14)
    assert here.page().status_code == 200
    here.clock.pass_by(minutes=15)
    over(here, here.page())
    assert here.rows() == []


def test_a_session_ends_for_good_and_nothing_is_renewed_after(world):
    here = world()
    here.launched()
    for _ in range(5):
        here.clock.pass_by(minutes=11)
        assert here.page().status_code == 200
    renewals = sum(request.url.path == "/auth/token" for request in here.asked)
    assert renewals == 6
    here.clock.pass_by(minutes=5)
    over(here, here.page())
    assert sum(request.url.path == "/auth/token" for request in here.asked) == renewals


def test_a_token_is_renewed_before_it_ends_and_only_then(world):
    here = world()
    here.launched()
    here.clock.pass_by(seconds=200)
    here.page()
    assert sum(request.url.path == "/auth/token" for request in here.asked) == 1
    here.clock.pass_by(seconds=50)
    assert here.page().status_code == 200
    assert sum(request.url.path == "/auth/token" for request in here.asked) == 2


def test_without_a_refresh_token_a_session_lasts_as_long_as_its_token(world):
    here = world(refreshes=False)
    here.launched()
    here.clock.pass_by(seconds=280)
    assert here.page().status_code == 200
    here.clock.pass_by(seconds=20)
    over(here, here.page())


def test_a_renewal_that_fails_ends_the_session_once_the_token_is_over(world):
    here = world()
    here.launched()
    here.server.grants._refreshes.clear()
    here.clock.pass_by(seconds=250)
    assert here.page().status_code == 200
    here.clock.pass_by(seconds=50)
    over(here, here.page())
    assert here.rows() == []


def test_a_token_taken_back_is_no_missing_history(world):
    here = world()
    here.launched()
    here.server.grants._tokens.clear()
    assert here.page().status_code == 200  # renewed at once
    here.server.grants.revoke_all()
    over(here, here.page())
    assert here.rows() == []


def test_two_pages_at_once_renew_a_token_that_can_be_renewed_once(world, smart):
    here = world()
    here.launched()
    here.clock.pass_by(seconds=301)

    async def both():
        transport = httpx.ASGITransport(app=here.app)
        async with httpx.AsyncClient(transport=transport, cookies=here.browser.cookies) as client:
            return await asyncio.gather(*(client.get(f"{smart.BASE}/app/patient") for _ in range(2)))

    here.app = here.browser.hosts["cds.example"]
    pages = asyncio.run(both())
    # One renews; the other finds what the first has kept.
    assert [page.status_code for page in pages] == [200, 200]
    assert sum(request.url.path == "/auth/token" for request in here.asked) == 2


def test_what_another_worker_has_renewed_is_taken(world):
    here = world()
    here.launched()
    here.clock.pass_by(seconds=301)
    secret = here.browser.cookies.get("__Secure-trd-app")
    kept = json.loads(asyncio.run(here.records.sessions.find(secret, now=here.clock.now())))
    (name,) = here.server.grants._refreshes
    grant = replace(here.server.grants._refreshes.pop(name), ends=here.clock.now().timestamp() + 300)

    async def meanwhile(*_):
        """The other worker writes down its token while this one is being refused."""
        here.server.grants._tokens["theirs"] = grant
        newer = {**kept, "token": "theirs", "token_ends": grant.ends}
        await here.records.sessions.renew(secret, json.dumps(newer), ends=here.clock.now() + timedelta(minutes=5))

    with patch("cds_hooks.smart.sessions.asyncio.sleep", meanwhile):
        assert here.page().status_code == 200


def test_without_a_database_nothing_is_shown(world, monkeypatch):
    here = world()
    here.launched()

    async def gone(*_, **__):
        raise RecordsUnavailable

    monkeypatch.setattr(type(here.records.database), "write", gone)
    over(here, here.page(), "records-unavailable")
    assert here.lines[-1]["write_failures"] == ["audit"]


def test_a_renewal_for_another_patient_is_not_taken(world):
    here = world()
    here.launched()
    refreshes = here.server.grants._refreshes
    for name, grant in list(refreshes.items()):
        refreshes[name] = replace(grant, context=replace(grant.context, patient="p2"))
    here.clock.pass_by(seconds=301)
    over(here, here.page())


def test_a_record_that_cannot_be_read_is_said_to_be_so(world):
    down = []

    def before(request):
        return JSONResponse({}, 500) if down and "MedicationRequest" in request.url.path else None

    here = world(before=before)
    here.launched()
    down.append(True)
    over(here, here.page(), "chart-unreadable")
    assert len(here.rows()) == 1  # the session goes on


def ending(here, smart, **more):
    headers = {"Origin": "https://cds.example"}
    return here.browser.go(f"{smart.BASE}/app/end", method="POST", **{"headers": headers, **more})


def test_the_end_is_asked_for_once_more_and_then_at_once(world, smart):
    here = world()
    here.launched()
    asked = here.browser.go(f"{smart.BASE}/app/end")
    assert (asked.status_code, here.outcome, len(here.rows())) == (200, "end-asked", 1)
    assert "p1" not in asked.text and here.page().status_code == 200
    form = re.search(r'<form method="post" action="/trd/app/end">.*?name="csrf" value="([^"]+)"', asked.text, re.DOTALL)
    assert form is not None, asked.text
    page = ending(here, smart, data={"csrf": form[1]})
    assert page.status_code == 200 and here.rows() == [] and here.outcome == "ended"
    over(here, here.page())
    assert not here.browser.cookies


def test_without_a_session_there_is_nothing_to_end(world, smart):
    here = world()
    for method in ("GET", "POST"):
        page = here.browser.go(f"{smart.BASE}/app/end", method=method)
        assert (page.status_code, here.outcome) == (200, "ended")
        assert "Session ended" in page.text
    here.launched()
    here.clock.pass_by(minutes=15)
    assert ending(here, smart, data={"csrf": "0"}).status_code == 200
    assert here.outcome == "ended" and not here.browser.cookies


def test_another_launch_in_the_same_browser_ends_the_one_before(world):
    here = world()
    first = here.launched(patient="p1").json()
    second = here.launched(patient="p2").json()
    assert len(here.rows()) == 1
    answer = here.post(csrf=first["csrf"])  # the page of the first patient is still open in a window
    assert (here.outcome, answer.status_code) == ("form-foreign", 403)
    assert here.post(csrf=second["csrf"]).json()["patient"] == "p2"


def test_two_launches_at_once_in_one_browser_do_not_disturb_each_other(world):
    here = world()
    one, two = here.to_answer(patient="p1"), here.to_answer(patient="p2")
    assert here.browser.follow(here.browser.follow(one)).json()["patient"] == "p1"
    assert here.browser.follow(here.browser.follow(two)).json()["patient"] == "p2"


FOREIGN = {
    "no proof": ({}, {"Origin": "https://cds.example"}),
    "another proof": ({"csrf": "0" * 64}, {"Origin": "https://cds.example"}),
    "no origin": ({"csrf": None}, {}),
    "another origin": ({"csrf": None}, {"Origin": "https://evil.example"}),
    "another site": ({"csrf": None}, {"Origin": "null", "Sec-Fetch-Site": "cross-site"}),
}


@pytest.mark.parametrize(("fields", "headers"), FOREIGN.values(), ids=FOREIGN)
def test_a_form_from_elsewhere_does_nothing(world, smart, fields, headers):
    here = world()
    proof = here.launched().json()["csrf"]
    sent = {name: value or proof for name, value in {**fields, "do": "save"}.items()}
    answer = here.browser.go(f"{smart.BASE}/app/patient", method="POST", data=sent, headers=headers)
    assert (here.outcome, answer.status_code) == ("form-foreign", 403)
    assert "MedicationStatement" not in here.store.kinds()


@pytest.mark.parametrize(("fields", "headers"), FOREIGN.values(), ids=FOREIGN)
def test_no_other_site_ends_the_session(world, smart, fields, headers):
    here = world(frame_origins=("https://ehr.example",))
    proof = here.launched().json()["csrf"]
    page = ending(here, smart, data={name: value or proof for name, value in fields.items()}, headers=headers)
    assert page.status_code in (400, 403) and here.outcome in ("form-foreign", "form-unreadable")
    assert page.headers["content-security-policy"].endswith("frame-ancestors https://ehr.example")
    assert here.page().status_code == 200


def test_a_form_under_a_policy_without_referrer_is_ours(world, smart):
    here = world()
    proof = here.launched().json()["csrf"]
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    answer = here.browser.go(
        f"{smart.BASE}/app/patient", method="POST", data={"csrf": proof, "a": "b"}, headers=headers
    )
    assert answer.json()["fields"] == [["csrf", proof], ["a", "b"]]


@pytest.mark.parametrize("content", ["x" * 300_001, "a=%ff", "é"])
def test_what_is_no_form_is_refused(world, smart, content):
    here = world()
    here.launched()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    here.browser.go(f"{smart.BASE}/app/patient", method="POST", content=content.encode(), headers=headers)
    assert here.outcome == "form-unreadable"


def test_what_was_reported_is_saved_with_the_session_s_token(world):
    here = world()
    proof = here.launched().json()["csrf"]
    answer = here.post(csrf=proof, do="save")
    assert (here.outcome, answer.status_code) == ("saved", 200)
    assert "MedicationStatement" in here.store.kinds()
    events = [record for _, record in asyncio.run(here.records.audit.events())]
    assert sum('"app-write"' in one for one in events) == 1 and "active" not in "".join(events)


def test_that_somebody_saves_is_on_record_before_anything_is_sent(world, monkeypatch):
    here = world()
    proof = here.launched().json()["csrf"]
    note = type(here.records).note

    async def gone(records, event, at):
        if event["subtype"][0]["code"] == "app-write-attempt":
            raise RecordsUnavailable
        return await note(records, event, at)

    monkeypatch.setattr(type(here.records), "note", gone)
    over(here, here.post(csrf=proof, do="save"), "records-unavailable")
    assert "MedicationStatement" not in here.store.kinds()


def test_what_was_saved_is_told_although_the_records_fail_afterwards(world, monkeypatch):
    here = world()
    proof = here.launched().json()["csrf"]
    note = type(here.records).note

    async def gone(records, event, at):
        if "MedicationStatement" in here.store.kinds():
            raise RecordsUnavailable
        return await note(records, event, at)

    monkeypatch.setattr(type(here.records), "note", gone)
    answer = here.post(csrf=proof, do="save")
    assert answer.status_code == 200 and answer.json()["saved"] == ["Saved to the record: 2 of 2."]
    assert here.outcome == "saved" and here.lines[-1]["write_failures"] == ["audit"]
    assert [len(here.events(kind)) for kind in ("app", "app-write-attempt", "app-write")] == [2, 1, 0]


LEFT = {
    "refused": (403, {"refused": "2"}),
    "lost": (500, {"not-known": "2"}),
}


@pytest.mark.parametrize(("status", "fates"), LEFT.values(), ids=LEFT)
def test_a_saving_that_fails_leaves_a_trace_too(world, status, fates):
    def before(request):
        return JSONResponse({}, status) if request.method == "POST" and "/fhir/" in request.url.path else None

    here = world(before=before)
    proof = here.launched().json()["csrf"]
    here.post(csrf=proof, do="save")
    (event,) = here.events("app-write")
    assert event["outcome"] == "4"
    told = {name: value for name, value in event["details"].items() if name not in ("call", "knowledge")}
    assert told == {"resources": "2", **fates}
    (attempt,) = here.events("app-write-attempt")
    assert attempt["details"]["call"] == event["details"]["call"] and attempt["details"]["resources"] == "2"
    assert here.outcome == "shown"


def test_saving_has_a_time_of_its_own(world, monkeypatch):
    allowed = []

    class Silence:
        async def __call__(self, scope, receive, send):
            await asyncio.Event().wait()

    def before(request):
        return Silence() if request.method == "POST" and "/fhir/" in request.url.path else None

    async def sooner(resources, *, client, seconds):
        allowed.append(seconds)
        return await save(resources, client=client, seconds=0.2)

    monkeypatch.setattr(saving, "save", sooner)
    here = world(before=before, settings={"smart_deadline_seconds": 50})
    proof = here.launched().json()["csrf"]
    told = here.post(csrf=proof, do="save").json()["saved"]
    assert allowed == [50]
    assert [one.partition(":")[0] for one in told] == ["Saved to the record", "Not known whether saved", "Not saved"]
    (event,) = here.events("app-write")
    assert (event["details"]["not-known"], event["details"]["not-sent"]) == ("1", "1")
    assert here.lines[-1]["fhir_failed"] == 1


def test_housekeeping_removes_what_is_over(world):
    here = world()
    here.launched()
    here.clock.pass_by(minutes=14)
    assert asyncio.run(here.records.forget_old(here.clock.now())).sessions == 0
    here.clock.pass_by(minutes=2)
    assert asyncio.run(here.records.forget_old(here.clock.now())).sessions == 1
    assert here.rows() == []


def test_a_new_session_takes_those_that_are_over_with_it(world):
    here = world()
    here.launched()
    here.clock.pass_by(minutes=20)
    here.launched(here.new_browser(), patient="p2")
    assert len(here.rows()) == 1
