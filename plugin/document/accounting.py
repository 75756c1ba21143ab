"""Used plus set aside equals received: the last look at every reference before an assessment leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from plugin.exposure.exposures import Exposures
from plugin.findings import Reason, SetAside
from plugin.record import MedicationFact, PatientRecord
from plugin.safety.drafts import JudgedOrder
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_NOT_TAKEN = "not-taken"
_BY_TYPE = {
    "Observation": "read; outside the window of every trial",
    "QuestionnaireResponse": "read; outside the window of every trial",
    "Condition": "read; did not decide anything",
    "AllergyIntolerance": "read; tells of the end of no trial",
    "AdverseEvent": "read; tells of the end of no trial",
    "Procedure": "read; not done, not dated or after the day of judgement",
    "MedicationDispense": "read; drug not judged here, shows that dispenses are recorded",
}


def references_used(
    record: PatientRecord,
    trials: Iterable[Trial],
    courses: Iterable[Course],
    orders: Iterable[JudgedOrder],
    reasons: Iterable[Reason],
) -> frozenset[str]:
    """Every reference that some conclusion rests on."""
    used = {record.patient.reference} if record.patient is not None else set()
    for trial in trials:
        used.update(trial.sources)
        for judged, outcome in ((trial.judged, trial.outcome), *trial.others):
            used.update(use for reason in (*judged.reasons, *outcome.reasons) for use in reason.uses)
            ends = (outcome.baseline, outcome.endpoint)
            used.update(ref for score in ends if score is not None for ref in score.references)
    for course in courses:
        used.update(course.sources)
        used.update(use for reason in (*course.reasons, *course.outcome.reasons) for use in reason.uses)
        ends = (course.outcome.baseline, course.outcome.endpoint)
        used.update(ref for score in ends if score is not None for ref in score.references)
    used.update(use for order in orders for finding in order.findings for use in finding.uses)
    used.update(use for reason in reasons for use in reason.uses)
    return frozenset(used)


def laboratory_aside(record: PatientRecord, as_of: date) -> list[SetAside]:
    """Why a result or an answer may end up unused: dated after the day of judgement, in an unknown unit, not needed."""
    scored = {reference for score in record.scores for reference in score.references}
    found = [
        SetAside(
            reference=answer.reference,
            reason="dated after the day of judgement"
            if answer.day > as_of
            else "read; the answer to an item, which makes no total by itself and decided nothing",
        )
        for answer in record.answers
        if answer.reference not in scored
    ]
    for result in record.laboratory:
        if result.day > as_of:
            reason = "dated after the day of judgement"
        elif "unit-unknown" in result.flags:
            reason = "read; its unit is not one this version converts"
        else:
            reason = "read; a result that no rule of this version needed"
        found.append(SetAside(reference=result.reference, reason=reason))
    return found


def denied_aside(exposures: Exposures) -> list[SetAside]:
    """Why a drug record may end up unused although it counts elsewhere: a report says that it was not taken then."""
    found = []
    for exposure in exposures.by_key.values():
        denials = [fact for fact in exposure.not_taken if fact.status == _NOT_TAKEN and fact.start is not None]
        for fact in exposure.facts:
            start = fact.start or fact.written
            if fact in denials:
                reason = "read; says that the drug was not taken, so that those days do not count"
            elif start is not None and any(_covers(denial, start.latest) for denial in denials):
                reason = "read; another record says that the drug was not taken then"
            else:
                continue
            found.append(SetAside(reference=fact.reference, reason=reason))
    return found


def _covers(denial: MedicationFact, day: date) -> bool:
    first = denial.start.earliest if denial.start is not None else date.max
    return first <= day and (denial.end is None or day <= denial.end.latest)


def balance(record: PatientRecord, used: frozenset[str], aside: Sequence[SetAside]) -> tuple[SetAside, ...]:
    """The set-aside list completed: one entry for each received reference that nothing used."""
    named: dict[str, SetAside] = {}
    for item in aside:
        if item.reference not in used:
            named.setdefault(item.reference, item)
    for reference in record.received:
        if reference not in used and reference not in named:
            kind = reference.split("/", 1)[0]
            reason = _BY_TYPE.get(kind, "read; no day of it counts in the current episode")
            named[reference] = SetAside(reference=reference, reason=reason)
    return tuple(sorted(named.values(), key=lambda item: item.reference))
