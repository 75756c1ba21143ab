"""Which of its recorded ends and reactions says why an era ended (rule O6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from mappings.schema import Reconstruction
from plugin.exposure.eras import Era
from plugin.findings import Reason
from plugin.record import AllergyFact, Layer, StopReason

# Of stop records written on one day: inefficacy by code, by words, then the others.
_STOP_ORDER = (("inefficacy", "code"), ("inefficacy", "text"), ("intolerance", ""), ("other", ""), ("completed", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a trial ended, with the resources that say so."""

    reason: StopReason
    uses: tuple[str, ...]

    def told(self) -> Reason:
        """The stop as a reason."""
        how = {"code": "coded", "text": "written", "reaction": "from a recorded reaction to the drug"}[self.reason.by]
        facts = (("meaning", self.reason.meaning), ("basis", self.reason.by))
        return Reason(rule="O6", text=f"Stop reason {how}: {self.reason.label}.", facts=facts, uses=self.uses)


def applicable_stop(era: Era, rules: Reconstruction, allergies: Sequence[AllergyFact] = ()) -> Stop | None:
    """The stop record that applies to an era (rule 101): the latest authored shortly before or during it.

    A code comes first, then a reaction to the drug recorded around the end of the era, then words (table 4.2), and
    last what was reported of it afterwards.
    """
    written = _written_stop(era, rules)
    if written is not None and written.reason.by == "code":
        return written
    return _reaction(era, rules, allergies) or written or _reported_stop(era)


def _written_stop(era: Era, rules: Reconstruction) -> Stop | None:
    earliest = era.start - timedelta(days=rules.stop_before_era_days)
    found = []
    for fact in era.facts:
        if not fact.stop_reasons:  # as most: spared the look at its days
            continue
        authored = fact.written or fact.start
        if fact.layer is Layer.ADMINISTRATION or authored is None or not earliest <= authored.latest <= era.end:
            continue
        when = -authored.latest.toordinal()
        found += [(when, _stop_rank(reason), fact.reference, reason) for reason in fact.stop_reasons]
    if not found:
        return None
    best = min(found, key=lambda one: one[:3])
    return Stop(reason=best[3], uses=(best[2],))


def _reported_stop(era: Era) -> Stop | None:
    """What reports asserted after the era say of how this very course ended.

    A report is of this course when it names its records or ended inside it. That the drug did not help is no stop
    here: `_Rater` rates it as reported.
    """
    reports = [fact for fact in era.facts if fact.layer is Layer.REPORT and fact.stop_reasons]
    if not reports:  # as most: spared the look at what the days rest on
        return None
    uses = frozenset(era.uses())
    told = [
        fact
        for fact in reports
        if (
            era.start <= fact.end.latest <= era.end
            if fact.end is not None
            else fact.reference in uses or any(record in uses for record in fact.based_on)
        )
    ]
    if any(reason.meaning == "inefficacy" for fact in told for reason in fact.stop_reasons):
        return None
    found = [(_stop_rank(reason), fact.reference, reason) for fact in told for reason in fact.stop_reasons]
    if not found:
        return None
    best = min(found, key=lambda one: one[:2])
    return Stop(reason=best[2], uses=(best[1],))


def _stop_rank(reason: StopReason) -> int:
    by = reason.by if reason.meaning == "inefficacy" else ""
    return _STOP_ORDER.index((reason.meaning, by))


def _reaction(era: Era, rules: Reconstruction, allergies: Sequence[AllergyFact]) -> Stop | None:
    """A recorded allergy, intolerance or adverse event naming the drug, dated around the end of the era."""
    near = timedelta(days=rules.reaction_around_end_days)
    for allergy in sorted(allergies, key=lambda one: one.reference):
        if era.key.ingredient not in allergy.ingredients:
            continue
        days = [day for day in (allergy.onset, allergy.recorded) if day is not None and day.is_exact]
        if any(abs(day.latest - era.end) <= near for day in days):
            reason = StopReason(meaning="intolerance", by="reaction", label="recorded reaction to the drug")
            return Stop(reason=reason, uses=(allergy.reference,))
    return None
