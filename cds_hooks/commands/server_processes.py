"""The server as processes: one that answers by itself, or a parent with several workers; how they begin and end.

Asked to stop (SIGTERM, or SIGINT from a terminal), a server takes no more connections, finishes the calls it has begun,
and ends with exit status 0. A second SIGINT, or the end of the drain time, cuts calls off.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
import uvicorn
from starlette.types import ASGIApp
from uvicorn.supervisors import Multiprocess

from cds_hooks.commands.refusal import Refusal
from cds_hooks.observing.worker_files import prepare_multiprocess
from cds_hooks.unreadable import OutcomeProtocol

_TURN_SECONDS = 0.001


def run_alone(app: ASGIApp, say: Callable[[], None], *, host: str, port: int, drain_seconds: int) -> None:
    """Serve `app` in this process until told to stop; `say` is called once it answers."""
    take_short_turns()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what the server raises again when it has drained
    server = _Announced(uvicorn.Config(app, **_options(host, port, drain_seconds)), say)
    try:
        server.run()
    except KeyboardInterrupt:
        if not server.started:
            raise  # stopped before it began: no success


def run_workers(application: str, number: int, *, host: str, port: int, drain_seconds: int) -> None:
    """Serve in `number` processes, each of which builds what `application` (``module:factory``) returns.

    A worker that dies is replaced. Raises Refusal when there is no place for the metrics the workers share.
    """
    with _shared_metrics():
        config = uvicorn.Config(application, **_options(host, port, drain_seconds), factory=True, workers=number)
        _Workers(config, sockets=[config.bind_socket()]).run()


def take_short_turns() -> None:
    """While a long record is judged in a thread, let the thread of the other calls have the interpreter more often: it
    asks for it many times a call, and would wait 5 ms each time. A single thread at work is not interrupted.
    """
    sys.setswitchinterval(_TURN_SECONDS)


def end_with_parent() -> None:
    """In a worker: drain and end when the parent is gone, which would otherwise leave it serving, unwatched."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="trd-cds-parent", daemon=True).start()


def refuse_to_work(refusal: Refusal) -> None:
    """In a worker that cannot be built: one line, no traceback. The parent tries again, the others go on serving."""
    typer.echo(f"trd-cds: worker: {refusal}", err=True)
    sys.exit(1)


def _options(host: str, port: int, drain_seconds: int) -> dict[str, Any]:
    # The server's own access log stays off: addresses can hold patient ids. The service logs calls itself.
    return {
        "host": host,
        "port": port,
        "access_log": False,
        "log_level": "warning",
        "server_header": False,
        "http": OutcomeProtocol,
        "ws": "none",
        "timeout_graceful_shutdown": drain_seconds,
        # Longer than proxies keep idle connections (nginx: 60 s), or they would send calls into one that just closes.
        "timeout_keep_alive": 75,
    }


class _Announced(uvicorn.Server):
    """A server that speaks only once it answers, so that what it says is true."""

    def __init__(self, config: uvicorn.Config, say: Callable[[], None]) -> None:
        super().__init__(config)
        self._say = say

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            self._say()


class _Workers(Multiprocess):
    """The parent, which closes the door itself: while it held it open, callers would queue for nobody."""

    def terminate_all(self) -> None:
        """Close the listening socket, then tell every worker to drain."""
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


@contextmanager
def _shared_metrics() -> Iterator[None]:
    """A folder for the numbers of the workers, gone with the parent."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="trd-cds-metrics-", ignore_cleanup_errors=True)
    except OSError as fault:
        raise Refusal(
            "TMPDIR",
            f"no temporary folder can be made ({fault.strerror or 'not usable'}), and several workers share one",
            "name one that this user may write, best in memory",
        ) from None
    with folder as place:
        prepare_multiprocess(Path(place))
        yield
