"""When not to say the same thing again: only after an answer, and never about danger.

A client drops our earlier cards when a hook fires again, so a hook that fires again gets the full current set. Left out
is a finding that this clinician has answered for this patient in this encounter, on the same facts: with a reason that
lasts, or at order-select of the same sitting when the order is now signed. A reason about the order (it is not for
depression) says nothing of another order: it holds only while the same drugs and procedures are drafted. No feedback
is no answer. Recorded danger, hard stops and gates (`CardDraft.lasting` is false) are always said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cds_hooks.storage.answered_findings import AnsweredFinding
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.records import Records
from plugin.advice.policy import CardDraft
from plugin.record import DraftOrder

_SELECTING, _SIGNING = "order-select", "order-sign"
_HALF = 32  # hexadecimal digits of each digest in the second mark: 128 bits
# So much the clocks of two replicas may differ. A card shown later than that was dated by a clock that has been set
# back since, and its answer would hold until that time comes once more.
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks about whom, as it stands in the records: client id, pseudonyms of patient and encounter, the user."""

    client: str
    patient: str
    user: str
    encounter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reasons:
    """Codes of override reasons by what they mean here: those that last, and those that are about the order."""

    lasting: frozenset[str]
    about_order: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What this asker has answered so far, ready to be compared with new drafts at `now`.

    An answer at order-select holds for order-sign as long as one `sitting`.
    """

    asker: Asker
    given: tuple[AnsweredFinding, ...]
    reasons: Reasons
    sitting: timedelta
    now: datetime
    keys: InstallationKeys = field(repr=False)

    def silence(self, draft: CardDraft, *, hook: str, ordered: Collection[str]) -> bool:
        """Whether `draft` at `hook` would only repeat what was answered; `ordered`: see `marks_of`."""
        if not draft.lasting or not draft.finding:
            return False
        finding, facts = marks_of(draft, self.asker, self.keys, ordered=ordered)
        same = (one for one in self.given if one.finding == finding and one.facts[:_HALF] == facts[:_HALF])
        return any(self._holds(one, hook, same_order=one.facts[_HALF:] == facts[_HALF:]) for one in same)

    def _holds(self, one: AnsweredFinding, hook: str, *, same_order: bool) -> bool:
        reasons = one.reasons if same_order else one.reasons - self.reasons.about_order
        if one.reasons and not reasons:
            return False
        in_this_sitting = one.hook == _SELECTING and self.now - one.at < self.sitting
        return bool(reasons & self.reasons.lasting) or (hook == _SIGNING and in_this_sitting)


def marks_of(draft: CardDraft, asker: Asker, keys: InstallationKeys, *, ordered: Collection[str]) -> tuple[str, str]:
    """The digests of what `draft` found for this patient and of what it rests on; empty for no finding.

    The second holds two in equal halves: of the facts, and of the order the card is about. That is the drug or
    procedure of the finding where it names one of `ordered`, the ids of the drugs and procedures selected, else all.
    """
    if not draft.finding:
        return "", ""
    about = draft.finding.partition(":")[2]
    found = keys.pseudonym("finding", asker.client, asker.patient, draft.finding)
    facts = keys.pseudonym("facts", asker.client, asker.patient, draft.finding, *draft.facts)
    orders = keys.pseudonym("orders", asker.client, asker.patient, *([about] if about in ordered else sorted(ordered)))
    return found, facts[:_HALF] + orders[:_HALF]


def selected(orders: Iterable[DraftOrder]) -> frozenset[str]:
    """The ids of the drugs, procedures and groups of drugs that the selected `orders` are about."""
    named = set[str]()
    for order in orders:
        if order.selected:
            named |= {*(order.product.ingredients if order.product is not None else ()), *order.groups}
            named |= {order.procedure} if order.procedure is not None else set()
    return frozenset(named)


async def answers_of(
    records: Records, asker: Asker, *, reasons: Reasons, days: int, sitting: timedelta, now: datetime
) -> Answers:
    """The answers of the last `days` days, none to a card of the future; with 0 days none is remembered.
    RecordsUnavailable when they cannot be read.
    """
    given: Sequence[AnsweredFinding] = ()
    if days:
        given = await records.answered.of(
            client=asker.client,
            patient=asker.patient,
            user=asker.user,
            encounter=asker.encounter,
            since=now - timedelta(days=days),
        )
        given = [one for one in given if one.at <= now + _AHEAD]
    return Answers(asker=asker, given=tuple(given), reasons=reasons, sitting=sitting, now=now, keys=records.keys)
