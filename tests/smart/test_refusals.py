"""Launches that must not succeed, each refused for its own reason by a page that says what to do."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.responses import JSONResponse, RedirectResponse

from cds_hooks.smart.refusals import TOLD
from tests.planted import PLANTED


@pytest.fixture
def at(standing_world, monkeypatch):
    """The standing world with its EHR changed for one test, and asked for its configuration anew."""

    def changed(twist):
        server = standing_world.server
        for holder, name in (
            (server, "configuration"),
            (server.grants, "finalize_id_token"),
            (server._oauth, "create_token_response"),
        ):
            monkeypatch.setattr(holder, name, getattr(holder, name))  # undone after the test
        twist(server)
        standing_world.clock.pass_by(hours=2)
        return standing_world

    return changed


def refused(here, answer, outcome):
    told = TOLD[outcome]
    assert here.outcome == outcome
    assert answer.status_code == told.status >= 400
    assert told.heading in answer.text and "not a statement about any patient" in answer.text
    assert not [value for value in PLANTED.values() if value in answer.text]
    assert here.rows() == []


def test_an_issuer_that_nobody_registered(world, smart):
    here = world()
    for iss in ("https://evil.example/fhir", "http://ehr.example/fhir", f"{smart.ISS}/../x", "https://10.0.0.1/fhir"):
        answer = here.browser.go(f"{smart.BASE}/app/launch", params={"iss": iss, "launch": "x"})
        refused(here, answer, "issuer-unknown")
        assert iss not in answer.text
    assert here.asked == []


@pytest.mark.parametrize("query", ["", "?iss={0}", "?launch=x", "?iss={0}&iss={0}&launch=x", "?iss={0}&launch="])
def test_a_launch_that_lacks_something(world, smart, query):
    here = world()
    refused(here, here.browser.go(f"{smart.BASE}/app/launch{query.format(smart.ISS)}"), "parameters")


def test_a_wrong_state(world, smart):
    here = world()
    address = here.to_answer().headers["location"]
    state = here.server and smart.address_of(here.browser.seen[-1])["state"]
    refused(here, here.browser.go(address.replace(state, "A" * len(state))), "state-wrong")
    assert here.browser.go(address).status_code == 303  # the right one is still good


def test_the_answer_in_another_browser(world):
    here = world()
    address = here.to_answer().headers["location"]
    other = here.new_browser()
    refused(here, other.go(address), "cookie-missing")
    here.consent(other.follow(other.go(here.launch_address())), other)
    refused(here, other.go(address), "state-wrong")


def test_a_state_and_a_code_are_good_for_once(world):
    here = world()
    answer = here.to_answer()
    cookies = dict(here.browser.cookies)
    assert here.browser.follow(answer).status_code == 303
    again = here.new_browser()
    for name, value in cookies.items():
        again.cookies.set(name, value, domain="cds.example", path="/trd/app")
    page = again.go(answer.headers["location"])
    assert (here.outcome, page.status_code) == ("state-replayed", 403)
    assert len(here.rows()) == 1


def test_a_code_that_was_used_elsewhere(world, smart):
    """A stolen code in an answer of one's own: the server knows it as used, and PKCE would not fit either."""
    here = world()
    first = here.to_answer()
    code = smart.address_of(first)["code"]
    assert here.browser.follow(first).status_code == 303
    other = here.new_browser()
    second = here.to_answer(other)
    mine = smart.address_of(second)["code"]
    page = other.go(second.headers["location"].replace(mine, code))
    assert (here.outcome, page.status_code) == ("code-refused", 403)


def test_a_fresh_code_of_another_launch_does_not_fit_the_verifier(world, smart):
    here = world()
    stolen = smart.address_of(here.to_answer())["code"]
    other = here.new_browser()
    mine = here.to_answer(other)
    page = other.go(mine.headers["location"].replace(smart.address_of(mine)["code"], stolen))
    refused(here, page, "code-refused")


def test_an_answer_that_comes_too_late(world):
    here = world()
    answer = here.to_answer()
    here.clock.pass_by(minutes=10)
    refused(here, here.browser.follow(answer), "state-expired")


def test_an_answer_of_another_authorization_server(world, smart):
    here = world()
    for wrong in ("https://evil.example", ""):
        address = here.to_answer().headers["location"]
        own = "&iss=https%3A%2F%2Fehr.example%2Fauth"
        assert own in address
        refused(here, here.browser.go(address.replace(own, f"&iss={wrong}" if wrong else "")), "issuer-wrong")


