"""Public keys as JWKS hold them: which may verify tokens, and by which algorithms.

The same rules hold for pinned files and for fetched sets: public parts only, a `kid`, RSA of 2048 to 8192 bits, an
algorithm that fits type and curve, and no statement (`use`, `key_ops`, `alg`) to the contrary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType
from typing import Any, get_args

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.trust.entries import Algorithm

ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
_CURVES = MappingProxyType({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"})
_SAMPLE_CURVES = MappingProxyType({"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()})
_PRIVATE_PARTS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
SHORTEST_RSA_BITS, LONGEST_RSA_BITS = 2048, 8192


class UnusableKey(Exception):  # noqa: N818 - of a fetched set it is skipped, which is no error
    """A key that may not verify tokens; `problem` and `remedy` say why without any part of it."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}; {remedy}")
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key and those algorithms that it may be used with."""

    public: Any = field(repr=False)
    algorithms: tuple[str, ...]


def read_key(written: Any, algorithms: tuple[str, ...] = ALGORITHMS) -> tuple[str, PublicKey]:
    """The `kid` and the key of one JWK, for those of `algorithms` that fit it. Raises UnusableKey."""
    if not isinstance(written, dict) or not isinstance(written.get("kid"), str) or not written["kid"]:
        raise UnusableKey("the key has no kid", "give every key a kid, the one its tokens name")
    if not _PRIVATE_PARTS.isdisjoint(written):
        raise UnusableKey(
            "this is a private or symmetric key", "save public RSA or EC keys only, and replace the exposed one"
        )
    operations = written.get("key_ops", ["verify"])
    if written.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKey("the key is not meant for signatures", "save the client's signing keys only")
    fitting = tuple(name for name in algorithms if _fits(name, written))
    if not fitting:
        raise UnusableKey("the key fits none of the client's algorithms", "match algorithms and the key's kty and crv")
    try:
        public = jwt.PyJWK(written, algorithm=fitting[0]).key
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, UnsupportedAlgorithm):
        raise UnusableKey("not a usable public key", "export the client's JWKS again") from None
    if isinstance(public, rsa.RSAPublicKey) and not SHORTEST_RSA_BITS <= public.key_size <= LONGEST_RSA_BITS:
        raise UnusableKey(
            f"the RSA key is not of {SHORTEST_RSA_BITS} to {LONGEST_RSA_BITS} bits", "ask the client for another key"
        )
    return written["kid"], PublicKey(public, fitting)


def _fits(algorithm: str, key: Mapping[str, Any]) -> bool:
    """Whether the JWK `key` is of the type (and curve) that `algorithm` needs, and not reserved for another."""
    if key.get("alg") not in (None, algorithm):
        return False
    if algorithm in _CURVES:
        return key.get("kty") == "EC" and key.get("crv") == _CURVES[algorithm]
    return key.get("kty") == "RSA"


@cache
def decoy(algorithm: str) -> PublicKey | None:
    """A key that no one holds the other half of, to spend on a hopeless token what a real check would cost.

    None for an algorithm that no client can have.
    """
    if algorithm not in ALGORITHMS:
        return None
    if algorithm in _SAMPLE_CURVES:
        return PublicKey(ec.generate_private_key(_SAMPLE_CURVES[algorithm]).public_key(), (algorithm,))
    return PublicKey(rsa.RSAPublicNumbers(65537, (1 << SHORTEST_RSA_BITS) - 1).public_key(), (algorithm,))
