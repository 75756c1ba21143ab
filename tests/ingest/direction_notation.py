"""What was read of directions, told in one line, so that a table of texts and readings can be read by a person.

``1-2 unit x 2`` amount and intakes a day; ``= 25|12.5 mg`` the readings of milligrams beside a count; ``+`` together,
``then`` afterwards; ``for 7 d``; ``as needed``; ``total 150 mg``; ``at most 3 unit``. A dose nobody can read is
``unknown``, with its word of caution; a text without a dose is ``no dose``.
"""

from __future__ import annotations

from itertools import groupby

from plugin.ingest.directions import Directions
from plugin.record import WrittenDose


def told(said: Directions) -> str:
    """One line for one reading."""
    if not said.understood:
        return f"unknown, {said.caution}" if said.caution else "unknown"
    parts = [" then ".join(_step(list(doses)) for _, doses in groupby(said.doses, lambda dose: dose.step)) or "no dose"]
    if said.total_mg is not None:
        parts.append(f"total {_number(said.total_mg)} mg")
    if said.cap is not None:
        parts.append(f"at most {_number(said.cap[0])} {said.cap[1]}")
    return ", ".join(parts)


def _step(doses: list[WrittenDose]) -> str:
    days = doses[0].days
    return " + ".join(_dose(dose) for dose in doses) + ("" if days is None else f" for {_number(days)} d")


def _dose(dose: WrittenDose) -> str:
    beside = f" = {'|'.join(_interval(low, high) for low, high in dose.mg)} mg" if dose.mg else ""
    amount = f"{_interval(dose.dose_low, dose.dose_high)} {dose.unit}{beside}" if dose.unit else "?"
    return f"{amount} x {_interval(dose.times_low, dose.times_high)}" + (" as needed" if dose.as_needed else "")


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "?"
    return _number(low) if low == high else f"{_number(low)}-{_number(high)}"


def _number(value: float) -> str:
    """Sevenths are told as such: 3/7."""
    sevenths = value * 7
    if abs(sevenths - round(sevenths)) < 1e-9 and round(sevenths) % 7:
        return f"{round(sevenths)}/7"
    return f"{value:.4g}"
