"""The rows of the checker are rows of the specification, each is judged somewhere, and profiles name existing ones."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

import cds_hooks.checking
from cds_hooks.checking.calls import context_of
from cds_hooks.checking.hooks import hooks, is_well_named
from cds_hooks.checking.patient import invent
from cds_hooks.checking.requirements import profiles, requirements
from cds_hooks.clock import SystemClock

ROOT = Path(__file__).parents[2]
PACKAGE = Path(cds_hooks.checking.__file__).parent


def test_rows_shared_with_the_conformance_table_have_its_level_and_actor() -> None:
    table = (ROOT / "tests" / "conformance" / "requirements.csv").read_text(encoding="utf-8")
    listed = {row["id"]: row for row in csv.DictReader(table.splitlines())}
    shared = requirements().keys() & listed.keys()
    assert len(shared) > 90
    assert [
        name
        for name in shared
        if (requirements()[name].level, requirements()[name].actor) != (listed[name]["level"], listed[name]["actor"])
    ] == []


def test_every_row_is_judged_somewhere_and_nothing_else_is() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.glob("*.py")))
    named = set(re.findall(r'"([A-Z]{2,3}-\d\d[a-z]?)"', source))
    assert named == set(requirements())


def test_profiles_change_existing_rows_and_say_what_they_change() -> None:
    assert set(profiles()) == {"2.0.1", "1.0", "epic", "inferno"}
    for name, profile in profiles().items():
        assert profile.breach.keys() <= requirements().keys()
        assert (profile.breach == {}) == (name == "2.0.1")
        assert all(requirements()[one].breach != counts for one, counts in profile.breach.items()), name


@pytest.mark.parametrize("name", list(hooks()))
def test_a_context_holds_what_its_hook_requires(name: str) -> None:
    hook = hooks()[name]
    context = context_of(name, invent(SystemClock().today("UTC")))
    assert set(hook.required) <= set(context)
    assert all(context.values())
    assert set(hook.tokens) <= {*hook.required, *hook.optional}


def test_hook_names() -> None:
    assert is_well_named("order-sign")
    assert is_well_named("org.example.patient-transmogrify")
    assert not is_well_named("order-signed")
