"""What the contents of one record's elements say: the same product, directions or supply stand in it many times.

A content is known again by its JSON. It may hold words of a patient's chart, so it is kept as long as that patient's
record is read and no longer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import orjson

T = TypeVar("T")


class Contents(Generic[T]):
    """What one kind of content says, worked out once for each."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, T] = {}

    def of(self, content: object, read: Callable[[], T]) -> T:
        """What `content` says; `read` works it out where it was not met before."""
        try:
            written = orjson.dumps(content)
        except TypeError:  # nested beyond measure, or what only another library writes: worked out each time
            return read()
        if written not in self._known:
            self._known[written] = read()
        return self._known[written]
