"""An empty FHIR R4 server in memory, on this machine only, that takes what it is sent: to try the service against.

It is the sandbox of the demo, writable. Nothing is kept when it stops, and nobody is asked to log in: synthetic
patients only.
"""

from __future__ import annotations

import argparse

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from cds_hooks.clock import SystemClock
from cds_hooks.sandbox import ResourceStore, create_sandbox

HOST = "127.0.0.1"


def main() -> None:
    """Serve until it is interrupted."""
    parser = argparse.ArgumentParser(description="An empty FHIR R4 server in memory, at http://127.0.0.1:PORT/fhir.")
    parser.add_argument("--port", type=int, default=8080)
    port = parser.parse_args().port
    store = ResourceStore(clock=SystemClock())
    sandbox = create_sandbox(store, base_url=f"http://{HOST}:{port}/fhir", writable=True)
    # A loader may name the base with or without the final slash: the route without leads to the one with it.
    uvicorn.run(Starlette(routes=[Mount("/fhir", sandbox)]), host=HOST, port=port, log_level="warning")


if __name__ == "__main__":
    main()
