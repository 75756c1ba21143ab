"""Which search parameters each resource type has, of which kind, and where their values stand.

The table is the one source: `query` searches by it and `capability` lists it. Names, kinds and paths are
those of the FHIR R4 search parameter registry; nothing clinical is in here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["token", "date", "reference", "string"]


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """One search parameter: its name and kind, dotted paths to its values, and for a reference its target
    types.

    No targets means a reference to any type. `canonical` values are plain addresses, not Reference elements.
    """

    name: str
    kind: Kind
    paths: tuple[str, ...]
    targets: tuple[str, ...] = ()
    canonical: bool = False


def _token(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, "token", paths or (name,))


def _date(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, "date", paths)


def _string(name: str, *paths: str) -> SearchParameter:
    return SearchParameter(name, "string", paths)


def _reference(name: str, *paths: str, to: tuple[str, ...] = ()) -> SearchParameter:
    return SearchParameter(name, "reference", paths or (name,), to)


def _choice(name: str, element: str, *forms: str) -> SearchParameter:
    """A date parameter on a choice element: ``effective`` with ``DateTime`` and ``Period``."""
    return _date(name, *(element + form for form in forms))


COMMON = (_token("_id", "id"), _date("_lastUpdated", "meta.lastUpdated"))
"""Parameters of every type."""

_PEOPLE = ("Practitioner", "PractitionerRole", "Organization", "Patient", "RelatedPerson")
_IDENTIFIER = _token("identifier")
_STATUS = _token("status")
_CATEGORY = _token("category")
_CODE = _token("code")
_CLINICAL_STATUS = _token("clinical-status", "clinicalStatus")
_VERIFICATION_STATUS = _token("verification-status", "verificationStatus")
_ENCOUNTER = _reference("encounter", to=("Encounter",))
_CONTEXT = _reference("context", to=("Encounter", "EpisodeOfCare"))
_SUBJECT = _reference("subject", to=("Patient", "Group"))
_OF_SUBJECT = (_reference("patient", "subject", to=("Patient",)), _SUBJECT)
_MEDICATION_CODE = _token("code", "medicationCodeableConcept")
_MEDICATION = _reference("medication", "medicationReference", to=("Medication",))
_REQUESTER = _reference("requester", to=_PEOPLE)
_BASED_ON = _reference("based-on", "basedOn")
_MEDICATION_USE = (_IDENTIFIER, _STATUS, *_OF_SUBJECT, _MEDICATION_CODE, _MEDICATION)

_TABLE: dict[str, tuple[SearchParameter, ...]] = {
    "AllergyIntolerance": (
        _IDENTIFIER,
        _CLINICAL_STATUS,
        _VERIFICATION_STATUS,
        _CATEGORY,
        _token("criticality"),
        _token("code", "code", "reaction.substance"),
        _reference("patient", to=("Patient",)),
        _date("date", "recordedDate"),
    ),
    "Condition": (
        _IDENTIFIER,
        _CLINICAL_STATUS,
        _VERIFICATION_STATUS,
        _CATEGORY,
        _CODE,
        *_OF_SUBJECT,
        _ENCOUNTER,
        _choice("onset-date", "onset", "DateTime", "Period"),
        _choice("abatement-date", "abatement", "DateTime", "Period"),
        _date("recorded-date", "recordedDate"),
    ),
    "Encounter": (
        _IDENTIFIER,
        _STATUS,
        _token("class"),
        _token("type"),
        _token("reason-code", "reasonCode"),
        *_OF_SUBJECT,
        _date("date", "period"),
    ),
    "Medication": (_IDENTIFIER, _STATUS, _CODE, _token("ingredient-code", "ingredient.itemCodeableConcept")),
    "MedicationAdministration": (
        *_MEDICATION_USE,
        _CONTEXT,
        _reference("request", to=("MedicationRequest",)),
        _choice("effective-time", "effective", "DateTime", "Period"),
    ),
    "MedicationDispense": (
        *_MEDICATION_USE,
        _token("type"),
        _CONTEXT,
        _reference("prescription", "authorizingPrescription", to=("MedicationRequest",)),
        _date("whenprepared", "whenPrepared"),
        _date("whenhandedover", "whenHandedOver"),
    ),
    "MedicationRequest": (
        *_MEDICATION_USE,
        _token("intent"),
        _CATEGORY,
        _token("priority"),
        _ENCOUNTER,
        _REQUESTER,
        _date("authoredon", "authoredOn"),
        _date("date", "dosageInstruction.timing"),
    ),
    "MedicationStatement": (
        *_MEDICATION_USE,
        _CATEGORY,
        _CONTEXT,
        _choice("effective", "effective", "DateTime", "Period"),
    ),
    "Observation": (
        _IDENTIFIER,
        _STATUS,
        _CATEGORY,
        _CODE,
        _token("component-code", "component.code"),
        _token("combo-code", "code", "component.code"),
        _token("value-concept", "valueCodeableConcept"),
        _OF_SUBJECT[0],
        _reference("subject", to=("Patient", "Group", "Device", "Location")),
        _ENCOUNTER,
        _reference("derived-from", "derivedFrom"),
        _reference("has-member", "hasMember"),
        _choice("date", "effective", "DateTime", "Period", "Timing", "Instant"),
    ),
    "Patient": (
        _IDENTIFIER,
        _token("gender"),
        _date("birthdate", "birthDate"),
        _string("name", *(f"name.{part}" for part in ("text", "family", "given", "prefix", "suffix"))),
        _string("family", "name.family"),
        _string("given", "name.given"),
    ),
    "Procedure": (
        _IDENTIFIER,
        _STATUS,
        _CATEGORY,
        _CODE,
        *_OF_SUBJECT,
        _ENCOUNTER,
        _BASED_ON,
        _choice("date", "performed", "DateTime", "Period"),
    ),
    "QuestionnaireResponse": (
        _IDENTIFIER,
        _STATUS,
        _reference("patient", "subject", to=("Patient",)),
        _reference("subject"),
        _ENCOUNTER,
        _BASED_ON,
        SearchParameter("questionnaire", "reference", ("questionnaire",), ("Questionnaire",), canonical=True),
        _date("authored", "authored"),
    ),
    "ServiceRequest": (
        _IDENTIFIER,
        _STATUS,
        _token("intent"),
        _CATEGORY,
        _token("priority"),
        _CODE,
        *_OF_SUBJECT,
        _ENCOUNTER,
        _REQUESTER,
        _BASED_ON,
        _date("authored", "authoredOn"),
        _choice("occurrence", "occurrence", "DateTime", "Period", "Timing"),
    ),
}

SEARCHABLE: dict[str, dict[str, SearchParameter]] = {
    kind: {parameter.name: parameter for parameter in (*COMMON, *own)} for kind, own in _TABLE.items()
}
"""Type name → parameter name → parameter, for every type that can be searched."""


def reference_parameters(kind: str) -> list[SearchParameter]:
    """The reference parameters of a type: what ``_include`` can follow from it."""
    return [parameter for parameter in SEARCHABLE.get(kind, {}).values() if parameter.kind == "reference"]
