"""One call to the service inside this process, as the server makes it, without sockets: for profiles and counts."""

from __future__ import annotations

import asyncio
import io
from typing import Any

from starlette.types import ASGIApp, Message

from benchmarks.corpora import Corpus, knowledge, moment
from cds_hooks.app import create_app
from cds_hooks.clock import FixedClock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings

PATH = "/cds-services/trd-order-select"
_ONE_READ = 65_536  # the server hands a body over in pieces of this size


class NoLines(io.StringIO):
    """A stream that keeps nothing."""

    def write(self, text: str) -> int:
        """Take the line and forget it."""
        return len(text)


def application() -> ASGIApp:
    """The service in open mode on the day of the corpora; its log lines are made and thrown away."""
    log = RequestLog(NoLines(), timestamp=lambda: moment().isoformat())
    return create_app(
        settings=Settings(open_mode=True), knowledge=knowledge(), clock=FixedClock(moment()), registry=None, log=log
    )


async def call(app: ASGIApp, corpus: Corpus) -> bytes:
    """The body of the answer to one corpus; RuntimeError unless it is a success."""
    pieces = [corpus.body[start : start + _ONE_READ] for start in range(0, len(corpus.body), _ONE_READ)]
    messages: list[Message] = [
        {"type": "http.request", "body": piece, "more_body": number + 1 < len(pieces)}
        for number, piece in enumerate(pieces)
    ]
    waiting, sent = iter(messages), list[Message]()

    async def receive() -> Message:
        return next(waiting, {"type": "http.disconnect"})

    async def send(message: Message) -> None:
        sent.append(message)

    await asyncio.sleep(0)  # between two calls the server looks at the network, or the second would stand in line
    await app(_scope(corpus), receive, send)
    if sent[0]["status"] != 200:
        raise RuntimeError(f"{corpus.name}: status {sent[0]['status']}")
    return b"".join(message.get("body", b"") for message in sent[1:])


def _scope(corpus: Corpus) -> dict[str, Any]:
    headers = ((b"host", b"127.0.0.1"), (b"content-type", b"application/json"))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*headers, (b"content-length", str(len(corpus.body)).encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
    }
