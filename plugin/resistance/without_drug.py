"""The trials as they would stand had one drug never been taken, where it stands apart from all others.

Then nothing has to be laid out again: the eras of the other drugs stay as they are, and only outcomes that look at the
days on which the drug was begun are rated again. A drug stands apart when its records speak of no other drug, no other
record counts or is left out because of them, its eras meet no other, and no rule about another drug asks for it. Of
any other drug `without_drug` says nothing, and the whole record has to be judged again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from mappings.schema import Drug, Reconstruction
from plugin.exposure.exposures import ExposureKey
from plugin.record import Layer
from plugin.resistance.rating import episode_of
from plugin.resistance.supposition import Case
from plugin.trial.episode import Episode
from plugin.trial.lifetime import Starts
from plugin.trial.measurement import first_at_dose
from plugin.trial.outcome import judge_outcome
from plugin.trial.scale_reading import Addition
from plugin.trial.trials import Trial, with_eras

Look = tuple[date, date, date | None, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """The case without a drug: its episode, and the places of the trials whose outcome may be another.

    `begun` are the days on which the drug was begun; `acted`: its starts counted as those of another antidepressant.
    """

    episode: Episode
    places: tuple[int, ...]
    drug: Drug
    begun: Collection[date]
    acted: bool

    def rated(self, case: Case) -> Mapping[int, Trial]:
        """Those trials with all their eras rated again beside the other starts, by their place."""
        history = case.history
        starts = history.lifetime.starts.without(self.drug.id) if self.acted else history.lifetime.starts
        additions = [one for one in history.additions if one[0] not in self.begun or one[1] != self.drug.label]
        return {place: _rated(case.trials[place], starts, additions, case) for place in self.places}


def _rated(trial: Trial, starts: Starts, additions: Sequence[Addition], case: Case) -> Trial:
    told = case.history.told
    again = []
    for judged, _ in trial.eras:
        outcome = judge_outcome(
            judged,
            scores=told.scores,
            definition=case.definition,
            rules=case.setting.rules,
            instruments=case.setting.instruments,
            next_start=starts.next_other(first_at_dose(judged), trial.ingredient),
            additions=additions,
            own=trial.drug.label,
            allergies=told.allergies,
            scores_unread=told.scores_unread,
        )
        again.append((judged, outcome))
    return with_eras(trial, again)


def looks_of(trials: Sequence[Trial], rules: Reconstruction) -> tuple[Look, ...]:
    """For each era where its outcome looks for other starts, and the place of its trial.

    That is in the switch window (first and last day), and at the next start, which bounds its own window.
    """
    before = timedelta(days=rules.switch_window_before_days)
    after = timedelta(days=rules.switch_window_after_days)
    return tuple(
        (first_at_dose(judged) + before, judged.era.end + after, outcome.next_start, place)
        for place, trial in enumerate(trials)
        if not trial.undated
        for judged, outcome in trial.eras
    )


def without_drug(case: Case, index: int, looks: Sequence[Look]) -> Without | None:
    """The case without the drug of the trial `index`; None where it does not stand apart.

    `looks` are those of all trials (`looks_of`).
    """
    trial, history = case.trials[index], case.history
    key = trial.judged.era.key
    gone = frozenset(trial.sources)
    if not _stands_apart(case, key, gone):
        return None
    eras = [era for era in history.lifetime.eras if era.key == key]
    if any(era.id in history.lifetime.meeting for era in eras):
        return None
    spans = [span for era in eras if key.excluded_for is None for span in era.days.spans()]
    episode = episode_of(history.grounds.without(gone, spans), scores_unread=history.told.scores_unread)
    if episode.start != history.episode.start:
        return None
    begun = frozenset(era.began for era in eras)
    places = {
        place
        for day in begun
        for since, until, next_start, place in looks
        if (since <= day <= until or day == next_start) and place != index
    }
    return Without(
        episode=episode,
        places=tuple(sorted(places)),
        drug=trial.drug,
        begun=begun,
        acted=key.excluded_for is None,
    )


def _stands_apart(case: Case, key: ExposureKey, gone: Collection[str]) -> bool:
    """Whether the records `gone` are all there is of the drug, and nothing else hangs on them."""
    history, rules = case.history, case.history.agents
    exposures = history.exposures
    facts = exposures.by_key[key].facts
    asked_for = any(key.ingredient in rule.never_beside for rule in rules.rules.values())
    unfilled = [fact for fact, _ in exposures.never_filled]
    return not (
        asked_for
        or case.definition.augmentation_counts
        or case.definition.neuromodulation_counts
        or any(kind.drug == key.ingredient for kind in history.procedures.kinds)
        or exposures.shadowed
        or any(fact.reference not in gone for fact in facts)
        or sum(fact.reference in gone for fact in history.record.medications) > len(facts)
        or any(fact.product is None or fact.product.ingredients != (key.ingredient,) for fact in facts)
        or any(fact.product is None or key.ingredient in fact.product.ingredients for fact in unfilled)
        or (unfilled and any(fact.layer is Layer.DISPENSE for fact in facts))
    )
