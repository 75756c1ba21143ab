"""The page with passwords that are checked quickly."""

from __future__ import annotations

import pytest

from cds_hooks.governance import login, readers
from tests.governance.serving import QUICK


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is slow by design, and every application that is made hashes a password of nobody."""
    assert login.HASHER is readers.HASHER
    monkeypatch.setattr(login, "HASHER", QUICK)
