"""What is counted: cards with what became of them, calls, and feedback, without patient, user or text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

State = Literal["accepted", "overridden", "unanswered"]
ANOTHER, NO_REASON, SEVERAL = "another reason", "none given", "more than one reason"
DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What a report is about: cards issued on the days `since` to `until`, both included, in UTC.

    `client` and `hook` narrow it; empty, they do not.
    """

    since: date
    until: date
    client: str = ""
    hook: str = ""

    def __post_init__(self) -> None:
        if self.until < self.since:
            raise ValueError("the period ends before it begins")

    @classmethod
    def last_days(cls, today: date, days: int = DEFAULT_DAYS) -> Selection:
        """The `days` up to and including `today`."""
        return cls(since=today - timedelta(days=days - 1), until=today)

    @property
    def begins(self) -> datetime:
        """The first instant."""
        return datetime.combine(self.since, time(), UTC)

    @property
    def ends(self) -> datetime:
        """The first instant after it."""
        return datetime.combine(self.until, time(), UTC) + timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFact:
    """One card. `state` is accepted when any feedback accepted it, else overridden when any did.

    `reasons` are our codes, and ANOTHER where a reason was given that is none of ours.
    """

    client: str
    hook: str
    kind: str
    week: str
    knowledge: str
    rules: tuple[str, ...]
    shown: bool
    state: State = "unanswered"
    reasons: tuple[str, ...] = ()

    @property
    def reason(self) -> str:
        """The line of the table of reasons on which an overridden card is counted."""
        if len(self.reasons) > 1:
            return SEVERAL
        return self.reasons[0] if self.reasons else NO_REASON


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """How many calls there were, showed a card, and had an order of concern; and the cards shown in the last."""

    calls: int = 0
    with_cards: int = 0
    of_concern: int = 0
    cards_of_concern: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackFacts:
    """Feedback received in the period: about no card that was shown to that client, and with something odd."""

    unmatched: int = 0
    irregular: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a report is made from."""

    cards: tuple[CardFact, ...]
    calls: CallFacts
    feedback: FeedbackFacts


def week_of(instant: datetime) -> str:
    """The ISO week in UTC: ``2026-W09``."""
    year, week, _ = instant.astimezone(UTC).isocalendar()
    return f"{year}-W{week:02}"
