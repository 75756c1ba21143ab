"""Which domain predominates, how sure that is, what to collect, and what a too high CRP asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from plugin.domains.profile import Label, label_of
from plugin.record import ItemAnswer, LabResult
from tests.reasoning.domain_records import KNOWLEDGE, TODAY, has, phq9, profile, result, total

AMOUNTS = {name: value.on(TODAY).amount for name, value in KNOWLEDGE.clinical.scoring.parameters.items()}
Inputs = dict[str, tuple[float, int]]


def case(items: tuple[int, int, int, int, int], *conditions: str, **values: tuple[float, int]) -> list[Any]:
    facts: list[Any] = [*phq9(*items), *(result(name, value, days) for name, (value, days) in values.items())]
    return facts + [has(category) for category in conditions]


def of(**scores: float) -> Label:
    return label_of(scores, AMOUNTS)


@pytest.mark.parametrize(
    ("scores", "label"),
    [
        ({}, Label("UNDETERMINED")),
        ({"ANH": 0.95}, Label("UNDETERMINED")),
        ({"ANH": 0.49, "ANX": 0.3}, Label("UNDETERMINED")),
        ({"ANH": 0.5, "ANX": 0.3}, Label("LEANING", ("ANH",))),
        ({"ANH": 0.59, "ANX": 0.55}, Label("LEANING", ("ANH",), ("ANX",))),
        ({"ANH": 0.6, "ANX": 0.49}, Label("DOMINANT", ("ANH",))),
        ({"ANH": 0.6, "ANX": 0.5}, Label("MIXED", ("ANH", "ANX"))),
        ({"ANH": 0.8, "ANX": 0.66}, Label("MIXED", ("ANH", "ANX"))),
        ({"ANH": 0.8, "ANX": 0.65}, Label("DOMINANT", ("ANH",), ("ANX",))),
        ({"ANH": 0.8, "ANX": 0.64}, Label("DOMINANT", ("ANH",), ("ANX",))),
        ({"ANH": 0.7, "ANX": 0.55, "COG": 0.56}, Label("MIXED", ("ANH", "COG"), ("ANX",))),
        ({"ANH": 0.7, "ANX": 0.9, "COG": 0.9}, Label("MIXED", ("ANX", "COG"), ("ANH",))),
        ({"ANH": 0.7, "CIR": 0.95}, Label("DOMINANT", ("CIR",), ("ANH",))),
        ({"ANH": 0.3, "CIR": 0.1 + 0.2 + 0.3}, Label("DOMINANT", ("CIR",))),
        ({"ANH": 0.75 - 0.15, "CIR": 0.75}, Label("DOMINANT", ("CIR",), ("ANH",))),
    ],
)
def test_the_label_at_each_of_its_edges(scores: dict[str, float], label: Label) -> None:
    assert of(**scores) == label


# Inputs, then label, domains named, secondary ones and certainty; worked out by hand from the published rules.
PROFILES = {
    "one domain leads": (
        case((3, 1, 2, 2, 0), shaps=(40, 5), gad7=(6, 5), isi=(9, 5), pdq5=(6, 5), hscrp=(0.8, 20)),
        ("DOMINANT", ("ANH",), (), "high"),
    ),
    "two lead together": (
        case(
            (1, 3, 2, 1, 1),
            "generalised-anxiety",
            shaps=(21, 5),
            gad7=(15, 5),
            isi=(23, 5),
            pdq5=(6, 5),
            hscrp=(2.4, 20),
            bmi=(37, 30),
        ),
        ("MIXED", ("CIR", "ANX"), ("INF",), "high"),
    ),
    "the phq-9 alone decides nothing": (case((3, 2, 3, 2, 1)), ("UNDETERMINED", (), (), "none")),
    "two of five": (case((2, 2, 2, 2, 2), gad7=(18, 5)), ("DOMINANT", ("ANX",), ("ANH",), "low")),
    "three of five": (
        case((3, 3, 3, 3, 3), gad7=(14, 5), isi=(20, 5)),
        ("MIXED", ("ANH", "CIR"), ("ANX",), "moderate"),
    ),
    "everything mild": (
        case((1, 1, 2, 1, 1), shaps=(22, 5), gad7=(6, 5), isi=(10, 5), pdq5=(6, 5), hscrp=(0.8, 20)),
        ("UNDETERMINED", (), (), "none"),
    ),
}


@pytest.mark.parametrize("name", PROFILES)
def test_profiles(name: str) -> None:
    facts, expected = PROFILES[name]
    found = profile(*facts)
    assert (found.label, found.domains, found.secondary, found.certainty) == expected


def test_a_neurocognitive_disorder_leaves_the_next_domain() -> None:
    facts = case((2, 1, 2, 3, 1), shaps=(24, 5), gad7=(5, 5), isi=(8, 5), pdq5=(14, 5), moca=(19, 30), hscrp=(1.5, 20))
    gated, open_ = profile(*facts, neurocognitive=True), profile(*facts)
    assert (gated.label, gated.domains, gated.certainty) == ("LEANING", ("ANH",), "low")
    assert open_.domains == ("COG",)
    assert "pdq5" not in gated.collect_next


def test_a_label_that_one_source_decides_is_of_low_certainty() -> None:
    others = {"gad7": (13.0, 0), "isi": (9.0, 0), "pdq5": (5.0, 0), "hscrp": (0.5, 0)}
    firm = profile(*case((1, 1, 1, 1, 0), shaps=(20, 0), **others))
    assert (firm.domains, firm.certainty) == (("ANX",), "high")
    # With a high answer to the first item, leaving the SHAPS out would put anhedonia alone ahead.
    swayed = profile(*case((3, 1, 2, 1, 0), shaps=(20, 0), **others))
    assert (swayed.domains, swayed.certainty) == (("ANX", "ANH"), "low")
    [reason] = [reason for reason in swayed.reasons if reason.rule == "D4"]
    assert "the label would change without SHAPS, Likert scoring (anhedonic)." in reason.text
    assert dict(reason.facts)["unstable"] == 1


@pytest.mark.parametrize(("days", "certainty"), [(0, "high"), (2, "high"), (3, "moderate")])
def test_certainty_falls_as_the_named_domain_becomes_incomplete(days: int, certainty: str) -> None:
    """GAD-7 alone is 0.8 of a complete domain and below 0.75 after 2.8 days."""
    others = [result("shaps", 14, 0), result("isi", 0, 0), result("pdq5", 0, 0), result("hscrp", 0.1, 0)]
    found = profile(result("gad7", 21, days), *others)
    assert (found.domains, found.certainty) == (("ANX",), certainty)


def test_certainty_needs_four_and_three_domains() -> None:
    parts = [result("gad7", 21, 0), result("shaps", 14, 0), result("isi", 0, 0), result("pdq5", 0, 0)]
    assert [profile(*parts[:count]).certainty for count in (1, 2, 3, 4)] == ["none", "low", "moderate", "high"]


@pytest.mark.parametrize(
    ("instrument", "below", "mild", "worst_mild", "above"),
    [("phq9", 9, 10, 14, 15), ("qids-sr16", 10, 11, 15, 16), ("madrs", 19, 20, 25, 26), ("hamd17", 13, 14, 16, 17)],
)
def test_a_profile_needs_a_severity_that_is_at_least_moderate(
    instrument: str, below: int, mild: int, worst_mild: int, above: int
) -> None:
    facts, _ = PROFILES["one domain leads"]
    found = {value: profile(*facts, total(value, 5, instrument)) for value in (below, mild, worst_mild, above)}
    assert {value: one.label for value, one in found.items()} == {
        below: "UNDETERMINED",
        mild: "DOMINANT",
        worst_mild: "DOMINANT",
        above: "DOMINANT",
    }
    assert {value: one.mild for value, one in found.items()} == {
        below: True,
        mild: True,
        worst_mild: True,
        above: False,
    }
    assert found[below].certainty == "none"
    assert found[below].scores["ANH"].score == found[above].scores["ANH"].score
    assert found[below].reasons[0].rule == "D0"
    assert f"is below {mild}" in found[below].reasons[0].text


@pytest.mark.parametrize(
    ("days", "label"), [(60, "DOMINANT"), (61, "UNDETERMINED"), (-1, "DOMINANT"), (-2, "UNDETERMINED")]
)
def test_the_severity_is_of_the_last_sixty_days(days: int, label: str) -> None:
    found = profile(*PROFILES["one domain leads"][0], total(18, days))
    assert found.label == label
    assert (found.severity is None) == (label == "UNDETERMINED")


def test_without_severity_there_is_no_profile_and_the_scale_to_ask_for_comes_first() -> None:
    found = profile(*PROFILES["one domain leads"][0], severity=False)
    assert (found.label, found.certainty, found.severity, found.mild) == ("UNDETERMINED", "none", None, None)
    assert found.collect_next == ("phq9",)
    assert "last 60 days" in found.reasons[0].text


@pytest.mark.parametrize(
    ("scores", "value"),
    [
        ([total(20, 5), total(9, 4)], 9),
        ([total(20, order="08:00"), total(9, order="10:00")], 9),
        ([total(20, order="10:00"), total(9, order="10:00")], 20),
        ([total(20), total(9, order="10:00")], 20),
        ([total(12), total(30, instrument="madrs")], 30),
        ([total(20), total(40, instrument="bdi-ii", days=1)], 20),
        ([total(20), total(27, days=1, flags=("suspect-total",))], 20),
        ([total(20, flags=("conflict",)), total(8, flags=("conflict",))], 20),
    ],
)
def test_which_severity_counts(scores: list[Any], value: float) -> None:
    severity = profile(*scores).severity
    assert severity is not None
    assert severity.value == value


def test_without_a_depressive_disorder_there_is_no_profile() -> None:
    found = profile(*PROFILES["one domain leads"][0], depressed=False)
    assert (found.label, found.certainty, found.mild) == ("UNDETERMINED", "none", False)
    assert found.reasons[0].text.startswith("No active depressive disorder")


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ([], ("shaps", "gad7", "hscrp", "pdq5", "isi", "phq9")),
        (case((3, 2, 3, 2, 1)), ("gad7", "hscrp", "pdq5", "isi")),
        (case((2, 2, 2, 2, 2), gad7=(18, 5)), ("hscrp", "pdq5", "isi")),
        (PROFILES["one domain leads"][0], ()),
        (case((1, 2, 2, 1, 1), shaps=(22, 5), gad7=(16, 5), isi=(12, 5), pdq5=(5, 5), hscrp=(24, 3)), ("hscrp",)),
        ([result("crp", 3, 90)], ("shaps", "gad7", "pdq5", "isi", "phq9", "hscrp")),
    ],
)
def test_what_to_collect_next_by_missing_weight(facts: list[Any], wanted: tuple[str, ...]) -> None:
    found = profile(*facts)
    assert found.collect_next == wanted
    assert any(reason.rule == "D5" for reason in found.reasons) == bool(wanted)


def notices(*facts: LabResult | ItemAnswer) -> list[tuple[str, tuple[str, ...]]]:
    return [(notice.rule, notice.uses) for notice in profile(*facts).notices]


def test_a_crp_above_ten_is_to_be_repeated() -> None:
    found = profile(result("hscrp", 24, 3)).notices
    assert [(one.rule, one.uses, one.cites) for one in found] == [
        ("D6", ("Observation/hscrp-24-3-",), ("pearson-2003",))
    ]
    assert found[0].text == (
        "C-reactive protein above 10 mg/L on 2026-11-19 may be acute inflammation and is not scored: "
        "repeat after 14 days or more."
    )
    assert notices(result("hscrp", 10, 3)) == []
    assert notices() == []


@pytest.mark.parametrize(("first", "rule"), [(16, "D6"), (17, "D7"), (18, "D7"), (180, "D7"), (181, "D6")])
def test_two_high_values_two_weeks_apart_are_persistent(first: int, rule: str) -> None:
    [notice] = profile(result("hscrp", 24, 3), result("crp", 12, first)).notices
    assert notice.rule == rule
    assert ("medical work-up" in notice.text) == (rule == "D7")
    assert len(notice.uses) == (2 if rule == "D7" else 1)


def test_a_later_usable_value_ends_the_matter() -> None:
    assert notices(result("hscrp", 24, 30), result("hscrp", 2, 3)) == []
    assert notices(result("hscrp", 24, 3), result("hscrp", 2, 30)) == [("D6", ("Observation/hscrp-24-3-",))]


def test_a_preliminary_or_future_high_value_asks_for_nothing() -> None:
    assert notices(result("hscrp", 24, 3, flags=("preliminary",))) == []
    assert notices(result("hscrp", 24, -2)) == []


def test_what_the_profile_rests_on_and_what_it_left_out() -> None:
    facts = [result("gad7", 12), result("hama", 20), result("hscrp", 24, 3), result("isi", 9, 100), has("insomnia")]
    found = profile(*facts, total(18))
    assert set(found.uses) == {
        "Observation/gad7-12-5-",
        "Observation/hscrp-24-3-",
        "Condition/insomnia",
        "Observation/phq9-18-5-",
    }
    assert {entry.reference: entry.reason for entry in found.set_aside} == {
        "Observation/hama-20-5-": "not scored: GAD-7 measures the same and counts in its place",
        "Observation/isi-9-100-": "not scored: older than 90 days",
    }
    assert found.assessable == ("ANX",)


def test_every_reason_is_cited_and_names_its_rule() -> None:
    for facts, _ in PROFILES.values():
        for reason in profile(*facts).reasons:
            assert reason.cites
            assert reason.rule in KNOWLEDGE.rules


def test_a_site_that_lowers_a_threshold_gets_another_label() -> None:
    scoring = KNOWLEDGE.clinical.scoring
    lead = scoring.parameters["lead"]
    [(day, value)] = lead.values.items()
    wider = lead.model_copy(update={"values": {day: value.model_copy(update={"amount": 0.6})}})
    changed = scoring.model_copy(update={"parameters": {**scoring.parameters, "lead": wider}})
    knowledge = replace(KNOWLEDGE, clinical=replace(KNOWLEDGE.clinical, scoring=changed))
    facts = case((3, 1, 2, 2, 0), shaps=(40, 5), gad7=(12, 5), isi=(9, 5), pdq5=(6, 5), hscrp=(0.8, 20))
    assert (profile(*facts).label, profile(*facts, knowledge=knowledge).label) == ("DOMINANT", "MIXED")
