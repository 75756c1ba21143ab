"""Real server processes for the measurements: an installation in a folder, `trd-cds serve` on it, a client that signs.

The installation is as a hospital's would be after go-live: one registered client in live mode, and a site overlay in
which the knowledge was accepted. Each server has a process group of its own, so that a kill reaches its workers too.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from cds_hooks.catalogue import queries
from cds_hooks.clock import SystemClock
from cds_hooks.sandbox import ResourceStore, create_sandbox
from cds_hooks.settings import Settings
from cds_hooks.simulator.hook_requests import Route, hook_request, prefetched
from cds_hooks.storage.database import Database
from cds_hooks.storage.keys import read_keys
from cds_hooks.storage.records import Records
from cds_hooks.storage.retention import Retention
from cds_hooks.stories import Story
from mappings.load import Knowledge, load
from mappings.overlay import ACCEPTANCES

ROOT = Path(__file__).parents[1]
CLIENT = "measuring-client"
ISSUER = "https://client.example"
BASE = "https://cds.example"
SERVICE = f"{BASE}/cds-services/trd-order-sign"
ORDER_SIGN = "/cds-services/trd-order-sign"
FEEDBACK = f"{ORDER_SIGN}/feedback"
_TOKEN_SECONDS = 3000
Algorithm = Literal["ES384", "RS384"]


@dataclass(frozen=True)
class Installation:
    """Folder, database and client of one installation. `database_url` empty: the embedded one, in the folder."""

    folder: Path
    database_url: str
    private_key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def make(
        cls,
        folder: Path,
        *,
        database_url: str = "",
        mode: str = "live",
        accepted: bool = True,
        fhir_server: str = "http://127.0.0.1:9/fhir",
        algorithm: Algorithm = "ES384",
    ) -> Installation:
        """Write registry, overlay and installation key into the empty `folder`; the client signs by `algorithm`."""
        private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
        if algorithm == "RS384":
            private = rsa.generate_private_key(65537, 2048)
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key()))
        else:
            private = ec.generate_private_key(ec.SECP384R1())
            public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(private.public_key()))
        public |= {"kid": "measuring", "alg": algorithm, "use": "sig"}
        (folder / "client.jwks.json").write_text(json.dumps({"keys": [public]}), encoding="utf-8")
        (folder / "registry.yaml").write_text(
            f"clients: [{{id: {CLIENT}, name: Measuring client, issuer: '{ISSUER}', jwks_file: client.jwks.json, "
            f"mode: {mode}, calls_per_minute: 1000000, fhir_servers: ['{fhir_server}']}}]\n",
            encoding="utf-8",
        )
        (folder / "data").mkdir()
        read_keys(folder / "installation.key", make=True)
        site = folder / "site"
        site.mkdir()
        today = SystemClock().today("UTC")
        (site / "site.yaml").write_text(
            f"id: measured\nname: Measured\naccepted_by: Nobody, for a measurement\naccepted_on: {today}\n",
            encoding="utf-8",
        )
        if accepted:
            known = load()
            (site / ACCEPTANCES).write_text(
                f'- {{version: "{known.version}", hash: "{known.content_hash}", who: "Nobody, for a measurement", '
                f"when: {today}}}\n",
                encoding="utf-8",
            )
        return cls(folder, database_url, private)

    @property
    def environment(self) -> dict[str, str]:
        """What the commands of this installation need in their environment, and nothing of ours beside it."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRD_CDS_")}
        named = {
            "PYTHONPATH": str(ROOT),
            "TRD_CDS_BASE_URL": BASE,
            "TRD_CDS_REGISTRY_FILE": str(self.folder / "registry.yaml"),
            "TRD_CDS_SITE": str(self.folder / "site"),
            "TRD_CDS_DATA_DIR": str(self.folder / "data"),
            "TRD_CDS_KEY_FILE": str(self.folder / "installation.key"),
        }
        return kept | named | ({"TRD_CDS_DATABASE_URL": self.database_url} if self.database_url else {})

    def token(self, audience: str = SERVICE, *, at: datetime | None = None) -> str:
        """A signed token for one call, issued at the instant `at`, by default now."""
        now = int(at.timestamp() if at is not None else time.time())
        claims = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + _TOKEN_SECONDS, "jti": str(uuid.uuid4())}
        algorithm: Algorithm = "RS384" if isinstance(self.private_key, rsa.RSAPrivateKey) else "ES384"
        return jwt.encode(claims, self.private_key, algorithm=algorithm, headers={"kid": "measuring", "typ": "JWT"})

    def records(self) -> Records:
        """The records, as another process on the same database sees them."""
        settings = Settings(data_dir=self.folder / "data", database_url=self.database_url or None)
        keys = read_keys(self.folder / "installation.key", make=False)
        keeping = Retention(cards_days=730, feedback_days=730, audit_days=2192)
        return Records.of(Database(settings.database_address), keys, keeping, keep_comments=False)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `trd-cds ARGUMENTS` on this installation to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cds_hooks", *arguments],
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


