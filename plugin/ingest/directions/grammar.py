"""The sentence of directions: clauses taken together, steps that follow one another, totals and caps beside them.

Every symbol must find its place; a text with one that does not is unclear as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from plugin.ingest.directions.amounts import read_quantity
from plugin.ingest.directions.clauses import Clause, Quantity, check_together, written
from plugin.ingest.directions.cursor import Cursor
from plugin.ingest.directions.tapers import end_of_course, taper
from plugin.ingest.directions.timing import TIMING, opens_count, read_hour, read_timing
from plugin.ingest.directions.totals import Total, opens_total, read_cap, read_total, skip_other_supply, total_of
from plugin.ingest.directions.words import Lexicon, UnclearError
from plugin.record import WrittenDose

_SHORT = 1.0  # a day: shorter times stand before or after a time of day


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A text as understood: its clauses by step, the stated total in mg a day, the cap a day and its unit."""

    doses: tuple[WrittenDose, ...] = ()
    total_mg: float | None = None
    cap: tuple[float, str] | None = None


@dataclass(slots=True)
class Step:
    """What is taken over the same days."""

    clauses: list[Clause] = field(default_factory=lambda: [Clause()])
    days: float | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet."""
        return all(clause.empty for clause in self.clauses)


class Grammar:
    """Reads the symbols of one text. Raises UnclearError where a symbol has no place."""

    def __init__(self, cursor: Cursor, lexicon: Lexicon) -> None:
        self._cursor, self._lexicon = cursor, lexicon
        self._steps = [Step()]
        self._closed: list[tuple[WrittenDose, ...]] = []
        self._joined = ""  # how the next part is joined to the last one: "and", "comma", "end" or not at all
        self._depth = 0
        self._before: Quantity | None = None
        self._totals: list[Total] = []
        self._cap: tuple[float, str] | None = None
        self._ended = False

    def sentence(self) -> Sentence:
        """The whole text."""
        while self._cursor.kind():
            self._part()
        if self._depth:
            raise UnclearError
        if not (self._ended or (self._step.empty and not self._closed)):
            self._close()
        doses = tuple(dose for step in self._closed for dose in step)
        steps = len(self._closed)
        if steps > self._lexicon.limits.steps:
            raise UnclearError
        if steps > 1 and any(dose.as_needed for dose in doses):
            raise UnclearError
        return Sentence(doses=doses, total_mg=total_of(self._totals, doses), cap=self._cap)

    @property
    def _step(self) -> Step:
        return self._steps[-1]

    @property
    def _clause(self) -> Clause:
        return self._step.clauses[-1]

    def _part(self) -> None:
        cursor, kind = self._cursor, self._cursor.kind()
        if kind in ("and", "comma", "end"):
            cursor.skip(1)
            self._joined = "and" if "and" in (kind, self._joined) else kind
            return
        if kind == "action":
            cursor.skip(1)
            return
        if kind in ("open", "close"):
            cursor.skip(1)
            self._depth += 1 if kind == "open" else -1
            if not 0 <= self._depth <= 1:
                raise UnclearError
            return
        if self._ended:
            raise UnclearError
        if kind in ("then", "becomes", "rises_by", "falls_by", "after"):
            self._on_to_the_next(kind)
        elif opens_total(cursor, started=self._clause.quantity is not None):
            self._totals.append(read_total(cursor))
        elif kind in ("number", "article"):
            self._number()
        elif kind in TIMING:
            self._timing()
        else:
            self._other(kind)
        self._joined = ""

    def _other(self, kind: str) -> None:
        cursor = self._cursor
        if kind == "as_needed":
            cursor.skip(1)
            self._clause.as_needed = True
            cursor.take("reason")
        elif kind in ("for", "by"):
            cursor.skip(1)
            self._for(kind)
        elif kind == "beside":
            skip_other_supply(cursor)
        elif kind == "cap":
            self._cap = read_cap(cursor)
        elif kind in ("within", "divided"):
            cursor.skip(1)
            if kind == "within":
                cursor.take("number")
                cursor.expect("divided")
            self._clause.divided = True
        elif kind == "before" and cursor.follows("before", "meal"):
            cursor.skip(2)
        else:
            raise UnclearError

    def _for(self, kind: str) -> None:
        cursor = self._cursor
        if kind == "for" and cursor.take("reason") is not None:
            while cursor.follows("and", "reason") or cursor.follows("comma", "reason"):
                cursor.skip(2)
            return
        one = cursor.take("article")
        if kind == "for" and cursor.kind() in ("total", "total_daily"):
            self._totals.append(read_total(cursor))
            return
        number = None if one is not None or cursor.kind() == "period" else cursor.number()
        length = cursor.period()
        if number is not None and number.low != number.high:
            return  # "for one to two weeks": how long is open, as it is without
        self._lasts(length * (number.low if number is not None else 1))

    def _lasts(self, days: float) -> None:
        if self._step.empty or self._step.days not in (None, days):
            raise UnclearError
        self._step.days = days

    def _number(self) -> None:
        cursor, clause = self._cursor, self._clause
        ahead = cursor.follows("article", "period") and cursor.kind(2) in ("before", "after", "moment")
        if ahead or cursor.follows("number", "period"):
            self._ahead_of_a_moment()
            return
        if opens_count(cursor) or cursor.follows("article", "period"):
            self._timing()
            return
        if cursor.follows("number", "divided"):
            cursor.skip(2)
            clause.divided = True
            return
        if clause.clocked and cursor.follows("number", "moment") and self._is_hour():
            read_hour(cursor, clause, cursor.expect("number"), self._joined, self._lexicon)
            return
        if cursor.follows("article", "number"):
            cursor.skip(1)
        self._quantity()

    def _is_hour(self) -> bool:
        return self._cursor.symbol(1).spelt in self._lexicon.clock_words

    def _ahead_of_a_moment(self) -> None:
        """In "30 minutes before bed" the time of day counts; "1 hour after meals" says nothing of how often."""
        cursor = self._cursor
        cursor.skip(1)
        if cursor.period() >= _SHORT:
            raise UnclearError
        placed = cursor.take("before", "after")
        if placed is not None and cursor.take("meal") is not None:
            return
        if cursor.kind() != "moment":
            raise UnclearError
        self._timing()

    def _timing(self) -> None:
        clause = self._clause
        if clause.timing_first:
            raise UnclearError  # "at night take one and at noon ...": of which amount?
        read_timing(self._cursor, clause, self._joined, self._lexicon)

    def _quantity(self) -> None:
        if self._clause.quantity is not None or self._clause.as_needed:
            if not self._joined or self._step.days is not None:
                raise UnclearError  # two amounts side by side, or a length that may be of one of them only
            self._step.clauses.append(Clause())
        clause = self._clause
        clause.timing_first = clause.timed
        clause.quantity = self._before = read_quantity(self._cursor, self._before, self._lexicon.limits)

    def _on_to_the_next(self, kind: str) -> None:
        cursor = self._cursor
        cursor.skip(1)
        if kind == "after":
            self._after()
        elif kind == "then":
            self._close()
            cursor.take("comma")
            if cursor.take("stop") is not None:
                self._end()
            elif cursor.kind() in ("rises_by", "falls_by"):
                self._taper(cursor.expect("rises_by", "falls_by").kind)
            else:
                cursor.take("becomes")
                self._steps.append(Step())
        elif kind == "becomes":
            if not self._step.empty:
                self._close()
                self._steps.append(Step())
            elif not self._closed:
                raise UnclearError
        else:
            if not self._step.empty:
                self._close()
            self._taper(kind)

    def _after(self) -> None:
        """A change "after 1 week" ends the step; at the end of the text it says how long the one before was."""
        cursor = self._cursor
        if cursor.take("meal") is not None:
            return
        number = None if cursor.take("article") is not None else cursor.number()
        days = cursor.period() * (number.low if number is not None else 1)
        if number is not None and number.low != number.high:
            raise UnclearError
        cursor.take("comma")
        if cursor.kind() in ("", "end") and self._closed and not self._step.empty:
            last = self._closed[-1]
            if any(dose.days is not None for dose in last):
                raise UnclearError
            self._closed[-1] = tuple(replace(dose, days=days) for dose in last)
            return
        self._lasts(days)
        self._close()
        cursor.take("becomes")
        self._steps.append(Step())

    def _taper(self, kind: str) -> None:
        if not self._closed:
            raise UnclearError
        delta = read_quantity(self._cursor, self._before, self._lexicon.limits)
        self._closed = taper(
            self._closed, delta, falling=kind == "falls_by", cursor=self._cursor, lexicon=self._lexicon
        )
        self._ended = True

    def _end(self) -> None:
        self._closed.append((end_of_course(len(self._closed)),))
        self._ended = True

    def _close(self) -> None:
        """Finish the step: complete it from the step before where only the change is written."""
        clauses = [clause for clause in self._step.clauses if not clause.empty]
        if not clauses:
            raise UnclearError
        if len(clauses) > 1:
            check_together(clauses)
        number = len(self._closed)
        doses = tuple(written(number, clause, self._step.days, self._lexicon) for clause in clauses)
        if len(doses) == 1 and number:
            doses = (_completed(doses[0], self._closed[-1]),)
        self._closed.append(doses)
        if number and any(dose.dose_low is None or dose.times_low is None for step in self._closed for dose in step):
            raise UnclearError


def _completed(dose: WrittenDose, before: tuple[WrittenDose, ...]) -> WrittenDose:
    """A step "then twice daily" keeps the amount, "then 2 tablets" keeps a frequency of once a day."""
    if len(before) != 1:
        return dose
    last = before[0]
    if dose.dose_low is None:
        dose = replace(dose, dose_low=last.dose_low, dose_high=last.dose_high, unit=last.unit, mg=last.mg)
    if dose.times_low is None and (last.times_low, last.times_high) == (1, 1):
        dose = replace(dose, times_low=1.0, times_high=1.0)
    return dose
