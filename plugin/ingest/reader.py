"""From the resources received about one patient to a `PatientRecord`.

Resource by resource: what cannot be read, or is not about this patient, is set aside with its reason and
never stops the rest. Every reference received ends in a fact or in `set_aside`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from types import MappingProxyType

from mappings.load import Knowledge
from plugin.findings import SetAside
from plugin.ingest.allergies import ALLERGY_TYPES, read_allergy
from plugin.ingest.conditions import Categories, read_condition
from plugin.ingest.laboratory import Results, read_laboratory
from plugin.ingest.measures import COULD_NOT_BE_READ, MEASURE_TYPES, Measured, read_measures
from plugin.ingest.medications import MEDICATION_TYPES, read_medication
from plugin.ingest.named_drug import Drugs, Met
from plugin.ingest.other_medications import DrugGroupNames, read_other_medication
from plugin.ingest.patient import patients_of, read_patient, why_not_about, with_subjects
from plugin.ingest.procedures import read_procedure
from plugin.ingest.read_once import ReadOnce
from plugin.ingest.references import Member, Received, bare_id
from plugin.ingest.repairs import Repairs
from plugin.ingest.resources import Json
from plugin.ingest.vocabulary import Vocabulary, vocabulary_of
from plugin.record import (
    LABORATORY,
    AllergyFact,
    Availability,
    ConditionFact,
    ItemAnswer,
    LabResult,
    MedicationFact,
    OtherMedication,
    PatientFact,
    PatientRecord,
    ProcedureFact,
    Read,
)

# The kinds of data whose reading is accounted for; the others are not asked for.
_ACCOUNTED = (
    *("Patient", *MEDICATION_TYPES, *MEASURE_TYPES),
    *("Condition", "Procedure", "AllergyIntolerance", "Encounter"),
)
_ORDERS = "MedicationRequest"
_Fact = MedicationFact | ConditionFact | ProcedureFact | AllergyFact | PatientFact
_Reader = Callable[[str, Json], _Fact | SetAside]


def read_record(
    resources: Iterable[object],
    *,
    knowledge: Knowledge,
    patient_id: str | None = None,
    availability: Mapping[str, Availability] | None = None,
    zone: tzinfo | None = None,
    jurisdiction: str = "us",
    already: ReadOnce | None = None,
) -> PatientRecord:
    """Read decoded FHIR of any quality about one patient; never raises on a bad resource.

    Without `patient_id` the only patient of the input is meant; with several nothing is read and everything
    is set aside (`split_patients` tells beforehand). `availability` says how far each resource type was read
    where the caller asked for it; types that came without being asked for are "completeness unknown". Without
    it (a file) a type that occurs is complete and all others are unread. `zone` is the client's time zone for
    instants. `already` keeps what resources say for other readings of the same patient.
    """
    received = Received(resources)
    told = with_subjects(received)
    mentioned = patients_of(told)
    vocabulary = vocabulary_of(knowledge)
    once = already if already is not None else ReadOnce()
    once.bind(knowledge, jurisdiction, zone)
    drugs = Drugs(vocabulary, received, jurisdiction, once.part("drugs", Met))
    wanted = bare_id(patient_id) if patient_id else mentioned[0] if len(mentioned) == 1 else ""
    mine: list[Member] = []
    aside: list[SetAside] = []
    alone = set(mentioned) <= {wanted}
    for member, about in told:
        reason = _why_not(member, about, wanted, mentioned, alone=alone)
        if reason is None:
            mine.append(member)
        else:
            aside.append(SetAside(reference=member.reference, reason=reason))
    readers = _readers(drugs, once.part("categories", lambda: Categories(vocabulary)))
    facts: list[_Fact] = []
    observed: list[Member] = []
    unread: list[Member] = []
    for member in mine:
        reader = readers.get(member.kind)
        if reader is None:
            (observed if member.kind in MEASURE_TYPES else unread).append(member)
            continue
        read = _read(reader, member, drugs, already)
        if isinstance(read, SetAside):
            aside.append(read)
        else:
            facts.append(read)
    measured = read_measures(observed, received, vocabulary, zone, already)
    others, unmeasured = _laboratory(observed, measured, vocabulary, zone, already)
    results = others.results
    aside.extend(unmeasured)
    aside.extend(_unread(unread, drugs))
    patients = [fact for fact in facts if isinstance(fact, PatientFact)]
    aside.extend(SetAside(reference=extra.reference, reason="a second Patient resource") for extra in patients[1:])
    places = {reference: place for place, reference in enumerate(received.references)}
    return PatientRecord(
        patient=patients[0] if patients else None,
        medications=tuple(fact for fact in facts if isinstance(fact, MedicationFact)),
        scores=tuple(measured.scores),
        laboratory=tuple(results),
        answers=_answers(measured, others),
        other_medications=_other_medications(mine, facts, drugs, once),
        conditions=tuple(fact for fact in facts if isinstance(fact, ConditionFact)),
        procedures=tuple(fact for fact in facts if isinstance(fact, ProcedureFact)),
        allergies=tuple(fact for fact in facts if isinstance(fact, AllergyFact)),
        set_aside=tuple(sorted(aside, key=lambda entry: places[entry.reference])),
        received=received.references,
        repairs=Repairs([member.resource for member in mine], knowledge),
        availability=_availability(mine, availability, has_laboratory=_has_laboratory(results, knowledge)),
    )


def _readers(drugs: Drugs, categories: Categories) -> dict[str, _Reader]:
    """What reads each type of resource that is a fact of its own."""
    vocabulary, received = drugs.vocabulary, drugs.received
    return {
        "Patient": read_patient,
        "Condition": lambda reference, resource: read_condition(reference, resource, categories),
        "Procedure": lambda reference, resource: read_procedure(reference, resource, vocabulary, received),
        **{kind: lambda reference, resource: read_medication(reference, resource, drugs) for kind in MEDICATION_TYPES},
        **{kind: lambda reference, resource: read_allergy(reference, resource, drugs) for kind in ALLERGY_TYPES},
    }


def _why_not(member: Member, about: str, wanted: str, mentioned: tuple[str, ...], *, alone: bool) -> str | None:
    if not member.kind:
        return "not a FHIR resource: its resourceType is missing or unreadable"
    if not wanted and len(mentioned) > 1:
        return "several patients in the input and none chosen"
    return why_not_about(member, about, wanted, alone=alone)


def _read(reader: _Reader, member: Member, drugs: Drugs, already: ReadOnce | None) -> _Fact | SetAside:
    if already is None:
        return _read_now(reader, member)

    def read() -> tuple[_Fact | SetAside, tuple[str, ...]]:
        before = len(drugs.used)
        return _read_now(reader, member), tuple(drugs.used[before:])

    fact, used = already.of("fact", member.resource, read, given=member.reference, received=drugs.received)
    drugs.used.extend(used)
    return fact


def _read_now(reader: _Reader, member: Member) -> _Fact | SetAside:
    try:
        return reader(member.reference, member.resource)
    except Exception:  # one resource must never cost the others; the tests hold that no known input leads here
        return SetAside(reference=member.reference, reason=COULD_NOT_BE_READ)


def _laboratory(
    observed: Iterable[Member],
    measured: Measured,
    vocabulary: Vocabulary,
    zone: tzinfo | None,
    already: ReadOnce | None,
) -> tuple[Results, list[SetAside]]:
    """What gave no score, or may say more than one, tells; and what remains unused, a laboratory's own reason first."""
    scored = {reference for score in measured.scores for reference in score.references}
    read = read_laboratory(
        (
            member
            for member in observed
            if member.reference not in scored or "component" in member.resource or member.kind != "Observation"
        ),
        measured.codings,
        vocabulary.knowledge,
        zone,
        already,
    )
    answered = {answer.reference for answer in (*measured.answers, *read.answers)}
    used = scored | answered | {result.reference for result in read.results}
    reasons = {entry.reference: entry for entry in (*measured.aside, *read.aside) if entry.reference not in used}
    return read, list(reasons.values())


