"""The service under judgement: its address, one request to it, and what came back within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx

from cds_hooks.clock import stopwatch
from cds_hooks.ehr.addresses import is_forbidden, literal

Failure = Literal["", "timeout", "unreachable", "broken", "too-large"]
_SAID: Mapping[str, str] = {
    "timeout": "no answer came in time",
    "unreachable": "no connection could be made",
    "broken": "the connection broke, or what came was no HTTP",
    "too-large": "the answer is larger than {0} bytes",
}
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class UnusableAddress(ValueError):  # noqa: N818 - an answer to the user
    """BASE_URL is no address of a service. The message says why, in our words."""


def base_address(written: str) -> str:
    """`written` without a final slash. Raises UnusableAddress unless it is an http(s) address that may be called."""
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UnusableAddress("is not an address") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UnusableAddress("is not an http or https address with a host")
    if parts.query or parts.fragment or parts.username is not None:
        raise UnusableAddress("has a query, a fragment or a user in it")
    if any(char <= " " for char in written) or ((address := literal(host)) and is_forbidden(address)):
        raise UnusableAddress("is an address that no service has")
    path = parts.path.rstrip("/").removesuffix("/cds-services")
    return f"{parts.scheme}://{parts.netloc}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came of one request: `failure` is empty when there was an HTTP answer. The body stays out of `repr`."""

    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers, repr=False)
    body: bytes = field(default=b"", repr=False)
    milliseconds: float = 0.0
    failure: Failure = ""
    limit: int = 0

    @property
    def said(self) -> str:
        """The failure in words."""
        return _SAID[self.failure].format(self.limit) if self.failure else ""

    @property
    def ok(self) -> bool:
        """Whether there was an answer of 2xx."""
        return self.status in range(200, 300)

    @property
    def refused(self) -> bool:
        """Whether there was an answer of 4xx."""
        return self.status in range(400, 500)

    @property
    def crashed(self) -> bool:
        """Whether there was no answer, or one of 5xx."""
        return bool(self.failure) or self.status >= 500

    @property
    def is_json(self) -> bool:
        """Whether the media type is a JSON one."""
        kind = str(self.headers.get("content-type", "")).partition(";")[0].strip().lower()
        return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


class Target:
    """Sends requests to the service at `base`, few at once; never follows a redirect. `http` stays the caller's."""

    def __init__(self, http: httpx.AsyncClient, base: str, *, seconds: float, largest: int, at_once: int) -> None:
        self.base = base
        self._http, self._seconds, self._largest = http, seconds, largest
        self._turn = asyncio.Semaphore(at_once)
        self.requests = 0

    async def send(
        self, method: str, path: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request to `path` below the base; never raises for what the service does."""
        async with self._turn:
            self.requests += 1
            began = stopwatch()
            try:
                async with asyncio.timeout(self._seconds):
                    return await self._sent(method, path, began, content=content, headers=dict(headers or {}))
            except (TimeoutError, httpx.TimeoutException):
                return Reply(failure="timeout", milliseconds=_since(began))
            except (httpx.ConnectError, httpx.UnsupportedProtocol):
                return Reply(failure="unreachable", milliseconds=_since(began))
            except Exception:  # an application called in this process raises its own faults, of any kind
                return Reply(failure="broken", milliseconds=_since(began))

    async def _sent(self, method: str, path: str, began: float, **more: Any) -> Reply:
        async with self._http.stream(method, f"{self.base}{path}", follow_redirects=False, **more) as answer:
            body = bytearray()
            async for chunk in answer.aiter_bytes():
                body += chunk
                if len(body) > self._largest:
                    return Reply(failure="too-large", limit=self._largest, milliseconds=_since(began))
            return Reply(
                status=answer.status_code, headers=answer.headers, body=bytes(body), milliseconds=_since(began)
            )


def _since(began: float) -> float:
    return (stopwatch() - began) * 1000
