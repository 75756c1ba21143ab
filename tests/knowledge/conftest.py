"""A copy of the knowledge that a test may spoil."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mappings.load import DIRECTORY


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the data files that a test may spoil."""
    target = tmp_path / "mappings"
    shutil.copytree(DIRECTORY, target, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return target
