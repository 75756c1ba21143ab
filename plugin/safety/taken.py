"""Who takes what now: drugs by drug group with the days they were taken, from eras and from records of other drugs.

A drug is taken on a day that is covered, or since its start when an active order or report has no end (decision 104).
An order that was cancelled, drafted, not to be performed or said not to be taken says nothing. What is drafted in this
very request is known beside that, and told apart: whatever is ordered with it meets it (decisions 8, 24).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from mappings.arranged import Arranged
from mappings.load import Knowledge
from plugin.exposure.eras import Era
from plugin.exposure.exposures import Exposures
from plugin.record import DraftOrder, Layer, MedicationFact, OtherMedication, PatientRecord, StandingOrder
from plugin.spans import PartialDate

# An order on hold may be taken again any day, and what is left at home is at hand.
GOING_ON = frozenset({"active", "on-hold"})
_ENDED = frozenset({"stopped", "completed"})
_ORDERS = frozenset({"", "order", "original-order", "reflex-order", "filler-order", "instance-order"})


class LastDay(StrEnum):
    """How the last day on a drug is known, in the words said of it."""

    TAKEN = "last day"
    SUPPLIED = "supply to"  # what was at hand after another drug had taken its place
    LATEST = "last day at the latest"  # the end was noted, or is part of this request; the day may be an earlier one
    DENIED = "reported as not taken, but supplied to"  # handed over in the very time in which it was not taken
    UNKNOWN = "ended on a day not recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """One drug taken from `first` to `last`; `groups` are drug groups and drug ids, `label` its name if known.

    `drafted`: it is not taken yet, but being ordered in this request.
    """

    groups: frozenset[str]
    label: str
    first: date
    last: date
    uses: tuple[str, ...]
    drafted: bool = False
    ending: LastDay = LastDay.TAKEN

    def meets(self, first: date, last: date) -> bool:
        """Whether it was taken on some day from `first` to `last`."""
        return self.first <= last and self.last >= first

    def goes_on(self, as_of: date) -> bool:
        """Whether it is taken on the day, and not only may have been."""
        return self.ending is LastDay.TAKEN and self.meets(as_of, as_of)

    def ended(self) -> str:
        """The last day in words."""
        return self.ending.value if self.ending is LastDay.UNKNOWN else f"{self.ending.value} {self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What is behind a fact about drugs taken: whether one of them still is, the names of those (`current`), and each
    of the others (an empty name: not named) with its last day in words.
    """

    goes_on: bool
    current: tuple[str, ...] = ()
    ended: tuple[tuple[str, str], ...] = ()


def names_of(found: Sequence[Taking]) -> str:
    """The labels of drugs, each once."""
    return ", ".join(dict.fromkeys(taking.label for taking in found if taking.label))


def intake_of(found: Sequence[Taking], as_of: date) -> Intake:
    """What of it is taken on the day, and the last day of each of the others."""
    current = {taking.label for taking in found if taking.goes_on(as_of)}
    last: dict[str, Taking] = {}
    for taking in found:
        known = last.get(taking.label)
        # On one day what was taken goes before what was only at hand.
        if known is None or (taking.last, taking.ending is LastDay.TAKEN) > (known.last, known.ending is LastDay.TAKEN):
            last[taking.label] = taking
    return Intake(
        goes_on=bool(current),
        current=tuple(label for label in last if label in current and label),
        ended=tuple((label, taking.ended()) for label, taking in last.items() if label not in current),
    )


def takings(record: PatientRecord, eras: Sequence[Era], knowledge: Knowledge, as_of: date) -> tuple[Taking, ...]:
    """Everything known to have been taken up to `as_of`."""
    found = [
        Taking(
            groups=_groups_of(era.key.ingredient, knowledge),
            label=knowledge.drugs[era.key.ingredient].label,
            first=span.start,
            last=span.end,
            uses=era.uses(),
        )
        for era in eras
        for span in era.days.spans()
    ]
    for fact in record.medications:
        found += _ongoing(fact, knowledge, as_of)
    found += [taking for other in record.other_medications if (taking := _other(other, as_of)) is not None]
    return tuple(found)


def supplied(exposures: Exposures, knowledge: Knowledge) -> tuple[Taking, ...]:
    """The same drugs by their whole supply, whatever was started since: for wash-outs, the last day it may reach.

    What was handed over stays part of it where a report denies that it was taken: a denial alone opens no wash-out.
    """
    return tuple(
        Taking(
            groups=_groups_of(key.ingredient, knowledge),
            label=knowledge.drugs[key.ingredient].label,
            first=span.start,
            last=span.end,
            uses=tuple(fact.reference for fact in exposure.facts),
            ending=ending,
        )
        for key, exposure in exposures.by_key.items()
        for days, ending in ((exposure.days, LastDay.SUPPLIED), (exposure.denied, LastDay.DENIED))
        for span in days.spans()
    )


