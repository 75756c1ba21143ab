"""A FHIR server on a real socket that fails as real ones do, resource type by resource type.

It runs in the event loop of the test and answers from the embedded sandbox where no fault is planned. It keeps every
connection it accepted, every request it read and every request whose client went away, so that a test can show that
nothing was sent, or that nothing was left open.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from typing import Self

from cds_hooks.fhir_writer import Resource
from tests.ehr import faults
from tests.ehr.faults import Fault
from tests.ehr.planned_answers import PlannedAnswers, Seen

_DRIP_SECONDS = 0.05


class FaultyServer:
    """The server, running within ``async with``; `base` is its FHIR base, and `plan` what goes wrong, by resource type
    or by the name that `named` gives a request.

    `accepted` counts connections, `requests` are those read to their end, `given_up` those whose client went away
    before the answer was sent whole.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        plan: Mapping[str, Fault] | None = None,
        *,
        page_size: int = 50,
        named: Callable[[Seen], str] = lambda seen: seen.kind,
    ) -> None:
        self.accepted = 0
        self.requests: list[Seen] = []
        self.given_up: list[Seen] = []
        self.base = ""
        self._answers = PlannedAnswers(resources, plan, base=lambda: self.base, page_size=page_size, named=named)
        self.plan = self._answers.plan
        self._unanswered = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.base = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/fhir"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        await self._answers.aclose()

    async def settled(self) -> None:
        """Return once no request is being answered: each was answered, or its client went away."""
        await self._idle.wait()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.get_running_loop().create_task(self._serve(_Connection(reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: _Connection) -> None:
        """Answer one request after another until the client, or a fault, ends the connection."""
        try:
            while (seen := await connection.request()) is not None:
                self.requests.append(seen)
                self._unanswered += 1
                self._idle.clear()
                try:
                    if not await self._answered(seen, connection):
                        return
                finally:
                    self._unanswered -= 1
                    if not self._unanswered:
                        self._idle.set()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client is gone: that is what is tested
        finally:
            connection.writer.close()
            with suppress(ConnectionError):
                await connection.writer.wait_closed()

    async def _answered(self, seen: Seen, connection: _Connection) -> bool:
        """Answer `seen`; whether the connection is still of use. A client that goes away meanwhile is noted."""
        answering = asyncio.ensure_future(self._answer(seen, connection.writer))
        gone = asyncio.ensure_future(connection.left())
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done() and not answering.exception():
                return answering.result()
            self.given_up.append(seen)
            return False
        finally:
            for task in (answering, gone):
                task.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        """Send the answer to `seen`, or fail as planned; whether the connection is still of use."""
        fault = self._answers.due(seen)
        match fault:
            case Fault(kind="hang"):
                await asyncio.Event().wait()
            case Fault(kind="reset"):
                # With no time to linger, closing a socket resets it.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return False
            case Fault(kind="huge"):
                await _stream(writer, faults.blanks(), {})
                return False
            case Fault(kind="bomb"):
                await _stream(writer, faults.bomb(fault.megabytes), {"Content-Encoding": "gzip"})
                return True
        status, headers, body = await self._answers.content(seen, fault)
        whole = _head(status, {**headers, "Content-Length": str(len(body))}) + body
        if fault is not None and fault.kind == "drip":
            for place in range(len(whole)):
                writer.write(whole[place : place + 1])
                await writer.drain()
                await asyncio.sleep(_DRIP_SECONDS)
            return True
        half = fault is not None and fault.kind == "cut"
        writer.write(whole[: -max(1, len(body) // 2)] if half else whole)
        await writer.drain()
        return not half


class _Connection:
    """One accepted connection, read request by request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._ahead = b""

    async def request(self) -> Seen | None:
        """The next request; None when the client has closed the connection."""
        try:
            head = self._ahead + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as end:
            if end.partial or self._ahead:
                raise
            return None
        self._ahead = b""
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        method, target, _ = first.split(" ")
        return Seen(method, target, headers, body)

    async def left(self) -> None:
        """Return when the client closes the connection. A byte of its next request is kept for that."""
        while not self._ahead:
            byte = await self._reader.read(1)
            if not byte:
                return
            self._ahead = byte
        await asyncio.Event().wait()


async def _stream(writer: asyncio.StreamWriter, parts: Iterator[bytes], headers: Mapping[str, str]) -> None:
    """An answer in chunks, as long as the client takes them."""
    writer.write(_head(HTTPStatus.OK, {**headers, "Transfer-Encoding": "chunked"}))
    for part in parts:
        writer.write(b"%x\r\n%b\r\n" % (len(part), part))
        await writer.drain()
        await asyncio.sleep(0)  # draining does not wait while there is room
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Type: application/fhir+json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
