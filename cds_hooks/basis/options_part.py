"""What may be considered next, by lane, with what speaks against each option; what is blocked; drafted orders.

Options, never directives. Agents under study are information only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import plain
from cds_hooks.basis.verdict_part import is_unread
from plugin.advice.option_card import named, with_meaning
from plugin.advice.safety_cards import unchecked_card
from plugin.advice.wording import Wording, capitalised
from plugin.assessment import Assessment
from plugin.options.listing import Blocked, Information, Option
from plugin.record import LABORATORY, Read
from plugin.resistance.verdict import Value
from plugin.safety.drafts import JudgedOrder, OrderFinding
from plugin.safety.option_safety import RuleHit

_LANES = (
    ("matched", "Matched to the profile"),
    ("guideline", "By label or guideline"),
    ("adjunct", "Beside another treatment"),
)
# What hard stops are read from beside what `unchecked_card` speaks of.
_BEHIND_STOPS = ("MedicationDispense", "MedicationStatement", "MedicationAdministration", LABORATORY)
_ONLY_TOLD = "information only, no order"
_TOLD = {
    "already-failed": "tried at an adequate dose for long enough, and it failed or probably failed",
    "not-tolerated": "stopped before because of side effects",
    "tried-too-low-or-short": "tried before, but too low or too short; this is not a failed trial",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionRow:
    """One option. `tags` are short words on its standing, `cautions` and `needed` what stands against or before it."""

    name: str
    tier: str
    tags: tuple[str, ...]
    cautions: tuple[str, ...]
    needed: tuple[str, ...]
    reasons: tuple[Why, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRow:
    """Options of one lane, in their order; `note` holds for all of them."""

    title: str
    note: str
    options: tuple[OptionRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedRow:
    """An option that is not offered, the rules that say so in words, and why."""

    name: str
    rules: str
    reasons: tuple[Why, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """A drafted order and what was found: each finding with its level in a word."""

    name: str
    findings: tuple[tuple[str, str, tuple[Why, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionsPart:
    """Everything about what could come next. `why_none` says why nothing is listed, `no_finding` what it means that
    nothing was found against a drafted order.
    """

    lanes: tuple[LaneRow, ...]
    why_none: Why | None
    blocked: tuple[BlockedRow, ...]
    information: tuple[Why, ...]
    pairing: tuple[Why, ...]
    pattern: tuple[str, tuple[Why, ...]]
    unread: tuple[Why, ...]
    orders: tuple[OrderRow, ...]
    no_finding: str
    proposal: str


def options_part(assessment: Assessment, words: Wording, register: Register) -> OptionsPart:
    """The options of one assessment, ready to be written down."""
    step = assessment.next_step
    options = step.options
    pattern = f"{step.pattern.value}-line"
    together = options.pairing
    return OptionsPart(
        lanes=tuple(
            _lane(title, listed, assessment, words, register)
            for lane, title in _LANES
            if (listed := getattr(options, lane))
        ),
        why_none=register.why(options.why_none) if options.why_none is not None else None,
        blocked=tuple(_blocked(one, step.safety.blocked.get(one.id, ()), words, register) for one in options.blocked),
        information=tuple(_information(one, register) for one in options.information_only),
        pairing=register.whys((*together.together, *together.apart)) if together is not None else (),
        pattern=(
            words.say(pattern) if pattern in words.knowledge.sentences else "",
            register.whys(step.pattern.because),
        ),
        unread=register.whys(step.safety.unread),
        orders=tuple(_order(one, assessment, words, register) for one in step.orders),
        no_finding=_no_finding(assessment, words),
        proposal=words.say("option-proposal"),
    )


def rule_labels(rules: Iterable[str], hits: Sequence[RuleHit], words: Wording) -> tuple[str, ...]:
    """What the rules that hold are called, each once, and as on cards where only a drafted drug makes one hold.

    What a caution means for the option stands beside it; of a block its reasons tell.
    """
    held = {hit.rule: hit for hit in hits}
    return tuple(dict.fromkeys(_label(held[rule], words) if rule in held else rule.lower() for rule in rules))


def _label(hit: RuleHit, words: Wording) -> str:
    """In fewer words than on a card: the page names every option, and the drafted order stands on it."""
    label = named(replace(hit, drafted=()), words)
    label = f"{label} (drafted only)" if hit.drafted else label
    return with_meaning(label, hit, words) if hit.effect == "caution" else label


def _lane(title: str, listed: Sequence[Option], assessment: Assessment, words: Wording, register: Register) -> LaneRow:
    alike = all(one.as_information for one in listed)
    return LaneRow(
        title=title,
        note=_ONLY_TOLD if alike else "",
        options=tuple(_option(one, assessment, words, register, noted=alike) for one in listed),
    )


def _option(one: Option, assessment: Assessment, words: Wording, register: Register, *, noted: bool) -> OptionRow:
    tags = ["off-label"] if one.off_label else []
    tags += [_ONLY_TOLD] if one.as_information and not noted else []
    tags += ["open by probable failures"] if one.probable else []
    needed = [item for item in assessment.next_step.safety.needed if item.option == one.id]
    return OptionRow(
        name=capitalised(one.label),
        tier=one.tier,
        tags=tuple(tags),
        cautions=rule_labels(one.cautions, assessment.next_step.safety.cautions.get(one.id, ()), words),
        needed=tuple(dict.fromkeys(item.what for item in needed)),
        reasons=register.whys((*one.reasons, *(reason for item in needed for reason in item.reasons))),
    )


def _blocked(one: Blocked, hits: Sequence[RuleHit], words: Wording, register: Register) -> BlockedRow:
    return BlockedRow(
        name=capitalised(one.label),
        rules="; ".join(rule_labels(one.rules, hits, words)),
        reasons=register.whys(one.reasons),
    )


def _information(one: Information, register: Register) -> Why:
    cites = [cite for reason in one.reasons for cite in reason.cites]
    return register.statement(f"{capitalised(one.label)}: {one.status}", cites=cites)


def _no_finding(assessment: Assessment, words: Wording) -> str:
    """What was looked for without a finding: what was not read may hold one."""
    if assessment.verdict.value is Value.OUT_OF_SCOPE:
        return "These rules are not made for this patient: that nothing is said here clears nothing."
    record = assessment.record
    unread = any(record.read(kind) is Read.PARTIAL or record.did_not_come(kind) for kind in _BEHIND_STOPS)
    if unread or is_unread(assessment) or unchecked_card(assessment, words) is not None:
        return "Nothing was found against it in what was read, but not all was read that could speak against it."
    return "Nothing in the history, and no named hard stop, concerns it."


def _order(one: JudgedOrder, assessment: Assessment, words: Wording, register: Register) -> OrderRow:
    findings = [(stop.level, f"{stop.label}. {stop.note}".strip(), register.whys(stop.reasons)) for stop in one.stops]
    findings += [_finding(finding, assessment, words, register) for finding in one.findings]
    return OrderRow(name=capitalised(one.label), findings=tuple(findings))


def _finding(
    finding: OrderFinding, assessment: Assessment, words: Wording, register: Register
) -> tuple[str, str, tuple[Why, ...]]:
    when = "in an earlier episode" if finding.earlier_episode else "in this episode"
    text = f"{_TOLD.get(finding.rule, finding.rule)}, {when}"
    reasons = (*finding.trial.judged.reasons, *finding.trial.outcome.reasons)
    return finding.level, plain(capitalised(text), words), register.whys(reasons)
