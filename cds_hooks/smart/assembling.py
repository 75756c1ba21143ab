"""The parts of the app put together, once, by the composition root."""

from __future__ import annotations

from datetime import timedelta

import httpx

from cds_hooks.basis.page import prepare
from cds_hooks.deployment import Deployment
from cds_hooks.ledger import Ledger
from cds_hooks.smart.app import SmartApp, Standing
from cds_hooks.smart.cookies import Cookies
from cds_hooks.smart.discovery import Discovery
from cds_hooks.smart.launching import Launching
from cds_hooks.smart.page_making import make_page
from cds_hooks.smart.page_wanted import MakePage
from cds_hooks.smart.rates import LaunchRates
from cds_hooks.smart.registration import RegisteredEhrs
from cds_hooks.smart.sessions import Sessions


def smart_app(
    deployment: Deployment,
    ledger: Ledger,
    ehrs: RegisteredEhrs,
    discovery: Discovery,
    *,
    standing: Standing,
    http: httpx.AsyncClient,
    page: MakePage | None = None,
) -> SmartApp:
    """The app for `ehrs`; `http` is the outbound client and stays the caller's to close."""
    prepare()
    settings, clock = deployment.settings, deployment.clock
    sessions = Sessions(
        book=ledger.records.sessions,
        clock=clock,
        idle=timedelta(minutes=settings.smart_idle_minutes),
        longest=timedelta(minutes=settings.smart_session_minutes),
    )
    launching = Launching(
        ehrs=ehrs,
        http=http,
        clock=clock,
        knowledge=deployment.knowledge,
        records=ledger.records,
        discovery=discovery,
        sessions=sessions,
        cookies=Cookies(settings.base_url),
        rates=LaunchRates(clock),
        base_url=settings.base_url,
    )
    return SmartApp(
        deployment=deployment,
        ledger=ledger,
        launching=launching,
        standing=standing,
        make_page=page or make_page,
        http=http,
    )
