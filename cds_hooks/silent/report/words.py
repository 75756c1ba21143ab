"""How the page calls what the tables name by a key."""

from __future__ import annotations

from collections.abc import Mapping

WITHHELD = "withheld"
VERDICT: Mapping[str, str] = {
    "MET": "met",
    "PROBABLE": "probable",
    "INDETERMINATE": "cannot be told",
    "NOT_MET": "not met",
    "EXCLUDED": "excluded",
    "OUT_OF_SCOPE": "out of scope",
    "none": "no verdict",
}
ANSWER: Mapping[str, str] = {"resistant": "resistant", "notResistant": "not resistant", "cannotTell": "cannot tell"}
DATUM: Mapping[str, str] = {
    "score-now": "a score today",
    "birth-date": "the birth date",
    "episode-current": "when the current episode began",
    "indication": "what a drug was given for",
    "stop-reason": "why a drug was stopped",
    "diagnosis": "the diagnosis",
    "dose": "a dose",
    "supply": "a supply",
    "dispense": "whether a drug was dispensed",
    "dates": "dates of a drug",
    "conditions-read": "access to the problem list",
    "history-read": "access to the medication history",
    "score-past": "a score at the end of a past trial",
    "baseline-past": "a score at the start of a past trial",
}
GROUPING: Mapping[str, str] = {
    "age": "Age in years",
    "sex": "Sex as recorded",
    "race": "Race as recorded",
    "ethnicity": "Ethnicity as recorded",
    "language": "Preferred language",
}
TAKING = "taking"
HIDDEN: Mapping[str, str] = {
    "order-days-supply": "days' supply of orders",
    "order-quantity": "quantities of orders",
    "order-refills": "refills of orders",
    "dispense-feed": "dispenses",
    "dispense-days-supply": "days' supply of dispenses",
    "order-left-active": "that an order had ended",
    "order-stop-reason": "why an order was stopped",
    "order-structured-dose": "the dose but for its text",
    "order-indication": "what an order was for",
    "score": "scores of visits",
    "remission-code": "that an episode had ended",
    TAKING: "when the last dose was swallowed: never in a record",
}


def count(value: int | None) -> str:
    """A count with thin groups of digits, or that it is withheld."""
    return WITHHELD if value is None else f"{value:,}".replace(",", "\u202f")


def percent(value: float | None) -> str:
    """A share as percent with one decimal; that it is withheld where there is none."""
    return WITHHELD if value is None else f"{100 * value:.1f} %"


def interval(told: Mapping[str, float | None]) -> str:
    """The interval of a share; empty where there is none."""
    low, high = told.get("low"), told.get("high")
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"
