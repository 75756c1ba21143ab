"""Agreement of a run with the simulated truth of a synthetic cohort, and what each difference comes from.

The truth is what the published rules say of what truly happened, on the day of each patient's last moment
(`cds_hooks.cohort.true_trials`): it uses none of the reasoning that is held against it. What a difference comes from is
proved, not guessed (`proof`). Agreement with a simulated truth is agreement with a simulation: no accuracy follows.

The report counts and names nobody; the table of cases, one line for each difference, is a document of its own.
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
from cds_hooks.cohort.lacks import GROUPS, HIDDEN, WORDS, group_of
from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.reading import UnreadableCohortError, read_truth
from cds_hooks.cohort.record import patient_id_of
from cds_hooks.cohort.truth import truth_of
from cds_hooks.silent.engine import Onlooker
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.report.faults import UnusableInputError
from cds_hooks.silent.report.limits import LIMITS
from cds_hooks.silent.report.making import about
from cds_hooks.silent.report.proof import NOT_REPRODUCED, REOPENED, RULES, SWITCHED, Cohort, Proof
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import known_share
from cds_hooks.silent.report.truth_comparison import ASPECTS, Aspect, Compared, Said, said_of
from mappings.load import Knowledge

_TOLERANCE = 7  # days by which a boundary may differ and still agree
_SYNTH = "make the cohort again with this version, and run it again"
_CAUSES: Mapping[str, str] = {
    **WORDS,
    REOPENED: "rule P1: an antidepressant begun in remission begins an episode",
    SWITCHED: "rule T5: a drug ends where another began after its last fill",
    NOT_REPRODUCED: "unexplained: the run is not what this version says of this record",
}
_GROUPS: Mapping[str, str] = {
    "hidden": "hidden on purpose",
    "mishap": "went wrong in writing",
    "unrecorded": "in no record",
    "rule": "a rule that infers from records",
    "none": "unexplained",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One comparison of one patient; `cause` are the kinds a difference comes from, empty where nothing explains it."""

    patient: str
    compared: Compared
    cause: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        return self.compared.result != "agrees"

    @property
    def group(self) -> str:
        """The furthest of the groups that the kinds belong to."""
        if self.cause and set(self.cause) <= set(RULES):
            return "rule"
        if not self.cause or self.cause == (NOT_REPRODUCED,):
            return "none"
        return max((group_of(kind) for kind in self.cause), key=GROUPS.index)


@dataclass(frozen=True, slots=True)
class Agreement:
    """`told` names nobody; `cases` has a line for each difference, with the patient's id."""

    told: dict[str, Any]
    cases: dict[str, Any]


def hold_against_truth(run: Run, file: Path, knowledge: Knowledge, watch: Onlooker) -> Agreement:
    """Both documents; `watch` is told of each patient.

    Raises UnusableInputError where the truth cannot be read, or run and truth do not belong together.
    """
    try:
        told = read_truth(file)
    except UnreadableCohortError as fault:
        raise UnusableInputError(fault.place, fault.fault, fault.remedy) from None
    cohort = _cohort(run, file, knowledge)
    numbers = {patient_id_of(cohort.seed, number): number for number in range(len(told))}
    cases: list[_Case] = []
    found = [(patient, said) for patient, said in _said(run) if patient in told]
    watch.begin("patients held against the truth", len(found))
    for patient, said in found:
        if patient not in numbers:
            raise UnusableInputError(str(file), "tells of patients that its manifest does not count", _SYNTH)
        life = live(cohort.plan, cohort.seed, numbers[patient])
        if orjson.dumps(truth_of(life, cohort.plan, patient)) != orjson.dumps(told[patient]):
            raise UnusableInputError(str(file), "is not the truth that this version tells", _SYNTH)
        proof = Proof(cohort, life, said)
        one = proof.compared()
        causes = proof.causes([each.key for each in one if each.result != "agrees"])
        cases += [_Case(patient=patient, compared=each, cause=causes.get(each.key, ())) for each in one]
        watch.step(1)
    return Agreement(_told(run, cohort, cases, patients=len(told), compared=len(found)), _listed(run, cases))


