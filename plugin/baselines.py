"""Published rules of registers and claims, computed on the same exposures: a yardstick, never a verdict.

Fabbri (UK Biobank), KIM, OHDSI phenotype 1009 and Cepeda ask for switches, drugs or eras, not for doses and scores, so
they say something else than our definitions and none contains another. Their parameters, terms and our readings are
data (`mappings/comparisons`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType

from mappings.load import Knowledge
from mappings.option_schema import ComparisonRule, ComparisonTerms
from plugin.exposure.exposures import Exposures, expose
from plugin.exposure.issued import Issued, issued, series_of, spans_across
from plugin.findings import Reason
from plugin.record import ConditionFact, PatientRecord, Read, Verification
from plugin.spans import DateSpan

_MEDICATION_TYPES = ("MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration")
_CLOSED = ("resolved", "inactive", "remission")


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What one published rule says of a patient: resistant, not, or None where its data could not be read."""

    rule: str
    label: str
    resistant: bool | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """One patient as one rule sees it: `number` are its parameters, `drugs` the antidepressants it counts."""

    record: PatientRecord
    as_of: date
    rule: ComparisonRule
    terms: ComparisonTerms
    number: Mapping[str, int]
    everything: tuple[Issued, ...]

    @property
    def drugs(self) -> tuple[Issued, ...]:
        terms = self.terms
        return tuple(
            each
            for each in self.everything
            if each.drug.role == "antidepressant" and each.drug.id not in (*terms.not_counted, *terms.beside)
        )

    @property
    def antipsychotics(self) -> tuple[Issued, ...]:
        return tuple(each for each in self.everything if each.drug.drug_class in self.terms.antipsychotic_classes)

    @property
    def beside(self) -> tuple[Issued, ...]:
        return tuple(each for each in self.everything if each.drug.id in self.terms.beside)

    def year_before(self, day: date) -> DateSpan:
        return DateSpan(day - timedelta(days=self.number["look-back-days"]), day)

    def depression_entries(self, during: DateSpan) -> tuple[ConditionFact, ...]:
        """Confirmed entries of depression standing on a day of `during`; an undated one stands throughout."""
        return tuple(fact for fact in self._confirmed(self.terms.depression) if _stands(fact, during))

    def exclusions(self, until: date) -> tuple[ConditionFact, ...]:
        """Confirmed entries of what excludes, first known by `until`."""
        return tuple(fact for fact in self._confirmed(self.terms.excluding) if (_first(fact) or until) <= until)

    def _confirmed(self, categories: Sequence[str]) -> list[ConditionFact]:
        return [
            fact
            for fact in self.record.conditions
            if fact.verification is Verification.CONFIRMED and fact.categories.intersection(categories)
        ]


@dataclass(frozen=True, slots=True)
class _Found:
    """The day a rule's drugs add up, the sentence that says how, its values, and the records behind.

    `during` is when the rule wants depression coded (None: any time); such a rule also lets only earlier diagnoses
    exclude.
    """

    text: str
    facts: tuple[tuple[str, str | int | float], ...]
    uses: tuple[str, ...] = ()
    day: date | None = None  # None: they never do
    during: DateSpan | None = None


def baselines(
    record: PatientRecord, *, knowledge: Knowledge, as_of: date, exposures: Exposures | None = None
) -> tuple[Baseline, ...]:
    """Every computable published rule on one patient, in the order of the rules' ids.

    `exposures` may be handed over by a caller that has them; otherwise they are laid out here.
    """
    if knowledge.clinical is None:
        return ()
    rules = knowledge.reconstruction_on(as_of)
    laid_out = expose(record.medications, rules=rules, as_of=as_of) if exposures is None else exposures
    everything = issued(laid_out, knowledge.drugs)
    found = []
    for rule in sorted(knowledge.clinical.comparisons.values(), key=lambda each: each.id):
        if rule.id in _RULES and rule.computable and rule.terms is not None:
            numbers: dict[str, int] = {name: int(value.on(as_of).amount) for name, value in rule.parameters.items()}
            case = _Case(record=record, as_of=as_of, rule=rule, terms=rule.terms, number=numbers, everything=everything)
            found.append(_judged(case, _RULES[rule.id]))
    return tuple(found)


def _judged(case: _Case, add_up: Callable[[_Case], _Found]) -> Baseline:
    """Population, exclusions and drugs of one rule; what could not be read leaves a positive answer open."""
    reads = [case.record.read(kind) for kind in _MEDICATION_TYPES]
    if all(read is Read.UNREAD for read in reads):
        return _says(case, None, _Found("No medication data could be read.", ()))
    found = add_up(case)
    if found.day is None:
        return _says(case, False, found)
    if case.record.read("Condition") is Read.UNREAD:
        return _says(case, None, _Found(f"{found.text} Diagnoses could not be read.", found.facts, found.uses))
    entries = case.depression_entries(found.during or DateSpan(date.min, case.as_of))
    if len(entries) < case.number["min-depression-entries"]:
        return _says(case, False, _Found("No depression code in the time the rule asks for.", found.facts))
    against = case.exclusions(found.day if found.during is not None else case.as_of)
    if against:
        uses = tuple(fact.reference for fact in against)
        return _says(case, False, _Found("A diagnosis that the rule excludes is recorded.", found.facts, uses))
    return _says(case, True, found)


def _says(case: _Case, resistant: bool | None, found: _Found) -> Baseline:
    reason = Reason(rule=case.rule.id, text=found.text, facts=found.facts, cites=case.rule.cites, uses=found.uses)
    return Baseline(rule=case.rule.id, label=case.rule.label, resistant=resistant, reasons=(reason,))


def _first(fact: ConditionFact) -> date | None:
    days = [written.earliest for written in (fact.onset, fact.recorded) if written is not None]
    return min(days, default=None)


