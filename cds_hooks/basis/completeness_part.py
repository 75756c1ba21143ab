"""What is missing, what was not read, what was set aside, and by which software and rules the page was made."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markupsafe import Markup

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import line, plain, spoken
from mappings.site_schema import SiteChange
from plugin.advice.card_footing import looked_at
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.document.assessment_document import engine_version

_TRIAL = re.compile(r"trials\[(\d+)\]\.(\w+)")
_MOST_REFERENCES = 200  # of one reason for setting aside


@dataclass(frozen=True, slots=True, kw_only=True)
class AsideRow:
    """Records set aside for one reason; `more` counts those that are not listed here."""

    reason: str
    count: int
    references: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the page was made by."""

    engine: str
    knowledge: str
    hash: str
    site: str
    accepted: str
    jurisdiction: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessPart:
    """How much is known. `missing` pairs a fact with what it would affect."""

    considerations: tuple[Why, ...]
    missing: tuple[tuple[str, str], ...]
    looked_at: tuple[Markup, ...]
    gaps: tuple[tuple[str, str], ...]
    never_filled: tuple[str, ...]
    aside: tuple[AsideRow, ...]
    aside_count: int
    received: int
    used: int
    made: Made


def completeness_part(assessment: Assessment, words: Wording, register: Register) -> CompletenessPart:
    """The account of one assessment, ready to be written down."""
    received = frozenset(assessment.record.received)
    return CompletenessPart(
        considerations=tuple(
            register.statement(
                words.say(one.sentence, finding=one.finding) if one.sentence else one.finding,
                rule="Q1",
                uses=one.uses,
                cites=one.cites,
            )
            for one in assessment.pseudo_resistance
        ),
        missing=tuple((plain(one.what, words), _affected(one.would_affect, assessment)) for one in assessment.missing),
        looked_at=tuple(line(text) for text in looked_at(assessment, words)),
        gaps=tuple((gap.what, gap.why) for gap in assessment.gaps),
        never_filled=assessment.never_filled,
        aside=_aside(assessment),
        aside_count=len(assessment.set_aside),
        received=len(received),
        used=len(assessment.used & received),
        made=_made(assessment, words),
    )


def _affected(path: str, assessment: Assessment) -> str:
    """``trials[1].outcome`` of the document as ``outcome of the drug``; words stay as they are."""
    found = _TRIAL.fullmatch(path)
    if found is None or int(found[1]) >= len(assessment.trials):
        return path
    return f"{spoken(found[2])} of {assessment.trials[int(found[1])].drug.label}"


def _aside(assessment: Assessment) -> tuple[AsideRow, ...]:
    by_reason: dict[str, list[str]] = {}
    for one in assessment.set_aside:
        by_reason.setdefault(one.reason, []).append(one.reference)
    return tuple(
        AsideRow(
            reason=reason,
            count=len(references),
            references=tuple(references[:_MOST_REFERENCES]),
            more=max(len(references) - _MOST_REFERENCES, 0),
        )
        for reason, references in sorted(by_reason.items(), key=lambda each: (-len(each[1]), each[0]))
    )


def _made(assessment: Assessment, words: Wording) -> Made:
    site = assessment.site
    return Made(
        engine=engine_version(),
        knowledge=assessment.knowledge_version,
        hash=assessment.knowledge_hash,
        site=site.site.name if site is not None else "",
        accepted=f"{site.site.accepted_by}, {words.day(site.site.accepted_on)}" if site is not None else "",
        jurisdiction=assessment.jurisdiction.upper(),
        changes=tuple(_change(change, words) for change in site.changes) if site is not None else (),
    )


def _change(change: SiteChange, words: Wording) -> str:
    when = words.day(change.when)
    return f"{change.path}: {change.before or 'none'} to {change.after} ({change.who}, {when}: {change.why})"