def _cohort(run: Run, file: Path, knowledge: Knowledge) -> Cohort:
    manifest = _manifest(file)
    if run.definition != knowledge.default_definition:
        fault = f"judges by {run.definition}; the truth is told by {knowledge.default_definition}"
        raise UnusableInputError(str(run.directory), fault, "run the cohort with the default definition")
    if run.knowledge.get("hash") != knowledge.content_hash:
        raise UnusableInputError(str(run.directory), "was made with other knowledge", "run the cohort again")
    plan, told = Plan(knowledge), run.plan
    try:
        seed, profile = int(manifest["seed"]), str(manifest["missingness"])
        return Cohort(
            plan=plan,
            seed=seed,
            hidden=plan.hidden(profile),
            run=RunPlan(
                occasion=told["occasion"],
                until=date.fromisoformat(told["until"]),
                definition=run.definition,
                jurisdiction=told["jurisdiction"],
                zone=told["zone"],
                kinds=tuple(told["kinds"]),
            ),
            tolerance=_TOLERANCE,
        )
    except (KeyError, TypeError, ValueError):
        raise UnusableInputError(str(file.parent.parent / MANIFEST), "does not tell seed and profile", _SYNTH) from None


def _manifest(file: Path) -> Mapping[str, Any]:
    """The manifest of the cohort, beside the folder of the truth."""
    place = file.parent.parent / MANIFEST
    try:
        read = orjson.loads(place.read_bytes())
    except (OSError, ValueError):
        raise UnusableInputError(str(place), "is no manifest of a synthetic cohort", _SYNTH) from None
    return read if isinstance(read, dict) else {}


def _said(run: Run) -> Iterator[tuple[str, Said]]:
    """What the run says of each patient at its last moment."""
    trials: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for patient, ingredient, start, end, adequacy, outcome in run.ask(
        "SELECT t.patient, t.ingredient, t.start, t.end, t.adequacy, t.outcome FROM trials t "
        "JOIN last USING (patient, moment) ORDER BY t.patient, t.number"
    ):
        told = {"ingredient": ingredient, "start": start, "end": end, "adequacy": adequacy, "outcome": outcome}
        trials[patient].append(told)
    for patient, as_of, episode, verdict in run.ask(
        "SELECT patient, as_of, episode_start, verdict FROM last ORDER BY patient"
    ):
        yield patient, said_of({"as_of": as_of, "episode_start": episode, "verdict": verdict}, trials[patient])


def _told(run: Run, cohort: Cohort, cases: Sequence[_Case], *, patients: int, compared: int) -> dict[str, Any]:
    return {
        "form": "trd-cds-simulated-truth/2",
        "limits": list(LIMITS),
        "run": about(run),
        "patients": patients,
        "compared": compared,
        "toleranceDays": cohort.tolerance,
        "hidden": [{"what": HIDDEN[kind], "share": share} for kind, share in sorted(cohort.hidden.items()) if share],
        "groups": [{"group": group, "label": label} for group, label in _GROUPS.items()],
        "aspects": [_aspect(name, [one for one in cases if one.compared.aspect == name]) for name in ASPECTS],
        "causes": _causes(cases),
        "unexplained": sum(one.differs and one.group == "none" for one in cases),
    }


def _aspect(name: Aspect, cases: Sequence[_Case]) -> dict[str, Any]:
    results = Counter(one.compared.result for one in cases)
    groups = Counter(one.group for one in cases if one.differs)
    return {
        "aspect": name,
        "compared": len(cases),
        "agrees": known_share(results["agrees"], len(cases)),
        "agreesWhereDecided": known_share(results["agrees"], results["agrees"] + results["differs"]),
        "leftOpen": results["leftOpen"],
        "differs": results["differs"],
        "because": {group: groups[group] for group in _GROUPS},
    }


def _causes(cases: Iterable[_Case]) -> list[dict[str, Any]]:
    """How often each cause stands behind a difference in each aspect, most often first."""
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    groups = {}
    for one in cases:
        if one.differs:
            counts[one.cause][one.compared.aspect] += 1
            groups[one.cause] = one.group
    order = list(_GROUPS)
    ranked = sorted(counts.items(), key=lambda each: (order.index(groups[each[0]]), -each[1].total(), each[0]))
    return [
        {
            "group": groups[cause],
            "cause": [_CAUSES[kind] for kind in cause],
            "count": found.total(),
            "aspects": {aspect: found[aspect] for aspect in ASPECTS if found[aspect]},
        }
        for cause, found in ranked
    ]


def _listed(run: Run, cases: Iterable[_Case]) -> dict[str, Any]:
    return {
        "form": "trd-cds-simulated-truth-cases/1",
        "run": about(run),
        "cases": [
            {
                "patient": one.patient,
                "aspect": one.compared.aspect,
                "drug": one.compared.drug,
                "result": one.compared.result,
                "truth": one.compared.truth,
                "run": one.compared.said,
                "group": one.group,
                "cause": [_CAUSES[kind] for kind in one.cause],
            }
            for one in cases
            if one.differs
        ],
    }
