"""The key pair of the demo's client: made at the start, kept in memory, its public half published as a JWKS."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

ALGORITHM = "ES384"
KEY_ID = "demo-ehr"
# CDS Hooks advises short lives; the clock of both sides may differ by a minute.
LIFE = timedelta(minutes=5)


class ClientKeys:
    """Signs the tokens by which the simulated EHR says who it is. `key_address` is where its public key is read."""

    def __init__(self, key_address: str) -> None:
        self.key_address = key_address
        self._private = ec.generate_private_key(ec.SECP384R1())

    def public_set(self) -> dict[str, Any]:
        """The JWKS with the public key."""
        written = jwt.algorithms.ECAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {"keys": [{**written, "kid": KEY_ID, "use": "sig", "alg": ALGORITHM}]}

    def token(self, *, issuer: str, audience: str, now: datetime) -> str:
        """A token of `issuer` for the endpoint `audience`, good for a few minutes and for one call."""
        claims = {
            "iss": issuer,
            "aud": audience,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFE).timestamp()),
            "jti": str(uuid4()),
        }
        headers = {"kid": KEY_ID, "typ": "JWT", "jku": self.key_address}
        return jwt.encode(claims, self._private, algorithm=ALGORITHM, headers=headers)
