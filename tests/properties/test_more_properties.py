"""What must hold for every history: copies, era gaps, unknowns learned, and every route of the data."""

from __future__ import annotations

import asyncio
import copy
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cds_hooks.catalogue import queries
from cds_hooks.on_need import needs
from mappings.load import load
from plugin import assess
from plugin.document.assessment_document import to_document
from plugin.exposure.eras import eras_of
from plugin.exposure.exposures import expose
from plugin.ingest import read_record
from plugin.record import PatientRecord
from plugin.resistance.verdict import decide
from plugin.trial.eligibility import eligibility_of
from plugin.trial.scale_reading import Outcome
from tests.properties.effort import effort
from tests.properties.histories import DAY_0, HISTORIES, History, Resource, resources_of
from tests.properties.records import Scope, medications, records
from tests.vignettes.clinic import PATIENT, Clinic, Vignette

AS_OF = DAY_0 + timedelta(days=365)
SETTLED = ("MET", "NOT_MET")
LEARNED = st.sampled_from(("FAILED_MEASURED", "FAILED_PROXY", "NOT_FAILED"))


def _judged(resources: list[Resource]) -> dict[str, Any]:
    return to_document(assess(read_record(resources, knowledge=load()), knowledge=load(), as_of=AS_OF))


def _core(document: dict[str, Any]) -> list[Any]:
    return [document["counts"], document["verdict"]["byDefinition"], [_plain(trial) for trial in document["trials"]]]


def _plain(trial: dict[str, Any]) -> list[Any]:
    return [trial[key] for key in ("ingredient", "start", "end", "adequacy", "atDoseDays")] + [
        trial["outcome"]["status"]
    ]


@effort(15)
@given(HISTORIES, st.sampled_from(("entered-in-error", "cancelled", "declined")))
def test_copies_that_were_never_handed_over_change_nothing(history: History, status: str) -> None:
    resources = resources_of(history)
    copies = []
    for resource in resources:
        if resource["resourceType"] == "MedicationDispense":
            twin = copy.deepcopy(resource)
            twin["id"], twin["status"] = f"{twin['id']}-twin", status
            twin["identifier"] = [{"system": "urn:test", "value": twin["id"]}]
            copies.append(twin)
    assert _core(_judged(resources)) == _core(_judged([*resources, *copies]))


@effort(15)
@given(HISTORIES)
def test_the_very_same_resources_twice_change_nothing(history: History) -> None:
    resources = resources_of(history)
    assert _core(_judged(resources)) == _core(_judged([*resources, *copy.deepcopy(resources)]))


@effort(25)
@given(medications(Scope(orders=True, reports=True, statuses=True)), st.integers(0, 60), st.integers(0, 60))
def test_a_wider_era_gap_never_yields_more_eras(facts: Any, one: int, other: int) -> None:
    rules = load().reconstruction_on(AS_OF)
    exposures = expose(facts, rules=rules, as_of=AS_OF)
    for exposure in exposures.by_key.values():
        narrow, wide = (
            len(eras_of(exposure, rules.model_copy(update={"era_gap_days": gap}))) for gap in sorted((one, other))
        )
        assert wide <= narrow


@effort(30)
@given(
    records(Scope(orders=True), with_scores=True), st.sampled_from(("FAILED_MEASURED", "FAILED_PROXY", "NOT_FAILED"))
)
def test_learning_an_unknown_outcome_never_reverses_a_settled_verdict(record: PatientRecord, learned: str) -> None:
    """Where it holds: the outcome of one counted trial becomes known and everything else stays as it was.

    A new score can do more than that (it may be the baseline of the next trial, close an episode, or follow an
    endpoint), and then a verdict may well turn.
    """
    knowledge = load()
    judged = assess(record, knowledge=knowledge, as_of=AS_OF)
    assume(judged.verdict.value.value in SETTLED)
    eligibility = eligibility_of(
        record,
        judged.episode,
        labels={c.id: c.label for c in knowledge.conditions.categories},
        rules=knowledge.reconstruction_on(AS_OF),
        as_of=AS_OF,
    )
    for place, trial in enumerate(judged.trials):
        if trial.outcome.status.value == "UNKNOWN" and trial.judged.adequacy.value in ("ADEQUATE", "BORDERLINE"):
            status = type(trial.outcome.status)(learned)
            if trial.judged.adequacy.value == "BORDERLINE" and learned != "NOT_FAILED":
                continue  # a borderline trial is never a failed one
            outcome: Outcome = replace(trial.outcome, status=status, basis="score")
            supposed = [*judged.trials[:place], replace(trial, outcome=outcome), *judged.trials[place + 1 :]]
            again = decide(
                supposed, definition=judged.definition, eligibility=eligibility, history_unread=None, extra=()
            )
            assert again.value is judged.verdict.value
            assert again.counts.lo >= judged.verdict.counts.lo
            assert again.counts.hi <= judged.verdict.counts.hi


@effort(3)
@given(HISTORIES)
def test_four_routes_agree(history: History) -> None:
    """The reasoning alone, and the service with everything, nothing and half of the data prefetched."""
    told = json.dumps(resources_of(history)).replace('"Patient/p"', f'"Patient/{PATIENT}"')
    resources = json.loads(told)
    resources[0]["id"] = PATIENT
    with pytest.MonkeyPatch.context() as patch:
        clinic = Clinic(Vignette(resources, AS_OF, {}), load(), (queries(load()), needs(load())), patch)
        document = to_document(clinic.judge())
        asyncio.run(clinic.answer())
        for prefetch, (_, inside) in clinic.answered.items():
            assert to_document(inside) == document, prefetch
