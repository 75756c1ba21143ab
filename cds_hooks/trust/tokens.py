"""A bearer token taken apart strictly, before anything of it is believed.

Stricter than RFC 7515 asks, where two readers could understand one token differently: no JSON member twice, no
number that JSON does not have, no header parameter that changes the meaning (`crit`, `b64`). Keys inside the token
(`jwk`, `x5c`, `x5u`) are never looked at.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

import jwt

from cds_hooks.errors import NotAuthenticated
from cds_hooks.trust.public_keys import PublicKey

LONGEST_TOKEN = 16_384
_LONGEST_KEY_ID = 512
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")
_JWS = jwt.PyJWS()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedToken:
    """A well-formed token, not yet verified. `key_addresses` holds what the header gives as `jku`: nothing, or one."""

    compact: str = field(repr=False)
    algorithm: str
    key_id: str = field(repr=False)
    key_addresses: tuple[Any, ...] = field(repr=False)
    claims: dict[str, Any] = field(repr=False)


def read_token(header: str | None) -> SignedToken:
    """The token of an ``Authorization`` header. Raises NotAuthenticated when there is none, or it is malformed."""
    scheme, _, compact = (header or "").strip().partition(" ")
    compact = compact.strip()
    if scheme.lower() != "bearer" or not compact or len(compact) > LONGEST_TOKEN:
        raise NotAuthenticated("token")
    parts = _COMPACT.fullmatch(compact)
    if parts is None:
        raise NotAuthenticated("token")
    head, claims = _object(parts[1]), _object(parts[2])
    algorithm, key_id, kind = head.get("alg"), head.get("kid"), head.get("typ")
    if not isinstance(algorithm, str) or not isinstance(kind, str) or kind.upper() != "JWT":
        raise NotAuthenticated("header")
    if not isinstance(key_id, str) or len(key_id) > _LONGEST_KEY_ID or "crit" in head or "b64" in head:
        raise NotAuthenticated("header")
    addresses = (head["jku"],) if "jku" in head else ()
    return SignedToken(compact=compact, algorithm=algorithm, key_id=key_id, key_addresses=addresses, claims=claims)


def is_signed_by(token: SignedToken, key: PublicKey) -> bool:
    """Whether `key` made the signature, by the token's algorithm, which must be one that fits the key."""
    if token.algorithm not in key.algorithms:
        return False
    try:
        _JWS.decode(token.compact, key.public, algorithms=[token.algorithm])
    except (jwt.PyJWTError, ValueError, TypeError):
        return False
    return True


def _object(part: str) -> dict[str, Any]:
    """The JSON object of one part of the token."""
    try:
        decoded = json.loads(
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=_once, parse_constant=_no_number
        )
    except (ValueError, RecursionError):
        raise NotAuthenticated("token") from None
    if not isinstance(decoded, dict):
        raise NotAuthenticated("token")
    return decoded


def _once(members: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(members)
    if len(read) != len(members):
        raise ValueError("a member is given twice")
    return read


def _no_number(_: str) -> None:
    raise ValueError("not a number of JSON")
