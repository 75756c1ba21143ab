"""What the form offers to choose from, out of the knowledge: drugs with their units, release forms, scales."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from mappings.load import Knowledge
from mappings.schema import Drug, Instrument
from mappings.values import Code

_CONFIDENCE = ("high", "medium", "low")
RELEASED = "released"


def drugs_offered(knowledge: Knowledge) -> Mapping[str, str]:
    """Label by id of every antidepressant and augmenting agent that can be rated, in order of their names."""
    products = {one.drug: one.shown for one in knowledge.reported.written_as}
    found = {
        drug.id: f"{drug.label} ({products[drug.id]})" if drug.id in products else drug.label
        for drug in knowledge.drugs.values()
        if drug.role != "information" and drug.counting != "never" and drug.adequate_dose is not None
    }
    return dict(sorted(found.items(), key=lambda item: item[1].lower()))


def has_release(drug: Drug) -> bool:
    """Whether a slow release form of the drug is worth another dose, so that the form has to ask."""
    return any(rule.releases for rule in drug.equivalences)


def unit_of(drug: Drug) -> str:
    """The unit of the drug's amount in one day, such as ``mg`` or ``tab``."""
    return drug.adequate_dose.default.unit.removesuffix("/d") if drug.adequate_dose is not None else ""


def dose_bounds(drug: Drug, knowledge: Knowledge, day: date) -> tuple[float, float]:
    """The least and the most of a plausible daily dose in the unit of the drug. ValueError for one without doses."""
    if drug.adequate_dose is None:
        raise ValueError("a drug without adequate doses is not offered")
    bounds = knowledge.reported
    least = drug.adequate_dose.lenient.on(day).amount * bounds.dose_at_least.on(day).amount
    return least, drug.adequate_dose.default.on(day).amount * bounds.dose_at_most.on(day).amount


def scales_offered(knowledge: Knowledge, day: date) -> Mapping[str, Instrument]:
    """The rating scales by id: the preferred one first, then those with an illness line, then by name."""
    scales = knowledge.instruments_on(day).values()
    return {one.id: one for one in sorted(scales, key=lambda one: (not one.preferred, one.line is None, one.label))}


def best_code(codes: tuple[Code, ...]) -> Code:
    """The code to write, the surest one."""
    return min(codes, key=lambda code: _CONFIDENCE.index(code.confidence))
