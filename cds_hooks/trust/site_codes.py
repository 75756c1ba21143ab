"""Whether the codes that a registry lists for a client's own orders name anything that we order.

A name with a slip in it would never be used, and the site would wonder why: so it stops the start.
"""

from __future__ import annotations

from cds_hooks.proposals import order_names
from cds_hooks.trust.entries import RegistryError
from cds_hooks.trust.registry import ClientRegistry
from mappings.load import Knowledge


def check_site_codes(registry: ClientRegistry, knowledge: Knowledge) -> None:
    """Raise RegistryError when a client has codes for an order that does not exist, or two codes for one order."""
    known = frozenset(order_names(knowledge))
    for client in registry:
        named = [one.order for one in client.entry.site_codes]
        for position, order in enumerate(named):
            place = f"{client.entry.id}.site_codes[{position}].order"
            if order not in known:
                raise RegistryError(
                    "client registry",
                    place,
                    "nothing is ordered under this name",
                    "see docs/client-profiles.md for the names",
                )
            if order in named[:position]:
                raise RegistryError(
                    "client registry", place, "an earlier code is for the same order", "keep one of them"
                )
