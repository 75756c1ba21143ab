"""The Massachusetts score of an episode: failed trials, how far each was optimised, what was added, and ECT (G2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.staging_schema import Massachusetts
from plugin.resistance.verdict import weight_of
from plugin.trial.adequacy import Adequacy
from plugin.trial.trials import Trial

_TRIED = (Adequacy.ADEQUATE, Adequacy.BORDERLINE, Adequacy.IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Points:
    """At least `lo`, at most `hi` points."""

    lo: float
    hi: float

    def __str__(self) -> str:
        return f"{self.lo:g}" if self.lo == self.hi else f"{self.lo:g} to {self.hi:g}"

    @staticmethod
    def total(parts: Iterable[Points]) -> Points:
        """The sum of several."""
        listed = list(parts)
        return Points(sum(p.lo for p in listed), sum(p.hi for p in listed))


def failed(trial: Trial) -> bool:
    """Whether the trial surely failed: adequate, by a measured failure."""
    return weight_of(trial)[0]


def perhaps_failed(trial: Trial) -> bool:
    """Whether the trial may turn out to have failed."""
    return weight_of(trial)[2]


def tried(agent: Trial) -> bool:
    """Whether an augmenting agent was given at its dose: it may count as used, whatever its outcome."""
    return agent.judged.adequacy in _TRIED and agent.judged.reaches_lenient


def massachusetts(
    trials: Sequence[Trial],
    augmentations: Sequence[Trial],
    ect: tuple[bool, bool],
    *,
    scheme: Massachusetts,
    as_of: date,
) -> Mapping[str, Points]:
    """Points by component. `ect`: whether it surely, and whether it perhaps, failed."""
    each, half = scheme.trial.on(as_of).amount, scheme.optimisation.on(as_of).amount
    added, shock = scheme.combination.on(as_of).amount, scheme.ect.on(as_of).amount
    open_ = [t for t in trials if perhaps_failed(t)]
    sure = [t for t in open_ if failed(t)]
    by_dose = [(t, *_dose_raised(t)) for t in open_]
    by_time = [(t, *_prolonged(t, scheme, as_of)) for t in open_]
    pairs = _pairs(open_)
    return {
        "trials": Points(each * len(sure), each * len(open_)),
        "doseOptimised": Points(
            half * sum(surely and failed(t) for t, surely, _ in by_dose),
            half * sum(perhaps for _, _, perhaps in by_dose),
        ),
        "durationOptimised": Points(
            half * sum(surely and failed(t) for t, surely, _ in by_time),
            half * sum(perhaps for _, _, perhaps in by_time),
        ),
        "augmentations": Points(
            added * sum(failed(a) for a in augmentations), added * sum(tried(a) for a in augmentations)
        ),
        "combinations": Points(added * len(_pairs(sure)), added * len(pairs)),
        "ect": Points(shock if ect[0] else 0, shock if ect[1] else 0),
    }


def _dose_raised(trial: Trial) -> tuple[bool, bool]:
    """Whether the dose was surely, and perhaps, raised above an adequate one inside the run."""
    run, doses = trial.judged.sure or trial.judged.possible, trial.judged.thresholds
    if run is None or doses is None:
        return False, True  # without dates nothing is known of it
    days = trial.judged.era.days.between(run.span.start, run.span.end)
    held = [day.dose for day in days.each()]
    adequate = [dose for dose in held if dose.low >= doses.default]
    lowest = min((dose.high for dose in adequate), default=None)
    raised = lowest is not None and any(dose.low > lowest for dose in adequate)
    return raised, any(dose.high > doses.default for dose in held)


def _prolonged(trial: Trial, scheme: Massachusetts, as_of: date) -> tuple[bool, bool]:
    """Whether the run was surely, and perhaps, longer than a trial needs to be."""
    sure, possible = trial.judged.sure, trial.judged.possible
    if possible is None:
        return False, True
    days = sure.days if sure is not None else 0
    return days >= scheme.duration_sure.on(as_of).amount, possible.days >= scheme.duration_possible.on(as_of).amount


def _pairs(trials: Sequence[Trial]) -> set[frozenset[str]]:
    """Antidepressants that were taken together, each pair once."""
    held = {t.ingredient for t in trials}
    return {
        frozenset((t.ingredient, other))
        for t in trials
        for other in t.judged.era.in_combination_with
        if other in held and other != t.ingredient
    }
