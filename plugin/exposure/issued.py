"""What the published rules of registers and claims look at: on which days a drug was issued and supplied.

The only place where those rules meet the exposures: a drug of any product and purpose, the days it was issued on and
the spans it was supplied for. No dose, no episode, no outcome; the rules ask for none.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from mappings.schema import Drug
from plugin.exposure.exposures import Exposures
from plugin.record import MedicationFact, ProcedureFact
from plugin.spans import DateSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """One ingredient: the days it was issued on and every day supplied, both in order, and the records behind."""

    drug: Drug
    issues: tuple[date, ...]
    days: tuple[date, ...]
    references: tuple[str, ...]

    def spans(self, largest_gap: int) -> tuple[DateSpan, ...]:
        """The supplied days joined across holes of at most `largest_gap` days."""
        return spans_across(self.days, largest_gap)

    def touches(self, span: DateSpan) -> bool:
        """Whether it was issued or supplied on any day of `span`."""
        return any(day in span for day in (*self.issues, *self.days))


def issued(exposures: Exposures, drugs: dict[str, Drug]) -> tuple[Issued, ...]:
    """Every drug of the knowledge that was issued or supplied, by first day, then by name."""
    issues: dict[str, set[date]] = {}
    days: dict[str, set[date]] = {}
    facts: dict[str, dict[str, MedicationFact]] = {}
    for key, exposure in exposures.by_key.items():
        if key.ingredient not in drugs:
            continue
        issues.setdefault(key.ingredient, set()).update(exposure.order_starts, exposure.evidence_starts)
        days.setdefault(key.ingredient, set()).update(exposure.days)
        facts.setdefault(key.ingredient, {}).update((fact.reference, fact) for fact in exposure.facts)
    found = [
        Issued(
            drug=drugs[name],
            issues=tuple(sorted(issues[name])),
            days=tuple(sorted(days[name])),
            references=tuple(facts[name]),
        )
        for name in issues
        if issues[name] or days[name]
    ]
    return tuple(sorted(found, key=lambda each: (min((*each.issues, *each.days)), each.drug.id)))


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
    spans: list[DateSpan] = []
    for day in days:
        if spans and (day - spans[-1].end).days - 1 <= largest_gap:
            spans[-1] = DateSpan(spans[-1].start, day)
        else:
            spans.append(DateSpan(day, day))
    return tuple(spans)
