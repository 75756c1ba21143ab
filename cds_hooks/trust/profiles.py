"""The client profiles that come with the service: data, read as strictly as the registry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from types import MappingProxyType

from pydantic import ValidationError

from cds_hooks.trust.behaviour import Behaviour, ClientProfile, ProfileFile, WrittenProfile
from cds_hooks.trust.entries import GENERIC, RegistryError
from mappings.strict_yaml import KnowledgeError, read_model

FILE = "client_profiles.yaml"
_RESTORE = "restore the file from the release"


@cache
def client_profiles() -> Mapping[str, ClientProfile]:
    """All profiles by name, as values to act on. Raises RegistryError when the file was spoiled."""
    written = profiles_as_written()
    if GENERIC not in written.profiles:
        raise RegistryError(FILE, GENERIC, "the profile is missing", _RESTORE)
    return MappingProxyType({name: _values(name, one, written) for name, one in written.profiles.items()})


@cache
def profiles_as_written() -> ProfileFile:
    """The file itself: every attribute of every profile with its source and note. Raises RegistryError."""
    with as_file(files(__package__).joinpath(FILE)) as path:
        try:
            return read_model(path, FILE, ProfileFile)
        except KnowledgeError as error:
            raise RegistryError(error.file, error.place, error.problem, _RESTORE) from error


def _values(name: str, written: WrittenProfile, file: ProfileFile) -> ClientProfile:
    stated = written.attributes
    missing = sorted(set(Behaviour.model_fields) - set(stated))
    if missing:
        raise RegistryError(FILE, f"{name}.{missing[0]}", "the attribute is missing", _RESTORE)
    for attribute, one in stated.items():
        if one.source not in file.sources:
            raise RegistryError(FILE, f"{name}.{attribute}.source", "there is no such source", _RESTORE)
    values = {attribute: one.value for attribute, one in stated.items()}
    try:
        return ClientProfile.model_validate({**values, "note": written.note, "source": written.source})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join([name, *(str(step) for step in first["loc"])])
        raise RegistryError(FILE, place, first["msg"], _RESTORE) from None
