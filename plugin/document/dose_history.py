"""The days of a trial as a reader wants them: alike days together, each with its dose, certainty and records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from plugin.exposure.dose import DailyDose
from plugin.trial.trials import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class DoseStretch:
    """Days of a trial that are alike: which dose, how surely taken, on which evidence, from which records.

    `dose` is in `unit` (a day); `layer` says what kind of record decided. Both ends are included.
    """

    start: date
    end: date
    dose: DailyDose
    unit: str
    sure: bool
    grade: str
    layer: str
    uses: tuple[str, ...]

    @property
    def dose_text(self) -> str:
        """The dose in words."""
        if not self.dose.is_known:
            return "an unknown dose"
        low, high = f"{self.dose.low:g}", f"{self.dose.high:g}"
        return f"{low if low == high else f'{low} to {high}'} {self.unit}"


def stretches_of(trial: Trial) -> tuple[DoseStretch, ...]:
    """The days of a trial in order of time; none for an undated one."""
    unit = trial.drug.adequate_dose.default.unit if trial.drug.adequate_dose is not None else "mg/d"
    return tuple(
        DoseStretch(
            start=date.fromordinal(first),
            end=date.fromordinal(stop - 1),
            dose=day.dose,
            unit=unit,
            sure=day.sure and not day.doubtful,
            grade=day.grade,
            layer=day.layer.value,
            uses=day.uses,
        )
        for first, stop, day in trial.judged.era.days.stretches
    )
