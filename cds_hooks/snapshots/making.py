"""The moment of the hook: the basis of its cards is drawn once, kept encrypted, and linked from each of them.

Only for clients with `snapshots`, for clinicians named by the call, and where at least one card is shown. What cannot
be kept is not linked; the cards go out in any case.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from cds_hooks.answering import Answer
from cds_hooks.basis.page import Surroundings, basis_page
from cds_hooks.caller import Caller
from cds_hooks.deployment import Deployment
from cds_hooks.envelope import HookRequest
from cds_hooks.errors import RecordsUnavailable
from cds_hooks.ledger import Ledger
from cds_hooks.observing.call_line import CallLine
from cds_hooks.observing.request_log import place_of
from cds_hooks.snapshots.content import Content
from cds_hooks.snapshots.entry import SnapshotEntry
from cds_hooks.snapshots.provider import clinician
from cds_hooks.snapshots.refusals import HOME
from cds_hooks.wire import Link

PATH = "/app/snapshot"
_BYTES = 32  # 256 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotMaker:
    """Makes snapshots for the clients in `entries`, by their registry id."""

    deployment: Deployment
    ledger: Ledger
    entries: Mapping[str, SnapshotEntry]

    async def linked(self, request: HookRequest, caller: Caller, answer: Answer, line: CallLine) -> Answer:
        """`answer`, each card with a link to one new snapshot; as it is where there is to be none."""
        entry, user = self.entries.get(caller.id), clinician(request.user_id)
        if entry is None or not user or not answer.shown or answer.basis is None:
            return answer
        try:
            with line.stage("compose"):
                # In a thread: other calls go on meanwhile.
                content = await asyncio.to_thread(self._content, request, caller, answer, line)
        except Exception as fault:  # whatever it is: a warning is not withheld because a page cannot be drawn
            line.fault, line.fault_place = type(fault).__name__, place_of(fault)
            return answer
        secret, now = secrets.token_urlsafe(_BYTES), self.deployment.clock.now()
        try:
            with line.stage("record"):
                kept = await self.ledger.records.snapshots.keep(
                    secret,
                    content,
                    client=caller.id,
                    user=(entry.sign_in.issuer, user),
                    now=now,
                    ends=now + timedelta(minutes=entry.minutes),
                )
        except RecordsUnavailable:
            return answer
        return _with_link(answer, self._link(secret)) if kept else answer

    def _content(self, request: HookRequest, caller: Caller, answer: Answer, line: CallLine) -> str:
        if answer.basis is None:
            raise ValueError("an answer with cards says what they rest on")
        assessment, knowledge = answer.basis
        asker = self.ledger.asker(request, caller)
        at = self.deployment.clock.now().astimezone(ZoneInfo(caller.time_zone))
        notice = f"As it was on {at:%Y-%m-%d} at {at:%H:%M} ({caller.time_zone}); what was recorded later is not in it."
        around = Surroundings(
            home=HOME,
            demo=self.deployment.demo,
            notices=(notice, "This page is shown once and is deleted here already: print it if you need it."),
        )
        return Content(
            html=basis_page(assessment, knowledge=knowledge, around=around),
            patient=asker.patient,
            user=asker.user,
            call=line.correlation_id,
            service=line.service,
            knowledge=f"{self.deployment.knowledge.version} {self.deployment.knowledge.content_hash}",
        ).packed()

    def _link(self, secret: str) -> Link:
        label = self.deployment.knowledge.sentences["link-snapshot"].text
        return Link(label=label, url=f"{self.deployment.settings.base_url}{PATH}/{secret}")


def _with_link(answer: Answer, link: Link) -> Answer:
    shown = tuple(
        replace(one, card=one.card.model_copy(update={"links": (*one.card.links, link)})) for one in answer.shown
    )
    response = answer.response.model_copy(update={"cards": tuple(one.card for one in shown)})
    return replace(answer, shown=shown, response=response)
