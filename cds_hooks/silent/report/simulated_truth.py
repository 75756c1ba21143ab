"""Agreement of a run with the simulated truth of a synthetic cohort, and what the generator hid where they differ.

Compared are the trials of the current episode, at the last moment of each patient: boundaries, adequacy and failure of
each trial, and the verdict. What the truth says of later days does not count. Agreement with a simulated truth is
agreement with a simulation: no accuracy follows.

A difference is explained only where the manifest of the cohort says that the generator left out data on which the
answer rests, and the run's own row shows the lack; or where supply outlasts the last dose, which no record shows. All
others are counted as unexplained and listed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.cohort.directory import MANIFEST
from cds_hooks.cohort.reading import UnreadableCohortError, read_truth
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.limits import LIMITS
from cds_hooks.silent.report.making import about
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import known_share
from cds_hooks.silent.report.words import HIDDEN, TAKING
from mappings.load import Knowledge

_TOLERANCE = 7  # days by which a boundary may differ and still agree
_LISTED = 200
_SUPPLY = ("order-days-supply", "order-quantity", "order-refills", "dispense-feed", "dispense-days-supply")
_ENDING = ("order-left-active", "order-stop-reason")
_DOSE = ("order-structured-dose",)
_SCORES = ("score",)
_REMISSION = ("remission-code",)
_ASPECTS = ("trial found", "start", "end", "adequacy", "failure", "verdict")
_RESTS_ON: Mapping[str, tuple[str, ...]] = {
    "trial found": (*_SUPPLY, *_REMISSION),
    "start": (*_SUPPLY, *_REMISSION),
    "end": (*_SUPPLY, *_ENDING, TAKING),
    "adequacy": (*_SUPPLY, *_DOSE, *_ENDING, TAKING),
    "failure": _SCORES,
    "verdict": (*_SCORES, *_SUPPLY, *_DOSE, *_ENDING, *_REMISSION, TAKING),
}
_AGREES, _OPEN, _DIFFERS = "agrees", "leftOpen", "differs"
_ADEQUATE = {"ADEQUATE": True, "INADEQUATE": False, "IN_PROGRESS": False}
_FAILED = {"FAILED_MEASURED": True, "FAILED_PROXY": True, "NOT_FAILED": False}
_VERDICT = {"MET": True, "PROBABLE": True, "NOT_MET": False}
# Decided by age or diagnosis, of which the truth of trials says nothing.
_OUTSIDE = ("EXCLUDED", "OUT_OF_SCOPE")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    start: date
    end: date
    adequacy: str
    outcome: str
    basis: str
    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    """One patient of the run: its verdict, its dated trials by ingredient, and whether records lack supply or dose."""

    as_of: date
    verdict: str
    episode: date | None
    supply_lacks: bool
    dose_lacks: bool
    trials: Mapping[str, Sequence[_Trial]]


@dataclass(frozen=True, slots=True)
class _Compared:
    """One comparison of one aspect; `because` are kinds of what was hidden."""

    patient: str
    aspect: str
    drug: str
    result: str
    truth: str
    said: str
    because: tuple[str, ...]


def truth_agreement(run: Run, file: Path, knowledge: Knowledge) -> dict[str, Any]:
    """The agreement as one document. UnusableInputError where the truth cannot be read."""
    try:
        told = read_truth(file)
    except UnreadableCohortError as fault:
        raise UnusableInputError(fault.place, fault.fault, fault.remedy) from None
    hidden = _hidden(file)
    judged = dict(_judged(run))
    default = knowledge.default_definition
    # The truth judges by the default definition; a verdict by another one answers another question.
    enough = knowledge.definitions[default].min_failed_trials if run.definition == default else None
    compared = [
        one
        for patient, life in sorted(told.items())
        if patient in judged
        for one in _compare(patient, life, judged[patient], hidden, enough)
    ]
    unexplained = [one for one in compared if one.result != _AGREES and not one.because]
    return {
        "form": "trd-cds-simulated-truth/1",
        "limits": list(LIMITS),
        "run": about(run),
        "patients": len(told),
        "compared": sum(patient in judged for patient in told),
        "toleranceDays": _TOLERANCE,
        "hidden": {kind: share for kind, share in sorted(hidden.items()) if share},
        "aspects": [_aspect(name, [one for one in compared if one.aspect == name]) for name in _ASPECTS],
        "explained": _explained(compared),
        "unexplained": len(unexplained),
        "unexplainedListed": [_told(one) for one in unexplained[:_LISTED]],
    }


def _hidden(file: Path) -> dict[str, float]:
    """The share of each kind of data that the generator left out, by the manifest of the cohort; empty without one."""
    for place in (file.parent.parent / MANIFEST, file.parent / MANIFEST):
        try:
            read = orjson.loads(place.read_bytes())
            missing = read["parameters"]["missing"]
            return {kind: float(missing[kind]) for kind in HIDDEN if kind in missing}
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return {}


def _judged(run: Run) -> Iterator[tuple[str, _Judged]]:
    trials: dict[str, dict[str, list[_Trial]]] = defaultdict(lambda: defaultdict(list))
    for patient, ingredient, start, end, adequacy, outcome, basis, flags in run.ask(
        "SELECT t.patient, t.ingredient, t.start, t.end, t.adequacy, t.outcome, t.basis, t.flags FROM trials t "
        "JOIN last USING (patient, moment) WHERE t.start IS NOT NULL AND t.end IS NOT NULL ORDER BY t.patient, t.number"
    ):
        trials[patient][ingredient].append(
            _Trial(start=start, end=end, adequacy=adequacy, outcome=outcome, basis=basis, flags=frozenset(flags or ()))
        )
    for patient, as_of, verdict, episode, no_supply, no_dose in run.ask(
        "SELECT patient, as_of, verdict, episode_start, supply_records < drug_records, dose_records < drug_records "
        "FROM last JOIN patients USING (patient)"
    ):
        yield (
            patient,
            _Judged(
                as_of=as_of,
                verdict=verdict or "",
                episode=episode,
                supply_lacks=bool(no_supply),
                dose_lacks=bool(no_dose),
                trials=trials[patient],
            ),
        )


def _compare(
    patient: str, life: Mapping[str, Any], judged: _Judged, hidden: Mapping[str, float], enough: int | None
) -> Iterator[_Compared]:
    begun = [number for number, one in enumerate(life["episodes"]) if date.fromisoformat(one["start"]) <= judged.as_of]
    current = max(begun, default=None)
    if current is None:
        return
    courses = [
        course
        for course in life["courses"]
        if course["use"] == "antidepressant"
        and course["episode"] == current
        and course["taken"]
        and date.fromisoformat(course["taken"][0][0]) <= judged.as_of
    ]
    began = date.fromisoformat(life["episodes"][current]["start"])
    elsewhere = judged.episode is None or abs((judged.episode - began).days) > _TOLERANCE
    everything: set[str] = set()
    for course in courses:
        for aspect, truth, said, result, lacks in _compare_course(course, judged, elsewhere=elsewhere):
            because = _because(aspect, result, lacks, hidden)
            everything.update(lacks if result != _AGREES else ())
            yield _Compared(patient, aspect, course["drug"], result, truth, said, because)
    failed = {
        course["drug"]
        for course in courses
        if course["failed"] and date.fromisoformat(course["taken"][-1][1]) <= judged.as_of
    }
    if enough is not None and judged.verdict not in _OUTSIDE:
        result = _result(len(failed) >= enough, _VERDICT.get(judged.verdict))
        because = _because("verdict", result, everything, hidden)
        yield _Compared(patient, "verdict", "", result, f"failed: {len(failed)}", judged.verdict, because)


def _because(aspect: str, result: str, lacks: Iterable[str], hidden: Mapping[str, float]) -> tuple[str, ...]:
    """The kinds of data that the aspect rests on, the records show to be lacking, and the generator left out."""
    if result == _AGREES:
        return ()
    lacking = set(lacks)
    return tuple(kind for kind in _RESTS_ON[aspect] if kind in lacking and (kind == TAKING or hidden.get(kind)))


def _compare_course(
    course: Mapping[str, Any], judged: _Judged, *, elsewhere: bool
) -> Iterator[tuple[str, str, str, str, frozenset[str]]]:
    """(aspect, truth, run, result, kinds of data that the run's own row shows to be lacking).

    `elsewhere`: the run puts the beginning of the episode on another day than the truth does.
    """
    first, last = date.fromisoformat(course["taken"][0][0]), date.fromisoformat(course["taken"][-1][1])
    last = min(last, judged.as_of)
    episode = frozenset(_REMISSION if elsewhere else ())
    near = [trial for trial in judged.trials.get(course["drug"], ()) if trial.start <= last and trial.end >= first]
    if not near:
        lacks = episode | frozenset(_SUPPLY if judged.supply_lacks else ())
        yield "trial found", f"{first} to {last}", "no trial", _DIFFERS, lacks
        return
    best = max(near, key=lambda trial: min(trial.end, last) - max(trial.start, first))
    supply = frozenset(_SUPPLY if "supply_unknown" in best.flags else ())
    # What is left over after the last dose is supply in the record; what was swallowed never is.
    late = frozenset((*_ENDING, TAKING) if (best.end - last).days > _TOLERANCE else ())
    dose = frozenset(_DOSE if judged.dose_lacks else ())
    yield "trial found", "", "", _AGREES, frozenset()
    yield "start", str(first), str(best.start), _near(first, best.start), supply | episode
    yield "end", str(last), str(best.end), _near(last, best.end), supply | late
    adequate = _ADEQUATE.get(best.adequacy)
    result = _result(course["adequate"], adequate)
    yield "adequacy", str(course["adequate"]), best.adequacy, result, supply | late | dose
    if course["adequate"] and adequate:
        score = frozenset(_SCORES if best.basis != "score" or best.outcome == "UNKNOWN" else ())
        result = _result(course["failed"], _FAILED.get(best.outcome))
        yield "failure", str(course["response"]), best.outcome, result, score


def _near(one: date, other: date) -> str:
    return _AGREES if abs((one - other).days) <= _TOLERANCE else _DIFFERS


def _result(truth: bool, said: bool | None) -> str:
    return _OPEN if said is None else _AGREES if said == truth else _DIFFERS


def _aspect(name: str, compared: Sequence[_Compared]) -> dict[str, Any]:
    counts = Counter(one.result for one in compared)
    unexplained = sum(one.result != _AGREES and not one.because for one in compared)
    decided = counts[_AGREES] + counts[_DIFFERS]
    return {
        "aspect": name,
        "compared": len(compared),
        "agrees": known_share(counts[_AGREES], len(compared)),
        "agreesWhereDecided": known_share(counts[_AGREES], decided),
        "leftOpen": counts[_OPEN],
        "differs": counts[_DIFFERS],
        "unexplained": unexplained,
    }


def _explained(compared: Sequence[_Compared]) -> list[dict[str, Any]]:
    """How often each combination of hidden data stands behind a difference."""
    counts = Counter((one.aspect, one.result, one.because) for one in compared if one.result != _AGREES and one.because)
    return [
        {"aspect": aspect, "result": result, "hidden": [HIDDEN[kind] for kind in because], "count": count}
        for (aspect, result, because), count in sorted(
            counts.items(), key=lambda each: (_ASPECTS.index(each[0][0]), -each[1])
        )
    ]


def _told(one: _Compared) -> dict[str, Any]:
    return {"patient": one.patient, "aspect": one.aspect, "drug": one.drug, "truth": one.truth, "run": one.said}
