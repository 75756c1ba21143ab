"""The moment of the click: sign-in at the site, and the snapshot for the one clinician whom the hook named.

A link never shows anything by itself, and a request for it changes nothing: what looks at links ahead of people (mail
filters, previews, browsers that fetch ahead) uses none up. Deletion and audit event are one transaction, done before
the page is sent.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.basis.page import HEADERS
from cds_hooks.caller import Caller
from cds_hooks.deployment import Deployment
from cds_hooks.fhir_writer.audit import Happening, audit_event
from cds_hooks.ledger import Ledger
from cds_hooks.modes import LIVE
from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart import pages
from cds_hooks.smart.authorizing import TokenEndpoint
from cds_hooks.smart.cookies import Cookies
from cds_hooks.smart.identity import claims_of
from cds_hooks.smart.launching import caller_address, code_in, one
from cds_hooks.smart.pending import LIFETIME, cookie_suffix
from cds_hooks.smart.rates import LaunchRates
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.snapshots.content import Content
from cds_hooks.snapshots.entry import SignIn
from cds_hooks.snapshots.pending import COOKIE, PendingSignIn, opened
from cds_hooks.snapshots.provider import OpenIdDiscovery, reference_in, sign_in_address
from cds_hooks.snapshots.rates import LinkRates
from cds_hooks.snapshots.refusals import SnapshotRefused

SIGNED_IN = "/app/snapshot-signed-in"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_STATES = "snapshot sign-in state"
_AHEAD = ("sec-purpose", "purpose", "x-purpose", "x-moz")
Standing = Callable[[str, CallLine], Awaitable[Caller]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshots:
    """Opens snapshots. `sign_ins` and `providers` are by registry id; `standing` tells how a client stands.

    Both methods raise SnapshotRefused and SmartRefused for what ends in a page that says why, and RecordsUnavailable.
    """

    deployment: Deployment
    ledger: Ledger
    sign_ins: Mapping[str, SignIn]
    providers: Mapping[str, RegisteredEhr]
    http: httpx.AsyncClient
    discovery: OpenIdDiscovery
    cookies: Cookies
    link_rates: LinkRates
    rates: LaunchRates
    standing: Standing

    async def start(self, request: Request, secret: str, line: CallLine) -> Response:
        """A link was followed: to the site's sign-in, when there is a snapshot at all."""
        _require_reader(request)
        self.link_rates.check(caller_address(request))
        if not _SECRET.fullmatch(secret):
            raise SnapshotRefused("gone")
        now = self.deployment.clock.now()
        client = await self.ledger.records.snapshots.client_of(secret, now=now)
        sign_in, provider = self._provider(client or "")
        await self._live(provider, line)
        self.rates.check(provider, "launch", caller_address(request))
        endpoints = await self.discovery.endpoints(provider, line.note_refused)
        pending = PendingSignIn.of(secret, provider.entry.id, " ".join(sign_in.scopes), now)
        address = sign_in_address(sign_in, endpoints, pending, redirect=self._redirect)
        line.outcome = "sign-in"
        response = RedirectResponse(address, 302, headers=dict(pages.HEADERS))
        cookie = self.cookies.set(
            COOKIE + cookie_suffix(pending.state),
            pending.sealed(self.ledger.records.keys),
            seconds=int(LIFETIME.total_seconds()),
            framed=False,
        )
        response.headers.append("Set-Cookie", cookie)
        return response

    async def signed_in(self, request: Request, line: CallLine) -> Response:
        """The provider's answer: the page, if the hook named the one who signed in."""
        _require_reader(request)
        pending = self._awaited(request)
        sign_in, provider = self._provider(pending.ehr)
        caller = await self._live(provider, line)
        self.rates.check(provider, "answer", caller_address(request))
        user = await self._user(request, pending, sign_in, provider, line)
        line.never_say(user)
        content = await self._opened(pending.snapshot, caller, sign_in, user, line)
        line.outcome = "shown"
        response = HTMLResponse(content.html, headers=pages.framed(HEADERS, ()))
        response.headers.append("Set-Cookie", self.cookies.clear(COOKIE + cookie_suffix(pending.state), framed=False))
        return response

    async def _user(
        self, request: Request, pending: PendingSignIn, sign_in: SignIn, provider: RegisteredEhr, line: CallLine
    ) -> str:
        """The reference of the clinician who signed in."""
        clock, replays = self.deployment.clock, self.ledger.records.replays
        now = clock.now()
        if not pending.in_time(now):
            raise SnapshotRefused("state-expired")
        if not await replays.first_use(_STATES, pending.state, expires=pending.ends, now=now):
            raise SnapshotRefused("gone")  # the answer was used before, and so was what it opened
        endpoints = await self.discovery.endpoints(provider, line.note_refused)
        code = code_in(request, endpoints)
        endpoint = TokenEndpoint(self.http, clock, provider, endpoints)
        granted = await endpoint.exchange(code, verifier=pending.verifier, redirect=self._redirect)
        claims = await claims_of(
            granted.content.get("id_token"),
            endpoints=endpoints,
            client_id=sign_in.client_id,
            nonce=pending.nonce,
            now=clock.now(),
            refused=line.note_refused,
        )
        return reference_in(claims, sign_in)

    async def _opened(self, secret: str, caller: Caller, sign_in: SignIn, user: str, line: CallLine) -> Content:
        """What was kept, gone from the database and on record as shown to `user`."""
        now = self.deployment.clock.now()

        def event(content: str | None) -> Mapping[str, Any]:
            known = Content.unpacked(content) if content is not None else None
            return audit_event(
                Happening(
                    kind="app",
                    at=now,
                    site=self.deployment.settings.base_url,
                    client=caller.id,
                    user=known.user if known is not None else self.ledger.named_user(user, caller),
                    patient=known.patient if known is not None else "",
                    outcome="0" if known is not None else "4",
                    details=[
                        ("call", line.correlation_id),
                        ("way", "snapshot"),
                        ("hook call", known.call if known is not None else ""),
                        ("service", known.service if known is not None else ""),
                        ("knowledge", known.knowledge if known is not None else ""),
                    ],
                )
            )

        with line.stage("record"):
            taken = await self.ledger.records.snapshots.take(
                secret, client=caller.id, user=(sign_in.issuer, user), now=now, event=event
            )
        line.audit = taken.audit
        content = Content.unpacked(taken.content) if taken.content is not None else None
        if content is None:
            raise SnapshotRefused("wrong-user" if taken.wrong_user else "gone")
        return content

    def _awaited(self, request: Request) -> PendingSignIn:
        """The sign-in that an answer belongs to, by its state and this browser's cookie."""
        state = one(request, "state")
        sealed = request.cookies.get(self.cookies.name(COOKIE + cookie_suffix(state))) if state else None
        if sealed is None:
            begun = any(name.startswith(self.cookies.name(COOKIE)) for name in request.cookies)
            raise SnapshotRefused("state-wrong" if begun else "cookie-missing")
        pending = opened(sealed, self.ledger.records.keys)
        if pending is None or not pending.matches(state):
            raise SnapshotRefused("state-wrong")
        return pending

    def _provider(self, client: str) -> tuple[SignIn, RegisteredEhr]:
        """Where `client`'s clinicians sign in; a client that has snapshots no more has none at all."""
        if client not in self.sign_ins:
            raise SnapshotRefused("gone")
        return self.sign_ins[client], self.providers[client]

    async def _live(self, provider: RegisteredEhr, line: CallLine) -> Caller:
        caller = await self.standing(provider.entry.client, line)
        if caller.standing.mode != LIVE:
            raise SnapshotRefused("switched-off")
        return caller

    @property
    def _redirect(self) -> str:
        return f"{self.deployment.settings.base_url}{SIGNED_IN}"


def _require_reader(request: Request) -> None:
    """A browser that fetches ahead says so, and follows redirects to the end: nobody would see what it used up."""
    for name in _AHEAD:
        told = request.headers.get(name, "").lower()
        if "prefetch" in told or "prerender" in told or "preview" in told:
            raise SnapshotRefused("prefetched")
