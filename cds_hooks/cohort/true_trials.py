"""How many adequate trials of the episode failed, and the verdict: by the published rules, on what truly happened.

The rules are those of the default definition, applied to the days on which drugs were swallowed and to the exact score
of every day, not to any record. None of the reasoning that is held against it is used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cds_hooks.cohort.life import Life
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.true_episode import TrueEpisode, TrueScores, episode_on, has_ended
from cds_hooks.cohort.true_exposure import (
    ADEQUATE,
    BORDERLINE,
    EXCLUDED,
    IN_PROGRESS,
    INADEQUATE,
    TrueEra,
    adequacy_of,
    ended_by_switches,
    eras_of,
)

MEASURED, PROXY, NOT_FAILED, UNKNOWN = "FAILED_MEASURED", "FAILED_PROXY", "NOT_FAILED", "UNKNOWN"
MET, PROBABLE, INDETERMINATE, NOT_MET = "MET", "PROBABLE", "INDETERMINATE", "NOT_MET"
OUT_OF_SCOPE = "OUT_OF_SCOPE"
_ADEQUACY = (ADEQUATE, BORDERLINE, IN_PROGRESS, INADEQUATE, EXCLUDED)
_OUTCOMES = (MEASURED, NOT_FAILED, PROXY, UNKNOWN)
_EXCLUDING = ("bipolar", "schizoaffective")
_HOLDING_BACK = ("bipolar-suspected", "dementia")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueTrial:
    """One drug in the episode: the best of its eras, as the rules judge it. `by_score`: exact scores decided."""

    drug: str
    start: int
    end: int
    days: int
    adequacy: str
    outcome: str
    by_score: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueVerdict:
    """The truth of one day. `held_back`: a MET or PROBABLE may not be said, for an ended episode or a diagnosis."""

    episode: TrueEpisode | None
    trials: tuple[TrueTrial, ...]
    counts: tuple[int, int, int]
    verdict: str
    held_back: bool


def true_verdict(
    life: Life, plan: Plan, today: int = 0, *, reopened: bool = False, switched: bool = False
) -> TrueVerdict:
    """What the default definition says of the life up to the day `today`.

    Two rules infer from records what is known of a life; each can be taken at its word instead. `reopened` (P1): any
    antidepressant begun in remission begins an episode, be it the same one after an interruption or one for something
    else; in truth only falling ill again does. `switched` (T5): a drug ends where another began after its last fill;
    in truth it goes on to its last day.
    """
    judge = _Judge(life, plan, today, switched=switched)
    episode = judge.episode(reopened=reopened)
    trials = judge.trials(episode) if episode is not None else ()
    counts = _counts(trials)
    value = _value(trials, counts, plan.definition.min_failed_trials)
    present = {diagnosis.id for day, diagnosis in life.diagnoses if day <= today}
    held = bool(present.intersection(_HOLDING_BACK)) or (episode is not None and episode.ended)
    if held and value in (MET, PROBABLE):
        value = INDETERMINATE
    if present.intersection(_EXCLUDING):
        value = EXCLUDED
    if episode is None or judge.age_on(today) < plan.rules.adult_from_years:
        value = OUT_OF_SCOPE
    return TrueVerdict(episode=episode, trials=trials, counts=counts, verdict=value, held_back=held)


class _Judge:
    """One life up to one day.

    `_begun`: first day and drug of every era at an antidepressant dose; `_added`: days on which something else was
    begun against the depression.
    """

    def __init__(self, life: Life, plan: Plan, today: int, *, switched: bool) -> None:
        self._life, self._plan, self._today = life, plan, today
        self._scores, self._eras = TrueScores(life, plan), eras_of(life, plan, today)
        self._begun = [
            (era.began, era.drug)
            for era in self._eras
            if era.aim != "labelled" and era.reaches(plan.lenient_dose(era.drug, self.age_on(era.start)))
        ]
        if switched:
            self._eras = ended_by_switches(self._eras, self._begun, plan)
        self._added = [day for day, _ in life.sessions if day <= today]
        for course in life.courses:
            if course.use == "augmentation":
                lenient = plan.lenient_dose(course.drug, life.age)
                self._added += [first for first, _, dose in course.stretches(today - 1) if dose >= lenient][:1]

    def age_on(self, day: int) -> int:
        """The age in years."""
        birth, then = self._plan.birth_of(self._life), self._plan.day(day)
        return then.year - birth.year - ((then.month, then.day) < (birth.month, birth.day))

    def episode(self, *, reopened: bool) -> TrueEpisode | None:
        """The last episode begun."""
        found = episode_on(self._life, self._scores, self._plan, self._today)
        if found is None or not reopened:
            return found
        resumed = [day for day, _ in self._begun if has_ended(found.start, self._scores, self._plan, day - 1)]
        return replace(found, start=max((found.start, *resumed)))

    def trials(self, episode: TrueEpisode) -> tuple[TrueTrial, ...]:
        """The best era of each drug in the episode, in order of their start."""
        best: dict[tuple[str, bool], TrueTrial] = {}
        for whole in self._eras:
            era = whole.since(episode.start)
            if era is None:
                continue
            key, trial = (era.drug, era.aim == "labelled"), self._trial(era)
            best[key] = min((trial, *([best[key]] if key in best else [])), key=_rank)
        return tuple(sorted(best.values(), key=lambda trial: (trial.start, trial.drug)))

    def _trial(self, era: TrueEra) -> TrueTrial:
        adequacy, run, days = adequacy_of(era, self._plan, age=self.age_on(era.start), today=self._today)
        outcome, by_score = UNKNOWN, False
        if adequacy in (ADEQUATE, BORDERLINE):
            outcome, by_score = self._outcome(era, run.first if run is not None else era.start)
        if adequacy == BORDERLINE and outcome != NOT_FAILED:
            outcome = UNKNOWN
        return TrueTrial(
            drug=era.drug,
            start=era.start,
            end=era.end,
            days=days,
            adequacy=adequacy,
            outcome=outcome,
            by_score=by_score,
        )

    def _outcome(self, era: TrueEra, at_dose: int) -> tuple[str, bool]:
        """Whether the trial failed, and whether scores say so.

        The endpoint is the last day to just after the end, or just after the next antidepressant began; the baseline
        the last day around the first one at dose.
        """
        rules, others = self._plan.rules, [day for day, drug in self._begun if drug != era.drug]
        last = min(era.end + rules.outcome_after_end_days, self._today)
        after = min((day for day in others if day > at_dose), default=None)
        if after is not None:
            last = min(last, after + rules.outcome_after_next_start_days)
        if last >= at_dose + self._plan.definition.min_days_at_dose:
            return self._measured(at_dose, min(at_dose + rules.baseline_after_days, self._today), last), True
        # The next antidepressant came too soon for an endpoint: why it was stopped, else what followed.
        if era.ending in ("inefficacy", "intolerance"):
            return (MEASURED if era.ending == "inefficacy" else UNKNOWN), False
        window = range(at_dose + rules.switch_window_before_days, era.end + rules.switch_window_after_days + 1)
        return (PROXY if any(day in window for day in (*others, *self._added)) else UNKNOWN), False

    def _measured(self, at_dose: int, baseline: int, endpoint: int) -> str:
        scores, response = self._scores, Fraction(str(self._plan.definition.response))
        usable, before = scores.ill(baseline), scores.on(baseline)

        def responded(day: int) -> bool:
            return usable and Fraction(before - scores.on(day), before) >= response

        if scores.remitted(endpoint) or responded(endpoint):
            return NOT_FAILED
        if any(scores.remitted(day) or responded(day) for day in range(max(at_dose, baseline + 1), endpoint)):
            return UNKNOWN  # a response that was lost
        return MEASURED if usable else UNKNOWN


def _rank(trial: TrueTrial) -> tuple[int, int, int]:
    return _ADEQUACY.index(trial.adequacy), _OUTCOMES.index(trial.outcome), -trial.start


def _counts(trials: Sequence[TrueTrial]) -> tuple[int, int, int]:
    """Failed adequate trials: surely, with those failed by proxy, and with those that may have failed."""
    measured = {t.drug for t in trials if t.adequacy == ADEQUATE and t.outcome == MEASURED}
    proxy = measured | {t.drug for t in trials if t.adequacy == ADEQUATE and t.outcome == PROXY}
    open_ = proxy | {t.drug for t in trials if t.adequacy in (ADEQUATE, BORDERLINE) and t.outcome == UNKNOWN}
    return len(measured), len(proxy), len(open_)


def _value(trials: Sequence[TrueTrial], counts: tuple[int, int, int], need: int) -> str:
    sure, probable, possible = counts
    by_score = any(t.by_score for t in trials if t.adequacy == ADEQUATE and t.outcome == MEASURED)
    if sure >= need and by_score:
        return MET
    if probable >= need:
        return PROBABLE
    return INDETERMINATE if possible >= need else NOT_MET
