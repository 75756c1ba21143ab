"""Access tokens of our own, for background use: asked for with a signed assertion and kept until shortly before their
end (SMART App Launch 2.x, Backend Services; RFC 7523; RFC 6749, 5).

Never used in a hook. The token stays in the memory of this process; no message holds it, the assertion, an address or
anything a server wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from uuid import uuid4

import httpx
import jwt
import orjson

from cds_hooks.clock import Clock
from cds_hooks.ehr.connecting import AddressRefused
from cds_hooks.ehr.failures import FhirFailure, Outcome
from cds_hooks.ehr.system_client import SystemClient, address_to_call, read_signing_key
from cds_hooks.outbound import FhirBase

ASSERTION_SECONDS = 240  # SMART allows 300; clocks differ
USUAL_SECONDS, LONGEST_SECONDS = 300, 3600
EARLY = timedelta(seconds=60)
REQUEST_SECONDS = 10.0  # nobody waits at a screen
LARGEST_ANSWER = 65_536
LONGEST_TOKEN = 16_384
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# RFC 6749, 5.2: the only words of a refusal that are passed on, with what to look at.
_REFUSALS = MappingProxyType(
    {
        "invalid_request": "check the algorithm and the token address",
        "invalid_client": "check client_id, key_id and the public key registered there",
        "invalid_grant": "check the clock of this machine and the token address",
        "unauthorized_client": "have the client registered for backend services",
        "unsupported_grant_type": "have the client registered for backend services",
        "invalid_scope": "check scope against the registration",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemToken:
    """An access token, the instant it ends, and what it was granted for, which may be less than was asked."""

    value: str = field(repr=False)
    ends: datetime
    scope: str | None


class SystemTokens:
    """The tokens of one `client`. `http` stays the caller's to close; it must check the addresses it connects to."""

    def __init__(self, client: SystemClient, http: httpx.AsyncClient, clock: Clock) -> None:
        """Read the client's key. Raises SystemClientError."""
        self._client, self._http, self._clock = client, http, clock
        self._key = read_signing_key(client)
        self._token: SystemToken | None = None
        self._flight: asyncio.Task[SystemToken] | None = None

    async def token(self) -> SystemToken:
        """A token with at least a minute left, or the newest one where the server gives shorter ones.

        All who wait share one request. FhirFailure when none can be had: `why` says at which step, and how to mend it.
        """
        if self._token is not None and self._clock.now() < self._token.ends - EARLY:
            return self._token
        if self._flight is None:
            self._flight = asyncio.create_task(self._renew())
            self._flight.add_done_callback(self._landed)
        # Whoever gives up waiting must not take the token from the others.
        return await asyncio.shield(self._flight)

    async def aclose(self) -> None:
        """End the request under way and forget the token."""
        flight, self._token = self._flight, None
        if flight is not None:
            flight.cancel()
            await asyncio.gather(flight, return_exceptions=True)

    def _landed(self, flight: asyncio.Task[SystemToken]) -> None:
        self._flight = None
        if not flight.cancelled() and flight.exception() is None:
            self._token = flight.result()

    async def _renew(self) -> SystemToken:
        endpoint = self._client.token_url or await self._discovered()
        form = {
            "grant_type": "client_credentials",
            "scope": self._client.scope,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": self._assertion(endpoint),
        }
        asked = self._clock.now()
        status, answer = await self._send("POST", endpoint, "token endpoint", form)
        if status != HTTPStatus.OK:
            raise _refused(status, answer)
        value, kind = answer.get("access_token"), answer.get("token_type")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise FhirFailure("the token endpoint gave no bearer token")
        if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TOKEN or not _may_be_a_header(value):
            raise FhirFailure("the token endpoint gave no usable token")
        granted = answer.get("scope")
        return SystemToken(
            value=value,
            ends=asked + timedelta(seconds=_lifetime(answer.get("expires_in"))),
            scope=granted if isinstance(granted, str) else None,
        )

    def _assertion(self, endpoint: str) -> str:
        claims = {
            "iss": self._client.client_id,
            "sub": self._client.client_id,
            "aud": endpoint,
            "exp": int(self._clock.now().timestamp()) + ASSERTION_SECONDS,
            "jti": str(uuid4()),
        }
        headers = {"kid": self._client.key_id, "typ": "JWT"}
        if self._client.jku is not None:
            headers["jku"] = self._client.jku
        return jwt.encode(claims, self._key, algorithm=self._client.algorithm, headers=headers)

    async def _discovered(self) -> str:
        """The token endpoint that the FHIR server's SMART configuration names, on the server's own origin."""
        base = FhirBase.parse(self._client.fhir_server)
        if base is None:
            raise FhirFailure("the FHIR server's address is not one that may be called", outcome="not-asked")
        status, answer = await self._send("GET", f"{base}/.well-known/smart-configuration", "SMART configuration")
        if status != HTTPStatus.OK:
            raise FhirFailure(
                f"the FHIR server answered {status} to the question for its SMART configuration; name the token "
                "endpoint as token_url",
                status,
                outcome="client-error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server-error",
            )
        written = answer.get("token_endpoint")
        named, endpoint = FhirBase.parse(written), address_to_call(written)
        if named is None or endpoint is None:
            raise FhirFailure("the FHIR server's SMART configuration names no token endpoint that may be called")
        if (named.scheme, named.host, named.port) != (base.scheme, base.host, base.port):
            raise FhirFailure(
                "the FHIR server's SMART configuration names a token endpoint elsewhere; if that is right, name it as "
                "token_url",
                outcome="refused-address",
                refused="link-elsewhere",
            )
        return endpoint

    async def _send(
        self, method: str, address: str, what: str, form: Mapping[str, str] | None = None
    ) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object of one answer. It is not tried again: an assertion is good for one use."""
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        received = bytearray()
        try:
            async with (
                asyncio.timeout(REQUEST_SECONDS),
                self._http.stream(
                    method, address, headers=headers, data=form, timeout=REQUEST_SECONDS, follow_redirects=False
                ) as answer,
            ):
                if answer.headers.get("content-encoding", "identity") != "identity":
                    raise FhirFailure(f"the {what} is compressed, which was not asked for")
                async for chunk in answer.aiter_bytes():
                    received += chunk
                    if len(received) > LARGEST_ANSWER:
                        raise FhirFailure(f"the {what} gave more than {LARGEST_ANSWER} bytes", outcome="too-large")
        except (TimeoutError, httpx.TimeoutException):
            raise FhirFailure(f"the {what} did not answer in time", outcome="timeout") from None
        except (httpx.HTTPError, httpx.InvalidURL) as lost:
            if isinstance(lost.__cause__, AddressRefused):
                raise FhirFailure(
                    f"the {what}'s name leads to an address that may not be called",
                    outcome="refused-address",
                    refused="private-address",
                ) from None
            raise FhirFailure(f"the {what} is not reachable", outcome="unreachable") from None
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
            raise FhirFailure(
                f"the {what} redirected elsewhere, which is not followed ({answer.status_code})",
                answer.status_code,
                outcome="redirected",
                refused="redirected",
            )
        return answer.status_code, _object(bytes(received), answer.status_code, what)


def _object(received: bytes, status: int, what: str) -> Mapping[str, Any]:
    try:
        decoded: Any = orjson.loads(received)
    except orjson.JSONDecodeError:
        decoded = None
    if isinstance(decoded, dict):
        return decoded
    if status == HTTPStatus.OK:
        raise FhirFailure(f"the {what} did not answer with a JSON object")
    return {}


def _refused(status: int, answer: Mapping[str, Any]) -> FhirFailure:
    outcome: Outcome = "server-error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "refused"
    error = answer.get("error")
    if isinstance(error, str) and error in _REFUSALS:
        return FhirFailure(
            f"the token endpoint refused the client ({status}, {error}): {_REFUSALS[error]}", status, outcome=outcome
        )
    return FhirFailure(f"the token endpoint answered {status}", status, outcome=outcome)


def _lifetime(written: object) -> float:
    """Seconds a token lasts: as stated up to an hour, else five minutes, the longest that SMART advises."""
    if isinstance(written, int | float) and not isinstance(written, bool) and 0 < written <= LONGEST_SECONDS:
        return float(written)
    return float(USUAL_SECONDS)


def _may_be_a_header(value: str) -> bool:
    return value.isascii() and value.isprintable() and " " not in value
