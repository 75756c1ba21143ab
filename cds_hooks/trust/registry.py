"""The client registry: a YAML file (``clients: [...]``), each client's pinned public keys beside it as JWKS files.

Whatever is wrong stops the start and names file, place and remedy, as with the clinical knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson
from pydantic import ValidationError

from cds_hooks.outbound import AllowList
from cds_hooks.smart.registration import RegisteredEhr, SmartFileError, registered
from cds_hooks.trust.entries import GENERIC, Client, RegistryError
from cds_hooks.trust.profiles import client_profiles
from cds_hooks.trust.public_keys import PublicKey, UnusableKey, read_key
from mappings.strict_yaml import KnowledgeError, read_yaml

_SCHEMA = "docs/schema/client-registry.schema.json"


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with its pinned keys by `kid` and its allow-list, ready for use. `entry` holds what its profile says
    wherever the operator wrote nothing. `sign_in` is what this service is to the OpenID provider of its snapshots.
    """

    entry: Client
    keys: Mapping[str, PublicKey] = field(repr=False)
    allowed: AllowList = field(repr=False)
    sign_in: RegisteredEhr | None = field(default=None, repr=False)


class ClientRegistry:
    """All registered clients, found by issuer."""

    def __init__(self, clients: tuple[RegisteredClient, ...]) -> None:
        self._by_issuer = MappingProxyType({client.entry.issuer: client for client in clients})

    def __iter__(self) -> Iterator[RegisteredClient]:
        return iter(self._by_issuer.values())

    def by_issuer(self, issuer: str) -> RegisteredClient | None:
        """The client whose `issuer` is exactly this text."""
        return self._by_issuer.get(issuer)

    def by_id(self, name: str) -> RegisteredClient | None:
        """The client with this id."""
        return next((client for client in self if client.entry.id == name), None)

    @property
    def key_addresses(self) -> frozenset[str]:
        """Every `jku` of any client: the only addresses that keys are fetched from."""
        return frozenset(address for client in self for address in client.entry.jku)


def load_registry(file: Path, *, largest_body: int | None = None) -> ClientRegistry:
    """Read and check the registry in `file`. Raises RegistryError when it, or a key file, is unusable or
    empty, or when a client may send more than `largest_body` bytes, which is what the deployment takes.
    """
    try:
        written = read_yaml(file, file.name)
    except KnowledgeError as error:
        raise RegistryError(
            error.file,
            error.place,
            error.problem,
            f"write YAML with one key, clients, a list of entries as {_SCHEMA} describes",
        ) from error
    listed = written.get("clients") if isinstance(written, dict) and set(written) == {"clients"} else None
    if not isinstance(listed, tuple) or not listed:
        raise RegistryError(
            file.name,
            "top level",
            "there is no list of clients",
            "write one key, clients, with at least one client",
        )
    clients = tuple(_client(file, position, entry, largest_body) for position, entry in enumerate(listed))
    for name in ("id", "issuer"):
        values = [getattr(client.entry, name) for client in clients]
        for position, value in enumerate(values):
            if value in values[:position]:
                raise RegistryError(
                    file.name,
                    f"clients[{position}].{name}",
                    "an earlier client has the same",
                    "make it unique",
                )
    return ClientRegistry(clients)


def _client(file: Path, position: int, written: Any, largest_body: int | None) -> RegisteredClient:
    place = f"clients[{position}]"
    try:
        entry = Client.model_validate(_over_profile(file, place, written))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        inside = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
        remedy = (
            "use asymmetric algorithms such as ES384 and RS384 only"
            if first["loc"][:1] == ("algorithms",)
            else f"correct the entry; {_SCHEMA} describes its keys"
        )
        raise RegistryError(file.name, place + inside, first["msg"], remedy) from None
    if largest_body is not None and entry.max_body_bytes is not None and entry.max_body_bytes > largest_body:
        raise RegistryError(
            file.name,
            f"{place}.max_body_bytes",
            "is more than the deployment takes",
            f"write {largest_body} or less, or raise TRD_CDS_MAX_BODY_BYTES",
        )
    return RegisteredClient(
        entry, _pinned(file, place, entry), AllowList(entry.fhir_servers), _sign_in(file, place, entry)
    )


def _sign_in(file: Path, place: str, entry: Client) -> RegisteredEhr | None:
    """What proves us to the provider of the snapshots' sign-in: its secret or key is read, and must be usable."""
    if entry.snapshots is None:
        return None
    try:
        registration = entry.snapshots.sign_in.registration(entry.id, entry.id)
        return registered(registration, folder=file.parent.absolute())
    except SmartFileError as fault:
        raise RegistryError(file.name, f"{place}.snapshots.sign_in", fault.problem, fault.remedy) from None


def _over_profile(file: Path, place: str, written: Any) -> Any:
    """The entry as written, and what its profile says of the keys it leaves out."""
    if not isinstance(written, dict):
        return written
    profiles = client_profiles()
    name = written.get("profile", GENERIC)
    if not isinstance(name, str) or name not in profiles:
        raise RegistryError(
            file.name, f"{place}.profile", "there is no such client profile", f"name one of {', '.join(profiles)}"
        )
    return {**profiles[name].model_dump(exclude={"note", "source"}), **written}


def _pinned(file: Path, place: str, entry: Client) -> Mapping[str, PublicKey]:
    """The keys of `entry.jwks_file`; each must be usable. None without such a file."""
    if entry.jwks_file is None:
        return MappingProxyType({})
    path = file.parent / entry.jwks_file
    where = f"{place}.jwks_file"
    remedy = "save the client's public JWKS there"
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, ValueError):
        raise RegistryError(file.name, where, "the key file cannot be read as JSON", remedy) from None
    written = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(written, list) or not written:
        raise RegistryError(file.name, where, "the key file holds no keys", remedy)
    keys: dict[str, PublicKey] = {}
    for number, jwk in enumerate(written):
        try:
            key_id, key = read_key(jwk, entry.algorithms)
        except UnusableKey as unusable:
            raise RegistryError(path.name, f"keys[{number}]", unusable.problem, unusable.remedy) from None
        if key_id in keys:
            raise RegistryError(path.name, f"keys[{number}]", "two keys have the same kid", "make each kid unique")
        keys[key_id] = key
    return MappingProxyType(keys)
