"""How the page calls what the tables name by a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

WITHHELD = "withheld"
_PERCENT = "\u00a0%"
VERDICT: Mapping[str, str] = {
    "MET": "met",
    "PROBABLE": "probable",
    "INDETERMINATE": "cannot be told",
    "NOT_MET": "not met",
    "EXCLUDED": "excluded",
    "OUT_OF_SCOPE": "out of scope",
    "none": "no verdict",
}
SEGMENT: Mapping[str, str] = {**VERDICT, "UNSETTLED": "probable or cannot be told", "WITHHELD": "withheld"}
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
PART: Mapping[str, str] = {
    "verdict": "whom the definition is about: age, diagnosis",
    "episode": "when the episode began",
    "trials": "the outcome of a trial",
    "trial": "a dose or its days",
    "outcome": "the outcome of a trial",
}
COLUMN: Mapping[str, str] = {
    "fired": "a card at the last moment",
    "MET": "met",
    "PROBABLE": "probable",
    "INDETERMINATE": "cannot be told",
    "UNSETTLED": "probable or cannot be told",
    "MET_OR_UNSETTLED": "met, probable or cannot be told",
}
GROUPING: Mapping[str, str] = {
    "age": "Age in years",
    "sex": "Sex as recorded",
    "race": "Race as recorded",
    "ethnicity": "Ethnicity as recorded",
    "language": "Preferred language",
}


def count(value: int | None) -> str:
    """A count with thin groups of digits, or that it is withheld."""
    return WITHHELD if value is None else f"{value:,}".replace(",", "\u202f")


def percent(value: float | None) -> str:
    """A share as percent with one decimal; that it is withheld where there is none."""
    return WITHHELD if value is None else f"{100 * value:.1f}{_PERCENT}"


def points(told: Mapping[str, float] | None) -> str:
    """A difference of two shares in percentage points with its interval; that it is withheld where there is none."""
    if told is None:
        return WITHHELD
    value, low, high = (f"{100 * told[name]:+.1f}".replace("-", "\u2212") for name in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def setting(value: object) -> str:
    """A setting of a plan as read: a list by its parts; "none" where nothing is set."""
    return (", ".join(map(str, value)) if isinstance(value, list) else str(value or "")) or "none"


def rules(ids: Sequence[str], titles: Mapping[str, str]) -> str:
    """The rules behind a verdict, each by its title and id."""
    return "; ".join(f"{titles[rule]} ({rule})" if rule in titles else rule for rule in ids) or "–"


def found(figure: Mapping[str, Any]) -> str:
    """The shares of a published figure in one line; that nobody has read them where there are none."""
    parts = [
        f"{one['label']}: {percent(one['share'])}".removeprefix(": ") + ("" if one["read"] else " (from memory)")
        for one in figure["found"]
    ]
    return "; ".join(parts) or "not read"


def interval(told: Mapping[str, float | None]) -> str:
    """The interval of a share; empty where there is none."""
    low, high = told.get("low"), told.get("high")
    return "" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f}{_PERCENT}"
