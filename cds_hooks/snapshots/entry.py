"""What an operator writes to give a client snapshot links: for how long, and where its clinicians sign in.

Part of a client's registry entry, where nothing of it is there by default.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cds_hooks.outbound import AllowList
from cds_hooks.smart.registration import Authentication, Ehr, Text

LONGEST_MINUTES = 15
FHIR_USER = "fhirUser"
_ID = r"[A-Za-z0-9.\-_]"  # ids as FHIR has them, and the longer ones with underscores of one EHR
_REFERENCE = rf"^(Practitioner|PractitionerRole)/{_ID}{{1,250}}$"
_STRICT = ConfigDict(strict=True, frozen=True, extra="forbid")
Reference = Annotated[str, Field(pattern=_REFERENCE)]
Prefix = Annotated[str, Field(pattern=rf"^(Practitioner|PractitionerRole)/{_ID}{{0,100}}$")]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5b\x5d-\x7e]{1,100}$")]  # RFC 6749, 3.3


class SignIn(BaseModel):
    """The site's OpenID provider, at which a clinician signs in before a snapshot is shown.

    `issuer`: exactly as the provider's ``/.well-known/openid-configuration`` states it. `client_id`: the id given at
    registration there. `authentication`, `secret_file`, `key_file`, `key_id`, `algorithm`, `jku`: as for an EHR that
    launches the app (`cds_hooks.smart.registration.Ehr`); files lie beside the registry. `scopes`: what is asked for;
    ``openid`` is one of them. `user_claim`: the claim of the `id_token` that says who it is. Where that is no reference
    to a Practitioner or PractitionerRole, `user_prefix` is put before it (``Practitioner/``, or ``Practitioner/emp-``),
    or `users` says which reference each value stands for; whoever is not in `users` and has no prefix is nobody.
    `pkce_known`: the provider's configuration says nothing of PKCE; it was tried, and S256 works.
    `openings_per_minute`: links opened and sign-ins completed, each, that one worker takes from one address.
    """

    model_config = _STRICT

    issuer: str
    client_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]
    authentication: Authentication = "public"
    secret_file: Text | None = None
    key_file: Text | None = None
    key_id: Text | None = None
    algorithm: Annotated[str, Field(pattern=r"^(RS384|ES384)$")] | None = None
    jku: str | None = None
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1)] = ("openid", FHIR_USER)
    user_claim: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.:/-]{0,99}$")] = FHIR_USER
    user_prefix: Prefix | None = None
    users: dict[str, Reference] = Field(default_factory=dict)
    pkce_known: bool = False
    openings_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120

    @field_validator("issuer")
    @classmethod
    def _callable(cls, value: str) -> str:
        try:
            AllowList([value])
        except ValueError as refused:
            raise ValueError(str(refused).replace("a FHIR base", "an issuer")) from None
        return value

    @field_validator("scopes")
    @classmethod
    def _of_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("without the scope openid nobody says who signed in: add it")
        return value

    @model_validator(mode="after")
    def _tells_whom_the_hook_names(self) -> SignIn:
        if self.user_claim == FHIR_USER and (self.user_prefix is not None or self.users):
            raise ValueError(
                "fhirUser is a reference already: take user_prefix and users away, or name another user_claim"
            )
        self.registration("x", "x")
        return self

    def registration(self, client: str, name: str) -> Ehr:
        """The same as a registration of the app, so that one code proves it; ValueError when the parts do not fit."""
        try:
            return Ehr.model_validate(
                {
                    **self.model_dump(include=_SHARED),
                    "id": client,
                    "name": name,
                    "client": client,
                    "iss": self.issuer,
                    "refreshes": False,
                    "launches_per_minute": self.openings_per_minute,
                }
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise ValueError(first["msg"].removeprefix("Value error, ")) from None


_SHARED = {
    *("client_id", "authentication", "secret_file", "key_file", "key_id", "algorithm", "jku", "user_claim"),
    "pkce_known",
}


class SnapshotEntry(BaseModel):
    """Snapshot links of one client. `minutes`: how long one may be opened; `sign_in`: where, before it opens."""

    model_config = _STRICT

    minutes: Annotated[int, Field(ge=1, le=LONGEST_MINUTES)] = 10
    sign_in: SignIn
