"""From exposures to antidepressant trials of the current episode.

Eras are built for the whole life, meet each other (T5), are clipped to the episode (T7) and judged; the best era per
ingredient is the trial (T3), the others stay listed under it. Augmenting agents and non-counted drugs are
recorded apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import reduce
from types import MappingProxyType

from mappings.schema import Definition, Drug, Reconstruction
from plugin.exposure.dose import UNKNOWN, DailyDose, schedule_of
from plugin.exposure.eras import Era, EraId, clip, eras_of, meet
from plugin.exposure.exposures import ExposureKey, Exposures
from plugin.findings import Missing, Reason
from plugin.instruments import Instruments
from plugin.record import MedicationFact, PatientRecord
from plugin.timeline import Timeline
from plugin.trial.adequacy import Adequacy, Intent, Judged, is_possible, is_reached, judge, thresholds_of
from plugin.trial.episode import Episode
from plugin.trial.indication import intent_of
from plugin.trial.levels import DrugLevels, level_effect
from plugin.trial.measurement import Outcome, Status, first_at_dose
from plugin.trial.outcome import judge_outcome, rank_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One antidepressant strategy: the best era of an ingredient in the episode, with its judgement and outcome.

    `undated` trials are known from a report without dates: they have no days, only the dose that it states, if any
    (`stated_dose`). `augmented_by` names augmenting agents
    given meanwhile; `ongoing`: covered up to shortly before the day of judgement, and no stop is recorded.
    """

    ingredient: str
    drug: Drug
    judged: Judged
    outcome: Outcome
    others: tuple[tuple[Judged, Outcome], ...] = ()
    augmented_by: tuple[str, ...] = ()
    undated: bool = False
    stated_dose: DailyDose = UNKNOWN
    ongoing: bool = False
    flags: tuple[str, ...] = ()

    @property
    def drug_class(self) -> str:
        """The pharmacological class of the ingredient."""
        return self.drug.drug_class

    @property
    def sources(self) -> tuple[str, ...]:
        """References of every record behind the trial, in order of first use."""
        eras = [self.judged.era, *(judged.era for judged, _ in self.others)]
        return tuple(dict.fromkeys(fact.reference for era in eras for fact in era.facts))

    @property
    def first_day(self) -> date:
        """The first counted day; for an undated trial the day of judgement, which only serves to sort."""
        return self.judged.era.began if self.undated else self.judged.era.start

    @property
    def grade(self) -> str:
        """The exposure grade of the at-dose days: that of the run which decides."""
        run = self.judged.sure or self.judged.possible
        days = self.judged.era.days
        inside = days if run is None else days.between(run.span.start, run.span.end)
        return max((day.grade for day in inside.each()), default="C")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Every era ever, before any episode or definition is applied. `acting` eras can switch, truncate and count."""

    eras: tuple[Era, ...]
    acting: frozenset[EraId]
    undated: tuple[tuple[ExposureKey, MedicationFact], ...]
    intents: Mapping[tuple[ExposureKey, date], Intent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every stage needs besides the histories: the knowledge in force on the day of judgement, and drug levels."""

    drugs: Mapping[str, Drug]
    instruments: Instruments
    rules: Reconstruction
    as_of: date
    levels: Mapping[str, DrugLevels] = field(default_factory=lambda: MappingProxyType({}))


def lifetime_of(exposures: Exposures, record: PatientRecord, setting: Setting) -> Lifetime:
    """Build all eras, decide which drugs act on others, and apply switches and combinations."""
    eras: list[Era] = []
    undated: list[tuple[ExposureKey, MedicationFact]] = []
    for key, exposure in sorted(exposures.by_key.items(), key=lambda item: (item[0].ingredient, str(item[0]))):
        eras += eras_of(exposure, setting.rules)
        if not exposure.days:
            undated += [(key, fact) for fact in exposure.undated]
    acting = frozenset(era.id for era in eras if _acts(era, record, setting))
    met = meet(eras, setting.rules, acting=acting)
    intents = {
        (era.key, era.began): intent_of(
            era,
            conditions=record.conditions,
            scores=record.scores,
            rules=setting.rules,
            instruments=setting.instruments,
        )
        for era in met
    }
    return Lifetime(eras=met, acting=acting, undated=tuple(undated), intents=intents)


