"""How much one fill holds: units, days and repeats, from a dispense or from the dispense request of an order.

All are per fill; nothing is multiplied here. An amount in a unit that cannot be read says nothing: one bottle
is not one tablet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from plugin.ingest.dosage import days_in, unit_of
from plugin.ingest.resources import Json, first_text, obj, positive, whole
from plugin.ingest.vocabulary import DosingTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSupply:
    """Units per fill (tablets, capsules, mL), days per fill, additional fills allowed; None when not stated.

    `initial_quantity` and `initial_days` are those of a first fill of another size. `flags`:
    ``quantity-unit-unknown``, ``supply-unit-unknown``, ``initial-fill`` (a first fill of another size is stated).
    """

    quantity: float | None = None
    days: float | None = None
    repeats: int | None = None
    initial_quantity: float | None = None
    initial_days: float | None = None
    flags: tuple[str, ...] = ()


class SupplySent(NamedTuple):
    """What a record says of its supply, as sent: of the fill at hand, of a first fill of another size, of repeats."""

    quantity: object
    days: object
    initial: Json
    repeats: object


def supply_sent(resource: Json) -> SupplySent:
    """The elements of a dispense, or of the dispense request of an order, that tell its supply."""
    request = obj(resource.get("dispenseRequest"))
    return SupplySent(
        resource.get("quantity") or request.get("quantity"),
        resource.get("daysSupply") or request.get("expectedSupplyDuration"),
        obj(request.get("initialFill")),
        request.get("numberOfRepeatsAllowed"),
    )


def read_supply(resource: Json, terms: DosingTerms) -> FillSupply:
    """The supply of one fill."""
    sent = supply_sent(resource)
    initial = sent.initial
    quantity, quantity_flags = _quantity(sent.quantity, terms)
    days, days_flags = _days(sent.days, terms)
    initial_quantity, more_quantity_flags = _quantity(initial.get("quantity"), terms)
    initial_days, more_days_flags = _days(initial.get("duration"), terms)
    repeats = whole(sent.repeats)
    flags = (*quantity_flags, *more_quantity_flags, *days_flags, *more_days_flags)
    return FillSupply(
        quantity=quantity,
        days=days,
        repeats=repeats if repeats is not None and repeats >= 0 else None,
        initial_quantity=initial_quantity,
        initial_days=initial_days,
        flags=tuple(dict.fromkeys((*flags, *(("initial-fill",) if initial else ())))),
    )


def _quantity(sent: object, terms: DosingTerms) -> tuple[float | None, tuple[str, ...]]:
    if sent is None:
        return None, ()
    amount = obj(sent)
    value = positive(amount.get("value")) if amount else positive(sent)
    if value is None:
        return None, ()
    if not first_text(amount.get("code"), amount.get("unit")):
        return value, ()
    counted = unit_of(amount, terms)
    if counted is None or counted[0] == "mg":
        return None, ("quantity-unit-unknown",)
    return value * counted[1], ()


def _days(sent: object, terms: DosingTerms) -> tuple[float | None, tuple[str, ...]]:
    if sent is None:
        return None, ()
    duration = obj(sent)
    if not duration:
        return positive(sent), ()
    days = days_in(duration, terms)
    unread = days is None and positive(duration.get("value")) is not None
    return days, ("supply-unit-unknown",) if unread else ()
