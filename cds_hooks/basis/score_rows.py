"""Totals on rating scales as tables: every score with its day and its records, those not drawn included."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import CLINICIAN_REPORTED, number, spoken
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.instruments import Instruments, band_of
from plugin.record import Score

_MOST = 60  # scores of one scale that are listed, the newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """One total: its severity band where the scale has any, and what is odd about it."""

    day: str
    value: str
    band: str
    note: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTable:
    """The totals on one scale, the newest first; `more` counts those that are not listed."""

    label: str
    rows: tuple[ScoreRow, ...]
    more: int
    why: Why


def score_tables(
    assessment: Assessment, instruments: Instruments, words: Wording, register: Register
) -> tuple[ScoreTable, ...]:
    """One table for each scale with a score up to the day of judgement."""
    by_scale: dict[str, list[Score]] = {}
    for score in assessment.record.scores:
        if score.day <= assessment.as_of and score.instrument in instruments:
            by_scale.setdefault(score.instrument, []).append(score)
    tables = []
    for key, scores in by_scale.items():
        scores.sort(key=lambda one: (one.day, one.order), reverse=True)
        tables.append(
            ScoreTable(
                label=instruments[key].label,
                rows=tuple(_row(score, instruments, words, register) for score in scores[:_MOST]),
                more=max(len(scores) - _MOST, 0),
                why=register.statement("", cites=instruments[key].cites),
            )
        )
    return tuple(tables)


def _row(score: Score, instruments: Instruments, words: Wording, register: Register) -> ScoreRow:
    told = [CLINICIAN_REPORTED] if register.is_reported(score.references) else []
    return ScoreRow(
        day=words.day(score.day),
        value=number(score.value),
        band=band_of(score, instruments) or "",
        note=", ".join((*(spoken(flag) for flag in score.flags), *told)),
        why=register.statement("", uses=score.references),
    )
