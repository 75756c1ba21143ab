"""Was the dose high enough for long enough? (rules A1, A2, E10)

The longest run of days at dose (`plugin.trial.at_dose`) decides: long enough sure days on grade A or B evidence are
ADEQUATE; shorter, possible or scattered days are BORDERLINE; a course still running is IN_PROGRESS.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from mappings.schema import Definition, Drug, Reconstruction
from plugin.exposure.eras import Era
from plugin.findings import Reason
from plugin.record import PatientFact
from plugin.trial.at_dose import AtDose, Run, Thresholds, at_dose_of, doses_in_force, thresholds_of
from plugin.trial.levels import DrugLevels, LevelEffect


class Adequacy(StrEnum):
    """How a trial's dose and duration are judged."""

    ADEQUATE = "ADEQUATE"
    BORDERLINE = "BORDERLINE"
    INADEQUATE = "INADEQUATE"
    IN_PROGRESS = "IN_PROGRESS"
    EXCLUDED = "EXCLUDED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Whether the drug was taken for depression: `value` ``depression``, ``other`` or ``unknown`` and how we know."""

    value: str
    basis: str  # "stated" | "assumed" | "product" | "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An era with its adequacy. `sure`/`possible` are the best runs by either reading, None when there is none."""

    era: Era
    adequacy: Adequacy
    sure: Run | None
    possible: Run | None
    thresholds: Thresholds | None
    reaches_lenient: bool
    intent: Intent
    flags: tuple[str, ...]
    reasons: tuple[Reason, ...]


def judge(
    era: Era,
    *,
    drug: Drug,
    intent: Intent,
    definition: Definition,
    rules: Reconstruction,
    patient: PatientFact | None,
    as_of: date,
    levels: DrugLevels | None = None,
) -> Judged:
    """Rate one era (already ended, truncated and clipped) against one definition; for `levels` see `at_dose_of`."""
    doses = thresholds_of(doses_in_force(drug), patient=patient, day=era.start)
    at_dose = at_dose_of(era, doses, rules=rules, levels=levels)
    return judge_days(era, at_dose, drug=drug, intent=intent, definition=definition, rules=rules, as_of=as_of)


def judge_days(
    era: Era,
    at_dose: AtDose,
    *,
    drug: Drug,
    intent: Intent,
    definition: Definition,
    rules: Reconstruction,
    as_of: date,
    need: int | None = None,
) -> Judged:
    """Rate an era of which the days at its dose are known. `need`: so many days instead of those of the definition."""
    reaches = at_dose.days > 0
    excluded = _excluded(era, drug, intent, reaches)
    flags = list(era.flags)
    if excluded is not None:
        adequacy, reasons = Adequacy.EXCLUDED, [excluded]
    elif at_dose.thresholds is None:
        adequacy = Adequacy.EXCLUDED
        reasons = [Reason(rule="A1", text=f"{drug.label} is never counted as a trial.", cites=drug.cites)]
    else:
        days = (definition.min_days_at_dose, definition.borderline_days) if need is None else (need, need)
        adequacy, reasons = _by_days(era, at_dose, at_dose.thresholds, days, definition.cites, rules, as_of)
        adequacy, more = _capped(adequacy, drug, intent, at_dose.effect)
        reasons += [*at_dose.effect.reasons, *more]
        flags += at_dose.effect.flags
    if intent.basis == "assumed" and adequacy is not Adequacy.EXCLUDED:
        flags.append("indication_assumed")
    return Judged(
        era=era,
        adequacy=adequacy,
        sure=at_dose.sure,
        possible=at_dose.possible,
        thresholds=at_dose.thresholds,
        reaches_lenient=reaches,
        intent=intent,
        flags=tuple(dict.fromkeys(flags)),
        reasons=(*era.reasons, *reasons),
    )


def _excluded(era: Era, drug: Drug, intent: Intent, reaches: bool) -> Reason | None:
    if era.key.excluded_for is not None:
        text = f"This product is labelled for {era.key.excluded_for}: not an antidepressant trial."
        return Reason(rule="E10", text=text, cites=drug.cites, uses=tuple(fact.reference for fact in era.facts))
    if drug.counting == "never":
        return Reason(rule="A1", text=f"{drug.label} is not counted toward the trials.", cites=drug.cites)
    if intent.value == "other" and not reaches:
        text = "Every stated reason is another condition and the dose stays below the lenient dose."
        return Reason(rule="E10", text=text, cites=drug.cites, uses=tuple(fact.reference for fact in era.facts))
    return None


def _by_days(
    era: Era,
    at_dose: AtDose,
    doses: Thresholds,
    days: tuple[int, int],
    cites: tuple[str, ...],
    rules: Reconstruction,
    as_of: date,
) -> tuple[Adequacy, list[Reason]]:
    """`days`: how many make it adequate, and how many borderline."""
    need, border = days
    sure, possible, scattered = at_dose.sure, at_dose.possible, at_dose.days
    sure_days, graded = (sure.days, sure.graded) if sure else (0, 0)
    possible_days = possible.days if possible else 0
    facts = (
        f"{sure_days} days at {doses.default:g} {doses.unit} or more in one run, {possible_days} possible at "
        f"{doses.lenient:g} or more; {need} needed."
    )
    cited = tuple(dict.fromkeys((*doses.cites, *cites)))

    def told(rule: str, text: str) -> list[Reason]:
        return [Reason(rule=rule, text=f"{text} {facts}", cites=cited, uses=at_dose.uses)]

    if not scattered:
        return Adequacy.INADEQUATE, told("A1", "Never at the lenient dose.")
    if graded >= need:
        return Adequacy.ADEQUATE, told("A2", "Dose and duration are adequate.")
    running = (as_of - era.end).days <= rules.in_progress_days
    if running and possible_days < need:
        return Adequacy.IN_PROGRESS, told("O10", "Still running.")
    if sure_days >= need:
        return Adequacy.BORDERLINE, told("A2", "Long enough, but only on weak evidence (grade C).")
    if max(sure_days, possible_days) >= border or scattered >= border:
        return Adequacy.BORDERLINE, told("A2", "Dose or duration is adequate by some published lists only.")
    return Adequacy.INADEQUATE, told("A2", "Too short at an adequate dose.")


def _capped(adequacy: Adequacy, drug: Drug, intent: Intent, effect: LevelEffect) -> tuple[Adequacy, list[Reason]]:
    if adequacy is not Adequacy.ADEQUATE:
        return adequacy, []
    if effect.at_most_borderline:
        text = "A plasma level below range at an adequate dose: taken irregularly or not absorbed; at most borderline."
        uses = tuple(use for reason in effect.reasons for use in reason.uses)
        return Adequacy.BORDERLINE, [Reason(rule="A4", text=text, cites=effect.reasons[0].cites, uses=uses)]
    if intent.value != "depression":
        text = "Not recorded as taken for depression: at most borderline until someone confirms why it was taken."
        return Adequacy.BORDERLINE, [Reason(rule="E10", text=text)]
    if drug.counting == "borderline-at-most":
        return Adequacy.BORDERLINE, [Reason(rule="A1", text=f"{drug.label}: weak evidence.", cites=drug.cites)]
    return adequacy, []
