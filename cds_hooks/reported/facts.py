"""What a clinician can add: four kinds of fact, as entered and found in order.

Days are written as entered: a day (``2025-03-14``), a month or a year. `values` gives back the fields of the form, so
that a fact travels in the page and nowhere else; reading them again makes the same fact.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

Values = dict[str, str]
# In place of the last day of a course that goes on.
NOW = "now"


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A course of the record that a fact is about: drug id, first and last day (`NOW` while it goes on), and one or
    two of its records (``Type/id``).
    """

    drug: str
    first: str
    last: str
    records: tuple[str, ...]

    @property
    def token(self) -> str:
        """The course as one word of the form."""
        return " ".join((self.drug, self.first, self.last, *self.records))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedTrial:
    """A drug taken as the clinician knows it.

    `dose` is a day's amount in the unit of the drug, empty when not known. `start` may be a month or a year, or `about`
    a day. Its length: an `end` (a day), a number of `weeks`, or `still` taken. `outcome`, `reason` and `purpose` are
    ids of ``reported.yaml``, empty when not known.
    """

    drug: str
    dose: str = ""
    release: str = ""
    start: str
    about: str = ""
    weeks: str = ""
    end: str = ""
    still: str = ""
    outcome: str = ""
    reason: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedOutcome:
    """How a course of the record went, why it ended, what it was for: at least one of the three."""

    course: Course
    outcome: str = ""
    reason: str = ""
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedScore:
    """A total on a rating scale on a day."""

    instrument: str
    value: str
    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedAdherence:
    """A course of the record that was not taken at all (`until` empty), or only up to and with a day."""

    course: Course
    until: str = ""


Fact = ReportedTrial | ReportedOutcome | ReportedScore | ReportedAdherence


def values_of(fact: Fact) -> Values:
    """The fields of the form that make `fact`, those without a value left out."""
    found: Values = {"kind": _KINDS[type(fact)]}
    for field in fields(fact):
        value = getattr(fact, field.name)
        if isinstance(value, Course):
            found["trial"] = value.token
        else:
            found[field.name] = value
    if isinstance(fact, ReportedAdherence):
        found["taken"] = "until" if fact.until else "none"
    return {name: value for name, value in found.items() if value}


_KINDS = {ReportedTrial: "trial", ReportedOutcome: "outcome", ReportedScore: "score", ReportedAdherence: "adherence"}
