"""The door of the sandbox for apps: a call that brings a token is let through as far as the token's scopes reach, and
to the record of the patient whom the token was given for.

The kinds of data that are somebody's are asked for by that patient, or by the patient's own address; what is answered
is looked at before it leaves, for a read names nobody, and what is included may be another's. What is created names
the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.ehr.scopes import covers
from cds_hooks.sandbox.app_grants import AppGrants, Grant
from cds_hooks.sandbox.compartment import has_owner, owners_of
from cds_hooks.sandbox.faults import NoToken, SandboxFault
from cds_hooks.sandbox.protocol import answer_fault, read_body
from cds_hooks.sandbox.references import Local

_BY_PATIENT = ("patient", "subject", "patient:Patient", "subject:Patient")


class NotGranted(SandboxFault):
    """The access token does not cover what was asked for."""

    status = 403


class TokenGuard:
    """Lets calls through to the sandbox, whose address is `base`, by the token they bring."""

    def __init__(self, app: ASGIApp, grants: AppGrants, *, base: str, required: bool) -> None:
        self._app, self._grants, self._base, self._required = app, grants, base, required

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, or refuse it."""
        try:
            grant = self._grant(scope) if scope["type"] == "http" else None
            if grant is None:
                await self._app(scope, receive, send)
            else:
                await self._within(grant, scope, receive, send)
        except SandboxFault as fault:  # of ours, before anything was sent; the sandbox answers its own
            await answer_fault(fault)(scope, receive, send)

    def _grant(self, scope: Scope) -> Grant | None:
        """What the call's token stands for; None when it needs none. Raises NoToken."""
        scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
        if _path(scope) == "metadata" or scope["method"] == "OPTIONS" or (not scheme and not self._required):
            return None
        grant = self._grants.live(token) if scheme.lower() == "bearer" else None
        if grant is None:
            raise NoToken
        return grant

    async def _within(self, grant: Grant, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a call that stays within `grant`. Raises NotGranted for any other."""
        path, method = _path(scope), scope["method"]
        kind, _, rest = path.partition("/")
        if not _is_covered(grant, method, kind, rest):
            raise NotGranted("The token does not cover this.")
        body = await read_body(Request(scope, receive)) if method == "POST" else b""
        replayed = _replaying(body)
        if method == "POST" and rest != "_search":
            self._require_own_body(grant, body)
            await self._app(scope, replayed, send)
            return
        pairs = [*QueryParams(scope.get("query_string", b"")).multi_items(), *_decoded(body)]
        if not self._asks_for_own(grant.context.patient, kind, rest, pairs):
            raise NotGranted("The token was given for one patient: ask for data of that patient.")
        answered: list[Message] = []

        async def keep(message: Message) -> None:
            answered.append(message)

        await self._app(scope, replayed, keep)
        self._require_own_answer(grant, answered)
        for message in answered:
            await send(message)

    def _asks_for_own(self, patient: str, kind: str, rest: str, pairs: Sequence[tuple[str, str]]) -> bool:
        """Whether a read or search cannot find, nor count, what is another patient's; a read shows in its answer."""
        if kind == "Patient" and rest not in ("", "_search"):
            return rest.partition("/")[0] == patient
        if rest not in ("", "_search") or not has_owner(kind):
            return True
        own = {patient, f"Patient/{patient}", f"{self._base}/Patient/{patient}"}
        names = ("_id",) if kind == "Patient" else _BY_PATIENT
        return any(name in names and set(value.split(",")) <= own for name, value in pairs)

    def _require_own_body(self, grant: Grant, body: bytes) -> None:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return  # the sandbox says what is wrong with it
        owners = owners_of(document, self._base) if isinstance(document, dict) else set()
        if owners != {Local("Patient", grant.context.patient)}:
            raise NotGranted("The token was given for one patient: what is created names that patient.")

    def _require_own_answer(self, grant: Grant, answered: Sequence[Message]) -> None:
        if answered[0]["status"] >= 300:
            return
        document = orjson.loads(b"".join(message.get("body", b"") for message in answered[1:]))
        if not all(self._may_be_shown(one, asked_for, grant) for one, asked_for in _resources(document)):
            raise NotGranted("The token was given for one patient: this is of another, or of nobody.")

    def _may_be_shown(self, resource: dict[str, Any], asked_for: bool, grant: Grant) -> bool:
        """`asked_for`: a match of a search by patient, which may have been cut down to a few elements."""
        owners = owners_of(resource, self._base)
        if not owners:
            return asked_for or not has_owner(str(resource.get("resourceType")))
        return owners == {Local("Patient", grant.context.patient)}


def _resources(document: dict[str, Any]) -> Iterable[tuple[dict[str, Any], bool]]:
    if document.get("resourceType") != "Bundle":
        yield document, False
        return
    for entry in document.get("entry", ()):
        yield entry["resource"], entry.get("search", {}).get("mode") == "match"


def _path(scope: Scope) -> str:
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "")).strip("/")


def _replaying(body: bytes) -> Receive:
    """What brings `body` once more to who reads it."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _decoded(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        return []  # the sandbox says what is wrong with it


def _is_covered(grant: Grant, method: str, kind: str, rest: str) -> bool:
    words = " ".join(scope for scope in grant.scopes if scope.startswith("patient/"))
    if method == "GET" or rest == "_search":
        inner = rest.partition("/")[2] if kind == "Patient" else ""
        if inner:  # a compartment holds other kinds than the patient
            return covers(words, "*" if inner == "$everything" else inner, search=True) is True
        return covers(words, kind, search=rest in ("", "_search")) is True
    creates = (f"patient/{kind}.c", f"patient/{kind}.write", f"patient/{kind}.cruds", "patient/*.write", "patient/*.c")
    return method == "POST" and bool(kind) and not rest and not set(creates).isdisjoint(grant.scopes)
