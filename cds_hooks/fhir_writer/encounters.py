"""Visits."""

from __future__ import annotations

from datetime import date

from cds_hooks.fhir_writer.elements import HL7, Resource, coding, kept, period, refer


def encounter(*, id_: str, patient_id: str, day: date) -> Resource:
    """A finished ambulatory visit on one day."""
    return kept(
        resourceType="Encounter",
        id=id_,
        status="finished",
        **{"class": coding(HL7 + "v3-ActCode", "AMB", "ambulatory")},
        subject=refer("Patient", patient_id),
        period=period(day, day),
    )
