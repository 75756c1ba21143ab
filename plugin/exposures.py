"""From medication facts to days on each ingredient: which source wins on a day, and what was never filled.

Applies the never-filled test (E2), the link between orders and their dispenses, recorded stops, and the precedence
administration > dispense > report > order for each day. Products labelled for something else are kept apart from the
ingredient's other products. Everything not used leaves with a reason.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.counted import counted_facts, first_day
from plugin.findings import Reason, SetAside
from plugin.order_supply import ordered_days
from plugin.record import Component, Layer, MedicationFact
from plugin.supply import (
    CoveredDay,
    Days,
    Supply,
    administered_days,
    dispensed_days,
    reported_days,
    supply_of,
)

_PRECEDENCE = (Layer.ADMINISTRATION, Layer.DISPENSE, Layer.REPORT, Layer.ORDER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureKey:
    """One ingredient; products labelled for another use are a key of their own."""

    ingredient: str
    excluded_for: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """All days on one ingredient as recorded, with the facts behind them.

    `order_starts` are the days of orders that count by themselves, `evidence_starts` those of dispenses, reports and
    administrations. `undated` facts name use without days; `not_taken` facts deny use.
    """

    key: ExposureKey
    days: Mapping[date, CoveredDay]
    facts: tuple[MedicationFact, ...]
    order_starts: tuple[date, ...] = ()
    evidence_starts: tuple[date, ...] = ()
    undated: tuple[MedicationFact, ...] = ()
    not_taken: tuple[MedicationFact, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """All exposures by key, orders never filled, and what was set aside."""

    by_key: Mapping[ExposureKey, Exposure]
    never_filled: tuple[tuple[MedicationFact, Reason], ...]
    set_aside: tuple[SetAside, ...]


def expose(
    facts: Sequence[MedicationFact], *, rules: Reconstruction, as_of: date, cites: tuple[str, ...] = ()
) -> Exposures:
    """Decide which facts count and lay out the days of every ingredient up to `as_of`.

    A fact dated after `as_of` is set aside. Resources whose only role is to prove a live dispensing feed are not
    set aside.
    """
    aside: list[SetAside] = []
    counted = counted_facts(facts, as_of=as_of, aside=aside)
    feed = [(f.reference, first_day(f)) for f in counted if f.layer is Layer.DISPENSE]
    feed_days = [day for _, day in feed if day is not None]
    by_key: dict[ExposureKey, list[tuple[MedicationFact, Component]]] = defaultdict(list)
    for fact in counted:
        if fact.product is None:
            continue
        for ingredient in fact.product.ingredients:
            component = next(c for c in fact.product.components if c.ingredient == ingredient)
            key = ExposureKey(ingredient=ingredient, excluded_for=fact.product.excluded_for)
            by_key[key].append((fact, component))
    never: list[tuple[MedicationFact, Reason]] = []
    exposures = {
        key: _lay_out(key, members, rules=rules, as_of=as_of, feed=feed_days, never=never, cites=cites)
        for key, members in by_key.items()
    }
    return Exposures(by_key=exposures, never_filled=tuple(never), set_aside=tuple(aside))


def _lay_out(
    key: ExposureKey,
    members: Sequence[tuple[MedicationFact, Component]],
    *,
    rules: Reconstruction,
    as_of: date,
    feed: Sequence[date],
    never: list[tuple[MedicationFact, Reason]],
    cites: tuple[str, ...],
) -> Exposure:
    layers: dict[Layer, list[Supply]] = defaultdict(list)
    undated: list[MedicationFact] = []
    stops = _stops([fact for fact, _ in members])
    for fact, component in members:
        start = first_day(fact)
        if fact.status == "not-taken":
            continue
        if start is None:
            undated.append(fact)
            continue
        supply = supply_of(fact, component, start=start, cut=_cut(fact, start, stops))
        layers[fact.layer].append(supply)
    own = tuple(sorted(supply.start for supply in layers[Layer.DISPENSE]))
    dispensed = dispensed_days(layers[Layer.DISPENSE], rules)
    # An order with a fill near it is that fill; only orders without one can add days of their own.
    lone = [order for order in layers[Layer.ORDER] if not _near(order.start, own, rules.fill_window_days)]
    inside = {o.fact.reference for o in lone if _near(o.start, tuple(dispensed), rules.era_gap_days + 1)}
    filled = []
    for order in lone:
        never_filled = _near(order.start, feed, rules.feed_window_days) and order.fact.reference not in inside
        if never_filled and (as_of - order.start).days >= rules.fill_window_days:
            never.append((order.fact, _never_filled(order, rules, cites)))
        else:
            filled.append(order)
    later = [s.start for layer in (Layer.DISPENSE, Layer.REPORT, Layer.ADMINISTRATION) for s in layers[layer]]
    by_layer: dict[Layer, Days] = {
        Layer.ADMINISTRATION: administered_days(layers[Layer.ADMINISTRATION]),
        Layer.DISPENSE: dispensed,
        Layer.REPORT: reported_days(layers[Layer.REPORT], as_of=as_of),
        Layer.ORDER: {
            day: replace(covered, sure=False) if inside.intersection(covered.uses) else covered
            for day, covered in ordered_days(filled, rules, later_evidence=later).items()
        },
    }
    _bridge(by_layer, own, rules)
    days = {day: covered for day, covered in _best(by_layer).items() if day <= as_of}
    for fact, _ in members:
        if fact.status == "not-taken" and fact.start is not None:
            last = fact.end.latest if fact.end is not None else as_of
            days = {d: c for d, c in days.items() if not fact.start.earliest <= d <= last}
    unfilled = {fact.reference for fact, _ in never}
    return Exposure(
        key=key,
        days=dict(sorted(days.items())),
        facts=tuple(f for f, _ in members if f.reference not in unfilled),
        order_starts=tuple(sorted(order.start for order in filled)),
        evidence_starts=tuple(sorted(later)),
        undated=tuple(undated),
        not_taken=tuple(f for f, _ in members if f.status == "not-taken" or f.adherence == "not-taking"),
        flags=_flags(layers, days, rules),
    )


def _stops(facts: Iterable[MedicationFact]) -> list[tuple[date, MedicationFact]]:
    """Days on which a stop took effect (exclusive), with the record that says so."""
    stops = []
    for fact in facts:
        if fact.layer is Layer.ORDER and fact.status == "stopped":
            when = fact.end or fact.stop_noted
            if when is not None:
                stops.append((when.earliest, fact))
        elif fact.layer is Layer.REPORT and fact.status in ("stopped", "completed") and fact.end is not None:
            stops.append((fact.end.latest + timedelta(days=1), fact))
    return stops


def _cut(fact: MedicationFact, start: date, stops: Sequence[tuple[date, MedicationFact]]) -> date | None:
    """The first day a record no longer supplies: its own end, or a recorded stop of the same course."""
    cuts = []
    if fact.layer in (Layer.ORDER, Layer.DISPENSE) and fact.end is not None:
        exclusive = fact.status == "stopped"
        cuts.append(fact.end.earliest if exclusive else fact.end.latest + timedelta(days=1))
    for day, by in stops:
        linked = not fact.based_on or by.reference in fact.based_on or by.layer is Layer.REPORT
        mine = fact is by or (fact.layer is Layer.DISPENSE and linked)
        if mine and start <= day and fact.layer is not Layer.REPORT:
            cuts.append(day)
    return min(cuts) if cuts else None


def _near(day: date, others: Sequence[date], window: int) -> bool:
    return any(abs((other - day).days) <= window for other in others)


def _never_filled(order: Supply, rules: Reconstruction, cites: tuple[str, ...]) -> Reason:
    """E2: a live feed of dispenses and none of this drug near the order or in its era."""
    text = (
        f"Ordered on {order.start} but not dispensed within {rules.fill_window_days} days although the pharmacy record "
        "is live: not counted as taken."
    )
    return Reason(rule="E2", text=text, cites=cites, uses=(order.fact.reference,))


def _bridge(by_layer: dict[Layer, Days], own: Sequence[date], rules: Reconstruction) -> None:
    """Between the last administered day and a fill soon after, the patient is taken to have stayed on the drug."""
    given = by_layer[Layer.ADMINISTRATION]
    for start in own:
        before = [day for day in given if day < start]
        if before and 1 < (start - max(before)).days <= rules.inpatient_bridge_days + 1:
            last = max(before)
            for offset in range(1, (start - last).days):
                given[last + timedelta(days=offset)] = given[last]


def _best(by_layer: Mapping[Layer, Days]) -> Days:
    """Per day the best layer that surely covers it, else the best that possibly does."""
    best: Days = {}
    for wanted in (True, False):
        for layer in _PRECEDENCE:
            for day, covered in by_layer[layer].items():
                if covered.sure is wanted:
                    best.setdefault(day, covered)
    return best


def _flags(layers: Mapping[Layer, Sequence[Supply]], days: Days, rules: Reconstruction) -> tuple[str, ...]:
    flags = []
    dispensed, ordered = layers.get(Layer.DISPENSE, ()), layers.get(Layer.ORDER, ())
    for order in ordered:
        for fill in dispensed:
            near = abs((fill.start - order.start).days) <= rules.fill_window_days
            ours, theirs = order.doses(1)[0], fill.doses(1)[0]
            apart = ours.is_known and theirs.is_known and (ours.high < theirs.low or theirs.high < ours.low)
            if near and apart:
                flags.append("order_dispense_conflict")
    if any((s.days or 0) > rules.supply_suspect_above_days for group in layers.values() for s in group):
        flags.append("supply_suspect")
    if any(s.days is None for group in (dispensed, ordered) for s in group):
        flags.append("supply_unknown")
    if any(fact_flag for group in layers.values() for s in group for fact_flag in s.fact.flags):
        flags.extend(f for group in layers.values() for s in group for f in s.fact.flags)
    return tuple(dict.fromkeys(flags))
