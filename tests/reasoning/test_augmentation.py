"""Augmenting agents: own dose and time beside an adequate antidepressant, levels, other uses, outcome, counting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mappings.load import Knowledge, load
from plugin import Assessment, assess
from plugin.amounts import Amount
from plugin.ingest.recognition import recognise
from plugin.record import (
    Availability,
    Component,
    ConditionFact,
    LabResult,
    MedicationFact,
    PatientRecord,
    ProcedureFact,
    Product,
    Read,
    Score,
    StopReason,
    Verification,
)
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Status
from plugin.trial.trials import Trial
from tests.reasoning.facts import ADULT, fill, on, phq9, product, report, when

KNOWLEDGE = load()
KINDS = ("MedicationRequest", "MedicationDispense", "Condition", "Procedure", "Observation")
READ = {kind: Availability(read=Read.COMPLETE) for kind in KINDS}
DEPRESSED = ConditionFact(
    reference="Condition/d",
    categories=frozenset({"depression"}),
    verification=Verification.CONFIRMED,
    clinical="active",
    onset=when(0),
    recorded=when(0),
)
BASE = fill(1, 0, 150)
SCORES = (phq9(0, 19), phq9(84, 16), phq9(145, 15))


def agent(name: str, amount: float | None, start: int = 85, days: float = 60, **more: Any) -> MedicationFact:
    return fill(2, start, days, product=product(name, amount), **more)


def having(category: str, sure: Verification = Verification.CONFIRMED, clinical: str = "active") -> ConditionFact:
    return ConditionFact(
        reference="Condition/x", categories=frozenset({category}), verification=sure, clinical=clinical
    )


def judged(
    *medications: MedicationFact,
    scores: Sequence[Score] = SCORES,
    conditions: Sequence[ConditionFact] = (),
    as_of: int = 200,
    knowledge: Knowledge = KNOWLEDGE,
    **more: Any,
) -> Assessment:
    record = PatientRecord(
        patient=ADULT,
        medications=tuple(medications),
        scores=tuple(scores),
        conditions=(DEPRESSED, *conditions),
        availability=READ,
        **more,
    )
    return assess(record, knowledge=knowledge, as_of=on(as_of))


def only(*medications: MedicationFact, **more: Any) -> Trial:
    [augmentation] = judged(*medications, **more).augmentations
    return augmentation


def adequacy(*medications: MedicationFact, **more: Any) -> Adequacy:
    return only(*medications, **more).judged.adequacy


@pytest.mark.parametrize(
    ("name", "low", "enough"),
    [
        ("aripiprazole", 1.9, 2),
        ("brexpiprazole", 0.9, 1),
        ("quetiapine", 149, 150),
        ("olanzapine", 4.9, 5),
        ("cariprazine", 1.4, 1.5),
        ("lumateperone", 41, 42),
        ("risperidone", 0.4, 0.5),
        ("liothyronine", 0.024, 0.025),
    ],
)
def test_the_dose_of_each_agent(name: str, low: float, enough: float) -> None:
    assert adequacy(BASE, agent(name, low)) is Adequacy.INADEQUATE
    assert adequacy(BASE, agent(name, enough)) is Adequacy.ADEQUATE


def test_an_agent_without_weeks_of_its_own_needs_those_of_the_definition() -> None:
    drug = KNOWLEDGE.drugs["aripiprazole"].model_copy(update={"adequate_days": None})
    without = replace(KNOWLEDGE, drugs={**KNOWLEDGE.drugs, "aripiprazole": drug})

    assert adequacy(BASE, agent("aripiprazole", 5, days=41), knowledge=without) is Adequacy.INADEQUATE
    assert adequacy(BASE, agent("aripiprazole", 5, days=42), knowledge=without) is Adequacy.ADEQUATE


def test_an_agent_with_no_other_use_listed_has_none() -> None:
    none = replace(KNOWLEDGE, augmentation=KNOWLEDGE.augmentation.model_copy(update={"agents": ()}))

    assert (
        adequacy(BASE, agent("quetiapine", 150), conditions=[having("insomnia")], knowledge=none) is Adequacy.ADEQUATE
    )


def test_lamotrigine_is_borderline_at_most() -> None:
    assert adequacy(BASE, agent("lamotrigine", 99)) is Adequacy.INADEQUATE
    assert adequacy(BASE, agent("lamotrigine", 100)) is Adequacy.BORDERLINE


@pytest.mark.parametrize(
    ("days", "found"), [(27, Adequacy.INADEQUATE), (28, Adequacy.ADEQUATE), (29, Adequacy.ADEQUATE)]
)
def test_the_weeks_of_an_agent(days: int, found: Adequacy) -> None:
    assert adequacy(BASE, agent("aripiprazole", 5, days=days)) is found


@pytest.mark.parametrize(
    ("start", "found"), [(121, Adequacy.ADEQUATE), (122, Adequacy.ADEQUATE), (123, Adequacy.INADEQUATE)]
)
def test_only_days_beside_the_antidepressant_count(start: int, found: Adequacy) -> None:
    """The base covers days 0 to 149: from day 122 on there are 28 of them."""
    result = only(BASE, agent("aripiprazole", 5, start=start))

    assert result.judged.adequacy is found
    assert ("no_adequate_base" in result.judged.flags) is (found is Adequacy.INADEQUATE)


def test_days_beside_a_running_base_go_on() -> None:
    assert adequacy(BASE, agent("aripiprazole", 5, start=130), as_of=150) is Adequacy.IN_PROGRESS
    assert adequacy(BASE, agent("aripiprazole", 5, start=123), as_of=184) is Adequacy.IN_PROGRESS


@pytest.mark.parametrize(
    ("days", "dose", "found"),
    [
        (42, 50, Adequacy.ADEQUATE),
        (41, 50, Adequacy.BORDERLINE),
        (27, 50, Adequacy.INADEQUATE),
        (90, 25, Adequacy.INADEQUATE),
    ],
)
def test_the_base_must_be_adequate(days: int, dose: float, found: Adequacy) -> None:
    base = fill(1, 0, days, product=product("sertraline", dose))

    assert adequacy(base, agent("aripiprazole", 5, start=0, days=90)) is found


def test_without_any_antidepressant_it_is_no_augmentation() -> None:
    assert adequacy(agent("aripiprazole", 5)) is Adequacy.EXCLUDED
    assert adequacy(fill(1, 0, 60), agent("aripiprazole", 5, start=100)) is Adequacy.EXCLUDED
    assert adequacy(report(1, None, None), agent("aripiprazole", 5)) is Adequacy.BORDERLINE


def test_a_short_agent_beside_an_adequate_base_stays_short() -> None:
    assert adequacy(BASE, agent("aripiprazole", 5, days=20)) is Adequacy.INADEQUATE


@pytest.mark.parametrize(
    ("stated", "conditions", "found"),
    [
        (("depression",), (), Adequacy.ADEQUATE),
        (("depression", "insomnia"), (), Adequacy.ADEQUATE),
        (("insomnia",), (), Adequacy.EXCLUDED),
        (("dementia",), (), Adequacy.EXCLUDED),
        (("other",), (), Adequacy.BORDERLINE),
        ((), (having("insomnia"),), Adequacy.BORDERLINE),
        ((), (having("insomnia", Verification.SUSPECTED),), Adequacy.BORDERLINE),
        ((), (having("insomnia", Verification.REFUTED),), Adequacy.ADEQUATE),
        ((), (having("insomnia", clinical="resolved"),), Adequacy.ADEQUATE),
        ((), (having("epilepsy"),), Adequacy.ADEQUATE),
        (("depression",), (having("insomnia"),), Adequacy.ADEQUATE),
    ],
)
def test_what_quetiapine_was_given_for(
    stated: tuple[str, ...], conditions: tuple[ConditionFact, ...], found: Adequacy
) -> None:
    assert adequacy(BASE, agent("quetiapine", 150, indications=stated), conditions=conditions) is found


def test_epilepsy_and_lamotrigine() -> None:
    assert adequacy(BASE, agent("lamotrigine", 200, indications=("epilepsy",))) is Adequacy.EXCLUDED
    assert adequacy(BASE, agent("lamotrigine", 200), conditions=[having("epilepsy")]) is Adequacy.BORDERLINE


@pytest.mark.parametrize(
    ("stated", "dose", "found"),
    [
        ((), 30, Adequacy.EXCLUDED),
        (("generalised-anxiety",), 30, Adequacy.EXCLUDED),
        (("other",), 30, Adequacy.EXCLUDED),
        (("depression",), 29, Adequacy.INADEQUATE),
        (("depression",), 30, Adequacy.ADEQUATE),
    ],
)
def test_buspirone_only_where_depression_is_stated(stated: tuple[str, ...], dose: float, found: Adequacy) -> None:
    assert adequacy(BASE, agent("buspirone", dose, indications=stated)) is found


@pytest.mark.parametrize(
    ("stated", "conditions", "found"),
    [
        ((), (), Adequacy.ADEQUATE),
        ((), (having("hypothyroidism"),), Adequacy.EXCLUDED),
        ((), (having("hypothyroidism", Verification.SUSPECTED),), Adequacy.BORDERLINE),
        ((), (having("hypothyroidism", Verification.REFUTED),), Adequacy.ADEQUATE),
        (("depression",), (having("hypothyroidism"),), Adequacy.BORDERLINE),
        (("hypothyroidism",), (), Adequacy.EXCLUDED),
    ],
)
def test_triiodothyronine_is_replacement_in_hypothyroidism(
    stated: tuple[str, ...], conditions: tuple[ConditionFact, ...], found: Adequacy
) -> None:
    assert adequacy(BASE, agent("liothyronine", 0.025, indications=stated), conditions=conditions) is found


def test_triiodothyronine_beside_thyroxine_is_replacement() -> None:
    thyroxine = fill(3, 85, 60, product=product("levothyroxine", 0.1))
    earlier = fill(3, 0, 30, product=product("levothyroxine", 0.1))

    assert adequacy(BASE, agent("liothyronine", 0.025), thyroxine) is Adequacy.EXCLUDED
    assert adequacy(BASE, agent("liothyronine", 0.025), earlier) is Adequacy.ADEQUATE
    stated = agent("liothyronine", 0.025, indications=("depression",))
    assert adequacy(BASE, stated, thyroxine) is Adequacy.BORDERLINE


@pytest.mark.parametrize("name", ["levothyroxine", "modafinil", "pramipexole", "methylphenidate"])
def test_what_is_for_information_is_no_augmentation_and_no_sign_of_failure(name: str) -> None:
    result = judged(BASE, fill(2, 85, 60, product=product(name, 100)), scores=())

    assert result.augmentations == ()
    assert [t.outcome.status for t in result.trials if t.ingredient == "sertraline"] == [Status.UNKNOWN]
    assert all(t.judged.adequacy is Adequacy.EXCLUDED for t in result.trials if t.ingredient == name)


def level(day: int, value: float) -> LabResult:
    return LabResult(reference=f"Observation/l{day}", measure="lithium-level", day=on(day), amount=Amount(value))


@pytest.mark.parametrize(
    ("value", "dose", "found"),
    [
        (0.39, 900, Adequacy.INADEQUATE),
        (0.4, 900, Adequacy.BORDERLINE),
        (0.59, 900, Adequacy.BORDERLINE),
        (0.6, 900, Adequacy.ADEQUATE),
        (0.6, 300, Adequacy.ADEQUATE),
        (1.3, 900, Adequacy.ADEQUATE),
        (None, 900, Adequacy.BORDERLINE),
        (None, 899, Adequacy.INADEQUATE),
    ],
)
def test_lithium_by_its_level_and_by_the_dose_alone(value: float | None, dose: float, found: Adequacy) -> None:
    levels = () if value is None else (level(100, value),)
    result = only(BASE, agent("lithium", dose), laboratory=levels)

    assert result.judged.adequacy is found
    assert ("level_toxic" in result.judged.flags) is (value == 1.3)


@pytest.mark.parametrize(("days", "found"), [(27, Adequacy.INADEQUATE), (28, Adequacy.ADEQUATE)])
def test_the_weeks_of_lithium(days: int, found: Adequacy) -> None:
    assert adequacy(BASE, agent("lithium", 900, days=days), laboratory=(level(100, 0.8),)) is found


def test_lithium_still_running_or_for_an_unknown_reason() -> None:
    levels = (level(90, 0.8),)
    assert adequacy(BASE, agent("lithium", 900), laboratory=levels, as_of=100) is Adequacy.IN_PROGRESS
    other = agent("lithium", 900, indications=("other",))
    assert adequacy(BASE, other, laboratory=levels) is Adequacy.BORDERLINE
    doubtful = agent("lithium", 900, adherence="partial", adherence_asserted=when(100))
    assert adequacy(BASE, doubtful, laboratory=levels) is Adequacy.BORDERLINE


def test_the_fixed_combination_is_an_antidepressant_and_an_agent() -> None:
    both = Product(
        label="olanzapine and fluoxetine",
        components=(Component(ingredient="olanzapine", amount=6), Component(ingredient="fluoxetine", amount=25)),
        recognised_by="rxnorm",
    )
    result = judged(fill(1, 0, 90, product=both), scores=[phq9(0, 19), phq9(88, 17)])

    assert [(t.ingredient, t.judged.adequacy) for t in result.trials] == [("fluoxetine", Adequacy.ADEQUATE)]
    assert [(a.ingredient, a.judged.adequacy) for a in result.augmentations] == [("olanzapine", Adequacy.ADEQUATE)]
    assert result.trials[0].augmented_by == ("olanzapine",)


def test_an_injection_for_another_illness_is_no_augmentation() -> None:
    depot = fill(2, 85, 60, product=product("aripiprazole", 400, excluded_for="schizophrenia (injection)"))

    result = judged(BASE, depot, scores=())
    assert [a.judged.adequacy for a in result.augmentations] == [Adequacy.EXCLUDED]
    assert result.trials[0].outcome.status is Status.UNKNOWN
    assert result.trials[0].augmented_by == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("aripiprazole", "aripiprazole 400 mg prefilled syringe"),
        ("risperidone", "Risperdal Consta"),
        ("olanzapine", "Zyprexa Relprevv"),
    ],
)
def test_long_acting_injections_are_recognised(name: str, text: str) -> None:
    found = recognise((), text, KNOWLEDGE)

    assert found is not None
    assert found.ingredients == (name,)
    assert found.excluded_for is not None


@pytest.mark.parametrize(
    ("end", "status"),
    [(10, Status.FAILED_MEASURED), (7, Status.NOT_FAILED), (4, Status.NOT_FAILED)],
)
def test_the_outcome_of_an_augmentation(end: int, status: Status) -> None:
    result = only(BASE, agent("aripiprazole", 5), scores=[phq9(0, 19), phq9(84, 15), phq9(144, end)])

    assert result.outcome.status is status


@pytest.mark.parametrize(("day", "found"), [(126, False), (127, True), (128, True), (158, True), (159, False)])
def test_the_score_lies_between_six_weeks_at_dose_and_two_weeks_after_the_end(day: int, found: bool) -> None:
    """As for a trial; sixty days from day 85 on end with day 144."""
    base = fill(1, 0, 240)
    result = only(base, agent("aripiprazole", 5), scores=[phq9(0, 19), phq9(84, 16), phq9(day, 15)], as_of=250)

    assert (result.outcome.status is Status.FAILED_MEASURED) is found


@pytest.mark.parametrize(("day", "found"), [(113, False), (114, True), (128, True), (129, False)])
def test_an_agent_that_ended_before_six_weeks_is_judged_from_its_last_day_on(day: int, found: bool) -> None:
    """Thirty days from day 85 on end with day 114."""
    scores = [phq9(0, 19), phq9(84, 16), phq9(day, 15)]
    result = only(fill(1, 0, 240), agent("aripiprazole", 5, days=30), scores=scores, as_of=250)

    assert (result.outcome.status is Status.FAILED_MEASURED) is found


@pytest.mark.parametrize(("day", "found"), [(126, False), (127, True), (128, True)])
def test_an_agent_that_goes_on_has_no_endpoint_before_six_weeks(day: int, found: bool) -> None:
    scores = [phq9(0, 19), phq9(84, 16), phq9(day, 15)]
    result = only(fill(1, 0, 240), agent("aripiprazole", 5, days=60), scores=scores, as_of=day)

    assert (result.outcome.status is Status.FAILED_MEASURED) is found


def test_a_stop_for_inefficacy_tells_the_outcome() -> None:
    useless = StopReason(meaning="inefficacy", by="code", label="ineffective")
    stopped = agent("aripiprazole", 5, stop_reasons=(useless,), written=when(140))
    assert only(BASE, stopped, scores=()).outcome.basis == "coded-reason"


@pytest.mark.parametrize(("day", "status"), [(126, Status.UNKNOWN), (127, Status.FAILED_PROXY)])
def test_a_switch_six_weeks_after_the_start_of_an_agent_may_show_its_failure(day: int, status: Status) -> None:
    following = fill(3, day, 60, product=product("escitalopram", 10))

    assert only(BASE, agent("aripiprazole", 5, days=28), following, scores=()).outcome.status is status


def test_an_agent_of_a_trial_is_named_with_it_only_at_its_dose() -> None:
    assert judged(BASE, agent("aripiprazole", 5)).trials[0].augmented_by == ("aripiprazole",)
    assert judged(BASE, agent("quetiapine", 25)).trials[0].augmented_by == ()
    assert judged(BASE, agent("quetiapine", 150, indications=("insomnia",))).trials[0].augmented_by == ()
    assert judged(BASE, agent("aripiprazole", 5, start=160)).trials[0].augmented_by == ()
    assert judged(report(1, None, None), agent("aripiprazole", 5)).trials[0].augmented_by == ()


@pytest.mark.parametrize(
    ("added", "status"),
    [
        (agent("aripiprazole", 5), Status.FAILED_PROXY),
        (agent("aripiprazole", 1), Status.UNKNOWN),
        (agent("quetiapine", 150, indications=("insomnia",)), Status.UNKNOWN),
        (agent("buspirone", 30), Status.UNKNOWN),
        (agent("esketamine", None), Status.FAILED_PROXY),
        (agent("tryptophan", 1000), Status.UNKNOWN),
    ],
)
def test_what_was_added_without_a_score_may_show_a_failure(added: MedicationFact, status: Status) -> None:
    trials = judged(BASE, added, scores=()).trials

    assert next(t for t in trials if t.ingredient == "sertraline").outcome.status is status


@pytest.mark.parametrize(
    ("kind", "more", "status"),
    [
        ("ect", {}, Status.FAILED_PROXY),
        ("rtms", {}, Status.FAILED_PROXY),
        ("esketamine-administration", {}, Status.FAILED_PROXY),
        ("vns", {}, Status.UNKNOWN),
        ("ketamine-infusion", {}, Status.UNKNOWN),
        ("ect", {"status": "unknown"}, Status.UNKNOWN),
        ("ect", {"traits": frozenset({"maintenance"})}, Status.UNKNOWN),
        ("ect", {"indications": ("catatonia",)}, Status.UNKNOWN),
    ],
)
def test_what_procedure_may_show_a_failure(kind: str, more: dict[str, Any], status: Status) -> None:
    fact = ProcedureFact(reference="Procedure/1", kind=kind, status="completed", start=when(100), end=when(100))

    assert judged(BASE, scores=(), procedures=(replace(fact, **more),)).trials[0].outcome.status is status


@pytest.mark.parametrize(
    ("dose", "end", "counted", "value"),
    [
        (5, 15, [2, 2, 2], "MET"),
        (5, 7, [1, 1, 1], "NOT_MET"),
        (1, 15, [1, 1, 1], "NOT_MET"),
        (5, None, [1, 1, 2], "INDETERMINATE"),
    ],
)
def test_an_augmentation_counts_where_the_definition_says_so(
    dose: float, end: int | None, counted: list[int], value: str
) -> None:
    scores = [phq9(0, 19), phq9(64, 16), phq9(90, 16)] + ([phq9(150, end)] if end is not None else [])
    base = fill(1, 0, 100)
    result = judged(base, agent("aripiprazole", dose, start=60, days=85), scores=scores, as_of=160)
    both = result.by_definition["AUG-COUNTS"]

    assert both is not None
    assert [both[0].lo, both[0].lo_proxy, both[0].hi] == counted
    assert both[1].value == value
    assert result.verdict.value.value == "NOT_MET"
