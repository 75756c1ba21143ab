"""What could not be read, and what is not recorded: named, never passed over."""

from __future__ import annotations

from collections.abc import Sequence

from plugin.findings import Gap, Missing, Reason
from plugin.record import LABORATORY, OTHER_SCALES, OUTCOME_SCALES, PatientRecord, Read
from plugin.resistance.verdict import weight_of
from plugin.trial.eligibility import Eligibility
from plugin.trial.trials import Trial

_MEDICATION_TYPES = ("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration")
_FEEDS = ("MedicationDispense", "MedicationStatement")
_ASKED_TYPES = (
    *("MedicationRequest", "MedicationDispense", "MedicationStatement", "Observation", "QuestionnaireResponse"),
    *("Condition", "Procedure", "AllergyIntolerance"),
)
# Asked for on need only: a file, or a call that needed none of it, has no gap there.
_ASKED_ON_NEED = ("MedicationAdministration", LABORATORY, OUTCOME_SCALES, OTHER_SCALES)


def history_unread(record: PatientRecord) -> Reason | None:
    """Why the count stays open upwards: medication data that were not read, or only in part. None if all were."""
    reads = {kind: record.read(kind) for kind in _MEDICATION_TYPES}
    if all(read is Read.UNREAD for read in reads.values()):
        return Reason(rule="V0", text="No medication history could be read: nothing can be said about earlier trials.")
    refused = [kind for kind in _FEEDS if record.did_not_come(kind)]
    if reads["MedicationRequest"] in (Read.PARTIAL, Read.UNKNOWN) or Read.PARTIAL in reads.values() or refused:
        return Reason(rule="V0", text="The medication history is incomplete: earlier trials may be missing.")
    return None


def missing_facts(record: PatientRecord, trials: Sequence[Trial], eligibility: Eligibility) -> tuple[Missing, ...]:
    """The facts whose absence leaves eligibility, a trial or the bounds of the episode open."""
    found = list(eligibility.missing)
    for index, trial in enumerate(trials):
        measured, _, open_ = weight_of(trial)
        if open_ and not measured:
            found += [Missing(what=m.what, would_affect=f"trials[{index}].outcome") for m in trial.outcome.missing]
    if record.lacks_scores:
        found.append(Missing(what="the scores that were not read", would_affect="episode"))
    return tuple(found)


def gaps_of(record: PatientRecord) -> tuple[Gap, ...]:
    """The kinds of data that were not received or not read completely."""
    gaps = []
    for kind in _ASKED_TYPES:
        known = record.availability.get(kind)
        if known is None:
            gaps.append(Gap(what=kind, why="not received"))
        elif known.read is not Read.COMPLETE:
            gaps.append(Gap(what=kind, why=known.why or known.read.value))
    for kind in _ASKED_ON_NEED:
        known = record.availability.get(kind)
        if known is not None and known.read is not Read.COMPLETE:
            gaps.append(Gap(what=kind, why=known.why or known.read.value))
    return tuple(gaps)
