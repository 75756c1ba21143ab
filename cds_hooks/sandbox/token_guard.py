"""The door of the sandbox for apps: a call that brings a token is let through as far as the token's scopes reach."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cds_hooks.ehr.scopes import covers
from cds_hooks.sandbox.app_grants import AppGrants, Grant
from cds_hooks.sandbox.faults import NoToken, SandboxFault
from cds_hooks.sandbox.protocol import answer_fault


class NotGranted(SandboxFault):
    """The access token does not cover what was asked for."""

    status = 403


class TokenGuard:
    """Lets calls through to the sandbox by the token they bring."""

    def __init__(self, app: ASGIApp, grants: AppGrants, *, required: bool) -> None:
        self._app, self._grants, self._required = app, grants, required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or refuse it."""
        fault = self._fault(scope) if scope["type"] == "http" else None
        if fault is not None:
            await answer_fault(fault)(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _fault(self, scope: Scope) -> SandboxFault | None:
        path = scope["path"].removeprefix(scope.get("root_path", "")).strip("/")
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if path == "metadata" or scope["method"] == "OPTIONS" or (not scheme and not self._required):
            return None
        grant = self._grants.live(token) if scheme.lower() == "bearer" else None
        if grant is None:
            return NoToken()
        return None if _is_covered(grant, scope["method"], path) else NotGranted("The token does not cover this.")


def _is_covered(grant: Grant, method: str, path: str) -> bool:
    kind, _, rest = path.partition("/")
    words = " ".join(scope for scope in grant.scopes if scope.startswith("patient/"))
    if method == "GET" or rest == "_search":
        return covers(words, kind, search=not rest or rest == "_search") is True
    creates = (f"patient/{kind}.c", f"patient/{kind}.write", f"patient/{kind}.cruds", "patient/*.write", "patient/*.c")
    return method == "POST" and not rest and not set(creates).isdisjoint(grant.scopes)
