"""Tokens of our own: asked for as SMART Backend Services says, granted by another's server, refused in plain words."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sekmet.config import ServerAuth, Settings, SimulatorSettings, SmartClient
from sekmet.main import create_app

from cds_hooks.clock import SystemClock
from cds_hooks.ehr.addresses import AddressRule
from cds_hooks.ehr.connecting import AddressRefused, outbound_client
from cds_hooks.ehr.failures import FhirFailure
from cds_hooks.ehr.system_client import (
    SystemClient,
    SystemClientError,
    address_to_call,
    read_signing_key,
    read_system_client,
)
from cds_hooks.ehr.system_tokens import SystemTokens

FHIR = "https://ehr.example/fhir"
ENDPOINT = "https://ehr.example/auth/token"
SECRET = "opaque-system-token"
NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEYS = {
    "RS384": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
}


def pem(key, password=None):
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)


def jwk(algorithm, kid="k1"):
    kind = jwt.algorithms.RSAAlgorithm if algorithm == "RS384" else jwt.algorithms.ECAlgorithm
    return {**json.loads(kind.to_jwk(KEYS[algorithm].public_key())), "kid": kid, "alg": algorithm, "use": "sig"}


@pytest.fixture
def client(tmp_path):
    """A system client with its key on disk; what is given replaces what it says."""

    def make(algorithm="ES384", **changed):
        file = tmp_path / f"{algorithm}.pem"
        file.write_bytes(pem(KEYS[algorithm]))
        file.chmod(0o600)
        said = {"fhir_server": FHIR, "client_id": "trd", "key_file": str(file), "key_id": "k1", "algorithm": algorithm}
        return SystemClient(**{**said, **changed})

    return make


@dataclass
class MovableClock:
    """A clock that a test moves."""

    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        raise AssertionError(f"no day is asked for here, least of all in {zone}")


@dataclass
class AuthorizationServer:
    """Answers its SMART configuration and `token`; keeps what it was asked."""

    token: object = field(
        default_factory=lambda: httpx.Response(
            200,
            json={"access_token": SECRET, "token_type": "bearer", "expires_in": 300, "scope": "system/*.rs"},
        )
    )
    configuration: object = field(default_factory=lambda: httpx.Response(200, json={"token_endpoint": ENDPOINT}))
    requests: list[httpx.Request] = field(default_factory=list)
    open: asyncio.Event | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if self.open is not None:
            await self.open.wait()
        said = self.configuration if request.method == "GET" else self.token
        if isinstance(said, Exception):
            raise said
        return httpx.Response(said.status_code, content=said.content, headers=said.headers)

    @property
    def forms(self):
        posted = (one for one in self.requests if one.method == "POST")
        return [{name: value[0] for name, value in parse_qs(one.content.decode()).items()} for one in posted]


@asynccontextmanager
async def tokens_of(system_client, server, clock):
    async with httpx.AsyncClient(transport=httpx.MockTransport(server)) as http:
        tokens = SystemTokens(system_client, http, clock)
        try:
            yield tokens
        finally:
            await tokens.aclose()


def ask(system_client, server, clock=None):
    async def run():
        async with tokens_of(system_client, server, clock or MovableClock()) as tokens:
            return await tokens.token()

    return asyncio.run(run())


def refusal(system_client, server):
    with pytest.raises(FhirFailure) as caught:
        ask(system_client, server)
    for secret in (SECRET, "ehr.example", "eyJ", "PRIVATE", "echo"):
        assert secret not in caught.value.why
    return caught.value


# Granted


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_server_of_others_grants_a_token_that_reads(client, tmp_path, algorithm):
    registered = SmartClient(client_id="trd", jwks={"keys": [jwk(algorithm)]}, scopes="system/*.rs")
    app = create_app(
        Settings(
            base_url=FHIR,
            data_dir=str(tmp_path / "data"),
            db_path=str(tmp_path / "fhir.db"),
            simulator=SimulatorSettings(enabled=False),
            server_auth=ServerAuth(types=["smart"], smart_clients=[registered]),
        )
    )

    async def run():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app)) as http:
            tokens = SystemTokens(client(algorithm), http, SystemClock())
            token = await tokens.token()
            bare = await http.get(f"{FHIR}/Condition?patient=p1")
            read = await http.get(f"{FHIR}/Condition?patient=p1", headers={"Authorization": f"Bearer {token.value}"})
            wrong = SystemTokens(client(algorithm, client_id="someone"), http, SystemClock())
            with pytest.raises(FhirFailure, match="invalid_client"):
                await wrong.token()
            return token, bare.status_code, read.status_code

    token, bare, read = asyncio.run(run())
    assert (token.scope, bare, read) == ("system/*.rs", 401, 200)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_the_assertion_says_what_smart_asks_for(client, algorithm):
    server = AuthorizationServer()
    token = ask(client(algorithm, jku="https://trd.example/jwks.json", scope="system/Patient.rs"), server)
    [form] = server.forms
    assertion = form.pop("client_assertion")
    assert form == {
        "grant_type": "client_credentials",
        "scope": "system/Patient.rs",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert jwt.get_unverified_header(assertion) == {
        "alg": algorithm,
        "kid": "k1",
        "typ": "JWT",
        "jku": "https://trd.example/jwks.json",
    }
    claims = jwt.decode(
        assertion,
        KEYS[algorithm].public_key(),
        algorithms=[algorithm],
        audience=ENDPOINT,
        options={"verify_exp": False},
    )
    assert len(claims.pop("jti")) == 36
    assert claims == {"iss": "trd", "sub": "trd", "aud": ENDPOINT, "exp": int(NOW.timestamp()) + 240}
    assert (token.value, token.ends, token.scope) == (SECRET, NOW + timedelta(seconds=300), "system/*.rs")
    assert SECRET not in repr(token)


def test_a_stated_endpoint_is_used_as_written_and_nothing_is_looked_up(client):
    server = AuthorizationServer()
    ask(client(token_url="https://login.example/o/token/"), server)
    [request] = server.requests
    assert request.url == "https://login.example/o/token/"
    sent = jwt.decode(server.forms[0]["client_assertion"], options={"verify_signature": False})
    assert sent["aud"] == "https://login.example/o/token/"


def test_a_token_is_kept_until_a_minute_before_its_end_and_each_assertion_is_new(client):
    async def run():
        server, clock = AuthorizationServer(), MovableClock()
        async with tokens_of(client(), server, clock) as tokens:
            first = await tokens.token()
            clock.instant += timedelta(seconds=239)
            assert await tokens.token() is first
            clock.instant += timedelta(seconds=1)
            assert await tokens.token() is not first
        ids = [jwt.decode(one["client_assertion"], options={"verify_signature": False})["jti"] for one in server.forms]
        assert len(set(ids)) == len(ids) == 2

    asyncio.run(run())


def test_all_who_wait_share_one_request_and_none_can_end_it_for_the_others(client):
    async def run():
        server = AuthorizationServer(open=asyncio.Event())
        async with tokens_of(client(token_url=ENDPOINT), server, MovableClock()) as tokens:
            waiting = [asyncio.create_task(tokens.token()) for _ in range(4)]
            await asyncio.sleep(0)
            waiting.pop(0).cancel()
            await asyncio.sleep(0)
            server.open.set()
            first, *others = [await one for one in waiting]
            assert all(one is first for one in others) and len(server.requests) == 1

    asyncio.run(run())


def test_a_failure_reaches_all_who_wait_and_the_next_asks_again(client):
    async def run():
        good = AuthorizationServer().token
        server = AuthorizationServer(token=httpx.Response(503), open=asyncio.Event())
        async with tokens_of(client(token_url=ENDPOINT), server, MovableClock()) as tokens:
            waiting = [asyncio.create_task(tokens.token()) for _ in range(2)]
            await asyncio.sleep(0)
            server.open.set()
            failed = await asyncio.gather(*waiting, return_exceptions=True)
            assert [one.status for one in failed] == [503, 503] and len(server.requests) == 1
            server.token = good
            assert (await tokens.token()).value == SECRET

    asyncio.run(run())


def test_the_end_of_the_application_ends_the_request(client):
    async def run():
        server = AuthorizationServer(open=asyncio.Event())
        async with tokens_of(client(), server, MovableClock()) as tokens:
            waiting = asyncio.create_task(tokens.token())
            await asyncio.sleep(0)
            await tokens.aclose()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(run())


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [(3600, 3600), (0.5, 0.5), (3601, 300), (0, 300), (-5, 300), ("300", 300), (True, 300), (None, 300), (1e300, 300)],
)
def test_a_lifetime_is_believed_up_to_an_hour(client, stated, seconds):
    said = {"access_token": SECRET, "token_type": "Bearer", "expires_in": stated}
    token = ask(client(), AuthorizationServer(token=httpx.Response(200, json=said)))
    assert token.ends - NOW == timedelta(seconds=seconds) and token.scope is None


# Refused


def answer(status=200, **said):
    return httpx.Response(status, json=said)


def private():
    """What the outbound client raises when a name leads to an address that may not be called."""
    lost = httpx.ConnectError("no")
    lost.__cause__ = AddressRefused("no")
    return lost


@pytest.mark.parametrize(
    ("said", "words", "outcome"),
    [
        (answer(401, error="invalid_client", error_description="echo"), "invalid_client.*check client_id", "refused"),
        (answer(400, error="invalid_scope"), "invalid_scope.*check scope", "refused"),
        (answer(400, error="echo"), "answered 400$", "refused"),
        (answer(500, error=["echo"]), "answered 500$", "server-error"),
        (httpx.Response(403, text="echo"), "answered 403$", "refused"),
        (httpx.Response(200, text="echo"), "JSON object", "unusable"),
        (httpx.Response(200, json=["echo"]), "JSON object", "unusable"),
        (answer(access_token=SECRET), "no bearer token", "unusable"),
        (answer(access_token=SECRET, token_type="mac"), "no bearer token", "unusable"),
        (answer(token_type="bearer"), "no usable token", "unusable"),
        (answer(access_token="a\nb", token_type="bearer"), "no usable token", "unusable"),
        (answer(access_token="a b", token_type="bearer"), "no usable token", "unusable"),
        (answer(access_token="x" * 20_000, token_type="bearer"), "no usable token", "unusable"),
        (answer(access_token="x" * 70_000, token_type="bearer"), "more than", "too-large"),
        (httpx.Response(302, headers={"Location": "https://evil.example"}), "redirected", "redirected"),
        (httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=b""), "compressed", "unusable"),
        (httpx.ReadTimeout("no"), "not answer in time", "timeout"),
        (httpx.ConnectError("no"), "not reachable", "unreachable"),
        (private(), "may not be called", "refused-address"),
    ],
)
def test_a_token_that_cannot_be_had_is_told_in_words_of_ours(client, said, words, outcome):
    server = AuthorizationServer(token=said)
    failure = refusal(client(), server)
    assert failure.outcome == outcome and len(server.forms) == 1
    with pytest.raises(FhirFailure, match=words):
        raise failure


@pytest.mark.parametrize(
    ("configuration", "words"),
    [
        (httpx.Response(404), "404.*token_url"),
        (answer(), "no token endpoint"),
        (answer(token_endpoint=3), "no token endpoint"),
        (answer(token_endpoint="http://ehr.example/auth/token"), "no token endpoint"),
        (answer(token_endpoint="https://user@ehr.example/auth/token"), "no token endpoint"),
        (answer(token_endpoint="https://evil.example/auth/token"), "elsewhere"),
        (answer(token_endpoint="https://ehr.example:444/auth/token"), "elsewhere"),
        (httpx.Response(307, headers={"Location": ENDPOINT}), "redirected"),
    ],
)
def test_no_assertion_goes_to_an_endpoint_that_may_not_have_it(client, configuration, words):
    server = AuthorizationServer(configuration=configuration)
    failure = refusal(client(), server)
    assert not server.forms
    with pytest.raises(FhirFailure, match=words):
        raise failure


def test_the_outbound_client_refuses_an_endpoint_that_leads_inside(client):
    """By the real transport: the name of the endpoint leads to a private address."""

    async def inside(host, port):
        return ["10.0.0.1"]

    async def run():
        options = {"connections": 4, "http2": False, "timeout_seconds": 5, "resolve": inside}
        async with outbound_client(rule=AddressRule(), **options) as http:
            tokens = SystemTokens(client(token_url=ENDPOINT), http, MovableClock())
            with pytest.raises(FhirFailure, match="may not be called") as caught:
                await tokens.token()
            assert caught.value.refused == "private-address"

    asyncio.run(run())


# The client's file and key


def written(tmp_path, **changed):
    said = {
        "fhir_server": FHIR,
        "client_id": "trd",
        "key_file": "key.pem",
        "key_id": "k1",
        "algorithm": "ES384",
        **changed,
    }
    file = tmp_path / "client.yaml"
    file.write_text(json.dumps({key: value for key, value in said.items() if value is not None}), encoding="utf-8")
    return file


def test_a_file_is_read_and_its_key_found_beside_it(tmp_path):
    read = read_system_client(written(tmp_path))
    assert read.key_file == str(tmp_path / "key.pem") and read.scope == "system/*.rs"
    assert read_system_client(written(tmp_path, key_file="/keys/key.pem")).key_file == "/keys/key.pem"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_id": None}, "client_id: .*registration"),
        ({"client_id": ""}, "client_id"),
        ({"algorithm": "HS256"}, "algorithm"),
        ({"fhir_server": "http://ehr.example/fhir"}, "fhir_server: .*https"),
        ({"fhir_server": "https://169.254.169.254/"}, "fhir_server: .*link-local"),
        ({"token_url": "https://ehr.example/token?x=1"}, "token_url"),
        ({"jku": "ftp://trd.example"}, "jku"),
        ({"scope": "a  b"}, "scope"),
        ({"password": "echo"}, "password"),
    ],
)
def test_a_spoiled_file_is_refused_with_place_and_remedy(tmp_path, changed, words):
    with pytest.raises(SystemClientError, match=rf"client\.yaml: {words}") as caught:
        read_system_client(written(tmp_path, **changed))
    assert "echo" not in str(caught.value)


@pytest.mark.parametrize(
    ("algorithm", "content", "words"),
    [
        ("RS384", pem(KEYS["ES384"]), "does not fit RS384"),
        ("ES384", pem(KEYS["RS384"]), "does not fit ES384"),
        ("ES384", pem(ec.generate_private_key(ec.SECP256R1())), "does not fit ES384"),
        ("RS384", pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), "2048"),  # noqa: S505
        ("ES384", pem(KEYS["ES384"], b"secret"), "without a password"),
        ("ES384", b"echo", "no private key"),
        ("ES384", b"", "no private key"),
    ],
)
def test_a_key_that_may_not_sign_is_refused(client, tmp_path, algorithm, content, words):
    file = tmp_path / "other.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(SystemClientError, match=words) as caught:
        read_signing_key(client(algorithm, key_file=str(file)))
    assert "echo" not in str(caught.value)


def test_a_key_that_others_may_read_is_refused(client, tmp_path):
    system_client = client()
    (tmp_path / "ES384.pem").chmod(0o640)
    with pytest.raises(SystemClientError, match="chmod 600"):
        read_signing_key(system_client)
    with pytest.raises(SystemClientError, match="cannot be read"):
        read_signing_key(client(key_file=str(tmp_path / "nowhere.pem")))


def test_an_address_is_called_as_it_was_judged():
    assert address_to_call("https://EHR.example:443/o/token/") == "https://ehr.example/o/token/"
    assert address_to_call("https://ehr.example") == "https://ehr.example"
    for refused in (None, 3, "", "/token", "https://ehr.example@evil.example/", "https://ehr.example/../token"):
        assert address_to_call(refused) is None
