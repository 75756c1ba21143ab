"""Vital signs at visits, and laboratory values once a year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from cds_hooks.fhir_writer import Element, Resource, component, concept, observation, panel, quantity, refer
from cds_hooks.stories.background.person import Person
from mappings.domain_schema import Measure

_CM_IN_M = 100
_PRESSURE = ("systolic", "diastolic")


def vital_signs(
    person: Person, visits: Sequence[tuple[date, str]], *, always: Sequence[date], told: Mapping[str, date]
) -> list[Resource]:
    """Pressure, heart rate and weight at a share of `visits` (day and id) and on every day of `always`; height once.

    Weight and height follow a body mass index that the story tells of, else one inside the ordinary range. `told` is
    the first day of every code that the story itself has.
    """
    draw, shares, form = person.draw("vitals"), person.shares, _Form(person, "vital-signs", told)
    height = shares.height_cm["male" if person.sex == "male" else "female"].draw(draw)
    mass = _told_body_mass(person) or shares.body_mass_kg_m2.draw(draw)
    usual = mass * (height / _CM_IN_M) ** 2
    found: list[Resource] = []
    for day, visit in visits:
        # Drawn whether or not it is used: a day more or less in the story moves no other value.
        taken = draw.chance(shares.vitals_share)
        pressure = (shares.systolic_mmhg.draw(draw), shares.diastolic_mmhg.draw(draw))
        rate = shares.heart_rate_min.draw(draw)
        weight = round(usual + draw.amid(-shares.weight_wander_kg, shares.weight_wander_kg), 1)
        if not taken and day not in always:
            continue
        if not found:
            found.append(form.value("body-height", height, day, visit))
        if form.is_untold("systolic", day):
            found.append(form.pressure(pressure, day, visit))
        found.append(form.value("heart-rate", rate, day, visit))
        found.append(form.value("body-weight", weight, day, visit))
    return found


def laboratory(person: Person, days: Sequence[tuple[date, str]], *, told: Mapping[str, date]) -> list[Resource]:
    """The measures of the shares, all on the last of `days` (day and visit) and some on those before.

    What the story tells of itself, by the first day of each code in `told`, is left out from that day on.
    """
    draw, shares, form = person.draw("laboratory"), person.shares, _Form(person, "laboratory", told)
    found: list[Resource] = []
    for day, visit in days:
        for lab in shares.labs:
            value, wanted = lab.draw(draw), draw.chance(shares.earlier_labs_share) or day == days[-1][0]
            if wanted and lab.sex in (None, person.sex) and form.is_untold(lab.name, day):
                found.append(form.value(lab.name, value, day, visit, unit=lab.unit))
    return found


def _told_body_mass(person: Person) -> float | None:
    codes = {code.code for code in person.scene.knowledge.clinical.measures["bmi"].codes}
    for one in person.story:
        if one["resourceType"] == "Observation" and one["code"]["coding"][0]["code"] in codes:
            return float(one["valueQuantity"]["value"])
    return None


class _Form:
    """Writes the values of one patient, all of one category; each measure is named once and the name shared."""

    def __init__(self, person: Person, category: str, told: Mapping[str, date]) -> None:
        self._person, self._category, self._told = person, category, told
        self._names: dict[str, Element] = {}

    def is_untold(self, name: str, day: date) -> bool:
        """Whether the story itself has said nothing of this measure up to `day`."""
        days = [self._told[code.code] for code in self._measure(name).codes if code.code in self._told]
        return not days or day < min(days)

    def value(self, name: str, value: float, day: date, visit: str, *, unit: str = "") -> Resource:
        """One measured value, in `unit` or else the unit of the measure."""
        said = unit or self._measure(name).unit or ""
        written = observation(
            id_=self._person.scene.new_id("observation"),
            patient_id=self._person.id,
            code=self._name(name),
            day=day,
            value=quantity(value, said, ucum=said),
            category=self._category,
        )
        return written | {"encounter": refer("Encounter", visit)}

    def pressure(self, values: tuple[float, float], day: date, visit: str) -> Resource:
        """Systolic and diastolic pressure as components of one observation."""
        measure = self._measure(_PRESSURE[0])
        unit, code = measure.unit or "", measure.panel_codes[0]
        written = panel(
            id_=self._person.scene.new_id("observation"),
            patient_id=self._person.id,
            code=concept(self._person.scene.coded(code.system, code.code), text="blood pressure"),
            day=day,
            components=[
                component(self._name(name), quantity(value, unit, ucum=unit))
                for name, value in zip(_PRESSURE, values, strict=True)
            ],
            category=self._category,
        )
        return written | {"encounter": refer("Encounter", visit)}

    def _measure(self, name: str) -> Measure:
        return self._person.scene.knowledge.clinical.measures[name]

    def _name(self, name: str) -> Element:
        if name not in self._names:
            measure = self._measure(name)
            coded = self._person.scene.coded(measure.codes[0].system, measure.codes[0].code)
            self._names[name] = concept(coded, text=measure.label)
        return self._names[name]
