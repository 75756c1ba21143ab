"""One clause of directions as it is gathered: how much, when, how long; and what its parts say together.

Whatever does not fit together ("daily" and "twice", two frequencies, a time of day named twice) is unclear; a clause is
never read as more than its words say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from plugin.ingest.directions.words import Amount, Lexicon, UnclearError
from plugin.record import WrittenDose

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(slots=True)
class Quantity:
    """How much at once: `amount` in `unit`, and the readings of an amount in mg written beside it."""

    amount: Amount
    unit: str
    mg: tuple[Amount, ...] = ()
    bare: bool = False


@dataclass(slots=True)
class Clause:
    """The parts of one clause so far. `moments` are times of day, `times` a bare count ("once"), `rates` per day."""

    quantity: Quantity | None = None
    rates: list[Amount] = field(default_factory=list)
    times: float | None = None
    moments: list[str] = field(default_factory=list)
    weekdays: list[str] = field(default_factory=list)
    excepted: list[str] = field(default_factory=list)
    as_needed: bool = False
    divided: bool = False
    clocked: bool = False
    timing_first: bool = False

    @property
    def timed(self) -> bool:
        """Whether any word says when."""
        return bool(self.rates or self.moments or self.weekdays or self.excepted or self.times is not None)

    @property
    def empty(self) -> bool:
        """Whether nothing was said yet."""
        return self.quantity is None and not (self.timed or self.as_needed or self.divided)

    def at(self, moment: str, *, joined: str, lexicon: Lexicon) -> None:
        """Add a time of day. Only "and", or a comma between clearly different times, makes it one more intake."""
        alike = any({moment, known} <= near for known in self.moments for near in lexicon.near_moments)
        same = moment in self.moments
        if not self.moments or (joined == "and" and not same) or (joined == "comma" and not (same or alike)):
            self.moments.append(moment)
        elif not (same and joined == "comma") and (joined or not (same or alike)):
            raise UnclearError

    def intakes(self, lexicon: Lexicon) -> Amount | None:
        """Intakes a day, None when no word says; raises UnclearError when two say different things."""
        times = self._on_a_day()
        if times is not None and self.weekdays:
            share = len(set(self.weekdays)) / len(WEEK)
            if times.low >= 1:
                times = times.times(share)
            elif not times.is_close(Amount(share, share)):
                raise UnclearError
        if times is not None and self.excepted:
            if times.low < 1 or self.weekdays:
                raise UnclearError
            times = times.times(1 - len(set(self.excepted)) / len(WEEK))
        if self.divided and (times != Amount(1.0, 1.0) or self.moments):
            raise UnclearError  # "twice daily in divided doses": half of it each time, or all?
        if times is not None and not 0 < times.high <= lexicon.limits.intakes_per_day:
            raise UnclearError
        return times

    def _on_a_day(self) -> Amount | None:
        if any(not rate.is_close(self.rates[0]) for rate in self.rates):
            raise UnclearError
        moments = float(len(self.moments))
        placed = bool(self.moments or self.weekdays or self.rates)
        if self.times is not None and (self.times not in (1, moments) or not placed):
            raise UnclearError
        if not self.rates:
            if moments:
                return Amount(moments, moments)
            return Amount(1.0, 1.0) if self.weekdays or self.excepted else None
        rate = self.rates[0]
        fits = moments == 0 or (moments == 1 and rate.high <= 1) or rate == Amount(moments, moments)
        if not fits or (self.times is not None and rate.high > 1):
            raise UnclearError
        return rate

    def apart_from(self, other: Clause) -> bool:
        """Whether the two are surely different intakes: no time of day, or no weekday, in common."""
        days, other_days = set(self.weekdays), set(other.weekdays)
        if days and other_days:
            return not days & other_days
        # A frequency or a weekday behind the last clause may be meant of all of them.
        plain = all(
            not (clause.weekdays or clause.excepted) and all(rate == Amount(1.0, 1.0) for rate in clause.rates)
            for clause in (self, other)
        )
        return plain and bool(self.moments and other.moments) and not set(self.moments) & set(other.moments)


def written(step: int, clause: Clause, days: float | None, lexicon: Lexicon) -> WrittenDose:
    """A finished clause as a fact."""
    quantity, intakes = clause.quantity, clause.intakes(lexicon)
    return WrittenDose(
        step=step,
        dose_low=quantity.amount.low if quantity else None,
        dose_high=quantity.amount.high if quantity else None,
        unit=quantity.unit if quantity else "",
        mg=tuple((mg.low, mg.high) for mg in quantity.mg) if quantity else (),
        times_low=intakes.low if intakes else None,
        times_high=intakes.high if intakes else None,
        as_needed=clause.as_needed,
        days=days,
    )


def check_together(clauses: Sequence[Clause]) -> None:
    """Several clauses of one step must be complete and surely different intakes, else they are unclear."""
    scheduled = [clause for clause in clauses if not clause.as_needed]
    if any(clause.quantity is None for clause in clauses) or any(not clause.timed for clause in scheduled):
        raise UnclearError
    if clauses[-1].as_needed and clauses[-1].timed and scheduled:
        raise UnclearError  # "one in the morning and two at night as needed": both, or the last?
    for place, clause in enumerate(scheduled):
        if any(not clause.apart_from(other) for other in scheduled[:place]):
            raise UnclearError
