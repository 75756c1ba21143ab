"""What could come next in the tree of reasons: scores down to the single value, gates, options and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugin.document.reason_text import origin_lines, reason_lines
from plugin.domains.domain_scores import DomainScore
from plugin.domains.indicators import Evidence
from plugin.options.listing import Option, Options
from plugin.options.next_step import NextStep

_LANES = (("matched", "Matched"), ("guideline", "By label or guideline"), ("adjunct", "Adjuncts"))


def next_step_lines(step: NextStep) -> list[str]:
    """The section on what could come next, most pressing first."""
    modifiers, profile = step.modifiers, step.profile
    said = ", ".join(f"{name} {value}" for name, value in modifiers.values.items())
    lines = ["Next step", f"  Modifiers: {said}", f"  Gates: {_names(modifiers.gates)}"]
    lines += reason_lines(modifiers.reasons, 2)
    lines.append(
        f"  Profile: {profile.label} {_names(profile.domains)}; secondary {_names(profile.secondary)}; "
        f"certainty {profile.certainty}"
    )
    lines += [f"    {limit}" for limit in profile.limits]
    lines += reason_lines((*profile.reasons, *profile.notices), 2)
    if profile.collect_next:
        lines.append(f"    to collect next: {_names(profile.collect_next)}")
    for name, score in profile.scores.items():
        lines += _domain(name, score)
    lines.append(f"  Pattern: {step.pattern.value}")
    lines += reason_lines(step.pattern.because, 2)
    lines += _options(step.options)
    for needed in step.safety.needed:
        lines.append(f"  Needed before start of {needed.option}: {needed.what}")
    for order in step.orders:
        for stop in order.stops:
            lines.append(f"  Order {order.label}: {stop.rule} ({stop.level}): {stop.label}")
            lines += reason_lines(stop.reasons, 2)
    return lines


def _domain(name: str, score: DomainScore) -> list[str]:
    if score.score is None:
        head = f"  {name}: no data"
    else:
        assessable = "" if score.assessable else ", not assessable"
        head = (
            f"  {name}: {score.score:.2f} (completeness {score.completeness:.2f}, "
            f"between {score.lower:.2f} and {score.upper:.2f}{assessable})"
        )
    lines = [head]
    for one in score.evidence:
        lines += _evidence(one)
    for boost in score.boosts:
        lines.append(f"    raised by {boost.share:g} of the rest: {boost.label} is recorded")
        lines += origin_lines(boost.cites, boost.references, 3)
    for ignored in score.ignored:
        raw = "" if ignored.raw is None else f" {ignored.raw:g}"
        lines.append(f"    ignored: {ignored.indicator}{raw} on {ignored.date}: {ignored.why}")
        lines += origin_lines((), ignored.references, 3)
    return lines + reason_lines(score.reasons, 2)


def _evidence(one: Evidence) -> list[str]:
    unit = f" {one.unit}" if one.unit else ""
    return [
        f"    {one.family} {one.label} {one.raw:g}{unit} on {one.date}: evidence {one.evidence:.2f}, "
        f"weight {one.weight:g}, recency {one.recency:.3f}",
        *origin_lines(one.cites, one.references, 3),
    ]


def _options(options: Options) -> list[str]:
    lines = reason_lines((options.why_none,), 1) if options.why_none is not None else []
    for lane, title in _LANES:
        listed: Sequence[Option] = getattr(options, lane)
        if listed:
            lines.append(f"  {title}")
        for place, option in enumerate(listed, start=1):
            cautions = f"; cautions {_names(option.cautions)}" if option.cautions else ""
            off = "; off-label" if option.off_label else ""
            lines.append(
                f"    {place}. {option.id} {option.label} (tier {option.tier}, match {option.grade:g}{off}{cautions})"
            )
            lines += reason_lines(option.reasons, 3)
    if options.blocked:
        lines.append("  Blocked")
    for blocked in options.blocked:
        lines.append(f"    {blocked.id} {blocked.label}: {_names(blocked.rules)}")
        lines += reason_lines(blocked.reasons, 3)
    if options.pairing is not None:
        lines.append(f"  Together: {options.pairing.leading} with {options.pairing.therapy}")
        lines += reason_lines((*options.pairing.together, *options.pairing.apart), 2)
    if options.information_only:
        lines.append(f"  For information only: {_names(one.label for one in options.information_only)}")
    return lines


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
