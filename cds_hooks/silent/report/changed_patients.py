"""Whose verdict changes between two runs: a document of its own, which names patients by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_hooks.silent.report.limits import LIMITS
from cds_hooks.silent.report.making import about
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.trial_changes import trial_changes, trials_of

CONFIDENTIAL = "This file names patients by id. It is as confidential as the export it was made of."
_LAST = "SELECT patient, moment, verdict, decided_by, settled_by FROM last ORDER BY patient"


def changed_patients(before: Run, after: Run, titles: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Each patient whose verdict changes: both verdicts, the rules that decided, and what differs in its trials."""
    old, new = verdicts_of(before), verdicts_of(after)
    trials = trials_of(before), trials_of(after)
    listed = []
    for patient in sorted(set(old) & set(new)):
        (moment, was, rules, _), (other_moment, is_, other_rules, settles) = old[patient], new[patient]
        if was != is_:
            listed.append(
                {
                    "patient": patient,
                    "moments": sorted({moment, other_moment}),
                    "before": was,
                    "after": is_,
                    "decidedByBefore": rules,
                    "decidedByAfter": other_rules,
                    "settledByAfter": settles,
                    "trials": list(trial_changes(trials[0].get(patient, ()), trials[1].get(patient, ()))),
                }
            )
    return {
        "form": "trd-cds-changed-patients/1",
        "confidential": CONFIDENTIAL,
        "limits": list(LIMITS),
        "before": about(before),
        "after": about(after),
        "rules": dict(titles or {}),
        "changed": listed,
    }


def verdicts_of(run: Run) -> dict[str, tuple[str, str, list[str], list[str]]]:
    """Of each patient the last moment, its verdict, the rules that decided, and what one datum would settle it."""
    return {
        patient: (moment, verdict or "none", list(rules or ()), list(settles or ()))
        for patient, moment, verdict, rules, settles in run.ask(_LAST)
    }
