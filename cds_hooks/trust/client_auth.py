"""Proof of who calls: the signed token of a registered client.

Checked in turn: issuer, audience, times, tenant, key and signature, and last that the token was not used before: only
a token that is good in all else takes room in that memory. Whatever fails, the answer is the same 401 without a
reason, and a token without a key to check it is checked against a decoy, so that the time tells little either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from cds_hooks.clock import Clock
from cds_hooks.ehr.failures import Refused
from cds_hooks.errors import NotAuthenticated
from cds_hooks.trust.entries import Client
from cds_hooks.trust.key_sets import KeySets
from cds_hooks.trust.public_keys import PublicKey, decoy
from cds_hooks.trust.registry import ClientRegistry, RegisteredClient
from cds_hooks.trust.replay import ReplayMemory
from cds_hooks.trust.tokens import SignedToken, is_signed_by, read_token

LEEWAY_SECONDS = 60
LONGEST_LIFE_SECONDS = 3600
_LONGEST_JTI = 512
_LAST_SECOND = 253_402_300_799  # the year 9999 ends


def _nobody_counts(reason: Refused) -> None:
    pass


class Authenticator:
    """Checks ``Authorization`` headers against the registry.

    `base_url` is the public address of the deployment, which tokens are addressed to. `key_sets` must know the
    registry's `key_addresses`; it and `replays` stay the caller's to close.
    """

    def __init__(
        self,
        *,
        registry: ClientRegistry,
        clock: Clock,
        base_url: str,
        replays: ReplayMemory,
        key_sets: KeySets,
    ) -> None:
        self._registry = registry
        self._clock = clock
        self._base = base_url.rstrip("/")
        self._replays = replays
        self._key_sets = key_sets

    async def authenticate(
        self,
        header: str | None,
        *,
        service_id: str,
        feedback: bool = False,
        admit: Callable[[RegisteredClient], None] = lambda _: None,
        refused: Callable[[Refused], None] = _nobody_counts,
    ) -> RegisteredClient:
        """The client that signed the token in `header`, for a call of `service_id` or of its feedback address.

        `admit` is called once the signature holds, before anything is written down: what it raises (too many calls)
        leaves the token unused. `refused` is told of each key address that is not called, and why. Raises
        NotAuthenticated for any fault, its `check` naming the one; RecordsUnavailable when the replay memory does not
        answer.
        """
        token = read_token(header)
        now = self._clock.now()
        issuer = token.claims.get("iss")
        client = self._registry.by_issuer(issuer) if isinstance(issuer, str) else None
        fault = "issuer" if client is None else self._fault(client.entry, token.claims, now, service_id, feedback)
        key = await self._key(client, token, refused) if client is not None and not fault else None
        if client is None or key is None or token.algorithm not in client.entry.algorithms:
            spent = decoy(token.algorithm)
            if spent is not None:
                is_signed_by(token, spent)
            raise NotAuthenticated(fault or "key")
        if not is_signed_by(token, key):
            raise NotAuthenticated("signature")
        admit(client)
        if client.entry.replay == "refuse":
            expires = datetime.fromtimestamp(token.claims["exp"] + LEEWAY_SECONDS, UTC)
            if not await self._replays.first_use(client.entry.issuer, token.claims["jti"], expires=expires, now=now):
                raise NotAuthenticated("replay")
        return client

    def _fault(self, entry: Client, claims: Mapping[str, Any], now: datetime, service_id: str, feedback: bool) -> str:
        """The first check that the claims fail; empty when they pass all."""
        if not _is_addressed(claims.get("aud"), self._audiences(entry, service_id, feedback)):
            return "audience"
        if not _is_timely(claims, now.timestamp()):
            return "times"
        if entry.tenants is not None and claims.get("tenant") not in entry.tenants:
            return "tenant"
        jti = claims.get("jti")
        return "" if isinstance(jti, str) and 0 < len(jti) <= _LONGEST_JTI else "jti"

    def _audiences(self, entry: Client, service_id: str, feedback: bool) -> set[str]:
        """The addresses that a token for this call may name, without final slash."""
        discovery = f"{self._base}/cds-services"
        service = f"{discovery}/{service_id}"
        forms = {
            "endpoint": (service,),
            "feedback": (service, f"{service}/feedback") if feedback else (),
            "discovery": (discovery,),
            "base": (self._base,),
        }
        accepted = {address for form in entry.audience_forms for address in forms[form]}
        return accepted | {address.removesuffix("/") for address in entry.audiences}

    async def _key(
        self, client: RegisteredClient, token: SignedToken, refused: Callable[[Refused], None]
    ) -> PublicKey | None:
        """The client's key of that `kid`: pinned, else as published at a registered address.

        A `jku` in the token only ever chooses among the registered addresses: another one is a fault where any are
        registered, and means nothing to a client whose keys are pinned.
        """
        registered = client.entry.jku
        if registered and any(address not in registered for address in token.key_addresses):
            refused("not-listed")
            return None
        pinned = client.keys.get(token.key_id)
        if pinned is not None or not registered:
            return pinned
        return await self._key_sets.find(token.key_addresses or registered, token.key_id, refused)


def _is_addressed(written: Any, accepted: set[str]) -> bool:
    """Whether `aud`, one address or a list, names one of `accepted`; a final slash is tolerated."""
    listed = written if isinstance(written, list) else [written]
    return any(isinstance(address, str) and address.removesuffix("/") in accepted for address in listed)


def _is_timely(claims: Mapping[str, Any], now: float) -> bool:
    """Whether `exp`, `iat` and, if given, `nbf` hold now and the life is no longer than an hour."""
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    not_before = _seconds(claims["nbf"]) if "nbf" in claims else issued
    if expires is None or issued is None or not_before is None:
        return False
    if expires <= now - LEEWAY_SECONDS or issued > now + LEEWAY_SECONDS or not_before > now + LEEWAY_SECONDS:
        return False
    return 0 < expires - issued <= LONGEST_LIFE_SECONDS


def _seconds(value: Any) -> float | None:
    """A finite number of seconds within the calendar; a boolean is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= _LAST_SECOND:
        return None
    return float(value) if math.isfinite(value) else None
