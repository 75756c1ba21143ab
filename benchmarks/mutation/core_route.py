"""The tests that run the reasoning inside their own process, as a pytest session that is driven from here.

A vignette goes through the reasoning alone: its calls of the service are left out, which would carry the same mutant.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

# The paths of `make coverage` first, which tests/docs/test_mutation_page.py compares; then two more that judge here.
PATHS = (
    "tests/reasoning",
    "tests/ingest",
    "tests/unit",
    "tests/reported",
    "tests/knowledge/test_conflicts.py",
    "tests/knowledge/test_overlay.py",
    "tests/knowledge/test_recognition_measure.py",
    "tests/test_vignettes.py",
    "tests/silent/test_known_then.py",
    "tests/conformance/test_assessment_contract.py",
)
_ARGUMENTS = ("-q", "--assert=plain", "--tb=no", "--capture=no", "-p", "no:cacheprovider", "-p", "no:cov")
_MARKS = ("-m", "not browser and not services and not deep")


class CoreRoute:
    """Sees to it that every test is the same each time, and that vignettes stay in their own process."""

    def pytest_configure(self) -> None:
        """Random tests draw the same examples every time, and lose no time on making a failure small."""
        settings.register_profile(
            "mutation",
            derandomize=True,
            database=None,
            deadline=None,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """No route through the service."""
        for item in items:
            if "routes" in (params := getattr(getattr(item, "callspec", None), "params", {})):
                params["routes"] = ()

    def pytest_collection_finish(self) -> None:
        """`Clinic.answer` makes the application even for no route at all."""
        if clinic := sys.modules.get("tests.vignettes.clinic"):
            clinic.Clinic.answer = _no_answer


async def _no_answer(_clinic: Any, _routes: Sequence[str]) -> None:
    """Nothing is asked of the service."""


def run(*plugins: object, paths: Sequence[str] = PATHS) -> int:
    """A session of pytest with these plugins; its exit code."""
    return pytest.main([*_ARGUMENTS, *_MARKS, *paths], plugins=[CoreRoute(), *plugins])
