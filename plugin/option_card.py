"""The card on options after two failures: the profile, what leads in each lane, what is blocked and what is missing.

Shown at a met or probable verdict, and with a drafted order that is blocked (decision 5). Several options, never a
directive. The word "matched" is left out at low certainty (decision 22). Off-label options stand here only where a site
has enabled them by name; what is for the page alone never does (decision 23).
"""

from __future__ import annotations

from collections.abc import Sequence

from plugin.assessment import Assessment
from plugin.card_draft import CardDraft
from plugin.next_step import NextStep
from plugin.options import Option
from plugin.verdict import Value
from plugin.wording import Wording, escape

_SPOKEN = (Value.MET, Value.PROBABLE)
_MATCHED_SHOWN, _GUIDELINE_SHOWN, _ADJUNCT_SHOWN = 4, 3, 2
_NAMED_IN_SUMMARY = 3
_SUMMARY_BELOW = 140  # of a CDS Hooks card
_NEEDED_SHOWN = 3


def option_card(assessment: Assessment, words: Wording) -> CardDraft | None:
    """The card, None where it is not to be shown or where nothing is left to show."""
    step = assessment.next_step
    remitted = assessment.severity is not None and assessment.severity.in_remission
    if remitted or not (assessment.verdict.value in _SPOKEN or step.stopped):
        return None
    if "ACUTE_SAFETY" in step.modifiers.gates:
        return None
    shown = shown_options(step)
    if not shown:
        return None
    matched, guideline, adjunct = shown
    # Under a gate of its own the symptom profile decides nothing and is not said.
    profiled = "PSYCHOSIS_CATATONIA" not in step.modifiers.gates
    lines = _profile_lines(step, words) if profiled else []
    for lane, options in (("matched", matched), ("guideline", guideline), ("adjunct", adjunct)):
        hedged = lane == "matched" and step.profile.certainty == "low"
        lines += [
            words.say(f"option-line-{'considered' if hedged else lane}", option=_named(o, words)) for o in options
        ]
    lines += _pairing_lines(step, (*matched, *guideline), words)
    lines += _beside_lines(step, (*matched, *guideline, *adjunct), words)
    lines += _profile_gaps(step, words) if profiled else []
    lines += [words.say("option-proposal"), words.say("not-a-checker"), words.say("options-more")]
    reasons = [*step.profile.reasons, *(reason for one in (*matched, *guideline) for reason in one.reasons)]
    cites = tuple(dict.fromkeys(cite for reason in reasons for cite in reason.cites))
    return CardDraft(
        kind="trd-options",
        summary=_summary(step, (*matched, *guideline, *adjunct), words, matched=bool(matched)),
        detail=(*lines, *words.basis(cites), words.say("as-of", date=assessment.as_of)),
        indicator="info",
        source_label=words.say("options-source"),
        cites=cites,
        rules=tuple(one.id for one in (*matched, *guideline, *adjunct)),
        uses=tuple(dict.fromkeys((*step.profile.uses, *(use for reason in reasons for use in reason.uses)))),
        override_reasons=words.override_reasons,
        offers=tuple(one.id for one in (*matched, *guideline, *adjunct)),
        collects=step.profile.collect_next,
    )


def shown_options(step: NextStep) -> tuple[tuple[Option, ...], tuple[Option, ...], tuple[Option, ...]] | None:
    """What of each lane may stand on a card, the leading ones; None when that is nothing at all."""
    options = step.options
    lanes = [
        tuple(one for one in lane if one.shown_inline and not one.as_information)[:most]
        for lane, most in (
            (options.matched, _MATCHED_SHOWN),
            (options.guideline, _GUIDELINE_SHOWN),
            (options.adjunct, _ADJUNCT_SHOWN),
        )
    ]
    return (lanes[0], lanes[1], lanes[2]) if any(lanes) else None


def closed_line(step: NextStep, words: Wording) -> str:
    """Why no option is named although the verdict would show some: too little was read, or a gate; else empty."""
    why = step.options.why_none
    return "" if why is None else words.say("options-none", reason=escape(why.text.rstrip(".")))


