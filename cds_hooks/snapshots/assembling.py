"""The parts of snapshots put together, once, by the composition root."""

from __future__ import annotations

import httpx

from cds_hooks.basis.page import prepare
from cds_hooks.deployment import Deployment
from cds_hooks.ledger import Ledger
from cds_hooks.smart.cookies import Cookies
from cds_hooks.smart.rates import LaunchRates
from cds_hooks.snapshots.making import SnapshotMaker
from cds_hooks.snapshots.opening import Snapshots, Standing
from cds_hooks.snapshots.provider import OpenIdDiscovery
from cds_hooks.snapshots.rates import LinkRates
from cds_hooks.trust.registry import ClientRegistry


def snapshots_made(
    deployment: Deployment, ledger: Ledger | None, registry: ClientRegistry | None
) -> SnapshotMaker | None:
    """What makes snapshots; None where no client has them: then there are no addresses of theirs either."""
    entries = {
        client.entry.id: client.entry.snapshots for client in registry or () if client.entry.snapshots is not None
    }
    if not entries or ledger is None:
        return None
    prepare()
    return SnapshotMaker(deployment=deployment, ledger=ledger, entries=entries)


def snapshot_opening(
    maker: SnapshotMaker, registry: ClientRegistry, *, standing: Standing, http: httpx.AsyncClient
) -> Snapshots:
    """What opens them; `http` is the outbound client and stays the caller's to close."""
    settings, clock = maker.deployment.settings, maker.deployment.clock
    return Snapshots(
        deployment=maker.deployment,
        ledger=maker.ledger,
        sign_ins={name: entry.sign_in for name, entry in maker.entries.items()},
        providers={client.entry.id: client.sign_in for client in registry if client.sign_in is not None},
        http=http,
        discovery=OpenIdDiscovery(http, clock, settings.address_rule),
        cookies=Cookies(settings.base_url),
        link_rates=LinkRates(clock),
        rates=LaunchRates(clock),
        standing=standing,
    )
