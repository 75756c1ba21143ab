"""Who signs the orders of a patient: the prescribers of one clinic, some of them far busier than others.

Each clinic has the prescribers of `cohort.yaml`. A patient has one of them for the first antidepressant and one for
what comes later; sometimes another signs. Chance is a stream of its own: it moves nothing else of a life or a record.
"""

from __future__ import annotations

from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.plan import Plan
from cds_hooks.fhir_writer import Resource, practitioner


def clinic_of(plan: Plan, number: int) -> int:
    """The number of the clinic of patient `number`."""
    return number // int(plan.number["patients-per-clinic"])


def prescriber_id_of(seed: int, clinic: int, prescriber: str) -> str:
    """The id of one synthetic prescriber."""
    return f"synthetic-{seed}-clinic-{clinic}-{prescriber}"


def practitioners_of(plan: Plan, seed: int, clinic: int) -> list[Resource]:
    """The prescribers of one clinic."""
    return [
        practitioner(id_=prescriber_id_of(seed, clinic, one.id), name=f"{one.text} of clinic {clinic} (synthetic)")
        for one in plan.file.prescribers
    ]


class Signers:
    """The prescribers of one patient."""

    def __init__(self, plan: Plan, seed: int, number: int) -> None:
        self._draw, self._seed, self._clinic = Draw(seed, number, "prescriber"), seed, clinic_of(plan, number)
        self._other = plan.number["other-prescriber-share"]
        self._shares = {
            later: [(one.id, (one.later if later else one.first).on(plan.end).amount) for one in plan.file.prescribers]
            for later in (False, True)
        }
        self._usual = {later: self._draw.pick(shares) for later, shares in self._shares.items()}

    def of(self, *, later: bool) -> str:
        """Who signs one order, by id: of a `later` drug for depression, or of the first one and of anything else."""
        other, chance = self._draw.chance(self._other), self._draw.pick(self._shares[later])
        return prescriber_id_of(self._seed, self._clinic, chance if other else self._usual[later])
