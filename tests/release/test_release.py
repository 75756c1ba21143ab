"""What a release consists of: the list of parts names every locked part with its hashes, checksums can be verified, and
the rendered chart is Helm's own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from tests.release.chart import RENDERED, render

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.services  # the programs of `make chart` and `make sbom`, and ssh-keygen


def run(*command: str | Path, cwd: Path = ROOT, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([str(one) for one in command], cwd=cwd, check=True, capture_output=True, **more)  # noqa: S603


def recipe(target: str) -> str:
    """The commands of a target of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)
    assert found, target
    return found[1]


def test_the_list_of_parts_names_every_locked_part_with_its_hashes(tmp_path: Path) -> None:
    [words] = re.findall(r"cyclonedx-py (.+) -o ", recipe("sbom"))
    made = tmp_path / "parts.json"
    run(Path(sys.executable).with_name("cyclonedx-py"), *words.split(), "-o", made)
    listed = json.loads(made.read_text(encoding="utf-8"))
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = {
        (canonicalize_name(name), version): set(re.findall(r"sha256:([0-9a-f]{64})", hashes))
        for name, version, hashes in re.findall(r"^([\w.-]+)==(\S+)[^\n]*((?:\n    --hash\S+.*)+)", lock, re.MULTILINE)
    }
    told = {
        (canonicalize_name(one["name"]), one["version"]): {
            each["content"] for where in one["externalReferences"] for each in where.get("hashes", [])
        }
        for one in listed["components"]
    }
    assert told == pinned and len(pinned) > 40
    assert listed["metadata"]["component"]["name"] == "trd-cds-hooks"


def test_a_signed_release_is_verified_and_a_changed_one_is_not(tmp_path: Path) -> None:
    """By the command of `make release`, and by those that docs/deploy.md gives to whoever installs one."""
    key = tmp_path / "key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    (tmp_path / "trd_cds_hooks-0.1.0-py3-none-any.whl").write_bytes(b"a wheel")
    for name in ("trd-cds.cdx.json", "requirements.lock"):
        (tmp_path / name).write_bytes(b"{}")
    [command] = re.findall(r"cd dist && (.+)\n", recipe("release"))
    run("sh", "-c", command.replace("$(abspath $(KEY))", str(key)), cwd=tmp_path)
    (tmp_path / "allowed_signers").write_text(
        "release@example.org " + key.with_suffix(".pub").read_text(encoding="ascii"), encoding="ascii"
    )
    document = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```sh\n(ssh-keygen -Y verify.+?)```", document, re.DOTALL)
    run("sh", "-ec", block, cwd=tmp_path)
    (tmp_path / "requirements.lock").write_bytes(b"{ }")
    with pytest.raises(subprocess.CalledProcessError):
        run("sh", "-ec", block, cwd=tmp_path)
    run("sh", "-c", "sha256sum requirements.lock *.whl *.json > SHA256SUMS", cwd=tmp_path)
    with pytest.raises(subprocess.CalledProcessError):
        run("sh", "-ec", block, cwd=tmp_path)


def test_the_rendered_chart_is_what_helm_makes_of_it() -> None:
    assert RENDERED.read_text(encoding="utf-8") == render()
