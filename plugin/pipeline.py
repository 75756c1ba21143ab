"""`assess`: the reasoning from one patient's facts to an assessment, stage by stage. Read this file first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial

from mappings.load import Knowledge
from mappings.schema import Definition, category_labels
from plugin.assessment import Assessment
from plugin.document.accounting import balance, denied_aside, laboratory_aside, references_used
from plugin.findings import Reason, SetAside
from plugin.options.next_step import next_step_of
from plugin.record import DraftOrder, PatientRecord, StandingOrder
from plugin.resistance.counterfactual import Change, Stages, changes
from plugin.resistance.pseudo_resistance import considerations
from plugin.resistance.rating import History, Rated, history_of, rate, rate_all, rate_earlier
from plugin.resistance.severity import severity_of
from plugin.resistance.staging import stage
from plugin.resistance.supposition import Case
from plugin.resistance.unread import gaps_of, history_unread, missing_facts
from plugin.resistance.verdict import Counts, Value, Verdict, decide, outlook_of
from plugin.safety.drafts import judge_orders
from plugin.safety.named_facts import Concluded, NamedFacts
from plugin.trial.eligibility import Eligibility, eligibility_of
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


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
    stood: Sequence[StandingOrder] = (),
) -> Assessment:
    """Judge one patient's record on the day `as_of` under one definition of treatment resistance.

    `definition` is a definition id (None: the knowledge's default). `orders` are drafted orders to hold against the
    history; they never count as history. `stood` are those of the request that stood before it, which tell what was
    taken, for safety only. `suppose` False leaves out what would change the verdict (`changes`).
    Raises `UnknownDefinitionError` for a definition the knowledge does not hold.
    """
    definitions = knowledge.definitions_on(as_of)
    chosen = _definition(definitions, definition or knowledge.default_definition)
    history = history_of(record, knowledge=knowledge, as_of=as_of)
    episode, setting = history.episode, history.setting
    eligibility = _eligibility(record, history, knowledge)
    unread = history_unread(record)
    by_definition = rate_all(history, (chosen, *definitions.values()))  # the chosen one first: its citations stand
    rated = by_definition[chosen.id]
    verdict = _verdict(rated, chosen, eligibility, unread)
    trials = rated.trials
    earlier = rate_earlier(history, chosen)
    severity = severity_of(record.scores, setting)
    labels = {kind.id: kind.label for kind in knowledge.procedures.kinds}
    gives = {kind.id: kind.gives for kind in knowledge.procedures.kinds if kind.gives is not None}
    judged_orders = judge_orders(
        orders, trials, earlier, definition=chosen, drugs=knowledge.drugs, labels=labels, gives=gives
    )
    concluded = _concluded(history, rated, earlier)
    facts = NamedFacts(record, concluded, knowledge=knowledge, as_of=as_of, stood=stood)
    considered = considerations(
        [check for check in knowledge.clinical.pseudo_resistance.checks if knowledge.is_on(check.id)],
        # What the request itself ends is known for safety only.
        facts if not stood else NamedFacts(record, concluded, knowledge=knowledge, as_of=as_of),
        sentences=knowledge.sentences,
        as_of=as_of,
    )
    step = next_step_of(
        record,
        concluded,
        facts,
        verdict=verdict,
        judged=judged_orders,
        orders=orders,
        knowledge=knowledge,
        as_of=as_of,
        jurisdiction=jurisdiction,
    )
    staging = stage(
        record,
        trials,
        rated.augmentations,
        rated.courses,
        episode=episode,
        eligibility=eligibility,
        history_unread=unread is not None,
        severity=severity.score if severity is not None else None,
        scales={id_: one.label for id_, one in knowledge.instruments.items()},
        knowledge=knowledge.staging,
        as_of=as_of,
    )
    reasons = [*verdict.reasons, *episode.reasons, *eligibility.reasons, *eligibility.basis, *eligibility.caps]
    reasons += [Reason(rule="S", text="current severity", uses=severity.score.references)] if severity else []
    reasons += staging.reasons if staging is not None else ()
    reasons += [Reason(rule="Q1", text=one.finding, uses=one.uses) for one in considered]
    reasons += step.reasons
    used = references_used(record, (*trials, *rated.augmentations, *earlier), rated.courses, judged_orders, reasons)
    return Assessment(
        as_of=as_of,
        jurisdiction=jurisdiction,
        definition=chosen,
        record=record,
        episode=episode,
        eligibility=eligibility,
        trials=trials,
        earlier=earlier,
        augmentations=rated.augmentations,
        courses=rated.courses,
        staging=staging,
        verdict=verdict,
        by_definition=_outlooks(by_definition, definitions, eligibility, unread),
        changes=_changes(history, rated, verdict, chosen, eligibility, unread, knowledge) if suppose else (),
        severity=severity,
        next_step=step,
        orders=step.orders,
        never_filled=_never_filled(history, knowledge),
        pseudo_resistance=considered,
        missing=missing_facts(record, trials, eligibility),
        gaps=gaps_of(record),
        set_aside=balance(record, used, _aside(history)),
        used=used,
        exposures=history.exposures,
        knowledge_version=knowledge.version,
        knowledge_hash=knowledge.content_hash,
        site=knowledge.site,
    )


def _definition(definitions: Mapping[str, Definition], name: str) -> Definition:
    if name not in definitions:
        known = ", ".join(sorted(definitions))
        raise UnknownDefinitionError(f"no definition of that name; choose one of: {known}")
    return definitions[name]


def _eligibility(record: PatientRecord, history: History, knowledge: Knowledge) -> Eligibility:
    labels, setting = category_labels(knowledge.conditions), history.setting
    return eligibility_of(record, history.episode, labels=labels, rules=setting.rules, as_of=setting.as_of)


def _verdict(rated: Rated, definition: Definition, eligibility: Eligibility, unread: Reason | None) -> Verdict:
    extra = rated.beside(definition)
    return decide(rated.trials, definition=definition, eligibility=eligibility, history_unread=unread, extra=extra)


def _outlooks(
    by_definition: Mapping[str, Rated],
    definitions: Mapping[str, Definition],
    eligibility: Eligibility,
    unread: Reason | None,
) -> Mapping[str, tuple[Counts, Value]]:
    """The counts and the value under every definition, by its id."""
    return {
        key: outlook_of(
            (*by_definition[key].trials, *by_definition[key].beside(definition)),
            definition=definition,
            eligibility=eligibility,
            history_unread=unread,
        )
        for key, definition in sorted(definitions.items())
    }


def _changes(
    history: History,
    rated: Rated,
    verdict: Verdict,
    chosen: Definition,
    eligibility: Eligibility,
    unread: Reason | None,
    knowledge: Knowledge,
) -> tuple[Change, ...]:
    """Which single missing fact would move the verdict: the stages are run again on each."""
    labels, setting = category_labels(knowledge.conditions), history.setting
    case = Case(
        history=history,
        trials=rated.trials,
        extra=rated.beside(chosen),
        eligibility=eligibility,
        definition=chosen,
        labels=labels,
        history_unread=unread,
    )

    def again(supposed: PatientRecord) -> Verdict:
        other = history_of(supposed, knowledge=knowledge, as_of=setting.as_of)
        fit = _eligibility(supposed, other, knowledge)
        return _verdict(rate(other, chosen, brief=True), chosen, fit, history_unread(supposed))

    stages = Stages(
        eligibility=partial(eligibility_of, labels=labels, rules=setting.rules, as_of=setting.as_of),
        trials=lambda supposed, within: _counted(rate(history.supposing(supposed, within), chosen, brief=True), chosen),
        whole=again,
    )
    return changes(case, verdict, stages, efforts=[entry.kind for entry in knowledge.missing_facts])


def _counted(rated: Rated, definition: Definition) -> tuple[tuple[Trial, ...], tuple[Trial | Course, ...]]:
    return rated.trials, rated.beside(definition)


def _concluded(history: History, rated: Rated, earlier: tuple[Trial, ...]) -> Concluded:
    return Concluded(
        eras=history.lifetime.eras,
        trials=rated.trials,
        earlier=earlier,
        never_filled=tuple(fact for fact, _ in history.exposures.never_filled),
        augmentations=rated.augmentations,
        courses=rated.courses,
        exposures=history.exposures,
    )


def _never_filled(history: History, knowledge: Knowledge) -> tuple[str, ...]:
    labels = (
        knowledge.drugs[ingredient].label
        for fact, _ in history.exposures.never_filled
        if fact.product is not None
        for ingredient in fact.product.ingredients
    )
    return tuple(dict.fromkeys(labels))


def _aside(history: History) -> list[SetAside]:
    record, exposures = history.record, history.exposures
    never = [SetAside(reference=fact.reference, reason="never filled (E2)") for fact, _ in exposures.never_filled]
    denied = denied_aside(exposures)
    return [*record.set_aside, *exposures.set_aside, *never, *denied, *laboratory_aside(record, history.setting.as_of)]
