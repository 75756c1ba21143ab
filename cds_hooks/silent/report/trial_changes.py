"""What differs between the trials of a patient in two runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cds_hooks.silent.report.run_reading import Run

_TRIALS = """
SELECT t.patient, t.ingredient, t.start, t.end, t.adequacy, t.outcome, t.basis FROM trials t
JOIN last USING (patient, moment) ORDER BY t.patient, t.number
"""
_PARTS = ("start", "end", "adequacy", "outcome", "basis")
_GONE, _NEW = "no longer a trial", "now a trial"
KIND: Mapping[str, str] = {
    **{part: f"a trial with another {part}" for part in _PARTS},
    "basis": "a trial whose outcome rests on something else",
    _GONE: "a trial less",
    _NEW: "a trial more",
}
Trial = tuple[Any, ...]


def trials_of(run: Run) -> dict[str, list[Trial]]:
    """The trials of each patient at its last moment: ingredient, first and last day, adequacy, outcome, basis."""
    found: dict[str, list[Trial]] = {}
    for patient, *rest in run.ask(_TRIALS):
        found.setdefault(patient, []).append(tuple(rest))
    return found


def trial_changes(old: Sequence[Trial], new: Sequence[Trial]) -> Iterator[dict[str, Any]]:
    """The trials that differ, matched by ingredient in their order."""
    names = list(dict.fromkeys(str(one[0]) for one in (*old, *new)))
    for name in names:
        mine, theirs = ([one for one in trials if one[0] == name] for trials in (old, new))
        for place in range(max(len(mine), len(theirs))):
            one = mine[place] if place < len(mine) else None
            later = theirs[place] if place < len(theirs) else None
            if one is None or later is None:
                yield {
                    "ingredient": name,
                    "what": [_GONE if later is None else _NEW],
                    "before": _words(one),
                    "after": _words(later),
                }
            elif one != later:
                what = [part for part, was, is_ in zip(_PARTS, one[1:], later[1:], strict=True) if was != is_]
                yield {"ingredient": name, "what": what, "before": _words(one), "after": _words(later)}


def _words(trial: Trial | None) -> str:
    if trial is None:
        return "none"
    _, start, end, adequacy, outcome, basis = trial
    rests = f" by {str(basis).replace('-', ' ')}" if basis and basis != "none" else ""
    judged = f"{adequacy}, outcome {outcome}".lower().replace("_", " ")
    return f"{start or 'undated'} to {end or 'undated'}: {judged}{rests}"
