"""Client authentication: one right way in, and the same silent 401 for every wrong one."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cds_hooks.clock import FixedClock


@pytest.fixture
def door(clinic, keyring, making):
    """Fires one complete call with an Authorization header and gives the response."""

    def knock(header, registry=None, clock=None, **changed):
        service = clinic(registry=registry or keyring.registry(**changed), clock=clock)
        return service.fire(making.call(), headers={"Authorization": header} if header is not None else {})

    return knock


@pytest.mark.parametrize(("key", "algorithm", "kid"), [("elliptic", "ES384", "ec/1+="), ("rsa", "RS384", "rsa-1")])
@pytest.mark.proves("JW-15", "JW-01", "JW-02", "INF-03")
def test_recommended_algorithms_are_accepted(door, keyring, key, algorithm, kid):
    assert door(f"Bearer {keyring.token(getattr(keyring, key), algorithm, kid)}").status_code == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(door, keyring, scheme):
    assert door(f"{scheme} {keyring.token()}").status_code == 200


SERVICE = "https://cds.example/trd/cds-services/trd-order-select"


@pytest.mark.parametrize("audience", [SERVICE, SERVICE + "/", [SERVICE], ["https://other.example", SERVICE]])
@pytest.mark.proves("JW-07")
def test_audience_forms(door, keyring, audience):
    assert door(f"Bearer {keyring.token(aud=audience)}").status_code == 200


def test_an_audience_typed_by_hand_is_accepted_where_registered(door, keyring):
    token = keyring.token(aud="https://typed.example/hook")
    assert door(f"Bearer {token}").status_code == 401
    assert door(f"Bearer {token}", audiences=["https://typed.example/hook"]).status_code == 200


def test_epic_like_claims_are_accepted(door, keyring, making):
    now = int(making.now.timestamp())
    assert door(f"Bearer {keyring.token(sub='x', nbf=now - 300, exp=now + 900)}").status_code == 200


BAD_CLAIMS = [
    {"iss": None},
    {"iss": "https://ehr.example/oauth/"},
    {"iss": "https://evil.example"},
    {"iss": ["https://ehr.example/oauth"]},
    {"aud": None},
    {"aud": "https://cds.example/trd/cds-services/trd-order-sign"},
    {"aud": "https://cds.example/trd/cds-services"},
    {"aud": "https://cds.example/trd/cds-services/trd-order-select/feedback"},
    {"aud": []},
    {"aud": [7, None]},
    {"exp": None},
    {"exp": -3600},
    {"exp": 7200},
    {"exp": "soon"},
    {"exp": float("nan")},
    {"exp": float("inf")},
    {"iat": None},
    {"iat": 3600},
    {"iat": True},
    {"nbf": 3600},
    {"nbf": "x"},
    {"jti": None},
    {"jti": ""},
    {"jti": 5},
    {"jti": "x" * 600},
]


def at(now, claims):
    """Small numbers stand for seconds from now."""
    moved = {"exp", "iat", "nbf"}
    return {
        name: int(now.timestamp()) + value if name in moved and type(value) is int else value
        for name, value in claims.items()
    }


@pytest.mark.parametrize("claims", BAD_CLAIMS)
@pytest.mark.proves("JW-06", "JW-07", "JW-08", "JW-09", "JW-10", "BP-02")
def test_every_bad_claim_is_the_same_401(door, keyring, making, claims):
    refused(door(f"Bearer {signed(keyring, at(making.now, claims))}"))


def signed(keyring, claims):
    """Sign whatever the claims are: the library would refuse to encode some of them."""
    good = jwt.decode(keyring.token(), options={"verify_signature": False})
    payload = {name: value for name, value in {**good, **claims}.items() if value is not None}
    return jwt.api_jws.encode(
        json.dumps(payload).encode(), keyring.elliptic, "ES384", headers={"kid": "ec/1+=", "typ": "JWT"}
    )


def refused(response):
    assert response.status_code == 401
    assert response.content == b""
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwdw==", "Bearer a.b.c", "Bearer " + "x" * 20_000]
)
@pytest.mark.proves("SE-04", "BP-02", "SE-03")
def test_no_usable_token_is_401(door, header):
    refused(door(header))


def part(content):
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("name", ["none", "None", "nOnE", "", None])
@pytest.mark.proves("JW-13")
def test_no_signature_is_401(door, keyring, name):
    claims = jwt.decode(keyring.token(), options={"verify_signature": False})
    token = f"{part({'alg': name, 'kid': 'ec/1+=', 'typ': 'JWT'})}.{part(claims)}."
    refused(door(f"Bearer {token}"))


@pytest.mark.proves("JW-14")
def test_a_symmetric_signature_with_the_public_key_is_401(door, keyring):
    import hashlib
    import hmac

    for key, kid in ((keyring.elliptic, "ec/1+="), (keyring.rsa, "rsa-1")):
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        claims = jwt.decode(keyring.token(), options={"verify_signature": False})
        head = part({"alg": "HS256", "kid": kid, "typ": "JWT"})
        body = f"{head}.{part(claims)}"
        mac = base64.urlsafe_b64encode(hmac.new(public, body.encode(), hashlib.sha256).digest()).rstrip(b"=").decode()
        refused(door(f"Bearer {body}.{mac}"))


def test_an_algorithm_outside_the_list_is_401(door, keyring):
    token = keyring.token(keyring.rsa, "RS256", "rsa-1")
    refused(door(f"Bearer {token}"))
    assert door(f"Bearer {token}", algorithms=["RS256", "ES384"]).status_code == 200


@pytest.mark.proves("JW-16")
def test_an_algorithm_is_pinned_to_the_key_type(door, keyring):
    refused(door(f"Bearer {keyring.token(keyring.rsa, 'RS384', 'ec/1+=')}"))
    refused(door(f"Bearer {keyring.token(keyring.elliptic, 'ES384', 'rsa-1')}"))


@pytest.mark.proves("SE-05")
def test_another_key_or_a_changed_payload_is_401(door, keyring):
    refused(door(f"Bearer {keyring.token(ec.generate_private_key(ec.SECP384R1()))}"))
    head, body, mac = keyring.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    refused(door(f"Bearer {head}.{part({**claims, 'jti': 'other'})}.{mac}"))


@pytest.mark.parametrize("kid", ["EC/1+=", "ec/1+", "", "unknown"])
def test_the_key_id_must_match_exactly(door, keyring, kid):
    refused(door(f"Bearer {keyring.token(kid=kid)}"))


@pytest.mark.proves("JW-04", "JW-05")
def test_a_key_address_in_the_token_is_never_fetched(door, keyring, chart):
    claims = jwt.decode(keyring.token(), options={"verify_signature": False})
    stranger = ec.generate_private_key(ec.SECP384R1())
    headers = {"kid": "stranger", "jku": "https://evil.example/jwks.json"}
    refused(door(f"Bearer {jwt.encode(claims, stranger, 'ES384', headers=headers)}"))
    assert not chart.requests


@pytest.mark.proves("JW-10")
def test_a_token_works_once(clinic, keyring, making):
    service = clinic(registry=keyring.registry())
    header = {"Authorization": f"Bearer {keyring.token()}"}
    assert service.fire(making.call(), headers=header).status_code == 200
    refused(service.fire(making.call(), headers=header))
    fresh = {"Authorization": f"Bearer {keyring.token(jti='nonce-2')}"}
    assert service.fire(making.call(), headers=fresh).status_code == 200


@pytest.mark.proves("INF-05", "RQ-04")
def test_a_test_tool_may_reuse_its_token_where_allowed(clinic, keyring, making):
    service = clinic(registry=keyring.registry(replay="allow"))
    header = {"Authorization": f"Bearer {keyring.token()}"}
    assert [service.fire(making.call(), headers=header).status_code for _ in range(3)] == [200, 200, 200]


def test_the_same_hook_instance_is_no_replay(clinic, keyring, making):
    service = clinic(registry=keyring.registry())
    for number in range(2):
        header = {"Authorization": f"Bearer {keyring.token(jti=f'n{number}')}"}
        assert service.fire(making.call(hookInstance="constant"), headers=header).status_code == 200


def test_a_forged_token_does_not_use_up_the_true_one(clinic, keyring, making):
    service = clinic(registry=keyring.registry())
    forged = keyring.token(ec.generate_private_key(ec.SECP384R1()))
    refused(service.fire(making.call(), headers={"Authorization": f"Bearer {forged}"}))
    true = {"Authorization": f"Bearer {keyring.token()}"}
    assert service.fire(making.call(), headers=true).status_code == 200


def test_times_are_read_from_the_given_clock_with_leeway(door, keyring, making):
    for seconds, status in ((-120, 401), (-30, 200), (330, 200), (420, 401)):
        clock = FixedClock(making.now + timedelta(seconds=seconds))
        assert door(f"Bearer {keyring.token(jti=str(seconds))}", clock=clock).status_code == status


@pytest.mark.proves("FB-12")
def test_feedback_accepts_its_own_and_the_service_address(clinic, keyring, making):
    service = clinic(registry=keyring.registry(replay="allow"))
    item = {"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-22T15:40:21Z"}
    for end, status in (("", 200), ("/feedback", 200), ("/other", 401)):
        token = keyring.token(aud=f"{making.base}/cds-services/trd-order-sign{end}")
        answer = service.send(
            "POST",
            "/cds-services/trd-order-sign/feedback",
            content=json.dumps({"feedback": [item]}),
            headers={"Authorization": f"Bearer {token}"},
        )
        assert answer.status_code == status


@pytest.mark.proves("DI-01", "DI-17", "FN-07")
def test_discovery_is_open_with_and_without_a_token(clinic, keyring):
    service = clinic(registry=keyring.registry())
    assert service.send("GET", "/cds-services").status_code == 200
    assert service.send("GET", "/cds-services", headers={"Authorization": "Bearer x"}).status_code == 200


def test_open_mode_ignores_a_token(clinic, making):
    assert clinic().fire(making.call(), headers={"Authorization": "Bearer nonsense"}).status_code == 200
