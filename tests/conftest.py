"""What several kinds of test share."""

from __future__ import annotations

import pytest

from mappings.load import Knowledge, load


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The packaged knowledge."""
    return load()
