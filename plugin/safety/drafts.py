"""What the patient's own history says about the drug now being ordered, and the named hard stops that concern it.

Findings are named as in the assessment contract: ``already-failed``, ``not-tolerated``, ``tried-too-low-or-short``;
stops (`plugin.safety.order_stops`) by the id of their rule. This is not an interaction checker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.schema import Definition, Drug
from plugin.findings import Reason
from plugin.record import DraftOrder
from plugin.trial.adequacy import Adequacy
from plugin.trial.measurement import Status
from plugin.trial.trials import Trial

_FAILED = (Status.FAILED_MEASURED, Status.FAILED_PROXY)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFinding:
    """A finding on a draft: rule name, level (``critical``, ``warning`` or ``info``), the trial it rests on."""

    rule: str
    level: str
    trial: Trial
    earlier_episode: bool = False

    @property
    def uses(self) -> tuple[str, ...]:
        """References of the records relied on."""
        ends = (self.trial.outcome.baseline, self.trial.outcome.endpoint)
        return (
            *self.trial.sources,
            *(ref for score in ends if score is not None for ref in score.references),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderStop:
    """A hard stop on a draft (decision 24): its name (decision 105), `level` ``critical``, ``warning`` or ``info``."""

    rule: str
    level: str
    label: str
    note: str
    reasons: tuple[Reason, ...]

    @property
    def uses(self) -> tuple[str, ...]:
        """References of the records relied on."""
        return tuple(dict.fromkeys(use for reason in self.reasons for use in reason.uses))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedOrder:
    """A drafted order of concern with what the history says, and the hard stops, the loudest first.

    `ingredient` is None for a procedure and for a drug that is none of ours. `gives` is the drug that a procedure
    gives: the hard stops of that drug are its own, whatever form the order has.
    """

    order: DraftOrder
    ingredient: str | None
    label: str
    findings: tuple[OrderFinding, ...]
    stops: tuple[OrderStop, ...] = ()
    gives: str | None = None

    @property
    def drug(self) -> str | None:
        """The drug that the order brings, ordered by itself or given by the procedure; None for one not ours."""
        return self.ingredient or self.gives


def judge_orders(
    orders: Sequence[DraftOrder],
    trials: Sequence[Trial],
    earlier: Sequence[Trial],
    *,
    definition: Definition,
    drugs: Mapping[str, Drug],
    labels: Mapping[str, str],
    gives: Mapping[str, str],
) -> tuple[JudgedOrder, ...]:
    """Judge each selected draft against the trials of this episode and, more quietly, of earlier ones.

    `gives` is the drug given by each kind of procedure that gives one.
    """
    judged = []
    for order in orders:
        if not order.selected:
            continue
        if order.product is None:
            named = order.procedure or next(iter(sorted(order.groups)), "")
            label = labels.get(named, named)
            given = gives.get(order.procedure or "")
            judged.append(JudgedOrder(order=order, ingredient=None, label=label, findings=(), gives=given))
            continue
        for ingredient in order.product.ingredients:
            mine = [t for t in trials if t.ingredient == ingredient and order.reference not in t.sources]
            past = [t for t in earlier if t.ingredient == ingredient]
            findings = [f for trial in mine for f in _findings(trial, definition)]
            if not findings:
                findings = [
                    OrderFinding(rule=f.rule, level="info", trial=f.trial, earlier_episode=True)
                    for trial in past
                    for f in _findings(trial, definition)
                    if f.rule != "tried-too-low-or-short"
                ]
            judged.append(
                JudgedOrder(
                    order=order,
                    ingredient=ingredient,
                    label=drugs[ingredient].label,
                    findings=tuple(findings),
                )
            )
    return tuple(judged)


def _findings(trial: Trial, definition: Definition) -> list[OrderFinding]:
    found = []
    stop = trial.outcome.stop
    if trial.judged.adequacy is Adequacy.ADEQUATE and trial.outcome.status in _FAILED:
        found.append(OrderFinding(rule="already-failed", level="warning", trial=trial))
    if stop is not None and stop.meaning == "intolerance":
        found.append(OrderFinding(rule="not-tolerated", level="warning", trial=trial))
    if not found and _too_low_or_short(trial, definition):
        found.append(OrderFinding(rule="tried-too-low-or-short", level="info", trial=trial))
    return found


def _too_low_or_short(trial: Trial, definition: Definition) -> bool:
    """Below the default dose or the full duration, whatever else caps the trial."""
    if trial.undated or trial.outcome.status is Status.NOT_FAILED:
        return False
    sure = trial.judged.sure.days if trial.judged.sure is not None else 0
    short = sure < definition.min_days_at_dose
    return trial.judged.adequacy in (Adequacy.INADEQUATE, Adequacy.BORDERLINE) and short
