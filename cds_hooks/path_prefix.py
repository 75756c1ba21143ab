"""Below a path of a reverse proxy: the service is at ``https://hospital.example/trd`` and knows no such path inside.

Some proxies strip the path before they pass a call on, others keep it: both are understood. On the way out, addresses
that pages and redirects write from the root are put below the path again, here alone, so that no page can forget it.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An attribute of a tag that holds an address from the root. Text cannot look like it: templates escape quotation marks.
_FROM_ROOT = re.compile(rb'(\s(?:href|src|action|formaction)=")/(?!/)')


def prefix_of(base_url: str) -> str:
    """The path of a public address without its final slash: ``/trd``, or nothing."""
    return urlsplit(base_url).path.rstrip("/")


class PathPrefix:
    """ASGI middleware around the whole application; `prefix` begins with a slash and does not end with one."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self._prefix = prefix
        self._address = rb"\1" + prefix.encode() + b"/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one call on, without the prefix if it came with it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        await self.app(self._inside(scope), receive, _Outwards(send, self._prefix, self._address))

    def _inside(self, scope: Scope) -> Scope:
        path = self._without(scope["path"], self._prefix)
        if path == scope["path"]:
            return scope
        raw = scope.get("raw_path") or b""
        return {**scope, "path": path, "raw_path": self._without(raw.decode("latin-1"), self._prefix).encode("latin-1")}

    @staticmethod
    def _without(path: str, prefix: str) -> str:
        rest = path.removeprefix(prefix)
        return rest if rest != path and rest.startswith("/") else path


class _Outwards:
    """`send` for one answer: redirects, and the addresses in a page, which is held back until it is whole."""

    def __init__(self, send: Send, prefix: str, address: bytes) -> None:
        self._send = send
        self._prefix = prefix
        self._address = address
        self._page: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            target = headers.get("location", "")
            if target.startswith("/") and not target.startswith("//"):
                headers["location"] = self._prefix + target
            if headers.get("content-type", "").startswith("text/html"):
                self._page = message
                return
        elif self._page is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            message = await self._rewritten(self._page)
        await self._send(message)

    async def _rewritten(self, start: Message) -> Message:
        written = _FROM_ROOT.sub(self._address, bytes(self._body))
        headers = MutableHeaders(scope=start)
        if "content-length" in headers and self._body:  # an answer to HEAD tells the length of a body it does not hold
            headers["content-length"] = str(len(written))
        await self._send(start)
        return {"type": "http.response.body", "body": written}
