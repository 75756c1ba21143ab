"""Lanes as shapes: bars that rise with the daily dose, the adequate dose as a line, doses above and captions below.

Two heights: a lane with a caption has room for name, dose and words; one without is a thin bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

from cds_hooks.basis.lanes import Lane, Stretch
from cds_hooks.basis.time_scale import TimeScale
from plugin.advice.wording import Wording

_HEADING, _LANE, _BAR = 22.0, 62.0, 24.0
_THIN_LANE = 26.0
_BAR_TOP = 16.0  # room above the bar for the dose
_CAPTION = 15.0  # below the ground of the bar
_LETTER = 6.3  # average width of a letter of the small text
_LEAST_HEIGHT = 0.25  # of the bar, so that a low dose can still be seen
_UNKNOWN_HEIGHT = 0.6
_NAME_LETTERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One rectangle: `hatched` where the days or the dose are not sure. `told` is its text for a pointer."""

    x: float
    y: float
    width: float
    height: float
    hatched: bool
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A small text at a place; `anchor` is ``start``, ``middle`` or ``end``."""

    x: float
    y: float
    text: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneShape:
    """A lane with its places. `ground` is where bars stand, `threshold` the height of the adequate dose."""

    lane: Lane
    names: tuple[str, ...]
    y: float
    ground: float
    bars: tuple[Bar, ...]
    doses: tuple[Label, ...]
    caption: Label | None
    marks: tuple[float, ...]
    threshold: tuple[float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Lanes under one heading."""

    title: str
    y: float
    lanes: tuple[LaneShape, ...]


def group_shape(title: str, lanes: Sequence[Lane], scale: TimeScale, y: float, words: Wording) -> Group:
    """Lanes below a heading at `y`."""
    shapes, top = [], y + _HEADING
    for lane in lanes:
        shapes.append(_lane(lane, scale, top, words))
        top += _THIN_LANE if not lane.caption else _LANE
    return Group(title=title, y=round(y + 14, 1), lanes=tuple(shapes))


def end_of(group: Group) -> float:
    """Where the last lane of a group ends."""
    last = group.lanes[-1]
    return last.y + (_THIN_LANE if not last.lane.caption else _LANE)


def _lane(lane: Lane, scale: TimeScale, top: float, words: Wording) -> LaneShape:
    full = _BAR if lane.caption else _BAR / 3
    ground = top + (_BAR_TOP + _BAR if lane.caption else _THIN_LANE / 2 + full / 2)
    known = [stretch.high for stretch in lane.stretches if stretch.high is not None]
    most = max([*known, lane.threshold or 0.0], default=0.0)
    begin, end = scale.at(lane.first), scale.span(lane.first, lane.last)[1]
    threshold = None
    if lane.threshold and most and lane.caption:
        threshold = (begin, end, round(ground - full * lane.threshold / most, 1))
    return LaneShape(
        lane=lane,
        names=_names(lane),
        y=top,
        ground=ground,
        bars=tuple(bar for one in lane.stretches for bar in _bars(one, lane, scale, ground, full, most, words)),
        doses=tuple(_doses(lane, scale, ground, full, most)) if lane.caption and lane.unit else (),
        caption=_caption(lane.caption, begin, end, ground + _CAPTION, scale) if lane.caption else None,
        marks=tuple(dict.fromkeys(scale.at(day) for day in lane.marks)),
        threshold=threshold,
    )


def _names(lane: Lane) -> tuple[str, ...]:
    """The name in two lines at most; a thin lane has room for one."""
    letters, lines = (_NAME_LETTERS, 2) if lane.caption else (_NAME_LETTERS + 4, 1)
    return tuple(wrap(lane.name, letters, max_lines=lines, placeholder="…", break_long_words=True)) or (lane.name,)


def _height(dose: float | None, full: float, most: float) -> float:
    if dose is None or not most:
        return full * _UNKNOWN_HEIGHT if not most or dose is None else full
    return full * max(dose / most, _LEAST_HEIGHT)


def _bars(
    one: Stretch, lane: Lane, scale: TimeScale, ground: float, full: float, most: float, words: Wording
) -> Iterator[Bar]:
    """A bar for the dose that is sure and, above it, one for what the dose may reach at most."""
    x, end = scale.span(one.first, one.last)
    told = words.say("dates-known", start=one.first, end=one.last)
    if lane.unit:
        sure = "" if one.sure else ", assumed or only possible"
        told = (
            f"{told}: {one.dose} {lane.unit} a day{sure}" if one.high is not None else f"{told}: dose not known{sure}"
        )
    low = _height(one.low, full, most) if lane.unit else full
    yield Bar(
        x=x,
        y=round(ground - low, 1),
        width=round(end - x, 1),
        height=round(low, 1),
        hatched=not one.sure or (bool(lane.unit) and one.high is None),
        told=told,
    )
    high = _height(one.high, full, most) if lane.unit else full
    if one.high is not None and high - low > 1:
        yield Bar(
            x=x,
            y=round(ground - high, 1),
            width=round(end - x, 1),
            height=round(high - low, 1),
            hatched=True,
            told=told,
        )


def _doses(lane: Lane, scale: TimeScale, ground: float, full: float, most: float) -> Iterator[Label]:
    """The dose above each bar where there is room; the unit is written once."""
    free = 0.0
    shown: str | None = None
    for one in lane.stretches:
        x, _ = scale.span(one.first, one.last)
        text = one.dose if shown is not None or one.high is None else f"{one.dose} {lane.unit}"
        if x < free or text.split(" ")[0] == shown:
            continue
        anchored_end = x + len(text) * _LETTER > scale.right
        yield Label(
            x=min(x, scale.right),
            y=round(ground - _height(one.high, full, most) - 4, 1),
            text=text,
            anchor="end" if anchored_end else "start",
        )
        shown, free = one.dose, x + len(text) * _LETTER + 4


def _caption(text: str, begin: float, end: float, y: float, scale: TimeScale) -> Label:
    """The caption below the bar, on the side with more room, cut where it does not fit."""
    rightwards, leftwards = scale.right - begin, end - scale.left
    room = max(rightwards, leftwards)
    letters = int(room / _LETTER)
    shown = text if len(text) <= letters else f"{text[: max(letters - 1, 1)].rstrip()}…"
    if rightwards >= leftwards or len(shown) * _LETTER <= rightwards:
        return Label(x=begin + 2, y=round(y, 1), text=shown)
    return Label(x=end, y=round(y, 1), text=shown, anchor="end")
