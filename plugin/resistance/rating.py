"""One patient's history laid out once, and rated under one definition after another.

What does not depend on a definition (exposures, eras, the episode, what was added when) is a `History`; `rate` gives
the trials, augmentations and courses as one definition rates them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mappings.load import Knowledge
from mappings.schema import Definition, Procedures
from plugin.exposure.exposures import Exposures, expose
from plugin.findings import Reason
from plugin.record import PatientRecord
from plugin.trial.augmentation import Agents, additions_of, augmentations_of, with_augmenters
from plugin.trial.episode import Episode, episode_on
from plugin.trial.episode_grounds import Evidence, Grounds, grounds_of
from plugin.trial.levels import levels_of
from plugin.trial.lifetime import Lifetime, Setting, Taken, lifetime_of, taken_within
from plugin.trial.neuromodulation import Course, courses_of, episode_series
from plugin.trial.scale_reading import Addition
from plugin.trial.sessions import Series
from plugin.trial.trials import Judgements, Told, Trial, earlier_trials, judgements_of, trials_of


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the record says before any definition is applied. `taken` are the eras of the episode, `series` all."""

    record: PatientRecord
    setting: Setting
    exposures: Exposures
    lifetime: Lifetime
    grounds: Grounds
    episode: Episode
    taken: tuple[Taken, ...]
    series: tuple[Series, ...]
    told: Told
    additions: Sequence[Addition]
    agents: Agents
    procedures: Procedures

    def supposing(self, record: PatientRecord, episode: Episode) -> History:
        """The same exposures and eras with another record and episode: where facts beside the drugs are supposed."""
        setting = self.setting
        return replace(
            self,
            record=record,
            grounds=grounds_for(record, self.lifetime, setting),
            episode=episode,
            taken=taken_within(self.lifetime, episode.start, record, setting),
            series=episode_series(record, self.procedures.kinds, episode=episode, as_of=setting.as_of),
            told=Told.by(record, setting.as_of),
        )


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
    grounds = grounds_for(record, lifetime, setting)
    told = Told.by(record, as_of)
    episode = episode_of(grounds, scores_unread=told.scores_unread)
    agents = _agents(knowledge)
    series = episode_series(record, knowledge.procedures.kinds, episode=episode, as_of=as_of)
    return History(
        record=record,
        setting=setting,
        exposures=exposures,
        lifetime=lifetime,
        grounds=grounds,
        episode=episode,
        taken=taken_within(lifetime, episode.start, record, setting),
        series=series,
        told=told,
        additions=additions_of(lifetime, series, record, setting, agents),
        agents=agents,
        procedures=knowledge.procedures,
    )


def grounds_for(record: PatientRecord, lifetime: Lifetime, setting: Setting) -> Grounds:
    """What the episode is read from: scores, conditions and procedures of `record` and the eras of `lifetime`."""
    evidence = Evidence(
        scores=record.scores,
        conditions=record.conditions,
        procedures=record.procedures,
        era_starts=[
            (era.began, tuple(f.reference for f in era.facts[:1])) for era in lifetime.eras if era.id in lifetime.acting
        ],
        active_spans=[span for era in lifetime.eras if era.key.excluded_for is None for span in era.days.spans()],
    )
    return grounds_of(evidence, rules=setting.rules, instruments=setting.instruments, as_of=setting.as_of)


def episode_of(grounds: Grounds, *, scores_unread: bool) -> Episode:
    """The current episode.

    Where scores that may be on record were not read (`scores_unread`), it is uncertain: a remission among them may have
    ended it and begun another one, or a score at the line may join it with the one before.
    """
    found = episode_on(grounds)
    if not scores_unread:
        return found
    text = "Scores were not read completely: one that ends or begins an episode may be among them."
    return replace(found, uncertain=True, reasons=(*found.reasons, Reason(rule="P1", text=text)))


def rate(
    history: History, definition: Definition, judgements: Judgements | None = None, *, brief: bool = False
) -> Rated:
    """Rate the history under one definition.

    `judgements` are those of a definition that asks for the same days at dose; without them they are made here.
    `brief`: the trials only as far as they count (see `trials_of`).
    """
    setting, told = history.setting, history.told
    if judgements is None:
        judgements = judgements_of(history.taken, definition, setting)
    trials = trials_of(
        judgements,
        history.lifetime,
        told,
        definition=definition,
        setting=setting,
        additions=history.additions,
        brief=brief,
    )
    augmentations = augmentations_of(
        history.lifetime,
        trials,
        history.episode.start,
        history.record,
        told,
        definition=definition,
        setting=setting,
        additions=history.additions,
        agents=history.agents,
    )
    windows = history.procedures.windows
    return Rated(
        trials=with_augmenters(trials, augmentations),
        augmentations=augmentations,
        courses=courses_of(
            history.series, history.record.scores, windows=windows, definition=definition, setting=setting
        ),
    )


def rate_all(history: History, definitions: Iterable[Definition]) -> Mapping[str, Rated]:
    """Rate the history under every definition; those that rate a trial alike share the rating of the first one.

    Only the first definition is rated in full, the others as far as trials count.
    """
    judged: dict[tuple[int, int], Judgements] = {}
    rated: dict[tuple[int, int, float], Rated] = {}
    found: dict[str, Rated] = {}
    for each in definitions:
        days = (each.min_days_at_dose, each.borderline_days)
        if days not in judged:
            judged[days] = judgements_of(history.taken, each, history.setting)
        alike = (*days, each.response)
        if alike not in rated:
            rated[alike] = rate(history, each, judged[days], brief=bool(rated))
        found[each.id] = rated[alike]
    return found


def rate_earlier(history: History, definition: Definition) -> tuple[Trial, ...]:
    """The trials of earlier episodes, never counted."""
    return earlier_trials(
        history.lifetime,
        history.episode.start,
        history.record,
        history.told,
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
