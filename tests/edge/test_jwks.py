"""Published key sets: fetched from registered addresses only, seldom, and used for a bounded time."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.trust import key_sets as rules
from cds_hooks.trust.key_sets import KeySets, KeySetUnavailable, lifetime_of, read_key_set

ADDRESS = "https://ehr.example/jwks"
OTHER = "https://ehr.example/more-jwks"
GOOD_KEY = ec.generate_private_key(ec.SECP384R1())


def jwk(kid="one", private=GOOD_KEY, **changed):
    written = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
    return {**written, "kid": kid, **changed}


@dataclass
class MovableClock:
    """A clock that a test moves."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        raise AssertionError(f"no day is asked for here, least of all in {zone}")

    def pass_by(self, span: timedelta) -> None:
        self.instant += span


@dataclass
class Publisher:
    """A server of key sets; what it says can be changed, and it counts."""

    keys: list = field(default_factory=lambda: [jwk()])
    headers: dict = field(default_factory=dict)
    instead: object = None
    asked: list = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        await asyncio.sleep(0)  # others get their turn, as with a real network
        if isinstance(self.instead, Exception):
            raise self.instead
        if isinstance(self.instead, httpx.Response):
            return self.instead
        return httpx.Response(200, json={"keys": self.keys}, headers=self.headers)


@pytest.fixture
def clock(making):
    return MovableClock(making.now)


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture
def key_sets(publisher, clock):
    return KeySets([ADDRESS, OTHER], httpx.AsyncClient(transport=httpx.MockTransport(publisher)), clock)


@pytest.fixture
def has(key_sets):
    """Whether a key of this id is found at the address."""
    return lambda kid="one", *more: asyncio.run(key_sets.find((ADDRESS, *more), kid)) is not None


def test_a_set_is_fetched_once_and_used_for_its_lifetime(has, publisher, clock):
    assert has() and has()
    clock.pass_by(rules.USUAL_LIFETIME - timedelta(seconds=1))
    assert has()
    assert len(publisher.asked) == 1
    clock.pass_by(timedelta(seconds=1))
    assert has()
    assert len(publisher.asked) == 2


def test_a_withdrawn_key_is_gone_when_the_lifetime_ends(has, publisher, clock):
    assert has()
    publisher.keys = []
    clock.pass_by(rules.USUAL_LIFETIME)
    assert not has()


@pytest.mark.proves("JW-04", "BP-03")
def test_a_new_key_is_found_by_one_more_fetch(has, publisher, clock):
    assert has()
    publisher.keys = [jwk(), jwk("two")]
    clock.pass_by(rules.PAUSE)
    assert has("two")
    assert len(publisher.asked) == 2


@pytest.mark.proves("JW-04")
def test_a_flood_of_unknown_keys_makes_no_flood_of_fetches(has, publisher, clock):
    for number in range(200):
        assert not has(f"unknown-{number}")
        clock.pass_by(timedelta(seconds=1))
    assert len(publisher.asked) == 7  # one in each half minute of 200 seconds
    assert has()


def test_a_flood_while_the_address_fails_makes_no_flood_either(has, publisher, clock, key_sets):
    publisher.instead = httpx.ConnectError("down")
    for _ in range(90):
        assert not has()
        clock.pass_by(timedelta(seconds=1))
    assert len(publisher.asked) == 3
    assert key_sets.problems == {ADDRESS: "the address is not reachable"}
    publisher.instead = None
    assert has()
    assert not key_sets.problems


def test_those_who_wait_share_one_fetch(key_sets, publisher):
    async def crowd():
        return await asyncio.gather(*(key_sets.find((ADDRESS,), "one") for _ in range(50)))

    assert all(asyncio.run(crowd()))
    assert len(publisher.asked) == 1


