"""Everything that a simulated record does not tell of the life behind it, kind by kind, and how to call it.

Three groups, each a step further from what any hospital has: what a profile of missingness hides on purpose; what goes
wrong in writing; and what is in no record at all. A record can be written again with any of them restored, of the same
life and with all else as it was: so it can be proved what a difference comes from (`cds_hooks.silent.report.proof`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Group = Literal["hidden", "mishap", "unrecorded"]
GROUPS: tuple[Group, ...] = get_args(Group)
HIDDEN: Mapping[str, str] = {
    "order-days-supply": "days' supply of an order",
    "order-quantity": "quantity of an order",
    "order-refills": "refills of an order",
    "dispense-feed": "all dispenses",
    "dispense-days-supply": "days' supply of a dispense",
    "order-left-active": "that an order had ended",
    "order-stop-reason": "why and when an order was stopped",
    "order-structured-dose": "a dose but for its text",
    "order-indication": "what an order was for",
    "score": "the score of a visit",
    "remission-code": "the code of a remission",
}
MISHAPS: Mapping[str, str] = {
    "indication-unstated": "what an order was for was not written",
    "inefficacy-uncoded": "that a drug did not help was not coded",
    "remission-uncoded": "a remission was not coded",
    "episode-uncoded": "a new episode got no code of its own",
    "unspecified-code": "depression was coded as unspecified",
    "free-text": "a dose was written in words only",
    "month-only": "only the month was written",
    "instant": "an instant of another time zone was written",
    "duplicate": "something was entered twice",
    "entered-in-error": "something was entered in error",
    "cancelled": "an order was cancelled and written again",
    "other-scale": "a score was taken on another scale than the PHQ-9",
    "score-form": "a score was written as answers, or on the code of the panel",
    "score-noise": "a score was off by a point",
}
UNRECORDED: Mapping[str, str] = {
    "days-taken": "on which days a drug was swallowed and what for: a record has what was handed over",
    "score-between-visits": "how ill the patient was between two visits",
    "end-entered": "when the end of a problem was entered: a record has the day on which it ended",
}
WORDS: Mapping[str, str] = {**HIDDEN, **MISHAPS, **UNRECORDED}
EVERYTHING = frozenset(WORDS)
NOTHING: frozenset[str] = frozenset()
WRITABLE = frozenset({**HIDDEN, **MISHAPS})


def group_of(kind: str) -> Group:
    """Which of the three groups a kind belongs to; KeyError for none."""
    for group, kinds in (("hidden", HIDDEN), ("mishap", MISHAPS), ("unrecorded", UNRECORDED)):
        if kind in kinds:
            return group  # type: ignore[return-value]
    raise KeyError(kind)
