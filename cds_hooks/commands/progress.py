"""How far a long command is, with its rate and the time left: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer

from cds_hooks.clock import stopwatch

_EVERY = 30.0  # seconds between two lines where there is no terminal; what is over sooner says nothing
_AT_ONCE = 0.1  # seconds: steps told within these were done by an earlier run, and say nothing of the rate
_MINUTE, _HOUR = 60, 3600


class Progress:
    """Told of phases and steps, it shows them on `out`. Nothing but labels and numbers is written."""

    def __init__(self, *, out: TextIO | None = None, timer: Callable[[], float] = stopwatch) -> None:
        self._out, self._timer = out or sys.stderr, timer
        self._bar: Any = None
        self._label, self._length = "", 0
        self._done = self._before = 0
        self._began = self._told = 0.0

    def begin(self, label: str, length: int) -> None:
        """A phase of `length` steps begins, and the one before it has ended."""
        self.end()
        self._label, self._length, self._done, self._before = label, length, 0, 0
        self._began = self._told = self._timer()
        bar = typer.progressbar(
            length=length,
            label=label,
            file=self._out,
            hidden=not self._out.isatty(),
            show_pos=True,
            show_eta=False,
        )
        self._bar = bar.__enter__()

    def step(self, steps: int) -> None:
        """So many steps more are done."""
        if self._bar is None:
            return
        now = self._timer()
        self._done += steps
        if now - self._began < _AT_ONCE:
            self._before += steps
        rate = (self._done - self._before) / max(now - self._began, _AT_ONCE)
        left = clock_time((self._length - self._done) / rate) if rate else "unknown time"
        self._bar.label = f"{self._label}, {rate:,.0f}/s, {left} left"
        self._bar.update(steps)
        if not self._out.isatty() and now - self._told >= _EVERY and self._done < self._length:
            self._told = now
            share = self._done / self._length
            self._say(f"{self._label}: {self._done:,} of {self._length:,} ({share:.0%}), {rate:,.0f}/s, {left} left")

    def end(self) -> None:
        """The phase has ended, or is given up."""
        if self._bar is None:
            return
        self._bar.__exit__(None, None, None)
        self._bar = None
        took = self._timer() - self._began
        if not self._out.isatty() and took >= _EVERY:
            self._say(f"{self._label}: {self._done:,} of {self._length:,} in {clock_time(took)}")

    def _say(self, line: str) -> None:
        self._out.write(f"trd-cds: {line}\n")
        self._out.flush()


@contextmanager
def progress(label: str, length: int) -> Iterator[Callable[[], None]]:
    """One phase, as a function to call after each step."""
    shown = Progress()
    shown.begin(label, length)
    try:
        yield lambda: shown.step(1)
    finally:
        shown.end()


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds, as a clock shows them.

    >>> clock_time(59.7), clock_time(3700)
    ('1:00', '1:01:40')
    """
    whole = round(seconds)
    hours, minutes = whole // _HOUR, whole % _HOUR // _MINUTE
    return f"{hours}:{minutes:02}:{whole % _MINUTE:02}" if hours else f"{minutes}:{whole % _MINUTE:02}"
