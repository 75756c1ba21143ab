"""FHIR that is not valid and yet is what real clients send: drafts and records as they come over the wire."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from cds_hooks.checking.calls import Call
from cds_hooks.checking.cases import Case, case

_LONG = 200
Order = dict[str, Any]


def invalid_cases(call: Call) -> Iterator[Case]:
    """All of them for one service."""
    if call.hook.orders and call.orders:
        yield from _drafts(call)
    if call.prefetch:
        yield from _records(call)


def _drafts(call: Call) -> Iterator[Case]:
    orders = call.orders
    yield case(
        "order-long-id", "order ids of 200 characters", _each(call, lambda one: one.update(id="e" * _LONG)), "HK-07"
    )
    yield case("order-bare", "a draft without medication and intent", _each(call, _bare), "FN-01")
    yield case("order-plain", "drafts without dose and other details", _each(call, _plain), "OS-07")
    yield case(
        "order-active", "orders with status active", _each(call, lambda one: one.update(status="active")), "OG-07"
    )
    yield case("order-category", "category as an object", _each(call, _object_category), "FN-02")
    yield case("order-numbers", "texts for numbers", _each(call, _texts), "FN-02")
    yield case("order-no-id", "drafts without id", _each(call, lambda one: one.pop("id", None)), "FN-02")
    yield case("order-no-status", "drafts without status and subject", _each(call, _headless), "FN-02")
    yield case("bundle-typeless", "draft orders in a Bundle without type", call.with_orders(orders, type=None), "HK-03")
    # Not invalid, but seldom thought of; some services offer to remove one of the two.
    twice = [*orders, *({**one, "id": f"{one.get('id')}-again"} for one in orders)]
    yield case("order-twice", "every order drafted twice", call.with_orders(twice), "RS-01", "answer")
    listed = call.in_context(**{call.hook.orders: orders})
    yield case("bundle-list", "draft orders as a list", listed, "HK-03", "survive")
    entries = [None, {}, {"resource": None}, *({"resource": one} for one in orders)]
    yield case("bundle-holes", "empty entries among the drafts", call.with_orders(orders, entry=entries), "FN-13")
    yield case("bundle-empty", "no drafts at all", call.with_orders([], entry=[]), "FN-13")
    if call.hook.references:
        body = call.in_context(**{call.hook.references: None})
        yield case("selections-missing", f"no {call.hook.references}", body, "FN-02", "survive")


def _records(call: Call) -> Iterator[Case]:
    yield case("record-dates", "dates that are none", call.changed(prefetch=_redated(call.prefetch)), "FN-13")
    holes = {key: _with_holes(value) for key, value in call.prefetch.items()}
    yield case("record-holes", "entries of null in Bundles", call.changed(prefetch=holes), "FN-13")
    texts = dict.fromkeys(call.prefetch, "not found")
    yield case("record-texts", "texts in place of resources", call.changed(prefetch=texts), "FN-02", "survive")


def _each(call: Call, change: Callable[[Order], object]) -> dict[str, Any]:
    orders = call.orders
    for one in orders:
        change(one)
    return call.with_orders(orders)


def _bare(order: Order) -> None:
    for name in [name for name in order if name not in ("resourceType", "id", "status", "subject")]:
        order.pop(name)


def _plain(order: Order) -> None:
    kept = ("resourceType", "id", "status", "intent", "subject")
    for name in [name for name in order if name not in kept and not name.startswith("medication")]:
        order.pop(name)


def _object_category(order: Order) -> None:
    order["category"] = {"coding": [{"code": "community"}]}


def _texts(order: Order) -> None:
    order["dosageInstruction"] = [
        {
            "sequence": "1",
            "timing": {"repeat": {"frequency": "1", "period": "1"}},
            "doseAndRate": [{"doseQuantity": {"value": "1"}}],
        }
    ]
    order["dispenseRequest"] = {"numberOfRepeatsAllowed": "3", "quantity": {"value": "30"}}


def _headless(order: Order) -> None:
    order.pop("status", None)
    order.pop("subject", None)


def _redated(value: Any) -> Any:
    """Every birth date and day of order or measurement as a word."""
    if isinstance(value, list):
        return [_redated(one) for one in value]
    if not isinstance(value, dict):
        return value
    dates = ("birthDate", "authoredOn", "effectiveDateTime", "onsetDateTime", "whenHandedOver")
    return {name: "DB_6dec" if name in dates else _redated(one) for name, one in value.items()}


def _with_holes(value: Any) -> Any:
    if not isinstance(value, dict) or value.get("resourceType") != "Bundle":
        return value
    return {**value, "entry": [None, {}, {"resource": None}, *copy.deepcopy(value.get("entry") or [])]}
