"""How much of each domain a record shows: every indicator and family, bounds, and each edge of what counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest

from plugin.domains.indicators import evidence_at
from plugin.record import LabResult, Verification
from plugin.spans import PartialDate
from tests.reasoning.domain_records import INDICATORS, KNOWLEDGE, TODAY, ago, answer, has, phq9, profile, result, scored

ITEMS = {id_: one for id_, one in INDICATORS.items() if one.take in ("item", "highest")}
FIRST_CASE = [
    *phq9(3, 1, 2, 2, 0),
    *(result(name, value) for name, value in {"shaps": 40, "gad7": 6, "isi": 9, "pdq5": 6}.items()),
    result("hscrp", 0.8, 20),
]
# The table of anchors as published: for each indicator a value below the first anchor, each anchor, one above the last.
ANCHORS = {
    "shaps": [(14, 0.00), (20, 0.33), (26, 0.50), (38, 1.00)],
    "dars": [(20, 1.00), (44, 0.50), (68, 0.00)],
    "madrs8": [(0, 0.00), (6, 1.00)],
    "phq1": [(0, 0.00), (3, 1.00)],
    "qids13": [(0, 0.00), (3, 1.00)],
    "phq4": [(0, 0.00), (3, 1.00)],
    "qids14": [(0, 0.00), (3, 1.00)],
    "madrs7": [(0, 0.00), (6, 1.00)],
    "steps": [(2000, 1.00), (4000, 0.50), (7500, 0.00)],
    "gad7": [(0, 0.00), (5, 0.25), (10, 0.50), (15, 0.85), (21, 1.00)],
    "hama": [(0, 0.00), (8, 0.20), (18, 0.50), (25, 0.80), (30, 1.00)],
    "bai": [(0, 0.00), (8, 0.20), (16, 0.50), (26, 0.85), (40, 1.00)],
    "hamd_as": [(0, 0.00), (7, 0.50), (11, 1.00)],
    "madrs3": [(0, 0.00), (6, 1.00)],
    "hamd9": [(0, 0.00), (4, 1.00)],
    "phq8": [(0, 0.00), (3, 1.00)],
    "dsst_z": [(-2, 1.00), (-1, 0.50), (0, 0.00)],
    "moca": [(18, 1.00), (25, 0.50), (26, 0.25), (27, 0.00)],
    "pdq5": [(0, 0.00), (5, 0.25), (8, 0.50), (14, 1.00)],
    "madrs6": [(0, 0.00), (6, 1.00)],
    "phq7": [(0, 0.00), (3, 1.00)],
    "qids10": [(0, 0.00), (3, 1.00)],
    "isi": [(0, 0.00), (8, 0.25), (15, 0.50), (22, 0.90), (28, 1.00)],
    "psqi": [(0, 0.00), (5, 0.25), (10, 0.50), (15, 0.90), (21, 1.00)],
    "brian": [(18, 0.00), (30, 0.25), (40, 0.50), (55, 1.00)],
    "rmeq": [(4, 1.00), (7, 0.80), (11, 0.50), (12, 0.25), (17, 0.00)],
    "meq": [(16, 1.00), (30, 0.80), (41, 0.50), (42, 0.25), (58, 0.00)],
    "madrs4": [(0, 0.00), (6, 1.00)],
    "phq3": [(0, 0.00), (3, 1.00)],
    "qids_sleep": [(0, 0.00), (3, 1.00)],
    "sleepdev": [(0, 0.00), (1.5, 0.50), (3, 1.00)],
    "hscrp": [(0, 0.00), (1, 0.25), (3, 0.50), (5, 0.85), (10, 1.00)],
    "crp": [(0, 0.00), (1, 0.25), (3, 0.50), (5, 0.85), (10, 1.00)],
    "il6": [(1.5, 0.00), (3, 0.50), (7, 1.00)],
    "esr": [(15, 0.00), (30, 0.50), (60, 1.00)],
    "bmi": [(25, 0.00), (30, 0.50), (40, 1.00)],
    "thincit_z": [(-2, 1.00), (-1, 0.50), (0, 0.00)],
    "hamd7": [(0, 0.00), (4, 1.00)],
}


def test_every_indicator_has_its_published_anchors() -> None:
    assert set(ANCHORS) == set(INDICATORS)
    for name, points in ANCHORS.items():
        anchors = INDICATORS[name].anchors.values[TODAY]
        assert [(x, y) for x, y in anchors.points] == points


@pytest.mark.parametrize("name", ANCHORS)
def test_evidence_is_that_of_the_anchor_between_them_and_held_at_the_ends(name: str) -> None:
    points = ANCHORS[name]
    for value, share in points:
        assert evidence_at(points, value) == pytest.approx(share)
    for (low, start), (high, end) in pairwise(points):
        assert evidence_at(points, (low + high) / 2) == pytest.approx((start + end) / 2)
    assert evidence_at(points, points[0][0] - 1) == points[0][1]
    assert evidence_at(points, points[-1][0] + 1) == points[-1][1]


def measured(name: str, value: float, days: int = 0) -> Any:
    """One indicator recorded so many days ago, however it is recorded."""
    indicator = INDICATORS[name]
    if name in ITEMS:
        return answer(indicator.measure, indicator.items[0], value, days)
    return result(name, value + 7.5 if name == "sleepdev" else value, days)


@pytest.mark.parametrize("name", ANCHORS)
def test_each_indicator_reaches_its_domain(name: str) -> None:
    value, share = ANCHORS[name][-1]
    found = [one for score in profile(measured(name, value)).scores.values() for one in score.evidence]
    assert {one.indicator for one in found} == {name}
    assert {one.evidence for one in found} == {share}
    assert {one.recency for one in found} == {1}


LIVES = {
    "symptom": (30, 90),
    "activity": (15, 30),
    "cognition": (180, 365),
    "laboratory": (90, 180),
    "body": (365, 730),
}


@pytest.mark.parametrize("name", ANCHORS)
def test_evidence_halves_and_expires(name: str) -> None:
    half_life, expiry = LIVES[INDICATORS[name].recency]
    value = ANCHORS[name][-1][0]

    def recency(days: int) -> list[float]:
        scores = profile(measured(name, value, days)).scores.values()
        return [one.recency for score in scores for one in score.evidence]

    assert set(recency(half_life)) == {0.5}
    assert set(recency(expiry)) == {2 ** -(expiry / half_life)}
    assert recency(expiry + 1) == []
    late = [one for score in profile(measured(name, value, expiry + 1)).scores.values() for one in score.ignored]
    assert {one.why for one in late} == {f"older than {expiry} days"}


def test_the_worked_arithmetic() -> None:
    scores = profile(*FIRST_CASE).scores
    assert scored(*FIRST_CASE) == {"ANH": 0.95, "ANX": 0.26, "COG": 0.44, "CIR": 0.30, "INF": 0.30}
    assert {id_: round(one.completeness, 2) for id_, one in scores.items()} == {
        "ANH": 1.0,
        "ANX": 0.82,
        "COG": 0.86,
        "CIR": 0.86,
        "INF": 0.86,
    }
    anhedonia, anxiety = scores["ANH"], scores["ANX"]
    assert [(one.family, one.indicator) for one in anhedonia.evidence] == [
        ("A1", "shaps"),
        ("A2", "phq1"),
        ("A3", "phq4"),
    ]
    assert [round(one.mass, 3) for one in anhedonia.evidence] == [0.891, 0.445, 0.223]
    assert [round(one.evidence, 3) for one in anhedonia.evidence] == [1, 1, 0.667]
    assert anhedonia.score == pytest.approx(0.952, abs=0.0005)
    assert anhedonia.lower == anhedonia.upper == anhedonia.score
    assert anxiety.score == pytest.approx(0.261, abs=0.0005)
    assert (round(anxiety.lower, 2), round(anxiety.upper, 2)) == (0.21, 0.39)
    assert scores["COG"].score == pytest.approx(0.444, abs=0.0005)
    assert scores["CIR"].score == pytest.approx(0.302, abs=0.0005)
    assert scores["INF"].score == pytest.approx(0.296, abs=0.0005)


def test_every_number_is_explained_to_resource_day_anchor_and_citation() -> None:
    score = profile(*FIRST_CASE, has("anhedonia")).scores["ANH"]
    first = score.evidence[0]
    assert (first.reference, first.date, first.raw, first.unit, first.weight) == (
        "Observation/shaps-40-5-",
        ago(5),
        40,
        "points",
        1,
    )
    assert first.cites == ("trd-cds-rules",)
    assert first.flags == ("convention",)
    reasons = {(reason.rule, reason.text): reason for reason in score.reasons}
    shown = "SHAPS, Likert scoring 40 on 2026-11-17: evidence 1.00, weight 1, recency 0.891."
    assert reasons["D1", shown].uses == ("Observation/shaps-40-5-",)
    assert dict(reasons["D1", shown].facts)["evidence"] == 1
    boost = next(reason for reason in score.reasons if "anhedonia raises" in reason.text)
    assert (boost.uses, boost.rule) == (("Condition/anhedonia",), "D1")
    assert score.reasons[-1].rule == "D2"
    assert all(reason.cites for one in profile(*FIRST_CASE).scores.values() for reason in one.reasons)


def test_without_evidence_there_is_no_score_and_everything_is_possible() -> None:
    score = profile(has("anhedonia")).scores["ANH"]
    assert (score.score, score.completeness, score.lower, score.upper, score.assessable) == (None, 0, 0, 1, False)
    assert [reason.text for reason in score.reasons if reason.rule == "D2"] == [
        "The anhedonic domain cannot be assessed: no scale or value that it needs is recorded recently."
    ]


def test_one_indicator_of_a_family_counts_by_weight_and_recency() -> None:
    fresh, old = result("hama", 30, 1), result("gad7", 2, 31)
    [evidence] = profile(fresh, old).scores["ANX"].evidence
    assert evidence.indicator == "hama"
    [left] = [one for one in profile(fresh, old).scores["ANX"].ignored if one.indicator == "gad7"]
    assert left.why == "HAM-A measures the same and counts in its place"
    same = profile(result("hama", 30, 5), result("gad7", 2, 5)).scores["ANX"].evidence
    assert [one.indicator for one in same] == ["gad7"]  # of equals the first in the table
    assert [one.indicator for one in profile(result("crp", 3, 1), result("hscrp", 3, 40)).scores["INF"].evidence] == [
        "hscrp"
    ]
    assert [one.indicator for one in profile(result("crp", 3, 1), result("hscrp", 3, 60)).scores["INF"].evidence] == [
        "crp"
    ]


def test_the_newest_value_counts_then_the_later_time_then_the_worse() -> None:
    def raw(*facts: LabResult) -> float:
        return profile(*facts).scores["ANX"].evidence[0].raw

    assert raw(result("gad7", 18, 6), result("gad7", 3, 5)) == 3
    assert raw(result("gad7", 18, order="09:00"), result("gad7", 3, order="10:00")) == 3
    assert raw(result("gad7", 18, order="10:00"), result("gad7", 3, order="10:00", reference="Observation/x")) == 18
    assert raw(result("gad7", 18), result("gad7", 3, order="10:00")) == 18
    assert profile(result("moca", 28), result("moca", 24)).scores["COG"].evidence[0].raw == 24


def test_two_questionnaires_of_one_day_give_the_later_answer_then_the_worse() -> None:
    timed = [answer("phq9", 1, 3, order="08:00"), answer("phq9", 1, 1, order="12:00")]
    assert profile(*timed).scores["ANH"].evidence[0].raw == 1
    assert profile(answer("phq9", 1, 3), answer("phq9", 1, 1)).scores["ANH"].evidence[0].raw == 3


def test_an_answer_without_a_score_is_no_evidence() -> None:
    assert profile(answer("phq9", 1, None)).scores["ANH"].score is None


def test_the_worst_sleep_item_counts() -> None:
    items = [answer("qids-items", item, value) for item, value in ((1, 0), (2, 1), (3, 3), (4, 2))]
    [evidence] = profile(*items).scores["CIR"].evidence
    assert (evidence.indicator, evidence.raw, evidence.references) == (
        "qids_sleep",
        3,
        ("Observation/qids-items-3-3-5-",),
    )
    assert profile(answer("qids-items", 10, 3), *items).scores["COG"].evidence[0].indicator == "qids10"


def test_sleep_counts_by_its_distance_from_the_reference_either_way() -> None:
    for hours, evidence in ((7.5, 0), (6, 0.5), (9, 0.5), (4.5, 1), (10.5, 1), (3, 1)):
        [found] = profile(result("sleepdev", hours, 0)).scores["CIR"].evidence
        assert (found.raw, found.evidence) == (hours, pytest.approx(evidence))
    same_day = profile(result("sleepdev", 7, 0), result("sleepdev", 10, 0)).scores["CIR"].evidence
    assert same_day[0].raw == 10


def test_all_items_stand_in_for_a_total_that_was_not_recorded() -> None:
    items = [answer("gad7", number, 2) for number in range(1, 8)]
    [evidence] = profile(*items).scores["ANX"].evidence
    assert (evidence.indicator, evidence.raw, evidence.flags) == ("gad7", 14, ("summed",))
    assert len(evidence.references) == 7
    assert profile(*items[:6]).scores["ANX"].evidence == ()
    [recorded] = profile(*items, result("gad7", 9)).scores["ANX"].evidence
    assert (recorded.raw, recorded.flags) == (9, ())


def test_the_anxiety_factor_is_summed_from_its_six_items() -> None:
    items = [answer("hamd17-items", number, 1) for number in (9, 10, 11, 12, 13, 15, 17)]
    found = {one.indicator: one.raw for one in profile(*items).scores["ANX"].evidence}
    assert found == {"hamd_as": 6, "hamd9": 1}


@pytest.mark.parametrize(("days", "counts"), [(-1, True), (-2, False), (0, True)])
def test_a_value_more_than_a_day_ahead_is_ignored_and_reported(days: int, counts: bool) -> None:
    score = profile(result("gad7", 12, days)).scores["ANX"]
    assert bool(score.evidence) == counts
    assert [one.why for one in score.ignored] == ([] if counts else ["dated after the day of judgement"])
    assert [one.recency for one in score.evidence] == ([1] if counts else [])


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        (result("hscrp", 5, bound="<"), "known only as a bound, which is no evidence of a low value"),
        (result("hscrp", 5, bound=">"), "known only as a bound, which is no evidence of a low value"),
        (result("hscrp", None, flags=("unit-unknown",)), "its unit is not one that can be converted"),
        (result("hscrp", None), "it has no number"),
        (result("hscrp", 2, flags=("preliminary",)), "preliminary"),
        (result("hscrp", 10.01), "above 10 mg/L: possible acute inflammation, not scored"),
        (result("hscrp", 10, bound=">"), "above 10 mg/L: possible acute inflammation, not scored"),
        (result("crp", 24), "above 10 mg/L: possible acute inflammation, not scored"),
    ],
)
def test_what_is_no_evidence_is_ignored_with_its_reason(fact: LabResult, why: str) -> None:
    score = profile(fact).scores["INF"]
    assert score.evidence == ()
    assert [(one.why, one.references) for one in score.ignored] == [(why, (fact.reference,))]


@pytest.mark.parametrize(("value", "scored_"), [(9.99, True), (10, True), (10.01, False)])
def test_the_one_point_where_more_is_not_more(value: float, scored_: bool) -> None:
    assert bool(profile(result("hscrp", value)).scores["INF"].evidence) == scored_


def test_each_crp_is_judged_on_its_own() -> None:
    high, usable = result("hscrp", 24, 3), result("hscrp", 2, 40)
    score = profile(high, usable).scores["INF"]
    assert [one.raw for one in score.evidence] == [2]
    assert [one.raw for one in score.ignored] == [24]
    assert profile(high, result("crp", 2, 10)).scores["INF"].evidence[0].indicator == "crp"


def test_older_values_than_the_one_that_counts_are_no_news() -> None:
    score = profile(result("hscrp", 2, 3), result("hscrp", 24, 30), result("hscrp", 2, 400)).scores["INF"]
    assert score.ignored == ()


def test_of_expired_values_only_the_newest_is_named() -> None:
    score = profile(result("gad7", 9, 100), result("gad7", 8, 200)).scores["ANX"]
    assert [one.raw for one in score.ignored] == [9]


def test_a_value_keeps_what_is_odd_about_it() -> None:
    computed = result("bmi", 33, flags=("computed", "interpretation-conflict"), also=("Observation/h",))
    [evidence] = profile(computed).scores["INF"].evidence
    assert evidence.flags == ("computed",)
    assert evidence.references == (computed.reference, "Observation/h")


@pytest.mark.parametrize(
    ("category", "domain", "share"),
    [
        ("anhedonia", "ANH", 0.3),
        ("generalised-anxiety", "ANX", 0.2),
        ("panic-disorder", "ANX", 0.2),
        ("ptsd", "ANX", 0.2),
        ("attention-deficit-finding", "COG", 0.2),
        ("circadian-disorder", "CIR", 0.35),
        ("insomnia", "CIR", 0.2),
        ("rheumatoid-arthritis", "INF", 0.2),
        ("crohn-disease", "INF", 0.2),
        ("ulcerative-colitis", "INF", 0.2),
        ("psoriatic-arthropathy", "INF", 0.2),
        ("metabolic-syndrome", "INF", 0.1),
    ],
)
def test_a_recorded_diagnosis_raises_its_domain(category: str, domain: str, share: float) -> None:
    before = profile(*FIRST_CASE).scores[domain].score
    found = profile(*FIRST_CASE, has(category)).scores[domain]
    assert before is not None
    assert found.score == pytest.approx(1 - (1 - before) * (1 - share))
    assert [boost.share for boost in found.boosts] == [share]
    twice = profile(*FIRST_CASE, has(category), has(category, reference="Condition/again")).scores[domain]
    assert twice.score == found.score
    others = {id_: one.score for id_, one in profile(*FIRST_CASE, has(category)).scores.items() if id_ != domain}
    assert others == {id_: one.score for id_, one in profile(*FIRST_CASE).scores.items() if id_ != domain}


YESTERDAY, TOMORROW = (PartialDate.exactly(ago(days)) for days in (1, -1))


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        ({"clinical": ""}, True),
        ({"clinical": "recurrence"}, True),
        ({"clinical": "resolved"}, False),
        ({"clinical": "remission"}, False),
        ({"clinical": "inactive"}, False),
        ({"verification": Verification.SUSPECTED}, True),
        ({"verification": Verification.SUSPECTED, "by_text": True}, False),
        ({"verification": Verification.REFUTED}, False),
        ({"abatement": PartialDate.exactly(TODAY)}, False),
        ({"abatement": TOMORROW}, True),
        ({"recorded": YESTERDAY}, True),
        ({"recorded": TOMORROW}, False),
        ({"onset": TOMORROW}, False),
        ({"onset": TOMORROW, "recorded": YESTERDAY}, True),
    ],
)
def test_which_diagnoses_stand(change: dict[str, Any], counts: bool) -> None:
    assert bool(profile(*FIRST_CASE, has("anhedonia", **change)).scores["ANH"].boosts) == counts


def test_a_domain_needs_a_mandatory_family_and_half_of_the_weight() -> None:
    items_only = profile(*phq9(3, 3, 3, 3, 3, days=0)).scores
    assert {id_: one.assessable for id_, one in items_only.items()} == {
        "ANH": True,
        "ANX": False,
        "COG": False,
        "CIR": False,
        "INF": False,
    }
    many = profile(result("bmi", 30, 0), result("il6", 3, 0), answer("phq9", 4, 3, 0)).scores["INF"]
    assert round(many.completeness, 2) == 0.64
    assert not many.assessable
    # 0.5 / 1.25 is below one half, 0.5 + 0.15 just above it.
    assert not profile(answer("madrs-items", 3, 3, 0)).scores["ANX"].assessable
    assert profile(answer("madrs-items", 3, 3, 0), answer("phq9", 8, 1, 0)).scores["ANX"].assessable


@pytest.mark.parametrize(("days", "assessable"), [(10, True), (11, False)])
def test_a_domain_stops_being_assessable_as_it_ages(days: int, assessable: bool) -> None:
    """A PDQ-5 (0.8 of 1.25) falls below one half after 10.7 days."""
    score = profile(result("pdq5", 14, days)).scores["COG"]
    assert score.assessable == assessable
    assert ("is below 0.5" in score.reasons[-1].text) != assessable


def test_a_neurocognitive_disorder_takes_cognition_out_of_the_contest() -> None:
    facts = (*FIRST_CASE, result("pdq5", 14, 4))
    closed = profile(*facts, neurocognitive=True).scores["COG"]
    assert (closed.assessable, closed.score) == (False, profile(*facts).scores["COG"].score)
    assert closed.reasons[-1].text == (
        "The cognitive domain is not assessed: a neurocognitive disorder has to be worked up first."
    )


def test_an_indicator_that_a_site_switched_off_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = type(KNOWLEDGE)
    monkeypatch.setattr(kind, "is_on", lambda _self, rule, otherwise=True: rule not in {"shaps", "hscrp"} and otherwise)
    found = profile(*FIRST_CASE)
    assert [one.indicator for one in found.scores["ANH"].evidence] == ["phq1", "phq4"]
    assert "hscrp" not in found.collect_next


def test_anchors_are_those_of_the_day() -> None:
    gad7 = INDICATORS["gad7"]
    [(_, now)] = gad7.anchors.values.items()
    later = now.model_copy(update={"points": ((0, 0), (21, 0.5))})
    dated = gad7.anchors.model_copy(update={"values": {date(2020, 1, 1): now, date(2027, 1, 1): later}})
    changed = gad7.model_copy(update={"anchors": dated})
    clinical = KNOWLEDGE.clinical
    indicators = {**INDICATORS, "gad7": changed}
    knowledge = replace(KNOWLEDGE, clinical=replace(clinical, indicators=indicators))

    def evidence(as_of: date) -> float:
        fact = result("gad7", 21, day=as_of)
        return profile(fact, knowledge=knowledge, as_of=as_of).scores["ANX"].evidence[0].evidence

    assert evidence(date(2026, 12, 31)) == 1
    assert evidence(date(2027, 1, 1)) == 0.5
    assert evidence(date(2019, 1, 1)) == 1
