"""Scores of every day of a simulated life, and the episode that was under way on a day, by the published rules."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.cohort.life import Life
from cds_hooks.cohort.plan import Plan

_SCALE = "phq9"


class TrueScores:
    """The exact score of each day, in whole points of the PHQ-9, and what it means."""

    def __init__(self, life: Life, plan: Plan) -> None:
        self._life, self._scale = life, plan.knowledge.instruments[_SCALE]
        self._known: dict[int, int] = {}

    def on(self, day: int) -> int:
        """The score of a day."""
        if day not in self._known:
            self._known[day] = round(min(max(self._life.severity(day), self._scale.minimum), self._scale.maximum))
        return self._known[day]

    def remitted(self, day: int) -> bool:
        """Whether the score lies in the range of remission."""
        return self._scale.remission is not None and self.on(day) <= self._scale.remission

    def ill(self, day: int) -> bool:
        """Whether the score reaches the line from which on a patient counts as ill."""
        return self._scale.line is not None and self.on(day) >= self._scale.line


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEpisode:
    """The last episode begun: its first day, and whether a remission that lasted has ended it."""

    start: int
    ended: bool


def episode_on(life: Life, scores: TrueScores, plan: Plan, today: int) -> TrueEpisode | None:
    """The episode on the day `today`, None before the first one."""
    begun = [spell for spell in life.spells if spell.start <= today]
    return TrueEpisode(start=begun[-1].start, ended=has_ended(begun[-1].start, scores, plan, today)) if begun else None


def has_ended(start: int, scores: TrueScores, plan: Plan, today: int) -> bool:
    """Whether an episode begun on `start` is over: two scores in remission far enough apart, none at the line since."""
    day = first = last = today
    seen = False
    while day >= start and not scores.ill(day):
        if scores.remitted(day):
            first, last, seen = day, (last if seen else day), True
        day -= 1
    return seen and last - first >= plan.remission_days
