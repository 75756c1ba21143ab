"""The parameters of the cohort as they apply on its last day, with the products that its prescribers reach for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

from cds_hooks.cohort.life import Life
from cds_hooks.stories.sentences import Scene
from cds_hooks.stories.shelf import Packed, by_code, packed
from mappings.cohort_schema import Choice, CohortFile, Diagnosis, OtherUse
from mappings.load import Knowledge
from mappings.schema import Definition, Reconstruction


@dataclass(frozen=True)
class Plan:
    """`CohortFile` made handy: numbers by name, ladders as tuples, products by drug and dose."""

    knowledge: Knowledge
    _shelf: dict[tuple[str, str, float], Packed] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def file(self) -> CohortFile:
        """The parameters as written."""
        return self.knowledge.cohort

    @cached_property
    def end(self) -> date:
        """Day 0 of every life: the last day anything is recorded."""
        return self.file.end_of_records

    @cached_property
    def number(self) -> dict[str, float]:
        """Every plain number by name."""
        return dict(self.file.numbers_on(self.end))

    @cached_property
    def remission(self) -> tuple[float, ...]:
        """The share remitting in each treatment step."""
        return tuple(value.on(self.end).amount for value in self.file.remission)

    @cached_property
    def definition(self) -> Definition:
        """The default definition: how long a trial is, what counts as response, how many must fail."""
        return self.knowledge.definitions_on(self.end)[self.knowledge.default_definition]

    @cached_property
    def rules(self) -> Reconstruction:
        """What all definitions share: gaps, windows, what ends an episode."""
        return self.knowledge.reconstruction_on(self.end)

    @cached_property
    def remission_days(self) -> int:
        """How long a remission has to last before an episode is over."""
        return self.rules.episode_remission_days

    @cached_property
    def instruments(self) -> dict[str, tuple[float, float]]:
        """Share and points for one point of the PHQ-9, by instrument."""
        uses = self.file.instruments
        return {u.instrument: (u.share.on(self.end).amount, u.per_point.on(self.end).amount) for u in uses}

    def hidden(self, profile: str) -> dict[str, float]:
        """What a profile of missingness leaves out, as shares; KeyError for an unknown profile."""
        return {kind: share.on(self.end).amount for kind, share in self.file.profiles[profile].missing.items()}

    def weights(self, choices: tuple[Choice, ...], *, later: bool) -> list[tuple[Choice, float]]:
        """The drugs with how often each is chosen first, or later."""
        return [(each, (each.later if later else each.first).on(self.end).amount) for each in choices]

    def ladder(self, choice: Choice) -> tuple[float, ...]:
        """The doses in mg a day of one drug, lowest first."""
        return choice.ladder.on(self.end)

    def adequate_dose(self, drug: str) -> float:
        """The default minimum adequate dose in mg a day; KeyError for a drug that has none."""
        dose = self.knowledge.drugs[drug].adequate_dose
        if dose is None:
            raise KeyError(drug)
        return dose.default.on(self.end).amount

    def lenient_dose(self, drug: str, age: int) -> float:
        """The lowest dose in mg a day that any list calls adequate at this age; KeyError for a drug that has none."""
        dose = self.knowledge.drugs[drug].adequate_dose
        if dose is None:
            raise KeyError(drug)
        older, lenient = dose.lenient_geriatric, dose.lenient.on(self.end).amount
        if older is not None and age >= older.from_age.on(self.end).amount:
            return min(lenient, older.amount.on(self.end).amount)
        return lenient

    def birth_of(self, life: Life) -> date:
        """The day of birth: any day of the year, and as many years before the last day as the age says."""
        birth = date(self.end.year - life.age - 1, 1 + life.number % 12, 1 + life.number % 28)
        reached = (self.end.month, self.end.day) >= (birth.month, birth.day)
        return birth.replace(year=birth.year + reached)

    def day(self, number: int) -> date:
        """The date of a day of a life."""
        return self.end + timedelta(days=number)

    def product(self, drug: str, release: str, dose: float, other: OtherUse | None = None) -> Packed:
        """The product and units for `dose` mg a day; KeyError when the product table has none."""
        key = (other.id if other is not None and other.product is not None else drug, release, dose)
        if key not in self._shelf:
            scene = Scene("", self.end, self.knowledge)
            if other is not None and other.product is not None:
                row = self.knowledge.products.rxnorm[other.product.code]
                strength = row.strengths[0]
                units = dose / strength.amount if strength is not None else 1
                found = by_code(scene, other.product.code, "", units)
            else:
                found = packed(scene, drug, dose, release)
            if found is None:
                raise KeyError(key)
            self._shelf[key] = found
        return self._shelf[key]

    def befalls(self, diagnosis: Diagnosis, age: int, sex: str) -> bool:
        """Whether a diagnosis can befall somebody of this age and sex."""
        low = diagnosis.from_age.on(self.end).amount if diagnosis.from_age is not None else age
        high = diagnosis.to_age.on(self.end).amount if diagnosis.to_age is not None else age
        return low <= age <= high and diagnosis.sex in ("", sex)
