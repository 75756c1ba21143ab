"""What else is recorded of a patient: who it is, conditions, procedures, allergies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from plugin.spans import PartialDate


class Verification(StrEnum):
    """How sure a recorded condition is."""

    CONFIRMED = "confirmed"  # also when no verification status is recorded
    SUSPECTED = "suspected"  # provisional, differential, unconfirmed, or a gate condition named in free text only
    REFUTED = "refuted"  # refuted or entered in error: ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFact:
    """One recorded condition with the knowledge categories its codes belong to.

    `clinical` is the clinical status as coded, ``""`` when absent. `by_text` marks categories found in free text.
    """

    reference: str
    categories: frozenset[str]
    verification: Verification
    clinical: str = ""
    onset: PartialDate | None = None
    recorded: PartialDate | None = None
    abatement: PartialDate | None = None
    by_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureFact:
    """One procedure of a kind the knowledge names: ``ect``, ``rtms``, ``vns``, ``esketamine`` ...

    Either one session (`start` equals `end`) or a series over a period, whose `sessions` are None unless their number
    is stated; `end` is None while a period is open. `traits` say more about it: ``bilateral``, ``maintenance`` ...;
    `indications` are the categories of the stated reasons, as for medications.
    """

    reference: str
    kind: str
    status: str
    start: PartialDate | None = None
    end: PartialDate | None = None
    is_period: bool = False
    sessions: int | None = None
    traits: frozenset[str] = frozenset()
    indications: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllergyFact:
    """One recorded allergy or intolerance to drugs of the knowledge, or an adverse event suspected to come from them.

    `ingredients` are drug ids. `kind` is ``allergy``, ``intolerance``, ``adverse-event`` or ``""``. `verification` and
    `clinical` are as for conditions; refuted entries never become facts. `onset` is the day of the reaction,
    `recorded` the day it was written down.
    """

    reference: str
    ingredients: tuple[str, ...]
    kind: str = ""
    verification: Verification = Verification.CONFIRMED
    clinical: str = ""
    onset: PartialDate | None = None
    recorded: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFact:
    """Who the record is about. `sex` is the administrative gender as coded, ``unknown`` when absent."""

    reference: str
    birth: PartialDate | None = None
    sex: str = "unknown"
    deceased: bool = False

    def age_on(self, day: date) -> tuple[int, int] | None:
        """Youngest and oldest age in whole years on `day` that the written birth date allows; None if unknown."""
        if self.birth is None:
            return None
        return (_years(self.birth.latest, day), _years(self.birth.earliest, day))


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
