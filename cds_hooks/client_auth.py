"""Proof of who calls: the signed token of a registered client, checked against pinned keys.

Checked in turn: issuer, key id, algorithm (in the client's list and fit for the key), signature, audience,
times, and that the token was not used before. Whatever fails, the answer is the same 401 without a reason. A
`jku` header is never fetched. Times are read from the injected clock.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from typing import Any

import jwt

from cds_hooks.clock import Clock
from cds_hooks.errors import NotAuthenticated
from cds_hooks.registry import ClientRegistry, RegisteredClient

LEEWAY_SECONDS = 60
LONGEST_LIFE_SECONDS = 3600
_LONGEST_TOKEN = 16_384
_LONGEST_JTI = 512


class Replays:
    """The `jti`s seen, until their tokens expire. In memory, per process; bounded.

    When full, the entries closest to expiry go first: they are the ones least useful to a thief.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._seen: set[tuple[str, str]] = set()
        self._by_expiry: list[tuple[float, tuple[str, str]]] = []

    def first_use(self, issuer: str, jti: str, *, expires: float, now: float) -> bool:
        """Record one use; False when this token was used before."""
        while self._by_expiry and (self._by_expiry[0][0] < now or len(self._by_expiry) >= self._capacity):
            self._seen.discard(heapq.heappop(self._by_expiry)[1])
        key = (issuer, jti)
        if key in self._seen:
            return False
        self._seen.add(key)
        heapq.heappush(self._by_expiry, (expires, key))
        return True


class Authenticator:
    """Checks the ``Authorization`` header of one endpoint against the registry."""

    def __init__(self, registry: ClientRegistry, clock: Clock, base_url: str) -> None:
        self._registry = registry
        self._clock = clock
        self._base = base_url
        self._replays = Replays()

    def authenticate(self, header: str | None, *, service_id: str, feedback: bool = False) -> RegisteredClient:
        """The client that signed the token in `header`. Raises NotAuthenticated for any fault.

        The audience must be the public address of the service called; feedback also has its own.
        """
        token = _bearer(header)
        try:
            client = self._client_named(token)
            head = jwt.get_unverified_header(token)
            claims = self._claims(token, head, client)
        except (jwt.PyJWTError, ValueError, TypeError):
            raise NotAuthenticated from None
        service = f"{self._base}/cds-services/{service_id}"
        accepted = {service, *client.entry.audiences, *((f"{service}/feedback",) if feedback else ())}
        self._check_audience(claims.get("aud"), accepted)
        expires = self._check_times(claims)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
            raise NotAuthenticated
        if client.entry.replay_protection and not self._replays.first_use(
            client.entry.issuer, jti, expires=expires + LEEWAY_SECONDS, now=self._now()
        ):
            raise NotAuthenticated
        return client

    def _now(self) -> float:
        return self._clock.now().timestamp()

    def _client_named(self, token: str) -> RegisteredClient:
        unverified = jwt.decode(token, options={"verify_signature": False})
        issuer = unverified.get("iss")
        client = self._registry.by_issuer(issuer) if isinstance(issuer, str) else None
        if client is None:
            raise NotAuthenticated
        return client

    @staticmethod
    def _claims(token: str, head: Mapping[str, Any], client: RegisteredClient) -> dict[str, Any]:
        """The claims, once the signature holds under the pinned key and an algorithm fit for that key."""
        kid, algorithm = head.get("kid"), head.get("alg")
        kind = head.get("typ", "JWT")
        if not isinstance(kid, str) or not isinstance(algorithm, str) or str(kind).upper() != "JWT":
            raise NotAuthenticated
        key = client.keys.get(kid)
        if key is None or algorithm not in key.algorithms:
            raise NotAuthenticated
        # Times and audience are checked against our own clock and addresses, below.
        unchecked = {f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
        return jwt.decode(token, key.public, algorithms=[algorithm], options=unchecked)  # type: ignore[arg-type]

    @staticmethod
    def _check_audience(written: Any, accepted: set[str]) -> None:
        listed = written if isinstance(written, list) else [written]
        plain = {address.rstrip("/") for address in accepted}
        if not any(isinstance(address, str) and address.rstrip("/") in plain for address in listed):
            raise NotAuthenticated

    def _check_times(self, claims: Mapping[str, Any]) -> float:
        """The expiry, once `exp`, `iat` and `nbf` hold now and the life is no longer than an hour."""
        now = self._now()
        expires, issued = _number(claims.get("exp")), _number(claims.get("iat"))
        not_before = _number(claims["nbf"]) if "nbf" in claims else issued
        if expires is None or issued is None or not_before is None:
            raise NotAuthenticated
        if expires <= now - LEEWAY_SECONDS or issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:
            raise NotAuthenticated
        if expires - issued > LONGEST_LIFE_SECONDS or expires <= issued:
            raise NotAuthenticated
        return expires


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
        raise NotAuthenticated
    return token


def _number(value: Any) -> float | None:
    """A finite number of seconds; JSON has no other, and a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
