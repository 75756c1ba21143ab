"""Cards of any service as safe HTML, and as much of each as the chosen kind of client would show.

What comes in is whatever a service sent: every value is made into the kind of value that belongs there, or left out.
Cards and suggestions are numbered by their place, because a foreign card may lack a uuid or share it with another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.trust.behaviour import ClientProfile
from cds_hooks.web.cards import card_html

MOST_CARDS = 20
_LONGEST = 20_000
_MOST_PARTS = 50
_ANY, _ONE = "any", "at-most-one"


def shown(cards: list[Any], profile: ClientProfile) -> list[str]:
    """The HTML of each card, in order: ids are ``card-0``, suggestions ``0``, ``1`` … within their card."""
    return [
        str(card_html(_safe(card, place, profile), markdown=profile.markdown == "gfm"))
        for place, card in enumerate(cards[:MOST_CARDS])
    ]


def _safe(card: Any, place: int, profile: ClientProfile) -> dict[str, Any]:
    given = _mapping(card)
    suggestions = _mappings(given.get("suggestions"))
    return {
        "uuid": f"card-{place}",
        "summary": _text(given.get("summary")) or "(the card has no summary)",
        "indicator": _text(given.get("indicator")),
        "detail": _text(given.get("detail")),
        "source": _named(given.get("source"), "not stated"),
        "suggestions": [
            {"label": _text(one.get("label")) or "(without label)", "uuid": str(number)}
            for number, one in enumerate(suggestions)
        ],
        "selectionBehavior": _one_or_any(given.get("selectionBehavior"), profile),
        "links": [_named(one, "(without label)") for one in _mappings(given.get("links"))] if profile.links else [],
        "overrideReasons": [
            {"code": str(number), "display": _text(one.get("display")) or _text(one.get("code")) or "(without display)"}
            for number, one in enumerate(_mappings(given.get("overrideReasons")))
        ],
    }


def _one_or_any(written: Any, profile: ClientProfile) -> str:
    """How suggestions are offered: as the card says, or as a client does that knows one way only."""
    if profile.selection_behavior != "both":
        return profile.selection_behavior
    return _ANY if written == _ANY else _ONE


def _named(value: Any, otherwise: str) -> dict[str, str]:
    given = _mapping(value)
    return {"label": _text(given.get("label")) or otherwise, "url": _text(given.get("url"))}


def _text(value: Any) -> str:
    return value[:_LONGEST] if isinstance(value, str) else ""


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value[:_MOST_PARTS] if isinstance(one, dict)] if isinstance(value, list) else []
