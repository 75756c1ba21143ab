"""The page that a card leads to shows what there is to say of the order on that card."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_hooks.basis.page import Surroundings
from cds_hooks.basis.showing import Chart, Viewing, show
from cds_hooks.catalogue import queries
from cds_hooks.on_need import needs
from cds_hooks.stories import load_stories
from mappings.load import Knowledge
from plugin.ingest import read_orders
from plugin.record import Availability, Read

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize("drafted", [True, False])
def test_a_stop_of_the_drafted_order_stands_on_the_page(knowledge: Knowledge, drafted: bool) -> None:
    story = next(one for one in load_stories(NOW.date(), knowledge) if one.id == "allergic-to-citalopram")
    names = [*(kind.resource_type for kind in queries(knowledge)), *(need.read_as for need in needs(knowledge))]
    orders = read_orders([story.suggested_order], knowledge=knowledge) if drafted else ()
    shown = show(
        Chart(
            patient_id=story.patient_id,
            resources=story.resources,
            availability={name: Availability(read=Read.COMPLETE) for name in names},
        ),
        Viewing(knowledge=knowledge, now=NOW, time_zone="UTC", orders=orders, action="/here", around=Surroundings()),
    )
    assert bool(shown.assessment.orders) is drafted
    assert ("allergy" in shown.html.lower().partition("trials over time")[0]) is drafted
