"""From the card to the page: who gets it, once, and what everybody else gets."""

from __future__ import annotations

import asyncio
import re

from cds_hooks.smart.pages import HEADERS
from tests.planted import FAMILY_NAME


def test_off_by_default(site):
    here = site(snapshots=None)
    assert here.links() == [] and here.rows() == []
    answer = here.browser().go(f"https://cds.example/trd/app/snapshot/{'x' * 43}")
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("application/")


def test_for_a_named_clinician_only(site):
    here = site()
    for user in ("Patient/p1", "RelatedPerson/r1", "doctor-canary", "Device/d1", "Practitioner/ö"):
        assert "/app/snapshot" not in here.fire(user=user).text
    assert here.rows() == []


def test_without_a_card_there_is_none(site, monkeypatch):
    monkeypatch.setattr("cds_hooks.answering.advise", lambda *_, **__: ())
    here = site()
    assert here.fire().json() == {"cards": []}
    assert here.rows() == []


def test_a_client_in_shadow_has_none(site):
    here = site(mode="shadow")
    assert here.fire().json() == {"cards": []} and here.rows() == []


def test_the_clinician_of_the_hook_sees_the_page_once(site):
    here = site()
    link = here.link()
    assert re.fullmatch(r"https://cds\.example/trd/app/snapshot/[A-Za-z0-9_-]{43}", link)
    browser = here.browser()
    page = browser.open(link)
    assert page.status_code == 200 and page.text.startswith("<!doctype html>")
    assert "Basis of the assessment" in page.text and "As it was on 2026-11-22 at 15:00 (UTC)" in page.text
    assert not [told for told in (FAMILY_NAME, "1970-01-01") if told in page.text]
    assert here.rows() == []
    assert [line["outcome"] for line in here.lines[1:]] == ["sign-in", "shown"]
    for again in (browser.go(str(browser.seen[-1].url)), browser.go(link)):
        assert again.status_code in (400, 404) and "Basis of the assessment" not in again.text


def test_all_cards_of_one_answer_share_one_snapshot(site, monkeypatch):
    from cds_hooks import answering

    real = answering.advise
    monkeypatch.setattr(answering, "advise", lambda *args, **more: real(*args, **more)[:1] * 2)
    here = site()
    links = here.links()
    assert len(links) == 2 and len(set(links)) == 1 and len(here.rows()) == 1


def test_the_page_is_kept_nowhere_and_tells_no_other_site(site):
    here = site()
    page = here.browser().open(here.link())
    assert page.headers["cache-control"] == "no-store" and page.headers["referrer-policy"] == "no-referrer"
    policy = page.headers["content-security-policy"]
    assert policy.endswith("frame-ancestors 'none'") and "default-src 'none'" in policy and "unsafe" not in policy


def test_every_answer_of_ours_sends_no_referrer_and_is_not_stored(site):
    here = site()
    browser, link = here.browser(), here.link()
    here.provider.user = "Practitioner/another"
    browser.open(link)
    browser.go(f"{link}x")
    ours = [one for one in browser.seen if one.url.host == "cds.example"]
    assert [one.status_code for one in ours] == [302, 403, 404]
    for one in ours:
        assert {name: one.headers[name] for name in ("cache-control", "referrer-policy")} == {
            "cache-control": HEADERS["Cache-Control"],
            "referrer-policy": "no-referrer",
        }


def test_no_address_names_anybody_and_the_sign_in_is_not_told_what_for(site):
    here = site()
    link = here.link()
    secret = link.rpartition("/")[2]
    browser = here.browser()
    browser.open(link)
    addresses = [str(one.url) for one in browser.seen] + [one.headers.get("location", "") for one in browser.seen]
    assert not any(re.search("canary|Practitioner|Patient", address) for address in addresses)
    assert [secret in address for address in addresses].count(True) == 1  # the link itself
    (asked,) = here.provider.asked
    assert set(asked) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }
    assert asked["redirect_uri"] == "https://cds.example/trd/app/snapshot-signed-in"
    assert asked["code_challenge_method"] == "S256"


def test_somebody_else_is_told_so_and_spoils_it_at_the_third_attempt_only(site):
    here = site()
    link = here.link()
    here.provider.user = "Practitioner/another"
    for left in (1, 1):
        refused = here.browser().open(link)
        assert refused.status_code == 403 and "somebody else" in refused.text
        assert here.outcome == "wrong-user" and len(here.rows()) == left
    here.provider.user = "https://ehr.example/fhir/Practitioner/doctor-canary"
    assert here.browser().open(link).status_code == 200

    link = here.link()
    here.provider.user = "Practitioner/another"
    assert [here.browser().open(link).status_code for _ in range(3)] == [403, 403, 403]
    assert here.rows() == []
    here.provider.user = "Practitioner/doctor-canary"
    assert here.browser().go(link).status_code == 404


def test_the_same_id_of_another_kind_is_somebody_else(site):
    here = site()
    here.provider.user = "PractitionerRole/doctor-canary"
    assert here.browser().open(here.link()).status_code == 403


