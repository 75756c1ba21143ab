"""One request to the client's FHIR server and its answer: tried again where that may help, within the time and the
bytes that one call has.

Around each attempt stand, from the outside in: the breaker of the host, its gate, the request itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import Any

import httpx
import orjson

from cds_hooks.clock import stopwatch
from cds_hooks.ehr.breaker import Breaker
from cds_hooks.ehr.connecting import AddressRefused
from cds_hooks.ehr.failures import (
    ASKS_TO_WAIT,
    CUT_OFF,
    LEFT_IN_PEACE,
    NOT_IN_TIME,
    NOT_PERMITTED,
    NOT_REACHABLE,
    TOO_LARGE,
    FhirFailure,
    Outcome,
    not_ok,
)
from cds_hooks.ehr.gate import Gate
from cds_hooks.ehr.giving_up import given_up_once
from cds_hooks.ehr.retrying import retry_after, retrying
from cds_hooks.ehr.turns import Turns
from cds_hooks.ehr.unpacking import read_to_its_end, unpacked
from cds_hooks.envelope import Resource
from cds_hooks.outbound import FhirBase

Note = Callable[[str, Outcome, float], None]
# A host that asks for an hour would switch itself off for everybody: it is asked again after this.
_LONGEST_PAUSE_SECONDS = 60.0
# A request cut off by our own budget earlier than this says nothing about the host.
_PATIENCE_SECONDS = 1.0
_DIGITS_OF_A_LENGTH = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Bounds of one call: bytes of one answer and of all answers together (both unpacked), and the attempts at one
    request, the first included.
    """

    response_bytes: int
    call_bytes: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Host:
    """What all calls to one origin share."""

    gate: Gate
    breaker: Breaker
    turns: Turns


