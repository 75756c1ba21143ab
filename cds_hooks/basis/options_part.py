"""What may be considered next, by lane, with what speaks against each option; what is blocked; drafted orders.

Options, never directives. Agents under study are information only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cds_hooks.basis.citations import Register, Why
from cds_hooks.basis.telling import plain
from plugin.advice.wording import Wording, capitalised
from plugin.assessment import Assessment
from plugin.options.listing import Blocked, Information, Option
from plugin.safety.drafts import JudgedOrder, OrderFinding

_LANES = (
    ("matched", "Matched to the profile"),
    ("guideline", "By label or guideline"),
    ("adjunct", "Beside another treatment"),
)
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
    """Everything about what could come next. `why_none` says why nothing is listed."""

    lanes: tuple[LaneRow, ...]
    why_none: Why | None
    blocked: tuple[BlockedRow, ...]
    information: tuple[Why, ...]
    pairing: tuple[Why, ...]
    pattern: tuple[str, tuple[Why, ...]]
    unread: tuple[Why, ...]
    orders: tuple[OrderRow, ...]
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
        blocked=tuple(_blocked(one, words, register) for one in options.blocked),
        information=tuple(_information(one, register) for one in options.information_only),
        pairing=register.whys((*together.together, *together.apart)) if together is not None else (),
        pattern=(
            words.say(pattern) if pattern in words.knowledge.sentences else "",
            register.whys(step.pattern.because),
        ),
        unread=register.whys(step.safety.unread),
        orders=tuple(_order(one, assessment, words, register) for one in step.orders),
        proposal=words.say("option-proposal"),
    )


def rule_labels(rules: Iterable[str], words: Wording) -> tuple[str, ...]:
    """The labels of safety rules, each once."""
    unread = words.knowledge.clinical.order_checks.procedures_unread
    labels = {**{rule: known.label for rule, known in words.knowledge.clinical.safety.items()}, unread.id: unread.label}
    return tuple(dict.fromkeys(labels.get(rule, rule.lower()) for rule in rules))


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
        cautions=rule_labels(one.cautions, words),
        needed=tuple(dict.fromkeys(item.what for item in needed)),
        reasons=register.whys((*one.reasons, *(reason for item in needed for reason in item.reasons))),
    )


def _blocked(one: Blocked, words: Wording, register: Register) -> BlockedRow:
    return BlockedRow(
        name=capitalised(one.label),
        rules="; ".join(rule_labels(one.rules, words)),
        reasons=register.whys(one.reasons),
    )


def _information(one: Information, register: Register) -> Why:
    cites = [cite for reason in one.reasons for cite in reason.cites]
    return register.statement(f"{capitalised(one.label)}: {one.status}", cites=cites)


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
