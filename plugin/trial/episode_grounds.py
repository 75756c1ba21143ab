"""What an episode is read from: scores, codes, eras and procedures in order of time, and the silences between them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.schema import Reconstruction
from plugin.instruments import Instruments, is_at_line, is_plain, is_remission
from plugin.record import ConditionFact, ProcedureFact, Score, Verification
from plugin.spans import DateSpan

_PERFORMED = {"completed", "in-progress", "unknown"}
DEPRESSION = {"depression", "depression-possible"}
REMISSION_CODES = {"depression-remission-full"}
_FAMILIES = DEPRESSION | REMISSION_CODES | {"depression-remission-partial", "depression-remission-unspecified"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Something that starts an episode when none is open."""

    day: date
    basis: str  # "score" | "condition" | "antidepressant"
    uses: tuple[str, ...]


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
            at = bisect_right(openings, (day, "score"), key=time_of)
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
    coded = [day for condition in conditions if is_depression_code(condition) for day in events_of(condition)]
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
    openings.sort(key=time_of)
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


def time_of(opening: Opening) -> tuple[date, str]:
    """By which openings are put in order."""
    return opening.day, opening.basis


def _moment(score: Score) -> tuple[date, str]:
    return score.day, score.order


def _up_to(as_of: date, spans: Iterable[DateSpan]) -> list[Stretch]:
    return [(span.start, min(span.end, as_of)) for span in spans if span.start <= as_of]


def events_of(condition: ConditionFact) -> list[date]:
    """The days of which a condition tells."""
    return [d.earliest for d in (condition.onset, condition.recorded, condition.abatement) if d is not None]


def is_depression_code(condition: ConditionFact) -> bool:
    """Whether a condition is a depression in some state, and not refuted."""
    return bool(condition.categories & _FAMILIES) and condition.verification is not Verification.REFUTED
