"""The tokens of this checker as a client, good ones and each kind of bad one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.clock import Clock

Algorithm = Literal["ES384", "RS384"]
KIDS: Mapping[Algorithm, str] = {"ES384": "check-es384", "RS384": "check-rs384"}
ISSUER = "https://check.invalid/trd-cds-check"
_LIFE = 300
_PAST = 7200
_KEY_FILES: Mapping[Algorithm, str] = {"ES384": "check-es384.pem", "RS384": "check-rs384.pem"}
PUBLIC = "jwks.json"
_RSA_BITS = 2048


class UnusableKeys(ValueError):  # noqa: N818 - an answer to the user
    """The folder of keys cannot be used. The message says why and holds no key."""


@dataclass(frozen=True, slots=True)
class Keys:
    """One key pair for each recommended algorithm."""

    private: Mapping[Algorithm, Any] = field(repr=False)

    @classmethod
    def made(cls) -> Keys:
        """New ones."""
        return cls(
            {"ES384": ec.generate_private_key(ec.SECP384R1()), "RS384": rsa.generate_private_key(65537, _RSA_BITS)}
        )

    @classmethod
    def kept(cls, folder: Path) -> Keys:
        """Those in `folder`, made and written there (readable by the owner only) the first time, with the public set
        for registration beside them. Raises UnusableKeys.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not all((folder / name).exists() for name in _KEY_FILES.values()):
                made = cls.made()
                for algorithm, key in made.private.items():
                    file = folder / _KEY_FILES[algorithm]
                    file.touch(mode=0o600)
                    file.write_bytes(
                        key.private_bytes(
                            serialization.Encoding.PEM,
                            serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption(),
                        )
                    )
            keys = cls(
                {
                    algorithm: serialization.load_pem_private_key((folder / name).read_bytes(), password=None)
                    for algorithm, name in _KEY_FILES.items()
                }
            )
            (folder / PUBLIC).write_text(json.dumps(keys.public(), indent=2), encoding="utf-8")
        except (OSError, ValueError, TypeError) as fault:
            raise UnusableKeys(f"cannot be read or made ({type(fault).__name__})") from None
        return keys

    def public(self) -> dict[str, Any]:
        """The JWK set to register or to serve."""
        makers: Mapping[str, Any] = {"ES384": jwt.algorithms.ECAlgorithm, "RS384": jwt.algorithms.RSAAlgorithm}
        listed = []
        for algorithm, key in self.private.items():
            written = makers[algorithm].to_jwk(key.public_key(), as_dict=True)
            written.pop("key_ops", None)
            listed.append({**written, "kid": KIDS[algorithm], "alg": algorithm, "use": "sig"})
        return {"keys": listed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs as the client `issuer`. `jku` goes into the header where it is not empty; `tenant` likewise as a claim."""

    keys: Keys
    clock: Clock
    issuer: str = ISSUER
    jku: str = ""
    tenant: str = ""
    algorithm: Algorithm = "ES384"

    def token(self, audience: str, **changed: Any) -> str:
        """A good token for one call, but for the claims in `changed`."""
        return jwt.encode(
            self.claims(audience, **changed), self.keys.private[self.algorithm], self.algorithm, headers=self._header()
        )

    def claims(self, audience: str, **changed: Any) -> dict[str, Any]:
        """The claims of a good token, but for `changed`."""
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.issuer, "aud": audience, "exp": now + _LIFE, "iat": now, "jti": str(uuid4())}
        return {**claims, **({"tenant": self.tenant} if self.tenant else {}), **changed}

    def _header(self) -> dict[str, Any]:
        return {"kid": KIDS[self.algorithm], "typ": "JWT", **({"jku": self.jku} if self.jku else {})}

    def bad(self, audience: str) -> Iterator[tuple[str, str, str]]:
        """Tokens to be refused: the requirement, what is wrong in a few words, and the token."""
        now = int(self.clock.now().timestamp())
        elsewhere = audience.rsplit("/", 1)[0] + "/check-other-service"
        yield "JW-07", "a token for another service", self.token(elsewhere)
        yield "JW-07", "a token for another host", self.token("https://elsewhere.invalid/cds-services/x")
        yield "JW-08", "an expired token", self.token(audience, iat=now - _PAST, exp=now - _PAST + _LIFE)
        yield "JW-09", "a token issued in the future", self.token(audience, iat=now + _PAST, exp=now + _PAST + _LIFE)
        yield "JW-06", "a token of an unknown issuer", self.token(audience, iss="https://nobody.invalid/issuer")
        stranger = Signer(
            keys=Keys({"ES384": ec.generate_private_key(ec.SECP384R1())}), clock=self.clock, issuer=self.issuer,
            tenant=self.tenant, jku=self.jku,
        )  # fmt: skip
        yield "SE-05", "a token signed with a foreign key", stranger.token(audience)
        head, _, signature = self.token(audience).split(".")
        changed = _segment({**self.claims(audience), "sub": "changed"})
        yield "SE-05", "a token changed after signing", f"{head}.{changed}.{signature}"
        plain = f"{_segment({'alg': 'none', **self._header()})}.{_segment(self.claims(audience))}."
        yield "JW-13", "a token without signature (alg none)", plain
        signed = f"{_segment({'alg': 'HS256', **self._header()})}.{_segment(self.claims(audience))}"
        public = self.keys.private[self.algorithm].public_key()
        secret = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        proof = base64.urlsafe_b64encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest()).rstrip(b"=")
        yield "JW-14", "a token signed HS256 with the public key", f"{signed}.{proof.decode()}"


def _segment(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
