"""The governance page at ``/governance``: reading the report and, for those who may, switching."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cds_hooks.boundary import call_line
from cds_hooks.catalogue import SERVICES
from cds_hooks.governance.facts import Selection
from cds_hooks.governance.forms import FormError, chosen_of, fields_of, is_ours, token_for
from cds_hooks.governance.login import Login
from cds_hooks.governance.making import modes_of, report_on
from cds_hooks.governance.names import names_of
from cds_hooks.governance.page import HEADERS, Controls, notice, page_of
from cds_hooks.governance.readers import Reader, Readers
from cds_hooks.governance.report import SMALLEST_CELL
from cds_hooks.governance.report_forms import report_csv, report_json
from cds_hooks.ledger import Ledger
from cds_hooks.modes import SwitchRefusedError, check_switch, switchable
from cds_hooks.storage.switchboard import EVERY, Mode, Switch

PATH = "/governance"
CHALLENGE = 'Basic realm="trd-cds governance", charset="UTF-8"'
ANYONE = Reader.model_construct(name="open demo", password_hash="", may_switch=False)
_HOOKS = tuple(dict.fromkeys(service.hook for service in SERVICES.values()))


def governance_routes(
    ledger: Ledger,
    *,
    clients: Mapping[str, Mode],
    readers: Readers | None,
    open_to_read: bool = False,
    smallest_cell: int = SMALLEST_CELL,
) -> APIRouter:
    """The routes of the page. `clients` are those of the registry with the mode of their entry.

    Without `readers` nobody may read, unless the page is `open_to_read` (the demo on loopback); then nobody may switch.
    """
    router = APIRouter(include_in_schema=False)
    page = _Page(ledger, clients, Login(readers, ledger.clock) if readers is not None else None, smallest_cell)

    async def asking(request: Request) -> Reader | Response:
        call_line(request.scope).call = "governance"
        if page.login is None:
            return ANYONE if open_to_read else page.closed()
        reader = await page.login.reader(request.headers.get("authorization"))
        return reader if reader is not None else page.challenge()

    @router.get(PATH)
    async def show(request: Request) -> Response:
        reader = await asking(request)
        return reader if isinstance(reader, Response) else await page.show(request, reader)

    @router.get(f"{PATH}/report.csv")
    async def as_csv(request: Request) -> Response:
        reader = await asking(request)
        return reader if isinstance(reader, Response) else await page.file(request, reader, "csv")

    @router.get(f"{PATH}/report.json")
    async def as_json(request: Request) -> Response:
        reader = await asking(request)
        return reader if isinstance(reader, Response) else await page.file(request, reader, "json")

    @router.post(PATH)
    async def throw(request: Request) -> Response:
        reader = await asking(request)
        return reader if isinstance(reader, Response) else await page.throw(request, reader)

    return router


@dataclass(frozen=True, slots=True)
class _Page:
    ledger: Ledger
    clients: Mapping[str, Mode]
    login: Login | None
    smallest_cell: int

    @property
    def prefix(self) -> str:
        """The path under which a proxy offers the service."""
        return urlsplit(self.ledger.settings.base_url).path.rstrip("/")

    @property
    def today(self) -> date:
        """The day in UTC, as reports count days."""
        return self.ledger.clock.today("UTC")

    def html(self, text: str, status: int = 200, **more: str) -> HTMLResponse:
        return HTMLResponse(text, status_code=status, headers={**HEADERS, **more})

    def challenge(self) -> Response:
        """One answer to every login that does not hold, whatever was wrong with it."""
        text = notice("Login needed", "Log in with the name and password of a reader.", prefix=self.prefix)
        return self.html(text, 401, **{"WWW-Authenticate": CHALLENGE})

    def closed(self) -> Response:
        return self.html(
            notice(
                "Nobody may read this page yet",
                "The operator names readers in a YAML file and sets TRD_CDS_GOVERNANCE_FILE to it. "
                "`trd-cds governance password` makes the line for one reader.",
                "The same report is printed by `trd-cds feedback report`.",
                prefix=self.prefix,
            ),
            403,
        )

    def problem(self, what: str, status: int) -> Response:
        return self.html(notice("This was not done", what, prefix=self.prefix), status)

    async def show(
        self,
        request: Request,
        reader: Reader,
        *,
        refused: str = "",
        tried: Mapping[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        try:
            chosen = chosen_of(request.query_params, self.today)
        except FormError as fault:
            return self.problem(str(fault), 400)
        report = await report_on(self.ledger, chosen, smallest_cell=self.smallest_cell)
        modes = await modes_of(self.ledger, self.clients)
        await self._note(reader, chosen, "page")
        names = names_of(self.ledger.knowledge)
        named = {**names.rules, **names.kinds}
        fixed = switchable(self.ledger.knowledge)
        controls = Controls(
            reader=reader.name,
            clients=tuple(dict.fromkeys([*self.clients, *([chosen.client] if chosen.client else [])])),
            hooks=tuple(dict.fromkeys([*_HOOKS, *([chosen.hook] if chosen.hook else [])])),
            token=token_for(self.ledger.records.keys, reader.name, self.today) if reader.may_switch else "",
            switchable=[(rule, named.get(rule, "")) for rule, stop in fixed.items() if not stop],
            said=refused or ("The switch is thrown and acts from the next call on." if self._done(request) else ""),
            refused=bool(refused),
            tried={name: (tried or {}).get(name, "") for name in ("client", "rule", "mode", "why")},
        )
        return self.html(page_of(report, modes, controls, prefix=self.prefix), status)

    async def file(self, request: Request, reader: Reader, form: str) -> Response:
        try:
            chosen = chosen_of(request.query_params, self.today)
        except FormError as fault:
            return self.problem(str(fault), 400)
        report = await report_on(self.ledger, chosen, smallest_cell=self.smallest_cell)
        if form == "csv":
            content, media = report_csv(report), "text/csv; charset=utf-8"
        else:
            content, media = report_json(report, await modes_of(self.ledger, self.clients)), "application/json"
        await self._note(reader, chosen, form)
        name = f"trd-cds-report-{chosen.since}-{chosen.until}.{form}"
        return Response(
            content, media_type=media, headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'}
        )

    async def throw(self, request: Request, reader: Reader) -> Response:
        if not reader.may_switch:
            return self.problem("You may read this page, and not switch. The operator can change that.", 403)
        try:
            fields = await fields_of(request)
        except FormError as fault:
            return self.problem(str(fault), 400)
        keys, base = self.ledger.records.keys, self.ledger.settings.base_url
        token = fields.get("token", "")
        if not is_ours(request, token, keys, reader=reader.name, today=self.today, base_url=base):
            return self.problem("The form is too old or did not come from this page: open the page again.", 403)
        switch = Switch(
            client=fields.get("client", EVERY),
            rule=fields.get("rule", EVERY),
            mode=fields.get("mode", ""),
            who=reader.name,
            why=fields.get("why", "").strip(),
            at=self.ledger.clock.now(),
        )
        try:
            check_switch(switch, clients=self.clients.keys(), knowledge=self.ledger.knowledge)
        except SwitchRefusedError as fault:
            return await self.show(request, reader, refused=str(fault), tried=fields, status=400)
        await self.ledger.throw(switch)
        return RedirectResponse(f"{self.prefix}{PATH}?done=1", status_code=303, headers=HEADERS)

    async def _note(self, reader: Reader, chosen: Selection, form: str) -> None:
        details = [("what", f"report, {form}"), ("since", str(chosen.since)), ("until", str(chosen.until))]
        await self.ledger.note("page", user=reader.name, details=details)

    @staticmethod
    def _done(request: Request) -> bool:
        return request.query_params.get("done") == "1"
