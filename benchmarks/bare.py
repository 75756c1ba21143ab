"""The framework alone: one FastAPI route that decodes the body and answers a fixed card. Nothing of ours is imported.

A process of its own serves it for the comparison of memory and start; `bench_server` puts `floor` before the service.

    python -m benchmarks.bare --port P
"""

from __future__ import annotations

import argparse
import gc

import orjson
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

FLOOR, FRAMEWORK = "/floor", "/framework"
CARD = orjson.dumps(
    {"cards": [{"summary": "fixed", "indicator": "info", "source": {"label": "floor", "url": "https://example.org"}}]}
)


async def floor(scope: Scope, receive: Receive, send: Send) -> None:
    """The least that any service on this server does: take the body in, decode it, answer a fixed card."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    orjson.loads(body)
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(CARD)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": CARD})


def framework() -> FastAPI:
    """The same through a route of the framework."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post(FRAMEWORK)
    async def answer(request: Request) -> Response:
        orjson.loads(await request.body())
        return Response(CARD, media_type="application/json")

    return app


def main() -> None:
    """Serve until stopped."""
    parser = argparse.ArgumentParser(description="The framework alone, on loopback.")
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    app = framework()
    gc.collect()
    gc.freeze()
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False, timeout_keep_alive=75)


if __name__ == "__main__":
    main()
