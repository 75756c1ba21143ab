"""When an option is open at all: failed trials needed, urgency in their place, and what mild severity hides.

The count is that of decision 4: adequate antidepressant trials of the episode that failed. Where only failures by proxy
reach it, the option is open as probable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from mappings.option_schema import Option as Treatment
from mappings.values import DatedValue
from plugin.domains.profile import DomainProfile
from plugin.findings import Reason
from plugin.options.tried import Tried

_SUICIDALITY = "suicidality-high"
_URGENT = frozenset({_SUICIDALITY, "psychosis", "catatonia"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Whether an option is open, whether only probably, and the reason where the record had to open it."""

    is_open: bool
    probable: bool = False
    reason: Reason | None = None


def opening_of(
    treatment: Treatment, tried: Tried, *, circumstances: Collection[str], mild: bool, as_of: date
) -> Opening:
    """Whether the history and the circumstances open `treatment`; `mild` hides what is not for mild depression."""
    asked = treatment.eligibility
    if asked is None:
        return Opening(is_open=True)
    if asked.hidden_when_mild and mild:
        return Opening(is_open=False)
    need, have, with_proxy = int(asked.failed_trials.on(as_of).amount), tried.measured, tried.with_proxy
    facts = (("failed", have), ("with_proxy", with_proxy), ("needed", need))
    if have >= need:
        text = f"{have} adequate trials failed by measurement; {need} needed for this option."
        return Opening(
            is_open=True, reason=Reason(rule="L5", text=text, facts=facts, cites=asked.cites, uses=tried.uses)
        )
    urgent = set(circumstances) & _URGENT
    if (asked.or_suicidality_high and _SUICIDALITY in urgent) or (asked.or_urgent and urgent):
        text = f"Open because it is urgent; otherwise {need} failed adequate trials are needed, {have} were measured."
        return Opening(is_open=True, reason=Reason(rule="L5", text=text, facts=facts, cites=asked.cites))
    if with_proxy >= need:
        text = f"Probable: {with_proxy} adequate trials failed when probable failures count; {need} needed."
        reason = Reason(rule="L5", text=text, facts=facts, cites=asked.cites, uses=tried.uses)
        return Opening(is_open=True, probable=True, reason=reason)
    return Opening(is_open=False)


def is_mild(profile: DomainProfile, parameters: Mapping[str, DatedValue], as_of: date) -> bool:
    """Whether the recorded severity is mild, or less than that; unknown severity is not mild."""
    if profile.mild:
        return True
    score = profile.severity
    line = parameters.get(f"mild-{score.instrument}-from") if score is not None else None
    return score is not None and line is not None and score.value < line.on(as_of).amount