def is_ongoing(era: Era, setting: Setting) -> bool:
    """Whether the era's last covered day is close enough to the day of judgement to count as running."""
    return (setting.as_of - era.end).days <= setting.rules.in_progress_days


def _acts(era: Era, record: PatientRecord, setting: Setting) -> bool:
    """An antidepressant product that reaches the lenient dose on some day; excluded and lower ones do not act."""
    drug = setting.drugs[era.key.ingredient]
    doses = thresholds_of(drug, patient=record.patient, day=era.start)
    outside = drug.role != "antidepressant" or drug.counting == "never" or era.key.excluded_for is not None
    if outside or doses is None:
        return False
    levels = setting.levels.get(era.key.ingredient)
    effect = level_effect(era.days, levels, adequate=lambda day: is_possible(day, doses))
    return any(is_reached(day, doses, effect) for day in era.days.each())


def trials_of(
    lifetime: Lifetime,
    episode: Episode,
    record: PatientRecord,
    *,
    definition: Definition,
    setting: Setting,
    additions: Sequence[tuple[date, str, tuple[str, ...]]],
) -> tuple[Trial, ...]:
    """The trials of the episode under one definition, in order of their start."""
    start = episode.start
    by_key: dict[ExposureKey, list[tuple[Judged, Outcome]]] = {}
    for era in lifetime.eras:
        drug = setting.drugs[era.key.ingredient]
        within = clip(era, start, setting.as_of) if start is not None else era
        if drug.role == "augmentation" or within is None:
            continue
        judged, outcome = _rated(within, lifetime, record, definition, setting, additions)
        by_key.setdefault(era.key, []).append((judged, outcome))
    trials = []
    for key, candidates in by_key.items():
        ranked = sorted(candidates, key=lambda candidate: rank_of(*candidate))
        (judged, outcome), others = ranked[0], tuple(ranked[1:])
        runs = any(is_ongoing(era.era, setting) and rated.stop is None for era, rated in candidates)
        trial = Trial(
            ingredient=key.ingredient,
            drug=setting.drugs[key.ingredient],
            judged=judged,
            outcome=outcome,
            others=others,
            ongoing=runs,
        )
        trials.append(trial)
    dated = {trial.ingredient for trial in trials}
    trials += [_undated(key, fact, definition, setting) for key, fact in _first(lifetime.undated, dated, setting)]
    ordered = sorted(trials, key=lambda t: (t.undated, t.first_day, t.ingredient))
    return tuple(_related(trial, ordered) for trial in ordered)


def earlier_trials(
    lifetime: Lifetime,
    episode: Episode,
    record: PatientRecord,
    *,
    definition: Definition,
    setting: Setting,
    additions: Sequence[tuple[date, str, tuple[str, ...]]],
) -> tuple[Trial, ...]:
    """Antidepressant eras that ended before the current episode: lifetime history, never counted."""
    found = []
    for era in lifetime.eras:
        drug = setting.drugs[era.key.ingredient]
        if episode.start is None or era.end >= episode.start or drug.role == "augmentation":
            continue
        judged, outcome = _rated(era, lifetime, record, definition, setting, additions)
        found.append(Trial(ingredient=era.key.ingredient, drug=drug, judged=judged, outcome=outcome))
    return tuple(sorted(found, key=lambda t: (t.judged.era.start, t.ingredient)))