def _stands(fact: ConditionFact, during: DateSpan) -> bool:
    first = _first(fact)
    if first is None:
        return True
    ended = first if fact.clinical in _CLOSED else during.end
    last = ended if fact.abatement is None else fact.abatement.latest
    return first <= during.end and last >= during.start


def _fabbri(case: _Case) -> _Found:
    """Two switches, each from another drug of six weeks to the next issue within 14 weeks, among three drugs."""
    number = case.number
    issues = sorted((day, each.drug.id) for each in case.drugs for day in each.issues)
    lengths = {last: days for each in case.drugs for last, days in _prescription_episodes(each, number)}
    left: dict[str, date] = {}  # a drug left twice counts once
    for (day, name), (later, other) in pairwise(issues):
        pause = (later - day).days
        if (name, day) not in lengths or other == name or not 0 < pause <= number["max-days-between-trials"]:
            continue
        if (lengths[name, day] or pause) >= number["min-days-per-trial"]:
            left.setdefault(name, later)
    drugs = len({name for _, name in issues})
    enough = len(left) >= number["min-switches"] and drugs >= number["min-distinct-drugs"]
    text = (
        f"{len(left)} qualifying switches, {drugs} drugs; the rule asks for "
        f"{number['min-switches']} and {number['min-distinct-drugs']}."
    )
    day_reached = sorted(left.values())[number["min-switches"] - 1] if enough else None
    return _Found(text, (("switches", len(left)), ("drugs", drugs)), _uses(case.drugs), day_reached)


def _prescription_episodes(each: Issued, number: Mapping[str, int]) -> list[tuple[tuple[str, date], int]]:
    """For each prescription episode of a drug, the drug with its last issue, and the days from the first to it."""
    spans = spans_across(each.issues, number["same-drug-episode-gap-days"] - 1)
    return [((each.drug.id, span.end), (span.end - span.start).days) for span in spans]


def _kim(case: _Case) -> _Found:
    """The third trial in sequence of 28 days or more; a series of ECT or rTMS is a trial."""
    gap, longest = case.number["same-drug-episode-gap-days"], case.number["max-days-between-trials"]
    trials = [
        (span, each.drug.id)
        for each in case.drugs
        for span in each.spans(gap)
        if each.days_in(span) >= case.number["min-days-per-trial"]
    ]
    trials += [(span, "") for span in series_of(case.record.procedures, case.terms.procedures, gap)]
    steps: list[tuple[date, str]] = []
    most, reached, until = 0, None, date.min
    for span, name in sorted(trials, key=lambda trial: (trial[0].start, trial[1])):
        if steps and (span.start - until).days > longest:
            steps = []
        until = max(until, span.end)
        if steps and (steps[-1][0] == span.start or (name and steps[-1][1] == name)):
            continue
        steps.append((span.start, name))
        most = max(most, len(steps))
        if reached is None and len(steps) >= case.number["min-sequential-trials"]:
            reached = span.start
    text = f"At most {most} trials in sequence; the rule asks for {case.number['min-sequential-trials']}."
    return _Found(text, (("trials", most),), _uses(case.drugs), reached)


def _ohdsi(case: _Case) -> _Found:
    """Three antidepressant eras within a year, or an antipsychotic with one, or esketamine with two."""
    gap = case.number["same-drug-episode-gap-days"]
    eras = {each.drug.id: each.spans(gap) for each in case.everything}
    kinds = (case.drugs, case.antipsychotics, case.beside)
    days = sorted({span.start for kind in kinds for each in kind for span in eras[each.drug.id]})
    most = 0
    for day in days:
        year = case.year_before(day)
        counts = [
            sum(any(e.start <= day and e.end >= year.start for e in eras[each.drug.id]) for each in kind)
            for kind in kinds
        ]
        most = max(most, counts[0])
        if (
            counts[0] >= case.number["min-distinct-drugs"]
            or (counts[1] and counts[0] >= case.number["min-antidepressants-with-antipsychotic"])
            or (counts[2] and counts[0] >= case.number["min-antidepressants-with-drug-beside"])
        ):
            return _ohdsi_found(counts, _uses(each for kind in kinds for each in kind), day, year)
    return _ohdsi_found([most, 0, 0], (), None, None)


def _ohdsi_found(counts: Sequence[int], uses: tuple[str, ...], day: date | None, during: DateSpan | None) -> _Found:
    text = f"{counts[0]} antidepressants within a year, {counts[1]} antipsychotics, {counts[2]} drugs named beside."
    facts = (("antidepressants", counts[0]), ("antipsychotics", counts[1]), ("beside", counts[2]))
    return _Found(text, facts, uses, day, during)


def _cepeda(case: _Case) -> _Found:
    """In the last year an antipsychotic, or three antidepressants."""
    year = case.year_before(case.as_of)
    drugs = [each for each in case.drugs if each.touches(year)]
    antipsychotics = [each for each in case.antipsychotics if each.touches(year)]
    enough = len(antipsychotics) >= case.number["min-antipsychotics"] or len(drugs) >= case.number["min-distinct-drugs"]
    text = f"{len(antipsychotics)} antipsychotics and {len(drugs)} antidepressants in the last year."
    facts = (("antipsychotics", len(antipsychotics)), ("antidepressants", len(drugs)))
    return _Found(text, facts, _uses([*drugs, *antipsychotics]), case.as_of if enough else None)


def _uses(drugs: Iterable[Issued]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reference for each in drugs for reference in each.references))


_RULES: Mapping[str, Callable[[_Case], _Found]] = MappingProxyType(
    {"FABBRI-UKB": _fabbri, "KIM": _kim, "OHDSI-1009": _ohdsi, "CEPEDA-2018": _cepeda}
)
