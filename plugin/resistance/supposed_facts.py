"""Facts other than scores that could still be learnt about a trial or the patient.

Why a drug was given or stopped, its dose, supply and use where the record leaves them open, a suspected condition,
the course of the episode, and data that were not read. A stop reason is supposed only where none is coded, a dose only
where it is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from types import MappingProxyType

from plugin.exposure.dose import DailyDose
from plugin.exposure.supply import CoveredDay
from plugin.record import (
    Availability,
    ConditionFact,
    Layer,
    MedicationFact,
    PatientFact,
    Read,
    StopReason,
    Verification,
)
from plugin.resistance.supposition import Case, Supposition
from plugin.spans import PartialDate
from plugin.timeline import Timeline
from plugin.trial.adequacy import Adequacy, Intent, Judged, judge_days
from plugin.trial.at_dose import Thresholds, at_dose_of
from plugin.trial.trials import Trial


def stops(case: Case, index: int) -> Iterator[Supposition]:
    """Why a finished trial without an endpoint was stopped, where no code says so."""
    trial = case.trials[index]
    stop, era = trial.outcome.stop, trial.judged.era
    running = (case.setting.as_of - era.end).days <= case.setting.rules.in_progress_days
    if trial.outcome.endpoint is not None or running:
        return
    helpless = any(fact.reported_ineffective for fact in era.facts)
    unsaid = stop is None and not helpless
    agreeing = stop is None or (stop.meaning, stop.by) == ("inefficacy", "text")
    for meaning, words, possible in (
        ("inefficacy", "stopped for lack of effect, by code", agreeing),
        ("intolerance", "stopped for side effects, by code", unsaid),
    ):
        if possible:
            said = MedicationFact(
                reference="",
                layer=Layer.REPORT,
                status="stopped",
                product=None,
                written=PartialDate.exactly(era.end),
                stop_reasons=(StopReason(meaning=meaning, by="code", label=meaning),),
            )
            judged = replace(trial.judged, era=replace(era, facts=(*era.facts, said)))
            yield Supposition(kind="stop-reason", fact=f"{trial.drug.label} {words}", trial=index, judged=judged)


def _judged_again(case: Case, trial: Trial, days: Timeline[CoveredDay], intent: Intent | None = None) -> Judged:
    """The era judged by the same rules with other days (from the same day on) or another intent."""
    era, rules = replace(trial.judged.era, days=days), case.setting.rules
    levels = case.setting.levels.get(trial.ingredient)
    return judge_days(
        era,
        at_dose_of(era, trial.judged.thresholds, rules=rules, levels=levels),
        drug=trial.drug,
        intent=intent or trial.judged.intent,
        definition=case.definition,
        rules=rules,
        as_of=case.setting.as_of,
    )


def indications(case: Case, index: int) -> Iterator[Supposition]:
    """A drug held borderline because nobody recorded that it was taken for depression (E10)."""
    trial = case.trials[index]
    capped = trial.judged.adequacy is Adequacy.BORDERLINE and trial.judged.intent.value != "depression"
    if capped:
        meant = Intent(value="depression", basis="stated")
        judged = _judged_again(case, trial, trial.judged.era.days, meant)
        fact = f"{trial.drug.label} confirmed as taken for depression"
        yield Supposition(kind="indication", fact=fact, trial=index, judged=judged)


def exposures(case: Case, index: int) -> Iterator[Supposition]:
    """Dose, days' supply or use that the record leaves open, supposed to be enough, and supposed not to be."""
    trial, doses = case.trials[index], case.trials[index].judged.thresholds
    if doses is None or trial.judged.adequacy in (Adequacy.ADEQUATE, Adequacy.EXCLUDED):
        return
    days, label = trial.judged.era.days, trial.drug.label
    if any(_open_dose(day, doses) for day in days.each()):
        unit = doses.unit.removesuffix("/d")
        known = days.changed(lambda day: _at(day, doses.default) if _open_dose(day, doses) else day)
        enough = f"{label} taken at {doses.default:g} {unit} a day or more"
        yield from _enough(case, index, "dose", enough, known)
        # A drug that never reaches the lenient dose acts on nothing: as if it had not been taken (decision 33).
        yield not_taken(index, "dose", f"{label} taken below {doses.lenient:g} {unit} a day")
    if "supply_unknown" in trial.judged.flags and not all(day.sure for day in days.each()):
        enough = f"{label} supplied for {case.definition.min_days_at_dose} days"
        yield from _enough(case, index, "supply", enough, _prolonged(case, trial))
        short = days.head(case.definition.borderline_days - 1)
        fact = f"{label} supplied for less than {case.definition.borderline_days} days"
        yield Supposition(kind="supply", fact=fact, trial=index, judged=_judged_again(case, trial, short))
    if trial.grade == "C":
        sure = days.changed(lambda day: replace(day, grade="A", sure=True))
        yield from _enough(case, index, "dispense", f"{label} dispensed as ordered", sure)
        yield not_taken(index, "dispense", f"{label} never dispensed")


