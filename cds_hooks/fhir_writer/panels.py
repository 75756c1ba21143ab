"""Observations of several values: members of a panel, and components of one observation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_hooks.fhir_writer.clinical import observation
from cds_hooks.fhir_writer.elements import Element, Resource, kept, refer


def value_of(value: int | Element) -> Element:
    """The one element that holds a value: a whole number, a Quantity, or a concept (a coded answer)."""
    if isinstance(value, int):
        return {"valueInteger": value}
    return {"valueCodeableConcept" if "coding" in value else "valueQuantity": value}


def component(code: Element, value: int | Element) -> Element:
    """One component of an Observation."""
    return {"code": code, **value_of(value)}


def panel(
    *,
    id_: str,
    patient_id: str,
    code: Element,
    day: date,
    members: Sequence[str] = (),
    components: Sequence[Element] = (),
    category: str = "survey",
    status: str = "final",
) -> Resource:
    """An Observation without a value of its own; `members` are ids of Observations, `components` are inside."""
    alone = observation(id_=id_, patient_id=patient_id, code=code, day=day, category=category, status=status)
    linked = [refer("Observation", member) for member in members]
    return kept(**alone, hasMember=linked, component=list(components))
