"""One row of the form, its fields as text, made a fact or refused with what to mend.

Nothing here repeats what was entered. All bounds are those of ``reported.yaml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date

from cds_hooks.reported.facts import (
    NOW,
    Course,
    Fact,
    ReportedAdherence,
    ReportedOutcome,
    ReportedScore,
    ReportedTrial,
)
from cds_hooks.reported.offered import RELEASED, dose_bounds, drugs_offered, has_release, scales_offered, unit_of
from cds_hooks.reported.written_days import DayError, last_of, meant_by, read_day, read_exact_day
from mappings.load import Knowledge
from mappings.reported_schema import ReportedAnswer
from plugin.spans import PartialDate

KINDS = ("trial", "outcome", "score", "adherence")
_AMOUNT = re.compile(r"\d{1,5}(?:[.,]\d{1,4})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,5}", re.ASCII)
_RECORD = re.compile(r"[A-Z][A-Za-z]{1,59}/[A-Za-z0-9._-]{1,200}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_RECORDS = (1, 2)
YES = "yes"


@dataclass
class Row:
    """A row being read: what is found wrong with it stands in `wrong`, by field."""

    values: Mapping[str, str]
    knowledge: Knowledge
    today: date
    wrong: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The field, trimmed."""
        return self.values.get(name, "").strip()

    def refuse(self, name: str, why: str) -> None:
        """Note what is wrong with a field; the first complaint about it stands."""
        self.wrong.setdefault(name, why)

    def one_of(self, name: str, known: Mapping[str, object] | frozenset[str], *, needed: str = "") -> str:
        """The field, which must be one of `known`, or empty unless `needed` says what to choose."""
        given = self.text(name)
        if given in known:
            return given
        if given or needed:
            self.refuse(name, needed or "Choose one of the list.")
        return ""

    def day(self, name: str, *, exact: bool = False) -> str:
        """A day of the field, in the form of FHIR; empty when it is refused."""
        back = self.knowledge.reported.years_back_at_most.on(self.today).amount
        try:
            if exact:
                return read_exact_day(self.text(name), today=self.today, years_back=back).isoformat()
            return read_day(self.text(name), today=self.today, years_back=back)
        except DayError as problem:
            self.refuse(name, str(problem))
            return ""


def read_row(values: Mapping[str, str], *, knowledge: Knowledge, today: date) -> tuple[Fact | None, Mapping[str, str]]:
    """The fact of one row, or None; and what is wrong, by field. One of the two is always there."""
    row = Row(values, knowledge, today)
    fact = _READERS[values["kind"]](row) if values.get("kind") in _READERS else None
    if values.get("kind") not in _READERS:
        row.refuse("kind", "This entry is of no kind the form knows. Enter it again.")
    return (None, row.wrong) if row.wrong else (fact, {})


def _answers(given: tuple[ReportedAnswer, ...]) -> Mapping[str, ReportedAnswer]:
    return {one.id: one for one in given}


def _outcome_of(row: Row, *, ongoing: bool) -> tuple[str, str, str]:
    """Outcome, reason for stopping and purpose, held against each other."""
    told = row.knowledge.reported
    outcomes, reasons = _answers(told.outcomes), _answers(told.reasons)
    outcome, reason = row.one_of("outcome", outcomes), row.one_of("reason", reasons)
    purpose = row.one_of("purpose", frozenset(one.id for one in told.purposes))
    if ongoing and outcome:
        row.refuse(
            "outcome", "While a drug is taken only a score tells its outcome. Enter a score, and leave this open."
        )
    if ongoing and reason:
        row.refuse("reason", "A drug that is still taken was not stopped. Leave this open, or say until when.")
    if outcome and reason and {outcomes[outcome].speaks, reasons[reason].speaks} == {"for", "against"}:
        row.refuse("reason", "Outcome and reason for stopping contradict each other. Change one of the two.")
    return outcome, reason, purpose


def _read_trial(row: Row) -> Fact | None:
    drug = row.one_of("drug", drugs_offered(row.knowledge), needed="Choose the drug from the list.")
    dose = _dose(row, drug)
    release = row.one_of("release", frozenset({RELEASED}))
    if release and drug and not has_release(row.knowledge.drugs[drug]):
        row.refuse("release", "For this drug the release form makes no difference to the dose. Leave this open.")
    about, still = row.one_of("about", frozenset({YES})), row.one_of("still", frozenset({YES}))
    start = row.day("start")
    weeks = _whole(row, "weeks", row.knowledge.reported.weeks_at_most.on(row.today).amount) if row.text("weeks") else ""
    end = row.day("end", exact=True) if row.text("end") else ""
    if start and not row.wrong:
        _length(row, start, about=bool(about), weeks=weeks, end=end, still=bool(still))
    outcome, reason, purpose = _outcome_of(row, ongoing=bool(still))
    if row.wrong:
        return None
    return ReportedTrial(
        drug=drug,
        dose=dose,
        release=release,
        start=start,
        about=about,
        weeks=weeks,
        end=end,
        still=still,
        outcome=outcome,
        reason=reason,
        purpose=purpose,
    )


