"""What the published rules of registers and claims look at: on which days a drug was issued and supplied.

The only place where those rules meet the exposures: a drug of any product and purpose, the days it was issued on and
the spans it was supplied for. No dose, no episode, no outcome; the rules ask for none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.schema import Drug
from plugin.exposure.exposures import Exposure, Exposures
from plugin.record import ProcedureFact
from plugin.spans import DateSpan
from plugin.timeline import Timeline, overlay


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """One ingredient: the days it was issued on, in order, every day supplied, and the records behind."""

    drug: Drug
    issues: tuple[date, ...]
    supplied: Timeline[bool]
    references: tuple[str, ...]

    @property
    def first_day(self) -> date:
        """The first day it was issued or supplied."""
        supplied: tuple[date, ...] = (self.supplied.first_day,) if self.supplied else ()
        return min((*self.issues[:1], *supplied))

    def spans(self, largest_gap: int) -> tuple[DateSpan, ...]:
        """The supplied days joined across holes of at most `largest_gap` days."""
        return self.supplied.spans(largest_gap=largest_gap)

    def days_in(self, span: DateSpan) -> int:
        """On how many days of `span` it was supplied."""
        return len(self.supplied.between(span.start, span.end))

    def touches(self, span: DateSpan) -> bool:
        """Whether it was issued or supplied on any day of `span`."""
        return self.days_in(span) > 0 or any(day in span for day in self.issues)


def issued(exposures: Exposures, drugs: Mapping[str, Drug]) -> tuple[Issued, ...]:
    """Every drug of the knowledge that was issued or supplied, by first day, then by name."""
    by_drug: dict[str, list[Exposure]] = {}
    for key, exposure in exposures.by_key.items():
        if key.ingredient in drugs:
            by_drug.setdefault(key.ingredient, []).append(exposure)
    found = [_issued(drugs[name], alike) for name, alike in by_drug.items()]
    return tuple(
        sorted((one for one in found if one.issues or one.supplied), key=lambda each: (each.first_day, each.drug.id))
    )


def _issued(drug: Drug, exposures: Sequence[Exposure]) -> Issued:
    """One drug out of its exposures, one for each purpose it was taken for."""
    issues = {day for one in exposures for day in (*one.order_starts, *one.evidence_starts)}
    supplied = [Timeline((first, stop, True) for first, stop, _ in one.days.stretches) for one in exposures]
    return Issued(
        drug=drug,
        issues=tuple(sorted(issues)),
        supplied=overlay(supplied, lambda _: True),
        references=tuple(dict.fromkeys(fact.reference for one in exposures for fact in one.facts)),
    )


def series_of(procedures: Iterable[ProcedureFact], kinds: tuple[str, ...], largest_gap: int) -> tuple[DateSpan, ...]:
    """Completed sessions of the `kinds`, joined into series across gaps of at most `largest_gap` days."""
    series: list[DateSpan] = []
    for kind in kinds:
        sessions = {
            p.start.earliest for p in procedures if p.kind == kind and p.status == "completed" and p.start is not None
        }
        series += spans_across(tuple(sorted(sessions)), largest_gap)
    return tuple(sorted(series))


def spans_across(days: tuple[date, ...], largest_gap: int) -> tuple[DateSpan, ...]:
    """Ordered days as spans, bridging holes of at most `largest_gap` uncovered days.

    >>> from datetime import date
    >>> [len(s) for s in spans_across((date(2025, 1, 1), date(2025, 1, 3), date(2025, 1, 7)), 1)]
    [3, 1]
    """
    if not days:
        return ()
    spans: list[DateSpan] = []
    start = last = days[0]
    for day in days[1:]:
        if (day - last).days - 1 > largest_gap:
            spans.append(DateSpan(start, last))
            start = day
        last = day
    return (*spans, DateSpan(start, last))
