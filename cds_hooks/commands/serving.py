"""`trd-cds serve` and `trd-cds demo`: the same service, for registered clients or for a look around."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import uvicorn
from fastapi import FastAPI

from cds_hooks.app import ConfigurationError, create_app, settle_memory
from cds_hooks.clock import SystemClock
from cds_hooks.commands.knowing import load_knowledge
from cds_hooks.commands.recording import open_records, prepare_records
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.registering import read_registry
from cds_hooks.commands.surroundings import address_of, read_settings, require_free
from cds_hooks.demo import create_demo
from cds_hooks.settings import is_loopback
from cds_hooks.unreadable import OutcomeProtocol
from cds_hooks.web.intended_use import add_intended_use

APPLICATION = "cds_hooks.commands.serving:application"

Host = Annotated[str, typer.Option(metavar="H", help="Address to bind.")]
Port = Annotated[int, typer.Option(metavar="P", min=1, max=65535, help="Port to bind.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Worker processes.")] = 1,
) -> None:
    """Run the service; every caller must be a client of the registry (TRD_CDS_REGISTRY_FILE)."""
    settings = read_settings()
    application()  # every fault of configuration is told here, once, and not by each worker
    prepare_records(settings)
    require_free(host, port)
    told = f"trd-cds: serving {address_of(host, port)}/cds-services; Ctrl-C stops it"
    typer.echo(told, err=True)
    # The server's own access log stays off: addresses can hold patient ids. The service logs calls itself.
    uvicorn.run(
        APPLICATION,
        host=host,
        port=port,
        workers=workers,
        factory=True,
        access_log=False,
        log_level="warning",
        server_header=False,
        http=OutcomeProtocol,
        timeout_graceful_shutdown=settings.drain_seconds,
    )


def application() -> FastAPI:
    """The service as each worker builds it, from the environment alone; raises Refusal for what is wrong there."""
    settings = read_settings()
    if settings.open_mode:
        raise Refusal("TRD_CDS_OPEN_MODE", "is on, and serve always asks for login", "unset it, or run `trd-cds demo`")
    try:
        app = create_app(
            settings=settings,
            knowledge=load_knowledge(site=settings.site),
            clock=SystemClock(),
            registry=read_registry(settings),
            records=open_records(settings),
        )
    except ConfigurationError as fault:
        raise Refusal("settings", str(fault).rstrip("."), "correct the environment") from None
    add_intended_use(app)
    settle_memory()
    return app


def demo(host: Host = "127.0.0.1", port: Port = 8000) -> None:
    """Run the service without login, a sandbox EHR with synthetic patients and a page to try them."""
    if not is_loopback(host):
        raise Refusal(
            "--host",
            "is not a loopback address, and the demo asks nobody to log in",
            "use 127.0.0.1, or run `trd-cds serve` with a client registry",
        )
    require_free(host, port)
    base = address_of(host, port)
    with TemporaryDirectory(prefix="trd-cds-demo-") as place:  # what the demo keeps is gone when it stops
        settings = read_settings().model_copy(
            update={"data_dir": Path(place), "database_url": None, "key_file": None, "open_mode": True}
        )
        prepare_records(settings)
        app = create_demo(
            settings=settings,
            knowledge=load_knowledge(site=settings.site),
            clock=SystemClock(),
            base_url=base,
            records=open_records(settings),
        )
        settle_memory()
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            access_log=False,
            log_level="warning",
            server_header=False,
            http=OutcomeProtocol,
        )
        _Announced(config, welcome(base)).run()


def welcome(base: str) -> str:
    """What the demo says once it answers: where it is, and one line that works as it stands."""
    return (
        f"trd-cds demo on {base} (Ctrl-C stops it). Try the page, or:\n"
        f"curl -s {base}/demo/request.json | curl -s -H 'Content-Type: application/json' -d @- "
        f"{base}/cds-services/trd-order-sign\n"
        "Synthetic patients; not clinically validated; not a diagnosis."
    )


class _Announced(uvicorn.Server):
    """A server that speaks only once it answers, so that what it prints is true."""

    def __init__(self, config: uvicorn.Config, words: str) -> None:
        super().__init__(config)
        self._words = words

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        if self.started:
            typer.echo(self._words)
