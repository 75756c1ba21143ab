"""The current depressive episode: when it began, what closed the one before, whether it may have ended.

Closing (P1, P2): two remission scores far enough apart with none at the line between; a full-remission code; a
depression condition ended long enough before the next opening; a long silence. Opening: a score at the line, a new
depression code, a new era of an antidepressant that reaches the lenient dose. Partial remission closes nothing.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.findings import Reason
from plugin.instruments import Instruments, is_at_line, is_plain, is_remission
from plugin.record import ConditionFact, ProcedureFact, Score, Verification
from plugin.spans import DateSpan

_ENDED = {"resolved", "remission", "inactive"}
_PERFORMED = {"completed", "in-progress", "unknown"}
_DEPRESSION = {"depression", "depression-possible"}
_REMISSION_CODES = {"depression-remission-full"}
_FAMILIES = _DEPRESSION | _REMISSION_CODES | {"depression-remission-partial", "depression-remission-unspecified"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Something that starts an episode when none is open."""

    day: date
    basis: str  # "score" | "condition" | "antidepressant"
    uses: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """The episode judged. `start` is None when there is no evidence of any episode.

    `basis`: ``first-evidence``, ``score``, ``condition`` or ``antidepressant``. `uncertain` when the start is only the
    first evidence, a remission of unknown degree lies inside, or scores were not read (`plugin.resistance.rating`).
    `may_have_ended` caps the verdict.
    """

    start: date | None
    basis: str
    uncertain: bool
    may_have_ended: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What the episode is read from. `era_starts`: new eras at the lenient dose."""

    scores: Sequence[Score]
    conditions: Sequence[ConditionFact]
    procedures: Sequence[ProcedureFact]
    era_starts: Sequence[tuple[date, tuple[str, ...]]]
    active_spans: Sequence[DateSpan]


Stretch = tuple[date, date]  # first and last day


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """The evidence in order of time: from it the episode is read, also with one fact supposed.

    `scores` are the plain ones, `well` the days of those in remission, `openings` those by scores and
    eras, `active` what shows activity beside the conditions. `silences` are the long times between without any
    activity, as the last day before and the first one after; `first_active` and `last_active` its ends.
    """

    scores: tuple[Score, ...]
    well: tuple[date, ...]
    conditions: Sequence[ConditionFact]
    openings: tuple[Opening, ...]
    active: tuple[Stretch, ...]
    silences: tuple[Stretch, ...]
    first_active: date | None
    last_active: date | None
    rules: Reconstruction
    instruments: Instruments
    as_of: date

    def also(self, score: Score) -> Grounds:
        """With one more plain score, not after the day of judgement."""
        day, openings = score.day, self.openings
        place = bisect_right(self.scores, (day, score.order), key=_moment)
        at = bisect_right(self.active, (day, day))
        active = (*self.active[:at], (day, day), *self.active[at:])
        if is_at_line(score, self.instruments):
            at = bisect_right(openings, (day, "score"), key=_when)
            openings = (*openings[:at], Opening(day=day, basis="score", uses=score.references), *openings[at:])
        first, last = self.first_active, self.last_active
        told = (self.silences, first, last)
        if self.silences or first is None or last is None or not first <= day <= last:
            told = self._silences(active, self.conditions)
        return self._with(
            (*self.scores[:place], score, *self.scores[place:]), self.conditions, openings, active, told, more=score
        )

    def without(self, records: frozenset[str], spans: Iterable[DateSpan]) -> Grounds:
        """Without the eras that began with one of these records and were active in these spans."""
        active = list(self.active)
        for stretch in _up_to(self.as_of, spans):
            del active[bisect_left(active, stretch)]
        openings = tuple(o for o in self.openings if o.basis != "antidepressant" or records.isdisjoint(o.uses))
        told = self._silences(active, self.conditions)
        return self._with(self.scores, self.conditions, openings, tuple(active), told)

    def under(self, conditions: Sequence[ConditionFact]) -> Grounds:
        """With other conditions."""
        if conditions is self.conditions:
            return self
        told = self._silences(self.active, conditions)
        return self._with(self.scores, conditions, self.openings, self.active, told)

    def _silences(self, active: Sequence[Stretch], conditions: Sequence[ConditionFact]) -> _Silences:
        return _silences(active, conditions, self.rules, self.as_of)

    def _with(
        self,
        scores: tuple[Score, ...],
        conditions: Sequence[ConditionFact],
        openings: tuple[Opening, ...],
        active: tuple[Stretch, ...],
        silences: _Silences,
        *,
        more: Score | None = None,
    ) -> Grounds:
        well = self.well
        if more is not None and is_remission(more, self.instruments):
            well = tuple(sorted((*well, more.day)))
        return Grounds(
            scores=scores,
            well=well,
            conditions=conditions,
            openings=openings,
            active=active,
            silences=silences[0],
            first_active=silences[1],
            last_active=silences[2],
            rules=self.rules,
            instruments=self.instruments,
            as_of=self.as_of,
        )


_Silences = tuple[tuple[Stretch, ...], date | None, date | None]


def _silences(
    active: Sequence[Stretch], conditions: Sequence[ConditionFact], rules: Reconstruction, as_of: date
) -> _Silences:
    """The times of so many days without activity that an episode may have ended; the first and the last active day."""
    coded = [day for condition in conditions if _is_depression(condition) for day in _events(condition)]
    if coded:
        active = sorted([*active, *((day, day) for day in coded if day <= as_of)])
    if not active:
        return (), None, None
    least = timedelta(days=max(1, rules.episode_silence_days))
    found = []
    until = active[0][1]
    for first, last in active:
        if last <= until:
            continue
        if first - until > least:
            found.append((until, first))
        until = last
    return tuple(found), active[0][0], until


def grounds_of(evidence: Evidence, *, rules: Reconstruction, instruments: Instruments, as_of: date) -> Grounds:
    """Put the evidence up to `as_of` in order."""
    scores = sorted((s for s in evidence.scores if s.day <= as_of and is_plain(s)), key=_moment)
    openings = [Opening(day=s.day, basis="score", uses=s.references) for s in scores if is_at_line(s, instruments)]
    openings += [
        Opening(day=day, basis="antidepressant", uses=uses) for day, uses in evidence.era_starts if day <= as_of
    ]
    openings.sort(key=_when)
    days = [s.day for s in scores]
    days += [p.start.earliest for p in evidence.procedures if p.start is not None and p.status in _PERFORMED]
    active = sorted([*((day, day) for day in days if day <= as_of), *_up_to(as_of, evidence.active_spans)])
    silences, first_active, last_active = _silences(active, evidence.conditions, rules, as_of)
    return Grounds(
        scores=tuple(scores),
        well=tuple(s.day for s in scores if is_remission(s, instruments)),
        conditions=evidence.conditions,
        openings=tuple(openings),
        active=tuple(active),
        silences=silences,
        first_active=first_active,
        last_active=last_active,
        rules=rules,
        instruments=instruments,
        as_of=as_of,
    )


def current_episode(evidence: Evidence, *, rules: Reconstruction, instruments: Instruments, as_of: date) -> Episode:
    """Walk the openings and closings up to `as_of` and return the last episode."""
    return episode_on(grounds_of(evidence, rules=rules, instruments=instruments, as_of=as_of))


def episode_on(grounds: Grounds) -> Episode:
    """The last episode on these grounds."""
    coded = _coded_openings(grounds)
    first = _first_opening(grounds, coded)
    if first is None:
        return Episode(start=None, basis="none", uncertain=True, may_have_ended=False, reasons=())
    opened, basis = first, "first-evidence"
    reasons = [Reason(rule="P0", text=f"First evidence on {opened.day}.", uses=opened.uses)]
    closed: date | None = None
    for day, reason in sorted(_closings(grounds, coded), key=lambda c: c[0]):
        if day < opened.day:
            continue
        closed = day
        following = _first_opening(grounds, coded, after=day)
        reasons.append(reason)
        if following is None:
            break
        opened, closed = following, None
        basis = opened.basis
        reasons = [
            reason,
            Reason(rule="P1", text=f"New episode from {opened.day} ({basis}).", uses=opened.uses),
        ]
    last, silence = grounds.last_active, grounds.rules.episode_silence_days
    silent = last is not None and (grounds.as_of - last).days >= silence
    if silent:
        text = f"Nothing recorded for {silence} days or more: a current episode is not evidenced."
        reasons.append(Reason(rule="P2", text=text))
    ended = closed is not None or silent or _marked_ended(grounds.conditions)
    unspecified = _unspecified_remission(grounds.conditions, opened.day, grounds.as_of)
    return Episode(
        start=opened.day,
        basis=basis,
        uncertain=basis == "first-evidence" or unspecified,
        may_have_ended=ended,
        reasons=tuple(reasons),
    )


def _when(opening: Opening) -> tuple[date, str]:
    return opening.day, opening.basis


def _day_of(opening: Opening) -> date:
    return opening.day


def _moment(score: Score) -> tuple[date, str]:
    return score.day, score.order


def _up_to(as_of: date, spans: Iterable[DateSpan]) -> list[Stretch]:
    return [(span.start, min(span.end, as_of)) for span in spans if span.start <= as_of]


def _first_opening(grounds: Grounds, coded: Iterable[Opening], after: date = date.min) -> Opening | None:
    """The first opening after a day: by a score, an era, or one of the `coded` conditions."""
    place = bisect_right(grounds.openings, after, key=_day_of)
    found = [*grounds.openings[place : place + 1], *(o for o in coded if o.day > after)]
    return min(found, key=_when, default=None)


def _events(condition: ConditionFact) -> list[date]:
    return [d.earliest for d in (condition.onset, condition.recorded, condition.abatement) if d is not None]


def _is_depression(condition: ConditionFact) -> bool:
    return bool(condition.categories & _FAMILIES) and condition.verification is not Verification.REFUTED


def _coded_openings(grounds: Grounds) -> list[Opening]:
    """The openings by conditions."""
    found = []
    for condition in grounds.conditions:
        started = condition.onset or condition.recorded
        opening = condition.categories & _DEPRESSION and not condition.categories & _REMISSION_CODES
        if not opening or started is None or started.earliest > grounds.as_of or not _is_depression(condition):
            continue
        if not _in_remission_then(started.earliest, grounds.scores, grounds.rules, grounds.instruments):
            found.append(Opening(day=started.earliest, basis="condition", uses=(condition.reference,)))
    return found


def _in_remission_then(day: date, scores: Sequence[Score], rules: Reconstruction, instruments: Instruments) -> bool:
    """A carried-forward code while the latest recent score is in remission opens nothing (rule 51)."""
    place = bisect_right(scores, day, key=lambda score: score.day) - 1
    if place < 0 or (day - scores[place].day).days > rules.reopen_score_days:
        return False
    return is_remission(scores[place], instruments)


def _closings(grounds: Grounds, coded: Sequence[Opening]) -> list[tuple[date, Reason]]:
    rules, as_of = grounds.rules, grounds.as_of
    found = []
    if grounds.well and (grounds.well[-1] - grounds.well[0]).days >= rules.episode_remission_days:
        found = _by_scores(grounds.scores, rules, grounds.instruments)
    for condition in grounds.conditions:
        uses = (condition.reference,)
        if condition.verification is not Verification.CONFIRMED:
            continue
        if condition.categories & _REMISSION_CODES:
            when = condition.recorded or condition.onset
            if when is not None and when.latest <= as_of:
                text = f"Full remission was coded on {when.latest}."
                found.append((when.latest, Reason(rule="P1", text=text, uses=uses)))
        elif condition.categories & _DEPRESSION and condition.clinical in _ENDED and condition.abatement is not None:
            ended = condition.abatement.latest
            following = _first_opening(grounds, coded, after=ended)
            if ended <= as_of and (following is None or (following.day - ended).days >= rules.episode_remission_days):
                text = f"The recorded depression ended on {ended}."
                found.append((ended, Reason(rule="P1", text=text, uses=uses)))
    for before, after in grounds.silences:
        text = f"No depression code, score, drug or procedure between {before} and {after}."
        found.append((before, Reason(rule="P2", text=text)))
    return found


def _by_scores(scores: Sequence[Score], rules: Reconstruction, instruments: Instruments) -> list[tuple[date, Reason]]:
    found: list[tuple[date, Reason]] = []
    first: Score | None = None
    for score in scores:
        if is_at_line(score, instruments):
            first = None
        elif is_remission(score, instruments):
            first = first or score
            if (score.day - first.day).days >= rules.episode_remission_days:
                text = f"Scores in remission from {first.day} to {score.day}, none at the line between."
                uses = (*first.references, *score.references)
                found.append((score.day, Reason(rule="P1", text=text, uses=uses)))
    return found


def _marked_ended(conditions: Sequence[ConditionFact]) -> bool:
    """Whether every recorded depression is resolved, inactive or in full remission (rule 37)."""
    known = [c for c in conditions if _is_depression(c) and c.verification is Verification.CONFIRMED]
    return bool(known) and all(c.clinical in _ENDED or c.categories & _REMISSION_CODES for c in known)


def _unspecified_remission(conditions: Sequence[ConditionFact], start: date, as_of: date) -> bool:
    return any(
        "depression-remission-unspecified" in c.categories and any(start <= day <= as_of for day in _events(c))
        for c in conditions
    )