def test_one_who_gives_up_does_not_spoil_it_for_the_others(key_sets, publisher):
    async def crowd():
        impatient = asyncio.create_task(key_sets.find((ADDRESS,), "one"))
        patient = asyncio.create_task(key_sets.find((ADDRESS,), "one"))
        await asyncio.sleep(0)
        impatient.cancel()
        return await patient

    assert asyncio.run(crowd()) is not None
    assert len(publisher.asked) == 1


def test_stale_keys_serve_while_the_address_fails_but_not_for_ever(has, publisher, clock):
    assert has()
    publisher.instead = httpx.Response(503)
    clock.pass_by(rules.LONGEST_STALE - timedelta(seconds=1))
    assert has()
    clock.pass_by(timedelta(seconds=1))
    assert not has()


def test_a_clock_set_back_does_not_keep_keys_alive(has, publisher, clock):
    assert has()
    publisher.keys = []
    clock.pass_by(-timedelta(days=1))
    assert not has()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (httpx.Response(302, headers={"location": "https://evil.example/jwks"}), "302"),
        (httpx.Response(404), "404"),
        (httpx.Response(200, content=b"<html>"), "not JSON"),
        (httpx.Response(200, json=[]), "not a JWKS"),
        (httpx.Response(200, json={"keys": {}}), "not a JWKS"),
        (httpx.Response(200, json={"keys": [{}] * (rules.MOST_KEYS + 1)}), "more than"),
        (httpx.Response(200, content=b" " * (rules.LARGEST_SET + 1)), "larger"),
        (httpx.Response(200, content=b"[" * 200_000), "not JSON"),
        (httpx.TimeoutException("slow"), "not reachable"),
        (TimeoutError(), "in time"),
    ],
)
@pytest.mark.proves("JW-12")
def test_what_is_no_key_set_is_a_named_problem(has, key_sets, publisher, answer, problem):
    publisher.instead = answer
    assert not has()
    assert problem in key_sets.problems[ADDRESS]
    assert publisher.asked == [ADDRESS]


def test_a_compressed_answer_is_not_unpacked(has, key_sets, publisher):
    publisher.headers = {"content-encoding": "br"}
    assert not has()
    assert "compressed" in key_sets.problems[ADDRESS]


def test_a_slow_address_is_given_up(key_sets, publisher, monkeypatch):
    monkeypatch.setattr(rules, "FETCH_SECONDS", 0.01)

    async def never(_):
        await asyncio.Event().wait()

    key_sets._http = httpx.AsyncClient(transport=httpx.MockTransport(never))
    assert asyncio.run(key_sets.find((ADDRESS,), "one")) is None
    assert "in time" in key_sets.problems[ADDRESS]


def test_only_registered_addresses_can_be_asked(key_sets, publisher):
    with pytest.raises(KeyError):
        asyncio.run(key_sets.find(("https://evil.example/jwks",), "one"))
    assert not publisher.asked


def test_a_key_at_any_of_the_addresses_will_do(has, publisher):
    assert has("one", OTHER)
    assert publisher.asked == [ADDRESS]
    assert not has("two", OTHER)
    assert publisher.asked == [ADDRESS, OTHER]


def test_nothing_is_left_running_at_the_end(key_sets):
    async def begin_and_stop():
        waiting = asyncio.Event()

        async def never(_):
            waiting.set()
            await asyncio.Event().wait()

        key_sets._http = httpx.AsyncClient(transport=httpx.MockTransport(never))
        asked = asyncio.create_task(key_sets.find((ADDRESS,), "one"))
        await waiting.wait()
        await key_sets.aclose()
        with pytest.raises(asyncio.CancelledError):
            await asked
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(begin_and_stop()) == set()


def short_rsa():
    private = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that it is too short is the point
    return {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())), "kid": "short", "key_ops": None}


