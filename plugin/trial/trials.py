"""From exposures to antidepressant trials of the current episode.

The eras of a `plugin.trial.lifetime` that lie in the episode are judged; the best era per ingredient is the trial (T3),
the others stay listed under it. Augmenting agents and non-counted drugs are recorded apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce

from mappings.schema import Definition, Drug
from plugin.exposure.dose import UNKNOWN, DailyDose, schedule_of
from plugin.exposure.eras import Era
from plugin.exposure.exposures import ExposureKey
from plugin.findings import Missing, Reason
from plugin.record import AllergyFact, MedicationFact, PatientRecord
from plugin.timeline import Timeline
from plugin.trial.adequacy import Adequacy, Intent, Judged, judge_days
from plugin.trial.lifetime import Lifetime, Setting, Taken, is_ongoing, taken
from plugin.trial.measurement import Outcome, Status, first_at_dose
from plugin.trial.ordered_scores import OrderedScores
from plugin.trial.outcome import rank_of, rated_outcome
from plugin.trial.scale_reading import Addition


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
    def eras(self) -> tuple[tuple[Judged, Outcome], ...]:
        """All its eras with their outcomes, the best one first."""
        return ((self.judged, self.outcome), *self.others)

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
class Told:
    """What a record says of outcomes up to the day of judgement: its scores in order, and reactions to drugs.

    `scores_unread`: scores may be on record that were not read.
    """

    scores: OrderedScores
    allergies: tuple[AllergyFact, ...]
    scores_unread: bool

    @classmethod
    def by(cls, record: PatientRecord, as_of: date) -> Told:
        """What `record` says on the day `as_of`."""
        return cls(
            scores=OrderedScores.of(score for score in record.scores if score.day <= as_of),
            allergies=record.allergies,
            scores_unread=record.lacks_scores,
        )


Judgements = Sequence[tuple[Taken, Judged]]


def judgements_of(eras: Iterable[Taken], definition: Definition, setting: Setting) -> Judgements:
    """The adequacy of each under one definition."""
    return [
        (
            one,
            judge_days(
                one.era,
                one.at_dose,
                drug=one.drug,
                intent=one.intent,
                definition=definition,
                rules=setting.rules,
                as_of=setting.as_of,
            ),
        )
        for one in eras
    ]


def trials_of(
    judgements: Judgements,
    lifetime: Lifetime,
    told: Told,
    *,
    definition: Definition,
    setting: Setting,
    additions: Sequence[Addition],
    brief: bool = False,
) -> tuple[Trial, ...]:
    """The trials of the episode under one definition, in order of their start.

    `brief`: their outcomes only as far as they count, and not how the trials are related.
    """
    by_key: dict[ExposureKey, list[tuple[Judged, Outcome]]] = {}
    for one, judged in judgements:
        outcome = outcome_of(one, judged, lifetime, told, definition, setting, additions, brief)
        by_key.setdefault(one.era.key, []).append((judged, outcome))
    trials = []
    for key, candidates in by_key.items():
        (judged, outcome), *others = ranked(candidates)
        runs = any(is_ongoing(era.era, setting) and rated.stop is None for era, rated in candidates)
        trial = Trial(
            ingredient=key.ingredient,
            drug=setting.drugs[key.ingredient],
            judged=judged,
            outcome=outcome,
            others=tuple(others),
            ongoing=runs,
        )
        trials.append(trial)
    dated = {trial.ingredient for trial in trials}
    trials += [_undated(key, fact, definition, setting) for key, fact in _first(lifetime.undated, dated, setting)]
    trials.sort(key=lambda t: (t.undated, t.first_day, t.ingredient))
    return tuple(trials) if brief else _related(trials)


def ranked(eras: Sequence[tuple[Judged, Outcome]]) -> Sequence[tuple[Judged, Outcome]]:
    """The eras of one drug with their outcomes, the best one first (T3)."""
    return sorted(eras, key=lambda pair: rank_of(*pair)) if len(eras) > 1 else eras


def with_eras(trial: Trial, eras: Sequence[tuple[Judged, Outcome]]) -> Trial:
    """The trial with its eras judged or rated otherwise, and the best of them chosen again."""
    (judged, outcome), *others = ranked(eras)
    return replace(trial, judged=judged, outcome=outcome, others=tuple(others))


def earlier_trials(
    lifetime: Lifetime,
    start: date | None,
    record: PatientRecord,
    told: Told,
    *,
    definition: Definition,
    setting: Setting,
    additions: Sequence[Addition],
) -> tuple[Trial, ...]:
    """Antidepressant eras that ended before the episode begun on `start`: lifetime history, never counted."""
    if start is None:
        return ()
    before = [
        taken(era, lifetime, record, setting)
        for era in lifetime.eras
        if era.end < start and setting.drugs[era.key.ingredient].role != "augmentation"
    ]
    found = []
    for one, judged in judgements_of(before, definition, setting):
        outcome = outcome_of(one, judged, lifetime, told, definition, setting, additions)
        found.append(Trial(ingredient=one.drug.id, drug=one.drug, judged=judged, outcome=outcome))
    return tuple(sorted(found, key=lambda t: (t.judged.era.start, t.ingredient)))


def outcome_of(
    one: Taken,
    judged: Judged,
    lifetime: Lifetime,
    told: Told,
    definition: Definition,
    setting: Setting,
    additions: Sequence[Addition],
    brief: bool = False,
) -> Outcome:
    """The outcome of one era under one definition; `brief`: only what counts (see `rated_outcome`)."""
    return rated_outcome(
        judged,
        stop=one.stop,
        scores=told.scores,
        definition=definition,
        rules=setting.rules,
        instruments=setting.instruments,
        next_start=lifetime.starts.next_other(first_at_dose(judged), one.era.key.ingredient),
        additions=additions,
        own=one.drug.label,
        scores_unread=told.scores_unread,
        brief=brief,
    )


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


def _related(trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """Flag trials that share a class or are an enantiomer pair with another one."""
    counted = [trial for trial in trials if trial.judged.adequacy in (Adequacy.ADEQUATE, Adequacy.BORDERLINE)]
    classes = Counter(trial.drug_class for trial in counted)
    mirrored = {trial.drug.enantiomer_of for trial in counted}
    flags: dict[str, tuple[str, ...]] = {}
    for trial in counted:
        if trial.drug.enantiomer_of is not None or trial.ingredient in mirrored:
            flags[trial.ingredient] = tuple(dict.fromkeys(_relations(trial, counted)))
        elif classes[trial.drug_class] > 1:
            flags[trial.ingredient] = ("same_class",)
    return tuple(
        replace(trial, flags=flags[trial.ingredient])
        if flags.get(trial.ingredient) and trial.judged.adequacy in (Adequacy.ADEQUATE, Adequacy.BORDERLINE)
        else trial
        for trial in trials
    )


def _relations(trial: Trial, others: Iterable[Trial]) -> Iterator[str]:
    for other in others:
        if other.ingredient == trial.ingredient:
            continue
        if other.drug_class == trial.drug_class:
            yield "same_class"
        if trial.drug.enantiomer_of == other.ingredient or other.drug.enantiomer_of == trial.ingredient:
            yield "enantiomer_pair"
