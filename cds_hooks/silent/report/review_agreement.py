"""Agreement of the verdicts with a chart review. It names patients by id: as confidential as the export.

A chart that the reviewer, or the verdict, cannot tell is no disagreement and no agreement. It is therefore read twice:
among those that both decided, and with every chart, where what cannot be told counts as not met. PROBABLE is read as
met in one reading and as not decided in the other. Several reviewers of one chart make one label by majority; without
one it cannot be told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from cds_hooks.silent.report.chart_review import Reviewed
from cds_hooks.silent.report.kappa import kappa
from cds_hooks.silent.report.limits import LIMITS
from cds_hooks.silent.report.making import about
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import known_share

_DIGITS = 3
_YES, _NO, _OPEN = "met", "not_met", "cannot_tell"
CONFIDENTIAL = "This file names patients by id. It is as confidential as the export it was made of."
READINGS: Mapping[str, str] = {
    "decided": "Only charts that both decided: MET is met, NOT_MET, EXCLUDED and OUT_OF_SCOPE are not met; PROBABLE "
    "and INDETERMINATE, and charts that the reviewer could not tell, are left out.",
    "everyChart": "Every chart: MET and PROBABLE are met, all else is not met; a chart that the reviewer could not "
    "tell is not met.",
}
_DECIDED = {"MET": _YES, "NOT_MET": _NO, "EXCLUDED": _NO, "OUT_OF_SCOPE": _NO}
_EVERY = {"MET": _YES, "PROBABLE": _YES}
_MOMENT = """
SELECT a.patient, a.moment, a.as_of, a.verdict, a.decided_by, a.settled_by, a.missing FROM assessments a
WHERE a.patient = ? AND (? = '' OR a."order" = ? OR EXISTS (SELECT 1 FROM orders o WHERE o.patient = a.patient
    AND o.moment = a.moment AND o."order" = ?)) AND (?::DATE IS NULL OR a.as_of <= ?::DATE)
ORDER BY a.as_of DESC, a.moment DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chart:
    patient: str
    moment: str
    as_of: str
    label: str
    verdict: str
    decided_by: Sequence[str]
    settled_by: Sequence[str]
    missing: Sequence[str]


def review_agreement(run: Run, reviews: Sequence[Reviewed], titles: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The agreement of the run with `reviews` as one document; `titles` are what the ids of rules stand for."""
    grouped: dict[tuple[str, str, Any], list[Reviewed]] = defaultdict(list)
    for one in reviews:
        grouped[one.patient, one.order, one.day].append(one)
    charts, unknown = [], 0
    for (patient, order, day), lines in sorted(grouped.items(), key=lambda each: tuple(str(part) for part in each[0])):
        rows = run.ask(_MOMENT, patient, order, order, order, day, day)
        if not rows:
            unknown += 1
            continue
        _, moment, as_of, verdict, decided_by, settled_by, missing = rows[0]
        charts.append(
            _Chart(
                patient=patient,
                moment=moment,
                as_of=as_of.isoformat(),
                label=_majority([line.label for line in lines]),
                verdict=verdict or "none",
                decided_by=decided_by or (),
                settled_by=settled_by or (),
                missing=missing or (),
            )
        )
    return {
        "form": "trd-cds-chart-review/1",
        "confidential": CONFIDENTIAL,
        "limits": list(LIMITS),
        "run": about(run),
        "rules": dict(titles or {}),
        "charts": len(charts),
        "notInTheRun": unknown,
        "lines": len(reviews),
        "table": _table(charts),
        "readings": [
            _reading(name, [pair for chart in charts if (pair := _pair(name, chart)) is not None]) for name in READINGS
        ],
        "reviewers": list(_reviewers(grouped)),
        "disagreements": [_told(chart) for chart in charts if _disagrees(chart)],
        "undecided": [_told(chart) for chart in charts if _pair("decided", chart) is None],
    }


def _majority(labels: Sequence[str]) -> str:
    [(label, many), *others] = Counter(labels).most_common()
    return label if not others or others[0][1] < many else _OPEN


def _pair(reading: str, chart: _Chart) -> tuple[str, str] | None:
    """(reviewer, verdict) as met or not met; None where this reading leaves the chart out."""
    if reading == "everyChart":
        return (chart.label if chart.label != _OPEN else _NO, _EVERY.get(chart.verdict, _NO))
    said = _DECIDED.get(chart.verdict)
    return None if said is None or chart.label == _OPEN else (chart.label, said)


def _disagrees(chart: _Chart) -> bool:
    pair = _pair("decided", chart)
    return pair is not None and pair[0] != pair[1]


def _reading(name: str, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    counts = Counter(pairs)
    both, missed, extra, neither = (counts[pair] for pair in ((_YES, _YES), (_YES, _NO), (_NO, _YES), (_NO, _NO)))
    return {
        "reading": name,
        "told": READINGS[name],
        "charts": len(pairs),
        "bothMet": both,
        "onlyReviewer": missed,
        "onlyVerdict": extra,
        "neither": neither,
        "sensitivity": known_share(both, both + missed),
        "positivePredictiveValue": known_share(both, both + extra),
        "kappa": _kappa(pairs),
    }


def _kappa(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    found = kappa(pairs)
    if found is None:
        return {"value": None, "low": None, "high": None, "standardError": None, "pairs": len(pairs)}
    told = {"value": found.value, "low": found.low, "high": found.high, "standardError": found.error}
    return {**{name: round(value, _DIGITS) for name, value in told.items()}, "pairs": found.pairs}


def _table(charts: Sequence[_Chart]) -> list[dict[str, Any]]:
    counts = Counter((chart.verdict, chart.label) for chart in charts)
    verdicts = dict.fromkeys(chart.verdict for chart in sorted(charts, key=lambda chart: chart.verdict))
    return [{"verdict": one, **{label: counts[one, label] for label in (_YES, _NO, _OPEN)}} for one in verdicts]


def _reviewers(grouped: Mapping[Any, Sequence[Reviewed]]) -> Iterator[dict[str, Any]]:
    """Each pair of reviewers with charts in common; they are told by number, in the order of their names."""
    names = sorted({line.reviewer for lines in grouped.values() for line in lines if line.reviewer})
    for (place, one), (other_place, other) in combinations(enumerate(names, start=1), 2):
        labels = [{line.reviewer: line.label for line in lines} for lines in grouped.values()]
        pairs = [(chart[one], chart[other]) for chart in labels if one in chart and other in chart]
        if pairs:
            yield {"reviewers": [place, other_place], **_kappa(pairs)}


def _told(chart: _Chart) -> dict[str, Any]:
    return {
        "patient": chart.patient,
        "moment": chart.moment,
        "asOf": chart.as_of,
        "reviewer": chart.label,
        "verdict": chart.verdict,
        "decidedBy": list(chart.decided_by),
        "settledBy": list(chart.settled_by),
        "lacking": list(chart.missing),
    }
