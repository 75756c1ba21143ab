"""One patient's history laid out once, and rated under one definition after another.

What does not depend on a definition (exposures, eras, the episode, what was added when) is a `History`; `rate` gives
the trials, augmentations and courses as one definition rates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from mappings.load import Knowledge
from mappings.schema import Definition, Procedures
from plugin.exposure.exposures import Exposures, expose
from plugin.findings import Reason
from plugin.record import PatientRecord
from plugin.trial.augmentation import Agents, additions_of, augmentations_of, with_augmenters
from plugin.trial.episode import Episode, Evidence, current_episode
from plugin.trial.levels import levels_of
from plugin.trial.neuromodulation import Course, courses_of, episode_series
from plugin.trial.scale_reading import Addition
from plugin.trial.trials import Lifetime, Setting, Trial, earlier_trials, lifetime_of, trials_of


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the record says before any definition is applied."""

    record: PatientRecord
    setting: Setting
    exposures: Exposures
    lifetime: Lifetime
    episode: Episode
    additions: Sequence[Addition]
    agents: Agents
    procedures: Procedures


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """The trials, augmentations and courses of an episode as one definition rates them."""

    trials: tuple[Trial, ...]
    augmentations: tuple[Trial, ...]
    courses: tuple[Course, ...]

    def beside(self, definition: Definition) -> tuple[Trial | Course, ...]:
        """What counts beside the trials under the definition."""
        augmentations = self.augmentations if definition.augmentation_counts else ()
        courses = [c for c in self.courses if c.counts_as_trial] if definition.neuromodulation_counts else []
        return (*augmentations, *courses)


def history_of(record: PatientRecord, *, knowledge: Knowledge, as_of: date) -> History:
    """Lay out exposures and eras up to `as_of`, and find the current episode."""
    setting = Setting(
        drugs=knowledge.drugs,
        instruments=knowledge.instruments_on(as_of),
        rules=knowledge.reconstruction_on(as_of),
        as_of=as_of,
        levels=levels_of(record.laboratory, knowledge.clinical.measures, as_of),
    )
    exposures = expose(record.medications, rules=setting.rules, as_of=as_of, cites=setting.rules.cites)
    lifetime = lifetime_of(exposures, record, setting)
    episode = episode_of(record, lifetime, setting)
    agents = _agents(knowledge)
    series = episode_series(record, knowledge.procedures.kinds, episode=episode, as_of=as_of)
    return History(
        record=record,
        setting=setting,
        exposures=exposures,
        lifetime=lifetime,
        episode=episode,
        additions=additions_of(lifetime, series, record, setting, agents),
        agents=agents,
        procedures=knowledge.procedures,
    )


def episode_of(record: PatientRecord, lifetime: Lifetime, setting: Setting) -> Episode:
    """The current episode, from scores, conditions and procedures of `record` and the eras of `lifetime`.

    Where scores that may be on record were not read, it is uncertain: a remission among them may have ended it and
    begun another one, or a score at the line may join it with the one before.
    """
    evidence = Evidence(
        scores=record.scores,
        conditions=record.conditions,
        procedures=record.procedures,
        era_starts=[
            (era.began, tuple(f.reference for f in era.facts[:1])) for era in lifetime.eras if era.id in lifetime.acting
        ],
        active_spans=[span for era in lifetime.eras if era.key.excluded_for is None for span in era.days.spans()],
    )
    found = current_episode(evidence, rules=setting.rules, instruments=setting.instruments, as_of=setting.as_of)
    if not record.lacks_scores:
        return found
    text = "Scores were not read completely: one that ends or begins an episode may be among them."
    return replace(found, uncertain=True, reasons=(*found.reasons, Reason(rule="P1", text=text)))


def rate(
    history: History, definition: Definition, *, episode: Episode | None = None, record: PatientRecord | None = None
) -> Rated:
    """Rate the history under one definition; `episode` and `record` stand in for its own where facts are supposed."""
    within, told, setting = episode or history.episode, record or history.record, history.setting
    trials = trials_of(
        history.lifetime, within, told, definition=definition, setting=setting, additions=history.additions
    )
    augmentations = augmentations_of(
        history.lifetime,
        trials,
        within,
        told,
        definition=definition,
        setting=setting,
        additions=history.additions,
        agents=history.agents,
    )
    series = episode_series(told, history.procedures.kinds, episode=within, as_of=setting.as_of)
    windows = history.procedures.windows
    return Rated(
        trials=with_augmenters(trials, augmentations),
        augmentations=augmentations,
        courses=courses_of(series, told.scores, windows=windows, definition=definition, setting=setting),
    )


def rate_earlier(history: History, definition: Definition) -> tuple[Trial, ...]:
    """The trials of earlier episodes, never counted."""
    return earlier_trials(
        history.lifetime,
        history.episode,
        history.record,
        definition=definition,
        setting=history.setting,
        additions=history.additions,
    )


def _agents(knowledge: Knowledge) -> Agents:
    """What is known of augmenting agents besides their drug files."""
    steps = (kind.drug for kind in knowledge.procedures.kinds if kind.is_next_step and kind.drug is not None)
    return Agents(
        rules={agent.drug: agent for agent in knowledge.augmentation.agents},
        next_steps=frozenset(steps),
    )
