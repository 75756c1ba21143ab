"""Replicas of the service in threads of this process, on real sockets, and a client that calls them from more threads.

The replicas share one database, as workers and replicas do; each has an event loop of its own. Their clock is moved by
hand, and the client's keys are published, so that a test can rotate them while calls go on.
"""

from __future__ import annotations

import io
import json
import socket
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO
from zoneinfo import ZoneInfo

import httpx
import jwt
import uvicorn
from cryptography.hazmat.primitives.asymmetric import ec
from prometheus_client.parser import text_string_to_metric_families

from cds_hooks.app import create_app
from cds_hooks.clock import Clock
from cds_hooks.observing.request_log import RequestLog
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records
from cds_hooks.trust.registry import ClientRegistry, load_registry
from cds_hooks.unreadable import OutcomeProtocol
from mappings.load import Knowledge
from tests.edge.conftest import BASE, FHIR, ISSUER, NOW

JWKS = "https://ehr.example/jwks"
STEADY, SWITCHED = "general", "switched"
SIGN = "trd-order-sign"


@dataclass
class MovableClock:
    """A clock that a test moves by hand; read by all replicas."""

    instant: datetime = NOW

    def now(self) -> datetime:
        return self.instant

    def today(self, zone: str) -> date:
        return self.instant.astimezone(ZoneInfo(zone)).date()


@dataclass
class Client:
    """A registered client whose keys are published at `JWKS` and can be rotated while it calls."""

    clock: Clock
    keys: dict[str, ec.EllipticCurvePrivateKey] = field(default_factory=dict)
    current: str = ""

    def rotate(self) -> None:
        """Publish one more key, and sign with it from now on."""
        name = f"key-{len(self.keys)}"
        self.keys = {**self.keys, name: ec.generate_private_key(ec.SECP256R1())}
        if isinstance(self.clock, MovableClock):
            self.clock.instant += timedelta(seconds=61)  # no address is asked twice in half a minute
        self.current = name

    def published(self, request: httpx.Request) -> httpx.Response:
        """The key set, for whoever fetches it; there is nothing else at this host."""
        if str(request.url) != JWKS:
            return httpx.Response(404)
        return httpx.Response(200, content=self.key_set)

    @property
    def key_set(self) -> bytes:
        """All keys published so far."""
        written = [
            {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key())), "kid": name}
            for name, key in self.keys.items()
        ]
        return json.dumps({"keys": written}).encode()

    def token(self, service: str = SIGN, issuer: str = ISSUER, **changed: Any) -> str:
        """A good token for one call of `service` or of its feedback address."""
        name, now = self.current, int(self.clock.now().timestamp())
        audience = f"{BASE}/cds-services/{service}"
        claims = {"iss": issuer, "aud": audience, "iat": now, "exp": now + 300, "jti": uuid.uuid4().hex, **changed}
        return jwt.encode(claims, self.keys[name], "ES256", headers={"kid": name, "typ": "JWT"})


def registry_of(folder: Path, *, jwks: str = JWKS, fhir: str = FHIR) -> ClientRegistry:
    """Two clients with the same published keys: `STEADY`, and `SWITCHED`, whose mode a test changes."""
    entries = [
        {
            "id": name,
            "name": name,
            "issuer": issuer,
            "jku": [jwks],
            "algorithms": ["ES256"],
            "fhir_servers": [fhir],
            "mode": "live",
            "calls_per_minute": 1_000_000,
        }
        for name, issuer in ((STEADY, ISSUER), (SWITCHED, f"{ISSUER}/switched"))
    ]
    path = folder / "clients.yaml"
    path.write_text(json.dumps({"clients": entries}), encoding="utf-8")
    return load_registry(path)


def application(
    knowledge: Knowledge,
    client: Client,
    registry: ClientRegistry,
    records: Records,
    log: TextIO,
    http: httpx.AsyncClient | None = None,
    **changed: Any,
) -> Any:
    """One replica's application. Without `http` it can call nothing but the key address. It turns nobody away for being
    busy, as this machine may be.
    """
    return create_app(
        settings=Settings(**{"base_url": BASE, "fhir_servers": (FHIR,), "queue_seconds": 60, **changed}),
        knowledge=knowledge,
        clock=client.clock,
        http=http or httpx.AsyncClient(transport=httpx.MockTransport(client.published)),
        registry=registry,
        records=records,
        log=RequestLog(log),
    )


class Replica:
    """An application on a socket of its own, in a thread of its own; use it as a context."""

    def __init__(self, make: Callable[[TextIO], Any]) -> None:
        self.written = io.StringIO()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        config = uvicorn.Config(make(self.written), access_log=False, log_level="error", http=OutcomeProtocol)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})

    def __enter__(self) -> Replica:
        self._thread.start()
        httpx.get(f"{self.base}/health/live", trust_env=False, timeout=30).raise_for_status()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Drain, and end."""
        self._server.should_exit = True
        self._thread.join(30)
        self._listening.close()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of its calls."""
        lines = [json.loads(line) for line in self.written.getvalue().splitlines()]
        return [line for line in lines if line["event"] == "call"]

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of the samples of `metric` that have these labels."""
        text = httpx.get(f"{self.base}/metrics", trust_env=False).raise_for_status().text
        return sum(
            sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == metric and labels.items() <= sample.labels.items()
        )
