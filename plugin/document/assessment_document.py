"""The assessment as the public JSON document (contract version 1).

Field names, order and vocabulary are a public interface. Unknown is `null`, never a missing key.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mappings.site_schema import SiteChange
from plugin.assessment import Assessment
from plugin.document.dose_history import DoseStretch, stretches_of
from plugin.document.next_step_document import needed_part, next_step_parts, reason_part, reasons_part, stops_part
from plugin.document.resistance_document import course_part, staging_part
from plugin.record import Score
from plugin.resistance.counterfactual import Change
from plugin.resistance.verdict import Counts
from plugin.trial.measurement import Outcome
from plugin.trial.trials import Trial

CONTRACT = "1"
_PERCENT_DIGITS = 1


@cache
def engine_version() -> str:
    """The version of this distribution, ``0+unknown`` when it is not installed."""
    try:
        return version("trd-cds-hooks")
    except PackageNotFoundError:
        return "0+unknown"


def to_document(assessment: Assessment) -> dict[str, Any]:
    """The document of one assessment: JSON-ready, keys in the order of the contract."""
    record, site = assessment.record, assessment.site
    patient = record.patient
    age = patient.age_on(assessment.as_of) if patient is not None else None
    return {
        "contract": CONTRACT,
        "asOf": assessment.as_of.isoformat(),
        "engine": {
            "version": engine_version(),
            "knowledge": {
                "version": assessment.knowledge_version,
                "hash": assessment.knowledge_hash,
                "site": site.site.id if site is not None else None,
                "acceptedBy": site.site.accepted_by if site is not None else None,
                "siteChanges": [_change(change) for change in site.changes] if site is not None else [],
            },
            "definition": assessment.definition.id,
            "jurisdiction": assessment.jurisdiction,
        },
        "patient": {
            "reference": patient.reference if patient is not None else None,
            "ageYears": age[0] if age is not None and age[0] == age[1] else None,
            "sex": patient.sex if patient is not None else "unknown",
        },
        "episode": _episode(assessment),
        "eligibility": {
            "decided": assessment.eligibility.decided,
            "reasons": [
                reason_part(reason)
                for reason in (
                    *assessment.eligibility.reasons,
                    *assessment.eligibility.basis,
                    *assessment.eligibility.caps,
                )
            ],
        },
        "trials": [_trial(trial) for trial in assessment.trials],
        "earlierTrials": [_trial(trial) for trial in assessment.earlier],
        "augmentations": [_trial(trial) for trial in assessment.augmentations],
        "neuromodulation": [
            course_part(
                course, _outcome(course.outcome), [reason_part(r) for r in (*course.reasons, *course.outcome.reasons)]
            )
            for course in assessment.courses
        ],
        "counts": {
            name: _counts(result[0]) if result is not None else None
            for name, result in assessment.by_definition.items()
        },
        "verdict": _verdict(assessment),
        "staging": staging_part(
            assessment.staging, [reason_part(r) for r in (assessment.staging.reasons if assessment.staging else ())]
        ),
        "currentSeverity": _severity(assessment),
        **next_step_parts(assessment.next_step),
        "orders": [_order(assessment, index) for index in range(len(assessment.orders))],
        "neededBeforeStart": needed_part(assessment.next_step),
        "pseudoResistance": [
            {"id": one.id, "kind": one.kind, "finding": one.finding, "cites": list(one.cites), "uses": list(one.uses)}
            for one in assessment.pseudo_resistance
        ],
        "setAside": [{"reference": item.reference, "reason": item.reason} for item in assessment.set_aside],
        "missing": [{"what": item.what, "wouldAffect": item.would_affect} for item in assessment.missing],
        "gaps": [{"what": gap.what, "why": gap.why} for gap in assessment.gaps],
    }


def _change(change: SiteChange) -> dict[str, Any]:
    return {
        "path": change.path,
        "before": change.before or None,
        "after": change.after,
        "who": change.who,
        "when": change.when.isoformat(),
        "why": change.why,
    }


def _episode(assessment: Assessment) -> dict[str, Any]:
    episode = assessment.episode
    return {
        "start": episode.start.isoformat() if episode.start is not None else None,
        "basis": episode.basis,
        "uncertain": episode.uncertain,
        "flags": list(assessment.eligibility.flags),
        "reasons": [reason_part(reason) for reason in episode.reasons],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    judged, outcome, era = trial.judged, trial.outcome, trial.judged.era
    run = judged.sure or judged.possible
    doses = [trial.stated_dose] if trial.undated else [day.dose for day in era.days.each()]
    known = [dose for dose in doses if dose.is_known]
    codes = {code.system: code.code for code in reversed(trial.drug.codes)}
    doses_of = trial.drug.adequate_dose
    return {
        "ingredient": trial.ingredient,
        "rxcui": codes.get("rxnorm"),
        "atc": codes.get("atc"),
        "class": trial.drug_class,
        "start": None if trial.undated else era.start.isoformat(),
        "end": None if trial.undated else era.end.isoformat(),
        "ongoing": trial.ongoing,
        "atDoseDays": {
            "sure": judged.sure.days if judged.sure is not None else 0,
            "possible": judged.possible.days if judged.possible is not None else 0,
        },
        "run": None
        if run is None
        else {
            "start": run.span.start.isoformat(),
            "end": run.span.end.isoformat(),
            "coverage": round(run.coverage, 3),
        },
        "dailyDose": {
            "min": _number(min(dose.low for dose in known)) if known else None,
            "max": _number(max(dose.high for dose in known)) if known and len(known) == len(doses) else None,
            "unit": (doses_of.default.unit if doses_of is not None else "mg/d").removesuffix("/d"),
        },
        "adequacy": judged.adequacy.value,
        "outcome": _outcome(outcome),
        "evidenceGrade": trial.grade,
        "inCombinationWith": list(era.in_combination_with),
        "augmentedBy": list(trial.augmented_by),
        "stopReason": None
        if outcome.stop is None
        else {"value": outcome.stop.meaning, "basis": outcome.stop.by, "label": outcome.stop.label},
        "indication": {"value": judged.intent.value, "basis": judged.intent.basis},
        "flags": list(dict.fromkeys((*judged.flags, *trial.flags, *outcome.flags))),
        "sources": list(trial.sources),
        "exposure": [_stretch(stretch) for stretch in stretches_of(trial)],
        "reasons": [reason_part(reason) for reason in (*judged.reasons, *outcome.reasons)],
        "otherEras": [
            {
                "start": other.era.start.isoformat(),
                "end": other.era.end.isoformat(),
                "adequacy": other.adequacy.value,
                "outcome": result.status.value,
                "reasons": [reason_part(reason) for reason in (*other.reasons, *result.reasons)],
            }
            for other, result in trial.others
        ],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "status": outcome.status.value,
        "basis": outcome.basis,
        "category": outcome.category,
        "instrument": outcome.endpoint.instrument if outcome.endpoint is not None else None,
        "baseline": _score(outcome.baseline),
        "endpoint": _score(outcome.endpoint),
        "best": _score(outcome.best),
        "percentChange": round(float(-outcome.change) * 100, _PERCENT_DIGITS) if outcome.change is not None else None,
        "strict": {"status": outcome.strict[0].value, "category": outcome.strict[1]}
        if outcome.strict is not None
        else None,
    }


def _stretch(stretch: DoseStretch) -> dict[str, Any]:
    return {
        "start": stretch.start.isoformat(),
        "end": stretch.end.isoformat(),
        "dose": {
            "min": _number(stretch.dose.low) if stretch.dose.is_known else None,
            "max": _number(stretch.dose.high) if stretch.dose.is_known else None,
        },
        "sure": stretch.sure,
        "grade": stretch.grade,
        "layer": stretch.layer,
        "uses": list(stretch.uses),
    }


def _number(value: float) -> float | int:
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _score(score: Score | None) -> dict[str, Any] | None:
    if score is None:
        return None
    return {
        "value": _number(score.value),
        "date": score.day.isoformat(),
        "reference": score.references[0],
        "references": list(score.references),
    }


def _counts(counts: Counts) -> dict[str, int]:
    return {"lo": counts.lo, "loProxy": counts.lo_proxy, "hi": counts.hi}


def _verdict(assessment: Assessment) -> dict[str, Any]:
    verdict = assessment.verdict
    return {
        "value": verdict.value.value,
        "byDefinition": {
            name: result[1].value if result is not None else None for name, result in assessment.by_definition.items()
        },
        "decidedBy": list(dict.fromkeys(reason.rule for reason in verdict.reasons)),
        "capped": verdict.capped.value if verdict.capped is not None else None,
        "wouldChangeIf": [_would_change(change) for change in assessment.changes],
        "reasons": [reason_part(reason) for reason in verdict.reasons],
    }


def _would_change(change: Change) -> dict[str, Any]:
    first, last = change.window or (None, None)
    return {
        "fact": change.fact,
        "verdict": change.verdict.value,
        "kind": change.kind,
        "effort": change.effort,
        "trial": change.trial,
        "ingredient": change.ingredient,
        "instrument": change.instrument,
        "date": _day(change.day),
        "from": _day(first),
        "to": _day(last),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _severity(assessment: Assessment) -> dict[str, Any] | None:
    severity = assessment.severity
    if severity is None:
        return None
    return {
        "instrument": severity.score.instrument,
        "value": _number(severity.score.value),
        "date": severity.score.day.isoformat(),
        "band": severity.band,
        "reference": severity.score.references[0],
        "references": list(severity.score.references),
    }


def _order(assessment: Assessment, index: int) -> dict[str, Any]:
    judged = assessment.orders[index]
    return {
        "reference": judged.order.reference,
        "ingredient": judged.ingredient,
        "procedure": judged.order.procedure,
        "findings": [
            {
                "rule": finding.rule,
                "level": finding.level,
                "uses": list(dict.fromkeys(finding.uses)),
                "reasons": reasons_part((*finding.trial.judged.reasons, *finding.trial.outcome.reasons)),
            }
            for finding in judged.findings
        ]
        + stops_part(judged),
    }
