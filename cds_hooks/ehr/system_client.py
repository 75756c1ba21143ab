"""Who this service is to a FHIR server when no hook gives it a token: a SMART Backend Services client (SMART App Launch
2.x, "Backend Services" and "Client Authentication: Asymmetric").

A YAML file of the operator's, and the private key it names. For background use only; in a hook the request's own token
is used, and nothing else.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import BaseModel, ConfigDict, Field, field_validator

from cds_hooks.outbound import AllowList, FhirBase
from mappings.strict_yaml import KnowledgeError, read_model

SHORTEST_RSA_BITS, LONGEST_RSA_BITS = 2048, 8192
_LARGEST_KEY_FILE = 65_536
SigningKey = RSAPrivateKey | EllipticCurvePrivateKey


class SystemClientError(Exception):
    """The client's file or key cannot be used; the message says where, why and how to mend it, never what is in it."""

    def __init__(self, file: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {place}: {problem}; {remedy}")
        self.file, self.place, self.problem, self.remedy = file, place, problem, remedy


class SystemClient(BaseModel):
    """The registration of this service at one authorization server.

    `fhir_server`: the FHIR base that tokens are for. `client_id`: the id given at registration. `token_url`: where
    tokens are asked for; left out, it is what the FHIR server's own SMART configuration names, on the same origin.
    `key_file`: a private key as PEM, beside this file unless the path is absolute, readable by its owner only.
    `key_id`, `algorithm`: the `kid` and `alg` that its public half is registered with. `scope`: what is asked for.
    `jku`: where the public half is published, for servers that want it named.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    fhir_server: str
    client_id: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]*[\x21-\x7e]$")]
    token_url: str | None = None
    key_file: Annotated[str, Field(min_length=1, max_length=4096)]
    key_id: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[\x21-\x7e]+$")]
    algorithm: Literal["RS384", "ES384"]
    scope: Annotated[str, Field(pattern=r"^[\x21-\x7e]+( [\x21-\x7e]+)*$")] = "system/*.rs"
    jku: str | None = None

    @field_validator("fhir_server", "token_url", "jku")
    @classmethod
    def _may_be_called(cls, address: str | None) -> str | None:
        """The address as it will be called: https, or http to loopback. ValueError says what an address must be."""
        if address is None:
            return None
        try:
            AllowList([address])
        except ValueError as refused:
            raise ValueError(str(refused).replace("a FHIR base", "the address")) from None
        return address_to_call(address)


def address_to_call(address: object) -> str | None:
    """`address` rebuilt from its judged parts, its path to the last slash; None when it may not be called.

    >>> address_to_call("https://EHR.example:443/o/token/")
    'https://ehr.example/o/token/'
    >>> address_to_call("https://ehr.example@evil.example/token") is None
    True
    """
    whole = FhirBase.parse(address)
    if whole is None or not isinstance(address, str):
        return None
    return replace(whole, path="").absolute(address)


def read_system_client(file: Path) -> SystemClient:
    """The client that `file` describes, with the path of its key made absolute. Raises SystemClientError."""
    try:
        client = read_model(file, file.name, SystemClient)
    except KnowledgeError as error:
        raise SystemClientError(error.file, error.place, error.problem, _remedy(error.place)) from error
    return client.model_copy(update={"key_file": str(file.parent.absolute() / client.key_file)})


def read_signing_key(client: SystemClient) -> SigningKey:
    """The private key of `client`.

    Raises SystemClientError when it is missing, open to others than its owner, locked by a password, or no key for
    the client's algorithm: RSA of 2048 to 8192 bits for RS384, the curve P-384 for ES384.
    """
    file = Path(client.key_file)
    try:
        with file.open("rb") as opened:
            if os.name == "posix" and os.fstat(opened.fileno()).st_mode & 0o077:
                raise SystemClientError(file.name, "file", "others may read the private key", "run `chmod 600` on it")
            written = opened.read(_LARGEST_KEY_FILE)
    except OSError as fault:
        raise SystemClientError(
            file.name, "file", "the private key cannot be read", "name a file that this user may read as key_file"
        ) from fault
    try:
        key = load_pem_private_key(written, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise SystemClientError(
            file.name, "file", "this is no private key as PEM without a password", "export the key again"
        ) from None
    if client.algorithm == "RS384" and isinstance(key, RSAPrivateKey):
        if SHORTEST_RSA_BITS <= key.key_size <= LONGEST_RSA_BITS:
            return key
        raise SystemClientError(
            file.name,
            "file",
            f"the RSA key is not of {SHORTEST_RSA_BITS} to {LONGEST_RSA_BITS} bits",
            "make another key and register its public half",
        )
    if client.algorithm == "ES384" and isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP384R1):
        return key
    raise SystemClientError(
        file.name,
        "file",
        f"the key does not fit {client.algorithm}",
        "RS384 takes an RSA key, ES384 one of curve P-384",
    )


def _remedy(place: str) -> str:
    field = SystemClient.model_fields.get(place)
    if field is not None and field.is_required():
        return f"give {place} as the registration at the EHR has it, in quotes"
    return "correct it; docs/integrators.md lists the keys of the file"
