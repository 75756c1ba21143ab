"""The charts of a report as shapes with places: what the SVG templates write down.

Every chart is drawn beside the table of its numbers. A withheld count has no length: its row says so in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_hooks.silent.report.words import VERDICT, WITHHELD, count, interval, percent

WIDTH = 900.0
_LEFT, _RIGHT = 260.0, 760.0
_ROW = 26.0
_BAR = 14.0
_TOP = 22.0
_TICKS = 5
_FLOW_ROW = 64.0
_FLOW_BAR = 30.0
_LEAST = 1.5  # width of the narrowest bar that can be seen
_WIDE_ENOUGH = 44.0  # for a percentage inside a segment
_DOT = 4.0
_SCALES = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A named place on the axis."""

    x: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A row: a bar from the axis with its interval (`low` to `high`, None without), or words where it is withheld."""

    y: float
    label: str
    width: float
    low: float | None
    high: float | None
    text: str
    faded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Rows on one axis of shares."""

    width: float
    height: float
    left: float
    bottom: float
    ticks: tuple[Tick, ...]
    rows: tuple[Bar, ...]
    described: str


def bars(rows: Sequence[tuple[str, Mapping[str, Any]]], described: str) -> Bars:
    """Shares by label; the axis ends at a round share above all of them and their intervals."""
    most = max((told.get("high") or 0.0 for _, told in rows), default=0.0)
    end = next((scale for scale in _SCALES if scale >= most), 1.0)
    shaped = []
    for place, (label, told) in enumerate(rows):
        value = told.get("share")
        shaped.append(
            Bar(
                y=_TOP + place * _ROW,
                label=label,
                width=max(_along(value, end) - _LEFT, 0.0) if value is not None else 0.0,
                low=_along(told["low"], end) if told.get("low") is not None else None,
                high=_along(told["high"], end) if told.get("high") is not None else None,
                text=_words(told),
                faded=value is None,
            )
        )
    bottom = _TOP + len(rows) * _ROW
    ticks = tuple(
        Tick(x=_along(end * step / _TICKS, end), text=f"{100 * end * step / _TICKS:g} %") for step in range(_TICKS + 1)
    )
    return Bars(
        width=WIDTH, height=bottom + 6, left=_LEFT, bottom=bottom, ticks=ticks, rows=tuple(shaped), described=described
    )


def _words(told: Mapping[str, Any]) -> str:
    if told.get("share") is None:
        return WITHHELD if told.get("count") is None else "none"
    return f"{percent(told['share'])} ({interval(told)})"


