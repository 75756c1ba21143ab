"""Which counts may be shown: none below the threshold but zero, nor any from which a withheld one follows.

A row is shown by steps: how many cards were shown, then how many of them were answered, then what the answers were. A
row stops before the first step that holds a small count, so its own margins never give one away. Where the rows of a
table add up to a total, a row that stops early needs company: another row stops there too, one without a small count,
so that the difference to the total never belongs to one row; without such a row all of them stop. `Derivation` then
holds all tables together, since the same cards are counted in each, and so do the rules that are shared with the
report on silent runs (`cds_hooks.disclosure.following`): no small count may follow from the sums that readers know,
nor lie in a range below the threshold.

A withheld count is marked ``<5`` when that alone says nothing more, else ``withheld``. Reports of periods that overlap
are not held against each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cds_hooks.disclosure.following import Key, Sum, Sums, exposed, is_small
from cds_hooks.governance.derivation import Derivation

Ladder = Sequence[Sequence[str]]


@dataclass(slots=True)
class Counted:
    """A count, and the sum of the vectors of the groups of cards that it covers (see `derivation`)."""

    count: int = 0
    vector: int = 0


@dataclass(slots=True, eq=False)
class RawRow:
    """One row as counted, and how many steps of the ladder of its table are shown."""

    cells: Mapping[str, Counted]
    level: int = 0

    def counts(self, names: Iterable[str]) -> list[int]:
        """The counts in these columns."""
        return [self.cells[name].count for name in names]


@dataclass(slots=True)
class RawTable:
    """Rows as counted.

    `adds_up`: each card is in exactly one row, so the rows add up to the total row. `spare` holds the rows that are
    withheld for the sake of others only when no other row will do.
    """

    ladder: Ladder
    rows: dict[str, RawRow]
    adds_up: bool
    marked: set[int] = field(default_factory=set)
    """Steps at which a small count may be marked as such."""
    spare: frozenset[str] = frozenset()

    def shown(self, rows: Iterable[RawRow]) -> list[int]:
        """The vectors of the counts that `rows` show."""
        return [row.cells[name].vector for row in rows for step in self.ladder[: row.level] for name in step]

    def has_small(self, threshold: int) -> bool:
        """Whether any count must not be known."""
        return any(is_small(cell.count, threshold) for row in self.rows.values() for cell in row.cells.values())

    def small(self, threshold: int) -> list[int]:
        """The vectors of the counts that must not be known."""
        names = [name for step in self.ladder for name in step]
        cells = (row.cells[name] for row in self.rows.values() for name in names)
        return [cell.vector for cell in cells if is_small(cell.count, threshold)]

    def settle(self, ceiling: int, threshold: int) -> None:
        """Give each row its level, at most `ceiling`, the level of the total row."""
        for row in self.rows.values():
            row.level = min(own_level(row, self.ladder, threshold), ceiling)
        used = [row for row in self.rows.values() if row.cells[self.ladder[0][0]].count]
        self.marked = set(range(1, ceiling + 1))
        for step in range(1, ceiling + 1) if self.adds_up else ():
            self._keep_company(used, step, threshold)

    def _keep_company(self, used: Sequence[RawRow], step: int, threshold: int) -> None:
        names = self.ladder[step - 1]
        stopped = [row for row in used if row.level < step]
        if not stopped:
            return
        large = [row for row in used if _is_large(row.counts(names), threshold)]
        company = [row for row in stopped if row in large]
        if not company and large:
            spared = [self.rows[key] for key in self.spare]
            company = [min(large, key=lambda row: (row in spared, row.counts(names)))]
            company[0].level = step - 1
        if company:
            if not any(min(row.counts(names)) >= threshold for row in company):
                self.marked.discard(step)
            return
        self.marked.discard(step)
        for row in used:
            row.level = min(row.level, step - 1)

    def stop_earlier(self) -> None:
        """Take one step from every row that shows most."""
        most = max((row.level for row in self.rows.values()), default=0)
        self.marked.clear()
        for row in self.rows.values():
            row.level = min(row.level, most - 1)


def _is_large(counts: Sequence[int], threshold: int) -> bool:
    """Whether a row with these counts can be company: none is small, and not all are zero."""
    return max(counts) >= threshold and not any(is_small(count, threshold) for count in counts)


def own_level(row: RawRow, ladder: Ladder, threshold: int) -> int:
    """How many steps of `ladder` the row could show by itself: all when it counts no card."""
    for level, step in enumerate(ladder):
        if any(is_small(count, threshold) for count in row.counts(step)):
            return level
    return len(ladder)


def marks_of(row: RawRow, table: RawTable, threshold: int) -> set[str]:
    """The withheld columns of `row` that may be marked as small.

    Only at the first step withheld, and only where the other count of the step is not small too: two small counts with
    a known sum can be known themselves.
    """
    if row.level >= len(table.ladder) or row.level + 1 not in table.marked:
        return set()
    step = table.ladder[row.level]
    small = {name for name in step if is_small(row.cells[name].count, threshold)}
    others = [count for name, count in zip(step, row.counts(step), strict=True) if name not in small]
    return small if len(step) == 1 or (len(small) == 1 and min(others) >= threshold) else set()


def disclose(total: RawRow, tables: Sequence[RawTable], ladder: Ladder, threshold: int, places: int) -> None:
    """Give the total and all rows of `tables` their levels; the first tables are shown most of.

    `places` is the number of places of the vectors. A table whose ladder is not that of the total is about its last
    step, and shown only when that is.
    """
    total.level = own_level(total, ladder, threshold)
    all_small = [vector for table in tables for vector in table.small(threshold)]
    whole = RawTable(ladder, {"": total}, adds_up=False)
    watch = Derivation([*all_small, *whole.small(threshold)], places)
    while not watch.allows(whole.shown([total])):
        total.level -= 1
    for table in tables:
        follows = len(table.ladder) if total.level == len(ladder) else 0
        table.settle(total.level if table.ladder is ladder else follows, threshold)
        if table.adds_up:
            while not watch.allows(table.shown(table.rows.values())):
                table.stop_earlier()
        else:
            for row in table.rows.values():
                while not watch.allows(table.shown([row])):
                    row.level -= 1
    _hold_together(total, tables, ladder, threshold)
    # The same cards may be a row of two tables: what one may not mark, none does.
    both = set.intersection(*(table.marked for table in tables if table.ladder is ladder)) if tables else set()
    for table in tables:
        if table.ladder is ladder:
            table.marked &= both


def _hold_together(total: RawRow, tables: Sequence[RawTable], ladder: Ladder, threshold: int) -> None:
    """Show a step less of a table as long as one of its small counts follows from what all of them show."""
    named = {str(place): table for place, table in enumerate((RawTable(ladder, {"": total}, adds_up=False), *tables))}
    counts: dict[Key, int] = {
        (place, key, name): cell.count
        for place, table in named.items()
        for key, row in table.rows.items()
        for name, cell in row.cells.items()
    }
    secret = {key for key, count in counts.items() if is_small(count, threshold)}
    sums = Sums(_sums(named)) if secret else Sums(())
    while out := exposed(counts, sums, _hidden(named), threshold, secret):
        telling = [table for table in named.values() if any(row.level for row in table.rows.values())]
        own = [named[key[0]] for key in sorted(out, reverse=True)]  # details before the total
        if not telling:
            break
        next((table for table in own if table in telling), telling[-1]).stop_earlier()


def _hidden(named: Mapping[str, RawTable]) -> set[Key]:
    """The counts that are withheld."""
    return {
        (place, key, name)
        for place, table in named.items()
        for key, row in table.rows.items()
        for step in table.ladder[row.level :]
        for name in step
    }


def _sums(named: Mapping[str, RawTable]) -> Iterable[Sum]:
    """What readers know to add up: the steps of a row, and the rows of a table where each card is in one of them."""
    for place, table in named.items():
        for key, row in table.rows.items():
            for before, step in pairwise(table.ladder):
                if row.cells[before[0]].count == sum(row.counts(step)):
                    yield Sum((place, key, before[0]), tuple((place, key, name) for name in step))
        for name in (name for step in table.ladder for name in step) if table.adds_up and table.rows else ():
            yield Sum(("0", "", name), tuple((place, key, name) for key in table.rows))
