"""From procedures to series: sessions of one kind that lie close to each other, one session a calendar day.

A claim and a note of the same session are one session. A series recorded as one Procedure holds an unknown number of
sessions unless that is stated: at least one, at most one for each calendar day. Records that are in progress or of
unknown status, or dated only to the month, may hold sessions and prove none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from mappings.schema import CourseRules, ProcedureKind
from plugin.findings import Reason
from plugin.record import Layer, PatientRecord, ProcedureFact, Verification
from plugin.spans import DateSpan

_SURE, _WEAK = frozenset({"completed"}), frozenset({"in-progress", "unknown"})
_INACTIVE = frozenset({"inactive", "resolved"})
_DEPRESSION = "depression"


@dataclass(frozen=True, slots=True)
class Interval:
    """At least `lo`, at most `hi`."""

    lo: int
    hi: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Sessions of one kind in one stretch: `days` are exact days, `proven_days` of them sure, `sessions` their number.

    `in_window` are the sessions inside the stretch of days that the kind asks for (all where it asks for none). `last`
    is the last day any record reaches, `known_start` the first day on which one surely began. `end` is None where the
    last day is not recorded. `intent` is ``depression``, ``other`` or ``unknown`` as for a drug. `current` is False for
    what lies before the episode judged.
    """

    kind: ProcedureKind
    start: date
    known_start: date | None
    last: date
    end: date | None
    days: tuple[date, ...]
    proven_days: int
    sessions: Interval
    in_window: Interval
    traits: frozenset[str]
    intent: str
    current: bool
    sources: tuple[str, ...]
    reasons: tuple[Reason, ...] = ()

    @property
    def is_maintenance(self) -> bool:
        """Whether the sessions are stated to keep a result and not to reach one."""
        return "maintenance" in self.traits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One record of sessions: an exact day, a period, or a day not known (`vague`)."""

    first: date
    last: date
    reference: str
    sure: bool
    begins_exactly: bool = True
    period: bool = False
    open_ended: bool = False
    stated: int | None = None
    traits: frozenset[str] = frozenset()
    indications: tuple[str, ...] = ()

    @property
    def is_day(self) -> bool:
        """One session on a day known."""
        return not self.period and self.stated is None and self.first == self.last


def series_of(
    record: PatientRecord, kinds: Iterable[ProcedureKind], *, as_of: date, since: date | None
) -> tuple[Series, ...]:
    """Every series up to `as_of`, in order of start. What ended before `since` (None: nothing) is not current."""
    found = []
    for kind in kinds:
        entries = [_clipped(e, since) for e in _entries(record, kind, as_of)]
        if not entries:
            continue
        for maintenance in (False, True):
            for current in (False, True):
                mine = [
                    e
                    for e in entries
                    if ("maintenance" in e.traits) is maintenance and (since is None or e.last >= since) is current
                ]
                largest = int(kind.course.gap.on(as_of).amount) if isinstance(kind.course, CourseRules) else None
                found += [_series(group, kind, record, as_of, current) for group in _groups(mine, largest)]
    return tuple(sorted(found, key=lambda s: (s.start, s.kind.id, s.last)))


def _entries(record: PatientRecord, kind: ProcedureKind, as_of: date) -> list[_Entry]:
    entries = [e for f in record.procedures if f.kind == kind.id and (e := _entry(f, as_of)) is not None]
    for fact in record.medications if kind.drug is not None else ():
        given = fact.layer is Layer.ADMINISTRATION and fact.product is not None and fact.status in _SURE
        day = fact.start.day if fact.start is not None else None
        if given and fact.product is not None and kind.drug in fact.product.ingredients and day and day <= as_of:
            entries.append(
                _Entry(first=day, last=day, reference=fact.reference, sure=True, indications=fact.indications)
            )
    return sorted(entries, key=lambda e: (e.first, e.last, e.reference))


def _entry(fact: ProcedureFact, as_of: date) -> _Entry | None:
    if fact.status not in _SURE | _WEAK or fact.start is None or fact.start.earliest > as_of:
        return None
    end = fact.end if fact.is_period else fact.start
    last = end.latest if end is not None else as_of
    return _Entry(
        first=fact.start.earliest,
        last=min(last, as_of),
        reference=fact.reference,
        sure=fact.status in _SURE and (fact.is_period or fact.start.latest <= as_of),
        begins_exactly=fact.start.is_exact,
        period=fact.is_period,
        # A count on a single day is a series whose days are not recorded.
        open_ended=end is None or last > as_of or (not fact.is_period and (fact.sessions or 1) > 1),
        stated=fact.sessions,
        traits=fact.traits,
        indications=fact.indications,
    )


def _clipped(entry: _Entry, since: date | None) -> _Entry:
    """A period that reaches back before the episode proves nothing about sessions inside it (T7)."""
    if since is None or not entry.first < since <= entry.last:
        return entry
    return replace(entry, first=since, sure=False)


def _groups(entries: Sequence[_Entry], largest: int | None) -> list[list[_Entry]]:
    """Entries whose days follow each other within `largest` days (None: all together)."""
    groups: list[list[_Entry]] = []
    last = date.min
    for entry in entries:
        if not groups or (largest is not None and (entry.first - last).days > largest):
            groups.append([])
            last = entry.last
        groups[-1].append(entry)
        last = max(last, entry.last)
    return groups


def _series(
    entries: Sequence[_Entry], kind: ProcedureKind, record: PatientRecord, as_of: date, current: bool
) -> Series:
    sure = {e.first for e in entries if e.is_day and e.sure}
    seen = {e.first for e in entries if e.is_day}
    blocks = _blocks([e for e in entries if not e.is_day])
    counts = [_count(block, sure, seen) for block in blocks]
    inside = {day for span, _ in blocks for day in seen if day in span}
    sessions = Interval(len(sure - inside) + sum(c.lo for c in counts), len(seen - inside) + sum(c.hi for c in counts))
    within = kind.course.within if isinstance(kind.course, CourseRules) else None
    window = int(within.on(as_of).amount) if within is not None else None
    last = max(e.last for e in entries)
    intent, reason = _intent(entries, kind, record)
    return Series(
        kind=kind,
        start=min(e.first for e in entries),
        known_start=min((e.first for e in entries if e.sure and e.begins_exactly), default=None),
        last=last,
        end=None if any(e.open_ended and e.last == last for e in entries) else last,
        days=tuple(sorted(seen)),
        proven_days=len(sure),
        sessions=sessions,
        in_window=sessions if window is None else _in_window(sure, seen, blocks, counts, sessions, window),
        traits=frozenset(trait for e in entries for trait in e.traits),
        intent=intent,
        current=current,
        sources=tuple(dict.fromkeys(e.reference for e in entries)),
        reasons=(reason,) if reason is not None else (),
    )


_Block = tuple[DateSpan, list[_Entry]]


def _blocks(entries: Sequence[_Entry]) -> list[_Block]:
    """Periods and vague dates that overlap, together."""
    blocks: list[_Block] = []
    for entry in entries:
        if blocks and entry.first <= blocks[-1][0].end:
            span, held = blocks[-1]
            blocks[-1] = (DateSpan(span.start, max(span.end, entry.last)), [*held, entry])
        else:
            blocks.append((DateSpan(entry.first, entry.last), [entry]))
    return blocks


def _count(block: _Block, sure: set[date], seen: set[date]) -> Interval:
    """How many sessions a block holds, together with the exact days inside it."""
    span, entries = block
    stated = [e.stated for e in entries if e.stated is not None]
    proven = max([e.stated or 1 for e in entries if e.sure], default=0)
    lo = max(proven, sum(1 for day in sure if day in span))
    vague = sum(1 for e in entries if not e.period and e.stated is None)
    most = 0
    by_span: dict[tuple[date, date], list[_Entry]] = {}
    for entry in entries:
        if entry.period or entry.stated is not None:
            by_span.setdefault((entry.first, entry.last), []).append(entry)
    for (first, last), same in by_span.items():
        # Two records of one and the same period tell of one series.
        most += max(e.stated if e.stated is not None else (last - first).days + 1 for e in same)
    cap = max([len(span), *stated])
    inside = sum(1 for day in seen if day in span)
    return Interval(lo, max(lo, inside, min(vague + max(inside, most), cap)))


def _in_window(
    sure: set[date],
    seen: set[date],
    blocks: Sequence[_Block],
    counts: Sequence[Interval],
    sessions: Interval,
    window: int,
) -> Interval:
    """The most sessions inside any `window` days."""
    short = [count.lo for (span, _), count in zip(blocks, counts, strict=True) if len(span) <= window]
    lo = max([_densest(sure, window), *short])
    return Interval(lo, sessions.hi if blocks else _densest(seen, window))


def _densest(days: set[date], window: int) -> int:
    reach = timedelta(days=window)
    return max((sum(1 for day in days if first <= day <= first + reach) for first in days), default=0)


def _intent(entries: Sequence[_Entry], kind: ProcedureKind, record: PatientRecord) -> tuple[str, Reason | None]:
    """Stated reasons win; without any, a recorded condition that is also treated so leaves the use in doubt."""
    stated = {category for e in entries for category in e.indications}
    uses = tuple(e.reference for e in entries if e.indications)
    if _DEPRESSION in stated:
        return "depression", None
    if stated:
        if "other" in stated:
            return "unknown", Reason(rule="E10", text="The stated reason is not one we know.", uses=uses)
        return "other", Reason(rule="E10", text="Every stated reason is another condition than depression.", uses=uses)
    others = [
        c.reference
        for c in record.conditions
        if c.categories & set(kind.other_uses)
        and c.verification is not Verification.REFUTED
        and c.clinical not in _INACTIVE
    ]
    if others:
        text = f"{kind.label.capitalize()} is also used for another recorded condition and no reason is stated."
        return "unknown", Reason(rule="E10", text=text, uses=tuple(others))
    return "depression", None