def _along(value: float, end: float) -> float:
    return round(_LEFT + min(value / end, 1.0) * (_RIGHT - _LEFT), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A part of a stacked bar; `text` is empty where there is no room."""

    x: float
    width: float
    kind: str
    text: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """One stacked bar; `withheld` where a part cannot be drawn, which leaves a gap."""

    y: float
    label: str
    mine: bool
    segments: tuple[Segment, ...]
    withheld: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stacks:
    """Stacked bars of whole populations, one below the other."""

    width: float
    height: float
    rows: tuple[Stack, ...]
    described: str


def stacks(definitions: Sequence[Mapping[str, Any]], chosen: str) -> Stacks:
    """Verdicts by definition; the chosen one is marked."""
    rows = []
    for place, one in enumerate(definitions):
        x, segments = _LEFT, []
        for value, told in one["verdicts"].items():
            part = told.get("share")
            width = round((part or 0.0) * (WIDTH - _LEFT), 1)
            if width:
                text = f"{100 * part:.0f} %" if width >= _WIDE_ENOUGH else ""
                name = f"{VERDICT.get(value, value)}: {percent(part)}"
                segments.append(Segment(x=round(x, 1), width=width, kind=value, text=text, told=name))
            x += width
        hidden = any(told.get("count") is None for told in one["verdicts"].values())
        rows.append(
            Stack(
                y=4 + place * (_ROW + 4),
                label=one["definition"],
                mine=one["definition"] == chosen,
                segments=tuple(segments),
                withheld=hidden,
            )
        )
    return Stacks(
        width=WIDTH,
        height=8 + len(rows) * (_ROW + 4),
        rows=tuple(rows),
        described="Share of each verdict under each definition; the same stands in the table.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """A dot for each prescriber by rate, with median and quartiles."""

    width: float
    height: float
    ground: float
    ticks: tuple[Tick, ...]
    dots: tuple[tuple[float, float], ...]
    radius: float
    lower: float
    median: float
    upper: float


def strip(told: Mapping[str, Any]) -> Strip | None:
    """Rates per 100 moments; None where too few prescribers have one."""
    rates: Sequence[int] = told["ratesPer100"]
    if not rates or told["median"] is None:
        return None
    left, right = 20.0, WIDTH - 20.0

    def at(rate: float) -> float:
        return round(left + rate / 100 * (right - left), 1)

    piles = Counter(rates)
    step = min(_DOT * 2, 160.0 / max(piles.values()))
    height = max(piles.values()) * step + 60
    ground = height - 44
    dots = tuple(
        (at(rate), round(ground - _DOT - number * step, 1))
        for rate, many in sorted(piles.items())
        for number in range(many)
    )
    return Strip(
        width=WIDTH,
        height=height,
        ground=ground,
        ticks=tuple(Tick(x=at(rate), text=str(rate)) for rate in range(0, 101, 10)),
        dots=dots,
        radius=min(_DOT, step / 2),
        lower=at(told["lowerQuartile"]),
        median=at(told["median"]),
        upper=at(told["upperQuartile"]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the flow: its bar, what it is, and who fell out on the way to it."""

    y: float
    width: float
    title: str
    total: str
    out: str
    out_width: float
    ribbon: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """All stages, then the verdicts as parts of the last one."""

    width: float
    height: float
    left: float
    bar: float
    stages: tuple[Stage, ...]
    verdict_y: float
    segments: tuple[Segment, ...]
    described: str


def flow(told: Mapping[str, Any]) -> Flow:
    """From all patients to each verdict; widths are numbers of patients."""
    left, full = 20.0, 520.0
    everyone = told["all"] or 0

    def wide(value: int | None) -> float:
        return max(round(full * value / everyone, 1), _LEAST) if value and everyone else 0.0

    rows = [("all patients of the input", told["all"], None, "")]
    rows += [(step["kept"], step["count"], step["fellOutCount"], step["fellOut"]) for step in told["steps"]]
    stages, before = [], 0.0
    for place, (title, many, out, why) in enumerate(rows):
        y, width = _TOP + place * _FLOW_ROW, wide(many)
        above = y - _FLOW_ROW + _FLOW_BAR
        ribbon = f"M{left} {above}H{left + before}L{left + width} {y}H{left}Z" if place else ""
        stages.append(
            Stage(
                y=y,
                width=width,
                title=title,
                total=count(many),
                out=f"{count(out)} {why}" if place else "",
                out_width=wide(out),
                ribbon=ribbon,
            )
        )
        before = width
    y = _TOP + len(rows) * _FLOW_ROW
    x, segments = left, []
    for value, many in told["verdicts"].items():
        width = wide(many)
        name = f"{VERDICT[value]}: {count(many)}"
        segments.append(Segment(x=round(x, 1), width=width, kind=value, text=name, told=name))
        x += width
    words = "; ".join(f"{count(many)} {title}" for title, many, _, _ in rows)
    return Flow(
        width=WIDTH,
        height=y + _FLOW_BAR + 18 + _ROW * len(segments) / 2,
        left=left,
        bar=_FLOW_BAR,
        stages=tuple(stages),
        verdict_y=y,
        segments=tuple(segments),
        described=f"{words}; then {', '.join(one.told for one in segments)}.",
    )
