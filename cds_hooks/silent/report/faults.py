"""Input of a report that cannot be used."""

from __future__ import annotations


class UnusableInputError(ValueError):
    """A run directory, chart review or truth that cannot be used: `place`, `fault`, `remedy`, none quoting content."""

    def __init__(self, place: str, fault: str, remedy: str) -> None:
        super().__init__(f"{place}: {fault}; {remedy}")
        self.place, self.fault, self.remedy = place, fault, remedy