class ServerProcess:
    """One `trd-cds serve` on `installation`, in a process group of its own; what it says goes into a file."""

    def __init__(
        self, installation: Installation, *, workers: int = 1, port: int | None = None, **environment: str
    ) -> None:
        self.port = port or free_port()
        self.said = installation.folder / f"server-{self.port}-{uuid.uuid4().hex[:8]}.log"
        with self.said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cds_hooks", "serve", "--port", str(self.port), "--workers", str(workers)],
                env=installation.environment | environment,
                cwd=ROOT,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    @property
    def base(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def await_ready(self, seconds: float = 60) -> float:
        """Wait until it is ready; the seconds that took. TimeoutError when it is not, or has ended."""
        started = time.monotonic()
        while time.monotonic() - started < seconds and self.process.poll() is None:
            try:
                if httpx.get(f"{self.base}/health/ready", trust_env=False, timeout=5).status_code == 200:
                    return time.monotonic() - started
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise TimeoutError(f"the server was not ready after {time.monotonic() - started:.0f} s")

    def workers(self) -> list[int]:
        """The process ids of those that serve: the children that hold the application, or the process itself."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        serving = [pid for pid in map(int, children.split()) if b"spawn_main" in _command_line(pid)]
        return serving or [self.process.pid]

    def kill(self) -> None:
        """SIGKILL to the whole group: nothing of it gets a chance to finish anything."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, number: int = signal.SIGTERM, seconds: float = 60) -> int:
        """Ask the first process to end, as a supervisor does, and wait; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.ended(seconds)

    def ended(self, seconds: float = 60) -> int:
        """Wait for the end; the exit status."""
        return self.process.wait(timeout=seconds)

    def complaints(self) -> list[str]:
        """The lines that no healthy server prints: errors, tracebacks, anything that is not a line of its log."""
        complained = []
        lines = self.said.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        for line in lines:
            if not line.endswith("\n") and line.startswith("{"):
                continue  # cut off by the kill
            if line.startswith("trd-cds: s"):
                continue  # serving, starting
            try:
                healthy = json.loads(line)["level"] == "info"
            except (ValueError, KeyError):
                healthy = False
            if not healthy:
                complained.append(line.strip()[:200])
        return complained


@contextmanager
def serving(installation: Installation, *, workers: int = 1, **environment: str) -> Iterator[ServerProcess]:
    """A server that is ready, and stopped at the end of the block whatever happens."""
    server = ServerProcess(installation, workers=workers, **environment)
    try:
        server.await_ready()
        yield server
    finally:
        if server.process.poll() is None:
            server.kill()


async def order_sign(story: Story, knowledge: Knowledge, *, with_prefetch: bool = True) -> dict[str, Any]:
    """An order-sign for a patient of the demo as an EHR sends it, the whole record prefetched."""
    sandbox = create_sandbox(ResourceStore(story.resources), base_url="http://sandbox")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sandbox), base_url="http://sandbox") as ehr:
        route = Route.PREFETCHED if with_prefetch else Route.PULLED
        sent = await prefetched(ehr, queries(knowledge), story.patient_id, route)
    request = hook_request(
        hook="order-sign", patient_id=story.patient_id, draft=story.suggested_order, prefetch=sent, fhir_server=""
    )
    del request["fhirServer"]
    return request


def free_port() -> int:
    """A port that nobody used a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
