"""The truth of a simulated life, for a file of its own: what was taken, what it brought, how many trials failed.

What happened stands under `courses` and `episodes`; `judged` is what the default definition says of it on the last day
(`true_trials`). Simulated truth measures agreement, never accuracy.
"""

from __future__ import annotations

from typing import Any

from cds_hooks.cohort.life import Course, Life
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.true_trials import TrueVerdict, true_verdict


def truth_of(life: Life, plan: Plan, patient_id: str) -> dict[str, Any]:
    """The truth as one JSON document; days are written as dates, stretches of days with both ends."""
    judged = true_verdict(life, plan)
    return {
        "patient": f"Patient/{patient_id}",
        "episodes": [{"start": _date(plan, spell.start), "remission": _date(plan, spell.end)} for spell in life.spells],
        "inRemission": life.spells[-1].end is not None,
        "severityAtEnd": round(life.severity(0), 1),
        "courses": [_course(course, life, plan) for course in life.courses],
        "diagnoses": [diagnosis.id for _, diagnosis in life.diagnoses],
        "judged": _judged(judged, plan),
        "failedAdequateTrials": judged.counts[0],
        "resistant": judged.counts[0] >= plan.definition.min_failed_trials,
    }


def _course(course: Course, life: Life, plan: Plan) -> dict[str, Any]:
    improvement = None
    response = "not-judged"
    if course.taken and course.use == "antidepressant":
        before, after = life.severity(course.taken[0][0]), life.severity(course.taken[-1][1])
        improvement = round((before - after) / before, 3) if before > 0 else 0.0
        remitted = after <= plan.number["remitted-max-points"]
        response = "remission" if remitted else "response" if improvement >= plan.definition.response else "none"
    return {
        "drug": course.drug,
        "use": course.use,
        "episode": course.episode,
        "start": _date(plan, course.start),
        "end": None if course.stop is None else _date(plan, course.stop - 1),
        "ending": course.ending or "goes on",
        "filled": course.filled,
        "dailyDoses": [{"from": _date(plan, since), "mg": dose} for since, dose in course.doses],
        "taken": [[_date(plan, first), _date(plan, last)] for first, last in course.taken],
        "improvement": improvement,
        "response": response,
    }


def _judged(judged: TrueVerdict, plan: Plan) -> dict[str, Any]:
    return {
        "episodeStart": _date(plan, judged.episode.start if judged.episode is not None else None),
        "episodeEnded": judged.episode is not None and judged.episode.ended,
        "trials": [
            {
                "drug": trial.drug,
                "start": _date(plan, trial.start),
                "end": _date(plan, trial.end),
                "daysAtDoseInOneRun": trial.days,
                "adequacy": trial.adequacy,
                "outcome": trial.outcome,
            }
            for trial in judged.trials
        ],
        "failed": list(judged.counts),
        "verdict": judged.verdict,
        "heldBack": judged.held_back,
    }


def _date(plan: Plan, day: int | None) -> str | None:
    return None if day is None else plan.day(day).isoformat()
