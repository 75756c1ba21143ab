"""The counts of one report and the sums that readers know: what is withheld, and what is withheld for its sake.

Counts from 1 up to the limit are withheld. Then, as long as a withheld small count would follow from what is shown
(`following`), one more count is withheld beside it (complementary suppression: Cox LH. J Am Stat Assoc
1980;75:377-385). Zero is shown: nobody is in it. A count of something that few people stand behind (thirty orders of
two patients) is withheld like a small one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cds_hooks.disclosure.following import Key, Sum, Sums, exposed, exposed_together, is_small
from cds_hooks.disclosure.reaching import reaches

SMALLEST_CELL = 11
KEPT = 3  # so spare that any other count goes first
_TRIES = 24  # counts tried as company; what is withheld in vain is shown again at the end


class Cells:
    """The counts of one report. First all are put, then `settle` decides, then they are shown."""

    def __init__(self) -> None:
        self._counts: dict[Key, int] = {}
        self._known: dict[tuple[Key, ...], Sum] = {}
        self._spare: dict[Key, int] = {}
        self._people: dict[Key, int] = {}
        self._withheld: set[Key] | None = None

    def put(self, key: Key, count: int, *, spare: int = 0, people: int | None = None) -> Key:
        """Add a count and return its key; the same key always stands for the same count. ValueError otherwise.

        Counts that are more `spare` than others are withheld for the sake of others only where nothing else helps.
        `people` is how many stand behind a count of something else; None where people are counted.
        """
        if people is not None:
            self._people[key] = people
        self._spare[key] = max(spare, self._spare.get(key, 0))
        if self._counts.setdefault(key, count) != count:
            raise ValueError("one key stands for two counts")
        return key

    def count(self, key: Key) -> int:
        """The true count, to make other cells of; never to be shown."""
        return self._counts[key]

    def has(self, key: Key) -> bool:
        """Whether the key stands for a count."""
        return key in self._counts

    def adds_up(self, total: Key, parts: Iterable[Key]) -> None:
        """Say that readers know `total` to be the sum of `parts`. ValueError where it is not."""
        known = Sum(total, tuple(parts))
        if self._counts[total] != sum(self._counts[part] for part in known.parts):
            raise ValueError("the parts do not make the total")
        self._known.setdefault(known.cells, known)

    def part_of(self, total: Key, part: Key, count: int, *, people: int | None = None) -> Key:
        """Add `count` of `total`, and the rest, which a reader can subtract."""
        self.put(part, count, people=people)
        rest = self.put((*part, "rest"), self._counts[total] - count)
        self.adds_up(total, (part, rest))
        return part

    @property
    def sums(self) -> Sequence[Sum]:
        """The sums that readers know."""
        return tuple(self._known.values())

    @property
    def keys(self) -> Sequence[Key]:
        """The keys of all counts."""
        return tuple(self._counts)

    def settle(self, limit: int = SMALLEST_CELL) -> None:
        """Decide what is withheld: nothing from 1 to below `limit` is shown, or follows."""
        sums = Sums(self.sums)
        secret = frozenset(key for key in self._counts if self._is_secret(key, limit))
        withheld = set(secret)
        ahead = sorted(secret, reverse=True)
        while ahead:
            cells, near = sums.tied(ahead.pop(), withheld)
            out = secret & exposed_together(self._counts, cells, near, limit)
            if not out:
                ahead = [key for key in ahead if key not in cells]
                continue
            company = self._company(min(out), sums, withheld, limit)
            if company is None:
                withheld = set(self._counts)
                break
            withheld.add(company)
            ahead.append(min(out))
        if len(withheld) < len(self._counts):
            withheld = self._released(withheld, secret, sums, limit)
        self._withheld = self._beyond_reach(withheld, secret, sums, limit)

    def _beyond_reach(self, withheld: set[Key], secret: frozenset[Key], sums: Sums, limit: int) -> set[Key]:
        """`withheld` and more, until each small count could be a large one, all sums held against each other."""
        while len(withheld) < len(self._counts):
            told = next((key for key in sorted(secret) if self._is_told(key, withheld, sums, limit)), None)
            if told is None:
                break
            company = self._company(told, sums, withheld, limit)
            withheld = withheld | {company} if company is not None else set(self._counts)
        return withheld

    def _is_told(self, key: Key, withheld: set[Key], sums: Sums, limit: int) -> bool:
        """Whether all sums together say of a small count that it is small."""
        cells, near = sums.tied(key, withheld)
        return is_small(self._counts[key], limit) and not reaches(self._counts, cells, near, key, limit)

    def _released(self, withheld: set[Key], secret: frozenset[Key], sums: Sums, limit: int) -> set[Key]:
        """What must be withheld of `withheld`: company that later company has made needless is shown again."""
        needless = sorted(withheld - secret, key=lambda key: (-self._spare[key], -self._counts[key], key))
        for key in needless:
            cells, _ = sums.tied(key, withheld)
            if not any(exposed(self._counts, sums, withheld - {key}, limit, cells & secret)):
                withheld.discard(key)
        return withheld

    def _is_secret(self, key: Key, limit: int) -> bool:
        return any(is_small(count, limit) for count in (self._counts[key], self._people.get(key, 0)))

    def shown(self, key: Key) -> int | None:
        """The count, or None where it is withheld. RuntimeError before `settle`."""
        if self._withheld is None:
            raise RuntimeError("the counts are not settled yet")
        return None if key in self._withheld else self._counts[key]

    @property
    def withheld(self) -> int:
        """How many counts are withheld."""
        return len(self._withheld or ())

    def _company(self, exposed: Key, sums: Sums, withheld: set[Key], limit: int) -> Key | None:
        """The count to withhold beside `exposed`; None where there is none left.

        Only counts tied to it by sums, through other withheld counts, can help. The first that does is taken: those in
        a sum of its own before others, details before totals, small before large; where a single one does not help, the
        first of them.
        """
        own = {key for one in sums.of(exposed) for key in one.cells}
        _, near = sums.tied(exposed, withheld)
        totals = {one.total for one in near}
        free = {key for one in near for key in one.cells} - withheld
        kept = {key for key in free if self._spare[key] >= KEPT}
        for wanted in (free - kept, kept):
            candidates = sorted(
                wanted,
                key=lambda key: (
                    *(self._counts[key] == 0, self._spare[key], key not in own, key in totals),
                    *(self._counts[key], key),
                ),
            )
            for key in candidates[:_TRIES]:
                with_it = withheld | {key}
                cells, wider = sums.tied(exposed, with_it)
                if exposed not in exposed_together(self._counts, cells, wider, limit):
                    return key
            if candidates and self._counts[candidates[0]]:
                return candidates[0]
        return min(free) if free else None
