"""What a past day knew, and who signed what when: another order of the same moment did not come first."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from mappings.load import load
from plugin.ingest import Past, as_known, past_orders
from tests.ingest.shorthand import order

KNOWLEDGE = load()
KINDS = {kind.type: kind for kind in KNOWLEDGE.known_then.kinds}
DAY = date(2025, 6, 1)
NINE = datetime(2025, 6, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "there"),
    [("2025-06-01T08:59:59Z", True), ("2025-06-01T09:00:00Z", False), ("2025-06-01T09:00:01Z", False)],
)
def test_an_order_of_the_day_was_there_only_when_it_was_signed_before_the_moment(written: str, there: bool) -> None:
    resource = order(authoredOn=written)
    assert (as_known(resource, DAY, KINDS, before=NINE) is not None) is there
    past = Past([resource], KNOWLEDGE)
    assert past.on(DAY, before=NINE) == ([resource] if there else [])
    assert past.on(DAY) == []


@pytest.mark.parametrize("element", ["authoredOn", "dateWritten"])
def test_a_past_order_tells_its_day_and_its_moment_wherever_they_stand(element: str) -> None:
    written: dict[str, Any] = {"authoredOn": None, element: "2025-06-01T09:00:00Z"}
    (found,) = past_orders([order(**written)], knowledge=KNOWLEDGE)
    assert (found.day, found.moment, found.why_not) == (DAY, NINE, "")


def test_past_orders_come_by_day_and_those_without_one_last() -> None:
    sent = [
        order("a", authoredOn="2025"),
        order("b", authoredOn="2025-06-03"),
        order("c", authoredOn="2025-06-01"),
        order("d", authoredOn=None),
        order("e", authoredOn="2025-06-02"),
    ]
    assert [one.id for one in past_orders(sent, knowledge=KNOWLEDGE)] == ["c", "e", "b", "a", "d"]
