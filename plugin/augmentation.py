"""Augmenting agents and other additions: recorded and judged, not counted as antidepressant trials by default (T6).

An augmentation is adequate when its own dose and time are reached while the base antidepressant is adequate;
its outcome
follows the same rule. Additions of any kind (a second antidepressant, an augmenter, a procedure) feed the switch proxy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mappings.schema import Definition
from plugin.adequacy import Adequacy, Judged, is_possible, judge, thresholds_of
from plugin.episode import Episode
from plugin.eras import Era, clip
from plugin.measurement import Outcome
from plugin.outcome import judge_outcome
from plugin.record import PatientRecord, ProcedureFact
from plugin.trials import Lifetime, Setting, Trial, is_ongoing

Addition = tuple[date, str, tuple[str, ...]]
_DONE = {"completed", "in-progress", "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Procedures of one kind, one session a calendar day."""

    kind: str
    label: str
    days: tuple[date, ...]
    sources: tuple[str, ...]


def additions_of(
    lifetime: Lifetime, record: PatientRecord, setting: Setting, labels: Mapping[str, str]
) -> tuple[Addition, ...]:
    """Every start of a treatment that can follow a failed one: day, name, references."""
    found: list[Addition] = []
    for era in lifetime.eras:
        drug = setting.drugs[era.key.ingredient]
        started = era.key in lifetime.acting or _augments(era, record, setting) or drug.counting == "never"
        if started and era.key.excluded_for is None:
            found.append((era.began, drug.label, tuple(fact.reference for fact in era.facts)))
    for course in courses_of(record.procedures, labels, setting.as_of):
        found.append((course.days[0], course.label, course.sources))
    return tuple(sorted(found))


def _augments(era: Era, record: PatientRecord, setting: Setting) -> bool:
    drug = setting.drugs[era.key.ingredient]
    doses = thresholds_of(drug, patient=record.patient, day=era.start)
    if drug.role != "augmentation" or doses is None:
        return False
    return any(is_possible(day, doses) for day in era.days.values())


def augmentations_of(
    lifetime: Lifetime,
    trials: Sequence[Trial],
    episode: Episode,
    record: PatientRecord,
    *,
    definition: Definition,
    setting: Setting,
    additions: Sequence[Addition],
) -> tuple[Trial, ...]:
    """Augmenting agents of the episode, judged against their own dose and time, in order of start."""
    found = []
    for era in lifetime.eras:
        drug = setting.drugs[era.key.ingredient]
        within = clip(era, episode.start, setting.as_of) if episode.start is not None else era
        if drug.role != "augmentation" or within is None:
            continue
        weeks = drug.adequate_days.on(setting.as_of) if drug.adequate_days is not None else None
        need = int(weeks.amount) if weeks is not None else definition.min_days_at_dose
        own = definition.model_copy(update={"min_days_at_dose": need, "borderline_days": need})
        judged = judge(
            within,
            drug=drug,
            intent=lifetime.intents[(era.key, era.began)],
            definition=own,
            rules=setting.rules,
            patient=record.patient,
            as_of=setting.as_of,
        )
        base = _base_of(judged, trials)
        if judged.adequacy is Adequacy.ADEQUATE and base is None:
            judged = replace(judged, adequacy=Adequacy.BORDERLINE, flags=(*judged.flags, "no_adequate_base"))
        outcome: Outcome = judge_outcome(
            judged,
            scores=[s for s in record.scores if s.day <= setting.as_of],
            definition=definition,
            rules=setting.rules,
            instruments=setting.instruments,
            next_start=min(
                (day for day, name, _ in additions if day > within.start and name != drug.label), default=None
            ),
            additions=[a for a in additions if a[1] != drug.label],
        )
        found.append(
            Trial(
                ingredient=era.key.ingredient,
                drug=drug,
                judged=judged,
                outcome=outcome,
                ongoing=is_ongoing(judged.era, setting),
            )
        )
    return tuple(sorted(found, key=lambda t: (t.judged.era.start, t.ingredient)))


def _base_of(judged: Judged, trials: Sequence[Trial]) -> Trial | None:
    """The adequate antidepressant trial that was running when the augmenter was given."""
    for trial in trials:
        if trial.judged.adequacy is Adequacy.ADEQUATE and _overlap(trial.judged.era, judged.era):
            return trial
    return None


def _overlap(one: Era, other: Era) -> bool:
    return one.start <= other.end and other.start <= one.end


def with_augmenters(trials: Sequence[Trial], augmentations: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials, each naming the augmenting agents given during it that reached their dose."""
    result = []
    for trial in trials:
        names = [
            a.ingredient
            for a in augmentations
            if not trial.undated and a.judged.reaches_lenient and _overlap(trial.judged.era, a.judged.era)
        ]
        result.append(replace(trial, augmented_by=tuple(dict.fromkeys(names))))
    return tuple(result)


def courses_of(procedures: Sequence[ProcedureFact], labels: Mapping[str, str], as_of: date) -> tuple[Course, ...]:
    """Procedures by kind, each calendar day once, in order of the first day."""
    days: dict[str, dict[date, list[str]]] = {}
    for procedure in procedures:
        day = procedure.start
        if procedure.status in _DONE and day is not None and day.is_exact and day.latest <= as_of:
            days.setdefault(procedure.kind, {}).setdefault(day.latest, []).append(procedure.reference)
    courses = [
        Course(
            kind=kind,
            label=labels.get(kind, kind),
            days=tuple(sorted(sessions)),
            sources=tuple(ref for day in sorted(sessions) for ref in sorted(sessions[day])),
        )
        for kind, sessions in days.items()
    ]
    return tuple(sorted(courses, key=lambda c: (c.days[0], c.kind)))
