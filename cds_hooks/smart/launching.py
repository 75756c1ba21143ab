"""The two steps of a launch: to the EHR's authorization server with the browser, and back with its answer.

Everything that comes in is held against what this service began: registered issuer, state of this browser used once,
the issuer that was asked (RFC 9207), PKCE, and what the token response says of patient, scope and user.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from starlette.requests import Request

from cds_hooks.clock import Clock
from cds_hooks.observing.call_line import CallLine
from cds_hooks.smart.app_context import read_context
from cds_hooks.smart.authorizing import LONGEST_CODE, TokenEndpoint, authorization_address, patient_of
from cds_hooks.smart.cookies import LAUNCH, Cookies
from cds_hooks.smart.discovery import Discovery, Endpoints
from cds_hooks.smart.identity import clinician_of
from cds_hooks.smart.pending import PendingLaunch, cookie_suffix
from cds_hooks.smart.rates import LaunchRates
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr, RegisteredEhrs
from cds_hooks.smart.sessions import Session, Sessions
from cds_hooks.smart.wanted_scopes import ESSENTIAL, not_readable, wanted
from cds_hooks.storage.records import Records
from mappings.load import Knowledge

LONGEST_LAUNCH = 4_096
CALLBACK = "/app/callback"
_STATES = "smart launch state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """Begins and completes launches. `base_url` is this service's own address."""

    ehrs: RegisteredEhrs
    http: httpx.AsyncClient
    clock: Clock
    knowledge: Knowledge
    records: Records
    discovery: Discovery
    sessions: Sessions
    cookies: Cookies
    rates: LaunchRates
    base_url: str

    def named(self, request: Request) -> tuple[RegisteredEhr, str]:
        """The EHR and its handle in a launch from there. SmartRefused."""
        iss, launch = one(request, "iss"), one(request, "launch")
        if not iss or not 0 < len(launch) <= LONGEST_LAUNCH or not launch.isprintable():
            raise SmartRefused("parameters")
        ehr = self.ehrs.by_iss(iss)
        if ehr is None:
            raise SmartRefused("issuer-unknown")
        return ehr, launch

    async def begin(self, ehr: RegisteredEhr, launch: str, line: CallLine) -> tuple[str, PendingLaunch]:
        """Where the browser is sent to, and what its answer must match. `launch` is empty for a standalone one."""
        endpoints = await self.discovery.endpoints(
            ehr, line.note_refused, before_asking=lambda: self.rates.check_reading(ehr)
        )
        pending = PendingLaunch.new(ehr.entry.id, wanted(ehr.entry, standalone=not launch), self.clock.now())
        redirect = callback_address(self.base_url, ehr.entry.id)
        address = authorization_address(ehr, endpoints, pending, launch=launch, redirect=redirect)
        return address, pending

    def awaited(self, request: Request) -> PendingLaunch:
        """The launch that an answer belongs to, by its state and this browser's cookie. SmartRefused."""
        state = one(request, "state")
        sealed = request.cookies.get(self.cookies.name(LAUNCH + cookie_suffix(state))) if state else None
        if sealed is None:
            begun = any(name.startswith(self.cookies.name(LAUNCH)) for name in request.cookies)
            raise SmartRefused("state-wrong" if begun else "cookie-missing")
        pending = PendingLaunch.opened(sealed, self.records.keys)
        if pending is None or not pending.matches(state):
            raise SmartRefused("state-wrong")
        return pending

    async def complete(self, request: Request, pending: PendingLaunch, line: CallLine) -> Session:
        """The session that a launch ends in. SmartRefused."""
        ehr = self.ehrs.by_id(pending.ehr)
        if ehr is None:  # taken off the list meanwhile
            raise SmartRefused("issuer-unknown")
        if request.path_params.get("ehr") != pending.ehr:
            raise SmartRefused("issuer-wrong")  # the code may be another server's: it is sent to none
        self.rates.check(ehr, "answer", caller_address(request))
        now = self.clock.now()
        if not pending.in_time(now):
            raise SmartRefused("state-expired")
        if not await self.records.replays.first_use(_STATES, pending.state, expires=pending.ends, now=now):
            raise SmartRefused("state-replayed")
        endpoints = await self.discovery.endpoints(ehr, line.note_refused)
        code = code_in(request, endpoints)
        endpoint = TokenEndpoint(self.http, self.clock, ehr, endpoints)
        granted = await endpoint.exchange(
            code, verifier=pending.verifier, redirect=callback_address(self.base_url, pending.ehr)
        )
        scope = granted.scope if granted.scope is not None else pending.scope
        patient = patient_of(granted.content)
        if set(ESSENTIAL) & set(not_readable(scope)):
            raise SmartRefused("scope")
        user = ""
        if ehr.entry.identity:
            user = await clinician_of(
                granted.content.get("id_token"),
                endpoints=endpoints,
                client_id=ehr.entry.client_id,
                nonce=pending.nonce,
                claim=ehr.entry.user_claim,
                base=ehr.base,
                now=self.clock.now(),
                refused=line.note_refused,
            )
        return Session(
            ehr=ehr.entry.id,
            ends=self.sessions.for_good(),
            token_ends=granted.ends.timestamp(),
            scope=scope,
            patient=patient,
            user=user,
            token=granted.token,
            refresh_token=granted.refresh_token if ehr.entry.refreshes else "",
            context=read_context(granted.content.get("appContext"), self.knowledge),
        )


def callback_address(base_url: str, ehr: str) -> str:
    """Where the answers of an EHR come back to: an address for each, so that no other's can be taken for its.

    RFC 9700, 4.4.2: the countermeasure to mix-up that needs nothing of the server. `ehr` is the entry's id.
    """
    return f"{base_url}{CALLBACK}/{ehr}"


def caller_address(request: Request) -> str | None:
    """Where a request comes from, as far as the server and the proxies that it believes know."""
    return request.client.host if request.client is not None else None


def code_in(request: Request, endpoints: Endpoints) -> str:
    """The code in an answer that comes from the server that was asked. SmartRefused."""
    iss = request.query_params.getlist("iss")
    if (iss or endpoints.says_issuer) and (len(iss) != 1 or not endpoints.issuer or iss[0] != endpoints.issuer):
        raise SmartRefused("issuer-wrong")
    if "error" in request.query_params:
        raise SmartRefused("denied" if one(request, "error") == "access_denied" else "authorization")
    code = one(request, "code")
    if not 0 < len(code) <= LONGEST_CODE or not code.isprintable():
        raise SmartRefused("no-code")
    return code


def one(request: Request, name: str) -> str:
    """A parameter of the address that is there exactly once, else nothing."""
    values = request.query_params.getlist(name)
    return values[0] if len(values) == 1 else ""
