"""How labels hang on weights and anchors: what is moved, how far, and what is counted."""

from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest

from cds_hooks.cohort.scaled_records import scaled_records, value_saying
from mappings.load import load
from plugin.sensitivity import ANCHOR, WEIGHT, Move, baseline_of, effect_of, moves_of

KNOWLEDGE, DAY = load(), date(2026, 11, 22)
RECORDS = tuple(scaled_records(12, seed=3, as_of=DAY, knowledge=KNOWLEDGE))
BASELINE = baseline_of(RECORDS, knowledge=KNOWLEDGE, as_of=DAY)


def moves(share: float = 0.2) -> list[Move]:
    return list(moves_of(KNOWLEDGE, as_of=DAY, share=share))


def test_every_weight_is_moved_both_ways_and_nothing_else_with_it() -> None:
    weights = [move for move in moves() if move.kind == WEIGHT]
    members = [
        (domain.id, family.id, member.indicator)
        for domain in KNOWLEDGE.clinical.domains.values()
        for family in domain.families
        for member in family.members
    ]
    assert [(move.domains[0], move.place, move.indicator) for move in weights] == [m for m in members for _ in (0, 1)]
    first = weights[0]
    assert first.after == pytest.approx(0.8 * first.before)
    family = first.known.clinical.domains[first.domains[0]].families[0]
    assert family.members[0].weight.on(DAY).amount == first.after
    assert family.members[1:] == KNOWLEDGE.clinical.domains[first.domains[0]].families[0].members[1:]
    assert first.known.clinical.indicators == KNOWLEDGE.clinical.indicators


def test_anchors_keep_their_order_and_their_evidence() -> None:
    anchors = [move for move in moves(0.9) if move.kind == ANCHOR]
    assert {move.indicator for move in anchors} <= set(KNOWLEDGE.clinical.indicators)
    for move in anchors:
        (points,) = [one.points for one in move.known.clinical.indicators[move.indicator].anchors.values.values()]
        assert all(low < high for (low, _), (high, _) in pairwise(points))
        assert move.after in [value for value, _ in points]
        (packaged,) = [one.points for one in KNOWLEDGE.clinical.indicators[move.indicator].anchors.values.values()]
        assert [said for _, said in points] == [said for _, said in packaged]
        assert sum(a != b for a, b in zip(points, packaged, strict=True)) == 1


def test_a_zero_has_no_share_to_be_moved_by() -> None:
    assert not [move for move in moves() if move.kind == ANCHOR and move.before == 0]


def test_before_the_first_effective_day_the_first_anchors_hold() -> None:
    early = list(moves_of(KNOWLEDGE, as_of=date(2000, 1, 1), share=0.2))
    assert [(m.indicator, m.before, m.after) for m in early] == [(m.indicator, m.before, m.after) for m in moves()]


def test_an_indicator_of_two_domains_is_named_with_both() -> None:
    assert {move.domains for move in moves() if move.kind == ANCHOR and move.indicator == "phq4"} == {("ANH", "INF")}


def test_only_records_with_the_indicator_are_concerned() -> None:
    for move in (moves()[0], moves()[-1]):
        effect = effect_of(move, RECORDS, BASELINE, as_of=DAY)
        assert effect.concerned == sum(move.indicator in found for found in BASELINE.indicators)
        assert max(effect.label, effect.named, effect.certainty) <= effect.concerned


def test_a_move_that_turns_labels_is_counted() -> None:
    large = [effect_of(move, RECORDS, BASELINE, as_of=DAY) for move in moves(0.9) if move.indicator == "phq1"]
    assert any(effect.named or effect.label for effect in large)


def test_the_baseline_counts_each_record_once() -> None:
    assert sum(BASELINE.labels.values()) == len(RECORDS)


def test_the_same_seed_draws_the_same_records() -> None:
    assert tuple(scaled_records(12, seed=3, as_of=DAY, knowledge=KNOWLEDGE)) == RECORDS
    assert tuple(scaled_records(12, seed=4, as_of=DAY, knowledge=KNOWLEDGE)) != RECORDS


def test_a_record_never_answers_one_item_twice() -> None:
    for record in RECORDS:
        items = [(answer.instrument, answer.item) for answer in record.answers]
        assert len(set(items)) == len(items)


@pytest.mark.parametrize(
    ("evidence", "points", "value"),
    [
        (0.0, ((0, 0), (10, 1)), 0),
        (0.25, ((-2, 1), (0, 0)), -0.5),
        (0.1, ((5, 0.4), (10, 1)), 5),
        (0.4, ((5, 0.4), (10, 0.4), (20, 1)), 10),
    ],
)
def test_a_value_is_read_off_the_curve(evidence: float, points: tuple[tuple[float, float], ...], value: float) -> None:
    assert value_saying(evidence, points) == pytest.approx(value)
