"""`assess`: the reasoning from one patient's facts to an assessment, stage by stage. Read this file first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from mappings.load import Knowledge
from mappings.schema import Definition, Procedures
from plugin.accounting import balance, laboratory_aside, references_used
from plugin.assessment import Assessment, Severity
from plugin.augmentation import Agents, additions_of, augmentations_of, with_augmenters
from plugin.counterfactual import Stages, changes
from plugin.drafts import judge_orders
from plugin.eligibility import Eligibility, eligibility_of
from plugin.episode import Episode, Evidence, current_episode
from plugin.exposures import Exposures, expose
from plugin.findings import Gap, Missing, Reason, SetAside
from plugin.instruments import band_of, has_line, is_plain, is_remission
from plugin.levels import levels_of
from plugin.named_facts import Concluded, NamedFacts
from plugin.neuromodulation import Course, courses_of, episode_series
from plugin.pseudo_resistance import considerations
from plugin.record import DraftOrder, PatientRecord, Read
from plugin.scale_reading import Addition
from plugin.staging import stage
from plugin.supposition import Case
from plugin.trials import Lifetime, Setting, Trial, earlier_trials, lifetime_of, trials_of
from plugin.verdict import Counts, Value, Verdict, decide, weight_of

_MEDICATION_TYPES = (
    "MedicationRequest",
    "MedicationDispense",
    "MedicationStatement",
    "MedicationAdministration",
)
# Administrations are read when sent, never asked for: most outpatient records have none.
_ASKED_TYPES = (
    "MedicationRequest",
    "MedicationDispense",
    "MedicationStatement",
    "Observation",
    "QuestionnaireResponse",
    "Condition",
    "Procedure",
    "AllergyIntolerance",
)


Rated = tuple[tuple[Trial, ...], tuple[Trial, ...], tuple[Course, ...]]


class UnknownDefinitionError(ValueError):
    """The definition asked for is not in the knowledge; the message names those that are."""


def assess(
    record: PatientRecord,
    *,
    knowledge: Knowledge,
    as_of: date,
    definition: str | None = None,
    jurisdiction: str = "us",
    orders: Sequence[DraftOrder] = (),
    suppose: bool = True,
) -> Assessment:
    """Judge one patient's record on the day `as_of` under one definition of treatment resistance.

    `definition` is a definition id (None: the knowledge's default). `orders` are drafted orders to hold against the
    history; they never count as history. `suppose` False leaves out what would change the verdict (`changes`).
    Raises `UnknownDefinitionError` for a definition the knowledge does not hold.
    """
    definitions = knowledge.definitions_on(as_of)
    chosen = _definition(definitions, definition or knowledge.default_definition)
    setting = Setting(
        drugs=knowledge.drugs,
        instruments=knowledge.instruments_on(as_of),
        rules=knowledge.reconstruction_on(as_of),
        as_of=as_of,
        levels=levels_of(record.laboratory, knowledge.clinical.measures, as_of),
    )
    labels = {kind.id: kind.label for kind in knowledge.procedures.kinds}
    exposures = expose(record.medications, rules=setting.rules, as_of=as_of, cites=setting.rules.cites)
    lifetime = lifetime_of(exposures, record, setting)
    episode = _episode(lifetime, record, setting)
    agents = _agents(knowledge, as_of)
    series = episode_series(record, knowledge.procedures.kinds, episode=episode, as_of=as_of)
    additions = additions_of(lifetime, series, record, setting, agents)
    rate = partial(
        _rate,
        lifetime=lifetime,
        setting=setting,
        additions=additions,
        agents=agents,
        procedures=knowledge.procedures,
    )
    categories = {c.id: c.label for c in knowledge.conditions.categories}
    judge_eligibility = partial(eligibility_of, labels=categories, rules=setting.rules, as_of=as_of)
    eligibility = judge_eligibility(record, episode)
    unread = _history_unread(record)
    ratings: dict[tuple[int, int, float], Rated] = {}
    results: dict[str, tuple[Rated, Verdict]] = {}
    for each in (chosen, *definitions.values()):
        # Definitions that rate a trial alike share the rating; the chosen one comes first, so its citations stand.
        alike = (each.min_days_at_dose, each.borderline_days, each.response)
        if alike not in ratings:
            ratings[alike] = rate(each, episode, record)
        rated = ratings[alike]
        extra = _extra(rated, each)
        ruling = decide(rated[0], definition=each, eligibility=eligibility, history_unread=unread, extra=extra)
        results[each.id] = (rated, ruling)
    (trials, augmentations, courses), verdict = results[chosen.id]
    case = Case(
        record=record,
        trials=trials,
        extra=_extra(results[chosen.id][0], chosen),
        episode=episode,
        eligibility=eligibility,
        definition=chosen,
        setting=setting,
        labels=categories,
        history_unread=unread,
    )
    again = partial(assess, knowledge=knowledge, as_of=as_of, definition=chosen.id, suppose=False)
    stages = Stages(
        episode=lambda supposed: _episode(lifetime, supposed, setting),
        eligibility=judge_eligibility,
        trials=lambda supposed, within: _counted(rate(chosen, within, supposed), chosen),
        decide=lambda rated, extra, fit, gap: decide(
            rated, definition=chosen, eligibility=fit, history_unread=gap, extra=extra
        ),
        whole=lambda supposed: again(supposed).verdict,
    )
    efforts = [entry.kind for entry in knowledge.missing_facts]
    tried = changes(case, verdict, stages, efforts=efforts) if suppose else ()
    earlier = earlier_trials(lifetime, episode, record, definition=chosen, setting=setting, additions=additions)
    judged_orders = judge_orders(orders, trials, earlier, definition=chosen, drugs=knowledge.drugs, labels=labels)
    severity = _severity(record, setting)
    never = dict.fromkeys(
        knowledge.drugs[ingredient].label
        for fact, _ in exposures.never_filled
        if fact.product is not None
        for ingredient in fact.product.ingredients
    )
    concluded = Concluded(
        eras=lifetime.eras,
        trials=trials,
        earlier=earlier,
        never_filled=tuple(fact for fact, _ in exposures.never_filled),
    )
    considered = considerations(
        knowledge.clinical.pseudo_resistance.checks,
        NamedFacts(record, concluded, knowledge=knowledge, as_of=as_of),
        sentences=knowledge.sentences,
        as_of=as_of,
    )
    by_definition: dict[str, tuple[Counts, Value] | None] = {
        key: (ruling.counts, ruling.value) for key, (_, ruling) in sorted(results.items())
    }
    reasons = [*verdict.reasons, *episode.reasons, *eligibility.reasons, *eligibility.basis, *eligibility.caps]
    if severity is not None:
        reasons.append(Reason(rule="S", text="current severity", uses=severity.score.references))
    staging = stage(
        record,
        trials,
        augmentations,
        courses,
        episode=episode,
        eligibility=eligibility,
        history_unread=unread is not None,
        severity=severity.score if severity is not None else None,
        knowledge=knowledge.staging,
        as_of=as_of,
    )
    reasons += staging.reasons if staging is not None else ()
    reasons += [Reason(rule="Q1", text=one.finding, uses=one.uses) for one in considered]
    used = references_used(record, (*trials, *augmentations, *earlier), courses, judged_orders, reasons)
    return Assessment(
        as_of=as_of,
        jurisdiction=jurisdiction,
        definition=chosen,
        record=record,
        episode=episode,
        eligibility=eligibility,
        trials=trials,
        earlier=earlier,
        augmentations=augmentations,
        courses=courses,
        staging=staging,
        verdict=verdict,
        by_definition=by_definition,
        changes=tried,
        severity=severity,
        orders=judged_orders,
        never_filled=tuple(never),
        pseudo_resistance=considered,
        missing=_missing(trials, eligibility),
        gaps=_gaps(record),
        set_aside=balance(record, used, _aside(record, exposures, as_of)),
        used=used,
        knowledge_version=knowledge.version,
        knowledge_hash=knowledge.content_hash,
        site=knowledge.site,
    )


def _definition(definitions: Mapping[str, Definition], name: str) -> Definition:
    if name not in definitions:
        known = ", ".join(sorted(definitions))
        raise UnknownDefinitionError(f"no definition of that name; choose one of: {known}")
    return definitions[name]


def _episode(lifetime: Lifetime, record: PatientRecord, setting: Setting) -> Episode:
    evidence = Evidence(
        scores=record.scores,
        conditions=record.conditions,
        procedures=record.procedures,
        era_starts=[
            (era.began, tuple(f.reference for f in era.facts[:1])) for era in lifetime.eras if era.id in lifetime.acting
        ],
        active_spans=[span for era in lifetime.eras if era.key.excluded_for is None for span in era.days.spans()],
    )
    return current_episode(evidence, rules=setting.rules, instruments=setting.instruments, as_of=setting.as_of)


def _rate(
    definition: Definition,
    episode: Episode,
    record: PatientRecord,
    *,
    lifetime: Lifetime,
    setting: Setting,
    additions: Sequence[Addition],
    agents: Agents,
    procedures: Procedures,
) -> Rated:
    """Trials, augmentations and courses of the episode as one definition rates them."""
    trials = trials_of(lifetime, episode, record, definition=definition, setting=setting, additions=additions)
    augmentations = augmentations_of(
        lifetime,
        trials,
        episode,
        record,
        definition=definition,
        setting=setting,
        additions=additions,
        agents=agents,
    )
    series = episode_series(record, procedures.kinds, episode=episode, as_of=setting.as_of)
    courses = courses_of(series, record.scores, windows=procedures.windows, definition=definition, setting=setting)
    return with_augmenters(trials, augmentations), augmentations, courses


def _agents(knowledge: Knowledge, as_of: date) -> Agents:
    """What is known of augmenting agents besides their drug files."""
    steps = (kind.drug for kind in knowledge.procedures.kinds if kind.is_next_step and kind.drug is not None)
    return Agents(
        rules={agent.drug: agent for agent in knowledge.augmentation.agents},
        next_steps=frozenset(steps),
        outcome_before=int(knowledge.procedures.windows.outcome_before.on(as_of).amount),
    )


def _extra(rated: Rated, definition: Definition) -> tuple[Trial | Course, ...]:
    """What counts beside the trials under the definition."""
    augmentations = rated[1] if definition.augmentation_counts else ()
    courses = [c for c in rated[2] if c.counts_as_trial] if definition.neuromodulation_counts else []
    return (*augmentations, *courses)


def _counted(rated: Rated, definition: Definition) -> tuple[tuple[Trial, ...], tuple[Trial | Course, ...]]:
    return rated[0], _extra(rated, definition)


def _history_unread(record: PatientRecord) -> Reason | None:
    """Medication data that were not read, or only in part, leave the count open upwards."""
    reads = {kind: record.read(kind) for kind in _MEDICATION_TYPES}
    essential = reads["MedicationRequest"]
    if all(read is Read.UNREAD for read in reads.values()):
        return Reason(rule="V0", text="No medication history could be read: nothing can be said about earlier trials.")
    if essential in (Read.PARTIAL, Read.UNKNOWN) or Read.PARTIAL in reads.values():
        return Reason(rule="V0", text="The medication history is incomplete: earlier trials may be missing.")
    return None


def _severity(record: PatientRecord, setting: Setting) -> Severity | None:
    """The latest usable score within the severity window (decision 21)."""
    recent = [
        s for s in record.scores if 0 <= (setting.as_of - s.day).days <= setting.rules.severity_days and is_plain(s)
    ]
    recent = [s for s in recent if has_line(s, setting.instruments)]  # the others do not say how severe it is
    if not recent:
        return None
    score = max(recent, key=lambda s: (s.day, s.order))
    return Severity(
        score=score,
        band=band_of(score, setting.instruments),
        in_remission=is_remission(score, setting.instruments),
    )


def _missing(trials: Sequence[Trial], eligibility: Eligibility) -> tuple[Missing, ...]:
    found = list(eligibility.missing)
    for index, trial in enumerate(trials):
        if weight_of(trial)[2] and not weight_of(trial)[0]:
            found += [Missing(what=m.what, would_affect=f"trials[{index}].outcome") for m in trial.outcome.missing]
    return tuple(found)


def _gaps(record: PatientRecord) -> tuple[Gap, ...]:
    gaps = []
    for kind in _ASKED_TYPES:
        known = record.availability.get(kind)
        if known is None:
            gaps.append(Gap(what=kind, why="not received"))
        elif known.read is not Read.COMPLETE:
            gaps.append(Gap(what=kind, why=known.why or known.read.value))
    return tuple(gaps)


def _aside(record: PatientRecord, exposures: Exposures, as_of: date) -> list[SetAside]:
    never = [SetAside(reference=fact.reference, reason="never filled (E2)") for fact, _ in exposures.never_filled]
    return [*record.set_aside, *exposures.set_aside, *never, *laboratory_aside(record, as_of)]
