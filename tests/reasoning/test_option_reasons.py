"""What stands behind a listed option and a pattern: label, guidelines, the course that failed, what is taken."""

from __future__ import annotations

import pytest

from mappings.load import load
from plugin.options.tried import closed
from tests.reasoning.option_cases import KNOWLEDGE, choose, course, profile, taking, tried
from tests.reasoning.test_pattern import pattern

ANH = profile("DOMINANT", "ANH")


@pytest.mark.parametrize("jurisdiction", ["us", "eu"])
def test_off_label_is_said_of_what_is_off_label_and_of_nothing_else(jurisdiction: str) -> None:
    listed = choose(ANH, jurisdiction=jurisdiction).listed
    assert {one.off_label for one in listed} == {True, False}
    for one in listed:
        [label] = [reason for reason in one.reasons if reason.text.startswith(f"Label ({jurisdiction.upper()}): ")]
        assert ("; off-label for depression" in label.text) is one.off_label
        assert dict(label.facts).keys() == {"status", "confidence"}
        assert label.rule == "L9"


def test_a_guideline_is_told_with_its_edition_and_how_surely() -> None:
    clinical = load().clinical
    for one in choose(ANH).listed:
        stated = [said for said in clinical.guidelines.statements if one.id in said.options]
        told = [reason for reason in one.reasons if "edition" in dict(reason.facts)]
        assert [dict(reason.facts) for reason in told] == [
            {"edition": said.edition, "confidence": said.confidence} for said in stated
        ]
        assert [reason.text for reason in told] == [f"{said.edition}: {said.statement}" for said in stated]


def test_each_option_says_why_it_stands_in_its_lane() -> None:
    found = choose(ANH)
    for lane, rule in ((found.matched, "L1"), (found.guideline, "L2"), (found.adjunct, "L3")):
        assert lane
        for one in lane:
            assert rule in {reason.rule for reason in one.reasons}
            assert all(reason.rule for reason in one.reasons)


def test_what_is_taken_or_has_failed_closes_an_option_with_its_records() -> None:
    options, drugs = KNOWLEDGE.clinical.options, KNOWLEDGE.drugs
    taken = closed(options["BUP"], tried(taken=[taking("bupropion")]), drugs)
    assert taken is not None
    assert (taken.how, taken.uses) == ("current", taking("bupropion").uses)
    failed = closed(options["BUP"], tried("bupropion"), drugs)
    assert failed is not None
    assert (failed.how, failed.uses) == ("failed", ("MedicationDispense/bupropion",))
    running = closed(options["ECT"], tried(courses=[course("ect", ongoing=True)]), drugs)
    assert running is not None
    assert (running.how, running.uses) == ("current", course("ect", ongoing=True).sources)


def test_courses_that_failed_together_are_named_in_a_sentence() -> None:
    found = pattern(tried(courses=[course("rtms"), course("esketamine-administration")]))
    [reason] = [one for one in found.because if one.rule == "R3"]
    labels = [KNOWLEDGE.clinical.options[id_].label for id_ in str(dict(reason.facts)["failed"]).split()]
    assert len(labels) == 2
    assert reason.text == f"An adequate course failed of: {labels[0]} and {labels[1]}."
