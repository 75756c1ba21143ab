"""The peer: HealthChain with a handler that does nothing but return one fixed card.

It runs in an environment of its own (`benchmarks.peer_server` makes it), on the same server, event loop and parser as
the service, with the garbage collector settled the same way.

    python app.py PORT
"""

import gc
import logging
import sys

import uvicorn
from healthchain.gateway import HealthChainAPI
from healthchain.gateway.cds import CDSHooksService
from healthchain.models import CDSRequest, CDSResponse

logging.disable(logging.WARNING)
service = CDSHooksService()
CARD = {"summary": "fixed", "indicator": "info", "source": {"label": "peer", "url": "https://example.org"}}


@service.hook("order-select", id="empty")
def empty(request: CDSRequest) -> CDSResponse:
    """Return one card, whatever was asked."""
    return CDSResponse(cards=[CARD])


def main() -> None:
    """Serve until stopped."""
    app = HealthChainAPI()
    app.register_service(service)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_level="critical",
        access_log=False,
    )


if __name__ == "__main__":
    main()
