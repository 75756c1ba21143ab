"""Scores that could still be learnt: an endpoint where a trial has none, a baseline where its endpoint has none.

A score is supposed only on a day without any score of its scale, and never after the day of judgement. Each value is
the boundary of what it stands for: every lower (or higher) one says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor

from mappings.schema import Instrument
from plugin.instruments import exact, is_at_line
from plugin.record import Score
from plugin.resistance.supposition import Case, Supposition
from plugin.trial.measurement import Status, Window, window_of
from plugin.trial.trials import Trial

_SUPPOSED = "supposed"


def _window(case: Case, trial: Trial) -> Window:
    return window_of(
        trial.judged,
        definition=case.definition,
        rules=case.setting.rules,
        next_start=trial.outcome.next_start,
    )


def _scale_for(case: Case, window: Window) -> tuple[Instrument, Score | None]:
    """The scale to ask for: that of the latest usable baseline, else the one used most, else the preferred one."""
    scales = case.setting.instruments
    plain = case.history.told.scores.plain.between(window.baseline_from, window.baseline_to)
    starts = [s for s in plain if is_at_line(s, scales)]
    if starts:
        latest = max(starts, key=lambda s: (s.day, s.order))
        return scales[latest.instrument], latest
    known = [s for s in case.record.scores if s.day <= case.setting.as_of and scales[s.instrument].line is not None]
    often = Counter(s.instrument for s in known)
    ranked = sorted(scales.values(), key=lambda scale: (-often[scale.id], not scale.preferred, scale.id))
    return ranked[0], None


def _free_day(case: Case, instrument: str, first: date, last: date) -> date | None:
    """The latest day from `first` to `last`, not after today, on which this scale has no score of any kind."""
    taken = {score.day for score in case.record.scores if score.instrument == instrument}
    day = min(last, case.setting.as_of)
    while day in taken:
        day -= timedelta(days=1)
    return day if day >= first else None


def endpoint_scores(case: Case, index: int) -> Iterator[Supposition]:
    """A score in the empty endpoint window: the best that is no failure, and the least that is one."""
    trial = case.trials[index]
    if trial.outcome.endpoint is not None:
        return
    window = _window(case, trial)
    scale, baseline = _scale_for(case, window)
    last = min(window.endpoint_to, case.setting.as_of)
    day = _free_day(case, scale.id, window.endpoint_from, last)
    if day is None:
        return
    kind = "score-now" if day == case.setting.as_of else "score-past"
    good = scale.remission
    ill = scale.line
    if baseline is not None:
        halved = floor(exact(baseline.value) * (1 - exact(case.definition.response)))
        good = scale.remission if scale.remission is not None else float(halved)
        ill = max(float(halved), good) + 1
    for value, words in ((good, "below {}"), (ill, "of {} or more")):
        if value is None or not scale.minimum <= value <= scale.maximum:
            continue
        shown = words.format(f"{value + 1 if value == good else value:g}")
        yield Supposition(
            kind=kind,
            fact=f"{scale.label} at {day} {shown}",
            trial=index,
            day=day,
            window=(window.endpoint_from, last),
            instrument=scale.id,
            score=Score(instrument=scale.id, value=value, day=day, references=(), source=_SUPPOSED),
        )


def baseline_scores(case: Case, index: int) -> Iterator[Supposition]:
    """A baseline on the scale of an endpoint that has none: one that makes it a response, one that does not."""
    outcome = case.trials[index].outcome
    end = outcome.endpoint
    if end is None or outcome.baseline is not None or outcome.status not in (Status.UNKNOWN, Status.FAILED_PROXY):
        return
    scale = case.setting.instruments[end.instrument]
    window = _window(case, case.trials[index])
    day = _free_day(case, scale.id, window.baseline_from, window.baseline_to)
    if scale.line is None or day is None:
        return
    share: Fraction = 1 - exact(case.definition.response)
    enough = max(float(ceil(exact(end.value) / share)), scale.line)
    short = min(enough - 1, scale.maximum)
    supposed = []
    if short >= scale.line:
        words = f"{scale.line:g} to {short:g}" if short < scale.maximum else f"{scale.line:g} or more"
        supposed.append((short, words))
    if enough <= scale.maximum:
        supposed.append((enough, f"{enough:g} or more"))
    for value, words in supposed:
        yield Supposition(
            kind="baseline-past",
            fact=f"{scale.label} at {day} of {words}",
            trial=index,
            day=day,
            window=(window.baseline_from, window.baseline_to),
            instrument=scale.id,
            score=Score(instrument=scale.id, value=value, day=day, references=(), source=_SUPPOSED),
        )
