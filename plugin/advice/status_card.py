"""The card on the status: criteria met, probable, or not to be told and what would settle it.

Its first line says whether the published definitions agree; then what leads, the trials, the count, what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, score_facts, trial_facts
from plugin.advice.card_footing import cites_of, footing, rules_of
from plugin.advice.decisive_fact import DecisiveFact, decisive_fact, settling
from plugin.advice.safety_cards import answers_unread_line, suicidality_line
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.findings import Reason
from plugin.record import Layer
from plugin.resistance.verdict import Value, weight_of
from plugin.trial.trials import Trial

_SHOWN = 3  # of each list
_COLUMN = {Value.MET: 0, Value.PROBABLE: 1}
_KIND = "trd-status"


def status_card(assessment: Assessment, words: Wording, *, note: str = "") -> CardDraft:
    """The card for the verdict as it is; `note` says why no option stands beside it, empty where that needs no word."""
    verdict = assessment.verdict
    ask = decisive_fact(assessment, words) if verdict.value is Value.INDETERMINATE else None
    leading, considered = _considered(assessment, words)
    lines = [*definition_lines(assessment, words), *leading]
    lines += [words.say("settle-first", fact=ask.text, effort=ask.effort)] if ask is not None else []
    lines += [words.trial(trial, assessment.definition) for trial in assessment.trials]
    lines += [*_count_lines(assessment, words), *considered, *_open_lines(assessment, words)]
    suicidality = (suicidality_line(assessment, words), answers_unread_line(assessment, words))
    lines += [line for line in (*suicidality, note) if line]
    severity = score_facts(assessment.severity.score) if assessment.severity is not None else []
    return CardDraft(
        kind=_KIND,
        summary=words.summary(_summaries(assessment, words, ask)),
        detail=(*lines, *footing(assessment, words, verdict.reasons)),
        indicator="warning" if verdict.value is Value.MET else "info",
        source_label=words.source_label(assessment.definition),
        cites=cites_of(verdict.reasons),
        rules=rules_of([*verdict.reasons, *(one for trial in assessment.trials for one in _reasons(trial))]),
        uses=_uses(assessment),
        collects=ask.collects if ask is not None else (),
        finding=f"{_KIND}:{assessment.definition.id}",
        facts=facts_of(
            [f"verdict:{verdict.value.value}", f"capped:{verdict.capped}", *_others(assessment)],
            *(trial_facts(trial) for trial in assessment.trials),
            severity,
        ),
    )


def failed_names(trials: Sequence[Trial], column: int) -> list[str]:
    """The drugs that count as failed adequate trials: by measurement (column 0) or with probable ones (1)."""
    return [trial.drug.label for trial in trials if weight_of(trial)[column]]


def _summaries(assessment: Assessment, words: Wording, ask: DecisiveFact | None) -> list[str]:
    """The summary in its alternatives, the fullest first."""
    verdict, counts = assessment.verdict, assessment.verdict.counts
    column = _COLUMN.get(verdict.value)
    if column is not None:
        names = failed_names(assessment.trials, column)
        unscored = "probable" if counts.lo else "probable-unscored"
        sentence = "met" if verdict.value is Value.MET else unscored
        fewer = words.summaries(f"{sentence}-summary", names, count=len(names))
        return [*fewer, words.say(f"{sentence}-summary-short", count=max(len(names), counts.lo))]
    said = []
    if any(reason.rule == "V0" for reason in verdict.reasons):
        said.append(words.say("unread-summary"))
    if ask is not None:
        said.append(words.say("settle-summary", fact=ask.text))
    if verdict.capped is not None:
        said.append(words.say("capped-summary", reason=_plain(verdict.reasons[:1], words)))
    return [*said, words.say("unclear-summary", low=counts.lo, high=counts.hi)]


def _plain(reasons: Sequence[Reason], words: Wording) -> str:
    return "; ".join(words.told(reason.text) for reason in reasons)


def _others(assessment: Assessment) -> list[str]:
    """Each other definition with its verdict; what is not built says nothing."""
    return [
        f"{name}:{result[1].value}"
        for name, result in assessment.by_definition.items()
        if result is not None and name != assessment.definition.id
    ]


def definition_lines(assessment: Assessment, words: Wording) -> list[str]:
    """Whether the definitions that were looked at agree, and if not which say what; empty where there is one only."""
    known = {name: result[1] for name, result in assessment.by_definition.items() if result is not None}
    mine = assessment.verdict.value
    differing: dict[Value, list[str]] = {}
    for name, value in known.items():
        if value is not mine:
            differing.setdefault(value, []).append(name)
    if not differing:
        return [words.say("definitions-agree", count=len(known))] if len(known) > 1 else []
    labels = words.knowledge.definitions
    few = sum(len(names) for names in differing.values()) == 1
    said = [
        words.say(
            "definitions-say",
            verdict=words.say(f"verdict-{value.value}"),
            names=", ".join(
                words.say("definition-named", label=labels[name].label) if few and name in labels else name
                for name in names
            ),
        )
        for value, names in differing.items()
    ]
    agree = sum(1 for value in known.values() if value is mine)
    return [words.say("definitions-differ", list="; ".join(said), agree=agree, count=len(known))]


def _count_lines(assessment: Assessment, words: Wording) -> list[str]:
    verdict, definition, counts = assessment.verdict, assessment.definition, assessment.verdict.counts
    rule = {"definition": definition.id, "needed": definition.min_failed_trials, "summary": definition.label}
    if counts.lo == counts.hi:
        lines = [words.say("count-line-sure", low=counts.lo, **rule)]
    else:
        lines = [words.say("count-line", low=counts.lo, proxy=counts.lo_proxy, high=counts.hi, **rule)]
    failing = [t for t in assessment.trials if weight_of(t)[0]]
    if verdict.value is Value.PROBABLE and failing and all(t.outcome.basis != "score" for t in failing):
        lines.append(words.say("reported-basis"))
    lines += reports_alone(assessment, words)
    if verdict.capped is not None:
        caps = [r for r in verdict.reasons if not r.rule.startswith("V") or r.rule == "V0"]
        value = words.say(f"verdict-{verdict.capped.value}")
        lines.append(words.say("capped-line", value=value, reasons=_plain(caps, words)))
    return lines


def reports_alone(assessment: Assessment, words: Wording) -> list[str]:
    """One line that names the failed drugs, probable failures among them, that only reports tell of; else none.

    A dated report is as good as a dispense for the count (decision 30), and somebody said it and nobody handed it over.
    """
    failed = [trial for trial in assessment.trials if weight_of(trial)[1]]
    told = [trial for trial in failed if all(fact.layer is Layer.REPORT for fact in trial.judged.era.facts)]
    return [words.say("reports-alone", names=", ".join(failed_names(told, 1)))] if told else []


def _considered(assessment: Assessment, words: Wording) -> tuple[list[str], list[str]]:
    """What to consider before concluding resistance, a few findings at most: what leads the card, and the others."""
    shown = assessment.pseudo_resistance[:_SHOWN]
    said = [(one.leads, words.say(one.sentence, finding=words.told(one.finding))) for one in shown]
    leading = [words.say("consider", what=what) for leads, what in said if leads]
    others = "; ".join(what for leads, what in said if not leads)
    return leading, [words.say("consider", what=others)] if others else []


def _open_lines(assessment: Assessment, words: Wording) -> list[str]:
    lines = [words.say("missing-line", what=words.told(item.what)) for item in assessment.missing[:_SHOWN]]
    # What would only leave the verdict open in another way settles nothing; the document lists it all the same.
    for change in settling(assessment.changes)[:_SHOWN]:
        verdict = words.say(f"verdict-{change.verdict.value}")
        lines.append(words.say("change", fact=words.told(change.fact), verdict=verdict))
    return lines


def _reasons(trial: Trial) -> tuple[Reason, ...]:
    return (*trial.judged.reasons, *trial.outcome.reasons)


def _uses(assessment: Assessment) -> tuple[str, ...]:
    """Every record behind a number of the card: trials with their scores, severity, the diagnosis, what to consider."""
    trials = [ref for trial in assessment.trials for ref in trial.sources]
    judged = [ref for trial in assessment.trials for reason in _reasons(trial) for ref in reason.uses]
    severity = assessment.severity.score.references if assessment.severity is not None else ()
    diagnosis = [ref for reason in assessment.eligibility.basis for ref in reason.uses]
    considered = [ref for one in assessment.pseudo_resistance[:_SHOWN] for ref in one.uses]
    return tuple(dict.fromkeys((*trials, *judged, *severity, *diagnosis, *considered)))
