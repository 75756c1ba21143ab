"""docs/sandbox.md, carried out as written: on the embedded server, and on one that is not ours."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cds_hooks.stories import load_stories
from cds_hooks.trust.registry import load_registry
from mappings.load import load
from tests.cli.conftest import START
from tests.planted import LeakScan

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
OWN_TERMINAL = "# In a terminal of its own\n"
SERVERS = {"embedded": "fhir_server.py", "sekmet": "sekmet serve"}
# What the probe and the card say of a server that ignores the patient, one line each.
UNREAD = re.findall(r"^(Not read.*)$", TEXT, re.MULTILINE)
IGNORES_THE_PATIENT = {"sekmet"}
_STARTING_SECONDS = 120


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Rehearsal:
    """The page on a machine of its own: another folder, other ports, and the interpreter of the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fhir_port, self.port = _free_port(), _free_port()
        tools = folder / ".venv" / "bin"
        tools.mkdir(parents=True)
        for name, words in {"python": "", "trd-cds": "-m cds_hooks", "sekmet": "-m sekmet.cli"}.items():
            program = tools / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n', encoding="utf-8")
            program.chmod(0o755)
        (folder / "docs").symlink_to(ROOT / "docs")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRD_CDS_")}
        self.environment = kept | {"PYTHONPATH": str(ROOT)}

    def here(self, block: str) -> str:
        """`block` for this folder and these ports; the data stay where the page says."""
        return f"set -e\n{block}".replace("8080", str(self.fhir_port)).replace("8000", str(self.port))

    def run(self, block: str) -> str:
        """Run `block` to its end; what it printed."""
        done = subprocess.run(  # noqa: S603 - the document's own commands
            ["/bin/sh", "-c", self.here(block)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, f"{block}{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, block: str, address: str, leak_scan: LeakScan) -> Iterator[None]:
        """`block` in a terminal of its own until the end; it must come to answer at `address`."""
        said = self.folder / f"said-{len(list(self.folder.iterdir()))}"
        with said.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - the document's own commands
                ["/bin/sh", "-c", self.here(block)],
                cwd=self.folder,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _await(address, process, said)
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            leak_scan.look(said.read_text(encoding="utf-8"), "a server of docs/sandbox.md")


def _await(address: str, process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + _STARTING_SECONDS
    while True:
        assert process.poll() is None, said.read_text(encoding="utf-8")
        try:
            if httpx.get(address, trust_env=False).is_success:
                return
        except httpx.TransportError:
            pass
        assert time.monotonic() < until, said.read_text(encoding="utf-8")
        time.sleep(0.1)


@pytest.mark.services
@pytest.mark.parametrize("server", sorted(SERVERS))
def test_the_page_leads_to_the_first_card(server: str, tmp_path: Path, leak_scan: LeakScan) -> None:
    stage = Rehearsal(tmp_path)
    own = [block for block in BLOCKS if block.startswith(OWN_TERMINAL)]
    (fhir,) = [block for block in own if SERVERS[server] in block]
    (service,) = [block for block in own if "trd-cds serve" in block]
    loading, probing, installing, living, calling = [
        block for block in BLOCKS if block not in own and not block.startswith("docker")
    ]
    base = f"http://127.0.0.1:{stage.fhir_port}/fhir"
    with stage.running(fhir, f"{base}/metadata", leak_scan):
        stories = load_stories(START, load())
        assert stage.run(loading).startswith(f"{len(stories)} patients, ")
        probed = stage.run(probing)
        leak_scan.look(probed, "the probe of docs/sandbox.md")
        _require_what_the_page_says_of(probed, ignoring=server in IGNORES_THE_PATIENT)
        stage.run(installing)
        stage.run(living)
        with stage.running(service, f"http://127.0.0.1:{stage.port}/health", leak_scan):
            answer = json.loads(stage.run(calling))
    # Nothing was sent along, so what the card tells of the first patient was read from the server.
    assert "- **sertraline**" in answer["cards"][0]["detail"]
    _, of_card = UNREAD
    unread = [line for line in answer["cards"][0]["detail"].splitlines() if "Not read completely" in line]
    assert unread == ([f"- {of_card}"] if server in IGNORES_THE_PATIENT else [])
    assert json.dumps(answer).count("Not read completely") == len(unread)


def _require_what_the_page_says_of(probed: str, *, ignoring: bool) -> None:
    """One line for each way with the service's own marked, the conclusion, nothing unseen but what the page names, and
    a sheet to register without that.
    """
    for key in ("patient", "medicationRequests", "dispenses", "scales", "conditions"):
        assert re.search(rf"^{key} +\S+ +\* ", probed, re.MULTILINE), key
        assert re.search(rf"^{key}\t\S+$", probed, re.MULTILINE), key
    assert re.search(r"^Verdict under \S+: MET$", probed, re.MULTILINE), probed
    assert "Failed adequate trials: at least 2" in probed
    of_probe, _ = UNREAD
    assert re.findall(r"^ +(Not read: .*)$", probed, re.MULTILINE) == ([of_probe] if ignoring else [])
    assert ("Nothing that was asked for." in probed) != ignoring
    assert bool(re.search(r"^questionnaireResponses\t\S+$", probed, re.MULTILINE)) != ignoring
    assert ("QuestionnaireResponse (questionnaireResponses)" in probed.partition("ask the vendor")[2]) == ignoring
    assert "would end with 412" not in probed


def test_every_block_is_accounted_for() -> None:
    assert len(BLOCKS) == 9
    assert [block for block in BLOCKS if "docker" in block] == [
        next(block for block in BLOCKS if block.startswith("docker run"))
    ]
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    (image,) = re.findall(r"hapiproject/hapi:\S+", TEXT)
    assert f"image: {image}\n" in compose


def test_the_entry_of_the_test_client_is_taken(tmp_path: Path) -> None:
    (entry,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    (tmp_path / "registry.yaml").write_text(f"clients:\n{entry}", encoding="utf-8")
    (client,) = load_registry(tmp_path / "registry.yaml")
    assert client.entry.profile == "sandbox"
    assert client.entry.mode == "shadow"


def test_the_patient_it_names_is_told() -> None:
    (patient,) = re.findall(r"`(synthetic-[a-z-]+)`", TEXT)
    (probed,) = re.findall(r"--patient (\S+)", TEXT)
    assert {patient, probed} <= {story.patient_id for story in load_stories(START, load())}
