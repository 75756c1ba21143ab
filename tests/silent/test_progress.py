"""How far a long command is: a rate and the time left, on a terminal and in a log."""

from __future__ import annotations

import io
import re

from cds_hooks.commands.progress import Progress, clock_time


class Screen(io.StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        return True


class Timer:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_log_gets_a_line_each_half_minute_with_rate_and_time_left() -> None:
    log, timer = io.StringIO(), Timer()
    shown = Progress(out=log, timer=timer)
    shown.begin("resources judged", 10_000)
    shown.step(1_000)  # done by an earlier run: at once
    for _ in range(4):
        timer.now += 20
        shown.step(1_500)
    shown.end()
    assert log.getvalue().splitlines() == [
        "trd-cds: resources judged: 4,000 of 10,000 (40%), 75/s, 1:20 left",
        "trd-cds: resources judged: 7,000 of 10,000 (70%), 75/s, 0:40 left",
        "trd-cds: resources judged: 7,000 of 10,000 in 1:20",
    ]


def test_what_is_soon_over_says_nothing_in_a_log() -> None:
    log, timer = io.StringIO(), Timer()
    shown = Progress(out=log, timer=timer)
    for _ in range(3):
        shown.begin("bytes of input hashed", 100)
        timer.now += 9
        shown.step(100)
    shown.end()
    shown.end()
    assert log.getvalue() == ""


def test_a_terminal_shows_a_bar_with_rate_and_time_left() -> None:
    screen, timer = Screen(), Timer()
    shown = Progress(out=screen, timer=timer)
    shown.begin("patients", 40)
    timer.now += 2
    shown.step(10)
    shown.end()
    assert re.search(r"patients, 5/s, 0:06 left .*10/40", screen.getvalue())
    assert "\n" in screen.getvalue()


def test_times_read_like_a_clock() -> None:
    assert [clock_time(seconds) for seconds in (0.2, 59.7, 61, 3_700)] == ["0:00", "1:00", "1:01", "1:01:40"]
