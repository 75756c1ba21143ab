"""The past moments at which a patient is judged: each cart of orders signed, one chosen day, or each end of a month."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from cds_hooks.silent.plan import RunPlan
from plugin.ingest import PastOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """One moment of one patient. `orders` are what was signed then, the first one naming the moment; else empty."""

    id: str
    day: date
    orders: tuple[PastOrder, ...] = ()


def moments_of(orders: Sequence[PastOrder], plan: RunPlan) -> tuple[Moment, ...]:
    """The moments of a patient with these past `orders`, in order of time.

    Orders of one day by one prescriber are one cart: whoever signs them sees the cards of all of them once.
    """
    if plan.occasion == "orders":
        return tuple(_carts(orders, plan))
    return tuple(Moment(id=day.isoformat(), day=day) for day in _days(orders, plan))


def _carts(orders: Sequence[PastOrder], plan: RunPlan) -> Iterator[Moment]:
    carts: dict[tuple[date, str], list[PastOrder]] = {}
    for order in orders:
        if order.day is not None and not why_not_judged(order, plan):
            carts.setdefault((order.day, order.prescriber), []).append(order)
    for (day, _), cart in sorted(carts.items()):
        yield Moment(id=f"{day.isoformat()} {cart[0].id}", day=day, orders=tuple(cart))


def _days(orders: Sequence[PastOrder], plan: RunPlan) -> Iterator[date]:
    """The chosen day; or month ends, from the plan's first day or else the first order."""
    if plan.occasion == "date":
        yield plan.until
        return
    first = plan.since or min((order.day for order in orders if order.day is not None), default=plan.until)
    month = first.replace(day=1)
    while month <= plan.until:
        last = month.replace(day=monthrange(month.year, month.month)[1])
        yield min(last, plan.until)
        month = date(last.year + last.month // 12, last.month % 12 + 1, 1)


def why_not_judged(order: PastOrder, plan: RunPlan) -> str:
    """Why an order is no moment of the run; empty when it is one."""
    if order.why_not or order.day is None:
        return order.why_not
    if order.day > plan.until or (plan.since is not None and order.day < plan.since):
        return "outside the days of the run"
    return "" if plan.occasion == "orders" else "the run judges days, not orders"
