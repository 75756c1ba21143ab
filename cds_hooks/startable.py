"""What must hold before the service starts: each fault says which setting mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cds_hooks.reception import OPEN
from cds_hooks.settings import Settings, is_loopback
from cds_hooks.storage.records import Records
from cds_hooks.trust.registry import ClientRegistry
from mappings.load import Knowledge

if TYPE_CHECKING:  # the app is loaded only where a site has it
    from cds_hooks.smart.registration import RegisteredEhrs


class ConfigurationError(Exception):
    """The service must not start like this; the message says what to set."""


def require_startable(
    settings: Settings,
    knowledge: Knowledge,
    registry: ClientRegistry | None,
    records: Records | None,
    ehrs: RegisteredEhrs | None,
) -> None:
    """Raise ConfigurationError without a registry or records outside open mode, for an unknown definition, for a link
    to an app that nobody can launch, or where patient data would go over a network in the clear.
    """
    if registry is None and not settings.open_mode:
        raise ConfigurationError(
            "There is no client registry: set TRD_CDS_REGISTRY_FILE, or use the demo, which is open on loopback only."
        )
    if records is None and not settings.open_mode:
        raise ConfigurationError("There is no database for the records that a service with client login keeps.")
    if settings.definition is not None and settings.definition not in knowledge.definitions:
        raise ConfigurationError(
            f"There is no definition of that name: set TRD_CDS_DEFINITION to one of {', '.join(knowledge.definitions)}."
        )
    _require_launches(settings, registry, ehrs, records)
    _require_https(settings, registry)


def _require_launches(
    settings: Settings, registry: ClientRegistry | None, ehrs: RegisteredEhrs | None, records: Records | None
) -> None:
    """Raise ConfigurationError when cards would link to an app that no EHR launches, an EHR would be nobody's, or the
    app could keep nothing, or would be read along on the way.
    """
    launched = ehrs.clients if ehrs is not None else frozenset[str]()
    for client in registry or ():
        if client.entry.smart_app and client.entry.id not in launched:
            raise ConfigurationError(
                f"The client {client.entry.id} has smart_app, and the SMART file names no EHR for it: "
                "set TRD_CDS_SMART_FILE to a file that does, or take smart_app away."
            )
    if ehrs is None:
        return
    known = {client.entry.id for client in registry} if registry is not None else {OPEN}
    if not ehrs.clients <= known:
        raise ConfigurationError("The SMART file names a client that there is not: name one of the registry.")
    if records is None:
        raise ConfigurationError("The app needs a database for its sessions, and there is none.")
    parts = urlsplit(settings.base_url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            "The public address is plain http, and the app would show records over it: "
            "set TRD_CDS_BASE_URL to an https address, or unset TRD_CDS_SMART_FILE."
        )


def _require_https(settings: Settings, registry: ClientRegistry | None) -> None:
    """Raise ConfigurationError when what clients send, or the page of a snapshot, would go over the network for all to
    read. In open mode only loopback reaches the service.
    """
    named = [client.entry.id for client in registry or () if client.entry.snapshots is not None]
    parts = urlsplit(settings.base_url)
    if named and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            f"The client {named[0]} has snapshots, and the public address is plain http: "
            "set TRD_CDS_BASE_URL to an https address, or take snapshots away."
        )
    if registry is not None and parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ConfigurationError(
            "The public address is plain http, and clients would send tokens and patient data over it: "
            "set TRD_CDS_BASE_URL to the https address at which TLS ends."
        )
