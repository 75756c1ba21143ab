"""The three requests of OAuth 2.0 that the app makes: the address the browser is sent to, the code turned into a
token, and a token renewed. Authorization code with PKCE S256, always; a response is checked before it is used.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import quote_plus, urlencode
from uuid import uuid4

import httpx
import jwt

from cds_hooks.clock import Clock
from cds_hooks.smart.asking import Answered, NotAnswered, ask
from cds_hooks.smart.discovery import Endpoints
from cds_hooks.smart.pending import PendingLaunch
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr

ASSERTION_SECONDS = 240  # SMART allows 300; clocks differ
USUAL_SECONDS, LONGEST_SECONDS = 300, 3_600
LONGEST_TOKEN, LONGEST_ID, LONGEST_CODE = 16_384, 256, 4_096
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# RFC 6749, 5.2: what a refusal means to us.
_REFUSALS: Mapping[object, str] = MappingProxyType(
    {"invalid_grant": "code-refused", "invalid_client": "client-refused", "unauthorized_client": "client-refused"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """A token response that holds. `scope` is None where the server says nothing: then it is what was asked."""

    token: str = field(repr=False)
    ends: datetime
    scope: str | None = field(repr=False)
    refresh_token: str = field(repr=False)
    content: Mapping[str, Any] = field(repr=False)


def authorization_address(
    ehr: RegisteredEhr, endpoints: Endpoints, pending: PendingLaunch, *, launch: str, redirect: str
) -> str:
    """Where the browser is sent to; `launch` is the EHR's handle, empty when the app was opened by itself."""
    asked = {
        "response_type": "code",
        "client_id": ehr.entry.client_id,
        "redirect_uri": redirect,
        "scope": pending.scope,
        "state": pending.state,
        "aud": str(ehr.base),
        "code_challenge": challenge_of(pending.verifier),
        "code_challenge_method": "S256",
        **({"nonce": pending.nonce} if ehr.entry.identity else {}),
        **({"launch": launch} if launch else {}),
    }
    return f"{endpoints.authorize}{'&' if '?' in endpoints.authorize else '?'}{urlencode(asked)}"


def challenge_of(verifier: str) -> str:
    """The S256 challenge of RFC 7636.

    >>> challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'
    """
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Asks for tokens at one EHR. `http` stays the caller's to close."""

    http: httpx.AsyncClient
    clock: Clock
    ehr: RegisteredEhr
    endpoints: Endpoints

    async def exchange(self, code: str, *, verifier: str, redirect: str) -> Granted:
        """The token for a code. Raises SmartRefused."""
        return await self._granted(
            {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        )

    async def renew(self, refresh_token: str) -> Granted:
        """A new token; the scope stays what it was. Raises SmartRefused."""
        return await self._granted({"grant_type": "refresh_token", "refresh_token": refresh_token})

    async def _granted(self, form: dict[str, str]) -> Granted:
        headers = {}
        if self.ehr.secret is not None:
            # RFC 6749, 2.3.1: both are form-encoded first.
            pair = f"{quote_plus(self.ehr.entry.client_id)}:{quote_plus(self.ehr.secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif self.ehr.key is not None:
            form |= {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": self._assertion()}
        else:
            form |= {"client_id": self.ehr.entry.client_id}
        asked = self.clock.now()
        try:
            answer = await ask(self.http, self.endpoints.token, form=form, headers=headers)
        except NotAnswered:
            raise SmartRefused("token-unavailable") from None
        return _checked(answer, asked)

    def _assertion(self) -> str:
        entry, now = self.ehr.entry, int(self.clock.now().timestamp())
        claims = {
            "iss": entry.client_id,
            "sub": entry.client_id,
            "aud": self.endpoints.token,
            "iat": now,
            "exp": now + ASSERTION_SECONDS,
            "jti": str(uuid4()),
        }
        headers = {"kid": entry.key_id or "", "typ": "JWT", **({"jku": entry.jku} if entry.jku else {})}
        return jwt.encode(claims, self.ehr.key or "", algorithm=entry.algorithm or "", headers=headers)


def _checked(answer: Answered, asked: datetime) -> Granted:
    content = answer.content
    if not answer.good:
        raise SmartRefused(_REFUSALS.get(_hashable(content.get("error")), "token-unavailable"))
    value, kind = content.get("access_token"), content.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer" or not may_be_a_header(value):
        raise SmartRefused("token-unusable")
    scope, refresh = content.get("scope"), content.get("refresh_token")
    return Granted(
        token=str(value),
        ends=asked + timedelta(seconds=_lifetime(content.get("expires_in"))),
        scope=scope if isinstance(scope, str) else None,
        refresh_token=refresh if isinstance(refresh, str) and len(refresh) <= LONGEST_TOKEN else "",
        content=content,
    )


def patient_of(content: Mapping[str, Any]) -> str:
    """The patient's id in a token response, bare. SmartRefused when there is none that could be one."""
    written = content.get("patient")
    identifier = written.removeprefix("Patient/") if isinstance(written, str) else ""
    if not 0 < len(identifier) <= LONGEST_ID or not identifier.isprintable() or set(identifier) & set("/ ?#\\"):
        raise SmartRefused("no-patient")
    return identifier


def may_be_a_header(value: object) -> bool:
    """Whether `value` can be sent as a bearer token."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= LONGEST_TOKEN
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def _lifetime(written: object) -> float:
    """Seconds a token lasts: as stated up to an hour, else five minutes."""
    if isinstance(written, str) and written.isascii() and written.isdigit() and len(written) < 6:
        written = int(written)
    if isinstance(written, int | float) and not isinstance(written, bool) and written > 0:
        return float(min(written, LONGEST_SECONDS))
    return float(USUAL_SECONDS)


def _hashable(value: object) -> object:
    return value if isinstance(value, str) else None
