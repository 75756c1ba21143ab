"""Callers for what wrk cannot tell apart: the time of each answer by its status, and two kinds of request at once.

HTTP/1.1 over kept-alive loopback connections, requests prepared as bytes beforehand. Its own ceiling is printed beside
the figures (`ceiling_rows`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

_LONGEST_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """One answer: status (0: none came in time or at all), milliseconds, and whether it said when to come back."""

    status: int
    milliseconds: float
    retry_after: bool
    body: bytes = field(default=b"", repr=False)


def post(path: str, body: bytes, *, token: str = "") -> bytes:
    """A whole request as bytes."""
    proof = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{proof}"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode("ascii") + body


class Caller:
    """One connection, opened anew when the server has closed it."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, request: bytes, *, patience: float = _LONGEST_SECONDS) -> Told:
        """Send one request and wait for its answer."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(patience):
                status, headers, body = await self._exchange(request)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            self.close()
            return Told(0, (time.perf_counter() - began) * 1000, False)
        took = (time.perf_counter() - began) * 1000
        if headers.get(b"connection") == b"close":
            self.close()
        return Told(status, took, b"retry-after" in headers, body)

    async def _exchange(self, request: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.rstrip().split(b"\r\n")
        headers = dict(line.lower().split(b": ", 1) for line in lines)
        body = await reader.readexactly(int(headers.get(b"content-length", b"0")))
        return int(first.split(b" ")[1]), headers, body

    def close(self) -> None:
        """Give the connection up."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def keep_calling(port: int, request: bytes, *, callers: int, until: float, patience: float = 30.0) -> list[Told]:
    """`callers` at once, each sending again as soon as it has its answer, until the event loop's time `until`."""
    loop = asyncio.get_running_loop()
    told: list[Told] = []

    async def one() -> None:
        caller = Caller(port)
        while loop.time() < until:
            told.append(await caller.send(request, patience=patience))
        caller.close()

    await asyncio.gather(*(one() for _ in range(callers)))
    return told


async def in_turn(port: int, requests: Sequence[bytes], *, times: int) -> list[list[Told]]:
    """Each of `requests` `times` times, one request at a time, alternating."""
    callers = [Caller(port) for _ in requests]
    told: list[list[Told]] = [[] for _ in requests]
    for _ in range(times):
        for caller, request, kept in zip(callers, requests, told, strict=True):
            kept.append(await caller.send(request))
    for caller in callers:
        caller.close()
    return told
