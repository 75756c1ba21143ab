"""The current episode from scores, depression onsets and drugs (trials 6.1; P1 by scores and P2 only).

Left out: remission by codes and by clinical status; the histories generated hold one standing depression.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from plugin.record import ConditionFact, Score
from tests.reference.eras import Context, Era


@dataclass(frozen=True)
class Episode:
    """First day (None without any evidence), and whether the episode may be over: then the verdict is capped."""

    start: int | None
    may_have_ended: bool


def current(
    eras: list[Era], scores: tuple[Score, ...], conditions: tuple[ConditionFact, ...], context: Context
) -> Episode:
    """The episode judged on the day of judgement."""
    scales = context.knowledge.instruments_on(context.as_of)
    today, rules = context.today, context.rules
    told = [(s.day.toordinal(), s.value, scales[s.instrument]) for s in scores if s.day.toordinal() <= today]
    ill = {day for day, value, scale in told if scale.line is not None and value >= scale.line}
    well = {day for day, value, scale in told if scale.remission is not None and value <= scale.remission}
    onsets = {c.onset.earliest.toordinal() for c in conditions if "depression" in c.categories and c.onset is not None}
    begun = {era.start for era in eras if era.reaches}
    covered = {day for era in eras if era.key[1] is None for day in era.days}
    active = sorted({day for day, _, _ in told} | onsets | covered)
    opening = sorted(day for day in ill | onsets | begun if day <= today)
    if not active:
        return Episode(None, False)
    closed: list[int] = []
    for first in sorted(well):
        for second in sorted(well):
            lasting = second - first >= rules.episode_remission_days
            if lasting and not any(first < day < second for day in ill):
                closed.append(second)
    for before, after in pairwise(active):
        if after - before - 1 >= rules.episode_silence_days:
            closed.append(before)
    starts = [opening[0] if opening else active[0]]
    ended = today - active[-1] >= rules.episode_silence_days
    for day in sorted(closed):
        again = [event for event in opening if event > day]
        if again:
            starts.append(again[0])
        else:
            ended = True
    return Episode(max(starts), ended)
