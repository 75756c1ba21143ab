"""The sandbox as an EHR that launches apps: a small SMART authorization server over it.

It logs nobody in: every page says that the patients are made up, and consent is one click. An EHR's own part, choosing
the patient before a launch, is `LaunchServer.launch_for`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
import orjson
from oauthlib.oauth2 import FatalClientError, OAuth2Error
from oauthlib.openid import Server
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from cds_hooks.clock import Clock
from cds_hooks.sandbox.app_grants import KEY_ID, AppClient, AppGrants, LaunchContext, make_room
from cds_hooks.sandbox.token_guard import TokenGuard
from cds_hooks.web.layout import STATIC

TOKEN_SECONDS = 300
_MOST_WAITING = 200
_LARGEST_FORM = 20_000
_FORM = "application/x-www-form-urlencoded"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class LaunchServer:
    """The authorization server at `issuer` for the FHIR server at `fhir_base`.

    `patients` lists (id, name) for those who open an app without a launch, `user` is who they are. `withheld` are
    scopes that are never granted.
    """

    def __init__(
        self,
        *,
        issuer: str,
        fhir_base: str,
        clients: Sequence[AppClient],
        clock: Clock,
        patients: Callable[[], Sequence[tuple[str, str]]],
        user: str = "Practitioner/demo",
        token_seconds: int = TOKEN_SECONDS,
        withheld: frozenset[str] = frozenset(),
    ) -> None:
        self.issuer, self.fhir_base = issuer, fhir_base
        self.withheld = withheld
        self._patients, self._user = patients, user
        self.grants = AppGrants(
            issuer=issuer,
            token_url=f"{issuer}/token",
            clients={client.client_id: client for client in clients},
            clock=clock,
        )
        self._oauth = Server(self.grants, token_expires_in=token_seconds)
        self._launches: dict[str, LaunchContext] = {}
        self._waiting: dict[str, tuple[str, LaunchContext | None]] = {}

    def launch_for(self, patient_id: str, user: str, app_context: str = "") -> str:
        """The `launch` parameter for an app that is opened from this patient; good for one authorization.

        `app_context` is the `appContext` of the card's link, handed over as it is.
        """
        handle = secrets.token_urlsafe(16)
        make_room(self._launches, _MOST_WAITING)
        self._launches[handle] = LaunchContext(patient=patient_id, user=user, app_context=app_context)
        return handle

    def launch_address(self, app: str, patient_id: str, user: str, app_context: str = "") -> str:
        """Where an EHR sends the browser to launch the app at `app`."""
        told = {"iss": self.fhir_base, "launch": self.launch_for(patient_id, user, app_context)}
        return f"{app}?{urlencode(told)}"

    def routes(self) -> list[BaseRoute]:
        """The addresses of the server. They go before the mount of the sandbox, which would take the first."""
        at, fhir = urlsplit(self.issuer).path, urlsplit(self.fhir_base).path
        return [
            Route(f"{fhir}/.well-known/smart-configuration", self._configuration, methods=["GET"]),
            Route(f"{at}/authorize", self._asked, methods=["GET"]),
            Route(f"{at}/authorize", self._decided, methods=["POST"]),
            Route(f"{at}/token", self._token, methods=["POST"]),
            Route(f"{at}/jwks", self._keys, methods=["GET"]),
        ]

    def guarded(self, sandbox: ASGIApp, *, required: bool) -> ASGIApp:
        """`sandbox`, whose calls bring a token of this server that covers them; without `required`, or none at all."""
        return TokenGuard(sandbox, self.grants, base=self.fhir_base, required=required)

    def configuration(self) -> dict[str, Any]:
        """The SMART configuration."""
        return {
            "issuer": self.issuer,
            "jwks_uri": f"{self.issuer}/jwks",
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "grant_types_supported": ["authorization_code", "refresh_token"],
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "scopes_supported": ["openid", "fhirUser", "launch", "launch/patient", "online_access", "patient/*.rs"],
            "capabilities": [
                *("launch-ehr", "launch-standalone", "client-public", "client-confidential-symmetric"),
                *("client-confidential-asymmetric", "sso-openid-connect", "context-ehr-patient"),
                *("context-standalone-patient", "permission-patient", "permission-v1", "permission-v2"),
            ],
        }

    async def _configuration(self, request: Request) -> Response:
        return _json(self.configuration())

    async def _keys(self, request: Request) -> Response:
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.grants.key.public_key()))
        return _json({"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "ES384"}]})

    async def _asked(self, request: Request) -> Response:
        """Check what an app asks for and show it to the person in front of the screen."""
        address = self._as_tls(request)
        try:
            scopes, asked = self._oauth.validate_authorization_request(address, "GET", "", {})
        except FatalClientError:
            return _page("Not authorized", "<p>The app or its address is not registered here.</p>", 400)
        except OAuth2Error as error:
            return RedirectResponse(error.in_uri(error.redirect_uri), 302, headers=_HEADERS)
        params = request.query_params
        handle = params.get("launch", "")
        context = self._launches.pop(handle, None) if handle else None
        wrong = (
            "invalid_request"
            if params.get("aud") != self.fhir_base or params.get("code_challenge_method") != "S256"
            else "invalid_request"
            if handle and context is None
            else "invalid_scope"
            if not handle and "launch/patient" not in scopes
            else ""
        )
        if wrong:
            return self._back(asked["redirect_uri"], error=wrong, state=asked["state"])
        ticket = secrets.token_urlsafe(16)
        make_room(self._waiting, _MOST_WAITING)
        self._waiting[ticket] = (address, context)
        client = self.grants.client(asked["client_id"])
        return _page("Sandbox EHR: open an app", self._consent(client, scopes, ticket, context))

    async def _decided(self, request: Request) -> Response:
        fields = await _fields(request)
        address, context = self._waiting.pop(fields.get("ticket", ""), ("", None))
        if not address:
            return _page("Not authorized", "<p>This page was used before. Launch the app again.</p>", 400)
        scopes, asked = self._oauth.validate_authorization_request(address, "GET", "", {})
        chosen = fields.get("patient", "")
        if context is None and chosen in {identifier for identifier, _ in self._patients()}:
            context = LaunchContext(patient=chosen, user=self._user)
        if fields.get("decision") != "allow" or context is None:
            return self._back(asked["redirect_uri"], error="access_denied", state=asked["state"])
        granted = [scope for scope in scopes if scope not in self.withheld]
        headers, _, status = self._oauth.create_authorization_response(
            address, "GET", "", {}, scopes=granted, credentials={"launch_context": context}
        )
        place = headers["Location"]
        return RedirectResponse(f"{place}&{urlencode({'iss': self.issuer})}", status, headers=_HEADERS)

    async def _token(self, request: Request) -> Response:
        body = (await _body(request)).decode("ascii", errors="replace")
        headers = {"Content-Type": _FORM}
        if "authorization" in request.headers:
            headers["Authorization"] = request.headers["authorization"]
        told, content, status = self._oauth.create_token_response(self._as_tls(request), "POST", body, headers)
        return Response(content, status_code=status, headers={**told, "Cache-Control": "no-store"})

    def _back(self, redirect: str, **told: str | None) -> Response:
        sent = {**told, "iss": self.issuer}
        query = urlencode({name: value for name, value in sent.items() if value is not None})
        return RedirectResponse(f"{redirect}?{query}", 302, headers=_HEADERS)

    def _as_tls(self, request: Request) -> str:
        """The address as oauthlib insists on: it refuses plain http, and on loopback that is as safe."""
        query = f"?{request.url.query}" if request.url.query else ""
        return f"https://sandbox{request.url.path}{query}"

    def _consent(
        self, client: AppClient | None, scopes: Sequence[str], ticket: str, context: LaunchContext | None
    ) -> str:
        name = escape(client.name if client is not None else "")
        asked = "".join(f"<li><code>{escape(scope)}</code></li>" for scope in scopes)
        choices = "".join(
            f'<option value="{escape(identifier)}">{escape(label)}</option>' for identifier, label in self._patients()
        )
        pick = f'<p><label>Patient <select name="patient">{choices}</select></label></p>' if context is None else ""
        return (
            "<p><strong>Synthetic patients.</strong> In a real EHR you would be logged in; here nobody is.</p>"
            f"<p>{name} asks to read the record:</p><details><summary>What it asks for</summary><ul>{asked}</ul>"
            f'</details><form method="post"><input type="hidden" name="ticket" value="{ticket}">{pick}'
            '<p><button name="decision" value="allow" autofocus>Continue to the app</button></p>'
            '<p><button name="decision" value="deny">Decline</button></p></form>'
        )


def _json(content: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json", headers={"Access-Control-Allow-Origin": "*"})


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{STATIC}/icon.svg" type="image/svg+xml">'
        f'<link rel="stylesheet" href="{STATIC}/page.css"></head>'
        f'<body><main id="main"><article class="text"><h1>{title}</h1>{body}</article></main></body></html>'
    )
    return HTMLResponse(html, status_code=status, headers=_HEADERS)


async def _body(request: Request) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > _LARGEST_FORM:
            return b""
    return bytes(received)


async def _fields(request: Request) -> dict[str, str]:
    try:
        return dict(parse_qsl((await _body(request)).decode("ascii", errors="replace"), max_num_fields=20))
    except ValueError:  # more fields than any page of ours has
        return {}
