"""What to say, where and how loudly: from an assessment to card drafts. The whole speaking policy is this file.

Order hooks: recorded suicidality first, a drafted order that meets a hard stop, gates (`plugin.safety_cards`); then a
card when the verdict is met, probable or cannot be told, one for each drafted drug with something in its history, and
last the options (`plugin.option_card`). patient-view: only a met or probable verdict in active depression. In
remission no action card. Cards carry sentences of the knowledge only; they state options and gaps, never directives.
"""

from __future__ import annotations

from collections.abc import Sequence

from mappings.load import Knowledge
from mappings.rule_names import ALWAYS_ON
from plugin.assessment import Assessment
from plugin.card_draft import CardDraft
from plugin.drafts import OrderFinding
from plugin.findings import Reason
from plugin.option_card import closed_line, option_card
from plugin.safety_cards import gate_cards, safety_card, stop_cards, suicidality_line
from plugin.verdict import Value, weight_of
from plugin.wording import Wording, escape

__all__ = ["CardDraft", "advise", "escape"]

_SPOKEN_ON_VIEW = (Value.MET, Value.PROBABLE)
_SPOKEN_ON_ORDER = (Value.MET, Value.PROBABLE, Value.INDETERMINATE)
_INDICATOR = {"critical": "critical", "warning": "warning", "info": "info"}
_MISSING_SHOWN = 3
_SETTLED = (Value.MET, Value.NOT_MET, Value.EXCLUDED)
_CONSIDERED_SHOWN = 3
_NOT_VALUES = ("codes", "override_reasons")


def advise(
    assessment: Assessment, *, hook: str, knowledge: Knowledge, user: str = "", encounter: str = ""
) -> tuple[CardDraft, ...]:
    """The cards for one hook, most important first; empty when there is truly nothing to say.

    `user` and `encounter` (references, empty when unknown) are those of the call: see `plugin.safety_cards`.
    """
    words = Wording(knowledge)
    status = _status_card(assessment, words, hook)
    said = [status] if status is not None else []
    safety = safety_card(assessment, words, user=user, encounter=encounter)
    if hook != "patient-view":
        first = [*stop_cards(assessment, words), *gate_cards(assessment, words)]
        options = option_card(assessment, words)
        said = [*first, *said, *_order_cards(assessment, words), *([options] if options is not None else [])]
    # Opening a record is answered by news on the verdict alone; whatever is said, recorded danger comes first.
    if safety is not None and (said or hook != "patient-view"):
        said = [safety, *said]
    # A site may have switched a kind of card off; the page and the document still hold what it would say.
    return tuple(draft for draft in said if draft.kind in ALWAYS_ON or knowledge.is_on(draft.kind))


def _status_card(assessment: Assessment, words: Wording, hook: str) -> CardDraft | None:
    verdict = assessment.verdict
    remitted = assessment.severity is not None and assessment.severity.in_remission
    if remitted or verdict.value not in (_SPOKEN_ON_VIEW if hook == "patient-view" else _SPOKEN_ON_ORDER):
        return None
    leading, considered = _considered(assessment, words)
    lines = [*leading, *(words.trial(trial, assessment.definition) for trial in assessment.trials)]
    lines += _count_lines(assessment, words)
    lines += considered
    lines += _open_lines(assessment, words)
    lines += [line for line in (suicidality_line(assessment, words), _closed(assessment, words, hook)) if line]
    lines += _closing_lines(assessment, words, verdict.reasons)
    return CardDraft(
        kind="trd-status",
        summary=_summary(assessment, words),
        detail=tuple(lines),
        indicator="warning" if verdict.value is Value.MET else "info",
        source_label=words.source_label(assessment.definition),
        cites=tuple(dict.fromkeys(cite for reason in verdict.reasons for cite in reason.cites)),
        rules=tuple(dict.fromkeys(reason.rule for reason in verdict.reasons)),
        uses=_behind_status(assessment),
        override_reasons=words.override_reasons,
    )


def _closed(assessment: Assessment, words: Wording, hook: str) -> str:
    """Where this verdict would show options and none may be named, why; gates have cards of their own."""
    shown = assessment.verdict.value in _SPOKEN_ON_VIEW and hook != "patient-view"
    return closed_line(assessment.next_step, words) if shown else ""


def _summary(assessment: Assessment, words: Wording) -> str:
    verdict, counts = assessment.verdict, assessment.verdict.counts
    column = {Value.MET: 0, Value.PROBABLE: 1}.get(verdict.value)
    if column is not None:
        failed = [t.drug.label for t in assessment.trials if weight_of(t)[column]]
        names = ", ".join(failed)
        sentence = "met-summary" if verdict.value is Value.MET else "probable-summary"
        return words.say(sentence, count=len(failed), names=names)
    if verdict.capped is not None:
        return words.say("capped-summary", reason=_plain(verdict.reasons[:1]))
    if any(reason.rule == "V0" for reason in verdict.reasons):
        return words.say("unread-summary")
    return words.say("unclear-summary", low=counts.lo, high=counts.hi)


def _plain(reasons: Sequence[Reason]) -> str:
    return "; ".join(reason.text.rstrip(".") for reason in reasons)


