"""A deliberately limited FHIR server: the embedded sandbox with what many real servers lack taken away.

Each limit is one that a real product has. What is not limited is answered as the sandbox answers it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.fhir_writer import Resource
from cds_hooks.sandbox import ResourceStore, create_sandbox

Pairs = list[tuple[str, str]]
_FHIR_JSON = b"application/fhir+json"
_WHOSE = ("patient", "subject")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the server cannot do.

    `typed_ids_only`: ``patient=p1`` finds nothing, silently; ``patient=Patient/p1`` does. `no_include`: a search with
    ``_include`` is refused. `no_next_links`: the first page is all there is; ``_count`` is honoured. `no_total`: no
    answer says how many matches there are. `no_metadata`: no CapabilityStatement. `no_post`: no search by POST.
    `needs_intent`: MedicationRequest only with an intent. `needs_category`: Observation only with a category.
    `no_lists`: a value with a comma is refused. `refuses`: types that may not be searched, answered 403.
    `fhir_version`: what the CapabilityStatement says instead of 4.0.1.
    """

    typed_ids_only: bool = False
    no_include: bool = False
    no_next_links: bool = False
    no_total: bool = False
    no_metadata: bool = False
    no_post: bool = False
    needs_intent: bool = False
    needs_category: bool = False
    no_lists: bool = False
    refuses: tuple[str, ...] = ()
    fhir_version: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request the server received: its method, the path below the base, and all parameters, those of a form too."""

    method: str
    path: str
    parameters: tuple[tuple[str, str], ...]

    @property
    def kind(self) -> str:
        """The resource type, or ``metadata``."""
        return self.path.split("/", 1)[0]

    @property
    def is_search(self) -> bool:
        """Whether it searches a type: ``Type``, or ``Type/_search``."""
        return self.path in (self.kind, f"{self.kind}/_search") and self.kind != "metadata"

    def values(self, name: str) -> list[str]:
        """All values of the parameter `name`."""
        return [value for key, value in self.parameters if key == name]


class LimitedServer:
    """The server at `base`, an ASGI application that answers below the path of `base`; it keeps its `requests`."""

    def __init__(self, resources: Iterable[Resource], *, base: str, limits: Limits, page_size: int = 50) -> None:
        self.limits = limits
        self.requests: list[Asked] = []
        self._path = urlsplit(base).path
        self._inner: ASGIApp = create_sandbox(ResourceStore(resources), base_url=base, page_size=page_size)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http"
        body = await _whole(receive)
        asked = self._read(scope, body)
        self.requests.append(asked)
        refused = self._refused(asked)
        if refused is not None:
            await _answer(send, *refused)
            return
        if self.limits.typed_ids_only and asked.is_search and _names_nobody(asked):
            await _answer(send, 200, {"resourceType": "Bundle", "type": "searchset", "total": 0})
            return
        status, answer = await self._inside(scope, asked, body)
        await _answer(send, status, self._cut(answer))

    def _read(self, scope: Scope, body: bytes) -> Asked:
        assert scope["path"].startswith(self._path + "/"), "asked for something outside the base"
        pairs: Pairs = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
        if scope["method"] == "POST":
            pairs += parse_qsl(body.decode(), keep_blank_values=True)
        return Asked(scope["method"], scope["path"].removeprefix(self._path + "/"), tuple(pairs))

    def _refused(self, asked: Asked) -> tuple[int, dict[str, Any]] | None:
        """Status and OperationOutcome of what this server does not do; None for what it does."""
        limits = self.limits
        if asked.kind == "metadata":
            return _outcome(404, "there is no such page") if limits.no_metadata else None
        if not asked.is_search:
            return None
        if asked.kind in limits.refuses:
            return _outcome(403, "this type may not be searched")
        if limits.no_post and asked.method == "POST":
            return _outcome(405, "searches are made by GET")
        if limits.no_include and asked.values("_include"):
            return _outcome(400, "_include is not offered")
        if limits.no_lists and any("," in value for name, value in asked.parameters if not name.startswith("_")):
            return _outcome(400, "one value for each parameter")
        if limits.needs_intent and asked.kind == "MedicationRequest" and not asked.values("intent"):
            return _outcome(400, "an intent is needed")
        if limits.needs_category and asked.kind == "Observation" and not asked.values("category"):
            return _outcome(400, "a category is needed")
        return None

    def _cut(self, answer: dict[str, Any]) -> dict[str, Any]:
        """What the sandbox answers without what this server would not say."""
        if answer.get("resourceType") == "Bundle":
            if self.limits.no_next_links:
                answer["link"] = [link for link in answer.get("link", []) if link["relation"] == "self"]
            if self.limits.no_total:
                answer.pop("total", None)
        if answer.get("resourceType") == "CapabilityStatement":
            answer["fhirVersion"] = self.limits.fhir_version or answer["fhirVersion"]
            for resource in answer["rest"][0]["resource"] if self.limits.no_include else ():
                resource.pop("searchInclude", None)
        return answer

    async def _inside(self, scope: Scope, asked: Asked, body: bytes) -> tuple[int, dict[str, Any]]:
        """Status and content of the sandbox's answer."""
        told: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keep(message: Message) -> None:
            told.append(message)

        inner = {**scope, "path": f"/{asked.path}", "raw_path": f"/{asked.path}".encode(), "root_path": ""}
        await self._inner(inner, receive, keep)
        content = b"".join(message.get("body", b"") for message in told[1:])
        return told[0]["status"], orjson.loads(content)


def _names_nobody(asked: Asked) -> bool:
    """Whether a search says whose data it wants in a form that this server does not understand."""
    named = [value for name in _WHOSE for value in asked.values(name)]
    return any("Patient/" not in value for value in named)


def _outcome(status: int, text: str) -> tuple[int, dict[str, Any]]:
    issue = {"severity": "error", "code": "not-supported", "diagnostics": text}
    return status, {"resourceType": "OperationOutcome", "issue": [issue]}


async def _whole(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, content: dict[str, Any]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", _FHIR_JSON)]})
    await send({"type": "http.response.body", "body": orjson.dumps(content)})
