"""Orders of a request that stood before it: signed again, changed, or ended by it.

The order that a call is about is no history of itself, so the trials never see it. It remains evidence of what was
taken: a washout does not vanish because the old drug is stopped, or signed again, in the same session.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from mappings.load import Knowledge
from plugin.ingest.medications import read_medication
from plugin.ingest.named_drug import Drugs
from plugin.ingest.other_medications import DrugGroupNames, read_other_medication
from plugin.ingest.references import Received
from plugin.ingest.resources import ClosedList, Json, truth
from plugin.ingest.vocabulary import vocabulary_of
from plugin.record import MedicationFact, OtherMedication, StandingOrder
from plugin.spans import PartialDate

_GOING_ON = ("active", "on-hold", "unknown")
_OVER = ("completed", "stopped")
# Ended by the request: what it stood for may have been taken until now, unless it was only ever a draft.
_WITHDRAWN = ("cancelled", "canceled", "revoked", "ended", "entered-in-error")
_PLANNED = ClosedList("proposal", "plan", "option")
_STATUSES = ClosedList(*_GOING_ON, *_OVER, *_WITHDRAWN, "draft")


def read_standing_orders(
    drafts: Iterable[object],
    recorded: Iterable[object],
    *,
    knowledge: Knowledge,
    as_of: date,
    jurisdiction: str = "us",
) -> tuple[StandingOrder, ...]:
    """The drug orders among `drafts` that stood before; `recorded` is what the record holds, orders and Medications.

    An order counts when the record has it in use, whatever the request makes of it, or when the request says that it
    has ended. One that is called active and is not on record is being ordered now; one that was withdrawn on the day it
    was written was never taken. An order that ends in this request without a stated end was taken until the day before.
    """
    kept = list(recorded)
    sent, known = Received(drafts), Received(kept)
    drugs = Drugs(vocabulary_of(knowledge), Received([*kept, *(member.resource for member in sent)]), jurisdiction)
    names = DrugGroupNames(drugs.vocabulary)
    on_record = {member.reference: member.resource for member in known}
    found = (
        _standing(reference, draft, on_record.get(reference), drugs, names, as_of)
        for reference, kind, draft in sent
        if kind == "MedicationRequest"
    )
    return tuple(order for order in found if order is not None)


def _standing(
    reference: str, draft: Json, kept: Json | None, drugs: Drugs, names: DrugGroupNames, as_of: date
) -> StandingOrder | None:
    stood = kept is not None and _was_in_use(kept)
    status = _status(draft)
    only_drafted = kept is not None and _status(kept) == "draft"
    if not stood and (only_drafted or not _ended_here(draft, drugs, status, as_of)):
        return None
    versions = [_taken(reference, one, drugs, names) for one in (draft, *((kept,) if kept is not None else ()))]
    facts = [fact for fact in versions if fact is not None]
    if not facts:
        return None
    goes_on = stood and status not in (*_OVER, *_WITHDRAWN) and kept is not None and _status(kept) not in _OVER
    starts = [start for fact in facts if (start := _start(fact)) is not None]
    return StandingOrder(
        reference=reference,
        ingredients=tuple(
            dict.fromkeys(
                i
                for f in facts
                if isinstance(f, MedicationFact) and f.product is not None
                for i in f.product.ingredients
            )
        ),
        groups=frozenset().union(*(fact.groups for fact in facts if isinstance(fact, OtherMedication))),
        first=min(starts, key=lambda day: day.earliest) if starts else None,
        last=None if goes_on else _last(facts, kept, as_of),
    )


def _status(resource: Json) -> str:
    return _STATUSES.word(resource.get("status"))


def _was_in_use(kept: Json) -> bool:
    planned = _PLANNED.word(kept.get("intent"))
    return _status(kept) in (*_GOING_ON, *_OVER) and not planned and not truth(kept.get("doNotPerform"))


def _ended_here(draft: Json, drugs: Drugs, status: str, as_of: date) -> bool:
    """Whether the request alone tells of an order that has ended: it was in use, or stood for some days at least."""
    if _PLANNED.word(draft.get("intent")) or truth(draft.get("doNotPerform")):
        return False
    if status in _OVER:
        return True
    if status not in _WITHDRAWN or status == "entered-in-error":
        return False
    fact = read_medication("", draft, drugs)
    other = read_other_medication("", _in_use(draft), drugs, DrugGroupNames(drugs.vocabulary))
    start = _start(fact) if isinstance(fact, MedicationFact) else other.start if other is not None else None
    return start is not None and start.latest < as_of


def _in_use(resource: Json) -> dict[str, object]:
    """The order as it was before it was ended: its dates are read whatever has become of it."""
    return {**resource, "status": "active"}


def _taken(
    reference: str, resource: Json, drugs: Drugs, names: DrugGroupNames
) -> MedicationFact | OtherMedication | None:
    fact = read_medication(reference, _in_use(resource), drugs)
    if isinstance(fact, MedicationFact) and fact.product is not None:
        return fact
    return read_other_medication(reference, _in_use(resource), drugs, names)


def _start(fact: MedicationFact | OtherMedication) -> PartialDate | None:
    return fact.start or fact.written if isinstance(fact, MedicationFact) else fact.start


def _last(facts: Iterable[MedicationFact | OtherMedication], kept: Json | None, as_of: date) -> date:
    """The last day an ended order was taken: as stated, by its supply where it had ended before, else yesterday."""
    listed, yesterday = list(facts), as_of - timedelta(days=1)
    stated = next((fact.end.latest for fact in listed if fact.end is not None), None)
    if stated is None and kept is not None and _status(kept) in _OVER:
        stated = _supplied_until(listed[-1])
    return yesterday if stated is None else min(stated, yesterday)


def _supplied_until(fact: MedicationFact | OtherMedication) -> date | None:
    start = _start(fact)
    if start is None or fact.days_supply is None:
        return None
    fills = 1 + (fact.repeats or 0) if isinstance(fact, MedicationFact) else 1
    return start.latest + timedelta(days=int(fact.days_supply * fills) - 1)