def _count_lines(assessment: Assessment, words: Wording) -> list[str]:
    verdict, definition = assessment.verdict, assessment.definition
    lines = [
        words.say(
            "count-line",
            low=verdict.counts.lo,
            proxy=verdict.counts.lo_proxy,
            high=verdict.counts.hi,
            definition=definition.id,
            needed=definition.min_failed_trials,
            summary=definition.label,
        )
    ]
    failing = [t for t in assessment.trials if weight_of(t)[0]]
    if verdict.value is Value.PROBABLE and failing and all(t.outcome.basis != "score" for t in failing):
        lines.append(words.say("reported-basis"))
    if verdict.capped is not None:
        caps = [r for r in verdict.reasons if not r.rule.startswith("V") or r.rule == "V0"]
        lines.append(words.say("capped-line", value=words.say(f"verdict-{verdict.capped.value}"), reasons=_plain(caps)))
    others = [
        f"{name} {words.say(f'verdict-{result[1].value}')}"
        for name, result in assessment.by_definition.items()
        if result is not None and name != definition.id and result[1] is not verdict.value
    ]
    if others:
        lines.append(words.say("other-definitions", list=", ".join(others)))
    return lines


def _considered(assessment: Assessment, words: Wording) -> tuple[list[str], list[str]]:
    """What to consider before concluding resistance, a few lines at most: what leads the card, and the others."""
    shown = assessment.pseudo_resistance[:_CONSIDERED_SHOWN]
    lines = [
        (one.leads, words.say("consider", what=words.say(one.sentence, finding=escape(one.finding)))) for one in shown
    ]
    return [line for leads, line in lines if leads], [line for leads, line in lines if not leads]


def _open_lines(assessment: Assessment, words: Wording) -> list[str]:
    lines = [words.say("missing-line", what=item.what) for item in assessment.missing[:_MISSING_SHOWN]]
    # What would only leave the verdict open in another way settles nothing; the document lists it all the same.
    settling = [change for change in assessment.changes if change.verdict in _SETTLED]
    for change in settling[:_MISSING_SHOWN]:
        verdict = words.say(f"verdict-{change.verdict.value}")
        lines.append(words.say("change", fact=escape(change.fact), verdict=verdict))
    return lines


def _closing_lines(assessment: Assessment, words: Wording, reasons: Sequence[Reason]) -> list[str]:
    lines = []
    severity = assessment.severity
    if severity is not None:
        label = words.knowledge.instruments[severity.score.instrument].label
        lines.append(
            words.say(
                "severity-line",
                instrument=label,
                value=f"{severity.score.value:g}",
                date=severity.score.day,
                band=severity.band or "-",
            )
        )
    else:
        days = words.knowledge.reconstruction_on(assessment.as_of).severity_days
        lines.append(words.say("severity-unknown", days=days))
    if assessment.never_filled:
        lines.append(words.say("never-filled-line", list=", ".join(assessment.never_filled)))
    by_reason: dict[str, list[str]] = {}
    for gap in assessment.gaps:
        by_reason.setdefault(gap.why, []).append(gap.what)
    if by_reason:
        gaps = [f"{', '.join(kinds)} ({escape(why)})" for why, kinds in by_reason.items()]
        lines.append(words.say("gap-line", list="; ".join(gaps)))
    if assessment.site is not None:
        site = assessment.site
        # Local codes and reasons change what can be read, not what a number means: the document lists them.
        values = [c for c in site.changes if not c.path.startswith(_NOT_VALUES)]
        changed = [f"{c.path} {c.before or 'none'} to {c.after} ({c.who}, {c.when})" for c in values]
        if changed:
            lines.append(words.say("site-line", site=escape(site.site.name), list=escape("; ".join(changed))))
    lines += words.basis([cite for reason in reasons for cite in reason.cites])
    lines.append(words.say("as-of", date=assessment.as_of))
    return lines


def _order_cards(assessment: Assessment, words: Wording) -> list[CardDraft]:
    cards = []
    for judged in assessment.orders:
        for finding in judged.findings:
            sentence = f"{finding.rule}{'-earlier' if finding.earlier_episode else ''}-summary"
            lines = [words.trial(finding.trial, assessment.definition)]
            if finding.rule == "tried-too-low-or-short":
                lines.append(words.say("not-a-failure"))
            lines.append(words.say("not-a-checker"))
            reasons = _behind(finding)
            lines += _closing_lines(assessment, words, reasons)
            cards.append(
                CardDraft(
                    kind=finding.rule,
                    summary=words.say(sentence, drug=judged.label.capitalize()),
                    detail=tuple(lines),
                    indicator=_INDICATOR[finding.level],
                    source_label=words.source_label(assessment.definition),
                    cites=tuple(dict.fromkeys(cite for reason in reasons for cite in reason.cites)),
                    rules=(finding.rule,),
                    uses=tuple(dict.fromkeys(finding.uses)),
                    override_reasons=words.override_reasons,
                )
            )
    return sorted(cards, key=lambda card: list(_INDICATOR).index(card.indicator))


def _behind_status(assessment: Assessment) -> tuple[str, ...]:
    trials = (ref for trial in assessment.trials for ref in trial.sources)
    considered = (ref for one in assessment.pseudo_resistance[:_CONSIDERED_SHOWN] for ref in one.uses)
    return tuple(dict.fromkeys((*trials, *considered)))


def _behind(finding: OrderFinding) -> tuple[Reason, ...]:
    return (*finding.trial.judged.reasons, *finding.trial.outcome.reasons)
