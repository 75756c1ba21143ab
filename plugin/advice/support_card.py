"""A drafted TMS, ECT, VNS, esketamine or ketamine: which documented failures support it, and what is missing for it.

The number of failures asked for is that of the option in the knowledge (payers differ). Speaks of documentation, never
of whether the treatment is right. Silent during a course that is going on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mappings.option_schema import Option as Treatment
from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, reason_facts, score_facts, trial_facts
from plugin.advice.card_footing import cites_of, footing, uses_of
from plugin.advice.option_card import with_draft, with_meaning
from plugin.advice.status_card import definition_lines
from plugin.advice.wording import Wording, capitalised, escape
from plugin.assessment import Assessment
from plugin.options.inputs import circumstances_of
from plugin.options.opening import Opening, opening_of
from plugin.resistance.verdict import Value, weight_of
from plugin.safety.drafts import JudgedOrder

_KIND = "procedure-support"
_NOT_ABOUT = (Value.EXCLUDED, Value.OUT_OF_SCOPE)
_PROBABLE = 1
_LACKING_SHOWN = 2


def support_cards(assessment: Assessment, words: Wording) -> Iterator[CardDraft]:
    """One card for each drafted treatment that asks for a number of failed trials."""
    if assessment.verdict.value in _NOT_ABOUT:
        return
    told: set[str] = set()
    for order in assessment.next_step.orders:
        treatment = _asked_for(order, words)
        if treatment is not None and treatment.id not in told and not _going_on(order, assessment):
            told.add(treatment.id)
            yield _card(order, treatment, assessment, words)


def _asked_for(order: JudgedOrder, words: Wording) -> Treatment | None:
    """The plainest option that the draft is one of, if it asks for failed trials and is no oral drug."""
    found = [
        one
        for one in words.knowledge.clinical.options.values()
        if one.eligibility is not None
        and one.closes.procedures
        and (order.order.procedure in one.closes.procedures or order.ingredient in one.closes.drugs)
    ]
    return min(found, key=lambda one: len(one.closes.traits), default=None)


def _going_on(order: JudgedOrder, assessment: Assessment) -> bool:
    """Whether a course of it is running: another session of it is no new decision."""
    tried = assessment.next_step.tried
    running = any(course.kind == order.order.procedure for course in tried.running)
    return running or any(order.ingredient in taking.groups for taking in tried.taken)


def _card(order: JudgedOrder, treatment: Treatment, assessment: Assessment, words: Wording) -> CardDraft:
    step = assessment.next_step
    opening = opening_of(
        treatment,
        step.tried,
        circumstances=circumstances_of(step.modifiers),
        mild=False,
        as_of=assessment.as_of,
    )
    trials = [trial for trial in assessment.trials if weight_of(trial)[_PROBABLE]]
    reasons = [*([opening.reason] if opening.reason is not None else []), *assessment.verdict.reasons]
    unread = words.knowledge.clinical.order_checks.procedures_unread
    found = (*step.safety.blocked.get(treatment.id, ()), *step.safety.cautions.get(treatment.id, ()))
    hits = [hit for hit in found if hit.rule != unread.id]
    lines = [_first_line(opening, words), *(words.trial(trial, assessment.definition) for trial in trials)]
    if len(hits) < len(found):
        lines.append(words.say("support-needed", list=unread.label))
    lines += [*_lacking(treatment, assessment, words), *definition_lines(assessment, words)]
    if hits:
        labels = "; ".join(dict.fromkeys(with_meaning(with_draft(hit, words), hit, words) for hit in hits))
        lines.append(words.say("support-against", list=escape(labels)))
    labels_here = {str(where): status for where, status in treatment.jurisdictions.items()}
    if assessment.jurisdiction in labels_here and labels_here[assessment.jurisdiction].off_label:
        lines.append(words.say("support-off-label"))
    lines += [words.say("support-payers"), words.say("not-a-checker")]
    name = order.order.procedure or order.ingredient
    severity = score_facts(assessment.severity.score) if assessment.severity is not None else []
    return CardDraft(
        kind=_KIND,
        summary=words.summary(_summaries(order, treatment, opening, assessment, words)),
        detail=(*lines, *footing(assessment, words, reasons)),
        indicator="info",
        source_label=words.source_label(assessment.definition),
        cites=cites_of(reasons),
        rules=("L5",),
        uses=tuple(dict.fromkeys((*step.tried.uses, *uses_of(reasons)))),
        finding=f"{_KIND}:{name}",
        facts=facts_of(
            *(trial_facts(trial) for trial in assessment.trials),
            severity,
            [f"failed:{step.tried.measured}:{step.tried.with_proxy}"],
            [fact for hit in hits for fact in reason_facts(hit.reasons)],
        ),
    )


def _summaries(
    order: JudgedOrder, treatment: Treatment, opening: Opening, assessment: Assessment, words: Wording
) -> Sequence[str]:
    """Which failures are documented, of how many asked for."""
    tried, label = assessment.next_step.tried, capitalised(order.label)
    asked = treatment.eligibility
    need = int(asked.failed_trials.on(assessment.as_of).amount) if asked is not None else 0
    names = [trial.drug.label for trial in assessment.trials if weight_of(trial)[0]]
    kind = "urgent" if _is_urgent(opening) else "probable" if opening.probable else "documented"
    if opening.probable:
        names = [trial.drug.label for trial in assessment.trials if weight_of(trial)[_PROBABLE]]
    fields = {"treatment": label, "have": tried.with_proxy if opening.probable else tried.measured, "need": need}
    fuller = words.summaries(f"support-summary-{kind}", names, **fields)
    return [*fuller, words.say(f"support-short-{kind}", **fields)]


def _first_line(opening: Opening, words: Wording) -> str:
    if opening.probable:
        return words.say("support-line-probable")
    if not opening.is_open:
        return words.say("support-line-fewer")
    return words.say("support-line-urgent" if _is_urgent(opening) else "support-line-enough")


def _is_urgent(opening: Opening) -> bool:
    """Whether urgency opens the treatment, in place of failed trials."""
    return opening.is_open and not opening.probable and opening.reason is not None and not opening.reason.uses


def _lacking(treatment: Treatment, assessment: Assessment, words: Wording) -> list[str]:
    """What is not on record: what the safety rules ask for before the start, the severity, outcomes of open trials."""
    needed = [one.what for one in assessment.next_step.safety.needed if one.option == treatment.id]
    lines = [words.say("support-needed", list=", ".join(dict.fromkeys(needed)))] if needed else []
    lacking = [words.say("missing-line", what=words.told(item.what)) for item in assessment.missing[:_LACKING_SHOWN]]
    return [*lines, *lacking]
