"""A small cohort of each profile, made once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cds_hooks.cohort.directory import write_cohort
from cds_hooks.cohort.plan import Plan
from mappings.load import Knowledge

PATIENTS = 300
SEED = 7


@pytest.fixture(scope="session")
def plan(knowledge: Knowledge) -> Plan:
    """The packaged parameters."""
    return Plan(knowledge)


@pytest.fixture(scope="session")
def made(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The directory of 300 patients under a profile."""
    done: dict[str, Path] = {}

    def make(profile: str) -> Path:
        if profile not in done:
            done[profile] = tmp_path_factory.mktemp(profile)
            for _ in write_cohort(done[profile], plan, patients=PATIENTS, seed=SEED, profile=profile, engine="0.0.0"):
                pass
        return done[profile]

    return make
