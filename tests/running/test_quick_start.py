"""What a starting server does not load: a clinician may be waiting for its first answer."""

from __future__ import annotations

import json
import subprocess
import sys

# The demo's EHR and patients, the commands beside `serve`, models to check our own resources, changing of tables, the
# other kind of database, the app and snapshots where no EHR is registered for them.
NOT_NEEDED = (
    "alembic",
    "cds_hooks.checking",
    "cds_hooks.cohort",
    "cds_hooks.probing",
    "cds_hooks.sandbox",
    "cds_hooks.silent",
    "cds_hooks.simulator",
    "cds_hooks.smart.routes",
    "cds_hooks.snapshots.making",
    "cds_hooks.stories",
    "duckdb",
    "fhir.resources",
    "opentelemetry.sdk",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.ext.asyncio",
)
_LOADS = """
import json, sys
from cds_hooks.__main__ import command_line
command_line(["serve"])
print(json.dumps(sorted(sys.modules)))
"""


def test_serve_loads_nothing_that_it_has_no_use_for() -> None:
    told = subprocess.run([sys.executable, "-c", _LOADS], capture_output=True, text=True, check=True)  # noqa: S603
    loaded = json.loads(told.stdout)
    assert "cds_hooks.commands.serving" in loaded
    assert [name for name in loaded if name.startswith(NOT_NEEDED)] == []
