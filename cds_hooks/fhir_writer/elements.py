"""The building blocks of FHIR resources: codings, quantities, periods, references and dosage instructions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

Resource = dict[str, Any]
Element = dict[str, Any]

HL7 = "http://terminology.hl7.org/CodeSystem/"
UCUM = "http://unitsofmeasure.org"


def kept(**elements: Any) -> Element:
    """The elements that have a value: FHIR knows neither null nor empty objects, lists and strings."""
    return {name: value for name, value in elements.items() if value is not None and value not in ("", [], {})}


def on(day: date | None) -> str | None:
    """A day as FHIR writes it; a moment with its time zone, to the second."""
    if isinstance(day, datetime):
        return day.isoformat(timespec="seconds")
    return day.isoformat() if day else None


def coding(system: str, code: str, display: str = "") -> Element:
    """One Coding: `system` is the URI of the code system."""
    return kept(system=system, code=code, display=display)


def concept(*codings: Element, text: str = "") -> Element:
    """A CodeableConcept of these codings, of a text, or both."""
    return kept(coding=list(codings), text=text)


def quantity(value: float, unit: str = "", *, ucum: str = "") -> Element:
    """A Quantity; whole numbers have no decimal point. `ucum` is the coded unit, if there is one."""
    amount: float | int = int(value) if float(value).is_integer() else value
    return kept(value=amount, unit=unit, system=UCUM if ucum else "", code=ucum)


def days(count: float) -> Element:
    """A length of time in days."""
    return quantity(count, "days", ucum="d")


def period(start: date | None = None, end: date | None = None) -> Element:
    """A Period of whole days; either end may be open."""
    return kept(start=on(start), end=on(end))


def refer(kind: str, id_: str) -> Element:
    """A literal reference to a resource of the same server."""
    return {"reference": f"{kind}/{id_}"}


def dosage(
    *,
    text: str = "",
    dose: Element | None = None,
    frequency: int | None = None,
    every_days: int = 1,
    bounds: Element | None = None,
    as_needed: bool = False,
    sequence: int | None = None,
    lasting: float | None = None,
) -> Element:
    """One dosage instruction: `dose` per intake, `frequency` intakes in `every_days` days, within `bounds`.

    `lasting` is a number of days in place of `bounds`. Without `frequency` there is no timing but the bounds; a text
    alone is a signature nobody structured.
    """
    lasts = days(lasting) if lasting is not None else None
    repeat = kept(boundsPeriod=bounds, boundsDuration=lasts, frequency=frequency)
    if frequency is not None:
        repeat |= {"period": every_days, "periodUnit": "d"}
    return kept(
        sequence=sequence,
        text=text,
        timing=kept(repeat=repeat),
        asNeededBoolean=as_needed or None,
        doseAndRate=[{"doseQuantity": dose}] if dose else [],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who told a fact, when, and in which words: what makes a report dated and attributed.

    `by` is a Reference, None when nobody is signed in; `identifier` is (system, value), the same for the same fact.
    """

    at: datetime
    by: Element | None = None
    notes: tuple[str, ...] = ()
    identifier: tuple[str, str] | None = None

    def note_elements(self) -> list[Element]:
        """The notes as Annotations with their time and author."""
        author = self.by if self.by is not None and "reference" in self.by else None
        return [kept(authorReference=author, time=on(self.at), text=note) for note in self.notes]

    def identifier_elements(self) -> list[Element]:
        """The identifier, if there is one."""
        return [{"system": self.identifier[0], "value": self.identifier[1]}] if self.identifier else []


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderContext:
    """What an order refers to, as references ``Type/id``: the visit, the conditions it is for, what speaks for it."""

    encounter: str = ""
    reasons: tuple[str, ...] = ()
    supporting: tuple[str, ...] = ()

    def encounter_element(self) -> Element | None:
        """The reference of the visit, None without one."""
        return {"reference": self.encounter} if self.encounter else None

    def reason_elements(self) -> list[Element]:
        """References of the conditions."""
        return [{"reference": one} for one in self.reasons]

    def supporting_elements(self) -> list[Element]:
        """References of what the order rests on."""
        return [{"reference": one} for one in self.supporting]
