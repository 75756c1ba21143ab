"""What clinicians did with a card, as clients report it.

Only the shape is judged, tolerantly: any card id, reasons with or without display, the plural
``overrideReasons`` that one EHR sends, offsets instead of UTC. No card is on record yet, so every item is
unmatched: it is counted and nothing of it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cds_hooks.errors import BadRequest

_SHAPE = 'Send {"feedback": [{card, outcome, outcomeTimestamp, …}]} as CDS Hooks 2.0 describes.'
_OUTCOMES = ("accepted", "overridden")


class FeedbackCount:
    """How many items came in for cards that are not on record, since the process started."""

    def __init__(self) -> None:
        self.unmatched = 0

    def add(self, items: int) -> None:
        """Count `items` more."""
        self.unmatched += items


def read_feedback(body: Mapping[str, Any]) -> int:
    """The number of items in a feedback body. BadRequest, naming the place, when an item is misshapen."""
    items = body.get("feedback")
    if not isinstance(items, list):
        raise BadRequest("feedback is missing or not an array.", _SHAPE, where="feedback")
    if not items:
        raise BadRequest("feedback has no item.", "Send at least one item, or do not call.", where="feedback")
    for position, item in enumerate(items):
        _check(item, f"feedback[{position}]")
    return len(items)


def _check(item: Any, place: str) -> None:
    if not isinstance(item, dict):
        raise BadRequest("A feedback item is not an object.", _SHAPE, where=place)
    card = item.get("card")
    if not isinstance(card, str) or not card.strip():
        raise BadRequest("A feedback item names no card.", "Send the card's uuid.", where=f"{place}.card")
    outcome = item.get("outcome")
    if outcome not in _OUTCOMES:
        raise BadRequest("An outcome is missing or unknown.", "Send accepted or overridden.", where=f"{place}.outcome")
    if not _is_instant(item.get("outcomeTimestamp")):
        raise BadRequest(
            "An outcomeTimestamp is missing or unreadable.",
            "Send an RFC 3339 instant, for example 2026-01-31T12:00:00Z.",
            where=f"{place}.outcomeTimestamp",
        )
    if outcome == "accepted":
        _check_accepted(item.get("acceptedSuggestions"), f"{place}.acceptedSuggestions")
    for name in ("overrideReason", "overrideReasons"):
        reason = item.get(name)
        if reason is not None and not isinstance(reason, (dict, list)):
            raise BadRequest(
                "An override reason is not an object.", "Send {reason, userComment}.", where=f"{place}.{name}"
            )


def _check_accepted(listed: Any, place: str) -> None:
    usable = isinstance(listed, list) and listed
    if not usable or not all(isinstance(entry, dict) and isinstance(entry.get("id"), str) for entry in listed):
        raise BadRequest(
            "An accepted card does not say which suggestion was accepted.",
            "Send acceptedSuggestions as an array of objects with the suggestion's id.",
            where=place,
        )


def _is_instant(value: Any) -> bool:
    """An RFC 3339 date and time with a zone; lower-case separators are seen in the field."""
    if not isinstance(value, str):
        return False
    try:
        return datetime.fromisoformat(value.strip().upper()).tzinfo is not None
    except ValueError:
        return False
