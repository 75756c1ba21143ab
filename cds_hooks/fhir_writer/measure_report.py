"""The counts of a silent run as a FHIR R4 MeasureReport of type summary.

One group for the moments with a card, one for each definition with its verdicts as strata. A withheld count has no
value but the data-absent-reason ``masked``. No measure score is written: none of this is a measure of quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MEASURE = "https://trd-cds.github.io/fhir/Measure/silent-run"
_POPULATIONS = "http://terminology.hl7.org/CodeSystem/measure-population"
_ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
VERDICTS = "https://trd-cds.github.io/fhir/CodeSystem/verdicts"
_DISPLAYS: Mapping[str, str] = {
    "initial-population": "Initial Population",
    "denominator": "Denominator",
    "numerator": "Numerator",
}


def measure_report(report: Mapping[str, Any]) -> dict[str, Any]:
    """The MeasureReport of a report (`making.make_report`): only counts that the report shows."""
    plan = report["run"]["plan"]
    firing = report["firing"]
    fired: dict[str, Any] = {
        "code": {"text": "Moments at which a card would have been shown"},
        "population": [
            _population("denominator", firing["moments"]),
            _population("numerator", _count(firing["fired"])),
        ],
    }
    kinds = [
        {"value": {"text": one["name"]}, "population": [_population("numerator", _count(one))]}
        for one in firing["byKind"]
    ]
    if kinds:
        fired["stratifier"] = [{"code": [{"text": "kind of card"}], "stratum": kinds}]
    judged = report["flow"]["judged"]
    verdicts = [
        {
            "code": {"text": f"Verdicts under {one['definition']}, at the last moment of each patient"},
            "population": [_population("initial-population", judged)],
            "stratifier": [
                {
                    "code": [{"text": "verdict"}],
                    "stratum": [
                        {
                            "value": {"coding": [{"system": VERDICTS, "code": value}]},
                            "population": [_population("initial-population", _count(told))],
                        }
                        for value, told in one["verdicts"].items()
                    ],
                }
            ],
        }
        for one in report["verdicts"]["definitions"]
    ]
    period = {"start": plan.get("since"), "end": plan.get("until")}
    return {
        "resourceType": "MeasureReport",
        "status": "complete",
        "type": "summary",
        "measure": _MEASURE,
        "reporter": {"display": "trd-cds, silent run"},
        "period": {name: day for name, day in period.items() if day},
        "group": [fired, *verdicts],
    }


def _count(told: Mapping[str, Any]) -> int | None:
    value = told["count"]
    return value if isinstance(value, int) else None


def _population(kind: str, count: int | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "code": {"coding": [{"system": _POPULATIONS, "code": kind, "display": _DISPLAYS[kind]}]},
    }
    if count is None:
        told["_count"] = {"extension": [{"url": _ABSENT, "valueCode": "masked"}]}
    else:
        told["count"] = count
    return told
