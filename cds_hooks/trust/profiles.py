"""The client profiles that come with the service: data, read as strictly as the registry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from types import MappingProxyType

from cds_hooks.trust.entries import GENERIC, ClientProfile, RegistryError
from mappings.strict_yaml import KnowledgeError, read_model

FILE = "client_profiles.yaml"
_RESTORE = "restore the file from the release"


@cache
def client_profiles() -> Mapping[str, ClientProfile]:
    """All profiles by name. Raises RegistryError when the file was spoiled."""
    with as_file(files(__package__).joinpath(FILE)) as path:
        try:
            read = read_model(path, FILE, dict[str, ClientProfile])
        except KnowledgeError as error:
            raise RegistryError(error.file, error.place, error.problem, _RESTORE) from error
    if GENERIC not in read:
        raise RegistryError(FILE, GENERIC, "the profile is missing", _RESTORE)
    return MappingProxyType(read)
