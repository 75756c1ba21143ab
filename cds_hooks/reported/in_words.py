"""One line for each fact, as the page lists it and as the note for the chart says it."""

from __future__ import annotations

from datetime import date, datetime

from cds_hooks.reported.facts import NOW, Course, Fact, ReportedAdherence, ReportedOutcome, ReportedScore, ReportedTrial
from cds_hooks.reported.offered import drugs_offered, scales_offered, unit_of
from mappings.load import Knowledge
from mappings.reported_schema import ReportedAnswer, ReportedPurpose


def line_of(fact: Fact, knowledge: Knowledge) -> str:
    """The fact in one line, without a full stop."""
    if isinstance(fact, ReportedTrial):
        return _trial(fact, knowledge)
    if isinstance(fact, ReportedScore):
        # The names of scales do not depend on the day.
        return f"{scales_offered(knowledge, date.max)[fact.instrument].label} {fact.value} on {fact.day}"
    if isinstance(fact, ReportedOutcome):
        return f"{_course(fact.course, knowledge)}: {_went(fact, knowledge)}"
    return f"{_course(fact.course, knowledge)}: {_taken(fact)}"


def note_text(facts: tuple[Fact, ...], *, author: str, at: datetime, knowledge: Knowledge) -> str:
    """A plain text for the chart: dated, attributed, one line for each fact. Empty without facts."""
    if not facts:
        return ""
    by = f" by {author}" if author else ""
    head = f"Antidepressant history as reported, entered {at.isoformat(sep=' ', timespec='minutes')}{by}."
    lines = [f"- {line_of(fact, knowledge)}." for fact in facts]
    return "\n".join((head, knowledge.reported.provenance, *lines))


def _trial(fact: ReportedTrial, knowledge: Knowledge) -> str:
    drug = knowledge.drugs[fact.drug]
    release = f" {knowledge.reported.released}" if fact.release else ""
    dose = f"{fact.dose} {unit_of(drug)} a day" if fact.dose else "daily dose not known"
    start = f"from {'about ' if fact.about else ''}{fact.start}"
    length = "still taken" if fact.still else f"to {fact.end}" if fact.end else f"for {fact.weeks} weeks"
    name = drugs_offered(knowledge).get(fact.drug, drug.label)
    went = _went(fact, knowledge)
    return f"{name}{release}, {dose}, {start}, {length}" + (f": {went}" if went else "")


def _went(fact: ReportedTrial | ReportedOutcome, knowledge: Knowledge) -> str:
    told = knowledge.reported
    parts = [
        _label(fact.outcome, told.outcomes),
        f"stopped: {_label(fact.reason, told.reasons)}" if fact.reason else "",
        f"taken for {_label(fact.purpose, told.purposes)}" if fact.purpose else "",
    ]
    return ", ".join(part for part in parts if part)


def _label(wanted: str, known: tuple[ReportedAnswer, ...] | tuple[ReportedPurpose, ...]) -> str:
    return next((one.label for one in known if one.id == wanted), "")


def _course(course: Course, knowledge: Knowledge) -> str:
    until = "still taken" if course.last == NOW else f"to {course.last}"
    return f"{knowledge.drugs[course.drug].label} on record from {course.first}, {until}"


def _taken(fact: ReportedAdherence) -> str:
    return f"taken only until {fact.until}" if fact.until else "not taken"
