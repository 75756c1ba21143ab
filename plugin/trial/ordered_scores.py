"""The scores of a record in order of time, sorted once for all the windows in which they are looked up."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from plugin.instruments import is_plain
from plugin.record import Score

CONFLICT = "conflict"
SUSPECT = "suspect-total"


def moment(score: Score) -> tuple[date, str]:
    """What orders scores in time."""
    return score.day, score.order


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainScores:
    """Scores that can be used as numbers, in order of time, with the `days` of each."""

    scores: tuple[Score, ...]
    days: tuple[date, ...]

    def between(self, first: date, last: date) -> tuple[Score, ...]:
        """Those from `first` to `last`, both included."""
        return self.scores[bisect_left(self.days, first) : bisect_right(self.days, last)]

    def also(self, score: Score) -> PlainScores:
        """With one more, after those of its moment."""
        place = bisect_right(self.scores, moment(score), key=moment)
        return PlainScores(
            scores=(*self.scores[:place], score, *self.scores[place:]),
            days=(*self.days[:place], score.day, *self.days[place:]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OnScale:
    """The scores on one scale. `clashes` are those that another source contradicts, as recorded."""

    instrument: str
    plain: PlainScores
    clashes: tuple[Score, ...] = ()

    def tells_between(self, first: date, last: date) -> bool:
        """Whether a total, contradicted or not, lies between two days; one that may be no total does not tell."""
        place = bisect_left(self.plain.days, first)
        if place < len(self.plain.days) and self.plain.days[place] <= last:
            return True
        return any(first <= score.day <= last for score in self.clashes if SUSPECT not in score.flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedScores:
    """All scores, together and by scale (in the order of their ids). `suspects` may be no totals, as recorded."""

    plain: PlainScores
    by_scale: Mapping[str, OnScale]
    suspects: tuple[Score, ...] = ()

    @classmethod
    def of(cls, scores: Iterable[Score]) -> OrderedScores:
        """Put scores in order."""
        recorded = tuple(scores)
        plain = sorted((score for score in recorded if is_plain(score)), key=moment)
        odd = [score for score in recorded if score.flags and not is_plain(score)]
        by_scale: dict[str, list[Score]] = {}
        for score in plain:
            by_scale.setdefault(score.instrument, []).append(score)
        clashes: dict[str, list[Score]] = {}
        for score in odd:
            if CONFLICT in score.flags:
                clashes.setdefault(score.instrument, []).append(score)
        scales = {
            name: OnScale(instrument=name, plain=_plain(by_scale.get(name, ())), clashes=tuple(clashes.get(name, ())))
            for name in sorted({*by_scale, *clashes})
        }
        suspects = tuple(score for score in odd if SUSPECT in score.flags)
        return cls(plain=_plain(plain), by_scale=MappingProxyType(scales), suspects=suspects)

    def also(self, score: Score) -> OrderedScores:
        """With one more plain score."""
        name = score.instrument
        mine = self.by_scale.get(name) or OnScale(instrument=name, plain=_NONE)
        more = OnScale(instrument=name, plain=mine.plain.also(score), clashes=mine.clashes)
        scales = {**self.by_scale, name: more}
        if name not in self.by_scale:
            scales = dict(sorted(scales.items()))
        return OrderedScores(plain=self.plain.also(score), by_scale=MappingProxyType(scales), suspects=self.suspects)


_NONE = PlainScores(scores=(), days=())


def _plain(ordered: Iterable[Score]) -> PlainScores:
    scores = tuple(ordered)
    return PlainScores(scores=scores, days=tuple(score.day for score in scores))
