"""Who the definitions are about: age, exclusions, eligibility and caps, in their order of precedence."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from plugin.record import Availability, ConditionFact, PatientFact, PatientRecord, Read, Verification
from plugin.spans import PartialDate
from plugin.trial.eligibility import Eligibility, eligibility_of
from plugin.trial.episode import Episode
from tests.reasoning.facts import ADULT, RULES, on

CALM = Episode(start=on(0), basis="first-evidence", uncertain=True, may_have_ended=False, reasons=())


def condition(
    *categories: str, verification: Verification = Verification.CONFIRMED, clinical: str = "active"
) -> ConditionFact:
    return ConditionFact(
        reference=f"Condition/{'-'.join(categories)}",
        categories=frozenset(categories),
        verification=verification,
        clinical=clinical,
    )


DEPRESSION = condition("depression")


def judge(
    *conditions: ConditionFact,
    patient: PatientFact | None = ADULT,
    read: Read = Read.COMPLETE,
    episode: Episode = CALM,
) -> Eligibility:
    record = PatientRecord(
        patient=patient,
        conditions=conditions,
        availability=MappingProxyType({"Condition": Availability(read=read)}),
    )
    return eligibility_of(record, episode, labels={}, rules=RULES, as_of=on(0))


def test_an_adult_with_depression_is_judged_without_caps() -> None:
    result = judge(DEPRESSION)

    assert (result.decided, result.caps) == (None, ())
    assert result.basis[0].uses == (DEPRESSION.reference,)


@pytest.mark.parametrize(
    ("found", "decided", "capped"),
    [
        (condition("bipolar"), "EXCLUDED", False),
        (condition("bipolar", clinical="remission"), "EXCLUDED", False),
        (condition("bipolar", clinical="resolved"), None, True),
        (condition("bipolar", verification=Verification.SUSPECTED), None, True),
        (condition("bipolar", verification=Verification.REFUTED), None, False),
        (condition("schizophrenia-spectrum"), "EXCLUDED", False),
        (condition("dementia"), None, True),
        (condition("organic-mood"), None, True),
        (condition("cyclothymia"), None, True),
        (condition("postpartum"), None, False),
        (condition("psychotic-depression"), None, False),
    ],
)
def test_exclusions_and_caps(found: ConditionFact, decided: str | None, capped: bool) -> None:
    result = judge(DEPRESSION, found)

    assert (result.decided, bool(result.caps)) == (decided, capped)


def test_no_depression_is_out_of_scope_only_when_conditions_were_read() -> None:
    assert judge().decided == "OUT_OF_SCOPE"
    assert judge(read=Read.UNREAD).decided is None
    assert judge(read=Read.UNREAD).caps


@pytest.mark.parametrize("read", [Read.PARTIAL, Read.UNKNOWN, Read.UNREAD])
def test_conditions_not_read_completely_cap_even_beside_a_depression(read: Read) -> None:
    assert judge(DEPRESSION, read=read).caps


@pytest.mark.parametrize(
    "loose", [condition("depression-possible"), condition("depression", verification=Verification.SUSPECTED)]
)
def test_an_unspecified_or_suspected_depression_caps(loose: ConditionFact) -> None:
    assert (judge(loose).decided, bool(judge(loose).caps)) == (None, True)


@pytest.mark.parametrize(
    ("born", "decided", "capped"),
    [
        ("2007-01-01", None, False),  # eighteen today
        ("2007-01-02", "OUT_OF_SCOPE", False),  # tomorrow
        ("2007", None, True),  # cannot be told
        ("2006", None, False),
        ("2008", "OUT_OF_SCOPE", False),
    ],
)
def test_adulthood(born: str, decided: str | None, capped: bool) -> None:
    result = judge(DEPRESSION, patient=PatientFact(reference="Patient/p", birth=PartialDate.parse(born)))

    assert (result.decided, bool(result.caps)) == (decided, capped)


def test_an_unknown_age_caps() -> None:
    assert judge(DEPRESSION, patient=PatientFact(reference="Patient/p")).caps


def test_youth_comes_before_exclusion_and_exclusion_before_no_depression() -> None:
    child = PatientFact(reference="Patient/p", birth=PartialDate.parse("2015-01-01"))

    assert judge(condition("bipolar"), patient=child).decided == "OUT_OF_SCOPE"
    assert judge(condition("bipolar")).decided == "EXCLUDED"


def test_an_episode_that_may_have_ended_caps() -> None:
    over = Episode(start=on(0), basis="first-evidence", uncertain=True, may_have_ended=True, reasons=())

    assert judge(DEPRESSION, episode=over).caps
    assert "episode_may_have_ended" in judge(DEPRESSION, episode=over).flags
