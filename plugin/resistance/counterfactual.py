"""Which single missing fact would change the verdict, found by deciding again with that fact supplied.

Every supposition goes through the stages that made the verdict: the episode is read again, outcomes are rated again
where the fact touches them, and the decision is made again; what the fact does not touch stays as it was judged. Only
what moves the verdict is kept, the smallest effort first (the order stands in the knowledge).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from plugin.findings import Reason
from plugin.record import PatientRecord, Score
from plugin.resistance.rating import episode_of
from plugin.resistance.supposed_facts import about_the_patient, exposures, indications, not_taken, stops
from plugin.resistance.supposed_scores import baseline_scores, endpoint_scores
from plugin.resistance.supposition import Case, Supposition
from plugin.resistance.verdict import Value, Verdict, Weighed, value_of, weigh, weigh_most
from plugin.resistance.without_drug import Look, looks_of, without_drug
from plugin.trial.adequacy import Adequacy, Judged
from plugin.trial.eligibility import Eligibility
from plugin.trial.episode import Episode
from plugin.trial.neuromodulation import Course
from plugin.trial.outcome import judge_outcome
from plugin.trial.scale_reading import Outcome
from plugin.trial.trials import Told, Trial, with_eras

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

    `eligibility` of a record in an episode; `trials` rated anew in an episode (with what else the definition counts);
    `whole`: the verdict on a record with other medication facts, or of which something else is known to be missing.
    """

    eligibility: Callable[[PatientRecord, Episode], Eligibility]
    trials: Callable[[PatientRecord, Episode], Trials]
    whole: Callable[[PatientRecord], Verdict]


def changes(case: Case, verdict: Verdict, stages: Stages, *, efforts: Sequence[str]) -> tuple[Change, ...]:
    """Try every supposition on `case` and keep those under which the verdict differs from `verdict`.

    `efforts` are the kinds of missing fact, smallest first.
    """
    rank: Mapping[str, int] = {kind: place for place, kind in enumerate(efforts)}
    standing = _standing(case)
    found = []
    for supposed in suppositions(case):
        value = _value_if(supposed, standing, stages)
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
            yield not_taken(index, "dates", f"{trial.drug.label}: {unknown} known, and not enough")
            continue
        if trial.judged.adequacy in _RATED:
            yield from endpoint_scores(case, index)
            yield from baseline_scores(case, index)
        if trial.judged.adequacy is Adequacy.ADEQUATE:  # a borderline one is rated by scores alone (O9)
            yield from stops(case, index)
        yield from exposures(case, index)
        yield from indications(case, index)
    yield from about_the_patient(case)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """The case with what every supposition is held against.

    `weighed` is what the trials count as, one by one, and `most` what they could with another outcome; `beside` what
    else counts. `near` are for each era the first and the last day on which a score can bear on it, the place of its
    trial and its own among the eras of that; `looks` where outcomes look for other starts.
    """

    case: Case
    weighed: tuple[Weighed, ...]
    most: tuple[Weighed, ...]
    beside: tuple[Weighed, ...]
    near: tuple[tuple[date, date, int, int], ...]
    looks: tuple[Look, ...]

    def value(
        self, changed: Mapping[int, Trial], eligibility: Eligibility, unread: Reason | None, but: int = -1
    ) -> Value:
        """The value with some trials changed, by their place, and one of them (`but`) left out."""
        definition = self.case.definition
        weighed = [
            weigh(changed[place], definition) if place in changed else one
            for place, one in enumerate(self.weighed)
            if place != but
        ]
        weighed += self.beside
        return value_of(weighed, definition=definition, eligibility=eligibility, history_unread=unread)

    def settled(
        self, open_: Collection[int], eligibility: Eligibility, unread: Reason | None, but: int = -1
    ) -> Value | None:
        """The value where it is the same whatever the outcomes of the trials at these places; None where it is not."""
        definition = self.case.definition
        least = [one for place, one in enumerate(self.weighed) if place != but and place not in open_]
        least += self.beside
        most = [*least, *(self.most[place] for place in open_)]
        low, high = (
            value_of(weighed, definition=definition, eligibility=eligibility, history_unread=unread)
            for weighed in (least, most)
        )
        return low if low is high else None


def _standing(case: Case) -> _Standing:
    rules, definition = case.setting.rules, case.definition
    before = timedelta(days=rules.baseline_before_days + rules.titration_before_days)
    after = timedelta(days=rules.outcome_after_end_days)
    near = [
        (judged.era.start - before, judged.era.end + after, place, number)
        for place, trial in enumerate(case.trials)
        if not trial.undated
        for number, (judged, _) in enumerate(trial.eras)
    ]
    return _Standing(
        case=case,
        weighed=tuple(weigh(trial, definition) for trial in case.trials),
        most=tuple(weigh_most(trial, definition) for trial in case.trials),
        beside=tuple(weigh(trial, definition) for trial in case.extra),
        near=tuple(near),
        looks=looks_of(case.trials, rules),
    )