def _enough(case: Case, index: int, kind: str, fact: str, days: Timeline[CoveredDay]) -> Iterator[Supposition]:
    """The trial with other days, where that changes how it is judged."""
    judged = _judged_again(case, case.trials[index], days)
    if judged.adequacy is not case.trials[index].judged.adequacy:
        yield Supposition(kind=kind, fact=fact, trial=index, judged=judged)


def _open_dose(day: CoveredDay, doses: Thresholds) -> bool:
    """Whether the readings of a day's dose lie on both sides of what is needed."""
    return day.dose.low < doses.default <= day.dose.high and day.dose.low != day.dose.high


def _at(day: CoveredDay, dose: float) -> CoveredDay:
    return replace(day, dose=DailyDose(dose, dose))


def _prolonged(case: Case, trial: Trial) -> Timeline[CoveredDay]:
    """The days supposed surely supplied, for as long as is needed; not beyond today or the next antidepressant."""
    days = trial.judged.era.days.changed(lambda day: replace(day, sure=True))
    last = case.setting.as_of
    if trial.outcome.next_start is not None:
        last = min(last, trial.outcome.next_start - timedelta(days=1))
    begin, *_, end = (days.first_day.toordinal(), days.last_day.toordinal() + 1)
    stop = min(begin + case.definition.min_days_at_dose, last.toordinal() + 1)
    more = Timeline([(end, stop, days[days.last_day])])
    return days.then(more)


def not_taken(index: int, kind: str, fact: str) -> Supposition:
    """The trial did not happen, or not at a dose that counts."""
    return Supposition(kind=kind, fact=fact, trial=index, not_taken=True)


def about_the_patient(case: Case) -> Iterator[Supposition]:
    """Age, course of the episode, diagnoses, and data that were not read."""
    record, as_of, rules = case.record, case.setting.as_of, case.setting.rules
    age = record.patient.age_on(as_of) if record.patient is not None else None
    if age is None or age[0] < rules.adult_from_years <= age[1]:
        born = PartialDate.exactly(date(as_of.year - rules.adult_from_years - 1, as_of.month, 1))
        patient = replace(record.patient or PatientFact(reference=""), birth=born)
        fact = f"date of birth {rules.adult_from_years} years ago or more"
        yield Supposition(kind="birth-date", fact=fact, record=replace(record, patient=patient))
    if case.episode.may_have_ended:
        yield Supposition(kind="episode-current", fact="the depressive episode confirmed as going on", current=True)
    if case.history_unread is not None:
        fact = "the medication history read completely, with nothing more in it"
        yield Supposition(kind="history-read", fact=fact, read=True)
    if record.lacks_scores:
        whole = dict.fromkeys(record.unread_scores, Availability(read=Read.COMPLETE))
        read = replace(record, availability=MappingProxyType({**record.availability, **whole}))
        fact = "the scores read completely, with nothing more in them"
        yield Supposition(kind="scores-read", fact=fact, record=read, whole=True)
    yield from _diagnoses(case)


def _diagnoses(case: Case) -> Iterator[Supposition]:
    """A suspected condition confirmed or refuted; depression confirmed; the conditions read."""
    record = case.record
    suspected = [c for c in record.conditions if c.verification is Verification.SUSPECTED]
    for categories in sorted({c.categories for c in suspected}, key=sorted):
        names = ", ".join(case.labels.get(name, name) for name in sorted(categories))
        for verification in (Verification.REFUTED, Verification.CONFIRMED):
            settle = _settled(categories, verification)
            conditions = tuple(settle(condition) for condition in record.conditions)
            fact = f"{names} {verification.value}"
            yield Supposition(kind="diagnosis", fact=fact, record=replace(record, conditions=conditions))
    confirmed = replace(record, conditions=(*record.conditions, _DEPRESSION))
    if record.read("Condition") is Read.COMPLETE:
        yield Supposition(kind="diagnosis", fact="a major depressive disorder confirmed", record=confirmed)
    else:
        known = {**record.availability, "Condition": Availability(read=Read.COMPLETE)}
        fact = "the problem list read completely, with a depressive disorder and nothing that excludes"
        read = replace(confirmed, availability=MappingProxyType(known))
        yield Supposition(kind="conditions-read", fact=fact, record=read)


# A diagnosis without dates neither opens nor closes an episode.
_DEPRESSION = ConditionFact(
    reference="", categories=frozenset({"depression"}), verification=Verification.CONFIRMED, clinical="active"
)


def _settled(categories: frozenset[str], verification: Verification) -> Callable[[ConditionFact], ConditionFact]:
    def settle(condition: ConditionFact) -> ConditionFact:
        mine = condition.verification is Verification.SUSPECTED and condition.categories == categories
        return replace(condition, verification=verification) if mine else condition

    return settle