def test_expired_unknown_and_used_look_the_same(site):
    here = site()
    used, expired = here.link(), here.link()
    here.browser().open(used)
    here.clock.pass_by(minutes=10)
    answers = [here.browser().go(link) for link in (used, expired, expired[:-1] + "!", f"{expired[:-43]}{'x' * 43}")]
    assert {answer.status_code for answer in answers} == {404} and len({answer.text for answer in answers}) == 1
    assert [line["outcome"] for line in here.lines[-4:]] == ["gone"] * 4


def test_it_ends_to_the_second(site, sign_in):
    here = site(snapshots={"minutes": 1, "sign_in": sign_in()})
    first, second, third = here.link(), here.link(), here.link()
    browser = here.browser()
    here.clock.pass_by(seconds=30)
    begun = browser.to_answer(second)
    here.clock.pass_by(seconds=29.999)
    assert here.browser().open(first).status_code == 200
    here.clock.pass_by(seconds=0.001)
    assert browser.follow(begun).status_code == 404  # begun in time, ended late
    assert here.browser().go(third).status_code == 404


def test_of_many_at_once_one_gets_it(site):
    here = site()
    link = here.link()
    browsers = [here.browser() for _ in range(6)]
    answers = [browser.to_answer(link).headers["location"] for browser in browsers]

    async def all_at_once():
        return await asyncio.gather(*(one.going(to) for one, to in zip(browsers, answers, strict=True)))

    statuses = sorted(answer.status_code for answer in asyncio.run(all_at_once()))
    assert statuses == [200, 404, 404, 404, 404, 404]
    assert len(here.events()) == 1


def test_what_looks_at_links_ahead_of_people_uses_nothing_up(site):
    here = site()
    link = here.link()
    assert here.browser().go(link, method="HEAD").status_code == 405
    for _ in range(3):  # a scanner follows redirects to the login page, and has no account
        assert here.browser().to_answer(link).is_redirect
    for ahead in ({"Sec-Purpose": "prefetch;prerender"}, {"Purpose": "prefetch"}, {"X-Purpose": "preview"}):
        assert here.browser().go(link, headers=ahead).status_code == 403
        browser = here.browser()
        begun = browser.to_answer(link)
        assert browser.follow(begun, headers=ahead).status_code == 403 and here.outcome == "prefetched"
        assert browser.follow(begun, method="HEAD").status_code == 405
    assert browser.follow(begun).status_code == 200


def test_what_cannot_be_kept_is_not_linked_and_the_cards_go_out(site, monkeypatch):
    from cds_hooks.errors import RecordsUnavailable
    from cds_hooks.storage import snapshot_book

    here = site()

    async def fails(*_, **__):
        raise RecordsUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(snapshot_book.SnapshotBook, "keep", fails)
        assert here.links() == []
    monkeypatch.setattr(snapshot_book, "MOST_KEPT", 1)
    assert len(here.links()) == 1
    assert here.links() == [] and len(here.rows()) == 1
    here.clock.pass_by(minutes=10)
    assert len(here.links()) == 1 and len(here.rows()) == 1  # what is over makes room


def test_a_page_that_cannot_be_drawn_costs_no_card(site, monkeypatch):
    from cds_hooks.snapshots import making

    def fails(*_, **__):
        raise ZeroDivisionError("patient-canary")

    monkeypatch.setattr(making, "basis_page", fails)
    here = site()
    assert here.links() == [] and here.rows() == []
    assert here.lines[0]["fault"] == "ZeroDivisionError" and "canary" not in here.written.getvalue()


def test_a_client_switched_off_meanwhile_shows_nothing(site):
    from cds_hooks.storage.switchboard import Switch

    here = site()
    link = here.link()
    browser = here.browser()
    begun = browser.to_answer(link)
    asyncio.run(
        here.records.throw(
            Switch(at=here.clock.now(), client="general", rule="*", mode="off", who="w", why="y"), {"kind": "switch"}
        )
    )
    assert browser.follow(begun).status_code == 403 and here.outcome == "switched-off"
    assert here.browser().go(link).status_code == 403


def test_links_are_counted(site, monkeypatch):
    from cds_hooks.snapshots import rates

    monkeypatch.setattr(rates, "LINKS_PER_MINUTE", 2)
    here = site()
    link = here.link()
    assert [here.browser().go(link).status_code for _ in range(3)] == [302, 302, 429]
    elsewhere = here.browser()
    elsewhere.place = "198.51.100.7"
    assert elsewhere.go(link).status_code == 302  # what one address uses up is its own
    here.clock.pass_by(minutes=1)
    assert here.browser().go(link).status_code == 302


def test_openings_of_a_client_are_counted(site, sign_in):
    here = site(snapshots={"sign_in": sign_in(openings_per_minute=1)})
    link = here.link()
    assert here.browser().open(link).status_code == 200
    assert here.browser().go(here.link()).status_code == 429
