"""The verdict with its arithmetic: the counts, what decided, what would change it, the definitions side by side,
staging and current severity.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import CLINICIAN_REPORTED, VERDICT_HEAD, interval, line, plain, spoken
from plugin.advice.card_footing import severity_line
from plugin.advice.decisive_fact import decisive_fact
from plugin.advice.status_card import definition_lines, reports_alone
from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.resistance.optimisation import Points
from plugin.resistance.verdict import Counts, Value

_MOST_CHANGES = 8
_HISTORY_UNREAD = "V0"


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionRow:
    """What one definition says. `mine`: it is the one in use."""

    id: str
    label: str
    summary: str
    value: str
    word: str
    counts: str
    needed: str
    mine: bool
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One scheme of staging: its result and the points that make it up."""

    name: str
    result: str
    parts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPart:
    """Everything about the verdict. `value` is its name in the contract, `sentence` what decided it, and which failures
    only reports tell of.

    `meter`: for each place up to the highest count or the number needed, ``sure``, ``probable``, ``possible`` or
    ``none``. `unread`: trials may stand in what was not read; what was not found is ``possible`` then. `capped` names
    the value it would have had. `settle` is what would tell most and who can tell.
    """

    value: str
    head: str
    sentence: str
    counts: str
    needed: int
    meter: tuple[str, ...]
    unread: bool
    capped: str
    settle: tuple[str, str] | None
    changes: tuple[str, ...]
    more_changes: int
    reasons: tuple[Why, ...]
    agreement: tuple[Markup, ...]
    definitions: tuple[DefinitionRow, ...]
    stages: tuple[Stage, ...]
    staging_reasons: tuple[Why, ...]
    severity: Markup
    severity_why: Why
    episode: str
    episode_reasons: tuple[Why, ...]


def verdict_part(assessment: Assessment, words: Wording, register: Register) -> VerdictPart:
    """The verdict of one assessment, ready to be written down."""
    verdict, definition = assessment.verdict, assessment.definition
    fact = decisive_fact(assessment, words) if verdict.value is Value.INDETERMINATE else None
    eligibility, severity = assessment.eligibility, assessment.severity
    unread = is_unread(assessment)
    reported = [f"{told}." for told in reports_alone(assessment, words)]
    changes = tuple(
        dict.fromkeys(
            plain(f"{change.fact}: {words.say(f'verdict-{change.verdict.value}')}", words)
            for change in assessment.changes
        )
    )
    return VerdictPart(
        value=verdict.value.value,
        head=VERDICT_HEAD[verdict.value.value],
        sentence=" ".join([*(plain(reason.text, words) for reason in verdict.reasons[:1]), *reported]),
        counts=_counted(verdict.counts, unread=unread),
        needed=definition.min_failed_trials,
        meter=_meter(verdict.counts, definition.min_failed_trials, unread=unread),
        unread=unread,
        capped=VERDICT_HEAD[verdict.capped.value].lower() if verdict.capped is not None else "",
        settle=(fact.text, fact.effort) if fact is not None else None,
        changes=changes[:_MOST_CHANGES],
        more_changes=max(len(changes) - _MOST_CHANGES, 0),
        reasons=register.whys((*verdict.reasons, *eligibility.reasons, *eligibility.basis, *eligibility.caps)),
        agreement=tuple(line(text) for text in definition_lines(assessment, words)),
        definitions=tuple(
            _definition(name, assessment, words, register)
            for name in sorted(assessment.by_definition, key=lambda name: name != definition.id)
        ),
        stages=_stages(assessment, words),
        staging_reasons=register.whys(assessment.staging.reasons if assessment.staging is not None else ()),
        severity=_severity(assessment, words, register),
        severity_why=register.statement(
            "", uses=severity.score.references, cites=words.knowledge.instruments[severity.score.instrument].cites
        )
        if severity is not None
        else Why(text=""),
        episode=_episode(assessment, words),
        episode_reasons=register.whys(assessment.episode.reasons),
    )


def _severity(assessment: Assessment, words: Wording, register: Register) -> Markup:
    """The line of the cards, and whether the score comes from the form of the page."""
    said = line(severity_line(assessment, words))
    known = assessment.severity
    own = known is not None and register.is_reported(known.score.references)
    return Markup("{}, {}").format(said, CLINICIAN_REPORTED) if own else said


def is_unread(assessment: Assessment) -> bool:
    """Whether trials may stand in what was not read of the drug history, so that the counts are what was found."""
    return any(reason.rule == _HISTORY_UNREAD for reason in assessment.verdict.reasons)


def _counted(counts: Counts, *, unread: bool) -> str:
    found = " found in what was read" if unread else ""
    if counts.lo == counts.hi:
        return f"{counts.lo}{found}"
    probable = f", {counts.lo_proxy} with probable ones" if counts.lo_proxy > counts.lo else ""
    return f"{counts.lo} to {counts.hi}{found}{probable}"


def _meter(counts: Counts, needed: int, *, unread: bool) -> tuple[str, ...]:
    def kind(place: int) -> str:
        if place < counts.lo:
            return "sure"
        if place < counts.lo_proxy:
            return "probable"
        return "possible" if place < counts.hi or unread else "none"

    return tuple(kind(place) for place in range(max(counts.hi, needed)))


def _definition(name: str, assessment: Assessment, words: Wording, register: Register) -> DefinitionRow:
    known = words.knowledge.definitions_on(assessment.as_of).get(name, assessment.definition)
    result = assessment.by_definition[name]
    return DefinitionRow(
        id=name,
        label=known.label,
        summary=known.summary,
        value=result[1].value if result is not None else "",
        word=words.say(f"verdict-{result[1].value}") if result is not None else "not computed",
        counts=_counted(result[0], unread=is_unread(assessment)) if result is not None else "",
        needed=str(known.min_failed_trials),
        mine=name == assessment.definition.id,
        why=register.statement("", cites=known.cites),
    )


def _stages(assessment: Assessment, words: Wording) -> tuple[Stage, ...]:
    stages = assessment.staging
    if stages is None:
        return ()
    low, high = stages.category
    maudsley, massachusetts = Points.total(stages.maudsley.values()), Points.total(stages.massachusetts.values())
    category = spoken(low) if low == high else f"{spoken(low)} to {spoken(high)}"
    return (
        Stage(
            name="Maudsley Staging Method",
            result=f"{interval(maudsley.lo, maudsley.hi)} ({category})",
            parts=_parts(stages.maudsley),
        ),
        Stage(
            name="Massachusetts General Hospital staging",
            result=interval(massachusetts.lo, massachusetts.hi),
            parts=_parts(stages.massachusetts),
        ),
        Stage(name="Thase-Rush stage", result=interval(*stages.thase_rush), parts=()),
    )


def _parts(points: Mapping[str, Points]) -> tuple[tuple[str, str], ...]:
    return tuple((_words(name), interval(value.lo, value.hi)) for name, value in points.items())


def _words(name: str) -> str:
    """``doseOptimised`` as ``dose optimised``."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return "ECT" if spaced == "ect" else spaced


def _episode(assessment: Assessment, words: Wording) -> str:
    episode = assessment.episode
    if episode.start is None:
        return "no evidence of an episode on record"
    doubt = ", start not sure" if episode.uncertain else ""
    return f"since {words.day(episode.start)}{doubt} (by {spoken(episode.basis)})"
