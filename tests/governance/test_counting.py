"""The report on cards counted by hand."""

from __future__ import annotations

import pytest

from cds_hooks.governance.facts import ANOTHER, NO_REASON, SEVERAL, CallFacts, FeedbackFacts
from tests.governance.facts import card, many, report, row, texts

CARDS = [
    *many(12, state="accepted", week="2026-W04"),
    *many(9, state="overridden", reasons=("patient-preference",)),
    *many(6, state="overridden", reasons=(ANOTHER,), week="2026-W04"),
    *many(5, state="overridden"),
    *many(8),
    *many(25, kind="trd-options", rules=("KET", "V1"), state="overridden", reasons=("a", "b"), hook="order-select"),
    *many(10, kind="trd-options", rules=("KET",), client="b"),
    *many(7, shown=False, client="b", kind="trd-options", rules=("KET",)),
]


def test_the_counts_are_those_of_the_cards() -> None:
    made = report(
        CARDS,
        calls=CallFacts(calls=200, with_cards=60, of_concern=100, cards_of_concern=75),
        feedback=FeedbackFacts(unmatched=3, irregular=6),
    )
    assert texts(made.total) == {
        "shown": "75", "answered": "57", "not answered": "18", "accepted": "12", "overridden": "45", "in shadow": "7",
    }  # fmt: skip
    assert [made.total.acceptance.value, made.total.response.value] == [12 / 57, 57 / 75]
    assert {name: cell.text for name, cell in made.calls.items()} == {
        "calls": "200", "with a card shown": "60", "with an order of concern": "100",
    }  # fmt: skip
    assert made.cards_per_100 == 75
    assert {name: cell.text for name, cell in made.feedback.items()} == {"unmatched": "<5", "irregular": "6"}
    status = texts(row(made, "kind", "trd-status"))
    assert status == {
        "shown": "40", "answered": "32", "not answered": "8", "accepted": "12", "overridden": "20", "in shadow": "0",
    }  # fmt: skip
    assert texts(row(made, "rule", "V1"))["shown"] == "65" and texts(row(made, "rule", "KET"))["shown"] == "35"
    assert texts(row(made, "client", "b")) == {
        "shown": "10", "answered": "0", "not answered": "10", "accepted": "0", "overridden": "0", "in shadow": "7",
    }  # fmt: skip
    assert texts(row(made, "week", "2026-W04"))["shown"] == "18"
    assert texts(row(made, "hook", "order-select"))["overridden"] == "25"
    reasons = next(table for table in made.tables if table.id == "reason")
    assert {one.key: one.cells["overridden"].text for one in reasons.rows} == {
        "patient-preference": "9", "other-indication": "0", ANOTHER: "6", SEVERAL: "25", NO_REASON: "5",
    }  # fmt: skip


def test_what_was_answered_and_never_accepted_is_flagged() -> None:
    made = report(CARDS)
    assert [(table.id, one.key) for table, one in made.flagged] == [("kind", "trd-options"), ("rule", "KET")]
    assert round(made.flagged[0][1].acceptance.high, 4) == 0.1332  # 0 of 25: z² / (25 + z²)
    assert not report(CARDS, review_from=26).flagged


def test_a_flag_is_not_lost_for_the_sake_of_a_rare_kind() -> None:
    made = report(
        [
            *many(40, state="accepted"),
            *many(20),
            *many(30, kind="trd-options", rules=("KET",), state="overridden"),
            *many(2, kind="rare", rules=("S01",)),
        ]
    )
    assert [(table.id, one.key) for table, one in made.flagged] == [("kind", "trd-options"), ("rule", "KET")]
    assert texts(row(made, "kind", "trd-status"))["shown"] == "withheld"


def test_cards_without_feedback_flag_nothing() -> None:
    assert not report(many(500)).flagged


def test_rules_that_never_spoke_are_listed() -> None:
    assert report(CARDS).silent == [("S01", "Safety")]
    assert report([]).silent[:2] == [("trd-status", "Status"), ("trd-options", "Options")]
    assert ("KET", "Esketamine") not in report([card(kind="trd-options", rules=("KET",), shown=False)]).silent


def test_a_small_count_takes_with_it_what_would_give_it_away() -> None:
    made = report([*many(30, state="accepted"), *many(20, state="overridden"), *many(3, client="b", state="accepted")])
    assert texts(made.total)["shown"] == "53"
    found = {key: texts(row(made, "client", key)) for key in ("a", "b")}
    assert found["b"]["shown"] == "<5" and found["a"]["shown"] == "withheld"
    assert {found["b"][name] for name in ("answered", "accepted", "overridden")} == {"withheld"}


def test_with_few_cards_nothing_is_said_but_that() -> None:
    made = report(many(4, state="accepted"))
    assert texts(made.total)["shown"] == "<5"
    for table in made.tables:
        for one in table.rows:
            assert not [cell for cell in one.cells.values() if cell.count]


def test_calls_are_withheld_with_the_rest_that_would_give_them_away() -> None:
    made = report([], calls=CallFacts(calls=100, with_cards=98, of_concern=3, cards_of_concern=3))
    assert {name: cell.text for name, cell in made.calls.items()} == {
        "calls": "100", "with a card shown": "withheld", "with an order of concern": "<5",
    }  # fmt: skip
    assert made.cards_per_100 is None
    assert {cell.text for cell in report([], calls=CallFacts(calls=4, with_cards=2)).calls.values()} == {
        "<5", "withheld",
    }  # fmt: skip


@pytest.mark.parametrize("options", [{"smallest_cell": 2}, {"smallest_cell": 10, "review_from": 9}])
def test_thresholds_that_protect_nothing_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="smallest_cell"):
        report([], **options)
