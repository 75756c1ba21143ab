"""Every vignette with nothing sent along: what the service pulls is judged as what it was sent.

On a capable server, which is not ours, the pulled assessment equals the reasoning's own. On a limited one it equals
it, or names each kind of data that did not come whole, and then says less and never more: no other verdict but
INDETERMINATE, and never a history that is taken to be empty. `make test` takes every 40th vignette, `make test-all`
all.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from cds_hooks.catalogue import queries
from cds_hooks.fhir_writer import Resource
from cds_hooks.on_need import needs
from mappings.load import Knowledge
from plugin import Assessment
from plugin.document.assessment_document import to_document
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES
from tests.ehr.limited_server import LimitedServer, Limits
from tests.ehr.sekmet_server import Sekmet, running_sekmet
from tests.vignettes.clinic import FHIR, PAGE, Asked, Clinic, FhirServer, Vignette, tell
from tests.vignettes.table import files

EVERY = 40
# The server of the issue: no bare patient id, no _include, no paging links, no CapabilityStatement.
LIMITED = Limits(typed_ids_only=True, no_include=True, no_next_links=True, no_metadata=True)
UNREAD = "a kind of medication data that is refused outright is named, but the verdict stays settled"
# Each limit by itself, and what has to come before the service gets along with it.
ALONE = {
    "typed-ids-only": (Limits(typed_ids_only=True), ""),
    "no-next-links": (Limits(no_next_links=True, no_include=True, no_metadata=True), ""),
    "no-next-links-and-no-total": (Limits(no_next_links=True, no_total=True), ""),
    "no-total": (Limits(no_total=True), ""),
    "needs-an-intent": (Limits(needs_intent=True, no_post=True), ""),
    "needs-a-category": (Limits(needs_category=True), ""),
    "no-lists": (Limits(no_lists=True), ""),
    "refuses-dispenses-and-scales": (Limits(refuses=("MedicationDispense", "QuestionnaireResponse")), ""),
}
# By which names of gaps a kind of resource may be told as not read whole.
_ALSO = {"Observation": {"Observation", LABORATORY, OUTCOME_SCALES, OTHER_SCALES}}


def _cases() -> Iterator[Any]:
    """Usual story, case and patient id of every vignette."""
    number = 0
    for name, file in files():
        for case in file["vignettes"]:
            yield f"{name}:{case['id']}", file.get("usual", {}), case, f"v{number:03}"
            number += 1


CASES = list(_cases())
SLICE = CASES[::EVERY]


def _params() -> list[Any]:
    """All vignettes; those outside the slice are for `make test-all`."""
    return [
        pytest.param(
            *rest,
            id=name,
            marks=[] if number % EVERY == 0 else [pytest.mark.services],
        )
        for number, (name, *rest) in enumerate(CASES)
    ]


@pytest.fixture(scope="module")
def asked(knowledge: Knowledge) -> Asked:
    """The kinds of data that every call needs, and those that some do."""
    return queries(knowledge), needs(knowledge, ours=True)


@pytest.fixture(scope="module")
def sekmet() -> Iterator[Sekmet]:
    with running_sekmet() as server:
        yield server


@pytest.mark.parametrize(("usual", "case", "patient_id"), _params())
def test_the_capable_server_gives_the_whole_history(
    usual: dict[str, Any],
    case: dict[str, Any],
    patient_id: str,
    sekmet: Sekmet,
    knowledge: Knowledge,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vignette = tell(usual, case, knowledge, patient_id)
    server = FhirServer(sekmet.base, httpx.AsyncHTTPTransport)
    clinic = Clinic(vignette, knowledge, asked, monkeypatch, server=server)
    with sekmet.holding(vignette.resources):
        document = to_document(_pulled(clinic))
    assert document == to_document(clinic.judge())
    assert document["gaps"] == []


@pytest.mark.parametrize(("usual", "case", "patient_id"), _params())
def test_the_limited_server_gives_it_or_what_is_missing_is_named(
    usual: dict[str, Any],
    case: dict[str, Any],
    patient_id: str,
    knowledge: Knowledge,
    asked: Asked,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    vignette = tell(usual, case, knowledge, patient_id)
    assert _faults(vignette, LIMITED, knowledge, asked, monkeypatch) == []


@pytest.mark.parametrize(
    "limits",
    [
        pytest.param(limits, id=name, marks=pytest.mark.xfail(strict=True, reason=waits) if waits else [])
        for name, (limits, waits) in ALONE.items()
    ],
)
def test_each_limit_alone_is_got_along_with_or_told(
    limits: Limits, knowledge: Knowledge, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for name, usual, case, patient_id in SLICE[::6]:
        faults = _faults(tell(usual, case, knowledge, patient_id), limits, knowledge, asked, monkeypatch)
        found |= {name: faults} if faults else {}
    assert found == {}


def _pulled(clinic: Clinic) -> Assessment:
    """What the service judged when everything had to be pulled."""
    asyncio.run(clinic.answer(("none",)))
    return clinic.answered["none"][1]


def _faults(
    vignette: Vignette, limits: Limits, knowledge: Knowledge, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """What is neither equal nor honestly told when `vignette` is pulled from a server with `limits`, in words."""
    server = LimitedServer(vignette.resources, base=FHIR, limits=limits, page_size=PAGE)
    reach = FhirServer(FHIR, lambda: httpx.ASGITransport(app=server))
    clinic = Clinic(vignette, knowledge, asked, monkeypatch, server=reach)
    inside, alone = _pulled(clinic), clinic.judge()
    if to_document(inside) == to_document(alone):
        return []
    named = {gap.what for gap in inside.gaps}
    faults = [
        f"{len(lost)} {kind} did not come, and no gap says so"
        for kind, lost in _lost(vignette.resources, inside).items()
        if not named & _ALSO.get(kind, {kind})
    ]
    if not named:
        faults.append("another assessment without any gap")
    said, right = inside.verdict.value.value, alone.verdict.value.value
    if said not in (right, "INDETERMINATE"):
        faults.append(f"{said} instead of {right} or INDETERMINATE")
    return faults


def _lost(resources: list[Resource], inside: Assessment) -> Mapping[str, list[str]]:
    """References of the resources that the service did not receive, by type."""
    found = defaultdict(list)
    received = set(inside.record.received)
    for resource in resources:
        if (reference := f"{resource['resourceType']}/{resource['id']}") not in received:
            found[resource["resourceType"]].append(reference)
    return found
