"""What is written down about each call before its answer leaves: the cards, and an audit event.

A patient is named by a pseudonym keyed by client and FHIR server, so that two clients' patients never meet. A clinician
is named by the reference the client sends, or by a pseudonym where the settings say so; a user who is the patient or a
proxy always by a pseudonym.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from cds_hooks.answering import Answer
from cds_hooks.caller import Caller
from cds_hooks.clock import Clock
from cds_hooks.envelope import HookRequest
from cds_hooks.fhir_writer.audit import Happening, Kind, Outcome, audit_event
from cds_hooks.observing.call_line import CallLine
from cds_hooks.render import Rendered
from cds_hooks.repeats import Answers, Asker, Reasons, answers_of, marks_of
from cds_hooks.settings import Settings
from cds_hooks.storage.call_book import CallEntry, CardEntry
from cds_hooks.storage.feedback_book import FeedbackItem, Kept
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Forgotten
from cds_hooks.storage.switchboard import Switch
from mappings.load import Knowledge

# Ids as FHIR has them, and the longer ones with underscores of one EHR; anything else might be a name.
_CLINICIAN = re.compile(r"(Practitioner|PractitionerRole|Device)/[A-Za-z0-9.\-_]{1,250}")
_FAULT_FROM = 500
Details = Sequence[tuple[str, str]]
AppKind = Literal["app", "app-write-attempt", "app-write"]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Writes to the records. Raises RecordsUnavailable when they do not answer: then no answer leaves either."""

    records: Records
    settings: Settings
    knowledge: Knowledge
    clock: Clock

    async def keep_call(
        self, request: HookRequest, caller: Caller, answer: Answer | None, line: CallLine, status: int = 200
    ) -> None:
        """Write down one call with its cards; `answer` is None when it failed with `status`.

        A call that was answered before anything of the patient was read (nothing of concern ordered, say) is counted
        and leaves no trace of the patient.
        """
        at = self.clock.now()
        shown = answer.shown if answer is not None else ()
        shadowed = answer.shadowed if answer is not None else ()
        asker = self.asker(request, caller)
        entry = CallEntry(
            id=line.correlation_id,
            at=at,
            client=caller.id,
            service=line.service,
            hook=request.hook,
            mode=caller.standing.mode,
            status=status,
            orders=line.concerning,
            shown=len(shown),
            shadowed=len(shadowed),
            knowledge=self.knowledge.version,
        )
        if answer is not None and not answer.patient_read:
            await self.records.count_call(entry)
            return
        cards = [
            CardEntry(
                id=one.card.uuid,
                call=entry.id,
                at=at,
                client=caller.id,
                service=line.service,
                hook=request.hook,
                kind=one.draft.kind,
                indicator=one.draft.indicator,
                shown=one in shown,
                rules=one.draft.rules,
                offers=one.offers,
                definition=answer.definition if answer is not None else "",
                knowledge=self.knowledge.version,
                knowledge_hash=self.knowledge.content_hash,
                patient=asker.patient,
                user=asker.user,
                encounter=asker.encounter,
                finding=marks[0],
                facts=marks[1],
            )
            for one in (*shown, *shadowed)
            for marks in (marks_of(one.draft, asker, self.records.keys, ordered=answer.ordered if answer else ()),)
        ]
        details = [
            ("call", entry.id),
            ("service", line.service),
            ("hook", request.hook),
            ("mode", entry.mode),
            ("status", str(status)),
            ("cards", _kinds(shown)),
            ("cards in shadow", _kinds(shadowed)),
            ("rules", " ".join(dict.fromkeys((*line.rules, *(rule for one in shown for rule in one.draft.rules))))),
            ("knowledge", f"{self.knowledge.version} {self.knowledge.content_hash}"),
        ]
        outcome: Outcome = "0" if status < 400 else "4" if status < _FAULT_FROM else "8"
        event = self._event(
            "hook", at, details, client=caller.id, user=asker.user, patient=asker.patient, outcome=outcome
        )
        line.audit = await self.records.keep_call(entry, cards, event)

    def named_user(self, user: str, caller: Caller) -> str:
        """A user as the records name one: by reference or by pseudonym, as the settings say."""
        return self._user(user, caller)

    def asker(self, request: HookRequest, caller: Caller) -> Asker:
        """Who asks about whom in `request`, as it stands in the records."""
        encounter = self._pseudonym(caller, request.fhir_server, "encounter", request.encounter)
        return Asker(
            client=caller.id,
            patient=self._patient(request, caller),
            user=self._user(request.user_id, caller),
            encounter=encounter if request.encounter else "",
        )

    async def answers(self, request: HookRequest, caller: Caller) -> Answers:
        """What this asker has answered before, as far as it is remembered."""
        reasons = Reasons(
            lasting=frozenset(one.code for one in self.knowledge.override_reasons if one.lasting),
            about_order=frozenset(one.code for one in self.knowledge.override_reasons if one.about == "order"),
        )
        return await answers_of(
            self.records,
            self.asker(request, caller),
            reasons=reasons,
            days=self.settings.repeat_memory_days,
            sitting=timedelta(hours=self.settings.sitting_hours),
            now=self.clock.now(),
        )

    async def keep_feedback(self, items: Sequence[FeedbackItem], caller: Caller, service: str) -> Kept:
        """Write down a batch of feedback; it may be acknowledged when this returns."""
        at = self.clock.now()
        event = self._event("feedback", at, [("service", service), ("items", str(len(items)))], client=caller.id)
        return await self.records.keep_feedback(items, event, client=caller.id, service=service, at=at)

    async def throw(self, switch: Switch) -> None:
        """Write down a switch, which acts from the next call on."""
        details = [(name, getattr(switch, name)) for name in ("client", "rule", "mode", "why")]
        await self.records.throw(switch, self._event("switch", switch.at, details, user=switch.who))

    async def forget_old(self) -> Forgotten:
        """Remove what is past its time, and write down how much that was."""
        at = self.clock.now()
        gone = await self.records.forget_old(at)
        if gone.records:
            details = [(name, str(getattr(gone, name))) for name in ("calls", "cards", "feedback", "audit_events")]
            await self.records.note(self._event("retention", at, details), at)
        return gone

    async def note(self, kind: Kind, *, user: str, details: Sequence[tuple[str, str]] = ()) -> None:
        """Write down that `user` read or exported records."""
        at = self.clock.now()
        await self.records.note(self._event(kind, at, details, user=user), at)

    async def note_app(
        self,
        kind: AppKind,
        caller: Caller,
        line: CallLine,
        *,
        user: str,
        patient: str,
        details: Details,
        outcome: Outcome = "0",
    ) -> None:
        """Write down that the app showed `user` the basis for `patient`, or is about to write what the user reported,
        or what came of that.

        Both are ids as the EHR has them; they are written as those of hook calls are, so that the two can be joined.
        """
        at = self.clock.now()
        who = self._user(user, caller) if user else ""
        event = self._event(
            kind,
            at,
            [
                ("call", line.correlation_id),
                *details,
                ("knowledge", f"{self.knowledge.version} {self.knowledge.content_hash}"),
            ],
            client=caller.id,
            user=who,
            patient=self._pseudonym(caller, None, "patient", patient),
            outcome=outcome,
        )
        line.audit = await self.records.note(event, at)

    def _event(
        self,
        kind: Kind,
        at: datetime,
        details: Sequence[tuple[str, str]],
        *,
        client: str = "",
        user: str = "",
        patient: str = "",
        outcome: Outcome = "0",
    ) -> dict[str, object]:
        return audit_event(
            Happening(
                kind=kind,
                at=at,
                site=self.settings.base_url,
                client=client,
                user=user,
                patient=patient,
                outcome=outcome,
                details=details,
            )
        )

    def _patient(self, request: HookRequest, caller: Caller) -> str:
        return self._pseudonym(caller, request.fhir_server, "patient", request.patient_id)

    def _user(self, user: str, caller: Caller) -> str:
        if self.settings.record_users == "reference" and _CLINICIAN.fullmatch(user):
            return user
        return self._pseudonym(caller, None, "user", user)

    def _pseudonym(self, caller: Caller, server: str | None, kind: str, value: str) -> str:
        """Keyed by client and server: each client numbers its own patients. A call that names no server means the
        client's only one, where it has but one.
        """
        base = str(caller.allowed.admit(server) or caller.allowed.only or "")
        return self.records.keys.pseudonym(kind, caller.id, base, value)


def _kinds(cards: Sequence[Rendered]) -> str:
    return " ".join(one.draft.kind for one in cards)
