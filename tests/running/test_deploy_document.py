"""docs/deploy.md: its settings and commands exist, its backup restores, its unit and proxies fit the service."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.serving_process import CLIENT, Installation
from cds_hooks.__main__ import run
from cds_hooks.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
_GROUPS = "mode|audit|knowledge|database|feedback"
COMMANDS = sorted(set(re.findall(rf"trd-cds ((?:{_GROUPS}) [a-z]+)", TEXT)))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_every_setting_it_names_exists() -> None:
    named = set(re.findall(r"TRD_CDS_[A-Z_]+", TEXT))
    assert named
    assert named <= {f"TRD_CDS_{name.upper()}" for name in Settings.model_fields}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_it_names_exists_with_its_options(command: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    known = capfd.readouterr().out
    for line in re.findall(rf"trd-cds {command}([^`\n]*)", TEXT):
        for option in re.findall(r"(?<!\S)--[a-z-]+", line):
            assert option in known, f"{command} {option}"


def test_it_names_the_commands_of_going_live() -> None:
    assert {"knowledge accept", "mode set", "mode show", "audit verify", "database key", "database upgrade"} <= set(
        COMMANDS
    )


def test_the_unit_gives_calls_in_flight_their_time_and_keeps_to_its_folder() -> None:
    (written,) = blocks("ini")
    unit = configparser.ConfigParser(interpolation=None, strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(written)
    service = unit["Service"]
    assert int(service["TimeoutStopSec"]) > Settings.model_fields["drain_seconds"].default
    assert (service["KillSignal"], service["KillMode"]) == ("SIGTERM", "mixed")
    assert f"TRD_CDS_DATA_DIR=/var/lib/{service['StateDirectory']}\n" in TEXT
    program, command, *options = service["ExecStart"].split()
    assert (Path(program).name, command) == ("trd-cds", "serve")
    assert set(options[::2]) <= {"--host", "--port", "--workers"}
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices"):
        assert service[name] == "yes"


def test_the_proxies_lead_to_the_service_and_hide_its_metrics() -> None:
    (nginx,), (caddy,) = blocks("nginx"), blocks("caddyfile")
    assert nginx.count("{") == nginx.count("}")
    assert caddy.count("{") == caddy.count("}")
    assert "proxy_pass http://127.0.0.1:8000;" in nginx
    assert "location /trd/metrics { return 404; }" in nginx
    assert "respond /metrics 404" in caddy


def test_a_backup_restores(installation: Installation, tmp_path: Path) -> None:
    """The first block of its chapter, as written, on a database in use; then a restore into another folder."""
    chapter = TEXT[TEXT.index("## Backup and restore") :]
    script = re.search(r"^```sh\n(.*?)^```$", chapter, re.MULTILINE | re.DOTALL)
    assert script is not None
    data, backup = installation.folder / "data", tmp_path / "backup"
    backup.mkdir()
    shutil.copy(installation.folder / "installation.key", data)  # where it is by default
    throw = ("mode", "set", "off", "--client", CLIENT, "--who", "Test", "--why", "test")
    for command in (("database", "upgrade"), throw):
        assert installation.command(*command).returncode == 0
    program = tmp_path / "bin" / "trd-cds"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m cds_hooks "$@"\n', encoding="ascii")
    program.chmod(0o755)
    done = subprocess.run(  # noqa: S602 - the document's own commands
        script[1],
        shell=True,
        cwd=ROOT,
        env={
            **installation.environment,
            "PATH": f"{program.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "BACKUP": str(backup),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    head = re.search(r"head (\S+)", done.stdout)
    assert head is not None
    assert installation.command(*throw[:2], "default", *throw[3:]).returncode == 0, "after the backup"

    shutil.rmtree(data)
    data.mkdir()
    for name in ("trd-cds.sqlite3", "installation.key"):
        shutil.copy2(backup / name, data)
    restored = installation.command("audit", "verify", "--head", head[1])
    assert restored.returncode == 0, restored.stdout
    assert f"head {head[1]}" in restored.stdout
    assert f"client {CLIENT}: off" in installation.command("mode", "show").stdout
