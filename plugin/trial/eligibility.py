"""Is this a patient the definition is about, and how sure can the verdict be? (rules X1 to X6)

Returns what decides before any counting (too young, excluded, no depression) and the caps: reasons for which the
verdict may not go beyond INDETERMINATE. Only confirmed conditions exclude; suspected ones cap; refuted ones do nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.schema import Reconstruction
from plugin.findings import Missing, Reason
from plugin.record import ConditionFact, PatientRecord, Read, Verification
from plugin.trial.episode import Episode

_DEPRESSION = {
    "depression",
    "depression-remission-partial",
    "depression-remission-full",
    "depression-remission-unspecified",
}
_EXCLUDING = {"bipolar": "X1", "schizophrenia-spectrum": "X2"}
_CAPPING = {"dementia": "X3", "organic-mood": "X3", "cyclothymia": "X1"}
_INACTIVE = {"inactive", "resolved"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """`decided` is ``OUT_OF_SCOPE`` or ``EXCLUDED`` (see `reasons`), else None. `caps` limit the verdict."""

    decided: str | None
    reasons: tuple[Reason, ...]
    basis: tuple[Reason, ...]
    caps: tuple[Reason, ...]
    flags: tuple[str, ...]
    missing: tuple[Missing, ...]


def eligibility_of(
    record: PatientRecord,
    episode: Episode,
    *,
    labels: Mapping[str, str],
    rules: Reconstruction,
    as_of: date,
) -> Eligibility:
    """Apply age, exclusions and eligibility in the order of precedence: under age, excluded, no depression."""
    caps: list[Reason] = []
    missing: list[Missing] = []
    age = record.patient.age_on(as_of) if record.patient is not None else None
    adult = rules.adult_from_years
    uses = (record.patient.reference,) if record.patient is not None else ()
    too_young = age is not None and age[1] < adult
    if age is None or age[0] < adult <= age[1]:
        caps.append(Reason(rule="X5", text="The age is not known: adulthood is not established.", uses=uses))
        missing.append(Missing(what="date of birth", would_affect="verdict"))
    excluding = _of(record.conditions, _EXCLUDING, labels)
    caps += [reason for confirmed, reason in excluding if not confirmed]
    caps += [reason for _, reason in _of(record.conditions, _CAPPING, labels)]
    eligible, why = _depression(record, caps, missing)
    if episode.may_have_ended:
        caps.append(Reason(rule="P2", text="A current episode is not evidenced: the last one is judged.", uses=()))
    decided: str | None = None
    reasons: tuple[Reason, ...] = ()
    if too_young:
        decided = "OUT_OF_SCOPE"
        reasons = (Reason(rule="X5", text=f"Younger than {adult} years: these rules are for adults.", uses=uses),)
    elif any(confirmed for confirmed, _ in excluding):
        decided = "EXCLUDED"
        reasons = tuple(reason for confirmed, reason in excluding if confirmed)
    elif not eligible:
        decided, reasons = "OUT_OF_SCOPE", (why,)
    flags = [c for c in ("postpartum", "psychotic-depression") if _has(record.conditions, c)]
    flags += ["episode_may_have_ended"] if episode.may_have_ended else []
    return Eligibility(
        decided=decided,
        reasons=reasons,
        basis=_basis(record.conditions),
        caps=tuple(caps),
        flags=tuple(flag.replace("-", "_") for flag in flags),
        missing=tuple(missing),
    )


def _of(
    conditions: Sequence[ConditionFact], categories: dict[str, str], labels: Mapping[str, str]
) -> list[tuple[bool, Reason]]:
    """Conditions of the categories as (confirmed and current, reason)."""
    found = []
    for condition in conditions:
        for category in sorted(condition.categories & set(categories)):
            if condition.verification is Verification.REFUTED:
                continue
            sure = condition.verification is Verification.CONFIRMED and condition.clinical not in _INACTIVE
            how = "recorded" if sure else "suspected or no longer active"
            text = f"{labels.get(category, category)} is {how}."
            found.append((sure, Reason(rule=categories[category], text=text, uses=(condition.reference,))))
    return found


def _basis(conditions: Sequence[ConditionFact]) -> tuple[Reason, ...]:
    """What makes the patient one the definitions are about: the confirmed depression."""
    known = [c for c in conditions if c.categories & _DEPRESSION and c.verification is Verification.CONFIRMED]
    uses = tuple(c.reference for c in known)
    return (Reason(rule="X4", text="A depressive disorder is recorded.", uses=uses),) if known else ()


def _has(conditions: Sequence[ConditionFact], category: str) -> bool:
    return any(category in c.categories and c.verification is Verification.CONFIRMED for c in conditions)


def _depression(record: PatientRecord, caps: list[Reason], missing: list[Missing]) -> tuple[bool, Reason]:
    """Whether depression is recorded (X4). Not read, unspecified or only suspected: eligible but capped."""
    none = Reason(rule="X4", text="No depressive disorder is among the recorded conditions.")
    complete = record.read("Condition") is Read.COMPLETE
    if not complete:
        # What was not read may hold the diagnosis, and also a condition that excludes.
        text = "Conditions could not be read completely: eligibility and exclusions are unknown."
        caps.append(Reason(rule="X4", text=text))
    known = [c for c in record.conditions if c.verification is not Verification.REFUTED]
    if any(c.categories & _DEPRESSION and c.verification is Verification.CONFIRMED for c in known):
        return True, none
    loose = [c for c in known if c.categories & (_DEPRESSION | {"depression-possible"})]
    missing.append(Missing(what="a confirmed diagnosis of major depressive disorder", would_affect="verdict"))
    if loose:
        text = "Depression is recorded only as unspecified or not yet confirmed."
        caps.append(Reason(rule="X4", text=text, uses=tuple(c.reference for c in loose)))
        return True, none
    return not complete, none
