"""Who calls, as far as an answer depends on it: what it may reach, what it shows, and what orders it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from cds_hooks.card_form import CardForm
from cds_hooks.modes import EVERYTHING_LIVE, Standing
from cds_hooks.outbound import AllowList
from cds_hooks.proposals import OrderStyle
from cds_hooks.suggesting import BOTH
from cds_hooks.trust.behaviour import Behaviour
from cds_hooks.trust.entries import Client


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """What is known of the client that calls: from its registry entry, or from the settings in open mode; and how it
    stands at this call. `searches` are the first variants to try at its FHIR server, by search.
    """

    id: str
    allowed: AllowList
    time_zone: str
    jurisdiction: str
    selection: str = BOTH
    style: OrderStyle = field(default_factory=OrderStyle)
    form: CardForm = field(default_factory=CardForm)
    searches: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    standing: Standing = EVERYTHING_LIVE


def order_style(client: Behaviour) -> OrderStyle:
    """The orders that a client takes, from its registry entry or profile."""
    return OrderStyle(
        intent=client.order_intent,
        systems=client.order_systems,
        uris={str(system): uri for system, uri in client.system_uris.items()},
        site_codes={one.order: (one.system, one.code) for one in client.site_codes},
        coded_only=client.order_codes_required,
        keeps_dose=client.order_dose == "kept",
        creates=frozenset(client.creates),
        deletes=frozenset(client.deletes),
        updates=frozenset(client.updates),
        actions=client.actions_per_suggestion,
    )


def card_form(client: Behaviour) -> CardForm:
    """The cards that a client shows, from its registry entry or profile."""
    return CardForm(
        cards_at_most=client.cards_at_most,
        links=client.links,
        markdown=client.markdown == "gfm",
        launches=isinstance(client, Client) and client.smart_app,
        app_context=client.smart_links == "with-context",
    )