def test_unusable_keys_are_skipped_and_the_rest_used():
    short = {name: value for name, value in short_rsa().items() if value is not None}
    unusable = [
        "key",
        {},
        jwk(kid=7),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "symmetric"},
        jwk("private", d="AAAA"),
        jwk("encryption", use="enc"),
        jwk("odd curve", crv="secp256k1"),
        jwk("off the curve", x="AAAA"),
        jwk("symmetric by name", alg="HS256"),
        short,
        jwk("twice"),
        jwk("twice", ec.generate_private_key(ec.SECP384R1())),
    ]
    read = read_key_set(json.dumps({"keys": [*unusable, jwk("good")]}).encode())
    assert set(read) == {"good"}
    assert read["good"].algorithms == ("ES384",)


def test_a_short_key_is_short_however_it_is_written():
    """Zeros before the modulus make it longer on paper only."""
    short = {name: value for name, value in short_rsa().items() if value is not None}
    assert not read_key_set(json.dumps({"keys": [{**short, "n": "AAAA" * 100 + short["n"]}]}).encode())


@pytest.mark.parametrize("document", [b"", b"null", b"7", b'{"keys": 7}', b"{"])
def test_what_is_no_jwks_is_refused(document):
    with pytest.raises(KeySetUnavailable):
        read_key_set(document)


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        ("", rules.USUAL_LIFETIME),
        ("public", rules.USUAL_LIFETIME),
        ("max-age=600", timedelta(seconds=600)),
        ("public, MAX-AGE=600, must-revalidate", timedelta(seconds=600)),
        ("s-maxage=600", rules.USUAL_LIFETIME),
        ("max-age=0", rules.SHORTEST_LIFETIME),
        ("max-age=-5", rules.USUAL_LIFETIME),
        ("max-age=9999999999", rules.LONGEST_LIFETIME),
        ("max-age=99999999999999999999", rules.USUAL_LIFETIME),
        ("no-store, max-age=600", rules.SHORTEST_LIFETIME),
        ("no-cache", rules.SHORTEST_LIFETIME),
    ],
)
def test_the_lifetime_is_the_servers_within_limits(said, lifetime):
    assert lifetime_of(said) == lifetime


@pytest.mark.proves("JW-04", "JW-12")
def test_a_call_with_a_published_key_and_its_rotation(clinic, keyring, making, clock):
    """Over HTTP: the key is fetched, changed, and fetched again; a jku elsewhere is refused unasked."""
    publisher = Publisher()
    registry = keyring.registry(jwks_file=None, jku=[ADDRESS])
    service = clinic(server=publisher, registry=registry, clock=clock)

    def fire(jti, private=GOOD_KEY, kid="one", **header):
        claims = keyring.claims(jti=jti)
        token = jwt.encode(claims, private, "ES384", headers={"kid": kid, **header})
        return service.fire(making.call(), headers={"Authorization": f"Bearer {token}"}).status_code

    assert fire("a", jku=ADDRESS) == 200
    assert fire("b") == 200
    assert fire("c", jku="https://evil.example/jwks") == 401
    assert fire("d", jku=ADDRESS + "/") == 401
    successor = ec.generate_private_key(ec.SECP384R1())
    publisher.keys = [jwk("two", successor)]
    assert fire("e", successor, "two") == 401  # asked a moment ago
    clock.pass_by(rules.PAUSE)
    assert fire("f", successor, "two") == 200
    assert fire("g") == 401
    assert set(publisher.asked) == {ADDRESS} and len(publisher.asked) == 2


@pytest.mark.proves("JW-16")
def test_a_published_key_is_used_with_the_client_s_algorithms_only(clinic, keyring, making):
    """The set is nobody's in particular: what its keys could verify and what the client may use are two things."""
    modulus = {**keyring.jwks()[1], "kid": "published"}
    service = clinic(server=Publisher([modulus]), registry=keyring.registry(jwks_file=None, jku=[ADDRESS]))
    for algorithm, status in (("RS256", 401), ("PS384", 401), ("RS384", 200)):
        token = keyring.token(keyring.rsa, algorithm, "published")
        answer = service.fire(making.call(), headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status, algorithm
