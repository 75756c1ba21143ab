"""What an operator writes of a client, as a strict model.

An entry is laid over its client profile: what the operator leaves out is the profile's.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cds_hooks.outbound import AllowList
from cds_hooks.settings import known_zone
from cds_hooks.snapshots.entry import SnapshotEntry
from cds_hooks.trust.behaviour import Behaviour

GENERIC = "generic"
_ORIGIN = re.compile(r"https?://[^/?#@\\\s*]+")

# Asymmetric signatures only: CDS Hooks forbids `none` and symmetric ones.
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
Mode = Literal["live", "shadow", "off"]
Text = Annotated[str, Field(min_length=1)]


class RegistryError(Exception):
    """The client registry is unusable; the message names file, place, problem and remedy, and no key material."""

    def __init__(self, file: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {place}: {problem}; {remedy}")
        self.file, self.place, self.problem, self.remedy = file, place, problem, remedy


class Client(Behaviour):
    """One registered client as written in the file, over its profile.

    `issuer` must equal the token's `iss`. Keys: `jwks_file` is relative to the registry file and never fetched;
    `jku` are the only addresses its keys are ever fetched from; at least one of the two is needed. If `tenants` are
    given, the token's `tenant` must be one of them. A token's `aud` must be an address of ours in one of the
    `audience_forms` (endpoint: the service called; feedback: that and its feedback address, for feedback; discovery;
    base), or one of the `audiences` (some EHRs take a hand-typed one). `fhir_servers` are the FHIR bases that may be
    called with this client's tokens; `profile` names the product; `time_zone` decides what day it is; `jurisdiction`
    stands before that of a site overlay. `replay` is what happens to a token used before: only test tools that reuse
    one need ``allow``. `mode` says whether cards are shown (live), only computed and counted (shadow), or nothing is
    done (off). `smart_app`: its cards link to the app that shows the basis; the SMART file must name this client.
    `snapshots`: cards of a client without it link to the basis kept for minutes (docs/snapshots.md); off by default.
    `calls_per_minute` and `max_body_bytes` bound its use. What it shows and which orders it takes:
    `Behaviour`.
    """

    id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    name: Text
    issuer: Text
    jwks_file: Text | None = None
    jku: tuple[str, ...] = ()
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("ES384", "RS384")
    tenants: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    audiences: tuple[Text, ...] = ()
    fhir_servers: tuple[str, ...] = ()
    profile: str = GENERIC
    time_zone: str = "UTC"
    jurisdiction: Literal["us", "eu"] | None = None
    mode: Mode = "shadow"
    smart_app: bool = False
    snapshots: SnapshotEntry | None = None
    calls_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = 600
    max_body_bytes: Annotated[int, Field(ge=1_000)] | None = None
    cors_origins: tuple[str, ...] = ()

    @field_validator("mode", mode="before")
    @classmethod
    def _off_without_quotes(cls, value: object) -> object:
        """YAML 1.1 reads a bare ``off`` as false."""
        return "off" if value is False else value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        return known_zone(value)

    @field_validator("fhir_servers")
    @classmethod
    def _callable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        AllowList(value)
        return value

    @field_validator("jku")
    @classmethod
    def _fetchable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        try:
            AllowList(value)
        except ValueError as refused:
            raise ValueError(str(refused).replace("a FHIR base", "a key address")) from None
        return value

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(_ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("an origin is scheme, host and port only, as in https://ehr.example:8443; * is not one")
        return value

    @model_validator(mode="after")
    def _provable(self) -> Client:
        if self.jwks_file is None and not self.jku:
            raise ValueError("there are no keys: give jwks_file, or jku, or both")
        if self.smart_app and (self.smart_links == "none" or not self.links):
            raise ValueError("smart_app is set, and this client shows no links that launch an app: see smart_links")
        if self.snapshots is not None and self.smart_app:
            raise ValueError("snapshots are for clients that cannot launch the app: take snapshots or smart_app away")
        if self.snapshots is not None and not self.links:
            raise ValueError("snapshots is set, and this client shows no links on cards: see links")
        if not self.audience_forms and not self.audiences:
            raise ValueError("no audience would be accepted: give audience_forms, or audiences, or both")
        return self


class ClientList(BaseModel):
    """The whole registry file: one key, `clients`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    clients: Annotated[tuple[Client, ...], Field(min_length=1)]
