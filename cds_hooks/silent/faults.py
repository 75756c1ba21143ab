"""What makes a run impossible: told with place and remedy, never with content of a record."""

from __future__ import annotations


class UnusableRunError(ValueError):
    """Input, directory or settings with which no run is possible: `place`, `fault` and `remedy`."""

    def __init__(self, place: str, fault: str, remedy: str) -> None:
        super().__init__(f"{place}: {fault}; {remedy}")
        self.place, self.fault, self.remedy = place, fault, remedy


class RunInterruptedError(Exception):
    """The run was asked to stop and has stopped cleanly; the same command goes on with it."""
