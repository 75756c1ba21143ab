"""What is no HTTP request at all (an unknown method, a broken header) is refused in our own words too.

The parser rejects it before any application sees it, so the answer is written here, below the application.
"""

from __future__ import annotations

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cds_hooks.errors import BadRequest, operation_outcome

_FAULT = BadRequest(
    "This is no HTTP request that the service can read: its method, address or a header is malformed or unknown.",
    "Services and feedback take POST; discovery takes GET.",
)


# Address and headers together. One read of the socket may bring the beginning of a body too.
LARGEST_HEAD = 65_536
_ONE_READ = 262_144


class OutcomeProtocol(HttpToolsProtocol):
    """The server's HTTP/1.1 protocol, whose own refusals are OperationOutcomes, and which takes no endless head."""

    _in_head = True
    _head_bytes = 0

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is whole; the body has a limit of its own."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Take in what the socket brought; refuse and close when a head grows beyond all bounds."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > LARGEST_HEAD + _ONE_READ:
                self.send_400_response("")
                return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Answer 400 and close; `msg` is the server's own text and says no more than ours."""
        body = orjson.dumps(operation_outcome(_FAULT))
        headers = (
            *self.server_state.default_headers,
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"connection", b"close"),
        )
        head = b"".join(b"%s: %s\r\n" % (name, value) for name, value in headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + body)
        self.transport.close()