def _summary(step: NextStep, shown: Sequence[Option], words: Wording, *, matched: bool) -> str:
    """The summary with as many leading options as fit on a card's first line, one at least."""
    domains = " + ".join(words.knowledge.clinical.domains[name].label for name in step.profile.domains)
    hedged = "considered" if step.profile.certainty == "low" else "matched"
    named = ["; ".join(one.label for one in shown[:count]) for count in range(_NAMED_IN_SUMMARY, 0, -1)]
    if matched and domains:
        said = [words.say(f"options-summary-{hedged}", domains=domains, options=names) for names in named]
    else:
        said = [words.say("options-summary", options=names) for names in named]
    return next((one for one in said if len(one) < _SUMMARY_BELOW), said[-1])


def _profile_lines(step: NextStep, words: Wording) -> list[str]:
    profile = step.profile
    assessable = sum(1 for score in profile.scores.values() if score.assessable)
    counts = {"assessable": assessable, "all": len(profile.scores)}
    if not profile.domains:
        return [words.say("profile-undetermined", **counts)]
    domains = words.knowledge.clinical.domains
    listed = ", ".join(
        words.say("profile-domain", domain=domains[name].label, score=f"{profile.scores[name].score:.2f}")
        for name in (*profile.domains, *profile.secondary)
        if profile.scores[name].score is not None
    )
    certainty = words.say(f"certainty-{profile.certainty}")
    lines = [words.say(f"profile-{profile.label}", domains=listed, certainty=certainty)]
    return lines + ([words.say("profile-few", **counts)] if profile.certainty == "low" else [])


def _named(option: Option, words: Wording) -> str:
    rules = words.knowledge.clinical.safety
    cautions = "; ".join(rules[rule].label for rule in option.cautions if rule in rules)
    said = [f"**{escape(option.label)}**", words.say("option-tier", tier=option.tier)]
    said += [words.say("option-caution", cautions=escape(cautions))] if cautions else []
    said += [words.say("option-off-label")] if option.off_label else []
    said += [words.say("option-probable")] if option.probable else []
    return ", ".join(said)


def _pairing_lines(step: NextStep, shown: Sequence[Option], words: Wording) -> list[str]:
    pairing = step.options.pairing
    labels = {option.id: option.label for option in shown}
    if pairing is None or pairing.leading not in labels:
        return []
    return [words.say("option-pairing", option=labels[pairing.leading], forms=", ".join(pairing.forms))]


def _beside_lines(step: NextStep, shown: Sequence[Option], words: Wording) -> list[str]:
    """What is blocked and why, and what is needed first."""
    lines = []
    labels = {option.id: option.label for option in shown}
    if step.options.blocked:
        rules = words.knowledge.clinical.safety
        blocked = "; ".join(
            words.say(
                "option-blocked",
                option=one.label,
                rules=", ".join(rules[rule].label if rule in rules else rule.lower() for rule in one.rules),
            )
            for one in step.options.blocked
        )
        lines.append(words.say("options-blocked", list=escape(blocked)))
    needed: dict[str, list[str]] = {}
    for one in step.safety.needed:
        if one.option in labels:
            needed.setdefault(one.what, []).append(labels[one.option])
    lines += [
        words.say("option-needed", what=what, options="; ".join(dict.fromkeys(names)))
        for what, names in list(needed.items())[:_NEEDED_SHOWN]
    ]
    return lines


def _profile_gaps(step: NextStep, words: Wording) -> list[str]:
    """What the pattern of response is, what is odd about the data, and what would tell more."""
    pattern = f"pattern-{step.pattern.value}"
    lines = [words.say(pattern)] if pattern in words.knowledge.sentences else []
    lines += [escape(notice.text) for notice in step.profile.notices]
    if step.profile.collect_next:
        lines.append(
            words.say("options-collect", list=", ".join(_measured(one, words) for one in step.profile.collect_next))
        )
    return lines


def _measured(name: str, words: Wording) -> str:
    known = words.knowledge
    if name in known.clinical.indicators:
        return known.clinical.indicators[name].label
    return known.instruments[name].label if name in known.instruments else name
