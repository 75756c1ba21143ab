"""From medication facts to days on each ingredient: which source wins on a day, and what was never filled.

Applies the never-filled test (E2), the link between orders and their dispenses, recorded stops, and the precedence
administration > dispense > report > order for each day. Products labelled for something else are kept apart from the
ingredient's other products. Everything not used leaves with a reason.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.exposure.counted import counted_facts, first_day
from plugin.exposure.layer_days import administered_days, dispensed_days, reported_days
from plugin.exposure.order_supply import ordered_days
from plugin.exposure.recorded_ends import cut_day, denials, stops_of
from plugin.exposure.supply import CoveredDay, Days, Regimens, Supply, supply_of
from plugin.exposure.supply_flags import flags_of
from plugin.findings import Reason, SetAside
from plugin.record import Component, Layer, MedicationFact
from plugin.timeline import Timeline, overlay

_HANDED_OVER = frozenset({Layer.ADMINISTRATION, Layer.DISPENSE})
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
    administrations. `undated` facts name use without days; `not_taken` facts deny use. `denied` are the days so denied
    although the drug was handed over or given within the denied time: no exposure, but a wash-out may not rest on it.
    """

    key: ExposureKey
    days: Days
    facts: tuple[MedicationFact, ...]
    order_starts: tuple[date, ...] = ()
    evidence_starts: tuple[date, ...] = ()
    undated: tuple[MedicationFact, ...] = ()
    not_taken: tuple[MedicationFact, ...] = ()
    denied: Days = field(default_factory=Timeline)
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposures:
    """All exposures by key, orders never filled, and what was set aside.

    `shadowed`: a record was set aside because another one stands for it.
    """

    by_key: Mapping[ExposureKey, Exposure]
    never_filled: tuple[tuple[MedicationFact, Reason], ...]
    set_aside: tuple[SetAside, ...]
    shadowed: bool = False


def expose(
    facts: Sequence[MedicationFact], *, rules: Reconstruction, as_of: date, cites: tuple[str, ...] = ()
) -> Exposures:
    """Decide which facts count and lay out the days of every ingredient up to `as_of`.

    A fact dated after `as_of` is set aside. Resources whose only role is to prove a live dispensing feed are not
    set aside.
    """
    aside: list[SetAside] = []
    counted, shadowed = counted_facts(facts, as_of=as_of, aside=aside)
    feed = [(f.reference, first_day(f)) for f in counted if f.layer is Layer.DISPENSE]
    feed_days = sorted(day for _, day in feed if day is not None)
    by_key: dict[ExposureKey, list[tuple[MedicationFact, Component]]] = defaultdict(list)
    for fact in counted:
        if fact.product is None:
            continue
        for component in fact.product.components:
            key = ExposureKey(ingredient=component.ingredient, excluded_for=fact.product.excluded_for)
            members = by_key[key]
            if not members or members[-1][0] is not fact:  # of an ingredient named twice the first component stands
                members.append((fact, component))
    never: list[tuple[MedicationFact, Reason]] = []
    exposures = {
        key: _lay_out(key, members, rules=rules, as_of=as_of, feed=feed_days, never=never, cites=cites)
        for key, members in by_key.items()
    }
    return Exposures(by_key=exposures, never_filled=tuple(never), set_aside=tuple(aside), shadowed=shadowed)


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
    regimens = Regimens(rules.dose_agreement)
    orders = {fact.reference: fact for fact, _ in members if fact.layer is Layer.ORDER}
    stops = stops_of([fact for fact, _ in members])
    for fact, component in members:
        start = first_day(fact)
        if fact.status == "not-taken":
            continue
        if start is None:
            undated.append(fact)
            continue
        cut = cut_day(fact, start, stops)
        told, uses = _with_directions(fact, orders)
        supply = supply_of(told, component, start=start, cut=cut, regimens=regimens, uses=uses)
        layers[fact.layer].append(supply)
    own = tuple(sorted(supply.start for supply in layers[Layer.DISPENSE]))
    dispensed = dispensed_days(layers[Layer.DISPENSE], rules)
    # An order with a fill near it is that fill; only orders without one can add days of their own.
    lone = [order for order in layers[Layer.ORDER] if not _near(order.start, own, rules.fill_window_days)]
    inside = {o.fact.reference for o in lone if dispensed.is_near(o.start, rules.era_gap_days + 1)}
    filled = []
    for order in lone:
        never_filled = _near(order.start, feed, rules.feed_window_days) and order.fact.reference not in inside
        if never_filled and (as_of - order.start).days >= rules.fill_window_days:
            never.append((order.fact, _never_filled(order, rules, cites)))
        else:
            filled.append(order)
    later = [s.start for layer in (Layer.DISPENSE, Layer.REPORT, Layer.ADMINISTRATION) for s in layers[layer]]
    ordered = ordered_days(filled, rules, later_evidence=later)
    if inside:
        ordered = ordered.changed(
            lambda covered: replace(covered, sure=False) if inside.intersection(covered.uses) else covered
        )
    by_layer: dict[Layer, Days] = {
        Layer.ADMINISTRATION: _bridged(administered_days(layers[Layer.ADMINISTRATION]), own, rules),
        Layer.DISPENSE: dispensed,
        Layer.REPORT: reported_days(layers[Layer.REPORT], as_of=as_of),
        Layer.ORDER: ordered,
    }
    days = _best(by_layer).before(as_of + timedelta(days=1))
    denied: list[Days] = []
    for first, last in denials([fact for fact, _ in members], as_of):
        began = {supply.fact.reference: supply.start for group in layers.values() for supply in group}
        denied.append(_handed_over_since(first, days.between(first, last), began))
        days = days.without(first, last)
    unfilled = {fact.reference for fact, _ in never}
    return Exposure(
        key=key,
        days=days,
        facts=tuple(f for f, _ in members if f.reference not in unfilled),
        order_starts=tuple(sorted(order.start for order in filled)),
        evidence_starts=tuple(sorted(later)),
        undated=tuple(undated),
        not_taken=tuple(f for f, _ in members if f.status == "not-taken" or f.adherence == "not-taking"),
        denied=overlay(denied, lambda held: held[0][1]),
        flags=flags_of(layers, rules),
    )