def stopped_on_no_day(record: PatientRecord, knowledge: Knowledge, as_of: date) -> Iterator[Taking]:
    """For wash-outs: orders and reports that have ended, of which neither the day nor the supply is recorded.

    They may have been taken until the end was noted, else until today; one that began long ago
    (`OrderChecks.stop_day_unknown`) is left out. So is a report that states how long, or that tells of the course of
    other records without a day of its own: those records say when it ended.
    """
    held = {fact.reference for fact in record.medications}
    within = int(knowledge.clinical.order_checks.stop_day_unknown.on(as_of).amount)
    for fact in record.medications:
        stated = fact.layer is Layer.REPORT or (fact.layer is Layer.ORDER and fact.intent in _ORDERS)
        first = _first(fact.start or fact.written, as_of)
        if fact.product is None or not stated or fact.do_not_perform or fact.adherence == "not-taking":
            continue
        dated = fact.end is not None or fact.days_supply is not None or fact.quantity is not None
        if fact.layer is Layer.REPORT:
            dated |= any(line.bounds_days is not None for line in fact.dosage)
            dated |= fact.start is None and not held.isdisjoint(fact.based_on)
        if fact.status not in _ENDED or dated or first is None or (as_of - first).days > within:
            continue
        last = max(first, min(as_of, fact.stop_noted.latest)) if fact.stop_noted is not None else as_of
        ending = LastDay.LATEST if fact.stop_noted is not None and last < as_of else LastDay.UNKNOWN
        for groups, label in _each_drug(fact.product.ingredients, frozenset(), knowledge):
            yield Taking(groups=groups, label=label, first=first, last=last, uses=(fact.reference,), ending=ending)


def standing(orders: Sequence[StandingOrder], knowledge: Knowledge, as_of: date) -> tuple[Taking, ...]:
    """What orders of the request that stood before it tell; without a stated day it was taken on the last one."""
    found = []
    for order in orders:
        last = order.last or as_of
        first = min(order.first.latest, last) if order.first is not None else last
        for groups, label in _each_drug(order.ingredients, order.groups, knowledge):
            ending = LastDay.TAKEN if order.last is None else LastDay.LATEST
            uses = (order.reference,)
            found.append(Taking(groups=groups, label=label, first=first, last=last, uses=uses, ending=ending))
    return tuple(found)


def drafted(
    orders: Sequence[DraftOrder], stood: Sequence[StandingOrder], knowledge: Knowledge, as_of: date
) -> tuple[Taking, ...]:
    """The drugs of all drafts, selected or not, on `as_of`; an order that stands and goes on is taken, not drafted."""
    going_on = {order.reference for order in stood if order.last is None}
    gives = {kind.id: kind.gives for kind in knowledge.procedures.kinds}
    found = []
    for order in orders:
        if order.reference in going_on:
            continue
        given = gives.get(order.procedure or "")
        ingredients = order.product.ingredients if order.product is not None else (given,) if given else ()
        for groups, label in _each_drug(ingredients, order.groups, knowledge):
            found.append(
                Taking(groups=groups, label=label, first=as_of, last=as_of, uses=(order.reference,), drafted=True)
            )
    return tuple(found)


def _each_drug(
    ingredients: Sequence[str], groups: frozenset[str], knowledge: Knowledge
) -> Iterator[tuple[frozenset[str], str]]:
    """Groups and label of each drug of an order; a drug that is none of ours is called by its groups."""
    for ingredient in ingredients:
        yield _groups_of(ingredient, knowledge), knowledge.drugs[ingredient].label
    if groups and not ingredients:
        known = knowledge.clinical.drug_groups
        yield groups, ", ".join(known[group].label for group in sorted(groups) if group in known)


def _groups_of(ingredient: str, knowledge: Knowledge) -> frozenset[str]:
    return _groups_by_drug(knowledge)[ingredient]


def _arranged(knowledge: Knowledge) -> Mapping[str, frozenset[str]]:
    """For each drug itself and the groups it is of."""
    groups = knowledge.clinical.drug_groups.values()
    return {drug: frozenset({drug, *(each.id for each in groups if drug in each.drugs)}) for drug in knowledge.drugs}


_groups_by_drug = Arranged(_arranged)


def _ongoing(fact: MedicationFact, knowledge: Knowledge, as_of: date) -> Iterator[Taking]:
    """An active order or report without an end, whatever its supply."""
    stated = fact.layer is Layer.REPORT or (fact.layer is Layer.ORDER and fact.intent in _ORDERS)
    active = fact.status in GOING_ON and fact.end is None and not fact.do_not_perform
    first = _first(fact.start or fact.written, as_of)
    if fact.product is None or not stated or not active or fact.adherence == "not-taking" or first is None:
        return
    for ingredient in fact.product.ingredients:
        yield Taking(
            groups=_groups_of(ingredient, knowledge),
            label=knowledge.drugs[ingredient].label,
            first=first,
            last=as_of,
            uses=(fact.reference,),
        )


def _other(other: OtherMedication, as_of: date) -> Taking | None:
    first = _first(other.start, as_of)
    if first is None:
        return None
    if other.ongoing:
        last = as_of
    elif other.end is not None:
        last = other.end.latest
    elif other.days_supply is not None:
        last = first + timedelta(days=int(other.days_supply) - 1)
    else:
        return None
    return Taking(groups=other.groups, label="", first=first, last=last, uses=(other.reference,))


def _first(start: PartialDate | None, as_of: date) -> date | None:
    """The latest day a start may mean; none when it is not stated or lies in the future."""
    return start.latest if start is not None and start.latest <= as_of else None
