"""Attacks on the client's proof, over HTTP on hook and feedback: each gets the very same 401, and nothing is fetched.

`ATTACKS` is the table: what is tried, and the Authorization header it is tried with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from functools import partial

import jwt
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

STRANGER = ec.generate_private_key(ec.SECP384R1())
P256 = ec.generate_private_key(ec.SECP256R1())
REGISTERED_JKU = "https://ehr.example/jwks"
EVIL = "https://evil.example/jwks.json"
REFUSAL = (
    401,
    b"",
    {"www-authenticate": "Bearer", "content-length": "0", "x-content-type-options": "nosniff", "vary": "Origin"},
)
HOOK = "/cds-services/trd-order-select"
FEEDBACK = {
    "feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2026-11-22T15:40:21Z"}],
}


def bearer(token):
    return f"Bearer {token}"


def segment(content):
    return base64.urlsafe_b64encode(content if isinstance(content, bytes) else content.encode()).rstrip(b"=").decode()


def claims_with(ring, **changed):
    """Good claims, changed; unlike `KeyRing.claims` a None stays and is null."""
    return bearer(ring.forge({**ring.claims(), **changed}))


def claims_without(ring, name):
    return bearer(ring.forge(ring.claims(**{name: None})))


def claims_as_text(ring, old, new):
    """Good claims as JSON text with a part replaced, for what JSON of Python cannot write."""
    text = json.dumps(ring.claims())
    assert old in text
    return bearer(ring.forge(text.replace(old, new, 1)))


def header_with(ring, **changed):
    return bearer(ring.forge(header=changed))


def header_as_text(ring, text):
    return bearer(ring.forge(header=text))


def shifted(ring, **seconds):
    """Good claims with some times so many seconds from those that are good."""
    good = ring.claims()
    return claims_with(ring, **{name: good.get(name, good["iat"]) + moved for name, moved in seconds.items()})


def mac(key, digest, content):
    return hmac.new(key, content, digest).digest()


def pem(key):
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def der(key):
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def confused(ring, secret_of, kid="ec/1+=", name="HS256"):
    """Signed symmetrically, with what is public of the registered key as the secret."""
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[name]
    return bearer(ring.forge(header={"alg": name, "kid": kid}, sign=partial(mac, secret_of(ring), digest)))


def by(private, algorithm):
    """Signs with any key."""
    return lambda content: jwt.get_algorithm_by_name(algorithm).sign(content, private)


def changed_after_signing(ring, claims):
    head, _, signature = ring.token().split(".")
    return bearer(f"{head}.{segment(json.dumps(claims))}.{signature}")


def header_after_signing(ring, **header):
    _, payload, signature = ring.token().split(".")
    return bearer(f"{segment(json.dumps(header))}.{payload}.{signature}")


def unsigned(ring, name, signature=""):
    head = segment(json.dumps({"alg": name, "kid": "ec/1+=", "typ": "JWT"}))
    return bearer(f"{head}.{segment(json.dumps(ring.claims()))}.{signature}")


def der_signature(ring):
    return bearer(ring.forge(sign=lambda content: ring.elliptic.sign(content, ec.ECDSA(hashes.SHA384()))))


def pss(ring):
    def sign(content):
        return ring.rsa.sign(content, padding.PSS(padding.MGF1(hashes.SHA384()), 48), hashes.SHA384())

    return bearer(ring.forge(header={"alg": "RS384", "kid": "rsa-1"}, sign=sign))


def public_jwk(private):
    return json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))


def own_key(ring, **header):
    """Signed by a key that the token itself brings along or points to."""
    return bearer(ring.forge(header=header, sign=by(STRANGER, "ES384")))


NO_TOKEN = {
    "no header": lambda ring: None,
    "an empty header": lambda ring: "",
    "a scheme and nothing": lambda ring: "Bearer",
    "a scheme and blanks": lambda ring: "Bearer    ",
    "a password": lambda ring: "Basic dXNlcjpwdw==",
    "a good token under another scheme": lambda ring: f"DPoP {ring.token()}",
    "a good token without scheme": lambda ring: ring.token(),
    "a good token twice": lambda ring: f"Bearer {ring.token()} {ring.token()}",
    "a good token and a comma": lambda ring: f"Bearer {ring.token()},",
}
MALFORMED = {
    "no token at all": lambda ring: bearer("x"),
    "two parts": lambda ring: bearer(ring.token().rpartition(".")[0]),
    "four parts": lambda ring: bearer(ring.token() + ".AAAA"),
    "encrypted, five parts": lambda ring: bearer("eyJhbGciOiJSU0EtT0FFUCJ9.AAAA.AAAA.AAAA.AAAA"),
    "empty parts": lambda ring: bearer(".."),
    "padding": lambda ring: bearer(ring.token() + "="),
    "a blank inside": lambda ring: bearer(ring.token().replace(".", ". ", 1)),
    "another alphabet": lambda ring: bearer(ring.token()[:-4] + "+/+/"),
    "no ASCII": lambda ring: bearer(ring.token()[:-2] + "éé").encode(),
    "huge and shapeless": lambda ring: bearer("x" * 60_000),
    "huge by its header": lambda ring: header_with(ring, padding="x" * 60_000),
    "huge by its claims": lambda ring: claims_with(ring, padding="x" * 60_000),
    "huge by its signature": lambda ring: bearer(ring.token() + "A" * 60_000),
    "header no JSON": lambda ring: header_as_text(ring, "{"),
    "header no object": lambda ring: header_as_text(ring, '["ES384"]'),
    "header null": lambda ring: header_as_text(ring, "null"),
    "header no UTF-8": lambda ring: bearer(f"{segment(bytes([0xFF, 0xFE]))}.{ring.token().split('.', 1)[1]}"),
    "header bottomless": lambda ring: header_as_text(ring, '{"a":' * 2_000 + "1" + "}" * 2_000),
    "claims no JSON": lambda ring: bearer(ring.forge("{")),
    "claims no object": lambda ring: bearer(ring.forge("[]")),
    "claims a number": lambda ring: bearer(ring.forge("7")),
    "claims bottomless": lambda ring: claims_as_text(ring, "{", '{"a":' + "[" * 4_000 + "]" * 4_000 + ","),
    "claims that another reader reads otherwise": lambda ring: claims_as_text(
        ring, "{", '{"iss":"https://evil.example",'
    ),
    "a time given twice": lambda ring: claims_as_text(ring, "{", '{"exp":1,'),
    "header that another reader reads otherwise": lambda ring: header_as_text(
        ring, '{"alg":"none","alg":"ES384","kid":"ec/1+=","typ":"JWT"}'
    ),
}
HEADERS = {
    "no typ": lambda ring: header_with(ring, typ=None),
    "another typ": lambda ring: header_with(ring, typ="at+jwt"),
    "typ no text": lambda ring: header_with(ring, typ=["JWT"]),
    "crit of an unknown extension": lambda ring: header_with(ring, crit=["exp"], exp=1),
    "crit empty": lambda ring: header_with(ring, crit=[]),
    "crit no list": lambda ring: header_with(ring, crit="b64"),
    "payload as it is": lambda ring: header_with(ring, b64=False, crit=["b64"]),
    "payload as it is, unannounced": lambda ring: header_with(ring, b64=False),
    "payload encoded, but said": lambda ring: header_with(ring, b64=True),
}
KEY_IDS = {
    f"kid {name}": lambda ring, kid=kid: header_with(ring, kid=kid)
    for name, kid in {
        "missing": None,
        "empty": "",
        "unknown": "unknown",
        "in another case": "EC/1+=",
        "with a blank": "ec/1+= ",
        "a path": "../../../../dev/null",
        "an absolute path": "/proc/self/environ",
        "an address": EVIL,
        "SQL": "x' UNION SELECT 'key' --",
        "a shell command": "$(id)",
        "a template": "{{7*7}}",
        "with NUL": "ec/1+=\x00",
        "with a line break": 'ec/1+=\r\n{"level":"info"}',
        "an unpaired surrogate": "\ud800",
        "long": "k" * 10_000,
        "a number": 1,
        "true": True,
        "a list": ["ec/1+="],
        "an object": {"kid": "ec/1+="},
        "another key's": "rsa-1",
    }.items()
}
SIGNATURES = {
    **{
        f"alg {name!r}, no signature": lambda ring, name=name: unsigned(ring, name)
        for name in ("none", "None", "NONE", "nOnE", "", None, "ES384")
    },
    **{
        f"alg {name!r}, some signature": lambda ring, name=name: unsigned(ring, name, "AAAA")
        for name in ("none", "NoNe", "ES384", ["none"], 0, True, {"alg": "none"}, "ES385", "HS0", "EdDSA", "dir")
    },
    **{
        f"{name} with the public {kind} key as {form}": lambda ring, name=name, kid=kid, secret=secret: confused(
            ring, secret, kid, name
        )
        for name in ("HS256", "HS384", "HS512")
        for kind, kid in (("EC", "ec/1+="), ("RSA", "rsa-1"))
        for form, secret in {
            "PEM": lambda ring, kind=kind: pem(ring.elliptic if kind == "EC" else ring.rsa),
            "DER": lambda ring, kind=kind: der(ring.elliptic if kind == "EC" else ring.rsa),
            "JWK": lambda ring, kind=kind: json.dumps(ring.jwks()[kind == "RSA"]).encode(),
        }.items()
    },
    "HS256 with an empty secret": lambda ring: confused(ring, lambda _: b""),
    "a stranger's key under a known kid": lambda ring: bearer(ring.token(STRANGER)),
    "a stranger's RSA key under a known kid": lambda ring: bearer(
        ring.token(rsa.generate_private_key(65537, 2048), "RS384", "rsa-1")
    ),
    "another curve": lambda ring: bearer(ring.forge(header={"alg": "ES256"}, sign=by(P256, "ES256"))),
    "another curve, claimed to be the right one": lambda ring: bearer(ring.forge(sign=by(P256, "ES256"))),
    "RSA under the EC key's kid": lambda ring: bearer(ring.token(ring.rsa, "RS384")),
    "EC under the RSA key's kid": lambda ring: bearer(ring.token(kid="rsa-1")),
    "an algorithm not allowed, with the right key": lambda ring: bearer(ring.token(ring.rsa, "RS256", "rsa-1")),
    "another padding, not allowed": lambda ring: bearer(ring.token(ring.rsa, "PS384", "rsa-1")),
    "another padding, under an allowed name": pss,
    "a signature of zeros": lambda ring: bearer(ring.forge(sign=lambda _: bytes(96))),
    "a signature as DER": der_signature,
    "half a signature": lambda ring: bearer(ring.forge(sign=lambda content: ring.es384(content)[:48])),
    "a signature of something else": lambda ring: bearer(ring.forge(sign=lambda _: ring.es384(b"something else"))),
    "claims changed": lambda ring: changed_after_signing(ring, {**ring.claims(), "jti": "another"}),
    "header changed": lambda ring: header_after_signing(ring, alg="ES384", kid="ec/1+=", typ="JWT", cty="x"),
    "header turned to none": lambda ring: header_after_signing(ring, alg="none", kid="ec/1+=", typ="JWT"),
    "the token's own jwk": lambda ring: own_key(ring, jwk=public_jwk(STRANGER)),
    "the token's own jwk and no kid": lambda ring: own_key(ring, jwk=public_jwk(STRANGER), kid=None),
    "the token's own jwk and its kid": lambda ring: own_key(ring, jwk={**public_jwk(STRANGER), "kid": "s"}, kid="s"),
    "the token's own certificate": lambda ring: own_key(ring, x5c=[segment(der(STRANGER))]),
    "a certificate elsewhere": lambda ring: own_key(ring, x5u=EVIL),
    "keys elsewhere": lambda ring: own_key(ring, jku=EVIL),
    "keys elsewhere, unknown kid": lambda ring: own_key(ring, jku=EVIL, kid="stranger"),
    "keys in a file": lambda ring: own_key(ring, jku="file:///etc/passwd", kid="stranger"),
    "keys on this machine": lambda ring: own_key(ring, jku="http://169.254.169.254/latest", kid="stranger"),
    "keys inside the token": lambda ring: own_key(ring, jku="data:application/json,{}", kid="stranger"),
    "keys below the registered address": lambda ring: own_key(ring, jku=f"{REGISTERED_JKU}/../x", kid="stranger"),
    "keys beside the registered address": lambda ring: own_key(ring, jku=f"{REGISTERED_JKU}?x", kid="stranger"),
    "keys at the registered name as user": lambda ring: own_key(
        ring, jku="https://ehr.example@evil.example/jwks", kid="stranger"
    ),
    "a list of key addresses": lambda ring: own_key(ring, jku=[REGISTERED_JKU, EVIL], kid="stranger"),
    "a key address that is no text": lambda ring: own_key(ring, jku={"url": EVIL}, kid="stranger"),
}
NUMBERS = {
    "true": "true",
    "text": '"1795360000"',
    "null": "null",
    "a list": "[1795360000]",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "negative Infinity": "-Infinity",
    "beyond floats": "1e999",
    "a huge whole number": "9" * 400,
    "a number too long to read": "9" * 5_000,
    "beyond the calendar": "99999999999999",
    "negative": "-1",
    "0": "0",
}
CLAIMS = {
    **{f"no {name}": partial(claims_without, name=name) for name in ("iss", "aud", "exp", "iat", "jti")},
    **{
        f"{name} {kind}": lambda ring, name=name, text=text: claims_as_text(
            ring, f'"{name}": {ring.claims()[name]}', f'"{name}": {text}'
        )
        for name in ("exp", "iat")
        for kind, text in NUMBERS.items()
    },
    **{
        f"nbf {kind}": lambda ring, text=text: claims_as_text(ring, "{", f'{{"nbf": {text},')
        for kind, text in NUMBERS.items()
        if kind not in ("negative", "0", "negative Infinity")  # those lie in the past, which is what nbf is for
    },
    "nbf negative Infinity": lambda ring: claims_as_text(ring, "{", '{"nbf": -Infinity,'),
    **{
        f"iss {kind}": partial(claims_with, iss=value)
        for kind, value in {
            "unknown": "https://evil.example",
            "with a slash more": "https://ehr.example/oauth/",
            "in another case": "HTTPS://EHR.EXAMPLE/oauth",
            "a list": ["https://ehr.example/oauth"],
            "an object": {"https://ehr.example/oauth": 1},
            "a number": 5,
            "null": None,
            "with a blank": "https://ehr.example/oauth ",
            "an unpaired surrogate": "\udc00",
        }.items()
    },
    "an unknown issuer with its own good signature": lambda ring: bearer(
        ring.token(STRANGER, kid="s", iss="https://evil.example")
    ),
    **{
        f"aud {kind}": partial(claims_with, aud=value)
        for kind, value in {
            "of another service": "https://cds.example/trd/cds-services/trd-order-sign",
            "the discovery address": "https://cds.example/trd/cds-services",
            "the base": "https://cds.example/trd",
            "of another host": "https://evil.example/trd/cds-services/trd-order-select",
            "the inner address": "http://service.test/cds-services/trd-order-select",
            "by http": "http://cds.example/trd/cds-services/trd-order-select",
            "with a query": "https://cds.example/trd/cds-services/trd-order-select?x",
            "that begins like ours": "https://cds.example/trd/cds-services/trd-order-select.evil.example",
            "relative": "/cds-services/trd-order-select",
            "empty": "",
            "null": None,
            "an empty list": [],
            "a list of others": ["https://evil.example", 7, None],
            "a list in a list": [["https://cds.example/trd/cds-services/trd-order-select"]],
            "an object": {"aud": "https://cds.example/trd/cds-services/trd-order-select"},
        }.items()
    },
    "expired": partial(shifted, exp=-3600, iat=-3600),
    "just expired, leeway and all": partial(shifted, exp=-360, iat=-360),
    "from the future": partial(shifted, exp=3600, iat=3600),
    "from a little too far in the future": partial(shifted, exp=61, iat=61),
    "valid too long": partial(shifted, exp=3600),
    "valid for ever": partial(shifted, exp=10**9),
    "expired before it was issued": partial(shifted, exp=-310),
    "not yet valid": partial(shifted, nbf=120),
    **{
        f"jti {kind}": partial(claims_with, jti=value)
        for kind, value in {
            "empty": "",
            "null": None,
            "a number": 5,
            "a list": ["nonce-1"],
            "long": "x" * 513,
        }.items()
    },
}
TENANTS = {
    f"tenant {kind}": partial(claims_with, tenant=value)
    for kind, value in {
        "unknown": "elsewhere",
        "in another case": "NORTH",
        "null": None,
        "a list": ["north"],
        "an object": {"north": 1},
        "true": True,
        "a number": 0,
    }.items()
} | {"no tenant": lambda ring: bearer(ring.token())}
# Pinned keys alone: a jku means nothing, so these would be good tokens there.
ELSEWHERE_WITH_A_GOOD_KEY = {
    f"a good key, and a jku {kind}": partial(header_with, jku=value)
    for kind, value in {
        "elsewhere": EVIL,
        "with a slash more": REGISTERED_JKU + "/",
        "in another case": REGISTERED_JKU.upper(),
        "that is a list": [REGISTERED_JKU],
        "empty": "",
        "that is no text": 7,
    }.items()
}
ATTACKS = {**NO_TOKEN, **MALFORMED, **HEADERS, **KEY_IDS, **SIGNATURES, **CLAIMS}


def attempted(service, making, header, **more):
    """The answers of hook and feedback, byte for byte, but for the id of the answer, which is drawn by lot."""
    headers = {"Authorization": header} if header is not None else {}
    calls = ((HOOK, making.call()), (f"{HOOK}/feedback", FEEDBACK), (HOOK, FEEDBACK))
    for path, body in calls:
        answer = service.send("POST", path, content=json.dumps(body), headers={**headers, **more})
        seen = dict(answer.headers)
        assert re.fullmatch("[0-9a-f]{32}", seen.pop("x-correlation-id"))
        yield answer.status_code, answer.content, seen


def assert_refused(service, making, chart, header):
    assert list(attempted(service, making, header)) == [REFUSAL] * 3
    assert chart.requests == [], "something was fetched"
    said = service.written.getvalue()
    token = header.decode("latin-1") if isinstance(header, bytes) else header or ""
    for part in token.removeprefix("Bearer").replace(",", ".").split("."):
        assert len(part) < 16 or part[:64] not in said, "the log quotes the token"
    lines = service.log
    assert [line["status"] for line in lines] == [401] * 3
    assert {line["outcome"] for line in lines} == {"NotAuthenticated"}
    assert not any("client" in line for line in lines), "an unproved name is in the log"


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.proves(
    "SE-04", "SE-05", "JW-01", "JW-02", "JW-03", "JW-04", "JW-05", "JW-06", "JW-07", "JW-08", "JW-09", "JW-10", "JW-12",
    "JW-13", "JW-14", "JW-15", "JW-16", "BP-02", "BP-03",
)  # fmt: skip
def test_an_attack_is_the_same_401_and_nothing_else(clinic, keyring, making, chart, attack):
    service = clinic(registry=keyring.registry())
    assert_refused(service, making, chart, ATTACKS[attack](keyring))


@pytest.mark.parametrize(
    "attack", [*ELSEWHERE_WITH_A_GOOD_KEY, "keys elsewhere, unknown kid", "a list of key addresses"]
)
@pytest.mark.proves("JW-04", "JW-12")
def test_where_key_addresses_are_registered_another_is_refused_unasked(clinic, keyring, making, chart, attack):
    service = clinic(registry=keyring.registry(jku=[REGISTERED_JKU]))
    assert_refused(service, making, chart, (ATTACKS | ELSEWHERE_WITH_A_GOOD_KEY)[attack](keyring))


@pytest.mark.parametrize("header", ELSEWHERE_WITH_A_GOOD_KEY)
@pytest.mark.proves("JW-04", "JW-05")
def test_to_a_client_with_pinned_keys_alone_a_key_address_means_nothing(clinic, keyring, making, chart, header):
    service = clinic(registry=keyring.registry())
    token = ELSEWHERE_WITH_A_GOOD_KEY[header](keyring)
    assert service.fire(making.call(), headers={"Authorization": token}).is_success
    assert chart.requests == []


@pytest.mark.parametrize("attack", TENANTS)
@pytest.mark.proves("JW-11")
def test_a_tenant_that_is_not_registered_is_refused(clinic, keyring, making, chart, attack):
    service = clinic(registry=keyring.registry(tenants=["north", "south"]))
    assert_refused(service, making, chart, TENANTS[attack](keyring))
    assert service.fire(making.call(), headers={"Authorization": claims_with(keyring, tenant="south")}).is_success


@pytest.mark.proves("JW-04")
def test_a_stranger_s_key_at_a_registered_address_that_is_down_is_the_same_401(clinic, keyring, making):
    """The address is asked, once, and its fault shows in nothing."""
    asked = []

    def down(request):
        asked.append(str(request.url))
        return making.unreachable(request)

    service = clinic(server=down, registry=keyring.registry(jwks_file=None, jku=[REGISTERED_JKU]))
    for number in range(5):
        header = own_key(keyring, jku=REGISTERED_JKU, kid=f"stranger-{number}")
        assert list(attempted(service, making, header)) == [REFUSAL] * 3
    assert asked == [REGISTERED_JKU]


@pytest.mark.proves("JW-10", "BP-01")
def test_a_replay_is_the_same_401_on_any_address_and_worker(clinic, keyring, making, chart):
    header = bearer(keyring.token())
    first, second = clinic(registry=keyring.registry()), clinic(registry=keyring.registry())
    assert first.fire(making.call(), headers={"Authorization": header}).is_success
    chart.requests.clear()
    assert_refused(second, making, chart, header)


@pytest.mark.proves("BP-01")
def test_no_failed_attempt_uses_up_a_token(clinic, keyring, making):
    """What is not good in all else takes no room in the memory of used tokens."""
    service = clinic(registry=keyring.registry(tenants=["north"]))
    good = {"tenant": "north"}
    for header in (
        bearer(keyring.token(STRANGER, **good)),
        bearer(keyring.token(aud="https://evil.example", **good)),
        bearer(keyring.token(tenant="south")),
        claims_with(keyring, exp=1, **good),
    ):
        assert list(attempted(service, making, header)) == [REFUSAL] * 3
    true = {"Authorization": bearer(keyring.token(**good))}
    assert service.fire(making.call(), headers=true).is_success


def test_the_refusal_is_the_same_for_a_browser(clinic, keyring, making):
    origin = "https://app.example"
    service = clinic(registry=keyring.registry(cors_origins=[origin]))
    tried = [NO_TOKEN["no header"], CLAIMS["expired"], SIGNATURES["keys elsewhere"], KEY_IDS["kid SQL"]]
    seen = {
        (status, body, tuple(sorted(headers.items())))
        for attack in tried
        for status, body, headers in attempted(service, making, attack(keyring), Origin=origin)
    }
    assert len(seen) == 1
    assert ("access-control-allow-origin", origin) in next(iter(seen))[2]


@pytest.mark.proves("JW-04", "JW-07", "JW-15", "INF-03")
def test_what_the_public_sandbox_sends_passes(clinic, keyring, making, chart):
    """ES384 by a pinned key, the exact address, and a `jku` that nobody registered and nobody asks."""
    service = clinic(registry=keyring.registry(profile="sandbox"))
    for number, (path, body) in enumerate(((HOOK, making.call()), (f"{HOOK}/feedback", FEEDBACK))):
        token = keyring.forge(
            keyring.claims(aud=f"{making.base}{path}", jti=f"n{number}"), {"jku": "https://sandbox.example/jwks.json"}
        )
        answer = service.send("POST", path, content=json.dumps(body), headers={"Authorization": bearer(token)})
        assert answer.status_code == 200
    assert chart.requests == []


@pytest.mark.proves("JW-02", "JW-15", "JW-17")
def test_what_epic_sends_passes(clinic, keyring, making, chart):
    """RS384, sub, nbf five minutes before, a kid with / + =, an audience typed by hand, no tenant."""
    path = keyring.write(profile="epic", audiences=["https://typed.example/hook"])
    modulus = {**keyring.jwks()[1], "kid": "aB/c+dE9=="}
    (path.parent / "general.jwks.json").write_text(json.dumps({"keys": [modulus]}), encoding="utf-8")
    from cds_hooks.trust.registry import load_registry

    service = clinic(registry=load_registry(path))
    issued = keyring.claims()["iat"]
    token = keyring.token(
        keyring.rsa, "RS384", "aB/c+dE9==", sub="client-id", nbf=issued - 300, exp=issued + 900,
        aud="https://typed.example/hook",
    )  # fmt: skip
    assert service.fire(making.call(), headers={"Authorization": bearer(token)}).is_success
    assert chart.requests == []


@pytest.mark.proves("JW-07")
def test_an_audience_may_be_a_list(clinic, keyring, making):
    service = clinic(registry=keyring.registry())
    token = keyring.token(aud=["https://other.example", f"{making.base}{HOOK}"])
    assert service.fire(making.call(), headers={"Authorization": bearer(token)}).is_success


@pytest.mark.parametrize(
    ("forms", "path", "aud", "passes"),
    [
        (["base"], HOOK, "", True),
        (["base"], HOOK, "/", True),
        (["base"], HOOK, "/cds-services", False),
        (["base"], HOOK, HOOK, False),
        (["discovery"], HOOK, "/cds-services", True),
        (["discovery"], HOOK, "/cds-services/", True),
        (["discovery"], HOOK, "", False),
        (["endpoint"], HOOK, HOOK, True),
        (["endpoint"], HOOK, HOOK + "/feedback", False),
        (["endpoint"], HOOK + "/feedback", HOOK, True),
        (["endpoint"], HOOK + "/feedback", HOOK + "/feedback", False),
        (["feedback"], HOOK + "/feedback", HOOK + "/feedback/", True),
        (["feedback"], HOOK + "/feedback", HOOK, True),
        (["feedback"], HOOK, HOOK, False),
        (["base", "endpoint"], HOOK, HOOK, True),
    ],
)
@pytest.mark.proves("JW-07", "FB-12")
def test_an_audience_has_one_of_the_registered_forms(clinic, keyring, making, forms, path, aud, passes):
    service = clinic(registry=keyring.registry(audience_forms=forms))
    body = FEEDBACK if path.endswith("feedback") else making.call()
    token = keyring.token(aud=making.base + aud)
    answer = service.send("POST", path, content=json.dumps(body), headers={"Authorization": bearer(token)})
    assert answer.status_code == (200 if passes else 401)
