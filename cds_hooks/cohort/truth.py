"""The truth of a simulated life, for a file of its own: what was taken, what it brought, how many trials failed.

A trial is judged as the default definition says, on what happened and not on what was recorded: days taken at the
default dose in one run, and the true severity at its start and end. Simulated truth measures agreement, never accuracy.
"""

from __future__ import annotations

from typing import Any

from cds_hooks.cohort.life import Course, Life
from cds_hooks.cohort.plan import Plan


def truth_of(life: Life, plan: Plan, patient_id: str) -> dict[str, Any]:
    """The truth as one JSON document; days are written as dates, stretches of days with both ends."""
    current = len(life.spells) - 1
    trials = [_trial(course, life, plan) for course in life.courses]
    failed = {
        course.drug
        for course, trial in zip(life.courses, trials, strict=True)
        if course.use == "antidepressant" and course.episode == current and trial["failed"]
    }
    return {
        "patient": f"Patient/{patient_id}",
        "episodes": [{"start": _date(plan, spell.start), "remission": _date(plan, spell.end)} for spell in life.spells],
        "inRemission": life.spells[-1].end is not None,
        "severityAtEnd": round(life.severity(0), 1),
        "courses": trials,
        "failedAdequateTrials": len(failed),
        "resistant": len(failed) >= plan.definition.min_failed_trials,
        "diagnoses": [diagnosis.id for _, diagnosis in life.diagnoses],
    }


def _trial(course: Course, life: Life, plan: Plan) -> dict[str, Any]:
    days = _longest_run(course, plan) if course.use == "antidepressant" else []
    adequate = len(days) >= plan.definition.min_days_at_dose
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
        "daysAtDoseInOneRun": len(days),
        "adequate": adequate,
        "improvement": improvement,
        "response": response,
        "failed": adequate and response == "none",
    }


def _longest_run(course: Course, plan: Plan) -> list[int]:
    """The days taken at the default dose in the longest run without a hole longer than a run may have."""
    enough = plan.adequate_dose(course.drug)
    at_dose = [day for first, last in course.taken for day in range(first, last + 1) if course.dose_on(day) >= enough]
    longest: list[int] = []
    run: list[int] = []
    for day in at_dose:
        if run and day - run[-1] - 1 > plan.run_gap:
            run = []
        run.append(day)
        if len(run) > len(longest):
            longest = list(run)
    return longest


def _date(plan: Plan, day: int | None) -> str | None:
    return None if day is None else plan.day(day).isoformat()
