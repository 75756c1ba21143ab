"""At which EHRs the app is registered: a YAML file of the operator's, and the secrets and keys it names.

Whatever is wrong stops the start and names file, place and remedy, and no secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cds_hooks.ehr.system_client import SigningKey, SystemClient, SystemClientError, read_signing_key
from cds_hooks.outbound import AllowList, FhirBase
from mappings.strict_yaml import KnowledgeError, read_model

OPEN = "open"
_LONGEST_SECRET = 4_096
_ORIGIN = re.compile(r"https://[A-Za-z0-9.-]+(?::[0-9]{1,5})?|http://(?:127\.0\.0\.1|localhost)(?::[0-9]{1,5})?")
Text = Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")]
Written = Literal["MedicationStatement", "Observation", "QuestionnaireResponse"]
Authentication = Literal["public", "client_secret_basic", "private_key_jwt"]


class SmartFileError(Exception):
    """The file, a secret or a key cannot be used; the message says where, why and how to mend it."""

    def __init__(self, file: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {place}: {problem}; {remedy}")
        self.file, self.place, self.problem, self.remedy = file, place, problem, remedy


class Ehr(BaseModel):
    """The registration of the app at one EHR.

    `iss`: the FHIR base that launches name. `name`: what the page of standalone launches calls it. `client`: id of the
    client in the registry whose mode, time zone, jurisdiction and searches hold (``open`` in the demo). `client_id`:
    the id given at registration. `authentication`: how the app proves that it is the app; ``client_secret_basic``
    needs `secret_file`, ``private_key_jwt`` needs `key_file`, `key_id` and `algorithm` (`jku`, where the public half is
    published, if the EHR wants it named). Files lie beside this one unless their path is absolute, readable by their
    owner only. `scopes`: the spelling, ``v1`` (``.read``) or ``v2`` (``.rs``). `writes`: what a clinician may save;
    the scopes for it are asked for. `identity`: ask who is logged in (``openid fhirUser``), by the claim `user_claim`;
    without it nobody is named and nothing can be saved. `refreshes`: ask for ``online_access``, to renew short tokens
    while the session lasts. `standalone`: the app may be opened without a launch. `pkce_known`: for EHRs whose SMART
    configuration says nothing of PKCE: it was tried, and S256 works. `frame_origins`: origins of the EHR whose pages
    may show the app in a frame. `launches_per_minute`: answers to launches that one worker takes from
    one address, and readings of the EHR's configuration.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Text
    iss: str
    client: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    client_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
    authentication: Authentication = "public"
    secret_file: Text | None = None
    key_file: Text | None = None
    key_id: Text | None = None
    algorithm: Literal["RS384", "ES384"] | None = None
    jku: str | None = None
    scopes: Literal["v1", "v2"] = "v2"
    writes: tuple[Written, ...] = ()
    identity: bool = True
    user_claim: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]{0,99}$")] = "fhirUser"
    refreshes: bool = True
    standalone: bool = False
    pkce_known: bool = False
    frame_origins: tuple[str, ...] = ()
    launches_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120

    @field_validator("iss")
    @classmethod
    def _callable(cls, value: str) -> str:
        AllowList([value])
        return value

    @field_validator("frame_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("an origin is scheme, host and port only, as in https://ehr.example; * is not one")
        return value

    @model_validator(mode="after")
    def _provable(self) -> Ehr:
        key = (self.key_file, self.key_id, self.algorithm)
        needed = {
            "public": (self.secret_file is None, key == (None,) * 3, self.jku is None),
            "client_secret_basic": (self.secret_file is not None, key == (None,) * 3, self.jku is None),
            "private_key_jwt": (self.secret_file is None, None not in key),
        }
        if not all(needed[self.authentication]):
            raise ValueError(
                "public takes no secret and no key; client_secret_basic takes secret_file; private_key_jwt takes "
                "key_file, key_id and algorithm"
            )
        if self.writes and not self.identity:
            raise ValueError("what is saved names its author: writes needs identity")
        return self


class EhrList(BaseModel):
    """The whole file: one key, `ehrs`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    ehrs: Annotated[tuple[Ehr, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class RegisteredEhr:
    """One EHR ready for use: its entry, its FHIR base, and what the app proves itself with."""

    entry: Ehr
    base: FhirBase
    secret: str | None = field(default=None, repr=False)
    key: SigningKey | None = field(default=None, repr=False)


class RegisteredEhrs:
    """All EHRs that may launch the app, found by `iss` or by id."""

    def __init__(self, ehrs: Iterable[RegisteredEhr]) -> None:
        """Raise ValueError when two have the same id, `iss` or client: a launch must be one EHR's and no other's."""
        listed = tuple(ehrs)
        self._by_id: Mapping[str, RegisteredEhr] = MappingProxyType({ehr.entry.id: ehr for ehr in listed})
        self._by_base = {ehr.base: ehr for ehr in listed}
        if len(self._by_id) < len(listed) or len(self._by_base) < len(listed):
            raise ValueError("two EHRs have the same id or iss: write each once")

    def __iter__(self) -> Iterator[RegisteredEhr]:
        return iter(self._by_id.values())

    def by_id(self, name: str) -> RegisteredEhr | None:
        """The EHR of that id."""
        return self._by_id.get(name)

    def by_iss(self, iss: object) -> RegisteredEhr | None:
        """The EHR whose FHIR base is `iss`; a final slash, the default port and the case of the host do not matter."""
        base = FhirBase.parse(iss)
        return self._by_base.get(base) if base is not None else None

    @property
    def clients(self) -> frozenset[str]:
        """The registry clients that have an EHR here."""
        return frozenset(ehr.entry.client for ehr in self)


def registered(entry: Ehr, *, folder: Path = Path()) -> RegisteredEhr:
    """`entry` with its secret or key read. Raises SmartFileError."""
    base = FhirBase.parse(entry.iss)
    if base is None:  # the model has refused it
        raise SmartFileError(entry.id, "iss", "not an address that may be called", "write the FHIR base")
    if entry.authentication == "client_secret_basic":
        return RegisteredEhr(entry, base, secret=_secret(folder / (entry.secret_file or "")))
    if entry.authentication == "private_key_jwt":
        return RegisteredEhr(entry, base, key=_key(entry, folder))
    return RegisteredEhr(entry, base)


def load_ehrs(file: Path, *, clients: Iterable[str]) -> RegisteredEhrs:
    """The EHRs that `file` lists; `clients` are the ids of the registry. Raises SmartFileError."""
    try:
        written = read_model(file, file.name, EhrList)
    except KnowledgeError as error:
        raise SmartFileError(
            error.file,
            error.place,
            error.problem,
            "correct it; docs/smart.md and docs/schema/smart.schema.json say how",
        ) from error
    known = frozenset(clients)
    for position, entry in enumerate(written.ehrs):
        if entry.client not in known:
            raise SmartFileError(
                file.name,
                f"ehrs[{position}].client",
                "there is no such client in the registry",
                "name the id of the client whose time zone, jurisdiction and mode hold for this EHR",
            )
    try:
        return RegisteredEhrs(registered(entry, folder=file.parent.absolute()) for entry in written.ehrs)
    except (ValueError, ValidationError) as fault:
        raise SmartFileError(file.name, "ehrs", str(fault).partition(":")[0], "write each EHR once") from None


def _secret(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & 0o077:
                raise SmartFileError(file.name, "file", "others may read the secret", "run `chmod 600` on it")
            written = opened.read(_LONGEST_SECRET + 1).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise SmartFileError(
            file.name, "file", "the secret cannot be read", "name a file that this user may read as secret_file"
        ) from fault
    if not written or len(written) > _LONGEST_SECRET or not written.isprintable():
        raise SmartFileError(file.name, "file", "this is no secret of one line", "save the secret alone in the file")
    return written


def _key(entry: Ehr, folder: Path) -> SigningKey:
    """The key, under the same rules as that of the client in the background."""
    if entry.key_file is None or entry.key_id is None or entry.algorithm is None:  # the model has refused it
        raise SmartFileError(entry.id, "key_file", "is missing", "name the private key")
    client = SystemClient(
        fhir_server=entry.iss,
        client_id=entry.client_id,
        key_file=str(folder / entry.key_file),
        key_id=entry.key_id,
        algorithm=entry.algorithm,
        jku=entry.jku,
    )
    try:
        return read_signing_key(client)
    except SystemClientError as fault:
        raise SmartFileError(fault.file, fault.place, fault.problem, fault.remedy) from fault
