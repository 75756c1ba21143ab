"""The timeline as shapes with places: what the SVG template writes down.

One scale of time for everything. Bars rise with the daily dose from the ground of their lane; a dashed line marks the
dose that is adequate. What is only possible or assumed is hatched. Everything drawn is told in words in the tables too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from cds_hooks.basis.lane_shapes import Group, Label, end_of, group_shape
from cds_hooks.basis.lanes import Lane
from cds_hooks.basis.score_shapes import ScoreShape, score_shapes
from cds_hooks.basis.scores_line import ScorePanel
from cds_hooks.basis.telling import ADEQUACY, ADEQUACY_SIGN
from cds_hooks.basis.time_scale import Tick, TimeScale, scale_of
from plugin.advice.wording import Wording

WIDTH = 940.0
_LEFT, _RIGHT = 172.0, 930.0
_TOP = 40.0  # of the first lane, below the axis
_PANEL_GAP = 14.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EpisodeShape:
    """The current episode from its first day to the day of judgement; `uncertain`: it may have begun earlier."""

    x: float
    width: float
    uncertain: bool
    label: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One entry of the legend: how it is drawn and what it means."""

    kind: str
    text: str
    adequacy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """The whole drawing. `described` is what it shows in a sentence, `bottom` where the plot ends.

    `legend` names what occurs in it and has to be told: each a sample and its words.
    """

    width: float
    height: float
    left: float
    right: float
    bottom: float
    described: str
    ticks: tuple[Tick, ...]
    episode: EpisodeShape | None
    change: float | None
    as_of: Label
    groups: tuple[Group, ...]
    scores: tuple[ScoreShape, ...]
    legend: tuple[Sample, ...]


def drawing_of(
    groups: Sequence[tuple[str, Sequence[Lane]]],
    panels: Sequence[ScorePanel],
    *,
    episode: tuple[date | None, bool],
    as_of: date,
    words: Wording,
) -> Drawing | None:
    """The drawing of lanes by heading and of score panels; None where there is nothing with a date.

    `episode` is the first day of the current episode and whether it may have begun earlier.
    """
    started, uncertain = episode
    lanes = [lane for _, members in groups for lane in members]
    days = [lane.first for lane in lanes] + [point.day for panel in panels for point in panel.points]
    if not days:
        return None
    first = min([*days, *([started] if started is not None else [])])
    scale = scale_of(min(first, as_of), started, as_of, left=_LEFT, right=_RIGHT)
    y, shaped = _TOP, []
    for title, members in groups:
        if members:
            group = group_shape(title, members, scale, y, words)
            shaped.append(group)
            y = end_of(group)
    scores, bottom = score_shapes(panels, scale, top=y + _PANEL_GAP if shaped else y, words=words)
    months = [words.knowledge.sentences[f"month-{month:02}"].text for month in range(1, 13)]
    return Drawing(
        width=WIDTH,
        height=round(bottom + 10, 1),
        left=_LEFT,
        right=_RIGHT,
        bottom=bottom,
        described=_described(lanes, panels, scale, as_of, words),
        ticks=scale.ticks(months),
        episode=_episode(started, as_of, scale, words, uncertain=uncertain) if started is not None else None,
        change=scale.change,
        as_of=Label(x=scale.at(as_of), y=12, text=f"as of {words.day(as_of)}", anchor="end"),
        groups=tuple(shaped),
        scores=scores,
        legend=tuple(_legend(shaped, scores)),
    )


def _legend(groups: Sequence[Group], scores: Sequence[ScoreShape]) -> Iterator[Sample]:
    shapes = [shape for group in groups for shape in group.lanes]
    judged = {shape.lane.adequacy for shape in shapes}
    for adequacy, word in ADEQUACY.items():
        if adequacy in judged:
            yield Sample(kind="bar", adequacy=adequacy, text=f"{ADEQUACY_SIGN[adequacy]} {word}")
    hatched = [shape.lane.adequacy for shape in shapes if any(bar.hatched for bar in shape.bars)]
    if hatched:
        yield Sample(kind="hatch", adequacy=hatched[0], text="hatched: supply or dose only possible or assumed")
    if any(shape.threshold for shape in shapes):
        yield Sample(kind="threshold", text="adequate daily dose; the height of a bar is the dose")
    if any(panel.responses for panel in scores):
        yield Sample(kind="response", text="a response to that trial would lie here")
    if any(panel.remission for panel in scores):
        yield Sample(kind="remission", text="remission")
    if any(panel.line is not None for panel in scores):
        yield Sample(kind="ill", text="still ill from here up")


def _episode(started: date, as_of: date, scale: TimeScale, words: Wording, *, uncertain: bool) -> EpisodeShape:
    x, end = scale.at(started), scale.at(as_of)
    since = f"current episode since {words.day(started)}{', start not sure' if uncertain else ''}"
    return EpisodeShape(
        x=x,
        width=round(max(end - x, 1.0), 1),
        uncertain=uncertain,
        label=Label(x=x, y=12, text=since),
    )


def _described(
    lanes: Sequence[Lane], panels: Sequence[ScorePanel], scale: TimeScale, as_of: date, words: Wording
) -> str:
    """The drawing in a sentence; every lane and score stands in the tables below it."""
    names = ", ".join(dict.fromkeys(f"{lane.name} ({lane.judged or lane.aside})" for lane in lanes))
    scales = ", ".join(panel.label for panel in panels)
    parts = [f"Time from {words.day(scale.first)} to {words.day(as_of)}."]
    parts += [f"Bars: {names}."] if names else []
    parts += [f"Scores as lines: {scales}."] if scales else []
    return " ".join([*parts, "The same stands in the tables that follow."])
