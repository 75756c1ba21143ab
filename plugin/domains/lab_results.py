"""The newest of several results, and where it stands: by the laboratory's own range, else by the usual one.

Of several on one day the later counts, then the worse (decision 72). The usual range of the knowledge is used only
where the laboratory sent neither a range nor an interpretation.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from mappings.domain_schema import Measure
from plugin.record import LabResult, PatientFact

_BY_SEX = {"male": "-men", "female": "-women"}
_OUTSIDE = frozenset({"below", "above", "abnormal"})
_POSITIONS = {"below": frozenset({"below"}), "above": frozenset({"above"}), "outside": _OUTSIDE}


def newest(
    results: Sequence[LabResult], measure: Measure, patient: PatientFact | None, as_of: date
) -> tuple[LabResult, str]:
    """The newest result and its place: ``below``, ``within``, ``above``, ``abnormal`` or empty when it has none."""
    latest = max((result.day, result.order) for result in results)
    same = [(r, _placed(r, measure, patient, as_of)) for r in results if (r.day, r.order) == latest]
    return max(same, key=lambda one: (one[1] in _OUTSIDE, bool(one[1]), one[0].reference))


def place_of(position: str | None, place: str) -> bool | None:
    """Whether a place is the `position` asked for; None when the place does not tell."""
    if position is None or not place or (place == "abnormal" and position != "outside"):
        return None
    return place in _POSITIONS[position]


def _placed(result: LabResult, measure: Measure, patient: PatientFact | None, as_of: date) -> str:
    if result.position or result.amount is None:
        return result.position
    suffix = _BY_SEX.get(patient.sex, "") if patient is not None else ""
    low, high = (_cut(measure, f"usual-{end}", suffix, as_of) for end in ("from", "to"))
    if low is None and high is None:
        return ""
    below = result.amount.below(low) if low is not None else False
    above = result.amount.above(high) if high is not None else False
    if below or above:
        return "below" if below else "above"
    return "within" if below is False and above is False else ""


def _cut(measure: Measure, name: str, suffix: str, day: date) -> float | None:
    """The usual limit: of the sex where there is one of it, else of everybody."""
    value = measure.cut_offs.get(name + suffix) or measure.cut_offs.get(name)
    return value.on(day).amount if value is not None else None
