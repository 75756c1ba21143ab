"""What the sandbox's authorization server remembers of apps, and the questions that oauthlib asks it.

The protocol itself (OAuth 2.0, PKCE, OpenID Connect) is oauthlib's; here stand registration, codes, tokens and the
launch context that goes with each. All of it is in memory, for synthetic patients.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from oauthlib.openid import RequestValidator

from cds_hooks.clock import Clock

if TYPE_CHECKING:
    from jwt.types import Options

CODE_SECONDS, ID_TOKEN_SECONDS, LONGEST_ASSERTION_SECONDS = 60, 300, 300
MOST_HELD = 1_000  # codes, tokens and assertions, each: this is a sandbox
KEY_ID = "sandbox-1"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_UNTIMED: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class AppClient:
    """A registered app: public, or confidential by `secret`, or by the public `keys` of a JWKS, by `kid`."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    secret: str = field(default="", repr=False)
    keys: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), repr=False)

    @property
    def is_public(self) -> bool:
        """Whether it proves itself by nothing but its address and PKCE."""
        return not self.secret and not self.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchContext:
    """What an EHR knows when it launches an app: the patient, the user (``Practitioner/id``), and the card's words."""

    patient: str
    user: str
    app_context: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a code, a refresh token or an access token stands for."""

    client_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    context: LaunchContext
    challenge: str = ""
    nonce: str | None = None
    ends: float = 0.0


def make_room(held: dict[str, Any], most: int) -> None:
    """Make room for one more in `held`, which is in order of arrival: the oldest goes."""
    while len(held) >= most:
        held.pop(next(iter(held)))


class AppGrants(RequestValidator):  # type: ignore[misc]  # the library has no types
    """Answers oauthlib's questions. Codes are good for once, refresh tokens too; `token_seconds` is an access token's
    life.
    """

    def __init__(self, *, issuer: str, token_url: str, clients: Mapping[str, AppClient], clock: Clock) -> None:
        super().__init__()
        self.issuer, self.clock = issuer, clock
        self.key = ec.generate_private_key(ec.SECP384R1())
        self._token_url = token_url
        self._clients = clients
        self._codes: dict[str, Grant] = {}
        self._refreshes: dict[str, Grant] = {}
        self._tokens: dict[str, Grant] = {}
        self._assertions: dict[tuple[str, str], float] = {}  # client and `jti`, and when it is over

    def now(self) -> float:
        """Seconds since 1970."""
        return self.clock.now().timestamp()

    def live(self, token: str) -> Grant | None:
        """What an access token stands for; None when it is unknown or over."""
        grant = self._tokens.get(token)
        return grant if grant is not None and self.now() < grant.ends else None

    def revoke_all(self) -> None:
        """Take back every token."""
        self._tokens.clear()
        self._refreshes.clear()

    def client(self, client_id: str) -> AppClient | None:
        """The app of that id."""
        return self._clients.get(client_id)

    # The authorization endpoint.

    def validate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether such an app is registered."""
        return client_id in self._clients

    def validate_redirect_uri(self, client_id: str, redirect_uri: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the app registered exactly this address."""
        return redirect_uri in self._clients[client_id].redirect_uris

    def get_default_redirect_uri(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """There is none: the address is always sent."""
        return

    def validate_response_type(
        self, client_id: str, response_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Codes only."""
        return response_type == "code"

    def validate_scopes(
        self, client_id: str, scopes: Any, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Anything may be asked for; `LaunchServer.withheld` is left out of what is granted."""
        return bool(scopes)

    def get_default_scopes(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """None are granted that were not asked for."""
        return []

    def validate_user_match(self, id_token_hint: Any, scopes: Any, claims: Any, request: Any) -> bool:
        """Nobody is logged in, so nobody is the wrong one."""
        return True

    def is_pkce_required(self, client_id: str, request: Any) -> bool:
        """Always."""
        return True

    def save_authorization_code(self, client_id: str, code: Any, request: Any, *args: Any, **kwargs: Any) -> None:
        """Remember a code with the context that the consent page put on the request."""
        self._forget(self._codes)
        self._codes[code["code"]] = Grant(
            client_id=client_id,
            redirect_uri=request.redirect_uri,
            scopes=tuple(request.scopes),
            context=request.launch_context,
            challenge=request.code_challenge,
            nonce=request.nonce,
            ends=self.now() + CODE_SECONDS,
        )

    # The token endpoint.

    def client_authentication_required(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Confidential apps prove themselves; so must whoever sends a proof."""
        client = self._clients.get(request.client_id or "")
        return client is None or not client.is_public or "Authorization" in request.headers

    def authenticate_client_id(self, client_id: str, request: Any, *args: Any, **kwargs: Any) -> bool:
        """A public app is known by its id."""
        client = self._clients.get(client_id)
        if client is None or not client.is_public:
            return False
        request.client = client
        return True

    def authenticate_client(self, request: Any, *args: Any, **kwargs: Any) -> bool:
        """By secret (HTTP Basic), or by a signed assertion."""
        client = self._by_secret(request.headers.get("Authorization", "")) or self._by_assertion(request)
        if client is None:
            return False
        request.client = client
        return True

    def _by_secret(self, header: str) -> AppClient | None:
        scheme, _, encoded = header.partition(" ")
        try:
            name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            return None
        client = self._clients.get(unquote_plus(name))
        if scheme.lower() != "basic" or client is None or not client.secret:
            return None
        return client if hmac.compare_digest(client.secret.encode(), unquote_plus(secret).encode()) else None

    def _by_assertion(self, request: Any) -> AppClient | None:
        """SMART App Launch 2.x, "Client Authentication: Asymmetric"."""
        params = dict(request.decoded_body or [])
        if params.get("client_assertion_type") != _ASSERTION_TYPE:
            return None
        assertion = params.get("client_assertion", "")
        try:
            header = jwt.get_unverified_header(assertion)
            named = jwt.decode(assertion, options={"verify_signature": False}).get("sub")
            client = self._clients.get(str(named))
            key = client.keys.get(str(header.get("kid"))) if client is not None else None
            if client is None or key is None or header.get("alg") not in ("RS384", "ES384"):
                return None
            claims = jwt.decode(assertion, key, algorithms=[header["alg"]], audience=self._token_url, options=_UNTIMED)
        except (jwt.PyJWTError, ValueError, TypeError):
            return None
        return client if claims.get("iss") == client.client_id and self._first_use(client, claims) else None

    def _first_use(self, client: AppClient, claims: Mapping[str, Any]) -> bool:
        """Whether an assertion holds for now and was not used before; it is used then.

        One that still lives is never forgotten, or it could be used again: when there is no room, a new one is refused.
        """
        expires, identifier, now = claims.get("exp"), claims.get("jti"), self.now()
        if not isinstance(identifier, str) or not identifier or not isinstance(expires, int | float):
            return False
        self._assertions = {key: ends for key, ends in self._assertions.items() if now < ends}
        key = (client.client_id, identifier)
        if not 0 < expires - now <= LONGEST_ASSERTION_SECONDS or key in self._assertions:
            return False
        if len(self._assertions) >= MOST_HELD:
            return False
        self._assertions[key] = float(expires)
        return True

    def _forget(self, held: dict[str, Grant]) -> None:
        """Make room for one more: what is over goes, and then the oldest."""
        now = self.now()
        for name in [name for name, grant in held.items() if grant.ends <= now]:
            del held[name]
        make_room(held, MOST_HELD)

    def validate_grant_type(
        self, client_id: str, grant_type: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Codes and refresh tokens."""
        return grant_type in ("authorization_code", "refresh_token")

    def validate_code(self, client_id: str, code: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the code is this app's and fresh. A code that was used is forgotten, so it is none."""
        grant = self._codes.get(code)
        if grant is None or grant.client_id != client.client_id or self.now() >= grant.ends:
            return False
        self._tell(request, grant)
        return True

    def confirm_redirect_uri(
        self, client_id: str, code: str, redirect_uri: str, client: Any, request: Any, *args: Any, **kwargs: Any
    ) -> bool:
        """Whether the address is that of the authorization request."""
        return self._codes[code].redirect_uri == redirect_uri

    def get_code_challenge(self, code: str, request: Any) -> str | None:
        """What the verifier must match."""
        grant = self._codes.get(code)
        return grant.challenge if grant is not None else None

    def get_code_challenge_method(self, code: str, request: Any) -> str:
        """S256; no other is let through."""
        return "S256"

    def get_authorization_code_scopes(self, client_id: str, code: str, redirect_uri: str, request: Any) -> list[str]:
        """The scopes of a code."""
        grant = self._codes.get(code)
        return list(grant.scopes) if grant is not None else []

    def get_authorization_code_nonce(self, client_id: str, code: str, redirect_uri: str, request: Any) -> str | None:
        """The nonce of a code."""
        grant = self._codes.get(code)
        return grant.nonce if grant is not None else None

    def invalidate_authorization_code(self, client_id: str, code: str, request: Any, *args: Any, **kwargs: Any) -> None:
        """A code is good for once."""
        self._codes.pop(code, None)

    def validate_refresh_token(self, refresh_token: str, client: Any, request: Any, *args: Any, **kwargs: Any) -> bool:
        """Whether the refresh token is this app's; it is good for once."""
        grant = self._refreshes.get(refresh_token)
        if grant is None or grant.client_id != client.client_id:
            return False
        self._tell(request, grant)
        return True

    def get_original_scopes(self, refresh_token: str, request: Any, *args: Any, **kwargs: Any) -> list[str]:
        """The scopes of a refresh token."""
        return list(self._refreshes[refresh_token].scopes)

    def save_bearer_token(self, token: dict[str, Any], request: Any, *args: Any, **kwargs: Any) -> None:
        """Remember tokens; one to refresh with is given to those only who asked for access while they are online."""
        grant = request.grant
        ends = self.now() + float(token["expires_in"])
        scopes = tuple(str(token.get("scope", "")).split())
        held = Grant(
            client_id=grant.client_id,
            redirect_uri=grant.redirect_uri,
            scopes=scopes,
            context=grant.context,
            nonce=grant.nonce,
            ends=ends,
        )
        self._forget(self._tokens)
        self._tokens[token["access_token"]] = held
        used = dict(request.decoded_body or []).get("refresh_token")
        if used is not None:
            self._refreshes.pop(used, None)
        if {"online_access", "offline_access"} & set(scopes):
            make_room(self._refreshes, MOST_HELD)  # they outlive the access token, whose end they hold
            self._refreshes[token["refresh_token"]] = held
        else:
            token.pop("refresh_token", None)

    def finalize_id_token(self, id_token: dict[str, Any], token: Any, token_handler: Any, request: Any) -> str:
        """The signed statement of who is logged in."""
        claims = {**id_token, **self.claims_of(request.grant)}
        return jwt.encode(claims, self.key, algorithm="ES384", headers={"kid": KEY_ID})

    def claims_of(self, grant: Grant) -> dict[str, Any]:
        """What the statement says beside audience and nonce."""
        now = int(self.now())
        user = grant.context.user
        return {"iss": self.issuer, "sub": user, "iat": now, "exp": now + ID_TOKEN_SECONDS, "fhirUser": user}

    @staticmethod
    def _tell(request: Any, grant: Grant) -> None:
        """Put on the request what the token response says beside the token."""
        request.grant, request.scopes, request.user = grant, list(grant.scopes), grant.context.user
        told = {"patient": grant.context.patient, "need_patient_banner": True}
        if grant.context.app_context:
            told["appContext"] = grant.context.app_context
        request.extra_credentials = told
