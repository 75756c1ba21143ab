"""Requests that the parser of the server refuses before the application sees them, over a real connection."""

from __future__ import annotations

import asyncio

import pytest
from fhir.resources.R4B.operationoutcome import OperationOutcome
from uvicorn.config import Config
from uvicorn.server import ServerState

from cds_hooks.unreadable import OutcomeProtocol


@pytest.fixture
def said(clinic):
    """What the service says to the bytes of one connection: head and body."""

    async def talk(sent):
        config = Config(clinic().app, log_level="critical", http=OutcomeProtocol, lifespan="off", server_header=False)
        config.load()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: OutcomeProtocol(config=config, server_state=ServerState(), app_state={}), "127.0.0.1", 0
        )
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            answer = await asyncio.wait_for(reader.read(), 10)
            writer.close()
            await writer.wait_closed()
        head, _, body = answer.partition(b"\r\n\r\n")
        return head.decode("ascii").lower(), body

    return lambda sent: asyncio.run(talk(sent))


@pytest.mark.parametrize(
    "sent",
    [
        b"BREW /cds-services/trd-order-select HTTP/1.1\r\nHost: x\r\n\r\n",
        b"post /cds-services/trd-order-select HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /cds-services/canary HTTP/1.1\r\nHost : x\r\nBroken header\r\n\r\n",
        b"{}\r\n\r\n",
    ],
    ids=["unknown method", "method in small letters", "broken header", "no request"],
)
def test_what_is_no_request_gets_an_outcome_that_repeats_nothing(said, sent):
    head, body = said(sent)
    assert head.startswith("http/1.1 400 bad request\r\n")
    assert "content-type: application/json" in head
    assert f"content-length: {len(body)}" in head
    assert "connection: close" in head
    [issue] = OperationOutcome.model_validate_json(body).issue
    assert "POST" in issue.diagnostics
    assert b"canary" not in body
    assert b"BREW" not in body


@pytest.mark.parametrize(("method", "status"), [("GET", 200), ("DELETE", 405), ("QUERY", 405)])
def test_what_can_be_parsed_reaches_the_application(said, method, status):
    head, body = said(f"{method} /cds-services HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert head.startswith(f"http/1.1 {status} ")
    if status == 405:
        OperationOutcome.model_validate_json(body)
