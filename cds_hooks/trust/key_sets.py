"""Keys that clients publish and rotate: JWKS fetched from registered addresses, and from nowhere else.

A set is used for the lifetime that its answer gives, within limits. A `kid` that it does not hold asks for it again.
But each address is asked at most once in `PAUSE`, whatever comes in and whether it answers or not: a flood of bad
tokens makes no flood of fetches. While an address fails, what it said last is used until `LONGEST_STALE` after that.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from cds_hooks.clock import Clock
from cds_hooks.ehr.connecting import AddressRefused
from cds_hooks.ehr.failures import Refused
from cds_hooks.trust.public_keys import PublicKey, UnusableKey, read_key

FETCH_SECONDS = 2.0  # a hook waits for it, and the EHR waits for the hook
LARGEST_SET = 262_144
MOST_KEYS = 100
PAUSE = timedelta(seconds=30)
USUAL_LIFETIME = timedelta(minutes=15)
SHORTEST_LIFETIME = timedelta(minutes=1)
LONGEST_LIFETIME = timedelta(hours=1)  # a withdrawn key works no longer than that
LONGEST_STALE = timedelta(hours=4)
_MAX_AGE = re.compile(r'(?:^|[,\s])max-age\s*=\s*"?(\d{1,10})"?(?=$|[,\s;])', re.IGNORECASE)
_NOT_KEPT = re.compile(r"(?:^|[,\s])no-(?:store|cache)(?=$|[,\s;=])", re.IGNORECASE)


class KeySetUnavailable(Exception):  # noqa: N818 - told to the operator, never raised to a caller
    """An address gave no key set; the message says why in words of ours."""


@dataclass(slots=True)
class _KeySet:
    """What is known of one address. `refused`: when last asked, it led where nothing may be called."""

    keys: Mapping[str, PublicKey] = field(default_factory=dict)
    fetched: datetime | None = None
    lifetime: timedelta = USUAL_LIFETIME
    asked: datetime | None = None
    problem: str = ""
    refused: bool = False
    flight: asyncio.Task[None] | None = None


def _nobody_counts(reason: Refused) -> None:
    pass


class KeySets:
    """The key sets of all `addresses`, in the memory of this process. `http` stays the caller's to close."""

    def __init__(self, addresses: Iterable[str], http: httpx.AsyncClient, clock: Clock) -> None:
        self._sets = {address: _KeySet() for address in addresses}
        self._http = http
        self._clock = clock

    async def find(
        self, addresses: Iterable[str], key_id: str, refused: Callable[[Refused], None] = _nobody_counts
    ) -> PublicKey | None:
        """The key that one of the registered `addresses` publishes as `key_id`; None when none does, or can be had.

        `refused` is told of each address that was needed and leads where nothing may be called, also while it rests
        after such a refusal. Raises KeyError for an address that is not registered.
        """
        sets = [(address, self._sets[address]) for address in addresses]
        for _, known in sets:
            if key_id in known.keys and self._within(known.fetched, known.lifetime):
                return known.keys[key_id]
        for address, known in sets:
            await self._ask(address, known)
            if known.refused:
                refused("private-address")
            if key_id in known.keys and self._within(known.fetched, LONGEST_STALE if known.problem else known.lifetime):
                return known.keys[key_id]
        return None

    @property
    def problems(self) -> Mapping[str, str]:
        """Why the last fetch failed, by address; empty when all is well. For readiness and logs."""
        return {address: known.problem for address, known in self._sets.items() if known.problem}

    async def aclose(self) -> None:
        """End the fetches under way."""
        flights = [known.flight for known in self._sets.values() if known.flight is not None]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _within(self, since: datetime | None, span: timedelta) -> bool:
        """Whether `since` is less than `span` ago; no when the clock was set back behind it."""
        return since is not None and timedelta(0) <= self._clock.now() - since < span

    async def _ask(self, address: str, known: _KeySet) -> None:
        """Fetch once for all who wait, unless the address was asked a moment ago."""
        if known.flight is None:
            if self._within(known.asked, PAUSE):
                return
            known.asked = self._clock.now()
            known.flight = asyncio.create_task(self._fetch(address, known))
        # Whoever gives up waiting must not take the answer from the others.
        await asyncio.shield(known.flight)

    async def _fetch(self, address: str, known: _KeySet) -> None:
        known.refused = False
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                keys, lifetime = await self._read(address)
        except KeySetUnavailable as failure:
            known.problem = str(failure)
        except TimeoutError:
            known.problem = "the address did not answer in time"
        except (httpx.HTTPError, httpx.InvalidURL) as lost:
            known.refused = isinstance(lost.__cause__, AddressRefused)
            known.problem = (
                "the address leads where nothing may be called" if known.refused else "the address is not reachable"
            )
        else:
            known.keys, known.lifetime, known.problem = keys, lifetime, ""
            known.fetched = self._clock.now()
        finally:
            known.flight = None

    async def _read(self, address: str) -> tuple[Mapping[str, PublicKey], timedelta]:
        headers = {"Accept": "application/jwk-set+json, application/json", "Accept-Encoding": "identity"}
        received = bytearray()
        async with self._http.stream(
            "GET", address, headers=headers, timeout=FETCH_SECONDS, follow_redirects=False
        ) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise KeySetUnavailable(f"the address answered {answer.status_code}; redirects are not followed")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise KeySetUnavailable("the answer is compressed, which was not asked for")
            async for chunk in answer.aiter_bytes():
                received += chunk
                if len(received) > LARGEST_SET:
                    raise KeySetUnavailable(f"the answer is larger than {LARGEST_SET} bytes")
            return read_key_set(bytes(received)), lifetime_of(answer.headers.get("cache-control", ""))


def read_key_set(document: bytes) -> Mapping[str, PublicKey]:
    """The usable keys of a JWKS by `kid`; others are left out, and so is a `kid` that stands for two of them.

    Raises KeySetUnavailable when the document is no JWKS.
    """
    try:
        content: Any = orjson.loads(document)
    except orjson.JSONDecodeError:
        raise KeySetUnavailable("the answer is not JSON") from None
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise KeySetUnavailable("the answer is not a JWKS")
    if len(listed) > MOST_KEYS:
        raise KeySetUnavailable(f"the set holds more than {MOST_KEYS} keys")
    usable: list[tuple[str, PublicKey]] = []
    for jwk in listed:
        try:
            usable.append(read_key(jwk))
        except UnusableKey:
            continue
    count = Counter(key_id for key_id, _ in usable)
    return {key_id: key for key_id, key in usable if count[key_id] == 1}


def lifetime_of(cache_control: str) -> timedelta:
    """How long a fetched set is used without asking again, by its ``Cache-Control``, within our limits.

    >>> lifetime_of("public, max-age=600").total_seconds()
    600.0
    >>> lifetime_of("no-store").total_seconds()
    60.0
    """
    if _NOT_KEPT.search(cache_control):
        return SHORTEST_LIFETIME
    stated = _MAX_AGE.search(cache_control)
    if stated is None:
        return USUAL_LIFETIME
    return min(max(timedelta(seconds=int(stated[1])), SHORTEST_LIFETIME), LONGEST_LIFETIME)
