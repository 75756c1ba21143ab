"""`assess`: the reasoning from one patient's facts to an assessment, stage by stage. Read this file first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from mappings.load import Knowledge
from mappings.schema import Definition
from plugin.accounting import balance, references_used
from plugin.assessment import Assessment, Severity
from plugin.augmentation import Addition, additions_of, augmentations_of, courses_of, with_augmenters
from plugin.counterfactual import changes
from plugin.drafts import judge_orders
from plugin.eligibility import Eligibility, eligibility_of
from plugin.episode import Episode, Evidence, current_episode
from plugin.exposures import Exposures, expose
from plugin.findings import Gap, Missing, Reason, SetAside
from plugin.instruments import band_of, is_plain, is_remission
from plugin.record import DraftOrder, PatientRecord, Read
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


Rated = tuple[tuple[Trial, ...], tuple[Trial, ...]]


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
) -> Assessment:
    """Judge one patient's record on the day `as_of` under one definition of treatment resistance.

    `definition` is a definition id (None: the knowledge's default). `orders` are drafted orders to hold against the
    history; they never count as history. Raises `UnknownDefinitionError` for a definition the knowledge does not hold.
    """
    definitions = knowledge.definitions_on(as_of)
    chosen = _definition(definitions, definition or knowledge.default_definition)
    setting = Setting(
        drugs=knowledge.drugs,
        instruments=knowledge.instruments_on(as_of),
        rules=knowledge.reconstruction_on(as_of),
        as_of=as_of,
    )
    labels = {kind.id: kind.label for kind in knowledge.procedures.kinds}
    exposures = expose(record.medications, rules=setting.rules, as_of=as_of, cites=setting.rules.cites)
    lifetime = lifetime_of(exposures, record, setting)
    courses = courses_of(record.procedures, labels, as_of)
    episode = _episode(lifetime, record, setting)
    additions = additions_of(lifetime, record, setting, labels)
    eligibility = eligibility_of(
        record,
        episode,
        labels={c.id: c.label for c in knowledge.conditions.categories},
        rules=setting.rules,
        as_of=as_of,
    )
    unread = _history_unread(record)
    ratings: dict[tuple[int, int, float], Rated] = {}
    results: dict[str, tuple[Rated, Verdict]] = {}
    for each in (chosen, *definitions.values()):
        # Definitions that rate a trial alike share the rating; the chosen one comes first, so its citations stand.
        alike = (each.min_days_at_dose, each.borderline_days, each.response)
        if alike not in ratings:
            ratings[alike] = _rate(each, lifetime, episode, record, setting, additions)
        rated = ratings[alike]
        extra = rated[1] if each.augmentation_counts else ()
        ruling = decide(rated[0], definition=each, eligibility=eligibility, history_unread=unread, extra=extra)
        results[each.id] = (rated, ruling)
    (trials, augmentations), verdict = results[chosen.id]
    earlier = earlier_trials(lifetime, episode, record, definition=chosen, setting=setting, additions=additions)
    judged_orders = judge_orders(orders, trials, earlier, definition=chosen, drugs=knowledge.drugs, labels=labels)
    severity = _severity(record, setting)
    never = dict.fromkeys(
        knowledge.drugs[ingredient].label
        for fact, _ in exposures.never_filled
        if fact.product is not None
        for ingredient in fact.product.ingredients
    )
    by_definition: dict[str, tuple[Counts, Value] | None] = {
        key: None if definitions[key].neuromodulation_counts else (ruling.counts, ruling.value)
        for key, (_, ruling) in sorted(results.items())
    }
    reasons = [*verdict.reasons, *episode.reasons, *eligibility.reasons, *eligibility.basis, *eligibility.caps]
    if severity is not None:
        reasons.append(Reason(rule="S", text="current severity", uses=severity.score.references))
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
        verdict=verdict,
        by_definition=by_definition,
        changes=changes(
            trials,
            verdict,
            lambda supposed: decide(
                supposed,
                definition=chosen,
                eligibility=eligibility,
                history_unread=unread,
                extra=augmentations if chosen.augmentation_counts else (),
            ),
        ),
        severity=severity,
        orders=judged_orders,
        never_filled=tuple(never),
        missing=_missing(trials, eligibility),
        gaps=_gaps(record),
        set_aside=balance(record, used, _aside(record, exposures)),
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
            (era.began, tuple(f.reference for f in era.facts[:1]))
            for era in lifetime.eras
            if era.key in lifetime.acting
        ],
        active_spans=[span for era in lifetime.eras if era.key.excluded_for is None for span in era.days.spans()],
    )
    return current_episode(evidence, rules=setting.rules, instruments=setting.instruments, as_of=setting.as_of)


def _rate(
    definition: Definition,
    lifetime: Lifetime,
    episode: Episode,
    record: PatientRecord,
    setting: Setting,
    additions: Sequence[Addition],
) -> Rated:
    """Trials and augmentations of the episode as one definition rates them."""
    trials = trials_of(lifetime, episode, record, definition=definition, setting=setting, additions=additions)
    augmentations = augmentations_of(
        lifetime, trials, episode, record, definition=definition, setting=setting, additions=additions
    )
    return with_augmenters(trials, augmentations), augmentations


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


def _aside(record: PatientRecord, exposures: Exposures) -> list[SetAside]:
    never = [SetAside(reference=fact.reference, reason="never filled (E2)") for fact, _ in exposures.never_filled]
    return [*record.set_aside, *exposures.set_aside, *never]
