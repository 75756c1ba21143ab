"""How long one call may read from the client's FHIR server: a soft end and a hard one.

After the soft end nothing is waited for that cannot change the verdict or a safety statement; after the hard end
nothing at all, and the answer says what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Both ends as times of the event loop, in seconds; `soft` is never later than `hard`.

    ValueError when it is.
    """

    soft: float
    hard: float

    def __post_init__(self) -> None:
        if self.soft > self.hard:
            raise ValueError("the soft end of a budget must not lie behind the hard one")

    @classmethod
    def starting(cls, now: float, *, soft_seconds: float, hard_seconds: float, token_seconds: float | None) -> Budget:
        """The budget of a call that begins to read at `now`.

        A token is not used after it has expired, so `token_seconds` that it still lives (None: there is no token)
        shorten the hard end. A negative number of seconds counts as none.

        >>> Budget.starting(100.0, soft_seconds=0.5, hard_seconds=2.0, token_seconds=1.5)
        Budget(soft=100.5, hard=101.5)
        """
        seconds = hard_seconds if token_seconds is None else min(hard_seconds, token_seconds)
        hard = now + max(0.0, seconds)
        return cls(soft=min(now + max(0.0, soft_seconds), hard), hard=hard)

    def capped(self, at: float) -> Budget:
        """The same budget, ending at `at` at the latest.

        >>> Budget(soft=1.0, hard=3.0).capped(2.0)
        Budget(soft=1.0, hard=2.0)
        """
        return Budget(soft=min(self.soft, at), hard=min(self.hard, at))
