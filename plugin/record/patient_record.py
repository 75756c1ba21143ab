"""Everything received about one patient, and how far each kind of data was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from plugin.findings import SetAside
from plugin.record.chart import AllergyFact, ConditionFact, PatientFact, ProcedureFact
from plugin.record.measures import ItemAnswer, LabResult, Score
from plugin.record.medications import MedicationFact, OtherMedication

# The key of `PatientRecord.availability` for laboratory results: an answer to a search for scales says nothing of them.
LABORATORY = "Observation/laboratory"
# The same for the rating scales that no prefetch template names and that change no verdict and no safety statement.
OTHER_SCALES = "Observation/other-scales"
# And for those that no template names and that outcomes are judged by, or a safety statement reads.
OUTCOME_SCALES = "Observation/outcome-scales"
_SCORES = ("Observation", "QuestionnaireResponse", OUTCOME_SCALES)


class Read(StrEnum):
    """How far one kind of data could be read."""

    COMPLETE = "complete"  # read; an empty answer is a true "none recorded"
    UNKNOWN = "completeness-unknown"  # data were handed over without the query being known
    PARTIAL = "partial"  # some pages or items are missing
    UNREAD = "unread"  # refused, unreachable or never asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """How far one kind of data (a FHIR resource type) was read, with a short reason when not complete.

    `feed`: whether such data were to be had. False only where nothing was sent and there is nobody to ask, or the
    server does not know the resource type: what was asked for and refused, or failed, has a feed.
    """

    read: Read
    why: str = ""
    feed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecord:
    """Everything received about one patient.

    `availability` is keyed by FHIR resource type, and by `LABORATORY`, `OUTCOME_SCALES` and `OTHER_SCALES`
    for what is asked for apart from it.
    `repairs` says in how many places the data were mended while they were read, by the names of ``repairs.yaml``.
    """

    patient: PatientFact | None
    medications: tuple[MedicationFact, ...] = ()
    scores: tuple[Score, ...] = ()
    laboratory: tuple[LabResult, ...] = ()
    answers: tuple[ItemAnswer, ...] = ()
    other_medications: tuple[OtherMedication, ...] = ()
    conditions: tuple[ConditionFact, ...] = ()
    procedures: tuple[ProcedureFact, ...] = ()
    allergies: tuple[AllergyFact, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    received: tuple[str, ...] = ()
    repairs: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    availability: Mapping[str, Availability] = field(default_factory=lambda: MappingProxyType({}))

    def read(self, resource_type: str) -> Read:
        """How far `resource_type` was read; UNREAD when nothing is known."""
        known = self.availability.get(resource_type)
        return known.read if known else Read.UNREAD

    def did_not_come(self, kind: str) -> bool:
        """Whether a kind was to be had and was asked for, and nothing of it was read: no feed at all is another
        matter.
        """
        known = self.availability.get(kind)
        return known is not None and known.read is Read.UNREAD and known.feed

    def lacks(self, kind: str) -> bool:
        """Whether data of a kind that may be on record were not read: some of it, or all although it was to be had."""
        return self.read(kind) is Read.PARTIAL or self.did_not_come(kind)

    @property
    def unread_scores(self) -> tuple[str, ...]:
        """The kinds of data with rating scales that are lacking."""
        return tuple(kind for kind in _SCORES if self.lacks(kind))

    @property
    def lacks_scores(self) -> bool:
        """Whether scores that may be on record were not read, so that none in it does not mean that there is none."""
        return bool(self.unread_scores)
