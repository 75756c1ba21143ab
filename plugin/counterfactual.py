"""Which single missing fact would change the verdict, found by deciding again with that fact supplied."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from plugin.adequacy import Adequacy
from plugin.measurement import Status
from plugin.trials import Trial
from plugin.verdict import Value, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """If `what` were known for `ingredient` (``measured-failure`` or ``response``), the verdict would be `verdict`."""

    ingredient: str
    label: str
    what: str
    verdict: Value


def changes(
    trials: Sequence[Trial], verdict: Verdict, decide_again: Callable[[Sequence[Trial]], Verdict]
) -> tuple[Change, ...]:
    """Try a measured failure and a response for each unsettled trial; keep those that move the verdict."""
    found = []
    for index, trial in enumerate(trials):
        if trial.outcome.status not in (Status.UNKNOWN, Status.FAILED_PROXY):
            continue
        if trial.judged.adequacy not in (Adequacy.ADEQUATE, Adequacy.BORDERLINE):
            continue
        for what, status in (("measured-failure", Status.FAILED_MEASURED), ("response", Status.NOT_FAILED)):
            if status is Status.FAILED_MEASURED and trial.judged.adequacy is not Adequacy.ADEQUATE:
                continue  # no score can turn a borderline trial into a failed one
            supposed = replace(trial, outcome=replace(trial.outcome, status=status, basis="score"))
            again = decide_again([*trials[:index], supposed, *trials[index + 1 :]])
            if again.value is not verdict.value:
                found.append(
                    Change(ingredient=trial.ingredient, label=trial.drug.label, what=what, verdict=again.value)
                )
    return tuple(found)
