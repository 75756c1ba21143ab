"""How severe the depression is now: the latest usable score within the severity window."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from plugin.instruments import band_of, has_line, is_plain, is_remission
from plugin.record import Score
from plugin.trial.lifetime import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Severity:
    """The latest score within the severity window, and what it means now."""

    score: Score
    band: str | None
    in_remission: bool


def severity_of(scores: Iterable[Score], setting: Setting) -> Severity | None:
    """The severity on the day of judgement; scales without an illness line do not say how severe it is."""
    recent = [
        score
        for score in scores
        if 0 <= (setting.as_of - score.day).days <= setting.rules.severity_days
        and is_plain(score)
        and has_line(score, setting.instruments)
    ]
    if not recent:
        return None
    latest = max(recent, key=lambda score: (score.day, score.order))
    return Severity(
        score=latest,
        band=band_of(latest, setting.instruments),
        in_remission=is_remission(latest, setting.instruments),
    )
