"""The decision as it stands, and one missing fact supposed to be known: what `counterfactual` works on.

A supposition says in words what is supposed and carries it as the very value that the stages of the reasoning read: a
score, a judged era, a record. Nothing recorded is ever contradicted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.schema import Definition
from plugin.findings import Reason
from plugin.record import PatientRecord, Score
from plugin.resistance.rating import History
from plugin.trial.adequacy import Judged
from plugin.trial.eligibility import Eligibility
from plugin.trial.episode import Episode
from plugin.trial.lifetime import Setting
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The decision as it stands: the history it was made from, and the verdict's inputs at each stage.

    `labels` names condition categories; `history_unread` is the reason for an incomplete medication history, if any.
    """

    history: History
    trials: Sequence[Trial]
    extra: Sequence[Trial | Course]
    eligibility: Eligibility
    definition: Definition
    labels: Mapping[str, str]
    history_unread: Reason | None

    @property
    def record(self) -> PatientRecord:
        """The record judged."""
        return self.history.record

    @property
    def episode(self) -> Episode:
        """The episode judged."""
        return self.history.episode

    @property
    def setting(self) -> Setting:
        """The knowledge in force and the day of judgement."""
        return self.history.setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Supposition:
    """One missing fact supposed to be known.

    `kind` is a kind of the knowledge (``missing_facts.yaml``), `fact` the fact in words. `trial` is the index of the
    trial concerned; `day`, `window` and `instrument` belong to scores. Exactly one of the others is set: a `score` to
    add, the `judged` era of the trial, a `record` (`whole`: to be judged again from the exposures on), `not_taken` (the
    drug of the trial was never taken), `current` (the episode goes on), or `read` (the medication history was read and
    held nothing more).
    """

    kind: str
    fact: str
    trial: int | None = None
    day: date | None = None
    window: tuple[date, date] | None = None
    instrument: str | None = None
    score: Score | None = None
    judged: Judged | None = None
    record: PatientRecord | None = None
    whole: bool = False
    not_taken: bool = False
    current: bool = False
    read: bool = False
