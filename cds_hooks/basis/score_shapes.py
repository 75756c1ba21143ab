"""Score panels as shapes: line, points, bands and the totals that are written beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_hooks.basis.scores_line import Point, ScorePanel
from cds_hooks.basis.telling import number
from cds_hooks.basis.time_scale import TimeScale
from plugin.advice.wording import Wording

_FIRST_HEIGHT, _HEIGHT, _GAP = 110.0, 66.0, 26.0
_ROOM = 20.0  # between two written totals
_MOST_TOLD = 150  # more points than this are drawn without a text each; the table holds them


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One total: `text` is written beside it, empty where there is no room; `told` is for a pointer."""

    x: float
    y: float
    text: str
    told: str
    plain: bool
    telling: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A band across the panel or a part of it, from `y` downwards."""

    x: float
    y: float
    width: float
    height: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreShape:
    """One panel: `path` are the points of the line; `line` is the height from which on a patient counts as ill."""

    label: str
    asides: tuple[str, ...]
    top: float
    bottom: float
    highest: str
    lowest: str
    path: str
    dots: tuple[Dot, ...]
    remission: Band | None
    responses: tuple[Band, ...]
    line: float | None


def score_shapes(
    panels: Sequence[ScorePanel], scale: TimeScale, *, top: float, words: Wording
) -> tuple[tuple[ScoreShape, ...], float]:
    """The panels one below the other from `top`, and where the last one ends."""
    shapes = []
    for place, panel in enumerate(panels):
        height = _HEIGHT if place else _FIRST_HEIGHT
        shapes.append(_shape(panel, scale, top + _GAP / 2, height, words))
        top += height + _GAP
    return tuple(shapes), top


def _shape(panel: ScorePanel, scale: TimeScale, top: float, height: float, words: Wording) -> ScoreShape:
    def at(value: float) -> float:
        return round(top + height * (panel.high - value) / ((panel.high - panel.low) or 1.0), 1)

    bottom = top + height
    asides = [f"remission ≤ {number(panel.remission)}"] if panel.remission is not None else []
    asides += [f"still ill ≥ {number(panel.line)}"] if panel.line is not None else []
    plain = [point for point in panel.points if point.plain]
    remission = None
    if panel.remission is not None:
        y = at(panel.remission)
        remission = Band(
            x=scale.left, y=y, width=round(scale.right - scale.left, 1), height=round(bottom - y, 1), told=asides[0]
        )
    return ScoreShape(
        label=panel.label,
        asides=tuple(asides),
        top=top,
        bottom=bottom,
        highest=number(panel.high),
        lowest=number(panel.low),
        path=" ".join(f"{scale.at(point.day)},{at(point.value)}" for point in plain),
        dots=_dots(panel, scale, at_bottom=bottom, at={point: at(point.value) for point in panel.points}, words=words),
        remission=remission,
        responses=tuple(
            Band(
                x=scale.at(one.first),
                y=at(one.value),
                width=round(scale.span(one.first, one.last)[1] - scale.at(one.first), 1),
                height=round(bottom - at(one.value), 1),
                told=f"{one.name}: a response would be {number(one.value)} or less",
            )
            for one in panel.responses
        ),
        line=at(panel.line) if panel.line is not None else None,
    )


def _dots(
    panel: ScorePanel, scale: TimeScale, *, at_bottom: float, at: dict[Point, float], words: Wording
) -> tuple[Dot, ...]:
    written = _written(panel.points, scale)
    told = len(panel.points) <= _MOST_TOLD
    return tuple(
        Dot(
            x=scale.at(point.day),
            y=min(at[point], at_bottom),
            text=number(point.value) if point in written else "",
            told=f"{panel.label} {number(point.value)}, {words.day(point.day)}" if told else "",
            plain=point.plain,
            telling=point.telling,
        )
        for point in panel.points
    )


def _written(points: Sequence[Point], scale: TimeScale) -> frozenset[Point]:
    """The points whose total is written: those an outcome rests on first, then the others where room is left."""
    taken: list[float] = []
    chosen: set[Point] = set()
    for point in sorted(points, key=lambda one: (not one.telling, -one.day.toordinal())):
        x = scale.at(point.day)
        if all(abs(x - other) >= _ROOM for other in taken):
            taken.append(x)
            chosen.add(point)
    return frozenset(chosen)
