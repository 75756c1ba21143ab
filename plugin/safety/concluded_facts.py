"""Facts out of what was concluded from the history: coverage, filling, doses, failures, the level of suicidality.

`Concluded` is what earlier stages found; `ConcludedFacts` answers by the name of a fact. A share or a count that the
history does not give has no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from mappings.arranged import Arranged
from mappings.decision_tables import Fact
from mappings.load import Knowledge
from plugin.exposure.eras import Era
from plugin.exposure.exposures import Exposures
from plugin.record import MedicationFact, PatientRecord, Verification
from plugin.safety.known_values import Known
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Status
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_FAILED = (Status.FAILED_MEASURED, Status.FAILED_PROXY)
_TIMED = (Adequacy.ADEQUATE, Adequacy.BORDERLINE, Adequacy.INADEQUATE, Adequacy.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concluded:
    """What was concluded before: eras of the whole life, trials of the episode and before it, orders never filled.

    `augmentations` and `courses` are those of the episode; `exposures` are all days of supply, for wash-outs (None: the
    eras alone tell). `suicidality` is the level of recorded suicidality, empty
    when not assessed.
    """

    eras: tuple[Era, ...] = ()
    trials: tuple[Trial, ...] = ()
    earlier: tuple[Trial, ...] = ()
    never_filled: tuple[MedicationFact, ...] = ()
    augmentations: tuple[Trial, ...] = ()
    courses: tuple[Course, ...] = ()
    exposures: Exposures | None = None
    suicidality: str = ""
    suicidality_uses: tuple[str, ...] = ()


def _arranged(knowledge: Knowledge) -> Mapping[str, frozenset[str]]:
    return {group.id: frozenset(group.drugs) for group in knowledge.clinical.drug_groups.values()}


_drugs_of_groups = Arranged(_arranged)


class ConcludedFacts:
    """Looks up facts of the history by name; a name it does not know has no value."""

    def __init__(self, record: PatientRecord, concluded: Concluded, knowledge: Knowledge) -> None:
        self._record = record
        self._concluded = concluded
        self._knowledge = knowledge
        self._drugs = knowledge.drugs
        self._group_drugs = _drugs_of_groups(knowledge)
        self._computed: Mapping[str, Callable[[], Known | None]] = {
            "run-coverage": self._coverage,
            "not-filled": self._not_filled,
            "adherence-doubted": lambda: self._flagged("adherence_doubtful"),
            "level-below-range": lambda: self._flagged("level_below_range"),
            "never-above-minimum": self._never_above_minimum,
            "onset-age": self._onset_age,
            "failed-antidepressants": self._failed,
            "suicidality": self._suicidality,
        }

    def with_suicidality(self, level: str, uses: tuple[str, ...]) -> ConcludedFacts:
        """The same history with this level of suicidality."""
        return ConcludedFacts(
            self._record, replace(self._concluded, suicidality=level, suicidality_uses=uses), self._knowledge
        )

    def value(self, name: str) -> Known | None:
        """The value of the fact of this name."""
        computed = self._computed.get(name)
        return computed() if computed is not None else None

    def has_failed(self, fact: Fact) -> Known:
        """Whether an adequate trial or course that the fact names has failed in the episode."""
        drugs = self._group_drugs.get(fact.group or "", frozenset()) | {fact.group}
        given = (*self._concluded.trials, *self._concluded.augmentations)
        trials = [t for t in given if t.ingredient in drugs and _trial_failed(t)]
        courses = [
            c
            for c in self._concluded.courses
            if c.kind in fact.procedures and c.series.current and _has_failed(c.adequacy, c.outcome.status)
        ]
        shown = dict.fromkeys([*(t.drug.label for t in trials), *(c.label for c in courses)])
        uses = (*(use for t in trials for use in t.sources), *(use for c in courses for use in c.sources))
        return Known(value=bool(shown), shown=", ".join(shown), uses=uses)

    def _suicidality(self) -> Known | None:
        level = self._concluded.suicidality
        return Known(value=level, shown=level, uses=self._concluded.suicidality_uses) if level else None

    def _timed(self) -> Sequence[Trial]:
        return [t for t in self._concluded.trials if t.judged.adequacy in _TIMED and t.judged.era.days]

    def _coverage(self) -> Known | None:
        shares = [(len(t.judged.era.days) / len(t.judged.era.span), t) for t in self._timed()]
        if not shares:
            return None
        share, trial = min(shares, key=lambda one: one[0])
        return Known(value=share, shown=f"{trial.drug.label} {share:.0%}", uses=trial.sources)

    def _not_filled(self) -> Known | None:
        orders = self._concluded.never_filled
        named = (i for order in orders if order.product is not None for i in order.product.ingredients)
        shown = ", ".join(dict.fromkeys(self._drugs[ingredient].label for ingredient in named))
        return Known(value=bool(orders), shown=shown, uses=tuple(order.reference for order in orders))

    def _flagged(self, flag: str) -> Known | None:
        found = [t for t in self._concluded.trials if flag in t.judged.flags]
        uses = dict.fromkeys(use for t in found for reason in t.judged.reasons for use in reason.uses)
        return Known(value=bool(found), shown=_drugs(found), uses=tuple(uses))

    def _never_above_minimum(self) -> Known | None:
        found = []
        for trial in self._concluded.trials:
            doses = trial.judged.thresholds
            if doses is None or trial.judged.adequacy is not Adequacy.ADEQUATE or trial.outcome.status not in _FAILED:
                continue
            if all(day.dose.high <= doses.default for day in trial.judged.era.days.each()):
                found.append(trial)
        return Known(value=bool(found), shown=_drugs(found), uses=tuple(u for t in found for u in t.sources))

    def _onset_age(self) -> Known | None:
        """The age at the first depression on record: the first of all may have been earlier."""
        patient = self._record.patient
        dated = [
            (c.onset, c.reference)
            for c in self._record.conditions
            if "depression" in c.categories and c.verification is Verification.CONFIRMED and c.onset is not None
        ]
        if patient is None or not dated:
            return None
        onset, reference = min(dated, key=lambda one: (one[0].latest, one[1]))
        age = patient.age_on(onset.latest)
        return Known(value=age[1], shown=str(age[1]), uses=(reference,)) if age is not None else None

    def _failed(self) -> Known | None:
        trials = [
            t
            for t in (*self._concluded.earlier, *self._concluded.trials)
            if t.judged.adequacy is Adequacy.ADEQUATE and t.outcome.status in _FAILED
        ]
        distinct = {t.ingredient: t for t in trials}
        uses = tuple(dict.fromkeys(use for t in trials for use in t.sources))
        return Known(value=len(distinct), shown=_drugs(tuple(distinct.values())), uses=uses)


def _has_failed(adequacy: Adequacy, status: Status) -> bool:
    return adequacy is Adequacy.ADEQUATE and status in _FAILED


def _trial_failed(trial: Trial) -> bool:
    """Adequate and failed; a drug for which no dose is agreed has failed when its stop for inefficacy is recorded."""
    stop = trial.outcome.stop
    if trial.drug.adequate_dose is None and stop is not None and stop.meaning == "inefficacy":
        return True
    return _has_failed(trial.judged.adequacy, trial.outcome.status)


def _drugs(trials: Sequence[Trial]) -> str:
    return ", ".join(dict.fromkeys(trial.drug.label for trial in trials))
