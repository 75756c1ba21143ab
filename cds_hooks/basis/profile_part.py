"""The symptom profile: five domains with how far each could still go, what they rest on, modifiers and suicidality."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import GATE, MODIFIER, line, number, plain, share, spoken
from plugin.advice.profile_words import profile_line
from plugin.advice.safety_cards import suicidality_line
from plugin.advice.wording import Wording, capitalised
from plugin.assessment import Assessment
from plugin.domains.domain_scores import DomainScore
from plugin.domains.indicators import Evidence, Ignored
from plugin.record import Read


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRow:
    """One value behind a domain: what was measured, how old it is, what it weighs and says."""

    name: str
    value: str
    day: str
    weight: str
    recency: str
    says: str
    note: str
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainRow:
    """One domain. `score`, `lower` and `upper` run from 0 to 1; `score` is None where nothing is recorded.

    `named` is ``leading``, ``secondary`` or empty.
    """

    label: str
    definition: str
    score: float | None
    lower: float
    upper: float
    told: str
    completeness: str
    assessable: bool
    named: str
    evidence: tuple[EvidenceRow, ...]
    boosts: tuple[Why, ...]
    ignored: tuple[Why, ...]
    reasons: tuple[Why, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModifierRow:
    """One modifier and what is recorded of it; `quiet` where nothing is."""

    label: str
    value: str
    quiet: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfilePart:
    """The profile in words and numbers. `limits` say what the domains are not, `no_gate` what stands for no gate."""

    lines: tuple[Markup, ...]
    domains: tuple[DomainRow, ...]
    reasons: tuple[Why, ...]
    limits: tuple[str, ...]
    collect: tuple[str, ...]
    modifiers: tuple[ModifierRow, ...]
    modifier_reasons: tuple[Why, ...]
    gates: tuple[str, ...]
    no_gate: str
    suicidality: Markup
    warnings: tuple[Why, ...]


def profile_part(assessment: Assessment, words: Wording, register: Register) -> ProfilePart:
    """The profile of one assessment, ready to be written down."""
    step = assessment.next_step
    profile, modifiers = step.profile, step.modifiers
    counts = {"assessable": len(profile.assessable), "all": len(profile.scores)}
    nothing = _nothing(assessment)
    said = profile_line(assessment, words) or [words.say("profile-undetermined", **counts)]
    return ProfilePart(
        lines=tuple(line(text) for text in said),
        domains=tuple(_domain(name, score, assessment, words, register) for name, score in profile.scores.items()),
        reasons=register.whys((*profile.reasons, *profile.notices)),
        limits=profile.limits,
        collect=tuple(measured(one, words) for one in profile.collect_next),
        modifiers=tuple(_modifier(name, value, nothing) for name, value in modifiers.values.items()),
        modifier_reasons=register.whys(modifiers.reasons),
        gates=tuple(GATE.get(gate, spoken(gate)) for gate in modifiers.gates),
        no_gate=nothing or "none",
        suicidality=_suicidality(assessment, words),
        warnings=tuple(
            register.statement(
                f"{hit.label}. {' '.join(reason.text for reason in hit.reasons)}",
                rule=hit.rule,
                uses=hit.uses,
                cites=[cite for reason in hit.reasons for cite in reason.cites],
            )
            for hit in step.safety.warnings
        ),
    )


def measured(name: str, words: Wording) -> str:
    """The label of an indicator or instrument."""
    known = words.knowledge
    if name in known.clinical.indicators:
        return known.clinical.indicators[name].label
    return known.instruments[name].label if name in known.instruments else name


def _nothing(assessment: Assessment) -> str:
    """What to say of something that was not found where it may stand in what was not read; empty where all was read."""
    record = assessment.record
    whole = record.read("Condition") is Read.COMPLETE and not record.lacks_scores
    return "" if whole else "none found, but not all was read"


def _suicidality(assessment: Assessment, words: Wording) -> Markup:
    """The line of the cards; an answer that was not read may say otherwise."""
    said = line(suicidality_line(assessment, words))
    unread = said and assessment.record.lacks_scores
    return said + Markup(". Not all scores were read: an answer may be among them") if unread else said


def _modifier(name: str, value: str, nothing: str) -> ModifierRow:
    quiet = value in ("none", "none-recorded")
    return ModifierRow(
        label=MODIFIER.get(name, name),
        value=(nothing or "none recorded") if quiet else spoken(value),
        quiet=quiet,
    )


def _domain(name: str, score: DomainScore, assessment: Assessment, words: Wording, register: Register) -> DomainRow:
    profile = assessment.next_step.profile
    known = words.knowledge.clinical.domains[name]
    told = "nothing recorded" if score.score is None else share(score.score)
    lower, upper = share(score.lower), share(score.upper)
    reach = f"could lie between {lower} and {upper}" if lower != upper else "what is missing cannot move it"
    return DomainRow(
        label=capitalised(score.label),
        definition=known.definition,
        score=score.score,
        lower=score.lower,
        upper=score.upper,
        told=f"{told}; {reach}",
        completeness=share(score.completeness),
        assessable=score.assessable,
        named="leading" if name in profile.domains else "secondary" if name in profile.secondary else "",
        evidence=tuple(_evidence(one, words, register) for one in score.evidence),
        boosts=tuple(
            register.statement(
                f"Raised by {number(boost.share)} of the rest: {boost.label} is recorded.",
                uses=boost.references,
                cites=boost.cites,
            )
            for boost in score.boosts
        ),
        ignored=tuple(_ignored(one, words, register) for one in score.ignored),
        reasons=register.whys(score.reasons),
    )


def _evidence(one: Evidence, words: Wording, register: Register) -> EvidenceRow:
    return EvidenceRow(
        name=one.label,
        value=f"{number(one.raw)} {one.unit}".rstrip(),
        day=words.day(one.date),
        weight=number(one.weight),
        recency=share(one.recency),
        says=share(one.evidence),
        note=", ".join(spoken(flag) for flag in one.flags),
        why=register.statement("", rule=one.family, uses=one.references, cites=one.cites),
    )


def _ignored(one: Ignored, words: Wording, register: Register) -> Why:
    raw = "" if one.raw is None else f" {number(one.raw)}"
    return register.statement(
        f"Not used: {one.label}{raw}, {words.day(one.date)}: {plain(one.why, words)}", uses=one.references
    )
