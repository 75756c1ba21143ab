"""One dosage instruction as a dose: its structure, its words, and what holds when they differ.

Structured and complete: that is the dose. Words that say something else widen it to the interval spanned by both. Not
complete: the words complete it, and the reading rests on text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from plugin.exposure.dose_schedule import NOTHING, DailyDose, DoseStep, Steps, either, span, together, whole_span
from plugin.record import Component, DosageLine, WrittenDose

CONFLICT = "dose_text_conflict"
REMEMBERED = 4096  # instructions: most prescriptions of a product say one of a few things


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The steps of one instruction, None when no dose can be read; whether they rest on words; what was odd."""

    steps: Steps | None = None
    from_text: bool = False
    flags: tuple[str, ...] = ()


class ToldDose(NamedTuple):
    """All that an instruction says of its dose, without the words as written: what may be remembered of it."""

    dose_low: float | None
    dose_high: float | None
    unit: str
    times_low: float | None
    times_high: float | None
    most_per_day: float | None
    most_unit: str
    stated_total_mg: float | None
    caution: str
    written: tuple[WrittenDose, ...]


def told_by(line: DosageLine) -> ToldDose:
    """What the instruction says."""
    return ToldDose(
        line.dose_low,
        line.dose_high,
        line.unit,
        line.times_low,
        line.times_high,
        line.most_per_day,
        line.most_unit,
        line.stated_total_mg,
        line.caution,
        line.written,
    )


_NOTHING_TOLD = told_by(DosageLine())


def read_line(line: DosageLine, component: Component, *, alone: bool) -> Reading:
    """The dose of one scheduled instruction. `alone`: the ingredient is the only one of its product."""
    return _read(told_by(line), component, alone)


@lru_cache(maxsize=REMEMBERED)
def _read(line: ToldDose, component: Component, alone: bool) -> Reading:
    structured = _dose(
        _amount(line.dose_low, line.dose_high, line.unit, component, alone=alone), line.times_low, line.times_high
    )
    worded, odd = _worded(line, component, alone=alone)
    flags = [CONFLICT] if odd else []
    if structured is None:
        steps = worded
    else:
        steps = (DoseStep(None, structured),)
        if worded is not None and not all(step.dose.is_close(structured) for step in worded):
            steps = either([steps, worded])
            flags = [CONFLICT]
        elif line.caution == "as-needed":
            steps = (DoseStep(None, structured.spanning(NOTHING)),)
            flags = [CONFLICT]
    if steps is None:
        return Reading()
    total = line.stated_total_mg
    if total is not None and alone:
        steps, over = _under(steps, total * component.equivalence)
        flags += [CONFLICT] if over else []
    most = _amount(line.most_per_day, line.most_per_day, line.most_unit, component, alone=alone)
    if most is not None:
        capped, over = _under(steps, most.high)
        steps = capped
        flags += ["dose_above_cap"] if over else []
    return Reading(steps=steps, from_text=structured is None, flags=tuple(dict.fromkeys(flags)))


def line_length(line: DosageLine) -> int | None:
    """How many days an instruction is written for, None when that is not bounded by exact days."""
    if line.bounds_days is not None:
        return round(line.bounds_days)
    first, last = line.bounds_start, line.bounds_end
    if first is not None and last is not None and first.is_exact and last.is_exact:
        return max(0, (last.latest - first.earliest).days + 1)
    return None


def _under(steps: Steps, most: float) -> tuple[Steps, bool]:
    """The steps under an upper end, and whether one of them lies surely above it."""
    over = any(step.dose.low > most and not step.dose.is_close(DailyDose(most, most)) for step in steps)
    return tuple(DoseStep(step.days, step.dose.at_most(most)) for step in steps), over


def _amount(low: float | None, high: float | None, unit: str, component: Component, *, alone: bool) -> DailyDose | None:
    """Milligrams of the reference product of one intake, None when amount or unit cannot be read."""
    if low is None or high is None:
        return None
    if high == 0:
        return NOTHING
    if unit == "mg":
        # Milligrams of a fixed combination do not say which ingredient they count.
        factor = component.equivalence if alone and component.per != "count" else None
    elif unit in ("unit", "mL") and component.amount is not None:
        factor = component.amount * component.equivalence if (unit == "mL") == (component.per == "mL") else None
    else:
        factor = None
    return DailyDose(low * factor, high * factor) if factor is not None else None


def _dose(amount: DailyDose | None, low: float | None, high: float | None) -> DailyDose | None:
    if amount is None or low is None or high is None:
        return None
    return DailyDose(amount.low * low, amount.high * high)


def _worded(line: ToldDose, component: Component, *, alone: bool) -> tuple[Steps | None, bool]:
    """The steps that the words say, None when they say no dose; and whether two of their amounts differ."""
    said = line.written
    if not said:
        return None, False
    steps: list[DoseStep] = []
    odd = False
    for number in sorted({dose.step for dose in said}):
        members = [dose for dose in said if dose.step == number]
        doses = []
        for dose in members:
            if dose.as_needed:
                doses.append(NOTHING)
                continue
            read, differs = _clause(dose, line if len(said) == 1 else _NOTHING_TOLD, component, alone=alone)
            odd = odd or differs
            if read is None:
                return None, False
            doses.append(read)
        days = members[0].days
        column = together([(DoseStep(None, dose),) for dose in doses])
        steps.append(DoseStep(None if days is None else round(days), column[0].dose))
    if any(step.days is None for step in steps[:-1]):
        # The words do not say when the dose changes: any of them may hold on any day.
        return (DoseStep(None, whole_span(tuple(steps))),), odd
    return tuple(steps), odd


def _clause(dose: WrittenDose, line: ToldDose, component: Component, *, alone: bool) -> tuple[DailyDose | None, bool]:
    """One clause, completed by the structure of its instruction; where two say an amount or a number, either holds."""
    worded, odd = _worded_amount(dose, component, alone=alone)
    known = _amount(line.dose_low, line.dose_high, line.unit, component, alone=alone)
    amounts = [amount for amount in (worded, known) if amount is not None]
    if (dose.dose_low is not None and worded is None) or not amounts:
        return None, False
    times = [
        DailyDose(low, high)
        for low, high in ((dose.times_low, dose.times_high), (line.times_low, line.times_high))
        if low is not None and high is not None
    ]
    if not times:
        return None, False
    differs = odd or _differ(amounts) or _differ(times)
    often = span(times)
    return _dose(span(amounts), often.low, often.high), differs


def _worded_amount(dose: WrittenDose, component: Component, *, alone: bool) -> tuple[DailyDose | None, bool]:
    """The count times the strength; milligrams beside it settle the amount where no strength is known.

    Where none of their readings is the amount that was counted, the directions speak of another strength: either holds.
    """
    counted = _amount(dose.dose_low, dose.dose_high, dose.unit, component, alone=alone)
    beside = [read for low, high in dose.mg if (read := _amount(low, high, "mg", component, alone=alone)) is not None]
    if not beside:
        return counted, False
    if counted is None:
        return span(beside), False
    if any(counted.is_close(read) for read in beside):
        return counted, False
    return span([counted, *beside]), True


def _differ(doses: Sequence[DailyDose]) -> bool:
    return any(not dose.is_close(doses[0]) for dose in doses)
