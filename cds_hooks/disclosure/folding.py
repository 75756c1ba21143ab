"""Groups too small to be told apart, told together: fewer counts are then withheld for their sake.

What is folded is never named. Where every folded group is small, their sum must leave each of them open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cds_hooks.disclosure.following import is_small

_FEWEST = 2  # groups told together, and groups left to tell them from


def folded(counts: Mapping[str, int], limit: int, *, adds_up: bool = True) -> tuple[str, ...]:
    """The groups of `counts` to be told together, smallest first; empty where nothing is gained by it.

    `adds_up`: each of those counted is in one group, so that the sum is that of the groups, and groups are added until
    it is no small one. Otherwise the small groups are folded, be there two of them.
    """
    ordered = sorted((count, name) for name, count in counts.items() if count)
    small = sum(is_small(count, limit) for count, _ in ordered)
    if not small or (not adds_up and small < _FEWEST):
        return ()
    if not adds_up:
        return tuple(name for _, name in ordered[:small])
    for many in range(max(small, _FEWEST), len(ordered)):
        taken = [count for count, _ in ordered[:many]]
        if sum(taken) >= limit and _open(taken, limit):
            return tuple(name for _, name in ordered[:many])
    return ()


def _open(counts: Sequence[int], limit: int) -> bool:
    """Whether small counts of this sum could each be another number; others could in any case."""
    some_large = not all(is_small(count, limit) for count in counts)
    return some_large or len(counts) < sum(counts) < len(counts) * (limit - 1)


def neighbours(counts: Sequence[tuple[str, int]], limit: int) -> list[tuple[str, ...]]:
    """Groups in their order, none empty: a small one is joined with the next, the last with the one before."""
    joined: list[tuple[tuple[str, ...], int]] = []
    for name, count in counts:
        names, before = joined.pop() if joined and is_small(joined[-1][1], limit) else ((), 0)
        joined.append(((*names, name), before + count))
    if len(joined) >= _FEWEST and is_small(joined[-1][1], limit):
        names, _ = joined.pop()
        joined[-1] = ((*joined[-1][0], *names), limit)
    return [names for names, _ in joined]


def other(many: int, what: str) -> str:
    """What folded groups are called, such as ``other (3 kinds)``."""
    return f"other ({many} {what})"
