"""One card on how the failures so far relate to the domain that now predominates: missed, matched and failed, or
failed whatever was tried.

A refractory pattern is answered by looking again and by referral first, never by a stronger drug alone. The pattern is
a convention of this project (`plugin.options.pattern`); it is said only beside a met or probable verdict.
"""

from __future__ import annotations

from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, profile_facts, trial_facts
from plugin.advice.card_footing import cites_of, rules_of, uses_of
from plugin.advice.profile_words import domains_named, profile_line
from plugin.advice.wording import Wording, capitalised
from plugin.assessment import Assessment
from plugin.options.inputs import PSYCHOSIS_CATATONIA, focus_of
from plugin.options.pattern import is_matched
from plugin.trial.measurement import Status
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

MISMATCH, MATCHED, REFRACTORY = "mismatch-plausible", "matched-failure", "refractory-pattern"
_KINDS = (MISMATCH, MATCHED, REFRACTORY)


def pattern_card(assessment: Assessment, words: Wording) -> CardDraft | None:
    """The card, None where no pattern is recognised or the data do not allow to say so.

    That trials missed a domain is a statement on what is absent: it needs a history read completely.
    """
    step = assessment.next_step
    pattern = step.pattern
    if pattern.value not in _KINDS or PSYCHOSIS_CATATONIA in step.modifiers.gates:
        return None
    if pattern.value == MISMATCH and step.options.why_none is not None:
        return None
    tried = step.tried.strategies
    as_of, known = assessment.as_of, words.knowledge
    shown = [one for one in tried if pattern.value != MATCHED or is_matched(one, focus_of(step.profile), known, as_of)]
    domain = domains_named(assessment, words)
    lines = [*profile_line(assessment, words), *(_strategy(one, domain, assessment, words) for one in shown)]
    if pattern.value == REFRACTORY:
        lines = [words.say("refractory-further"), *lines, words.say("refractory-pattern-line")]
    lines.append(words.say("option-proposal"))
    names = [_label(one) for one in shown]
    # Of trials that missed a domain it is not said that they failed by score.
    probable = pattern.value != MISMATCH and any(one.outcome.status is Status.FAILED_PROXY for one in shown)
    sentence = f"{pattern.value}-probable" if probable else pattern.value
    certainty = words.say(f"certainty-{step.profile.certainty}") if step.profile.domains else ""
    fuller = words.summaries(f"{sentence}-summary", names, domain=domain, certainty=certainty, count=len(names))
    return CardDraft(
        kind=pattern.value,
        summary=capitalised(words.summary([*fuller, words.say(f"{sentence}-short")])),
        detail=(*lines, *words.basis(cites_of(pattern.because)), words.say("as-of", date=as_of)),
        indicator="info",
        source_label=words.say("options-source"),
        cites=cites_of(pattern.because),
        rules=rules_of(pattern.because),
        uses=tuple(dict.fromkeys((*uses_of(pattern.because), *step.profile.uses))),
        finding=pattern.value,
        facts=facts_of(profile_facts(step.profile), *(trial_facts(one) for one in tried)),
    )


def _strategy(one: Trial | Course, domain: str, assessment: Assessment, words: Wording) -> str:
    """One line on a failed treatment: when it was given, and whether it targets what stands out now."""
    focus = focus_of(assessment.next_step.profile)
    aimed = is_matched(one, focus, words.knowledge, assessment.as_of)
    days = (
        (one.series.start, one.series.last) if isinstance(one, Course) else (one.judged.era.start, one.judged.era.end)
    )
    aim = ("aimed" if aimed else "missed") if domain else "plain"
    fields = {"domain": domain} if domain else {}
    proxy = one.outcome.status is Status.FAILED_PROXY
    fields["outcome"] = words.say("failed-probably" if proxy else "failed-by-score")
    return words.say(f"strategy-{aim}", name=_label(one), start=days[0], end=days[1], **fields)


def _label(one: Trial | Course) -> str:
    return one.label if isinstance(one, Course) else one.drug.label
