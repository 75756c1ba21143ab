"""The lock files are those of pyproject.toml: every requirement is locked, at a version it allows, with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
RUNTIME = PROJECT["project"]["dependencies"]
DEVELOPMENT = PROJECT["dependency-groups"]["dev"]
BESIDE = ("browser", "spark", "bench", "fuzz", "mutation", "release")


def asked(kind: str) -> list[str]:
    """The requirements of one environment that is built upon the one for development."""
    lines = (ROOT / f"requirements-{kind}.in").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)


def locked(file: str) -> dict[str, list[str]]:
    """Versions by name; a universal lock may hold several of one name for different platforms."""
    found: dict[str, list[str]] = {}
    for pin in _PIN.finditer((ROOT / file).read_text(encoding="utf-8")):
        found.setdefault(canonicalize_name(pin["name"]), []).append(pin["version"])
    return found


@pytest.mark.parametrize(
    ("file", "wanted"),
    [
        ("requirements.lock", RUNTIME),
        ("requirements-dev.lock", [*RUNTIME, *DEVELOPMENT]),
        *((f"requirements-{kind}.lock", asked(kind)) for kind in BESIDE),
    ],
)
def test_every_requirement_is_locked_at_a_version_it_allows(file: str, wanted: list[str]) -> None:
    pins = locked(file)
    for written in wanted:
        requirement = Requirement(written)
        versions = pins.get(canonicalize_name(requirement.name))
        assert versions, f"{requirement.name} is not in {file}: make lock"
        for version in versions:
            assert requirement.specifier.contains(version), f"{requirement.name} {version} in {file}: make lock"


@pytest.mark.parametrize(
    "file", ["requirements.lock", "requirements-dev.lock", *(f"requirements-{kind}.lock" for kind in BESIDE)]
)
def test_every_pin_has_hashes_and_no_address(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[A-Za-z])", text.strip())
    assert len(blocks) > 1
    for block in blocks:
        if not block.startswith("#"):
            assert "--hash=sha256:" in block, block.splitlines()[0]
    assert "://" not in text


def test_the_environments_build_on_each_other() -> None:
    runtime, development = (locked(f"requirements{kind}.lock") for kind in ("", "-dev"))
    for name, versions in runtime.items():
        assert development.get(name) == versions, name
    for kind in BESIDE:
        for name, versions in locked(f"requirements-{kind}.lock").items():
            assert development.get(name, versions) == versions, (kind, name)
