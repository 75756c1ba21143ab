"""What is worked out of the knowledge once and looked up many times, kept for the few last knowledges in use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
T = TypeVar("T")
_KEPT = 4  # a service has one; a site overlay, rules switched off and tests make further ones


class Arranged(Generic[K, T]):
    """A function of some immutable knowledge that remembers its results for the last few, told apart by identity.

    It may be asked by several threads: at worst two of them arrange the same thing.
    """

    def __init__(self, arrange: Callable[[K], T], *, kept: int = _KEPT) -> None:
        self._arrange, self._kept = arrange, kept
        self._made: tuple[tuple[K, T], ...] = ()

    def __call__(self, known: K) -> T:
        """What was arranged of `known`."""
        for held, made in self._made:
            if held is known:
                return made
        made = self._arrange(known)
        self._made = (*self._made, (known, made))[-self._kept :]
        return made
