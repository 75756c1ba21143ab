"""Calls one service in one way after the other and judges each answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from cds_hooks.checking.calls import Call
from cds_hooks.checking.cards import AnswerJudge
from cds_hooks.checking.cases import Case
from cds_hooks.checking.findings import Findings
from cds_hooks.checking.refusals import judge_refusal
from cds_hooks.checking.strict_json import NotStrict, read_strictly
from cds_hooks.checking.target import JSON, Reply, Target
from cds_hooks.checking.tokens import Signer

CONFORMING = "a conforming call"
_UNAVAILABLE = 412
_THROTTLED = 429
_FAILED = "the calls that would show it failed altogether"
_WANTED: Mapping[str, str] = {
    "answer": "200 was due",
    "answer-or-412": "200 or 412 was due",
    "refuse": "a status of 4xx was due",
    "survive": "an answer or a status of 4xx was due",
}


@dataclass(slots=True)
class Fired:
    """What the conforming call of one service brought: whether it was answered, its cards, and its status."""

    call: Call
    status: int = 0
    cards: list[Mapping[str, Any]] = field(default_factory=list, repr=False)

    @property
    def answered(self) -> bool:
        """Whether the service answers at all."""
        return self.status == 200


class Firing:
    """Fires cases at `target`. `signer` signs each call where the service asks clients to log in."""

    def __init__(self, target: Target, findings: Findings, signer: Signer | None = None) -> None:
        self._target, self._findings, self._signer = target, findings, signer
        self.throttled = False

    async def send(self, call: Call, case: Case) -> Reply:
        """One call as it is, without judging it."""
        headers = dict(case.headers)
        if self._signer is not None:
            headers["Authorization"] = f"Bearer {self._signer.token(self._target.base + call.service.path)}"
        content = None if case.method == "GET" else case.content
        return await self._target.send(case.method, call.service.path, content=content, headers=headers)

    async def conforming(self, call: Call) -> Fired:
        """The conforming call, judged."""
        body = orjson.dumps(call.changed())
        case = Case(id="conforming", sent=CONFORMING, content=body, requirement="RS-01", expect="answer")
        reply = await self.send(call, case)
        return Fired(call, reply.status, self.judge(call, case, reply, None))

    async def all(self, fired: Fired, cases: Iterable[Case]) -> None:
        """Every case, a few at once; cases whose id ends in ``-again`` come last."""
        listed = list(cases)
        first = [one for one in listed if not one.id.endswith("-again")]
        await asyncio.gather(*(self._one(fired, case) for case in first))
        for case in listed:
            if case.id.endswith("-again"):
                await self._one(fired, case)

    async def _one(self, fired: Fired, case: Case) -> None:
        if self.throttled:
            return
        reply = await self.send(fired.call, case)
        if reply.status == _THROTTLED:
            self.throttled = True
            return
        self.judge(fired.call, case, reply, fired)

    def judge(self, call: Call, case: Case, reply: Reply, fired: Fired | None) -> list[Mapping[str, Any]]:
        """Judge one answer, also against the conforming one where it is known; the cards in it."""
        call = _as_sent(call, case)
        compared = [name for name in (case.silence, case.speech) if name]
        self._status(call, case, reply, fired)
        if fired is not None and fired.cards and reply.refused:
            self._findings.judged(*compared)
        if fired is not None and reply.crashed:
            self._findings.not_judged(_FAILED, *compared)
        if reply.failure:
            return []
        if reply.status != 200:
            judge_refusal(reply, self._findings, sent=case.sent, service=call.service.id)
            return []
        if case.expect == "refuse":
            return []
        cards = judge_body(reply, call, self._findings, case.sent)
        if cards is None:
            return []
        if fired is not None and fired.cards:
            self._compared(call, case, cards)
        return cards

    def _status(self, call: Call, case: Case, reply: Reply, fired: Fired | None) -> None:
        """Where the conforming call is not answered 200, a changed one may fail alike, and is not reported again."""
        alike = fired is not None and not fired.answered and reply.status == fired.status
        about = {"sent": case.sent, "service": call.service.id}
        self._findings.judged(case.requirement, "RS-05")
        if reply.crashed:
            said = reply.said or f"the service answered {reply.status}"
            self._findings.broken(case.requirement, f"{said}; {_WANTED[case.expect]}", severity="fault", **about)
            self._findings.need(case.requirement == "RS-05", "RS-05", said, **about)
            return
        fits = {
            "answer": reply.status == 200,
            "answer-or-412": reply.status in (200, _UNAVAILABLE),
            "refuse": reply.refused,
            "survive": reply.status == 200 or reply.refused,
        }[case.expect]
        fits = fits or (alike and case.expect != "refuse")
        problem = f"the service answered {reply.status}; {_WANTED[case.expect]}"
        self._findings.need(fits, case.requirement, problem, **about)

    def _compared(self, call: Call, case: Case, cards: list[Mapping[str, Any]]) -> None:
        about = {"where": "cards", "sent": case.sent, "service": call.service.id}
        if case.silence:
            problem = "is empty, as if there were nothing to say, though the same call with data has cards"
            self._findings.need(bool(cards), case.silence, problem, **about)
        if case.speech:
            self._findings.need(not cards, case.speech, "advice was given", **about)


def judge_body(reply: Reply, call: Call, findings: Findings, sent: str) -> list[Mapping[str, Any]] | None:
    """The cards of an answer of 200, all of it judged; None where it is no JSON."""
    about = {"sent": sent, "service": call.service.id}
    findings.need(reply.is_json, "TR-01", "is not application/json", where="Content-Type", **about)
    try:
        body = read_strictly(reply.body)
    except NotStrict as fault:
        findings.need(False, "RS-01" if "JSON" in str(fault) else "TR-07", str(fault), where="body", **about)
        return None
    return AnswerJudge(findings, call, sent).judge(body)


def _as_sent(call: Call, case: Case) -> Call:
    """`call` with the body that was sent, where it can be read as a call: answers speak of its drafts."""
    try:
        body = orjson.loads(case.content)
    except orjson.JSONDecodeError:
        return call
    return replace(call, body=body) if isinstance(body, dict) and isinstance(body.get("context"), dict) else call


def plain(call: Call) -> Case:
    """The conforming call under a new hookInstance."""
    return Case(
        id="plain", sent=CONFORMING, content=orjson.dumps(call.changed()), requirement="RS-01", expect="answer",
        headers=dict(JSON),
    )  # fmt: skip