class Hosts:
    """The hosts of an application by origin. There are as many as the allow-lists name."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._hosts: dict[tuple[str, str, int], Host] = {}

    def of(self, base: FhirBase) -> Host:
        """The host of `base`, the same for every base of one origin."""
        origin = (base.scheme, base.host, base.port)
        if origin not in self._hosts:
            self._hosts[origin] = Host(Gate(self._connections), Breaker(), Turns(self._connections))
        return self._hosts[origin]

    @property
    def open_breakers(self) -> int:
        """How many hosts failed and have not answered well since."""
        return sum(host.breaker.is_open for host in self._hosts.values())


def _nobody_counts(resource_type: str) -> None:
    pass


class Exchange:
    """All requests of one call. `deadline` is an event-loop time; `note` is told of every attempt: what was asked for,
    how it ended, and its milliseconds without the time it waited for its turn; `retried` of all but the first one.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        host: Host,
        *,
        caps: Caps,
        deadline: float,
        note: Note,
        retried: Callable[[str], None] = _nobody_counts,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._host = host
        self._caps = caps
        self._deadline = deadline
        self._note = note
        self._retried = retried
        self._sleep = sleep
        self._room = caps.call_bytes

    async def resource(
        self,
        method: str,
        address: str,
        *,
        headers: Mapping[str, str],
        about: str,
        expected: str,
        rank: int = 1,
        form: Mapping[str, str] | None = None,
    ) -> Resource:
        """The JSON object at `address`, which the caller has judged (`FhirBase.absolute`).

        `about` is the resource type asked for, `expected` the one that a good answer has; another is noted as unusable
        and handed back for the caller to explain. `rank` is that of `Gate`. A POST is tried again like a GET: only
        ``_search`` is posted, which changes nothing. FhirFailure when nothing can be had.
        """
        left = self._deadline - asyncio.get_running_loop().time()
        tries = retrying(attempts=self._caps.attempts, left=left, sleep=self._sleep)

        attempts = count()

        async def attempt() -> Resource:
            if next(attempts):
                self._retried(about)
            return await self._attempt(method, address, headers, form, about=about, expected=expected, rank=rank)

        try:
            async with asyncio.timeout_at(self._deadline):
                return await tries(attempt)
        except TimeoutError:
            raise FhirFailure(CUT_OFF, outcome="cut-off") from None

    async def _attempt(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None,
        *,
        about: str,
        expected: str,
        rank: int,
    ) -> Resource:
        """One attempt, noted however it ends, also when it is cancelled."""
        loop, breaker = asyncio.get_running_loop(), self._host.breaker
        outcome: Outcome = "cut-off"
        started = stopwatch()
        try:
            if loop.time() >= self._deadline:
                raise FhirFailure(CUT_OFF, outcome="cut-off")
            if breaker.resting(loop.time()):
                raise FhirFailure(LEFT_IN_PEACE, outcome="not-asked")
            async with self._host.gate.entered(rank):
                # While it waited, others may have found that the host fails.
                if not breaker.admits(loop.time()):
                    raise FhirFailure(LEFT_IN_PEACE, outcome="not-asked")
                started = stopwatch()
                answer = await self._reported(method, address, headers, form)
            outcome = "ok" if answer.get("resourceType") == expected else "unusable"
            return answer
        except FhirFailure as failure:
            outcome = failure.outcome
            raise
        finally:
            self._note(about, outcome, (stopwatch() - started) * 1000)

    async def _reported(
        self, method: str, address: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Resource:
        """Send, and tell the breaker what the end of it says about the host."""
        loop, breaker = asyncio.get_running_loop(), self._host.breaker
        began = loop.time()
        try:
            answer = await given_up_once(self._send(method, address, headers, form))
        except FhirFailure as failure:
            if failure.outcome == "refused-address":  # nothing was sent
                breaker.withdraw(loop.time())
            else:
                breaker.report(well=not failure.ill, now=loop.time())
            if failure.wait is not None and loop.time() + failure.wait >= self._deadline:
                breaker.pause(loop.time() + min(failure.wait, _LONGEST_PAUSE_SECONDS))
                raise FhirFailure(
                    ASKS_TO_WAIT.format(failure.status), failure.status, outcome=failure.outcome, wait=failure.wait
                ) from None
            raise
        except BaseException:
            if loop.time() - began >= _PATIENCE_SECONDS:
                breaker.report(well=False, now=loop.time())
            else:
                breaker.withdraw(loop.time())
            raise
        breaker.report(well=True, now=loop.time())
        return answer

    async def _send(
        self, method: str, address: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> Resource:
        answering = False
        try:
            async with self._http.stream(
                method, address, headers={**headers, "Accept-Encoding": "gzip"}, data=form, follow_redirects=False
            ) as response:
                answering = True
                if response.status_code != HTTPStatus.OK:
                    await read_to_its_end(response)
                    raise not_ok(response.status_code, retry_after(response.headers))
                content = await self._content(response)
        except httpx.TimeoutException:
            raise FhirFailure(NOT_IN_TIME, outcome="timeout") from None
        except httpx.InvalidURL:
            raise FhirFailure("the FHIR server's link is not an address") from None
        except httpx.HTTPError as lost:
            if isinstance(lost.__cause__, AddressRefused):
                raise FhirFailure(NOT_PERMITTED, outcome="refused-address", refused="private-address") from None
            raise FhirFailure(NOT_REACHABLE, outcome="unreachable", unanswered=not answering) from None
        try:
            decoded: Any = orjson.loads(content)
        except orjson.JSONDecodeError:
            raise FhirFailure("the FHIR server's answer is not JSON") from None
        if not isinstance(decoded, dict):
            raise FhirFailure("the FHIR server's answer is not a resource")
        return decoded

    async def _content(self, response: httpx.Response) -> bytearray:
        """The unpacked body. FhirFailure when it is packed in a way not asked for, or larger than may be read."""
        announced = response.headers.get("content-length", "")
        if (
            announced.isascii()
            and announced.isdigit()
            and int(announced[:_DIGITS_OF_A_LENGTH]) > self._caps.response_bytes
        ):
            raise FhirFailure(TOO_LARGE, outcome="too-large")
        content = bytearray()
        async with aclosing(unpacked(response)) as pieces:
            async for piece in pieces:
                content += piece
                self._room -= len(piece)
                if len(content) > self._caps.response_bytes or self._room < 0:
                    raise FhirFailure(TOO_LARGE, outcome="too-large")
        return content