@pytest.mark.parametrize("other", ["another", "GENERAL", "general."])
def test_an_answer_at_the_address_of_another_ehr(world, smart, other):
    """The code may be another server's (a mix-up): it is sent to nobody, whatever the answer says of its issuer."""
    here = world()
    address = here.to_answer().headers["location"]
    assert address.startswith(f"{smart.BASE}/app/callback/general?")
    asked = len(here.asked)
    answer = here.browser.go(address.replace("/callback/general?", f"/callback/{other}?"))
    refused(here, answer, "issuer-wrong")
    assert len(here.asked) == asked
    refused(here, here.browser.go(address), "cookie-missing")  # the launch is over


def test_the_address_of_all_ehrs_is_no_more(world):
    here = world()
    address = here.to_answer().headers["location"]
    assert here.browser.go(address.replace("/callback/general?", "/callback?")).status_code == 404


def test_consent_denied(world):
    here = world()
    consent = here.browser.follow(here.browser.go(here.launch_address()))
    refused(here, here.browser.follow(here.consent(consent, decision="deny")), "denied")


def test_an_app_that_the_ehr_does_not_know(world):
    here = world(client_id="somebody-else")
    assert here.browser.follow(here.browser.go(here.launch_address())).status_code == 400


def test_a_secret_that_is_not_the_registered_one(world, files):
    (files / "secret").write_text("another", encoding="ascii")
    here = world(client_id="trd-secret", authentication="client_secret_basic", secret_file="secret")
    refused(here, here.browser.follow(here.to_answer()), "client-refused")


def configured(**changed):
    def twist(server):
        told = server.configuration()
        told = {name: value for name, value in {**told, **changed}.items() if value is not None}
        server.configuration = lambda: told

    return twist


NO_PKCE = {
    "nothing said": {"code_challenge_methods_supported": None},
    "plain only": {"code_challenge_methods_supported": ["plain"]},
    "not a list": {"code_challenge_methods_supported": "S256"},
}


@pytest.mark.parametrize("changed", NO_PKCE.values(), ids=NO_PKCE)
def test_an_ehr_without_pkce(at, changed):
    here = at(configured(**changed))
    answer = here.browser.go(here.launch_address())
    refused(here, answer, "no-pkce")
    assert "PKCE" in answer.text


def test_an_operator_may_know_of_pkce_where_the_ehr_says_nothing(world):
    here = world(twist=configured(**NO_PKCE["plain only"]), pkce_known=True)
    refused(here, here.browser.go(here.launch_address()), "no-pkce")
    assert world(twist=configured(**NO_PKCE["nothing said"]), pkce_known=True).launched().status_code == 200


ELSEWHERE = {
    "http": "http://ehr.example/auth/token",
    "this machine": "https://127.0.0.1/token",
    "this machine by name": "https://localhost/token",
    "a private address": "https://10.1.2.3/token",
    "a metadata service": "https://169.254.169.254/token",
    "user info": "https://ehr.example@evil.example/token",
    "another scheme": "javascript:alert(1)",
    "no text": 5,
    "nothing": None,
}


