"""How much one fill holds: units, days and repeats, from a dispense or from the dispense request of an order.

All are per fill; nothing is multiplied here. An amount in a unit that cannot be read says nothing: one bottle
is not one tablet.
"""

from __future__ import annotations

from dataclasses import dataclass

from plugin.ingest.dosage import days_in, unit_of
from plugin.ingest.resources import Json, first_text, obj, positive, whole
from plugin.ingest.vocabulary import DosingTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class FillSupply:
    """Units per fill (tablets, capsules, mL), days per fill, additional fills allowed; None when not stated.

    `flags`: ``quantity-unit-unknown``, ``supply-unit-unknown``, ``initial-fill`` (a first fill of another
    size is stated and not used).
    """

    quantity: float | None = None
    days: float | None = None
    repeats: int | None = None
    flags: tuple[str, ...] = ()


def read_supply(resource: Json, terms: DosingTerms) -> FillSupply:
    """The supply of one fill."""
    request = obj(resource.get("dispenseRequest"))
    quantity, quantity_flags = _quantity(resource, request, terms)
    days, days_flags = _days(resource, request, terms)
    repeats = whole(request.get("numberOfRepeatsAllowed"))
    first = ("initial-fill",) if obj(request.get("initialFill")) else ()
    return FillSupply(
        quantity=quantity,
        days=days,
        repeats=repeats if repeats is not None and repeats >= 0 else None,
        flags=(*quantity_flags, *days_flags, *first),
    )


def _quantity(resource: Json, request: Json, terms: DosingTerms) -> tuple[float | None, tuple[str, ...]]:
    sent = resource.get("quantity") or request.get("quantity")
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


def _days(resource: Json, request: Json, terms: DosingTerms) -> tuple[float | None, tuple[str, ...]]:
    sent = resource.get("daysSupply") or request.get("expectedSupplyDuration")
    duration = obj(sent)
    if not duration:
        return positive(sent), ()
    days = days_in(duration, terms)
    unread = days is None and positive(duration.get("value")) is not None
    return days, ("supply-unit-unknown",) if unread else ()
