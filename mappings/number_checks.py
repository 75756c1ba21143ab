"""Checks of clinical numbers across the values of one file: dates, order of thresholds, ranges of scales.

Every rule is tried on each day on which a number of the file changes. `site_sources` name the site's own decisions,
which carry the day of the decision and not that of the file's review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from pydantic import BaseModel

from mappings.dated import DatedFiles, histories
from mappings.definition_schema import DefinitionFile
from mappings.drug_schema import Drug
from mappings.instrument_schema import InstrumentFile
from mappings.strict_yaml import KnowledgeError
from mappings.values import DatedValue, Reviewed


def check_numbers(written: DatedFiles, drugs: Mapping[str, Drug]) -> None:
    """Raise KnowledgeError for the first number that cannot stand beside its neighbours."""
    for definition in written.definitions.values():
        _definition(f"definitions/{definition.id}.yaml", definition)
    for instrument in written.instruments.values():
        _instrument(f"instruments/{instrument.id}.yaml", instrument)
    for drug in drugs.values():
        _drug(f"drugs/{drug.id}.yaml", drug)


def check_dates(files: Mapping[str, list[tuple[str, BaseModel]]], site_sources: frozenset[str]) -> None:
    """Raise KnowledgeError for a value that takes effect only after its file is due for review.

    A value may be written before it comes into force, but not so far ahead that nobody would look at it again first.
    `files` are by name, each as its models with their places (`parts`), that of the whole file first.
    """
    for file, found in files.items():
        whole = found[0][1] if found else None
        if not isinstance(whole, Reviewed):
            continue
        for place, value in found:
            if not isinstance(value, DatedValue):
                continue
            latest = list(value.values)[-1]
            if latest > whole.review_by and not site_sources & {*value.values[latest].cites}:
                raise KnowledgeError(
                    file,
                    f"{place}.values.{latest}",
                    "takes effect after the file is due for review",
                    "correct the date, or review the file and set review_by",
                )


def _days(content: object) -> Iterator[date]:
    yield from sorted({day for _, value in histories(content) for day in value.values})


def _definition(file: str, definition: DefinitionFile) -> None:
    for day in _days(definition):
        if definition.borderline_days.on(day).amount > definition.min_days_at_dose.on(day).amount:
            raise KnowledgeError(
                file,
                f"borderline_days on {day}",
                "is above min_days_at_dose",
                "what is borderline is at most as long as what is adequate",
            )


def _instrument(file: str, written: InstrumentFile) -> None:
    if written.items and (written.item_maximum is None or written.missing_items_max is None):
        raise KnowledgeError(
            file, "items", "a scale with items has no item_maximum or missing_items_max", "state both, with citations"
        )
    for day in _days(written):
        scale = written.on(day)
        lows = [band.low for band in scale.bands]
        rated = (scale.rated_response, scale.rated_partial, scale.rated_remission)
        cuts = [cut for cut in (scale.line, scale.remission, *rated, *lows) if cut is not None]
        if scale.minimum >= scale.maximum or any(not scale.minimum <= cut <= scale.maximum for cut in cuts):
            raise KnowledgeError(
                file, f"maximum on {day}", "a cut-off lies outside the range", "correct minimum, maximum or the cut-off"
            )
        if lows != sorted(set(lows)):
            raise KnowledgeError(
                file, f"bands on {day}", "the bands do not rise", "list them from the lowest to the highest"
            )
        if scale.line is not None and scale.remission is not None and scale.remission >= scale.line:
            raise KnowledgeError(
                file, f"remission on {day}", "is not below line", "a total cannot be in remission and still ill"
            )


def _drug(file: str, drug: Drug) -> None:
    dose = drug.adequate_dose
    if dose is None:
        if drug.counting != "never" and drug.role == "antidepressant":
            raise KnowledgeError(
                file, "adequate_dose", "missing for a drug that may count", "add it or set counting to never"
            )
        return
    units = {dose.lenient.unit, dose.default.unit}
    if dose.lenient_geriatric is not None:
        units.add(dose.lenient_geriatric.amount.unit)
    if len(units) > 1:
        raise KnowledgeError(
            file, "adequate_dose", "lenient and default have different units", "state both in the same unit"
        )
    for day in _days(dose):
        low, high = dose.lenient.on(day), dose.default.on(day)
        if low.amount > high.amount:
            raise KnowledgeError(
                file,
                f"adequate_dose on {day}",
                "the lenient dose is above the default dose",
                "lenient is the lowest published therapeutic dose, default at least as high",
            )
        if drug.counting == "counts" and not (low.active and high.active):
            raise KnowledgeError(
                file,
                f"adequate_dose on {day}",
                "the drug counts on the word of a source of low confidence",
                "have the dose verified, or set counting to borderline-at-most",
            )
