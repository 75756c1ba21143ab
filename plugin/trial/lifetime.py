"""All that was ever taken: eras for the whole life, which of them act on others, and what lies in the time judged.

No definition has a say here: eras meet each other (T5), are clipped to the episode (T7), their days at dose are found.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

from mappings.schema import Drug, Reconstruction
from plugin.exposure.eras import Era, EraId, beside, clip, eras_of, meet
from plugin.exposure.exposures import ExposureKey, Exposures
from plugin.instruments import Instruments
from plugin.record import MedicationFact, PatientRecord
from plugin.trial.adequacy import Intent
from plugin.trial.at_dose import (
    AtDose,
    DosesInForce,
    at_dose_of,
    doses_of_drugs,
    is_possible,
    is_reached,
    thresholds_of,
)
from plugin.trial.indication import intent_of
from plugin.trial.levels import DrugLevels, level_effect
from plugin.trial.stops import Stop, applicable_stop


@dataclass(frozen=True, slots=True)
class Starts:
    """On which days acting eras began, in order of time, with their drugs.

    `others` are for each of them the first day after it, in this order, of another drug than its own.
    """

    days: tuple[date, ...]
    drugs: tuple[str, ...]
    others: tuple[date | None, ...]

    @staticmethod
    def of(eras: Iterable[Era]) -> Starts:
        """The starts of these eras."""
        return _starts(sorted((era.began, era.key.ingredient) for era in eras))

    def without(self, drug: str) -> Starts:
        """The starts of all drugs but one."""
        return _starts([(day, name) for day, name in zip(self.days, self.drugs, strict=True) if name != drug])

    def next_other(self, day: date, drug: str) -> date | None:
        """The first day after `day` on which another drug than `drug` began."""
        place = bisect_right(self.days, day)
        if place == len(self.days):
            return None
        return self.days[place] if self.drugs[place] != drug else self.others[place]


def _starts(ordered: Sequence[tuple[date, str]]) -> Starts:
    others: list[date | None] = [None] * len(ordered)
    for place in range(len(ordered) - 2, -1, -1):
        day, drug = ordered[place + 1]
        others[place] = day if drug != ordered[place][1] else others[place + 1]
    return Starts(tuple(day for day, _ in ordered), tuple(drug for _, drug in ordered), tuple(others))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetime:
    """Every era ever, before any episode or definition is applied. `acting` eras can switch, truncate and count.

    `meeting` are those of them that met another one as they stood before any was ended by a switch.
    """

    eras: tuple[Era, ...]
    acting: frozenset[EraId]
    meeting: frozenset[EraId]
    starts: Starts
    undated: tuple[tuple[ExposureKey, MedicationFact], ...]
    intents: Mapping[tuple[ExposureKey, date], Intent]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What every stage needs besides the histories: the knowledge in force on the day of judgement, and drug levels."""

    drugs: Mapping[str, Drug]
    instruments: Instruments
    rules: Reconstruction
    as_of: date
    levels: Mapping[str, DrugLevels] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def doses(self) -> Mapping[str, tuple[DosesInForce, ...]]:
        """The adequate doses of each drug."""
        return doses_of_drugs(self.drugs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One era as far as it lies in the time judged, with what no definition has a say in. `stop`: why it ended."""

    era: Era
    drug: Drug
    intent: Intent
    at_dose: AtDose
    stop: Stop | None


def lifetime_of(exposures: Exposures, record: PatientRecord, setting: Setting) -> Lifetime:
    """Build all eras, decide which drugs act on others, and apply switches and combinations."""
    eras: list[Era] = []
    undated: list[tuple[ExposureKey, MedicationFact]] = []
    for key, exposure in sorted(exposures.by_key.items(), key=lambda item: (item[0].ingredient, str(item[0]))):
        eras += eras_of(exposure, setting.rules)
        if not exposure.days:
            undated += [(key, fact) for fact in exposure.undated]
    acting = [era for era in eras if _acts(era, record, setting)]
    ids = frozenset(era.id for era in acting)
    others = beside(acting)
    met = meet(eras, others, setting.rules)
    intents = {
        (era.key, era.began): intent_of(
            era,
            conditions=record.conditions,
            scores=record.scores,
            rules=setting.rules,
            instruments=setting.instruments,
        )
        for era in met
    }
    return Lifetime(
        eras=met,
        acting=ids,
        meeting=frozenset(others),
        starts=Starts.of(acting),
        undated=tuple(undated),
        intents=intents,
    )


def is_ongoing(era: Era, setting: Setting) -> bool:
    """Whether the era's last covered day is close enough to the day of judgement to count as running."""
    return (setting.as_of - era.end).days <= setting.rules.in_progress_days


def _acts(era: Era, record: PatientRecord, setting: Setting) -> bool:
    """An antidepressant product that reaches the lenient dose on some day; excluded and lower ones do not act."""
    drug = setting.drugs[era.key.ingredient]
    if drug.role != "antidepressant" or drug.counting == "never" or era.key.excluded_for is not None:
        return False
    doses = thresholds_of(setting.doses[era.key.ingredient], patient=record.patient, day=era.start)
    if doses is None:
        return False
    if any(is_possible(day, doses) for day in era.days.each()):
        return True
    levels = setting.levels.get(era.key.ingredient)
    effect = level_effect(era.days, levels, adequate=lambda day: is_possible(day, doses))
    return any(is_reached(day, doses, effect) for day in era.days.each())


def taken(era: Era, lifetime: Lifetime, record: PatientRecord, setting: Setting) -> Taken:
    """The era with its drug, why it was taken, and its days at dose."""
    ingredient = era.key.ingredient
    doses = thresholds_of(setting.doses[ingredient], patient=record.patient, day=era.start)
    return Taken(
        era=era,
        drug=setting.drugs[ingredient],
        intent=lifetime.intents[(era.key, era.began)],
        at_dose=at_dose_of(era, doses, rules=setting.rules, levels=setting.levels.get(ingredient)),
        stop=applicable_stop(era, setting.rules, record.allergies),
    )


def taken_within(lifetime: Lifetime, start: date | None, record: PatientRecord, setting: Setting) -> tuple[Taken, ...]:
    """What was taken from `start` (None: ever) up to the day of judgement; augmenting agents are no trials."""
    found = []
    for era in lifetime.eras:
        within = clip(era, start, setting.as_of) if start is not None else era
        if within is not None and setting.drugs[era.key.ingredient].role != "augmentation":
            found.append(taken(within, lifetime, record, setting))
    return tuple(found)
