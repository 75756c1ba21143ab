"""What a difference from the simulated truth comes from, proved by writing the record again.

The generator can write the record of the same life anew with any kind of what it lacks restored, and all else to the
byte as it was (`cds_hooks.cohort.lacks`). A difference comes from a kind if the same reasoning agrees with the truth
once that kind is restored. Tried in this order, each patient's own lacks only: every kind the profile hid, alone and
together; every mishap of writing; what is in no record. Of several that are needed together none can be left out: the
set is cut down until each of its kinds is necessary. What differs even from a record that says everything comes from no
lack, and is unexplained. Before all that each difference is held against the truth with the two rules taken at their
word that infer from records what is known of a life (`cds_hooks.cohort.true_trials`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from cds_hooks.cohort.lacks import GROUPS, HIDDEN, NOTHING, UNRECORDED, WRITABLE, group_of
from cds_hooks.cohort.life import Life
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import patient_id_of, record_of, scribe_of
from cds_hooks.cohort.supply import supplied
from cds_hooks.cohort.true_trials import TrueVerdict, true_verdict
from cds_hooks.silent.judging import judge_patient
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.report.truth_comparison import Compared, Key, Said, agreeing, compare, said_of

REOPENED, SWITCHED = "by-rule-p1", "by-rule-t5"
RULES = (REOPENED, SWITCHED)
NOT_REPRODUCED = "not-reproduced"
_TAKEN = "days-taken"
Causes = Mapping[Key, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """What all patients of a synthetic cohort share. `hidden` are the shares that its profile left out."""

    plan: Plan
    seed: int
    hidden: Mapping[str, float]
    run: RunPlan
    tolerance: int


class Proof:
    """One patient on one day: the truth, what the run said, and the records that might have been."""

    def __init__(self, cohort: Cohort, life: Life, said: Said) -> None:
        self._cohort, self._life, self._said = cohort, life, said
        self._today = (said.as_of - cohort.plan.end).days
        self._truth = true_verdict(life, cohort.plan, self._today)
        self._known: dict[frozenset[str], Said | None] = {}

    def compared(self) -> tuple[Compared, ...]:
        """The run held against the truth."""
        return self._held(self._said, self._truth)

    def causes(self, keys: Collection[Key]) -> Causes:
        """The kinds that each of these differences comes from; an empty tuple where nothing explains it."""
        if self._replayed(NOTHING) != self._said:
            return dict.fromkeys(keys, (NOT_REPRODUCED,))
        found = dict(self._by_rule(keys, self._said))
        open_ = set(keys) - set(found)
        restored: frozenset[str] = NOTHING
        for kinds in self._lacking():
            if not kinds or not open_:
                continue
            before, restored = restored, restored | kinds
            for key, alone in self._by(open_, kinds, restored).items():
                tried = [one for one in found.values() if len(one) > 1]
                found[key] = alone or self._least(key, restored, first=before, tried=tried)
            open_ -= set(found)
        everything = self._replayed(restored)
        if open_ and everything is not None:
            found |= self._by_rule(open_, everything)
        return {key: found[key] if self._possible(key, found.get(key, ())) else () for key in keys}

    def _by_rule(self, keys: Collection[Key], said: Said) -> Causes:
        """Those that agree with the truth where a rule that infers from records is taken at its word."""
        found: dict[Key, tuple[str, ...]] = {}
        for reopened, switched in ((True, False), (False, True), (True, True)):
            truth = true_verdict(self._life, self._cohort.plan, self._today, reopened=reopened, switched=switched)
            rules = tuple(rule for rule, used in zip(RULES, (reopened, switched), strict=True) if used)
            for key in agreeing(set(keys) - set(found), self._held(said, truth)):
                found[key] = rules
        return found

    def _possible(self, key: Key, cause: tuple[str, ...]) -> bool:
        """Whether there is a cause, and what was handed over could last as long as the run says it was taken.

        Held against it is the record with everything in it that can be written: what else it lacks moves days too.
        """
        if not cause or _TAKEN not in cause or not key[1]:
            return bool(cause)
        said = self._replayed(WRITABLE)
        if said is None:
            return False
        ordered = int(self._cohort.plan.number["supply-days"])
        spans = [supplied(course, ordered) for course in self._life.courses if course.drug == key[1]]
        days = [day for trial in said.trials if trial.drug == key[1] for day in (trial.start, trial.end) if day]
        numbers = [(day - self._cohort.plan.end).days for day in days]
        return all(any(first <= number <= last for first, last in spans) for number in numbers)

    def _lacking(self) -> list[frozenset[str]]:
        """The kinds that this record lacks, group by group; mishaps also of what is hidden."""
        lacks = set(UNRECORDED)
        for restored in (NOTHING, HIDDEN):
            lacks |= set(
                scribe_of(
                    self._life,
                    self._cohort.plan,
                    seed=self._cohort.seed,
                    hidden=self._cohort.hidden,
                    restored=restored,
                ).lacks
            )
        return [frozenset(kind for kind in lacks if group_of(kind) == group) for group in GROUPS]

    def _by(self, keys: Collection[Key], kinds: frozenset[str], restored: frozenset[str]) -> Causes:
        """Those that agree with all of `restored`, each with the one kind that is enough, or empty."""
        solved = self._agreeing(keys, restored)
        alone: dict[Key, tuple[str, ...]] = dict.fromkeys(solved, ())
        for kind in sorted(kinds):
            left = [key for key, found in alone.items() if not found]
            if not left:
                break
            alone |= dict.fromkeys(self._agreeing(left, frozenset({kind})), (kind,))
        return alone

    def _least(
        self, key: Key, restored: frozenset[str], *, first: frozenset[str], tried: Iterable[Sequence[str]]
    ) -> tuple[str, ...]:
        """`restored` without any kind that is not needed for this one to agree; those of `first` are kept longest.

        What other differences of the patient come from is tried before: mostly it is the same.
        """
        needed = next((frozenset(one) for one in tried if self._agreeing([key], frozenset(one))), restored)
        before = NOTHING
        while needed != before:  # what was needed beside another kind may not be without it
            before = needed
            for kinds in (sorted(needed - first), sorted(needed & first)):
                needed = self._without(key, needed, kinds)
        return tuple(sorted(needed))

    def _without(self, key: Key, needed: frozenset[str], kinds: Sequence[str]) -> frozenset[str]:
        """`needed` without those of `kinds` that can be left out, many at a time."""
        if not kinds:
            return needed
        if self._agreeing([key], needed.difference(kinds)):
            return needed.difference(kinds)
        if len(kinds) == 1:
            return needed
        half = len(kinds) // 2
        return self._without(key, self._without(key, needed, kinds[:half]), kinds[half:])

    def _agreeing(self, keys: Collection[Key], restored: frozenset[str]) -> frozenset[Key]:
        said = self._replayed(restored)
        return agreeing(keys, self._held(said, self._truth)) if said is not None else frozenset()

    def _held(self, said: Said, truth: TrueVerdict) -> tuple[Compared, ...]:
        return compare(truth, said, self._cohort.plan, tolerance=self._cohort.tolerance)

    def _replayed(self, restored: frozenset[str]) -> Said | None:
        if restored not in self._known:
            resources = record_of(
                self._life,
                self._cohort.plan,
                seed=self._cohort.seed,
                hidden=self._cohort.hidden,
                restored=restored,
                today=self._today,
            )
            self._known[restored] = judged(resources, self._cohort, self._life.number, self._said.as_of)
        return self._known[restored]


def judged(resources: Sequence[Mapping[str, Any]], cohort: Cohort, number: int, day: date) -> Said | None:
    """What the reasoning says of a record at the last moment of `day`; None where it judges none."""
    patient, run = patient_id_of(cohort.seed, number), cohort.run
    plan = RunPlan(
        occasion="orders" if run.occasion == "orders" else "date",
        until=day,
        since=day if run.occasion == "orders" else None,
        definition=run.definition,
        jurisdiction=run.jurisdiction,
        zone=run.zone,
        kinds=run.kinds,
    )
    lines = [orjson.dumps(resource) for resource in resources]
    rows = judge_patient(patient, lines, plan=plan, knowledge=cohort.plan.knowledge)
    if not rows["assessments"]:
        return None
    last = max(rows["assessments"], key=lambda row: str(row["moment"]))
    return said_of(last, [row for row in rows["trials"] if row["moment"] == last["moment"]])
