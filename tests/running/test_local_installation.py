"""What `make serve` and `make call` run, from nothing to the first card: the commands it prints work as printed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmarks.serving_process import Installation, ServerProcess
from cds_hooks.trust.registry import load_registry

ROOT = Path(__file__).parents[2]
SCRIPT = "docs/examples/client.py"


def client(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, SCRIPT, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


class Local(Installation):
    """The installation that the script made, with the settings it wrote."""

    @property
    def environment(self) -> dict[str, str]:
        written = (self.folder / "local.env").read_text(encoding="utf-8")
        settings = dict(re.findall(r"^export (\w+)=(\S+)$", written, re.MULTILINE))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRD_CDS_")}
        return {**kept, "PYTHONPATH": str(ROOT), **settings}


@contextmanager
def served(local: Local, port: int) -> Iterator[str]:
    server = ServerProcess(local, port=port)
    try:
        server.await_ready()
        yield f"{server.base}/cds-services/trd-order-sign"
        assert server.stop() == 0
        assert server.complaints() == []
    finally:
        if server.process.poll() is None:
            server.kill()


def test_from_nothing_to_the_first_card(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    from benchmarks.serving_process import free_port

    folder, port = tmp_path / "data", free_port()
    made = client("install", str(folder), "--base", f"http://127.0.0.1:{port}")
    assert made.returncode == 0, made.stderr
    private = folder / "client" / "client.pem"
    assert private.stat().st_mode & 0o077 == 0
    local = Local(folder, "", ec.generate_private_key(ec.SECP384R1()))
    (registered,) = load_registry(folder / "trust" / "registry.yaml")
    assert registered.entry.mode == "shadow"
    before = private.read_bytes()
    assert client("install", str(folder), "--base", f"http://127.0.0.1:{port}").returncode == 0
    assert private.read_bytes() == before, "made once"

    with served(local, port) as service:
        called = client("call", "--secret", str(private.parent), "--service", service)
        assert json.loads(called.stdout) == {"cards": []}
        assert "shadow" in called.stderr
        shown = local.command("mode", "show").stdout
        assert "accepted by nobody" in shown
        assert "demo-client: shadow" in shown

    accepted = local.command("knowledge", "accept", str(folder / "site"), "--who", "Dr A. Example")
    assert accepted.returncode == 0, accepted.stderr
    with served(local, port) as service:
        switch = ("mode", "set", "live", "--client", "demo-client", "--who", "Dr A. Example", "--why", "trial")
        assert local.command(*switch).returncode == 0
        called = client("call", "--secret", str(private.parent), "--service", service)
        cards = json.loads(called.stdout)["cards"]
        assert cards
        assert called.stderr == ""
        told = client("feedback", cards[0]["uuid"], "accepted", "--secret", str(private.parent), "--service", service)
        assert told.returncode == 0, told.stdout
    assert local.command("audit", "verify").returncode == 0


def test_every_command_it_prints_is_one_of_ours(tmp_path: Path) -> None:
    printed = client("install", str(tmp_path / "data")).stdout
    commands = re.findall(r"bin/trd-cds (\w+ \w+)", printed)
    assert {"mode show", "feedback report", "knowledge accept", "mode set"} <= set(commands)
    for command in set(commands):
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-m", "cds_hooks", *command.split(), "--help"],
            cwd=ROOT, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, command


def test_a_client_without_keys_or_service_says_so(tmp_path: Path) -> None:
    missing = client("call", "--secret", str(tmp_path))
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "--secret" in missing.stderr
    client("install", str(tmp_path / "data"))
    nobody = client("call", "--secret", str(tmp_path / "data" / "client"), "--service", "http://127.0.0.1:9/x")
    assert nobody.returncode == 1
    assert "Traceback" not in nobody.stderr


def test_secrets_are_made_once_and_for_their_owner(tmp_path: Path) -> None:
    database, service = tmp_path / "database", tmp_path / "service"
    database.mkdir(), service.mkdir()
    arguments = ("secrets", "--database", str(database), "--installation", str(service), "--host", "database")
    assert client(*arguments).returncode == 0
    files = [database / "password", database / "pgpass", service / "installation.key"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    password = files[0].read_text(encoding="ascii")
    assert len(password) >= 32
    assert files[1].read_text(encoding="ascii") == f"database:5432:trd_cds:trd_cds:{password}\n"
    before = [file.read_bytes() for file in files]
    again = client(*arguments)
    assert again.returncode == 0
    assert password not in again.stdout + again.stderr
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("target", ["serve", "call", "kill-test", "soak"])
def test_make_has_the_targets(target: str) -> None:
    assert re.search(rf"^{target}: .*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
