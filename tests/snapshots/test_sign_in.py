"""The sign-in before a snapshot: nothing but a whole, fresh answer of the right provider opens it."""

from __future__ import annotations

from urllib.parse import urlencode

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.snapshots.entry import SignIn
from cds_hooks.snapshots.provider import reference_in


def _tampered(begun, **changed):
    """The provider's answer with some parameters changed; None removes one."""
    from urllib.parse import parse_qs, urlsplit

    parts = urlsplit(begun.headers["location"])
    told = {**{name: values[0] for name, values in parse_qs(parts.query).items()}, **changed}
    query = urlencode({name: value for name, value in told.items() if value is not None})
    return f"{parts.scheme}://{parts.netloc}{parts.path}?{query}"


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"state": "x" * 43}, "state-wrong"),
        ({"state": None}, "state-wrong"),
        ({"code": None}, "no-code"),
        ({"code": "made-up"}, "code-refused"),
        ({"iss": "https://evil.example"}, "issuer-wrong"),
        ({"code": None, "error": "access_denied"}, "denied"),
        ({"error": "server_error"}, "authorization"),
    ],
)
def test_an_answer_that_does_not_hold_opens_nothing(standing, changed, outcome):
    here, link = standing
    browser = here.browser()
    refused = browser.go(_tampered(browser.to_answer(link), **changed))
    assert here.outcome == outcome and refused.status_code in (400, 403)
    assert len(here.rows()) == 1 and here.rows()[0].attempts == 0


def test_another_browser_cannot_finish_it_and_an_answer_is_good_for_once(site):
    here = site()
    browser = here.browser()
    begun = browser.to_answer(here.link())
    assert here.browser().follow(begun).status_code == 400 and here.outcome == "cookie-missing"
    held = browser.cookies
    assert browser.follow(begun).status_code == 200
    browser.cookies = held
    assert browser.follow(begun).status_code in (400, 404)


def test_a_replayed_answer_with_its_cookie_finds_nothing(site):
    import httpx

    here = site()
    here.provider.user = "Practitioner/another"
    browser = here.browser()
    begun = browser.to_answer(here.link())
    held = httpx.Cookies(browser.cookies)
    assert browser.follow(begun).status_code == 403
    browser.cookies = held
    assert browser.follow(begun).status_code == 404 and here.outcome == "gone"
    assert here.rows()[0].attempts == 1


def test_a_sign_in_that_takes_too_long_is_over(site, sign_in):
    here = site(snapshots={"minutes": 15, "sign_in": sign_in()})
    browser = here.browser()
    begun = browser.to_answer(here.link())
    here.clock.pass_by(minutes=10)
    assert browser.follow(begun).status_code == 403 and here.outcome == "state-expired"


def test_a_cookie_of_the_app_or_of_another_service_is_no_sign_in(site):
    from cds_hooks.smart.pending import PendingLaunch
    from cds_hooks.snapshots.pending import PendingSignIn, opened
    from cds_hooks.storage.keys import InstallationKeys

    here = site()
    keys, now = here.records.keys, here.clock.now()
    launch = PendingLaunch.new("general", "openid", now)
    sign_in = PendingSignIn.of("s", "general", "openid", now)
    assert opened(sign_in.sealed(keys), keys) == sign_in
    assert opened(launch.sealed(keys), keys) is None
    assert PendingLaunch.opened(sign_in.sealed(keys), keys) is None
    assert opened(sign_in.sealed(InstallationKeys.from_keys((b"z" * 32,))), keys) is None
    assert "s" not in repr(sign_in).split("begun")[1]


WRONG = {
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "another"},
    "another nonce": {"nonce": "another"},
    "no nonce": {"nonce": None},
    "over": {"exp": 0},
    "another key": {},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_a_statement_that_does_not_hold_opens_nothing(standing, changed, monkeypatch):
    here, link = standing
    grants = here.provider.grants
    key = grants.key if changed else ec.generate_private_key(ec.SECP384R1())

    def forged(id_token, token, token_handler, request):
        claims = {**id_token, **grants.claims_of(request.grant), **changed}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, algorithm="ES384", headers={"kid": "sandbox-1"})

    monkeypatch.setattr(grants, "finalize_id_token", forged)
    assert here.browser().open(link).status_code == 403 and here.outcome == "identity"
    assert here.rows()[0].attempts == 0


def test_a_provider_that_names_another_issuer_is_not_used(site):
    here = site()
    here.provider.named = "https://login.example/other"
    assert here.browser().go(here.link()).status_code == 403 and here.outcome == "issuer-wrong"


def test_pkce_must_be_stated_or_known(site, sign_in):
    here = site()
    here.provider.says_pkce = False
    assert here.browser().go(here.link()).status_code == 403 and here.outcome == "no-pkce"
    here = site(snapshots={"sign_in": sign_in(pkce_known=True)})
    here.provider.says_pkce = False
    assert here.browser().open(here.link()).status_code == 200


def test_an_issuer_changed_meanwhile_opens_nothing_older(site, sign_in):
    """The clinician is kept by issuer and reference: another sign-in's "doctor" is another."""
    here = site()
    link = here.link()
    entry = here.app  # the same database, another registry
    there = site(snapshots={"sign_in": sign_in(issuer="https://login.example/staff/")})
    there.provider.named = "https://login.example/staff/"
    assert entry is not there.app
    assert there.browser().open(link).status_code == 403 and there.outcome == "wrong-user"


NAMED = "Practitioner/d1"
EMPLOYEES = {"user_claim": "employee", "users": {"E1": NAMED}}


@pytest.mark.parametrize(
    ("written", "claim", "named"),
    [
        ({}, "https://ehr.example/fhir/Practitioner/d1/_history/2", NAMED),
        ({}, "Patient/d1", "not-a-clinician"),
        ({}, "d1", "identity"),
        ({}, 5, "identity"),
        ({}, None, "identity"),
        ({"user_claim": "employee", "user_prefix": "Practitioner/d"}, "1", NAMED),
        ({"user_claim": "employee", "user_prefix": "Practitioner/"}, "../Patient/1", "identity"),
        ({"user_claim": "employee", "user_prefix": "Practitioner/"}, "", "identity"),
        (EMPLOYEES, "E1", NAMED),
        (EMPLOYEES, NAMED, "identity"),
        ({**EMPLOYEES, "user_prefix": "PractitionerRole/"}, "E2", "PractitionerRole/E2"),
    ],
)
def test_whom_a_claim_stands_for(sign_in, written, claim, named):
    settings = SignIn.model_validate(sign_in(**written))
    try:
        found = reference_in({settings.user_claim: claim}, settings)
    except SmartRefused as refused:
        found = refused.outcome
    assert found == named


def test_an_employee_number_opens_what_the_map_says(site, sign_in):
    here = site(snapshots={"sign_in": sign_in(user_claim="employee", users={"E1": "Practitioner/doctor-canary"})})
    here.provider.claim, here.provider.user = "employee", "E1"
    assert here.browser().open(here.link()).status_code == 200


def test_a_provider_that_does_not_answer_is_told(site):
    here = site()
    here.provider.app.router.routes.clear()
    assert here.browser().go(here.link()).status_code == 502 and here.outcome == "discovery"
