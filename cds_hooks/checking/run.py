"""The order of a run: discovery, conforming calls, latency, all other calls, feedback, login, FHIR access, browsers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import httpx

from cds_hooks.checking.browser_calls import judge_browser
from cds_hooks.checking.calls import Call, conforming
from cds_hooks.checking.cases import Case, without
from cds_hooks.checking.discovery import PATH, discover
from cds_hooks.checking.document import Called, Report, report
from cds_hooks.checking.envelope_cases import envelope_cases
from cds_hooks.checking.feedback_calls import ROWS as FEEDBACK
from cds_hooks.checking.feedback_calls import judge_feedback
from cds_hooks.checking.findings import Findings
from cds_hooks.checking.firing import Fired, Firing
from cds_hooks.checking.hostile_cases import hostile_cases
from cds_hooks.checking.invalid_cases import invalid_cases
from cds_hooks.checking.latency import Latency, measure
from cds_hooks.checking.listening import JWKS, Ehr, listening
from cds_hooks.checking.login import LOGIN_ROWS, OPEN, STRANGER, Mode, judge_login, login_mode
from cds_hooks.checking.patient import Invented, invent
from cds_hooks.checking.prefetch_cases import prefetch_cases
from cds_hooks.checking.pulling import ROWS as PULLING
from cds_hooks.checking.pulling import judge_pulling
from cds_hooks.checking.requirements import profiles
from cds_hooks.checking.target import Target
from cds_hooks.checking.tokens import ISSUER, Keys, Signer
from cds_hooks.clock import Clock
from cds_hooks.settings import is_loopback

Tell = Callable[[str], None]
_THROTTLED = "the service limits the number of calls (429): ask for a higher limit for this checker"
_SILENT = "no answer to the conforming call held a card: give a call that brings one about with --example FILE"


class NotJudged(Exception):  # noqa: N818 - an answer to the user
    """Nothing can be judged. `why` is a sentence without address or anything the service said."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one run does. `examples` are calls of the user's own by hook; `services` limits the run to some ids.

    `seconds` is the time for each request, `slow_seconds` how long the slow FHIR server takes, `oversize` the bytes of
    the oversized body. `host` and `port` are those of the checker's own server; `fhir_url` and `jwks_url` the addresses
    by which the service reaches it, empty for the one given by host and port. `origin` is one that the service lists.
    """

    profile: str = "2.0.1"
    only: tuple[str, ...] = ()
    strict: bool = False
    services: tuple[str, ...] = ()
    examples: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seconds: float = 10.0
    largest: int = 5_000_000
    at_once: int = 4
    calls: int = 20
    oversize: int = 12_000_000
    slow_seconds: float = 3.0
    host: str = "127.0.0.1"
    port: int = 0
    fhir_url: str = ""
    jwks_url: str = ""
    issuer: str = ISSUER
    tenant: str = ""
    origin: str = ""


async def judge(
    http: httpx.AsyncClient, base: str, plan: Plan, *, keys: Keys, clock: Clock, tell: Tell = lambda _: None
) -> Report:
    """Judge the service at `base` (`target.base_address`). Raises NotJudged when nobody answers there, and OSError when
    the checker's own server cannot listen.
    """
    patient = invent(clock.today("UTC"))
    ehr = Ehr(patient, keys, slow_seconds=plan.slow_seconds)
    target = Target(http, base, seconds=plan.seconds, largest=plan.largest, at_once=plan.at_once)
    with listening(ehr, plan.host, plan.port, plan.fhir_url) as origin:
        signer = Signer(
            keys=keys, clock=clock, issuer=plan.issuer, tenant=plan.tenant, jku=plan.jwks_url or origin + JWKS
        )
        return await _Run(target, plan, patient, ehr, signer, tell).all()


class _Run:
    def __init__(self, target: Target, plan: Plan, patient: Invented, ehr: Ehr, signer: Signer, tell: Tell) -> None:
        self._target, self._plan, self._patient, self._ehr = target, plan, patient, ehr
        self._signer, self._tell = signer, tell
        self._profile = profiles()[plan.profile]
        self._findings = Findings(self._profile, only=plan.only, strict=plan.strict)

    async def all(self) -> Report:
        """Everything in its order."""
        self._tell("reading discovery")
        found = await discover(self._target, self._findings, self._signer)
        if found.reply.failure == "unreachable":
            raise NotJudged(found.reply.said)
        if not found.path and found.reply.status == 0:
            raise NotJudged(found.reply.said)
        parts = urlsplit(self._target.base)
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            self._findings.broken("TR-01", "is plain http, without TLS", where="BASE_URL", severity="warning")
        wanted = [one for one in found.services if not self._plan.services or one.id in self._plan.services]
        if self._plan.services and not wanted:
            raise NotJudged("discovery lists no service of the ids given")
        calls = [
            await conforming(one, self._patient, self._profile, self._plan.examples.get(one.hook)) for one in wanted
        ]
        mode: Mode = "open"
        if calls:
            mode = await login_mode(self._target, calls[0], self._signer)
        called, latency = await self._called(calls, mode) if mode != "stranger" else ([], [])
        discovery = found.path or PATH
        first = next((one.call for one in called if one.answered), None)
        await judge_browser(self._target, discovery, first, self._findings, origin=self._plan.origin)
        self._say_what_is_open(calls, called, mode)
        return report(
            self._findings,
            plan=self._plan.profile,
            profile=self._profile,
            strict=self._plan.strict,
            base=self._target.base,
            mode=mode if calls else "unknown",
            called=[_seen(one) for one in called],
            latency=latency,
            requests=self._target.requests,
            at=self._signer.clock.now(),
        )

    async def _called(self, calls: Sequence[Call], mode: Mode) -> tuple[list[Fired], list[Latency]]:
        firing = Firing(self._target, self._findings, self._signer if mode == "known" else None)
        called = []
        for call in calls:
            self._tell(f"{call.service.id}: a conforming call")
            called.append(await firing.conforming(call))
        able = [one for one in called if one.answered]
        if able:
            self._tell("latency")
        latency = await measure(firing, able, self._findings, calls=self._plan.calls)
        for place, one in enumerate(called):
            self._tell(f"{one.call.service.id}: calls in every form")
            await firing.all(one, self._cases(one.call, first=place == 0))
        if firing.throttled:
            self._findings.broken("RS-05", _THROTTLED, severity="warning")
            self._findings.not_judged(_THROTTLED, *self._every())
            return called, latency
        signer = self._signer if mode == "known" else None
        for one in called if self._profile.feedback else ():
            self._tell(f"{one.call.service.id}: feedback")
            await judge_feedback(self._target, one, self._findings, self._signer.clock, signer)
        if signer is not None and able:
            self._tell("tokens")
            await judge_login(self._target, able[0].call, signer, self._findings)
        self._tell("FHIR access")
        mine = [one for one in able if one.call.patient_id == self._patient.id]
        await judge_pulling(self._ehr, firing, mine, self._findings)
        return called, latency

    def _cases(self, call: Call, *, first: bool) -> list[Case]:
        every = chain(
            envelope_cases(call, self._patient),
            prefetch_cases(call),
            invalid_cases(call),
            hostile_cases(call, oversize=self._plan.oversize if first else 0),
        )
        return [one for one in without(every, self._profile.without) if first or not one.once]

    def _say_what_is_open(self, calls: Sequence[Call], called: Sequence[Fired], mode: Mode) -> None:
        say = self._findings.not_judged
        if mode == "stranger":
            say(STRANGER, *(name for name in self._every() if not name.startswith(("DI-", "TK-", "QY-", "CS-"))))
        elif calls and mode == "open":
            say(OPEN, "SE-03", *LOGIN_ROWS)
        if called and not any(one.answered for one in called):
            say("no conforming call was answered", "PF-12", "PF-18", "FN-12", *PULLING)
        elif called and not any(one.cards for one in called):
            say(_SILENT, "PF-12", "PF-18", "FN-12", "MI-06", *self._about_cards())
        if not self._profile.feedback:
            say("the profile has no feedback", "FB-01", *FEEDBACK)

    def _every(self) -> list[str]:
        return [row.id for row, _ in self._findings.unjudged]

    def _about_cards(self) -> list[str]:
        return [row.id for row, _ in self._findings.unjudged if row.needs == "a card"]


def _seen(one: Fired) -> Called:
    return Called(service=one.call.service.id, hook=one.call.service.hook, status=one.status, cards=len(one.cards))
