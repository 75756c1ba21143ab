"""A PostgreSQL server of the tests' own: made in an empty folder, on loopback, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_USER = "trd"
_PASSWORD = "only-for-tests"


class MissingServiceError(Exception):
    """PostgreSQL is not installed here; `make setup-services` installs it."""


def programs() -> Path:
    """The folder of the newest PostgreSQL server installed. Raises MissingServiceError when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path:
        return Path(on_path).parent
    raise MissingServiceError("PostgreSQL is not installed: run `make setup-services`")


@dataclass(frozen=True)
class Server:
    """A PostgreSQL server: the `url` of an empty database of its administrator, and how to stop and start it."""

    url: str
    folder: Path
    tools: Path
    user: str | None
    port: int

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200"
        self._control("-t", "60", "-l", self.folder / "log", "-o", options, "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it; ``immediate`` is as if it had crashed, ``fast`` ends all sessions first."""
        self._control("-m", mode, "stop")

    def dump(self, database: str) -> bytes:
        """All rows of `database` as SQL text; binary values are in hexadecimal digits."""
        url = self.url.rpartition("/")[0] + f"/{database}"
        command = [self.tools / "pg_dump", "--data-only", "--inserts", "--no-owner", f"--dbname={url}"]
        return subprocess.run(command, check=True, capture_output=True).stdout  # noqa: S603

    def _control(self, *words: str | Path) -> None:
        command = [self.tools / "pg_ctl", "-D", self.folder / "data", "-w", *words]
        subprocess.run(command, user=self.user, cwd=self.folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603


@contextmanager
def postgres_server() -> Iterator[Server]:
    """A server that lives as long as the block."""
    tools = programs()
    # The server refuses to run as root; there it runs as the user its package made.
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="trd-cds-pg-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        secret = folder / "password"
        secret.write_text(_PASSWORD, encoding="ascii")
        if user is not None:
            shutil.chown(folder, user)
            shutil.chown(secret, user)
        folder.chmod(0o700)
        port, words = _free_port(), ("--pwfile", secret, "-E", "UTF8", "-N")
        subprocess.run(  # noqa: S603
            [tools / "initdb", "-D", folder / "data", "-U", _USER, "-A", "scram-sha-256", *words],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        server = Server(f"postgresql://{_USER}:{_PASSWORD}@127.0.0.1:{port}/postgres", folder, tools, user, port)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # a test left it stopped
                server.stop()


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of an empty database on a server that lives as long as the block."""
    with postgres_server() as server:
        yield server.url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
