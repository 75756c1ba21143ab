"""The client registry, and the EHRs that launch the app, as the commands find them: by the settings, refused with a
remedy when they cannot be used.
"""

from __future__ import annotations

from cds_hooks.commands.refusal import Refusal
from cds_hooks.settings import Settings
from cds_hooks.smart.registration import RegisteredEhrs, SmartFileError, load_ehrs
from cds_hooks.trust.entries import RegistryError
from cds_hooks.trust.registry import ClientRegistry, load_registry
from cds_hooks.trust.site_codes import check_site_codes
from mappings.load import Knowledge

MINIMAL = "{clients: [{id: my-ehr, name: My EHR, issuer: 'https://ehr.example', jwks_file: my-ehr.jwks.json}]}"


def read_registry(settings: Settings, knowledge: Knowledge | None = None) -> ClientRegistry:
    """The registry that `settings` name; raises Refusal when there is none or it is unusable. With `knowledge` the
    clients' own codes are held against what is ordered.
    """
    if settings.registry_file is None:
        raise Refusal(
            "TRD_CDS_REGISTRY_FILE",
            "is not set, and only registered clients are served",
            f"name a YAML file such as {MINIMAL}; docs/integrators.md explains it",
        )
    try:
        registry = load_registry(settings.registry_file, largest_body=settings.max_body_bytes)
        if knowledge is not None:
            check_site_codes(registry, knowledge)
        return registry
    except RegistryError as fault:
        raise Refusal(f"{fault.file}, {fault.place}", fault.problem, fault.remedy) from None


def read_ehrs(settings: Settings, registry: ClientRegistry) -> RegisteredEhrs | None:
    """The EHRs that `settings` name for the app, None when they name no file; raises Refusal when it is unusable."""
    if settings.smart_file is None:
        return None
    try:
        return load_ehrs(settings.smart_file, clients=[client.entry.id for client in registry])
    except SmartFileError as fault:
        raise Refusal(f"{fault.file}, {fault.place}", fault.problem, fault.remedy) from None