@pytest.mark.parametrize("address", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint"])
def test_an_endpoint_that_may_not_be_called(at, name, address):
    here = at(configured(**{name: address}))
    refused(here, here.browser.go(here.launch_address()), "endpoints")
    assert here.lines[-1]["refused_addresses"] == ["not-an-address"]


@pytest.mark.parametrize(
    "instead",
    [RedirectResponse("https://evil.example/"), JSONResponse([]), JSONResponse({}, 500)],
    ids=["redirect", "no object", "an error"],
)
def test_a_configuration_that_cannot_be_had(world, instead):
    def before(request):
        return instead if "well-known" in request.url.path else None

    here = world(before=before)
    answer = here.browser.go(here.launch_address())
    assert here.outcome in ("discovery", "no-pkce") and answer.status_code >= 400
    assert all(request.url.host == "ehr.example" for request in here.asked)


def test_a_token_endpoint_that_redirects_gets_no_second_request(world):
    def before(request):
        return RedirectResponse("https://evil.example/token", 307) if request.url.path == "/auth/token" else None

    here = world(before=before)
    refused(here, here.browser.follow(here.to_answer()), "token-unavailable")
    assert all(request.url.host == "ehr.example" for request in here.asked)


def statement(change, key=None, **header):
    """The EHR's id_token with other claims, another key or another header."""

    def twist(server):
        whole = server.grants.claims_of

        def finalize(id_token, token, token_handler, request):
            claims = {**id_token, **whole(request.grant), **change}
            now = int(server.grants.now())
            claims = {
                name: value(now) if callable(value) else value for name, value in claims.items() if value is not None
            }
            if header.get("alg") == "none":
                return jwt.encode(claims, None, algorithm="none", headers={"kid": "sandbox-1"})
            return jwt.encode(
                claims, key or server.grants.key, algorithm="ES384", headers={"kid": "sandbox-1", **header}
            )

        server.grants.finalize_id_token = finalize

    return twist


FALSE = {
    "another audience": statement({"aud": "somebody-else"}),
    "several audiences without azp": statement({"aud": ["trd-public", "x"]}),
    "another party": statement({"azp": "somebody-else"}),
    "another nonce": statement({"nonce": "x"}),
    "no nonce": statement({"nonce": None}),
    "another issuer": statement({"iss": "https://evil.example"}),
    "expired": statement({"exp": lambda now: now - 61, "iat": lambda now: now - 400}),
    "no end": statement({"exp": None}),
    "from the future": statement({"iat": lambda now: now + 600}),
    "another key": statement({}, ec.generate_private_key(ec.SECP384R1())),
    "an unknown key": statement({}, kid="other"),
    "alg none": statement({}, alg="none"),
    "no user": statement({"fhirUser": None}),
    "an odd user": statement({"fhirUser": "Group/1"}),
    "a user that is no id": statement({"fhirUser": "Practitioner/<b>d1"}),
    "a user of another server": statement({"fhirUser": "https://evil.example/fhir/Practitioner/d1"}),
    "a user beside the server": statement({"fhirUser": "https://ehr.example/fhir2/Practitioner/d1"}),
    "a user of a tenant below": statement({"fhirUser": "https://ehr.example/fhir/tenant/Practitioner/d1"}),
    "a user by http": statement({"fhirUser": "http://ehr.example/fhir/Practitioner/d1"}),
    "a path that ends well": statement({"fhirUser": "tenant/Practitioner/d1"}),
    "an address without scheme": statement({"fhirUser": "//evil.example/Practitioner/d1"}),
}


@pytest.mark.parametrize("twist", FALSE.values(), ids=FALSE)
def test_a_statement_of_identity_that_does_not_hold(at, twist):
    here = at(twist)
    refused(here, here.browser.follow(here.to_answer()), "identity")


WRITTEN = ["Practitioner/d1", "https://EHR.example:443/fhir/Practitioner/d1", "Practitioner/d1/_history/2"]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_clinician_of_this_server_is_named_in_one_way(world, smart, written):
    here = world(twist=statement({"fhirUser": written}))
    assert here.launched().json()["author"] == smart.DOCTOR


@pytest.mark.parametrize("user", ["Patient/p1", "https://ehr.example/fhir/RelatedPerson/r"])
def test_a_patient_or_relative_is_not_shown_it(at, user):
    here = at(statement({"fhirUser": user}))
    refused(here, here.browser.follow(here.to_answer()), "not-a-clinician")


def responding(**changed):
    """The EHR's token response with other members."""

    def twist(server):
        create = server._oauth.create_token_response

        def altered(*args, **more):
            headers, body, status = create(*args, **more)
            told = {**json.loads(body), **changed}
            return headers, json.dumps({name: value for name, value in told.items() if value is not None}), status

        server._oauth.create_token_response = altered

    return twist


RESPONSES = {
    "no patient": ({"patient": None}, "no-patient"),
    "an odd patient": ({"patient": "../Patient/p1"}, "no-patient"),
    "another type": ({"token_type": "mac"}, "token-unusable"),
    "no token": ({"access_token": None}, "token-unusable"),
    "a token with a line break": ({"access_token": "a\nb"}, "token-unusable"),
    "no id_token": ({"id_token": None}, "identity"),
    "too little granted": ({"scope": "launch openid fhirUser patient/Patient.rs"}, "scope"),
}


@pytest.mark.parametrize(("changed", "outcome"), RESPONSES.values(), ids=RESPONSES)
def test_a_token_response_that_cannot_be_used(at, changed, outcome):
    here = at(responding(**changed))
    refused(here, here.browser.follow(here.to_answer()), outcome)


def test_less_granted_than_asked_is_a_gap_and_takes_saving_away(world):
    def twist(server):
        server.withheld = frozenset({"patient/Procedure.rs", "patient/MedicationStatement.c", "patient/Observation.c"})

    told = world(twist=twist).launched().json()
    assert "Procedure" in told["gaps"] and told["writes"] == []


def test_a_standalone_launch_that_is_not_offered(world, smart):
    here = world(standalone=False)
    assert "No EHR lets" in here.browser.go(f"{smart.BASE}/app/standalone").text
    refused(here, here.browser.go(f"{smart.BASE}/app/standalone?ehr=general"), "standalone-off")
    refused(here, here.browser.go(f"{smart.BASE}/app/standalone?ehr=other"), "issuer-unknown")
