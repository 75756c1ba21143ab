"""Why a drug was taken (E10): the stated reasons, else what the record allows to assume."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from mappings.schema import Reconstruction
from plugin.exposure.eras import Era
from plugin.instruments import Instruments, is_at_line, is_plain
from plugin.record import ConditionFact, Score, Verification
from plugin.trial.adequacy import Intent

_DEPRESSION = {"depression", "depression-possible", "depression-remission-partial", "psychotic-depression"}


def intent_of(
    era: Era,
    *,
    conditions: Sequence[ConditionFact],
    scores: Sequence[Score],
    rules: Reconstruction,
    instruments: Instruments,
) -> Intent:
    """Stated reasons win; without any, depression is assumed if it is recorded as active when the era began."""
    stated = {reason for fact in era.facts for reason in fact.indications}
    if era.key.excluded_for is not None:
        return Intent(value="other", basis="product")
    if stated & _DEPRESSION:
        return Intent(value="depression", basis="stated")
    if stated:
        # A reason we do not recognise is unknown, not a proof of another use.
        return Intent(value="unknown" if "other" in stated else "other", basis="stated")
    if _depressed(era.began, conditions, scores, rules, instruments):
        return Intent(value="depression", basis="assumed")
    return Intent(value="unknown", basis="none")


def _depressed(
    day: date,
    conditions: Sequence[ConditionFact],
    scores: Sequence[Score],
    rules: Reconstruction,
    instruments: Instruments,
) -> bool:
    known = [c for c in conditions if c.categories & _DEPRESSION and c.verification is not Verification.REFUTED]
    if not known:
        # Nothing speaks against depression; that no depression is recorded at all is judged by eligibility.
        return True
    for condition in known:
        # A problem is often entered some weeks after the first prescription for it.
        begun = condition.onset is None or (condition.onset.earliest - day).days <= rules.baseline_before_days
        over = condition.abatement is not None and condition.abatement.latest < day
        if begun and not over:
            return True
    window = (-rules.baseline_before_days, rules.baseline_after_days)
    return any(
        window[0] <= (s.day - day).days <= window[1] and is_at_line(s, instruments) for s in scores if is_plain(s)
    )
