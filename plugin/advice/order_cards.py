"""Cards on a drafted drug and the patient's own history: it failed, was not tolerated, was tried too low or too short,
is being taken already, or would be added to an antidepressant that has not had an adequate trial.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from plugin.advice.augmentation_base import bases_not_yet_adequate
from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, trial_facts
from plugin.advice.card_footing import cites_of, footing, uses_of
from plugin.advice.wording import Wording, capitalised
from plugin.assessment import Assessment
from plugin.findings import Reason
from plugin.record import Layer
from plugin.resistance.verdict import Value
from plugin.safety.drafts import JudgedOrder, OrderFinding
from plugin.trial.measurement import Status
from plugin.trial.trials import Trial

_TOO_LITTLE, _FAILED = "tried-too-low-or-short", "already-failed"
_NO_DEPRESSION_HERE = (Value.EXCLUDED, Value.OUT_OF_SCOPE)
_AUGMENTS = "augmentation"
_HANDED_OVER = "completed"


def history_cards(assessment: Assessment, words: Wording) -> list[CardDraft]:
    """One card for each finding in the history of a drafted drug."""
    return [
        _history_card(order, finding, assessment, words) for order in assessment.orders for finding in order.findings
    ]


def _history_card(order: JudgedOrder, finding: OrderFinding, assessment: Assessment, words: Wording) -> CardDraft:
    only_probable = finding.rule == _FAILED and finding.trial.outcome.status is Status.FAILED_PROXY
    when = "-earlier" if finding.earlier_episode else ""
    sentence = f"{finding.rule}{when}{'-probable' if only_probable else ''}-summary"
    reasons = (*finding.trial.judged.reasons, *finding.trial.outcome.reasons)
    lines = [words.say("not-a-failure")] if finding.rule == _TOO_LITTLE else []
    lines += [words.trial(finding.trial, assessment.definition), words.say("not-a-checker")]
    earlier = ("earlier-episode",) if finding.earlier_episode else ()
    return CardDraft(
        kind=finding.rule,
        summary=words.summary(
            [words.say(sentence, drug=capitalised(order.label)), words.say(f"{finding.rule}{when}-short")]
        ),
        detail=(*lines, *footing(assessment, words, reasons)),
        indicator=finding.level,
        source_label=words.source_label(assessment.definition),
        cites=cites_of(reasons),
        rules=(finding.rule,),
        uses=tuple(dict.fromkeys(finding.uses)),
        finding=f"{finding.rule}:{order.ingredient}",
        facts=facts_of(trial_facts(finding.trial), earlier),
    )


def taken_cards(assessment: Assessment, words: Wording) -> Iterator[CardDraft]:
    """A card for a drafted drug whose recorded supply reaches well beyond today: more than a renewal in time."""
    check = words.knowledge.clinical.order_checks
    early = int(check.early_renewal.on(assessment.as_of).amount)
    for order in assessment.next_step.orders:
        lasting = max(_in_hand(order, assessment), default=None)
        stopped = any(stop.rule == check.duplicate.id and stop.level != "info" for stop in order.stops)
        if lasting is None or stopped or (lasting[0] - assessment.as_of).days < early:
            continue
        last, uses = lasting[0], (lasting[1],)
        reasons = [r for stop in order.stops if stop.rule == check.renewal.id for r in stop.reasons]
        yield CardDraft(
            kind="already-taken",
            summary=words.summary(
                [
                    words.say("already-taken-summary", drug=capitalised(order.label), date=last),
                    words.say("already-taken-short", drug=capitalised(order.label)),
                ]
            ),
            detail=(
                words.say("already-taken-line", days=early),
                words.say("not-a-checker"),
                *words.basis(cites_of(reasons)),
                words.say("as-of", date=assessment.as_of),
            ),
            indicator="info",
            source_label=words.say("taken-source"),
            cites=cites_of(reasons),
            rules=(check.renewal.id,),
            uses=uses,
            finding=f"already-taken:{order.ingredient}",
            facts=facts_of(uses, [f"until:{last.isoformat()}"]),
        )


def _in_hand(order: JudgedOrder, assessment: Assessment) -> Iterator[tuple[date, str]]:
    """The last day of each dispensed supply of the drug, with its reference; stock left over from others not added."""
    for fact in assessment.record.medications:
        handed_over = fact.layer is Layer.DISPENSE and fact.status == _HANDED_OVER and fact.start is not None
        if not handed_over or fact.product is None or order.ingredient not in fact.product.ingredients:
            continue
        if fact.start is not None and fact.days_supply is not None and fact.start.latest <= assessment.as_of:
            yield fact.start.latest + timedelta(days=int(fact.days_supply) - 1), fact.reference


def augmentation_cards(assessment: Assessment, words: Wording) -> Iterator[CardDraft]:
    """A card for a drafted augmenting drug where no antidepressant being taken has had an adequate trial yet.

    Silent where nothing is known to be taken, where a base may be adequate (borderline), where the drug is taken
    already, and for whom the definitions are not about.
    """
    bases = bases_not_yet_adequate(assessment)
    taken = {group for taking in assessment.next_step.tried.taken for group in taking.groups}
    if assessment.verdict.value in _NO_DEPRESSION_HERE or not bases:
        return
    for order in assessment.next_step.orders:
        drug = order.ingredient
        if drug is None or drug in taken or words.knowledge.drugs[drug].role != _AUGMENTS:
            continue
        # A product that brings its own antidepressant is no addition.
        if order.order.product is not None and set(order.order.product.ingredients) != {drug}:
            continue
        yield _augmentation_card(order, bases, assessment, words)


def _augmentation_card(order: JudgedOrder, bases: list[Trial], assessment: Assessment, words: Wording) -> CardDraft:
    reasons: list[Reason] = [reason for base in bases for reason in base.judged.reasons]
    names = [base.drug.label for base in bases]
    drug = capitalised(order.label)
    return CardDraft(
        kind="augmentation-base",
        summary=words.summary(
            [
                *words.summaries("augmentation-base-summary", names, drug=drug),
                words.say("augmentation-base-short", drug=drug),
            ]
        ),
        detail=(
            words.say("augmentation-base-line"),
            *(words.trial(base, assessment.definition) for base in bases),
            *footing(assessment, words, reasons),
        ),
        indicator="info",
        source_label=words.source_label(assessment.definition),
        cites=cites_of(reasons),
        rules=("T6", "A2"),
        uses=uses_of([*reasons]) or tuple(dict.fromkeys(use for base in bases for use in base.sources)),
        finding=f"augmentation-base:{order.ingredient}",
        facts=facts_of(*(trial_facts(base) for base in bases)),
    )
