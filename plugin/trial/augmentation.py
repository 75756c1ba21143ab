"""Augmenting agents: recorded and judged beside the antidepressant they were added to, not counted by default (T6).

An augmentation is adequate when its own dose (for lithium: its level) was reached for its own time on days on which an
antidepressant was at dose in an adequate trial. What the same drug is also taken for keeps it from being one. Its
outcome is judged by the rule of trials; where it ended before a trial could have an endpoint, its last day is the first
day for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mappings.course_schema import AugmentingAgent
from mappings.schema import Definition
from plugin.exposure.eras import Era, clip
from plugin.exposure.supply import CoveredDay, Days
from plugin.findings import Reason
from plugin.record import PatientRecord
from plugin.trial.adequacy import Adequacy, Judged, judge_days
from plugin.trial.at_dose import at_dose_of, best_run, is_possible, is_sure, thresholds_of
from plugin.trial.levels import Band, LevelEffect, level_effect
from plugin.trial.lifetime import Lifetime, Setting, is_ongoing
from plugin.trial.measurement import Outcome, first_at_dose
from plugin.trial.other_use import OtherUse, other_use_of
from plugin.trial.outcome import judge_outcome
from plugin.trial.scale_reading import Addition
from plugin.trial.sessions import Series
from plugin.trial.trials import Told, Trial

_BASES = (Adequacy.ADEQUATE, Adequacy.BORDERLINE, Adequacy.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    """What is known of augmenting agents besides their drug files.

    `next_steps` are drugs given as supervised courses, whose start follows a failed trial like that of a procedure.
    """

    rules: Mapping[str, AugmentingAgent]
    next_steps: frozenset[str]


def additions_of(
    lifetime: Lifetime, series: Sequence[Series], record: PatientRecord, setting: Setting, agents: Agents
) -> tuple[Addition, ...]:
    """Every start of a treatment that can follow a failed one: day, name, references.

    Antidepressants that act, augmenting agents at their dose that have no other apparent use, and procedures that are a
    next step against depression. What only may have been one says nothing about the trial before it.
    """
    found: list[Addition] = []
    for era in lifetime.eras:
        drug = setting.drugs[era.key.ingredient]
        started = era.id in lifetime.acting or era.key.ingredient in agents.next_steps
        if (started or _augments(era, lifetime, record, setting, agents)) and era.key.excluded_for is None:
            found.append((era.began, drug.label, tuple(fact.reference for fact in era.facts)))
    for one in series:
        sure = one.kind.is_next_step and not one.is_maintenance and one.intent == "depression"
        if sure and one.known_start is not None:
            found.append((one.known_start, one.kind.label, one.sources))
    return tuple(sorted(found))


def _augments(era: Era, lifetime: Lifetime, record: PatientRecord, setting: Setting, agents: Agents) -> bool:
    if setting.drugs[era.key.ingredient].role != "augmentation" or era.key.excluded_for is not None:
        return False
    doses = thresholds_of(setting.doses[era.key.ingredient], patient=record.patient, day=era.start)
    if doses is None:
        return False
    reached = any(is_possible(day, doses) for day in era.days.each())
    return reached and _other_use(era, lifetime, record, setting, agents) is None


def _other_use(
    era: Era, lifetime: Lifetime, record: PatientRecord, setting: Setting, agents: Agents
) -> OtherUse | None:
    return other_use_of(
        era,
        agents.rules.get(era.key.ingredient),
        intent=lifetime.intents[(era.key, era.began)],
        eras=lifetime.eras,
        conditions=record.conditions,
        drugs=setting.drugs,
    )


def augmentations_of(
    lifetime: Lifetime,
    trials: Sequence[Trial],
    start: date | None,
    record: PatientRecord,
    told: Told,
    *,
    definition: Definition,
    setting: Setting,
    additions: Sequence[Addition],
    agents: Agents,
) -> tuple[Trial, ...]:
    """Augmenting agents of the episode begun on `start`, judged against their own dose and time, in order of start."""
    found = []
    for era in lifetime.eras:
        drug = setting.drugs[era.key.ingredient]
        if drug.role != "augmentation":
            continue
        within = clip(era, start, setting.as_of) if start is not None else era
        if within is None:
            continue
        need = definition.min_days_at_dose
        if drug.adequate_days is not None:
            need = int(drug.adequate_days.on(setting.as_of).amount)
        judged = _judged(within, need, lifetime, trials, record, definition, setting, agents)
        outcome = _outcome(judged, drug.label, told, definition, setting, additions)
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


def _judged(
    era: Era,
    need: int,
    lifetime: Lifetime,
    trials: Sequence[Trial],
    record: PatientRecord,
    definition: Definition,
    setting: Setting,
    agents: Agents,
) -> Judged:
    """Dose and time of the agent itself, then its level, its other uses and what it was added to."""
    drug, ingredient = setting.drugs[era.key.ingredient], era.key.ingredient
    found = thresholds_of(setting.doses[ingredient], patient=record.patient, day=era.start)
    judged = judge_days(
        era,
        at_dose_of(era, found, rules=setting.rules),
        drug=drug,
        intent=lifetime.intents[(era.key, era.began)],
        definition=definition,
        rules=setting.rules,
        as_of=setting.as_of,
        need=need,
    )
    if judged.adequacy is Adequacy.EXCLUDED or judged.thresholds is None:
        return judged
    doses = judged.thresholds
    sure = era.days.where(lambda day: is_sure(day, doses))
    possible = era.days.where(lambda day: is_possible(day, doses))
    rule = agents.rules.get(ingredient)
    if rule is not None and rule.by_level:
        dose = doses.default
        effect = level_effect(era.days, setting.levels.get(ingredient), adequate=lambda day: day.dose.high >= dose)
        sure = era.days.where(lambda day: _level_sure(day, effect))
        possible = era.days.where(lambda day: _level_possible(day, effect, dose))
        judged = _by_level(judged, effect, sure, possible, need, setting)
    other = _other_use(era, lifetime, record, setting, agents)
    if other is not None:
        if other.excludes:
            return replace(judged, adequacy=Adequacy.EXCLUDED, reasons=(*judged.reasons, other.reason))
        if judged.adequacy is Adequacy.ADEQUATE:
            judged = replace(judged, adequacy=Adequacy.BORDERLINE, reasons=(*judged.reasons, other.reason))
    return _beside_base(judged, sure, possible, need, trials, setting)


def _level_sure(day: CoveredDay, effect: LevelEffect) -> bool:
    return day.sure and not day.doubtful and effect.band_of(day) in (Band.WITHIN, Band.ABOVE)


def _level_possible(day: CoveredDay, effect: LevelEffect, dose: float) -> bool:
    """Without a level at this dose the dose alone makes a day possible, never sure."""
    band = effect.band_of(day)
    return band is not Band.BELOW if band is not None else day.dose.high >= dose


def _by_level(judged: Judged, effect: LevelEffect, sure: Days, possible: Days, need: int, setting: Setting) -> Judged:
    """The same judgement with the level in place of the dose."""
    best, widest = (
        best_run(sure, setting.rules, graded_first=True),
        best_run(possible, setting.rules, graded_first=False),
    )
    proven, days = (best.graded if best is not None else 0), (widest.days if widest is not None else 0)
    if proven >= need and not effect.at_most_borderline and judged.intent.value == "depression":
        adequacy, said = Adequacy.ADEQUATE, "The level was in range for long enough."
    elif days >= need:
        adequacy, said = Adequacy.BORDERLINE, "The level is borderline or missing, or the reason is not certain."
    elif is_ongoing(judged.era, setting):
        adequacy, said = Adequacy.IN_PROGRESS, "Still running."
    else:
        adequacy, said = Adequacy.INADEQUATE, "Too short at a level or a dose that may suffice."
    text = f"{said} {proven} days at a level in range, {days} possible; {need} needed."
    facts = (("days_in_range", proven), ("days_possible", days), ("days_needed", need))
    cites = judged.thresholds.cites if judged.thresholds is not None else ()
    reason = Reason(rule="A4", text=text, facts=facts, cites=cites, uses=judged.era.uses())
    return replace(
        judged,
        adequacy=adequacy,
        sure=best,
        possible=widest,
        reaches_lenient=bool(possible),
        flags=tuple(dict.fromkeys((*judged.flags, *effect.flags))),
        reasons=(*judged.era.reasons, *effect.reasons, reason),
    )


def _beside_base(
    judged: Judged, sure: Days, possible: Days, need: int, trials: Sequence[Trial], setting: Setting
) -> Judged:
    """T6: the days that count are those beside an antidepressant at dose in an adequate trial."""
    bases = [base for t in trials if not t.undated for base in (t.judged, *(judged for judged, _ in t.others))]
    bases = [b for b in bases if b.adequacy is not Adequacy.EXCLUDED and _overlap(b.era, judged.era)]
    if not bases:
        if any(t.undated for t in trials):
            text = "An antidepressant is reported without dates: whether this was added to it is unknown."
            return _at_most(judged, Adequacy.BORDERLINE, text, ("no_adequate_base",))
        text = "No antidepressant was taken at the same time: not an augmentation."
        reason = Reason(rule="T6", text=text, cites=judged.thresholds.cites if judged.thresholds else ())
        flags = (*judged.flags, "no_adequate_base")
        return replace(judged, adequacy=Adequacy.EXCLUDED, flags=flags, reasons=(*judged.reasons, reason))
    if judged.adequacy not in (Adequacy.ADEQUATE, Adequacy.BORDERLINE):
        return judged
    proven = max((_shared(sure, b, certain=True) for b in bases if b.adequacy is Adequacy.ADEQUATE), default=0)
    days = max((_shared(possible, b, certain=False) for b in bases if b.adequacy in _BASES), default=0)
    text = f"{proven} days at its dose beside an antidepressant at dose in an adequate trial; {need} needed."
    facts = (("days_beside_adequate", proven), ("days_beside_possible", days), ("days_needed", need))
    if judged.adequacy is Adequacy.ADEQUATE and proven >= need:
        uses = tuple(dict.fromkeys(use for b in bases for use in b.era.uses()))
        return replace(judged, reasons=(*judged.reasons, Reason(rule="T6", text=text, facts=facts, uses=uses)))
    if days >= need:
        return _at_most(judged, Adequacy.BORDERLINE, text, ("no_adequate_base",) if proven < need else (), facts)
    ongoing = is_ongoing(judged.era, setting)
    least = Adequacy.IN_PROGRESS if ongoing else Adequacy.INADEQUATE
    return _at_most(judged, least, text, ("no_adequate_base",), facts)


def _at_most(
    judged: Judged,
    adequacy: Adequacy,
    text: str,
    flags: tuple[str, ...],
    facts: tuple[tuple[str, int], ...] = (),
) -> Judged:
    order = (Adequacy.ADEQUATE, *_BASES[1:], Adequacy.INADEQUATE)
    lower = max(judged.adequacy, adequacy, key=order.index)
    reason = Reason(rule="T6", text=text, facts=facts)
    return replace(judged, adequacy=lower, flags=(*judged.flags, *flags), reasons=(*judged.reasons, reason))


def _shared(days: Days, base: Judged, *, certain: bool) -> int:
    """How many of `days` lie in the run at dose of the base."""
    run = base.sure if certain else base.possible or base.sure
    return len(days.between(run.span.start, run.span.end)) if run is not None else 0


def _overlap(one: Era, other: Era) -> bool:
    return one.start <= other.end and other.start <= one.end


def _outcome(
    judged: Judged, own: str, told: Told, definition: Definition, setting: Setting, additions: Sequence[Addition]
) -> Outcome:
    """The rule of trials (5.2, 5.3). `own` is the name of the agent itself.

    An agent needs fewer days than a trial: where it ended before the days after which a trial may have an endpoint, a
    score from its last day on is one.
    """
    start = first_at_dose(judged)
    since = definition.min_days_at_dose
    if not is_ongoing(judged.era, setting):
        since = max(1, min(since, (judged.era.end - start).days))
    return judge_outcome(
        judged,
        scores=told.scores,
        definition=definition,
        rules=setting.rules,
        instruments=setting.instruments,
        next_start=next((day for day, name, _ in additions if day > start and name != own), None),
        additions=additions,
        own=own,
        allergies=told.allergies,
        scores_unread=told.scores_unread,
        min_days=since,
    )


def with_augmenters(trials: Sequence[Trial], augmentations: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials, each naming the augmenting agents given during it that reached their dose."""
    reached = [a for a in augmentations if a.judged.reaches_lenient and a.judged.adequacy is not Adequacy.EXCLUDED]
    if not reached:
        return tuple(trials)
    result = []
    for trial in trials:
        names = [a.ingredient for a in reached if not trial.undated and _overlap(trial.judged.era, a.judged.era)]
        result.append(replace(trial, augmented_by=tuple(dict.fromkeys(names))) if names else trial)
    return tuple(result)
