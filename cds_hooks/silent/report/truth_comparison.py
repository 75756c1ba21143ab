"""A run's answer on one patient held against the simulated truth, aspect by aspect.

Compared are the episode, each trial of it (found, first and last day, adequacy, outcome) and the verdict. Trials are
matched by drug: both sides tell of one drug the best of its eras, so that no choice is made here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.true_exposure import ADEQUATE, BORDERLINE, EXCLUDED
from cds_hooks.cohort.true_trials import INDETERMINATE, MEASURED, MET, PROBABLE, PROXY, UNKNOWN, TrueVerdict

Aspect = Literal["episode", "trial found", "start", "end", "adequacy", "outcome", "verdict"]
Result = Literal["agrees", "leftOpen", "differs"]
Key = tuple[Aspect, str]
ASPECTS: tuple[Aspect, ...] = ("episode", "trial found", "start", "end", "adequacy", "outcome", "verdict")
_LESS = frozenset({(PROXY, MEASURED), (PROBABLE, MET)})
_OPEN = frozenset({BORDERLINE, UNKNOWN, INDETERMINATE})


@dataclass(frozen=True, slots=True, kw_only=True)
class SaidTrial:
    """One trial as a run has it; days are None where it is known without dates."""

    drug: str
    start: date | None
    end: date | None
    adequacy: str
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a run says of one patient at one moment."""

    as_of: date
    episode: date | None
    verdict: str
    trials: tuple[SaidTrial, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One comparison; `truth` and `said` are words or days. `leftOpen`: the run says less than the truth does."""

    aspect: Aspect
    drug: str
    result: Result
    truth: str
    said: str

    @property
    def key(self) -> Key:
        """What tells it from the other comparisons of one patient."""
        return (self.aspect, self.drug)


def said_of(assessment: Mapping[str, Any], trials: Iterable[Mapping[str, Any]]) -> Said:
    """The rows of a run's tables (`cds_hooks.silent.tables`) as an answer."""
    return Said(
        as_of=assessment["as_of"],
        episode=assessment["episode_start"],
        verdict=assessment["verdict"] or "",
        trials=tuple(
            SaidTrial(
                drug=trial["ingredient"],
                start=trial["start"],
                end=trial["end"],
                adequacy=trial["adequacy"],
                outcome=trial["outcome"],
            )
            for trial in trials
        ),
    )


def compare(truth: TrueVerdict, said: Said, plan: Plan, *, tolerance: int) -> tuple[Compared, ...]:
    """Every comparison of one patient; boundaries may lie `tolerance` days apart."""
    return tuple(_compare(truth, said, plan, tolerance))


def _compare(truth: TrueVerdict, said: Said, plan: Plan, tolerance: int) -> Iterator[Compared]:
    if truth.episode is not None:
        yield _day("episode", "", plan.day(truth.episode.start), said.episode, tolerance)
    true_by, said_by = defaultdict(list), defaultdict(list)
    for true in sorted(truth.trials, key=lambda one: one.adequacy == EXCLUDED):
        true_by[true.drug].append(true)
    for trial in sorted(said.trials, key=lambda one: one.adequacy == EXCLUDED):
        said_by[trial.drug].append(trial)
    for drug in sorted({*true_by, *said_by}):
        ours, theirs = true_by[drug], said_by[drug]
        same = len(ours) == len(theirs)
        yield Compared(
            aspect="trial found",
            drug=drug,
            result="agrees" if same else "differs",
            truth=", ".join(f"{plan.day(one.start)} to {plan.day(one.end)}" for one in ours) or "no trial",
            said=", ".join(f"{one.start} to {one.end}" for one in theirs) or "no trial",
        )
        if not same:
            continue
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            name = f"{drug}, labelled for another use" if place else drug
            yield _day("start", name, plan.day(one.start), other.start, tolerance)
            yield _day("end", name, plan.day(one.end), other.end, tolerance)
            yield _word("adequacy", name, _class(one.adequacy), _class(other.adequacy))
            if _class(one.adequacy) == _class(other.adequacy) != _NOT:
                yield _word("outcome", name, one.outcome, other.outcome)
    yield _word("verdict", "", truth.verdict, said.verdict)


_NOT = "not adequate"


def _class(adequacy: str) -> str:
    """Too short or too low, still running, or for something else: none of them counts."""
    return adequacy if adequacy in (ADEQUATE, BORDERLINE) else _NOT


def _day(aspect: Aspect, drug: str, truth: date, said: date | None, tolerance: int) -> Compared:
    near = said is not None and abs((truth - said).days) <= tolerance
    told = said.isoformat() if said is not None else "none"
    return Compared(
        aspect=aspect, drug=drug, result="agrees" if near else "differs", truth=truth.isoformat(), said=told
    )


def _word(aspect: Aspect, drug: str, truth: str, said: str) -> Compared:
    less = said in _OPEN or (said, truth) in _LESS
    result: Result = "agrees" if truth == said else "leftOpen" if less else "differs"
    return Compared(aspect=aspect, drug=drug, result=result, truth=truth, said=said)


def agreeing(keys: Iterable[Key], compared: Sequence[Compared]) -> frozenset[Key]:
    """Which of these comparisons agree.

    One that is not made any more, as neither side has the trial or neither calls it adequate, agrees if all else of
    that drug does.
    """
    results = {one.key: one.result for one in compared}
    wrong = {one.drug for one in compared if one.result != "agrees"}
    return frozenset(key for key in keys if results.get(key, "differs" if key[1] in wrong else "agrees") == "agrees")
