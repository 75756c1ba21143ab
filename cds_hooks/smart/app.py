"""What the app does at each of its addresses: launch, the EHR's answer, the page, the end.

No address holds anything of a patient; after a launch the browser goes on to an address without parameters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import httpx
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.caller import Caller
from cds_hooks.deployment import Deployment
from cds_hooks.fhir_writer.audit import Outcome
from cds_hooks.ledger import AppKind, Details, Ledger
from cds_hooks.modes import LIVE
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import AllowList
from cds_hooks.smart import pages
from cds_hooks.smart.app_context import drafted_orders
from cds_hooks.smart.authorizing import TokenEndpoint
from cds_hooks.smart.chart_reading import ChartRead, TokenNotAccepted, read_chart
from cds_hooks.smart.chart_writing import ChartWriter, writable
from cds_hooks.smart.cookies import LAUNCH, SESSION
from cds_hooks.smart.forms import fields_of, require_own, token_for
from cds_hooks.smart.launching import Launching, one
from cds_hooks.smart.page_wanted import MakePage, PageWanted
from cds_hooks.smart.pending import LIFETIME, PendingLaunch, cookie_suffix
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.smart.saving import Saving
from cds_hooks.smart.sessions import Session

_SEE_OTHER = 303
Standing = Callable[[str, CallLine], Awaitable[Caller]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartApp:
    """The app of one deployment. `standing` tells how a client stands, by its registry id; `make_page` makes the page.

    Every method raises SmartRefused for what ends in a page that says why.
    """

    deployment: Deployment
    ledger: Ledger
    launching: Launching
    standing: Standing
    make_page: MakePage
    http: httpx.AsyncClient

    @property
    def frame_origins(self) -> tuple[str, ...]:
        """The origins of all EHRs that may show the app in a frame."""
        return tuple(dict.fromkeys(origin for ehr in self.launching.ehrs for origin in ehr.entry.frame_origins))

    async def launch(self, request: Request, line: CallLine) -> Response:
        """An EHR launch: to its authorization server."""
        ehr, launch = self.launching.named(request)
        await self._live(ehr, line)
        return self._to(*await self.launching.begin(ehr, launch, line), ehr)

    async def standalone(self, request: Request, line: CallLine) -> Response:
        """The choice of an EHR, or the launch at the one chosen."""
        offered = [ehr for ehr in self.launching.ehrs if ehr.entry.standalone]
        if "ehr" not in request.query_params:
            line.outcome = "choice"
            return pages.choice((ehr.entry.id, ehr.entry.name) for ehr in offered)
        ehr = self.launching.ehrs.by_id(one(request, "ehr"))
        if ehr is None:
            raise SmartRefused("issuer-unknown")
        if ehr not in offered:
            raise SmartRefused("standalone-off")
        await self._live(ehr, line)
        return self._to(*await self.launching.begin(ehr, "", line), ehr)

    async def answer(self, request: Request, line: CallLine) -> Response:
        """The EHR's answer to a launch: a session, and on to the page without parameters."""
        pending = self.launching.awaited(request)
        ehr = self._ehr(pending.ehr)
        cookies, launch = self.launching.cookies, LAUNCH + cookie_suffix(pending.state)
        framed = bool(ehr.entry.frame_origins)
        try:
            await self._live(ehr, line)
            session = await self.launching.complete(request, pending, line)
        except SmartRefused as refused:
            line.outcome = refused.outcome
            page = pages.refusal(refused.told, ehr.entry.frame_origins)
            page.headers.append("Set-Cookie", cookies.clear(launch, framed=framed))
            return page
        line.never_say(session.patient, session.user)
        before = request.cookies.get(cookies.name(SESSION), "")
        secret = await self.launching.sessions.begin(session, instead_of=before)
        line.outcome = "launched"
        response = RedirectResponse(self._address("/app/patient"), _SEE_OTHER, headers=_quiet(ehr))
        seconds = self.deployment.settings.smart_session_minutes * 60
        response.headers.append("Set-Cookie", cookies.clear(launch, framed=framed))
        response.headers.append("Set-Cookie", cookies.set(SESSION, secret, seconds=seconds, framed=framed))
        return response

    async def page(self, request: Request, line: CallLine) -> Response:
        """The basis, from a chart read at this moment; after a POST with what was entered into the form."""
        secret = request.cookies.get(self.launching.cookies.name(SESSION), "")
        session = await self.launching.sessions.find(secret)
        ehr = self._ehr(session.ehr, "session-ended")
        line.never_say(session.patient, session.user)
        line.outcome = ""
        fields: Sequence[tuple[str, str]] | None = None
        try:
            caller = await self._live(ehr, line)
            if request.method == "POST":
                fields = await self._own_fields(request, secret)
            session, chart = await self._chart(secret, ehr, caller, session, line)
            return await self._shown(secret, ehr, caller, session, chart, fields, line)
        except SmartRefused as refused:
            line.outcome = refused.outcome
            return self._refused(refused, ehr)

    async def end(self, request: Request, line: CallLine) -> Response:
        """The end of the session: asked for once more, then done by the form of that page. Over already is over."""
        secret = request.cookies.get(self.launching.cookies.name(SESSION), "")
        try:
            session = await self.launching.sessions.find(secret)
        except SmartRefused:
            return self._ended((), line)
        line.never_say(session.patient, session.user)
        ehr = self.launching.ehrs.by_id(session.ehr)
        origins: tuple[str, ...] = ()
        if ehr is not None:
            line.client, origins = ehr.entry.client, ehr.entry.frame_origins
        if request.method != "POST":
            line.outcome = "end-asked"
            return pages.end(token_for(self.ledger.records.keys, secret), origins)
        try:
            await self._own_fields(request, secret)
        except SmartRefused as refused:
            line.outcome = refused.outcome
            return pages.refusal(refused.told, origins)
        await self.launching.sessions.end(secret)
        return self._ended(origins, line)

    def _ended(self, origins: tuple[str, ...], line: CallLine) -> Response:
        line.outcome = "ended"
        page = pages.ended(origins)
        page.headers.append("Set-Cookie", self.launching.cookies.clear(SESSION, framed=bool(origins)))
        return page

    async def _own_fields(self, request: Request, secret: str) -> tuple[tuple[str, str], ...]:
        """The fields of a form that came from the page of this session. SmartRefused."""
        fields = await fields_of(request)
        keys, base = self.ledger.records.keys, self.deployment.settings.base_url
        require_own(request, fields, keys=keys, secret=secret, base_url=base)
        return fields

    async def _shown(
        self,
        secret: str,
        ehr: RegisteredEhr,
        caller: Caller,
        session: Session,
        chart: ChartRead,
        fields: Sequence[tuple[str, str]] | None,
        line: CallLine,
    ) -> Response:
        settings, standing = self.deployment.settings, caller.standing
        knowledge = self.deployment.knowledge.without(standing.off | standing.shadowed)
        details = [("service", session.context.service), ("resources", str(line.resources))]
        saving = Saving(
            writer=ChartWriter(self.http, ehr, session, line),
            seconds=settings.smart_deadline_seconds,
            note=partial(self._note, caller, session, line),
            shown=details,
            line=line,
        )
        wanted = PageWanted(
            chart=chart,
            patient_id=session.patient,
            author=session.user,
            orders=drafted_orders(session.context, knowledge, caller.jurisdiction),
            fields=fields,
            writes=writable(ehr, session),
            save=saving.save,
            csrf=token_for(self.ledger.records.keys, secret),
            knowledge=knowledge,
            now=self.deployment.clock.now(),
            time_zone=caller.time_zone,
            jurisdiction=caller.jurisdiction,
            definition=session.context.definition or settings.definition or "",
            demo=self.deployment.demo,
        )
        with line.stage("assess"):
            made = await self.make_page(wanted)
        with line.stage("record"):
            await saving.note_shown()  # on record before it is seen
        line.outcome = "saved" if made.written else "shown"
        return HTMLResponse(made.html, headers=pages.framed(made.headers, ehr.entry.frame_origins))

    async def _note(
        self,
        caller: Caller,
        session: Session,
        line: CallLine,
        kind: AppKind,
        details: Details,
        outcome: Outcome = "0",
    ) -> None:
        await self.ledger.note_app(
            kind, caller, line, user=session.user, patient=session.patient, details=details, outcome=outcome
        )

    async def _chart(
        self, secret: str, ehr: RegisteredEhr, caller: Caller, session: Session, line: CallLine
    ) -> tuple[Session, ChartRead]:
        """The chart, with a token renewed where it had to be: before its end, and once when the EHR refuses it."""

        async def endpoint() -> TokenEndpoint:
            endpoints = await self.launching.discovery.endpoints(ehr, line.note_refused)
            return TokenEndpoint(self.http, self.deployment.clock, ehr, endpoints)

        sessions = self.launching.sessions
        session = await sessions.fresh(secret, session, endpoint)
        try:
            return session, await read_chart(self.deployment, ehr, caller, session, line)
        except TokenNotAccepted:
            session = await sessions.fresh(secret, session, endpoint, must=True)
        try:
            return session, await read_chart(self.deployment, ehr, caller, session, line)
        except TokenNotAccepted:
            await sessions.end(secret)
            raise SmartRefused("session-ended") from None

    async def _live(self, ehr: RegisteredEhr, line: CallLine) -> Caller:
        """The client of `ehr`, whose cards are shown: nobody sees by the app what must not be seen on cards."""
        caller = await self.standing(ehr.entry.client, line)
        if caller.standing.mode != LIVE:
            raise SmartRefused("switched-off")
        return replace(caller, allowed=AllowList([str(ehr.base)]))

    def _ehr(self, name: str, otherwise: str = "issuer-unknown") -> RegisteredEhr:
        ehr = self.launching.ehrs.by_id(name)
        if ehr is None:
            raise SmartRefused(otherwise)
        return ehr

    def _refused(self, refused: SmartRefused, ehr: RegisteredEhr) -> Response:
        page = pages.refusal(refused.told, ehr.entry.frame_origins)
        if refused.outcome == "session-ended":
            framed = bool(ehr.entry.frame_origins)
            page.headers.append("Set-Cookie", self.launching.cookies.clear(SESSION, framed=framed))
        return page

    def _to(self, address: str, pending: PendingLaunch, ehr: RegisteredEhr) -> Response:
        """To the authorization server, with the cookie that its answer must find."""
        response = RedirectResponse(address, 302, headers=_quiet(ehr))
        cookie = self.launching.cookies.set(
            LAUNCH + cookie_suffix(pending.state),
            pending.sealed(self.ledger.records.keys),
            seconds=int(LIFETIME.total_seconds()),
            framed=bool(ehr.entry.frame_origins),
        )
        response.headers.append("Set-Cookie", cookie)
        return response

    def _address(self, path: str) -> str:
        return f"{self.deployment.settings.base_url}{path}"


def _quiet(ehr: RegisteredEhr) -> dict[str, str]:
    return pages.framed(pages.HEADERS, ehr.entry.frame_origins)
