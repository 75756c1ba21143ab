"""Courses of procedures and the stages of resistance as parts of the public JSON document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from plugin.resistance.optimisation import Points
from plugin.resistance.staging import Stages
from plugin.trial.neuromodulation import Course

Element = dict[str, Any]


def course_part(course: Course, outcome: Element, reasons: Sequence[Element]) -> Element:
    """One course with its rendered outcome and reasons; `end` is None where the last session is not recorded."""
    series = course.series
    return {
        "kind": course.kind,
        "label": course.label,
        "start": series.start.isoformat(),
        "end": series.end.isoformat() if series.end is not None else None,
        "ongoing": course.ongoing,
        "sessions": {"lo": series.sessions.lo, "hi": series.sessions.hi},
        "traits": sorted(series.traits),
        "indication": series.intent,
        "inEpisode": series.current,
        "adequacy": course.adequacy.value,
        "outcome": outcome,
        "flags": list(dict.fromkeys((*course.flags, *course.outcome.flags))),
        "sources": list(course.sources),
        "reasons": list(reasons),
    }


def staging_part(stages: Stages | None, reasons: Sequence[Element]) -> Element | None:
    """The three results as ranges with their components; `thaseRush` is None where the stage itself is a range."""
    if stages is None:
        return None
    low, high = stages.thase_rush
    return {
        "msm": {
            **_range(Points.total(stages.maudsley.values())),
            "category": {"lo": stages.category[0], "hi": stages.category[1]},
            "components": _components(stages.maudsley),
        },
        "mghS": {
            **_range(Points.total(stages.massachusetts.values())),
            "components": _components(stages.massachusetts),
        },
        "thaseRush": low if low == high else None,
        "thaseRushRange": {"lo": low, "hi": high},
        "reasons": list(reasons),
    }


def _range(points: Points) -> dict[str, float | int]:
    return {"lo": _plain(points.lo), "hi": _plain(points.hi)}


def _components(points: Mapping[str, Points]) -> Element:
    return {name: _range(value) for name, value in points.items()}


def _plain(value: float) -> float | int:
    return int(value) if value == int(value) else value
