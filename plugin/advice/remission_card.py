"""The card on a good outcome that may not have lasted: a relapse may stand in scores that were not read.

The verdict stays as it is, since what was measured counts; but silence would read as if all were well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, score_facts, trial_facts
from plugin.advice.card_footing import gap_line, severity_line
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.resistance.severity import Severity
from plugin.trial.measurement import Status
from plugin.trial.outcome import SCORES_UNREAD
from plugin.trial.trials import Trial

_KIND = "remission-unsure"


def remission_card(assessment: Assessment, words: Wording) -> CardDraft | None:
    """The card on a remission now, or a trial that did not fail, by scores that were read in part.

    None where all scores were read, and for somebody without a trial: there no score changes what is said.
    """
    if not assessment.record.lacks_scores:
        return None
    good = [trial for trial in assessment.trials if _did_not_fail(trial)]
    treated = bool(assessment.trials or assessment.earlier)
    severity = assessment.severity
    remission = severity if severity is not None and severity.in_remission and treated else None
    if remission is None and not good:
        return None
    told = severity.score if severity is not None else None
    uses = [ref for trial in good for ref in _uses(trial)] + list(told.references if told is not None else ())
    return CardDraft(
        kind=_KIND,
        summary=words.summary([*_summaries(remission, good, words), words.say(f"{_KIND}-short")]),
        detail=(
            words.say(f"{_KIND}-line"),
            *(words.trial(trial, assessment.definition) for trial in good),
            severity_line(assessment, words),
            words.say("scores-unread"),
            *gap_line(assessment, words),
            words.say("as-of", date=assessment.as_of),
        ),
        indicator="info",
        source_label=words.source_label(assessment.definition),
        rules=(_KIND,),
        uses=tuple(dict.fromkeys(uses)),
        finding=_KIND,
        facts=facts_of(
            [f"unread:{kind}" for kind in assessment.record.unread_scores],
            score_facts(told),
            *(trial_facts(trial) for trial in good),
        ),
    )


def _did_not_fail(trial: Trial) -> bool:
    return trial.outcome.status is Status.NOT_FAILED and SCORES_UNREAD in trial.outcome.flags


def _summaries(remission: Severity | None, good: Sequence[Trial], words: Wording) -> Iterable[str]:
    if remission is None:
        return words.summaries(f"{_KIND}-response-summary", list(dict.fromkeys(trial.drug.label for trial in good)))
    score = remission.score
    scale = words.knowledge.instruments[score.instrument].label
    return [words.say(f"{_KIND}-summary", scale=scale, value=f"{score.value:g}", date=score.day)]


def _uses(trial: Trial) -> tuple[str, ...]:
    return (*trial.sources, *(ref for reason in trial.outcome.reasons for ref in reason.uses))
