"""What stands at the end of a card: severity, what was and was not looked at, the site's values, sources, the day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugin.advice.wording import Wording, escape
from plugin.assessment import Assessment
from plugin.findings import Reason
from plugin.record import Read
from plugin.trial.outcome import SCORES_UNREAD

# Local codes, reasons and words change what can be read, not what a number means: the document lists them.
_NOT_VALUES = ("codes", "override_reasons", "sentences")
_READ = "read-"


def footing(assessment: Assessment, words: Wording, reasons: Sequence[Reason]) -> list[str]:
    """The lines that close a card on the history."""
    lines = [severity_line(assessment, words)]
    if assessment.never_filled:
        lines.append(words.say("never-filled-line", list=", ".join(assessment.never_filled)))
    lines += looked_at(assessment, words)
    if assessment.site is not None:
        site = assessment.site
        values = [c for c in site.changes if not c.path.startswith(_NOT_VALUES)]
        changed = [f"{c.path} {c.before or 'none'} to {c.after} ({c.who}, {c.when})" for c in values]
        if changed:
            lines.append(words.say("site-line", site=escape(site.site.name), list=escape("; ".join(changed))))
    return [*lines, *words.basis(cites_of(reasons)), words.say("as-of", date=assessment.as_of)]


def severity_line(assessment: Assessment, words: Wording) -> str:
    """The latest severity, or that it is not known."""
    severity = assessment.severity
    if severity is None:
        days = words.knowledge.reconstruction_on(assessment.as_of).severity_days
        return words.say("severity-unknown", days=days)
    return words.say(
        "severity-line",
        instrument=words.knowledge.instruments[severity.score.instrument].label,
        value=f"{severity.score.value:g}",
        date=severity.score.day,
        band=severity.band or "-",
    )


def looked_at(assessment: Assessment, words: Wording) -> list[str]:
    """Which kinds of record were read, which not or not completely, and what unread scores mean for the trials."""
    known, said = assessment.record.availability, words.knowledge.sentences
    whole = {f"{_READ}{kind.replace('/', '-')}" for kind, one in known.items() if one.read is Read.COMPLETE}
    read = [words.say(key) for key in said if key in whole]
    lines = [words.say("looked-at", list=", ".join(dict.fromkeys(read)))] if read else []
    lines += gap_line(assessment, words)
    if any(SCORES_UNREAD in trial.outcome.flags for trial in assessment.trials):
        lines.append(words.say("scores-unread"))
    return lines


def gap_line(assessment: Assessment, words: Wording) -> list[str]:
    """One line on what was not read or not completely, and why; empty where there is nothing of the kind."""
    by_reason: dict[str, list[str]] = {}
    for gap in assessment.gaps:
        by_reason.setdefault(gap.why, []).append(kind_named(gap.what, words))
    gaps = [f"{', '.join(kinds)} ({escape(why)})" for why, kinds in by_reason.items()]
    return [words.say("gap-line", list="; ".join(gaps))] if gaps else []


def kind_named(kind: str, words: Wording) -> str:
    """A kind of record in the reader's words; one without words by its name in FHIR."""
    key = f"{_READ}{kind.replace('/', '-')}"
    return words.say(key) if key in words.knowledge.sentences else escape(kind)


def cites_of(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The citations of reasons, each once."""
    return tuple(dict.fromkeys(cite for reason in reasons for cite in reason.cites))


def rules_of(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The rules of reasons, each once."""
    return tuple(dict.fromkeys(reason.rule for reason in reasons))


def uses_of(reasons: Iterable[Reason]) -> tuple[str, ...]:
    """The records behind reasons, each once."""
    return tuple(dict.fromkeys(use for reason in reasons for use in reason.uses))
