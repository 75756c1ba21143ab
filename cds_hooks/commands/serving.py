"""`trd-cds serve` and `trd-cds demo`: the same service, for registered clients or for a look around."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from starlette.types import ASGIApp

from cds_hooks.app import create_app
from cds_hooks.clock import SystemClock
from cds_hooks.commands.governing import read_readers
from cds_hooks.commands.knowledge_loading import load_knowledge
from cds_hooks.commands.recording import database_is_gone, open_records, prepare_records, tell_of_loss
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.registering import read_ehrs, read_registry
from cds_hooks.commands.server_processes import (
    end_with_parent,
    refuse_to_work,
    run_alone,
    run_workers,
    take_short_turns,
)
from cds_hooks.commands.surroundings import address_of, read_settings, require_free
from cds_hooks.commands.tracing import open_tracing
from cds_hooks.cut_off import CutOff
from cds_hooks.memory import building, settle_memory
from cds_hooks.path_prefix import PathPrefix, prefix_of
from cds_hooks.settings import is_loopback
from cds_hooks.startable import ConfigurationError
from cds_hooks.web.intended_use import add_intended_use
from cds_hooks.web.source_attributes import add_source_attributes

WORKER = "cds_hooks.commands.serving:worker"

Host = Annotated[str, typer.Option(metavar="H", help="Address to bind.")]
Port = Annotated[int, typer.Option(metavar="P", min=1, max=65535, help="Port to bind.")]


def serve(
    host: Host = "127.0.0.1",
    port: Port = 8000,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="Worker processes.")] = 1,
) -> None:
    """Run the service; every caller must be a client of the registry (TRD_CDS_REGISTRY_FILE)."""
    settings = read_settings()
    gone = database_is_gone(settings)
    with building(for_good=True):
        app = application()  # every fault of configuration is told here, once, and not by each worker
        prepare_records(settings)
    require_free(host, port)
    if gone:
        tell_of_loss()
    address = f"{address_of(host, port)}/cds-services"
    if workers == 1:
        settle_memory()

        def say() -> None:
            typer.echo(f"trd-cds: serving {address}; Ctrl-C stops it", err=True)

        run_alone(app, say, host=host, port=port, drain_seconds=settings.drain_seconds)
        return
    del app
    typer.echo(f"trd-cds: starting {workers} workers for {address}; Ctrl-C stops them", err=True)
    run_workers(WORKER, workers, host=host, port=port, drain_seconds=settings.drain_seconds)


def application() -> ASGIApp:
    """The service as it stands in the environment, below the path of its public address; raises Refusal for what is
    wrong there.
    """
    settings = read_settings()
    if settings.open_mode:
        raise Refusal("TRD_CDS_OPEN_MODE", "is on, and serve always asks for login", "unset it, or run `trd-cds demo`")
    knowledge, clock = load_knowledge(site=settings.site), SystemClock()
    registry = read_registry(settings, knowledge)
    try:
        app = create_app(
            settings=settings,
            knowledge=knowledge,
            clock=clock,
            registry=registry,
            records=open_records(settings),
            readers=read_readers(settings),
            ehrs=read_ehrs(settings, registry),
            tracing=open_tracing(settings, clock),
        )
    except ConfigurationError as fault:
        raise Refusal("settings", str(fault).rstrip("."), "correct the environment") from None
    add_intended_use(app)
    add_source_attributes(
        app,
        knowledge,
        knowledge.attribute_statements,
        clock=clock,
        time_zone=settings.time_zone,
        definition=settings.definition,
    )
    prefix = prefix_of(settings.base_url)
    return CutOff(PathPrefix(app, prefix) if prefix else app)


def worker() -> ASGIApp:
    """The service as each of several workers builds it: its parent has found the environment in order."""
    end_with_parent()
    take_short_turns()
    try:
        with building(for_good=True):
            app = application()
    except Refusal as refusal:
        refuse_to_work(refusal)
        raise
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
    from cds_hooks.demo import create_demo  # noqa: PLC0415 - its EHR and patients: `serve` has no use for them

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
        run_alone(app, lambda: typer.echo(welcome(base)), host=host, port=port, drain_seconds=settings.drain_seconds)


def welcome(base: str) -> str:
    """What the demo says once it answers: where it is, and one line that works as it stands."""
    return (
        f"trd-cds demo on {base} (Ctrl-C stops it). Try the page, or:\n"
        f"curl -s {base}/demo/request.json | curl -s -H 'Content-Type: application/json' -d @- "
        f"{base}/cds-services/trd-order-sign\n"
        "Synthetic patients; not clinically validated; not a diagnosis."
    )
