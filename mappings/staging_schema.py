"""The shape of ``staging.yaml``: points, cut-offs, severities and durations of three published staging schemes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.values import CitationIds, Count, DatedValue, Days, Knowable, Points, Reviewed


class Step(Knowable):
    """`points` up to and including `to` (None: above the last cut-off)."""

    to: DatedValue | None
    points: Points


class SeverityBand(Knowable):
    """Scores from `low` on (to the next band): at least `points_lo`, at most `points_hi`."""

    low: Points
    points_lo: Points
    points_hi: Points


class SeverityScale(Knowable):
    """How the totals of one instrument stand for the severities of the scheme."""

    instrument: str
    bands: Annotated[tuple[SeverityBand, ...], Field(min_length=1)]
    cites: CitationIds


class Category(Knowable):
    """The name of a range of totals, from `low` on."""

    name: Literal["mild", "moderate", "severe"]
    low: Points


class Maudsley(Knowable):
    """Maudsley staging: duration in months, severity, failures, augmentation, ECT; `categories` name the total."""

    duration: tuple[Step, ...]
    severity_min: Points
    severity_max: Points
    severity_psychotic: Points
    severity: tuple[SeverityScale, ...]
    failures: tuple[Step, ...]
    augmentation: Points
    ect: Points
    categories: tuple[Category, ...]
    cites: CitationIds


class Massachusetts(Knowable):
    """Massachusetts staging: points for each failed trial, optimisation, augmentation or combination, and ECT."""

    trial: Points
    optimisation: Points
    combination: Points
    ect: Points
    duration_possible: Days
    duration_sure: Days
    cites: CitationIds


class ThaseRush(Knowable):
    """Stages by class: how many classes for the second stage, and which classes count as tricyclic or as MAO inhibitor.

    `monoamine_oxidase_possible` are classes that only some authors accept.
    """

    distinct_classes: Count
    tricyclic: tuple[str, ...]
    monoamine_oxidase: tuple[str, ...]
    monoamine_oxidase_possible: tuple[str, ...]
    cites: CitationIds


class Staging(Reviewed):
    """All three schemes."""

    maudsley: Maudsley
    massachusetts: Massachusetts
    thase_rush: ThaseRush
