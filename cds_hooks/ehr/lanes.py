"""Connection pools of httpcore, kept small and side by side, and given up when a request was left open on HTTP/2."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Sequence

import httpcore
import httpx

_IDLE_SECONDS = 30.0


class _Lane(httpx.AsyncHTTPTransport):
    """One small pool. httpx has no argument for the network backend, so its pool is replaced by one that has."""

    def __init__(
        self, backend: httpcore.AsyncNetworkBackend, *, verify: ssl.SSLContext, connections: int, http2: bool
    ) -> None:
        super().__init__(verify=verify, trust_env=False, http2=http2)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_IDLE_SECONDS,
            http1=True,
            http2=http2,
            network_backend=backend,
        )
        self.in_flight = 0
        self.retired = False
        self._http2 = http2

    def saw(self, response: httpx.Response) -> None:
        """Learn from an answer whether this host speaks HTTP/2 at all."""
        self._http2 = response.extensions.get("http_version") == b"HTTP/2"

    async def left(self, *, finished: bool) -> None:
        """A request has ended. One that was not `finished` must not leave its HTTP/2 connection to others.

        httpcore keeps such a connection, neither resets the stream nor gives back its share of the flow-control window.
        So a connection that a firewall dropped in silence would be used for ever, and abandoned bodies would block it.
        """
        self.in_flight -= 1
        self.retired |= self._http2 and not finished
        if self.retired and self.in_flight == 0:
            await self.aclose()


class _Counted(httpx.AsyncByteStream):
    """A response body whose end frees its place in the lane."""

    def __init__(self, stream: httpx.AsyncByteStream, lane: _Lane) -> None:
        self._stream = stream
        self._lane: _Lane | None = lane
        self._finished = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk
        self._finished = True

    async def aclose(self) -> None:
        lane, self._lane = self._lane, None
        try:
            await self._stream.aclose()
        finally:
            if lane is not None:
                await lane.left(finished=self._finished)


class EhrTransport(httpx.AsyncBaseTransport):
    """At most `connections` to each origin, in lanes of `lane`: small pools side by side.

    The work of one pool of httpcore grows with the square of its connections; a request therefore goes to the lane of
    its origin with the fewest under way. HTTP/2 is used over TLS where the server offers it. There are as many origins
    as the allow-lists name. ValueError for fewer than one connection.
    """

    def __init__(
        self,
        backend: httpcore.AsyncNetworkBackend,
        *,
        verify: ssl.SSLContext,
        connections: int,
        http2: bool,
        lane: int = 4,
    ) -> None:
        if connections < 1 or lane < 1:
            raise ValueError("at least one connection is needed")
        self._backend = backend
        self._verify = verify
        self._http2 = http2
        count = -(-connections // lane)
        # Sizes differ by one at most and the larger come first: the emptiest lane always has room while any has.
        self._sizes = tuple(connections // count + (number < connections % count) for number in range(count))
        self._lanes: dict[tuple[str, str, int | None], list[_Lane]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send through the emptiest lane."""
        lane = min(self._lanes_to(request.url), key=lambda one: one.in_flight)
        lane.in_flight += 1
        try:
            response = await lane.handle_async_request(request)
        except BaseException:
            await lane.left(finished=False)
            raise
        lane.saw(response)
        body = response.stream
        if isinstance(body, httpx.AsyncByteStream):
            response.stream = _Counted(body, lane)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for lanes in self._lanes.values():
            for lane in lanes:
                await lane.aclose()

    def _lanes_to(self, url: httpx.URL) -> Sequence[_Lane]:
        """The lanes to an origin; one that is retired serves those who are in it, and makes room for a new one."""
        lanes = self._lanes.setdefault((url.scheme, url.host, url.port), [])
        for number, size in enumerate(self._sizes):
            if number == len(lanes):
                lanes.append(self._lane(url, size))
            elif lanes[number].retired:
                lanes[number] = self._lane(url, size)
        return lanes

    def _lane(self, url: httpx.URL, size: int) -> _Lane:
        # Over TLS only: without it nobody can say whether the server speaks HTTP/2.
        return _Lane(self._backend, verify=self._verify, connections=size, http2=self._http2 and url.scheme == "https")
