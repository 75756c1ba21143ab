"""Scores over time: one panel for each scale, with its severity lines and what a response would have been.

The remission band is that of the scale. A response is relative: for each trial a line runs from its baseline to its end
at the total that would have been a response under the definition. Scales without such numbers have no bands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from mappings.schema import Instrument
from plugin.assessment import Assessment
from plugin.instruments import Instruments, is_plain
from plugin.record import Score
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_PANELS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One total on one day. `plain`: it can be taken as a number; `telling`: an outcome rests on it."""

    day: date
    value: float
    plain: bool
    telling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLine:
    """From the day of a baseline to the end of its trial: totals at or below `value` would have been a response."""

    first: date
    last: date
    value: float
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorePanel:
    """One scale: its range, the highest total in remission and the total from which on a patient counts as ill."""

    label: str
    low: float
    high: float
    remission: float | None
    line: float | None
    points: tuple[Point, ...]
    responses: tuple[ResponseLine, ...]


def panels_of(assessment: Assessment, instruments: Instruments) -> tuple[tuple[ScorePanel, ...], tuple[str, ...]]:
    """The panels, the telling scale first, and the labels of the scales that are not drawn but have scores."""
    by_scale: dict[str, list[Score]] = {}
    for score in assessment.record.scores:
        if score.day <= assessment.as_of and score.instrument in instruments:
            by_scale.setdefault(score.instrument, []).append(score)
    telling = _telling(assessment)
    told = Counter(score.instrument for score in telling)
    ordered = sorted(by_scale, key=lambda key: (-told[key], not instruments[key].preferred, -len(by_scale[key]), key))
    shown = [_panel(instruments[key], by_scale[key], telling, _responses(key, assessment)) for key in ordered[:_PANELS]]
    return tuple(shown), tuple(instruments[key].label for key in ordered[_PANELS:])


def _panel(
    scale: Instrument, scores: Sequence[Score], telling: Sequence[Score], responses: tuple[ResponseLine, ...]
) -> ScorePanel:
    references = {reference for score in telling for reference in score.references}
    points = tuple(
        Point(
            day=score.day,
            value=score.value,
            plain=is_plain(score),
            telling=not references.isdisjoint(score.references),
        )
        for score in sorted(scores, key=lambda one: (one.day, one.order))
    )
    return ScorePanel(
        label=scale.label,
        low=scale.minimum,
        high=max(scale.maximum, *(point.value for point in points)),
        remission=scale.remission,
        line=scale.line,
        points=points,
        responses=responses,
    )


def _responses(instrument: str, assessment: Assessment) -> tuple[ResponseLine, ...]:
    keep = 1 - assessment.definition.response
    found: list[ResponseLine] = []
    everything: tuple[Trial | Course, ...] = (*assessment.trials, *assessment.augmentations, *assessment.courses)
    for one in everything:
        baseline = one.outcome.baseline
        if baseline is None or baseline.instrument != instrument or (isinstance(one, Trial) and one.undated):
            continue
        last = one.judged.era.end if isinstance(one, Trial) else one.series.end or one.series.last
        ended = one.outcome.endpoint.day if one.outcome.endpoint is not None else last
        name = one.drug.label if isinstance(one, Trial) else one.label
        last = max(last, ended, baseline.day)
        found.append(ResponseLine(first=baseline.day, last=last, value=baseline.value * keep, name=name))
    return tuple(found)


def _telling(assessment: Assessment) -> tuple[Score, ...]:
    everything: tuple[Trial | Course, ...] = (
        *assessment.trials,
        *assessment.earlier,
        *assessment.augmentations,
        *assessment.courses,
    )
    ends = [end for one in everything for end in (one.outcome.baseline, one.outcome.endpoint)]
    severity = [assessment.severity.score] if assessment.severity is not None else []
    return tuple(score for score in (*ends, *severity) if score is not None)
