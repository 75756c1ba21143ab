"""The shape of what courses of procedures, augmentation and staging are judged by.

A course is several sessions of one procedure; its rules stand with the kind in ``procedures.yaml``. The agents of an
augmentation keep their dose and time in their drug file; ``augmentation.yaml`` says what else they are taken for.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mappings.values import CitationIds, CodeSet, DatedValue, Days, Knowable, Reviewed, Sessions

TraitId = Literal["bilateral", "unilateral", "maintenance", "accelerated"]


class ProcedureTrait(Knowable):
    """What a code or a word of a procedure says besides its kind."""

    id: TraitId
    code_sets: tuple[CodeSet, ...] = ()
    words: tuple[str, ...] = ()
    cites: CitationIds


class CourseRules(Knowable):
    """When a course of one kind is adequate.

    `sessions` are needed in one series whose sessions lie at most `gap` days apart, and where stated inside `within`
    days; an accelerated protocol needs `accelerated_days` days of treatment (`accelerated_sessions` where only a count
    is stated).
    """

    sessions: Sessions
    gap: Days
    within: Days | None = None
    accelerated_days: Days | None = None
    accelerated_sessions: Sessions | None = None
    cites: CitationIds


class ContinuousRules(Knowable):
    """How long a stimulator must have worked. Records rarely show that it did: such a course is borderline at most."""

    duration: DatedValue
    cites: CitationIds


class CourseWindows(Knowable):
    """Where the scores of a course may lie: days before its first session, and around its end."""

    baseline_before: Days
    outcome_before: Days
    outcome_after: Days
    cites: CitationIds


class AugmentingAgent(Knowable):
    """What keeps one drug from being an augmentation, besides too little dose or time.

    `other_uses`: a stated reason among them excludes, the mere presence of such a condition leaves the use in doubt.
    `never_with`: such a confirmed condition excludes. `never_beside`: drugs that show the other use when taken at the
    same time. `only_if_stated`: depression must be the stated reason. `by_level`: the plasma level decides, the dose
    alone is borderline.
    """

    drug: str
    other_uses: tuple[str, ...] = ()
    never_with: tuple[str, ...] = ()
    never_beside: tuple[str, ...] = ()
    only_if_stated: bool = False
    by_level: bool = False
    cites: CitationIds


class Augmentation(Reviewed):
    """``augmentation.yaml``: agents with more to ask than dose and time. An agent not listed has no such rule."""

    agents: Annotated[tuple[AugmentingAgent, ...], Field(min_length=1)]
    cites: CitationIds
