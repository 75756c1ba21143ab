"""What clinicians did with a card, as clients report it: read tolerantly, item by item.

An item must name a card and say accepted or overridden; without that it tells nothing and is refused. Everything else
may be missing or odd: it is kept without it, and the answer says what was. One EHR sends the plural
``overrideReasons``, with the display of the reason in an extension; others send a code without its display.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from cds_hooks.errors import BadRequest, BodyTooLarge
from cds_hooks.storage.feedback_book import FeedbackItem
from mappings.schema import OverrideReason

_SHAPE = 'Send {"feedback": [{card, outcome, outcomeTimestamp, …}]} as CDS Hooks 2.0 describes.'
_OUTCOMES = ("accepted", "overridden")
_LONGEST_COMMENT = 10_000
# A batch is read before its sender is known and written in one transaction that all others wait for.
MOST_ITEMS = 500
_EXTENDED_DISPLAY = "reasonDisplay"


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about one item that its sender should know: what, and where. `refused` items are not kept."""

    what: str
    where: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A feedback body as read: the items to keep, and what is to be said about the others."""

    items: tuple[FeedbackItem, ...]
    remarks: tuple[Remark, ...]


def read_feedback(body: Mapping[str, Any], reasons: Sequence[OverrideReason]) -> Report:
    """The items of a feedback body. BadRequest, naming the place, when nothing in it can be kept.

    `reasons` are those we offer; a reason is taken by its code, or by its display where the code is missing.
    """
    items = body.get("feedback")
    if not isinstance(items, list):
        raise BadRequest("feedback is missing or not an array.", _SHAPE, where="feedback")
    if not items:
        raise BadRequest("feedback has no item.", "Send at least one item, or do not call.", where="feedback")
    if len(items) > MOST_ITEMS:
        raise BodyTooLarge(
            f"feedback has more than {MOST_ITEMS} items.", "Send them in several calls.", where="feedback"
        )
    kept: list[FeedbackItem] = []
    remarks: list[Remark] = []
    for position, item in enumerate(items):
        place = f"feedback[{position}]"
        problem = _unusable(item, place)
        if problem is not None:
            remarks.append(problem)
            continue
        read, odd = _read(item, place, reasons)
        kept.append(read)
        remarks += odd
    if not kept:
        first = remarks[0]
        raise BadRequest(first.what, _SHAPE, where=first.where)
    return Report(tuple(kept), tuple(remarks))


def remarks_outcome(remarks: Sequence[Remark]) -> dict[str, Any]:
    """The FHIR R4 OperationOutcome that tells the sender what of its feedback was odd, or was not kept."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {
                "severity": "error" if remark.refused else "warning",
                "code": "structure" if remark.refused else "incomplete",
                "diagnostics": f"{remark.what} {'The item was not kept.' if remark.refused else 'The item was kept.'}",
                "expression": [remark.where],
            }
            for remark in remarks
        ],
    }


def _unusable(item: Any, place: str) -> Remark | None:
    if not isinstance(item, dict):
        return Remark("A feedback item is not an object.", place, refused=True)
    card = item.get("card")
    if not isinstance(card, str) or not card.strip():
        return Remark("A feedback item names no card: send the card's uuid.", f"{place}.card", refused=True)
    if item.get("outcome") not in _OUTCOMES:
        return Remark("An outcome is neither accepted nor overridden.", f"{place}.outcome", refused=True)
    return None


def _read(item: Mapping[str, Any], place: str, known: Sequence[OverrideReason]) -> tuple[FeedbackItem, list[Remark]]:
    odd: dict[str, Remark] = {}
    happened = _instant(item.get("outcomeTimestamp"))
    if happened is None:
        odd["no-time"] = Remark(
            "outcomeTimestamp is missing or unreadable: send an RFC 3339 instant such as 2026-01-31T12:00:00Z.",
            f"{place}.outcomeTimestamp",
        )
    suggestions = tuple(dict.fromkeys(_suggestions(item.get("acceptedSuggestions"))))
    if item["outcome"] == "accepted" and not suggestions:
        odd["no-suggestion"] = Remark(
            "An accepted card does not say which suggestion was accepted: send acceptedSuggestions with their ids.",
            f"{place}.acceptedSuggestions",
        )
    stated = [item[name] for name in ("overrideReason", "overrideReasons") if item.get(name) is not None]
    given = [one for value in stated for one in (value if isinstance(value, list) else [value])]
    if any(not isinstance(one, dict) for one in given):
        odd["reason-shape"] = Remark(
            "An override reason is not an object: send {reason, userComment}.", f"{place}.overrideReason"
        )
    objects = [one for one in given if isinstance(one, dict)]
    codes = tuple(dict.fromkeys(code for one in objects for code in _codes(one, known)))
    other = any(one.get("reason") or _displayed(one) for one in objects)
    comments = [one["userComment"] for one in objects if isinstance(one.get("userComment"), str)]
    comment = "\n".join(text.strip() for text in comments if text.strip())
    if len(comment) > _LONGEST_COMMENT:
        odd["comment-cut"] = Remark(
            f"A comment is longer than {_LONGEST_COMMENT} characters and was cut.", f"{place}.overrideReason"
        )
    read = FeedbackItem(
        card=_bare(item["card"]),
        outcome=item["outcome"],
        suggestions=suggestions,
        reasons=codes,
        reason_given="ours" if codes else "other" if other else "none",
        comment=comment[:_LONGEST_COMMENT].replace("\0", ""),
        happened_at=happened,
        irregular=tuple(odd),
    )
    return read, list(odd.values())


def _suggestions(listed: Any) -> Iterator[str]:
    for entry in listed if isinstance(listed, list) else [listed]:
        if isinstance(entry, dict) and isinstance(entry.get("id"), str) and entry["id"].strip():
            yield _bare(entry["id"])


def _bare(identifier: str) -> str:
    """An identifier as we gave it out, in the spellings of a UUID that clients make of it."""
    bare = identifier.strip().lower().removeprefix("urn:uuid:")
    try:
        return str(UUID(bare))
    except ValueError:
        return bare


def _codes(stated: Mapping[str, Any], known: Sequence[OverrideReason]) -> Iterator[str]:
    """Our codes in one stated reason: by code, whatever system is written, or by display."""
    reason = stated.get("reason")
    codings = reason.get("coding", [reason]) if isinstance(reason, dict) else []
    for coding in codings if isinstance(codings, list) else []:
        code = coding.get("code") if isinstance(coding, dict) else None
        yield from (one.code for one in known if one.code == code)
    shown = _displayed(stated)
    yield from (one.code for one in known if shown and one.display.casefold() == shown)


def _displayed(stated: Mapping[str, Any]) -> str:
    """The display of a reason where only that was sent, in the reason or in an extension whose name ends so."""
    reason = stated.get("reason")
    found = reason.get("display") if isinstance(reason, dict) and not reason.get("code") else None
    extension = stated.get("extension")
    for name, value in extension.items() if isinstance(extension, dict) else ():
        if name.endswith(_EXTENDED_DISPLAY) and isinstance(value, str):
            found = value
    return found.strip().casefold() if isinstance(found, str) else ""


def _instant(value: Any) -> datetime | None:
    """An RFC 3339 date and time with a zone, in UTC; lower-case separators are seen in the field."""
    if not isinstance(value, str):
        return None
    try:
        read = datetime.fromisoformat(value.strip().upper())
        return read.astimezone(UTC) if read.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
