"""Feedback in the forms that real clients send, and in forms that nobody should."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import orjson

from cds_hooks.checking.findings import Findings
from cds_hooks.checking.firing import Fired
from cds_hooks.checking.refusals import judge_refusal
from cds_hooks.checking.requirements import Severity
from cds_hooks.checking.target import JSON, Reply, Target
from cds_hooks.checking.tokens import Signer
from cds_hooks.clock import Clock

ROWS = ("FB-03", "FB-04", "FB-05", "FB-07", "FB-09", "EP-32")
_MISSING = (404, 405, 501)
Item = dict[str, Any]


async def judge_feedback(target: Target, fired: Fired, findings: Findings, clock: Clock, signer: Signer | None) -> None:
    """Send feedback about the cards of `fired`, or about none that exists, and judge how it is taken."""
    path = f"{fired.call.service.path}/feedback"
    now = clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
    service = fired.call.service.id

    async def post(body: Any) -> Reply:
        headers = dict(JSON)
        if signer is not None:
            headers["Authorization"] = f"Bearer {signer.token(target.base + path)}"
        return await target.send("POST", path, content=orjson.dumps(body), headers=headers)

    items = _Items(fired.cards, now)
    first = await post({"feedback": [items.overridden()]})
    findings.judged("FB-01")
    if first.status in _MISSING:
        said = f"is not supported: answered {first.status}"
        findings.broken("FB-01", said, where="/feedback", service=service)
        findings.not_judged("the service takes no feedback", *ROWS)
        return
    for row, sent, body in items.legal():
        reply = await post(body)
        problem = reply.said or f"answered {reply.status}; 2xx was due"
        findings.judged(row)
        if not reply.ok:
            counts: Severity | None = "fault" if reply.crashed else None
            findings.broken(row, problem, where="/feedback", sent=sent, severity=counts, service=service)
        judge_refusal(reply, findings, sent=sent, service=service)
    for sent, body in _faulty(items):
        reply = await post(body)
        problem = reply.said or f"answered {reply.status}; 400 was due"
        findings.need(not reply.crashed, "FB-03", problem, where="/feedback", sent=sent, service=service)
        judge_refusal(reply, findings, sent=sent, service=service)


class _Items:
    """Makes items about the first card that has a uuid."""

    def __init__(self, cards: list[Mapping[str, Any]], now: str) -> None:
        card = next((one for one in cards if isinstance(one.get("uuid"), str)), {})
        self._card, self._now = str(card.get("uuid", uuid4())), now
        offered = [one for one in card.get("suggestions") or [] if isinstance(one, dict)]
        self._suggestion = str(next((one["uuid"] for one in offered if isinstance(one.get("uuid"), str)), uuid4()))
        reasons = [one for one in card.get("overrideReasons") or [] if isinstance(one, dict)]
        reason = reasons[0] if reasons else {"code": "check", "system": "http://example.org/reasons"}
        self._reason = {name: reason[name] for name in ("code", "system") if name in reason}

    def overridden(self, **more: Any) -> Item:
        return {"card": self._card, "outcome": "overridden", "outcomeTimestamp": self._now, **more}

    def accepted(self, **more: Any) -> Item:
        chosen = [{"id": self._suggestion}]
        return {**self.overridden(), "outcome": "accepted", "acceptedSuggestions": chosen, **more}

    def legal(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        def of(*items: Item) -> dict[str, Any]:
            return {"feedback": list(items)}

        reason = {"reason": self._reason}
        yield "FB-05", "a card overridden", of(self.overridden())
        yield "FB-05", "a suggestion accepted", of(self.accepted())
        yield "FB-07", "a reason without display", of(self.overridden(overrideReason=reason))
        yield "FB-07", "a comment alone", of(self.overridden(overrideReason={"userComment": "check"}))
        plural = self.overridden(overrideReasons={**reason, "userComment": "check"}, card="no-uuid")
        yield "EP-32", "overrideReasons and a card id that is no UUID, as Epic does", of(plural)
        yield "FB-09", "several items", of(self.accepted(), self.overridden())
        yield "FB-09", "the same again", of(self.accepted(), self.overridden())
        yield "FB-04", "a card that was never issued", of(self.overridden(card=str(uuid4())))
        yield "FB-04", "a card that is no UUID", of(self.overridden(card="no-uuid"))


def _faulty(items: _Items) -> Iterator[tuple[str, Any]]:
    yield "a list in place of the object", [items.overridden()]
    yield "an object in place of the list", {"feedback": items.overridden()}
    yield "no feedback in the object", {"check": 1}
    yield "an outcome that does not exist", {"feedback": [items.overridden(outcome="ignored")]}
    yield "numbers for everything", {"feedback": [{"card": 7, "outcome": 7, "outcomeTimestamp": 7}]}
    yield "null items", {"feedback": [None]}
