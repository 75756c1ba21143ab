"""Another FHIR server and another CDS service on this machine, as an integrator would point the simulator at them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from tests.simulator.browsing import free_port

DISCOVERY = {
    "services": [
        {
            "hook": "patient-view",
            "id": "greeter",
            "title": "Greeter",
            "description": "Says something faulty",
            "prefetch": {
                "who": "Patient/{{context.patientId}}",
                "nothing": "Observation/none-of-{{context.patientId}}",
                "role": "PractitionerRole/{{userPractitionerRoleId}}",
                "recent": "Observation?patient={{context.patientId}}&date=ge{{today() - 30 days}}",
            },
        },
        {"hook": "order-dispatch", "id": "unknown-hook", "title": "x", "description": "x"},
    ]
}
FAULTY = {
    "cards": [
        {
            "uuid": "11111111-1111-4111-8111-111111111111",
            "summary": "Faulty <b>card</b>",
            "detail": "[click](javascript:alert(1)) <img src=x onerror=alert(1)>",
            "indicator": "success",
            "source": {"label": "A faulty service", "url": "javascript:alert(2)"},
            "name": "not defined",
            "links": [],
        },
        {
            "summary": "Not to be shown",
            "indicator": "info",
            "source": {"label": "x"},
            "suggestions": [{"label": "x", "actions": [{"type": "create", "description": "x"}]}],
        },
    ]
}


@contextmanager
def running(app: ASGIApp, port: int) -> Iterator[str]:
    """An ASGI application on `port`."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < until, "the server did not start"
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def faulty_service(*, cors: bool = True, login: bool = False) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A CDS service that breaks the specification, with or without CORS; and the requests it got."""
    got: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", free_port()), _handler(got, cors=cors, login=login))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=10)


def _handler(got: list[dict[str, Any]], *, cors: bool, login: bool) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_OPTIONS(self) -> None:
            self._send(204, None)

        def do_GET(self) -> None:
            self._send(200, DISCOVERY)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            authorization = self.headers.get("Authorization")
            got.append({"path": self.path, "body": body, "authorization": authorization})
            self._send(401 if login and not authorization else 200, FAULTY)

        def _send(self, status: int, body: object) -> None:
            self.send_response(status)
            if cors:
                self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
                self.send_header("Access-Control-Allow-Headers", "Content-Type, Authorization, Accept")
                self.send_header("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
            text = b"" if body is None else json.dumps(body).encode()
            if text:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Nothing is written."""

    return Handler
