"""When not to say the same thing again: only after an answer, and never about danger.

A client drops our earlier cards when a hook fires again, so a hook that fires again gets the full current set. Left out
is a finding that this clinician has answered for this patient in this encounter, on the same facts: with a reason that
lasts, or at order-select when the order is now signed. No feedback is no answer. Recorded danger, hard stops and gates
(`CardDraft.lasting` is false) are always said.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cds_hooks.storage.answered_findings import AnsweredFinding
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.records import Records
from plugin.advice.policy import CardDraft

_SELECTING, _SIGNING = "order-select", "order-sign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks about whom, as it stands in the records: client id, pseudonyms of patient and encounter, the user."""

    client: str
    patient: str
    user: str
    encounter: str


@dataclass(frozen=True, slots=True)
class Answers:
    """What this asker has answered so far, ready to be compared with new drafts."""

    asker: Asker
    given: tuple[AnsweredFinding, ...]
    lasting_reasons: frozenset[str]
    _keys: InstallationKeys = field(repr=False)

    def silence(self, draft: CardDraft, *, hook: str) -> bool:
        """Whether `draft` at `hook` would only repeat what was answered."""
        if not draft.lasting or not draft.finding:
            return False
        finding, facts = marks_of(draft, self.asker, self._keys)
        same = [one for one in self.given if (one.finding, one.facts) == (finding, facts)]
        signing = hook == _SIGNING
        return any(one.reasons & self.lasting_reasons or (signing and one.hook == _SELECTING) for one in same)


def marks_of(draft: CardDraft, asker: Asker, keys: InstallationKeys) -> tuple[str, str]:
    """The digests of what `draft` found for this patient and of the facts it rests on; empty for no finding."""
    if not draft.finding:
        return "", ""
    found = keys.pseudonym("finding", asker.client, asker.patient, draft.finding)
    return found, keys.pseudonym("facts", asker.client, asker.patient, draft.finding, *draft.facts)


async def answers_of(
    records: Records, asker: Asker, *, lasting_reasons: Collection[str], days: int, now: datetime
) -> Answers:
    """The answers of the last `days` days; with 0 none is remembered. RecordsUnavailable when they cannot be read."""
    given: Sequence[AnsweredFinding] = ()
    if days:
        given = await records.answered.of(
            client=asker.client,
            patient=asker.patient,
            user=asker.user,
            encounter=asker.encounter,
            since=now - timedelta(days=days),
        )
    return Answers(asker, tuple(given), frozenset(lasting_reasons), records.keys)