def _handed_over_since(since: date, days: Days, began: Mapping[str, date]) -> Days:
    """The days that rest on what was handed over or given on or after the day `since`."""

    def rests_on_it(day: CoveredDay) -> bool:
        return day.layer in _HANDED_OVER and any(began.get(use, date.min) >= since for use in day.uses)

    return days.where(rests_on_it)


def _with_directions(
    fact: MedicationFact, orders: Mapping[str, MedicationFact]
) -> tuple[MedicationFact, tuple[str, ...]]:
    """A fill that says nothing of its dose is taken as its order directs; and the records that say so."""
    silent = fact.layer is Layer.DISPENSE and not fact.dosage and not (fact.quantity and fact.days_supply)
    order = next((orders[reference] for reference in fact.based_on if reference in orders), None) if silent else None
    if order is None or not order.dosage:
        return fact, (fact.reference,)
    return replace(fact, dosage=order.dosage), (fact.reference, order.reference)


def _near(day: date, ordered: Sequence[date], window: int) -> bool:
    """Whether one of the days, given in order, lies within `window` days of `day`, either side."""
    place = bisect_left(ordered, day - timedelta(days=window))
    return place < len(ordered) and (ordered[place] - day).days <= window


def _never_filled(order: Supply, rules: Reconstruction, cites: tuple[str, ...]) -> Reason:
    """E2: a live feed of dispenses and none of this drug near the order or in its era."""
    text = (
        f"Ordered on {order.start} but not dispensed within {rules.fill_window_days} days although the pharmacy record "
        "is live: not counted as taken."
    )
    return Reason(rule="E2", text=text, cites=cites, uses=(order.fact.reference,))


def _bridged(given: Days, own: Sequence[date], rules: Reconstruction) -> Days:
    """Between the last administered day and a fill soon after, the patient is taken to have stayed on the drug."""
    if not given:
        return given
    for start in own:
        last = given.last_before(start)
        if last is not None and 1 < (start - last).days <= rules.inpatient_bridge_days + 1:
            between = (last.toordinal() + 1, start.toordinal(), given[last])
            given = Timeline((*given.before(start).stretches, between, *given.since(start).stretches))
    return given


def _best(by_layer: Mapping[Layer, Days]) -> Days:
    """Per day the best layer that surely covers it, else the best that possibly does.

    A day whose dose is not known takes that of a report: no recorded dose is replaced.
    """

    def best(active: Sequence[tuple[int, CoveredDay]]) -> CoveredDay:
        chosen = next((day for _, day in active if day.sure), active[0][1])
        if chosen.dose.is_known:
            return chosen
        told = next((day for _, day in active if day.layer is Layer.REPORT and day.dose.is_known), None)
        if told is None:
            return chosen
        uses = tuple(dict.fromkeys((*chosen.uses, *told.uses)))
        return replace(chosen, dose=told.dose, uses=uses, grade=max(chosen.grade, told.grade))

    held = [by_layer[layer] for layer in _PRECEDENCE if by_layer[layer]]
    return held[0] if len(held) == 1 else overlay(held, best)