def _dose(row: Row, drug: str) -> str:
    """The daily dose in plain digits; empty when it is not given, or refused."""
    if not row.text("dose"):
        return ""
    if _AMOUNT.fullmatch(row.text("dose")) is None:
        row.refuse("dose", "Write the daily dose as a number alone, such as 150 or 37.5; leave it open if not known.")
        return ""
    amount = float(row.text("dose").replace(",", "."))
    if drug:
        known = row.knowledge.drugs[drug]
        least, most = dose_bounds(known, row.knowledge, row.today)
        if not least <= amount <= most:
            row.refuse("dose", f"This is no daily dose of {known.label} in {unit_of(known)}. Check number and unit.")
    return f"{amount:.4f}".rstrip("0").rstrip(".")


def _whole(row: Row, name: str, most: float) -> str:
    given = row.text(name)
    if _WHOLE.fullmatch(given) is None or not 1 <= int(given) <= most:
        row.refuse(name, f"Write a whole number from 1 to {most:g}.")
        return ""
    return str(int(given))


def _length(row: Row, start: str, *, about: bool, weeks: str, end: str, still: bool) -> None:
    """How long it was taken: said once, and over by today. A start that is not a day needs a number of weeks."""
    if [bool(weeks), bool(end), still].count(True) != 1:
        row.refuse("weeks", "Say how long it was taken: a number of weeks, or the last day, or that it is still taken.")
        return
    meant = meant_by(start, about=about)
    if meant.latest > row.today:
        row.refuse("start", "This month or year is not over. Give the day.")
    elif weeks and last_of(meant.latest, int(weeks)) > row.today:
        row.refuse(
            "weeks", "That many weeks are not over by today. Give the exact first day, fewer weeks, or still taken."
        )
    elif end and not meant.is_exact:
        row.refuse("end", "Where the first day is not exact, give the number of weeks in place of the last day.")
    elif end and date.fromisoformat(end) < meant.earliest:
        row.refuse("end", "The last day lies before the first. Correct one of the two.")


def is_record(reference: str) -> bool:
    """Whether a reference is one the form can carry: ``Type/id`` of plain characters."""
    return _RECORD.fullmatch(reference) is not None


def _is_day(written: str) -> bool:
    read = PartialDate.parse(written) if _DAY.fullmatch(written) else None
    return read is not None and read.is_exact


def _course(row: Row) -> Course | None:
    """The course of the record that the row is about."""
    drug, first, last, *records = [*row.text("trial").split(" "), "", "", ""] if row.text("trial") else ["", "", ""]
    named = tuple(record for record in records if record)
    until = row.today.isoformat() if last == NOW else last
    sound = drug in row.knowledge.drugs and _is_day(first) and _is_day(until) and first <= until
    sound = sound and len(named) in _RECORDS
    if not sound or not all(is_record(record) for record in named):
        row.refuse("trial", "Choose a trial of the record from the list.")
        return None
    return Course(drug=drug, first=first, last=last, records=named)


def _read_outcome(row: Row) -> Fact | None:
    course = _course(row)
    outcome, reason, purpose = _outcome_of(row, ongoing=course is not None and course.last == NOW)
    if not (outcome or reason or purpose):
        row.refuse("outcome", "Say how it went, why it was stopped, or what it was for.")
    if course is None:
        return None
    return ReportedOutcome(course=course, outcome=outcome, reason=reason, purpose=purpose)


def _read_score(row: Row) -> Fact | None:
    scales = scales_offered(row.knowledge, row.today)
    instrument = row.one_of("instrument", scales, needed="Choose the scale from the list.")
    day = row.day("day", exact=True)
    given = row.text("value")
    if _AMOUNT.fullmatch(given) is None:
        row.refuse("value", "Write the total of the scale as a number.")
        return None
    value = float(given.replace(",", "."))
    if instrument:
        scale = scales[instrument]
        if not scale.minimum <= value <= scale.maximum or not (value.is_integer() or scale.line is None):
            row.refuse(
                "value", f"{scale.label} has totals from {scale.minimum:g} to {scale.maximum:g}. Check the number."
            )
    return ReportedScore(instrument=instrument, value=f"{value:.4f}".rstrip("0").rstrip("."), day=day)


def _read_adherence(row: Row) -> Fact | None:
    course = _course(row)
    taken = row.one_of(
        "taken", frozenset({"none", "until"}), needed="Say whether it was not taken, or until when it was."
    )
    until = ""
    if taken == "until":
        until = row.day("until", exact=True)
        if until and course is not None and not course.first <= until < _last(course, row.today):
            row.refuse("until", "This day lies outside the trial. Give the last day on which it was taken.")
    elif taken and row.text("until"):
        row.refuse("until", "It was not taken at all, or up to a day: leave the day open, or choose the other answer.")
    return ReportedAdherence(course=course, until=until) if course is not None else None


def _last(course: Course, today: date) -> str:
    return today.isoformat() if course.last == NOW else course.last


_READERS: Mapping[str, Callable[[Row], Fact | None]] = {
    "trial": _read_trial,
    "outcome": _read_outcome,
    "score": _read_score,
    "adherence": _read_adherence,
}