def _rated(
    era: Era,
    lifetime: Lifetime,
    record: PatientRecord,
    definition: Definition,
    setting: Setting,
    additions: Sequence[tuple[date, str, tuple[str, ...]]],
) -> tuple[Judged, Outcome]:
    drug = setting.drugs[era.key.ingredient]
    judged = judge(
        era,
        drug=drug,
        intent=lifetime.intents[(era.key, era.began)],
        definition=definition,
        rules=setting.rules,
        patient=record.patient,
        as_of=setting.as_of,
        levels=setting.levels.get(era.key.ingredient),
    )
    at_dose = first_at_dose(judged)
    others = [e.began for e in lifetime.eras if e.id in lifetime.acting and e.key.ingredient != era.key.ingredient]
    next_start = min((began for began in others if began > at_dose), default=None)
    outcome = judge_outcome(
        judged,
        scores=[s for s in record.scores if s.day <= setting.as_of],
        definition=definition,
        rules=setting.rules,
        instruments=setting.instruments,
        next_start=next_start,
        additions=[a for a in additions if a[1] != drug.label],
        allergies=record.allergies,
        scores_unread=record.lacks_scores,
    )
    return judged, outcome


def _first(
    undated: Sequence[tuple[ExposureKey, MedicationFact]], dated: set[str], setting: Setting
) -> list[tuple[ExposureKey, MedicationFact]]:
    found: dict[str, tuple[ExposureKey, MedicationFact]] = {}
    for key, fact in undated:
        drug = setting.drugs[key.ingredient]
        if key.ingredient not in dated and drug.role == "antidepressant" and key.excluded_for is None:
            found.setdefault(key.ingredient, (key, fact))
    return [item for item in found.values() if setting.drugs[item[0].ingredient].counting != "never"]


def _undated(key: ExposureKey, fact: MedicationFact, definition: Definition, setting: Setting) -> Trial:
    """A use without dates is weak evidence (grade C): borderline at most, outcome unknown."""
    drug = setting.drugs[key.ingredient]
    stated = _stated_dose(key, fact, setting)
    unchecked = "the duration cannot" if stated.is_known else "neither dose nor duration can"
    text = f"Reported without dates: {unchecked} be checked (grade C)."
    era = Era(key=key, days=Timeline(), facts=(fact,), began=setting.as_of)
    judged = Judged(
        era=era,
        adequacy=Adequacy.BORDERLINE,
        sure=None,
        possible=None,
        thresholds=None,
        reaches_lenient=False,
        intent=Intent(value="unknown", basis="none"),
        flags=("undated",),
        reasons=(Reason(rule="A2", text=text, cites=definition.cites, uses=(fact.reference,)),),
    )
    what = f"dates of {drug.label}" if stated.is_known else f"dates and dose of {drug.label}"
    missing = Missing(what=what, would_affect=f"trial of {key.ingredient}")
    outcome = Outcome(status=Status.UNKNOWN, basis="none", missing=(missing,))
    return Trial(ingredient=key.ingredient, drug=drug, judged=judged, outcome=outcome, undated=True, stated_dose=stated)


def _stated_dose(key: ExposureKey, fact: MedicationFact, setting: Setting) -> DailyDose:
    """The dose a day that a record without dates states, all its steps together; unknown where one cannot be read."""
    components = fact.product.components if fact.product is not None else ()
    agreement = setting.rules.dose_agreement
    doses = [
        step.dose
        for part in components
        if part.ingredient == key.ingredient
        for step in schedule_of(fact, part, agreement=agreement).steps
    ]
    return reduce(DailyDose.spanning, doses) if doses else UNKNOWN


def _related(trial: Trial, trials: Sequence[Trial]) -> Trial:
    """Flag trials that share a class or are an enantiomer pair with another one."""
    flags = []
    counted = (Adequacy.ADEQUATE, Adequacy.BORDERLINE)
    for other in trials:
        if other.ingredient == trial.ingredient or other.judged.adequacy not in counted:
            continue
        if trial.judged.adequacy not in counted:
            continue
        if other.drug_class == trial.drug_class:
            flags.append("same_class")
        if trial.drug.enantiomer_of == other.ingredient or other.drug.enantiomer_of == trial.ingredient:
            flags.append("enantiomer_pair")
    return replace(trial, flags=tuple(dict.fromkeys(flags)))