def _answers(measured: Measured, others: Results) -> tuple[ItemAnswer, ...]:
    """The answers on scales of outcome and on all others, oldest first."""
    both = (*measured.answers, *others.answers)
    return tuple(sorted(both, key=lambda one: (one.day, one.order, one.instrument, one.item, one.reference)))


def _has_laboratory(results: Iterable[LabResult], knowledge: Knowledge) -> bool:
    return any(knowledge.clinical.measures[result.measure].kind == "laboratory" for result in results)


def _other_medications(
    mine: Iterable[Member], facts: Iterable[_Fact], drugs: Drugs, once: ReadOnce
) -> tuple[OtherMedication, ...]:
    """Records of drugs that the knowledge knows by a drug group only."""
    judged = {fact.reference for fact in facts if isinstance(fact, MedicationFact) and fact.product is not None}
    names = once.part("groups", lambda: DrugGroupNames(drugs.vocabulary))
    found = (
        read_other_medication(reference, resource, drugs, names)
        for reference, kind, resource in mine
        if kind in MEDICATION_TYPES and reference not in judged
    )
    return tuple(other for other in found if other is not None)


def _unread(members: Iterable[Member], drugs: Drugs) -> Iterable[SetAside]:
    """Resources that no reader takes, with the reason why not."""
    versions, used = drugs.vocabulary.knowledge.repairs.other_versions, frozenset(drugs.used)
    for reference, kind, _ in members:
        if kind == "Medication":
            was = reference in used
            reason = "read through the records that refer to it" if was else "no record read refers to it"
        elif kind == "OperationOutcome":
            reason = "a message of the server, not data"
        elif kind in versions:
            reason = f"a resource type of FHIR {versions[kind]}, a version that is not read"
        else:
            reason = "a resource type not read in this version"
        yield SetAside(reference=reference, reason=reason)


def _availability(
    mine: Iterable[Member], stated: Mapping[str, Availability] | None, *, has_laboratory: bool
) -> Mapping[str, Availability]:
    occurring = {member.kind for member in mine}
    if stated is None:
        absent = Availability(read=Read.UNREAD, why="none in the input", feed=False)
        kinds = {kind: Availability(read=Read.COMPLETE) if kind in occurring else absent for kind in _ACCOUNTED}
        if has_laboratory:
            kinds[LABORATORY] = Availability(read=Read.COMPLETE)
        if not occurring.isdisjoint(MEDICATION_TYPES) and _ORDERS not in occurring:
            del kinds[_ORDERS]  # nobody asked for orders, and what was taken stands in another kind (decision 120)
        return MappingProxyType(kinds)
    unasked = Availability(read=Read.UNKNOWN, why="sent without the query being known")
    extra = {kind: unasked for kind in _ACCOUNTED if kind in occurring and kind not in stated}
    return MappingProxyType({**stated, **extra})