def _value_if(supposed: Supposition, standing: _Standing, stages: Stages) -> Value:
    """What the verdict would be if `supposed` were known."""
    case = standing.case
    if supposed.not_taken and supposed.trial is not None:
        return _value_without(supposed.trial, standing, stages)
    if supposed.whole:
        return stages.whole(supposed.record or case.record).value
    record, episode = supposed.record or case.record, case.episode
    unread = None if supposed.read else case.history_unread
    if supposed.score is not None:
        grounds = case.history.grounds.also(supposed.score)
        episode = episode_of(grounds, scores_unread=case.history.told.scores_unread)
        more = case.definition.augmentation_counts or case.definition.neuromodulation_counts
        if more or episode.start != case.episode.start:
            record = replace(record, scores=(*record.scores, supposed.score))
            return _value_anew(record, episode, standing, stages)
        return _value_with(supposed.score, standing, _eligibility(record, episode, case, stages))
    changed: dict[int, Trial] = {}
    if supposed.record is not None:
        grounds = case.history.grounds.under(record.conditions)
        episode = episode_of(grounds, scores_unread=record.lacks_scores)
        if episode.start != case.episode.start:
            return _value_anew(record, episode, standing, stages)
    elif supposed.judged is not None and supposed.trial is not None:
        trial = case.trials[supposed.trial]
        eras = [(supposed.judged, trial.outcome), *trial.others]
        changed = {supposed.trial: _rated_again(trial, eras, case.history.told, case)}
    elif supposed.current:
        episode = replace(episode, may_have_ended=False)
    return standing.value(changed, _eligibility(record, episode, case, stages), unread)


def _eligibility(record: PatientRecord, episode: Episode, case: Case, stages: Stages) -> Eligibility:
    """The eligibility of the case, worked out again where something differs that it rests on."""
    known = case.record
    alike = record.patient is known.patient and record.conditions is known.conditions
    alike = alike and record.availability is known.availability
    if alike and episode.may_have_ended == case.episode.may_have_ended:
        return case.eligibility
    return stages.eligibility(record, episode)


def _value_anew(record: PatientRecord, episode: Episode, standing: _Standing, stages: Stages) -> Value:
    """The value where all trials have to be rated again, in another episode or with what is counted beside them."""
    case = standing.case
    trials, extra = stages.trials(record, episode)
    weighed = [weigh(trial, case.definition) for trial in (*trials, *extra)]
    eligibility = _eligibility(record, episode, case, stages)
    return value_of(weighed, definition=case.definition, eligibility=eligibility, history_unread=case.history_unread)


def _value_without(index: int, standing: _Standing, stages: Stages) -> Value:
    """The value if the drug of a trial had not been taken: the record without what speaks of it."""
    case = standing.case
    without = without_drug(case, index, standing.looks)
    if without is None:
        gone = set(case.trials[index].sources)
        kept = tuple(fact for fact in case.record.medications if fact.reference not in gone)
        return stages.whole(replace(case.record, medications=kept)).value
    eligibility = _eligibility(case.record, without.episode, case, stages)
    settled = standing.settled(without.places, eligibility, case.history_unread, but=index)
    if settled is not None:
        return settled
    return standing.value(without.rated(case), eligibility, case.history_unread, but=index)


def _value_with(score: Score, standing: _Standing, eligibility: Eligibility) -> Value:
    """The value with one more score: the trials are rated again that have an era of which it may lie in a window."""
    case = standing.case
    touched: dict[int, set[int]] = {}
    for first, last, place, number in standing.near:
        if first <= score.day <= last:
            touched.setdefault(place, set()).add(number)
    settled = standing.settled(touched, eligibility, case.history_unread)
    if settled is not None:
        return settled
    told = replace(case.history.told, scores=case.history.told.scores.also(score))
    changed = {
        place: _rated_again(case.trials[place], case.trials[place].eras, told, case, only=eras)
        for place, eras in touched.items()
    }
    return standing.value(changed, eligibility, case.history_unread)


def _rated_again(
    trial: Trial,
    eras: Sequence[tuple[Judged, Outcome]],
    told: Told,
    case: Case,
    *,
    only: Collection[int] | None = None,
) -> Trial:
    """The eras of the trial rated again (`only` those at these places), and the best of them chosen again (T3)."""
    rated = []
    for number, (judged, outcome) in enumerate(eras):
        if only is not None and number not in only:
            rated.append((judged, outcome))
            continue
        again = judge_outcome(
            judged,
            scores=told.scores,
            definition=case.definition,
            rules=case.setting.rules,
            instruments=case.setting.instruments,
            next_start=outcome.next_start,
            additions=case.history.additions,
            own=trial.drug.label,
            allergies=told.allergies,
            scores_unread=told.scores_unread,
        )
        rated.append((judged, again))
    return with_eras(trial, rated)
