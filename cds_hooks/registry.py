"""Who may call: the clients an operator has registered, with their pinned public keys and FHIR servers.

The registry is a YAML file (``clients: [...]``); keys lie beside it as JWKS files and are never fetched.
Whatever is wrong stops the start and names file, place and remedy, as with the clinical knowledge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

import jwt
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from cds_hooks.outbound import AllowList
from cds_hooks.settings import known_zone
from mappings.strict_yaml import KnowledgeError, read_yaml

# Asymmetric signatures only (CDS Hooks forbids `none` and symmetric ones), each with the key it needs.
_KEY_FOR = MappingProxyType(
    {
        "RS256": ("RSA", None),
        "RS384": ("RSA", None),
        "RS512": ("RSA", None),
        "PS256": ("RSA", None),
        "PS384": ("RSA", None),
        "PS512": ("RSA", None),
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "ES512": ("EC", "P-521"),
    }
)
_SHORTEST_RSA_MODULUS = 340  # base64url characters of a 2048-bit modulus, leading zeros allowed for
_PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


class RegistryError(Exception):
    """The client registry is unusable; the message names file, place, problem and remedy."""

    def __init__(self, file: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {place}: {problem}; {remedy}")
        self.file, self.place, self.problem, self.remedy = file, place, problem, remedy


class Client(BaseModel):
    """One registered client as written in the file.

    `issuer` must equal the token's `iss`; `jwks_file` is relative to the registry file; `audiences` are
    accepted besides our own public addresses (some EHRs take a hand-typed one); `fhir_servers` are the FHIR
    bases that may be called with this client's tokens; `time_zone` decides what day it is; `jurisdiction`
    stands before that of a site overlay; `selection_behavior` is what the client honours; `order_intent` and
    `order_systems` are the intent and the code systems of the order drafts it accepts (none: those usual where it
    is); `replay_protection` off lets test tools reuse one token.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Annotated[str, Field(min_length=1)]
    issuer: Annotated[str, Field(min_length=1)]
    jwks_file: Annotated[str, Field(min_length=1)]
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES384", "RS384")
    audiences: tuple[str, ...] = ()
    fhir_servers: tuple[str, ...] = ()
    time_zone: str = "UTC"
    selection_behavior: Literal["at-most-one", "any"] = "at-most-one"
    order_intent: Literal["proposal", "plan", "order"] = "proposal"
    order_systems: tuple[Literal["rxnorm", "atc", "snomed", "loinc", "hcpcs", "cpt", "trd-instruments"], ...] = ()
    jurisdiction: Literal["us", "eu"] | None = None
    replay_protection: bool = True
    cors_origins: tuple[str, ...] = ()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("fhir_servers")
    @classmethod
    def _callable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowList(value)
        return value


@dataclass(frozen=True, slots=True)
class PinnedKey:
    """A public key and those of the client's algorithms that fit its type and curve."""

    public: Any
    algorithms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client with its keys by `kid` and its allow-list, ready for use."""

    entry: Client
    keys: Mapping[str, PinnedKey] = field(repr=False)
    allowed: AllowList = field(repr=False)


class ClientRegistry:
    """All registered clients, found by issuer."""

    def __init__(self, clients: tuple[RegisteredClient, ...]) -> None:
        self._by_issuer = MappingProxyType({client.entry.issuer: client for client in clients})

    def __iter__(self) -> Iterator[RegisteredClient]:
        return iter(self._by_issuer.values())

    def by_issuer(self, issuer: str) -> RegisteredClient | None:
        """The client whose `issuer` is exactly this text."""
        return self._by_issuer.get(issuer)


def load_registry(file: Path) -> ClientRegistry:
    """Read and check the registry in `file`. Raises RegistryError when it, or a key file, is unusable or
    empty.
    """
    try:
        written = read_yaml(file, file.name)
    except KnowledgeError as error:
        raise RegistryError(
            error.file,
            error.place,
            error.problem,
            "write YAML with one key, clients, a list of entries as cds_hooks.registry.Client describes",
        ) from error
    listed = written.get("clients") if isinstance(written, dict) and set(written) == {"clients"} else None
    if not isinstance(listed, tuple) or not listed:
        raise RegistryError(
            file.name,
            "top level",
            "there is no list of clients",
            "write one key, clients, with at least one client",
        )
    clients = tuple(_client(file, position, entry) for position, entry in enumerate(listed))
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


def _client(file: Path, position: int, written: Any) -> RegisteredClient:
    place = f"clients[{position}]"
    try:
        entry = Client.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        inside = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"])
        remedy = (
            "use asymmetric algorithms such as ES384 and RS384 only"
            if first["loc"][:1] == ("algorithms",)
            else "correct the entry; the keys are those of cds_hooks.registry.Client"
        )
        raise RegistryError(file.name, place + inside, first["msg"], remedy) from error
    return RegisteredClient(entry, _keys(file, place, entry), AllowList(entry.fhir_servers))


def _keys(file: Path, place: str, entry: Client) -> Mapping[str, PinnedKey]:
    path = file.parent / entry.jwks_file
    where = f"{place}.jwks_file"
    try:
        document = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise RegistryError(
            file.name, where, "the key file cannot be read as JSON", "save the client's public JWKS there"
        ) from error
    written = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(written, list) or not written:
        raise RegistryError(file.name, where, "the key file holds no keys", "save the client's public JWKS there")
    keys: dict[str, PinnedKey] = {}
    for number, key in enumerate(written):
        problem = _key_problem(key, entry.algorithms, keys)
        if problem:
            raise RegistryError(path.name, f"keys[{number}]", *problem)
        fitting = _algorithms_of(key, entry.algorithms)
        try:
            keys[key["kid"]] = PinnedKey(jwt.PyJWK(key, algorithm=fitting[0]).key, fitting)
        except jwt.PyJWTError as error:
            raise RegistryError(
                path.name, f"keys[{number}]", "not a usable public key", "export the client's JWKS again"
            ) from error
    return MappingProxyType(keys)


def _key_problem(key: Any, algorithms: tuple[str, ...], earlier: Mapping[str, Any]) -> tuple[str, str] | None:
    """What is wrong with one key of a JWKS, and the remedy; None when it may be used."""
    if not isinstance(key, dict) or not isinstance(key.get("kid"), str) or not key["kid"]:
        return "the key has no kid", "give every key a kid, the one its tokens name"
    if key["kid"] in earlier:
        return "two keys have the same kid", "make each kid unique"
    if _PRIVATE_PARTS & set(key):
        return (
            "this is a private or symmetric key",
            "save public RSA or EC keys only, and replace the exposed one",
        )
    if not _algorithms_of(key, algorithms):
        return "the key fits none of the client's algorithms", "match algorithms and the key's kty and crv"
    if key.get("kty") == "RSA" and len(str(key.get("n", ""))) < _SHORTEST_RSA_MODULUS:
        return "the RSA key is shorter than 2048 bits", "ask the client for a longer key"
    return None


def _algorithms_of(key: Mapping[str, Any], algorithms: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in algorithms if _fits(name, key))


def _fits(algorithm: str, key: Mapping[str, Any]) -> bool:
    """Whether the JWK `key` is of the type (and curve) that `algorithm` needs."""
    kind, curve = _KEY_FOR.get(algorithm, ("", None))
    if key.get("kty") != kind or (curve is not None and key.get("crv") != curve):
        return False
    return key.get("alg") in (None, algorithm)
