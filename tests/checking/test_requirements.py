"""The rows of the checker are rows of the specification, each is judged somewhere, and profiles name existing ones."""

from __future__ import annotations

import asyncio
import re
from itertools import chain
from pathlib import Path

import pytest

import cds_hooks.checking
from cds_hooks.checking.calls import conforming, context_of
from cds_hooks.checking.cases import without
from cds_hooks.checking.discovery import Service
from cds_hooks.checking.envelope_cases import envelope_cases
from cds_hooks.checking.hooks import hooks, is_well_named
from cds_hooks.checking.hostile_cases import hostile_cases
from cds_hooks.checking.invalid_cases import invalid_cases
from cds_hooks.checking.patient import invent
from cds_hooks.checking.prefetch_cases import prefetch_cases
from cds_hooks.checking.requirements import profiles, requirements
from cds_hooks.clock import SystemClock

TEMPLATES = {
    "patient": "Patient/{{context.patientId}}",
    "medications": "MedicationRequest?patient={{context.patientId}}",
}
PACKAGE = Path(cds_hooks.checking.__file__).parent


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


# Every kind of call that a service is to be judged by, by the beginning of the ids of its cases.
KINDS = {
    "partial": ("prefetch-without-", "prefetch-only-", "prefetch-absent"),
    "null": ("prefetch-null",),
    "empty": ("prefetch-empty-", "bundle-empty"),
    "OperationOutcome": ("prefetch-outcome", "prefetch-outcome-inside"),
    "paged": ("prefetch-paged",),
    "wrong hook": ("hook-wrong-", "hook-unknown", "hook-missing"),
    "wrong patient": ("patient-other", "patient-mixed"),
    "oversized": ("oversized",),
    "hostile": ("json-deep", "json-utf8", "json-nan", "id-controls", "id-path", "text-markup"),
    "real but invalid": ("order-bare", "order-long-id", "order-category", "bundle-typeless", "record-dates"),
}


@pytest.mark.parametrize("name", list(profiles()))
def test_every_kind_of_call_is_made(name: str) -> None:
    """But what the profile says that such a client never sends."""
    profile, patient = profiles()[name], invent(SystemClock().today("UTC"))
    service = Service(id="s", hook="order-select", path="/cds-services/s", templates=TEMPLATES)
    call = asyncio.run(conforming(service, patient, profile))
    every = chain(
        envelope_cases(call, patient), prefetch_cases(call), invalid_cases(call), hostile_cases(call, oversize=9_000)
    )
    ids = [one.id for one in without(every, profile.without)]
    assert len(ids) == len(set(ids)) > 60
    for kind, beginnings in KINDS.items():
        due = [one for one in beginnings if not one.startswith(profile.without)] if profile.without else beginnings
        assert [one for one in due if not any(made.startswith(one) for made in ids)] == [], kind


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
