"""Which single missing fact would change the verdict, found by deciding again with that fact supplied.

Every supposition goes through the stages that made the verdict: outcomes are rated again where the fact touches them,
episode and eligibility are worked out again, and the decision is made again. Only what moves the verdict is kept, the
smallest effort first (the order stands in the knowledge).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from plugin.findings import Reason
from plugin.record import PatientRecord, Score
from plugin.resistance.supposed_facts import about_the_patient, exposures, indications, not_taken, stops
from plugin.resistance.supposed_scores import baseline_scores, endpoint_scores
from plugin.resistance.supposition import Case, Supposition
from plugin.resistance.verdict import Value, Verdict
from plugin.trial.adequacy import Adequacy
from plugin.trial.eligibility import Eligibility
from plugin.trial.episode import Episode
from plugin.trial.neuromodulation import Course
from plugin.trial.outcome import judge_outcome, rank_of
from plugin.trial.trials import Trial

Trials = tuple[Sequence[Trial], Sequence[Trial | Course]]
_RATED = (Adequacy.ADEQUATE, Adequacy.BORDERLINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """If `fact` were known, the verdict would be `verdict`.

    `kind` and `effort` (0 is the smallest) are those of the knowledge. `trial` is the index of the trial concerned and
    `ingredient` its drug; `day` and `window` say where a supposed score of `instrument` lies. None where it has none.
    """

    kind: str
    fact: str
    verdict: Value
    effort: int
    trial: int | None = None
    ingredient: str | None = None
    day: date | None = None
    window: tuple[date, date] | None = None
    instrument: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """The stages of the reasoning under the chosen definition, each on what is supposed.

    `episode` of a record; `eligibility` of a record in an episode; `trials` rated anew in an episode (with what else
    the definition counts); `decide` on trials, extra, eligibility and the reason for an unread history; `whole`: all of
    it for a record whose medication facts, or what is known to be missing of its scores, differ.
    """

    episode: Callable[[PatientRecord], Episode]
    eligibility: Callable[[PatientRecord, Episode], Eligibility]
    trials: Callable[[PatientRecord, Episode], Trials]
    decide: Callable[[Sequence[Trial], Sequence[Trial | Course], Eligibility, Reason | None], Verdict]
    whole: Callable[[PatientRecord], Verdict]


def changes(case: Case, verdict: Verdict, stages: Stages, *, efforts: Sequence[str]) -> tuple[Change, ...]:
    """Try every supposition on `case` and keep those under which the verdict differs from `verdict`.

    `efforts` are the kinds of missing fact, smallest first.
    """
    rank: Mapping[str, int] = {kind: place for place, kind in enumerate(efforts)}
    found = []
    for supposed in suppositions(case):
        value = _verdict_if(supposed, case, stages).value
        if value is verdict.value:
            continue
        found.append(
            Change(
                kind=supposed.kind,
                fact=supposed.fact,
                verdict=value,
                effort=rank[supposed.kind],
                trial=supposed.trial,
                ingredient=case.trials[supposed.trial].ingredient if supposed.trial is not None else None,
                day=supposed.day,
                window=supposed.window,
                instrument=supposed.instrument,
            )
        )
    return tuple(sorted(found, key=lambda c: (c.effort, -1 if c.trial is None else c.trial, c.fact)))


def suppositions(case: Case) -> Iterator[Supposition]:
    """Every single missing fact that could bear on the verdict, in no particular order."""
    for index, trial in enumerate(case.trials):
        if trial.undated:
            unknown = "dates" if trial.stated_dose.is_known else "dates and dose"
            yield not_taken(case, index, "dates", f"{trial.drug.label}: {unknown} known, and not enough")
            continue
        if trial.judged.adequacy in _RATED:
            yield from endpoint_scores(case, index)
            yield from baseline_scores(case, index)
            yield from stops(case, index)
        yield from exposures(case, index)
        yield from indications(case, index)
    yield from about_the_patient(case)


def _verdict_if(supposed: Supposition, case: Case, stages: Stages) -> Verdict:
    """The verdict if `supposed` were known."""
    record = supposed.record or case.record
    if supposed.whole:
        return stages.whole(record)
    if supposed.score is not None:
        record = replace(record, scores=(*record.scores, supposed.score))
    trials, extra, episode = case.trials, case.extra, case.episode
    more = case.definition.augmentation_counts or case.definition.neuromodulation_counts
    if record is not case.record:
        episode = stages.episode(record)
        if episode.start != case.episode.start or (more and supposed.score is not None):
            trials, extra = stages.trials(record, episode)
        elif supposed.score is not None:
            trials = [_touched(trial, supposed.score, record, case) for trial in trials]
    if supposed.judged is not None:
        trials = [
            _rated_again(replace(trial, judged=supposed.judged), record, case) if index == supposed.trial else trial
            for index, trial in enumerate(trials)
        ]
    if supposed.current:
        episode = replace(episode, may_have_ended=False)
    unread = None if supposed.read else case.history_unread
    return stages.decide(trials, extra, stages.eligibility(record, episode), unread)


def _touched(trial: Trial, score: Score, record: PatientRecord, case: Case) -> Trial:
    """The trial rated again if the score may lie in a window of one of its eras."""
    rules = case.setting.rules
    before = timedelta(days=rules.baseline_before_days + rules.titration_before_days)
    after = timedelta(days=rules.outcome_after_end_days)
    eras = () if trial.undated else (trial.judged.era, *(judged.era for judged, _ in trial.others))
    near = any(era.start - before <= score.day <= era.end + after for era in eras)
    return _rated_again(trial, record, case) if near else trial


def _rated_again(trial: Trial, record: PatientRecord, case: Case) -> Trial:
    """Every era of the trial rated again, and the best of them chosen again (T3)."""
    scores = [score for score in record.scores if score.day <= case.setting.as_of]
    rated = []
    for judged, outcome in ((trial.judged, trial.outcome), *trial.others):
        again = judge_outcome(
            judged,
            scores=scores,
            definition=case.definition,
            rules=case.setting.rules,
            instruments=case.setting.instruments,
            next_start=outcome.next_start,
            additions=outcome.additions,
            allergies=record.allergies,
            scores_unread=record.lacks_scores,
        )
        rated.append((judged, again))
    best, *others = sorted(rated, key=lambda pair: rank_of(*pair))
    return replace(trial, judged=best[0], outcome=best[1], others=tuple(others))
