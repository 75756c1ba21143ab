"""The card on options after two failures: four at most, one line each, with what goes together and what is blocked.

Shown at a met or probable verdict, and with a drafted order that is blocked (decision 5). Several options, never a
directive. The word "matched" is left out at low certainty (decision 22). Off-label options stand here only where a site
has enabled them by name; what is for the page alone never does (decision 23). The page has the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from mappings.load import Knowledge
from plugin.advice.augmentation_base import may_be_added
from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, profile_facts, trial_facts
from plugin.advice.card_footing import cites_of
from plugin.advice.profile_words import domains_named, profile_line
from plugin.advice.wording import Wording, escape
from plugin.assessment import Assessment
from plugin.options.inputs import PSYCHOSIS_CATATONIA
from plugin.options.listing import Option
from plugin.options.next_step import NextStep
from plugin.resistance.verdict import Value
from plugin.safety.option_safety import RuleHit

_SHOWN, _MATCHED_SHOWN = 4, 3
_NAMED_IN_SUMMARY = 3
_NEEDED_SHOWN, _BLOCKED_SHOWN = 3, 4
_KIND = "trd-options"
_REFRACTORY = "refractory-pattern"
_REACHED = (Value.MET, Value.PROBABLE)


def option_card(assessment: Assessment, words: Wording) -> CardDraft | None:
    """The card, None where nothing is left to show; beside recorded danger the policy does not ask for it."""
    step = assessment.next_step
    shown = shown_options(assessment, words.knowledge)
    if not shown:
        return None
    # Under a gate of its own the symptom profile decides nothing and is not said.
    profiled = PSYCHOSIS_CATATONIA not in step.modifiers.gates
    pattern = f"{step.pattern.value}-line"
    lines = [words.say("refractory-first")] if step.pattern.value == _REFRACTORY and profiled else []
    lines += _profile_lines(assessment, words) if profiled else []
    lines += [words.say(pattern)] if profiled and pattern in words.knowledge.sentences else []
    lines += [_line(one, step, words) for one in shown]
    pair = _pair(step, shown)
    lines += _pairing_line(step, shown, words) + _blocked_line(assessment, words)
    lines += [f"{words.told(notice.text)}." for notice in step.profile.notices] if profiled else []
    lines += _collect_line(step, words) if profiled else []
    lines += [words.say("option-proposal"), words.say("options-more")]
    offered = (*shown, *pair)
    reasons = [*step.profile.reasons, *(reason for one in offered for reason in one.reasons)]
    cites = cites_of(reasons)
    return CardDraft(
        kind=_KIND,
        summary=words.summary(_summaries(assessment, shown, words)),
        detail=(*lines, *words.basis(cites), words.say("as-of", date=assessment.as_of)),
        indicator="info",
        source_label=words.say("options-source"),
        cites=cites,
        rules=tuple(one.id for one in offered),
        uses=tuple(dict.fromkeys((*step.profile.uses, *(use for reason in reasons for use in reason.uses)))),
        offers=tuple(one.id for one in offered),
        collects=step.profile.collect_next if profiled else (),
        finding=_KIND,
        facts=facts_of(
            [f"option:{one.id}:{'+'.join(one.cautions)}" for one in offered],
            [f"pattern:{step.pattern.value}"],
            profile_facts(step.profile),
            *(trial_facts(one) for one in step.tried.strategies),
        ),
    )


def shown_options(assessment: Assessment, knowledge: Knowledge) -> tuple[Option, ...]:
    """What may stand on a card: the leading matched options, filled up by label or guideline, else by adjuncts."""
    step = assessment.next_step
    lanes = [
        [
            one
            for one in lane
            if one.shown_inline and not one.as_information and may_be_added(one, assessment, knowledge)
        ]
        for lane in (step.options.matched, step.options.guideline, step.options.adjunct)
    ]
    matched, guideline, adjunct = lanes
    room = _MATCHED_SHOWN if guideline else _SHOWN
    first = [*matched[:room], *guideline]
    return tuple((first or adjunct)[:_SHOWN])


def closed_line(step: NextStep, words: Wording) -> str:
    """Why no option is named although the verdict would show some: too little was read, or a gate; else empty."""
    why = step.options.why_none
    return "" if why is None else words.say("options-none", reason=words.told(why.text))


def _summaries(assessment: Assessment, shown: Sequence[Option], words: Wording) -> list[str]:
    """The summary with as many leading options as fit on a card's first line."""
    step = assessment.next_step
    matched = any(one.lane == "matched" for one in shown)
    hedged = "considered" if step.profile.certainty == "low" else "matched"
    domains = domains_named(assessment, words)
    named = [f"options-summary-{hedged}"] if matched and domains else []
    leading = ["; ".join(one.label for one in shown[:count]) for count in range(_NAMED_IN_SUMMARY, 0, -1)]
    plain = "options-summary" if assessment.verdict.value in _REACHED else "options-summary-instead"
    return [
        words.say(sentence, domains=domains, options=options) for sentence in (*named, plain) for options in leading
    ]


def _profile_lines(assessment: Assessment, words: Wording) -> list[str]:
    profile = assessment.next_step.profile
    counts = {"assessable": len(profile.assessable), "all": len(profile.scores)}
    if not profile.domains:
        return [words.say("profile-undetermined", **counts)]
    few = [words.say("profile-few", **counts)] if profile.certainty == "low" else []
    return [*profile_line(assessment, words), *few]


def _line(option: Option, step: NextStep, words: Wording) -> str:
    rules = words.knowledge.clinical.safety
    hits = {hit.rule: hit for hit in step.safety.cautions.get(option.id, ())}
    against = [hits[rule] for rule in option.cautions if rule in rules and rule in hits]
    cautions = "; ".join(with_meaning(named(hit, words), hit, words) for hit in against)
    said = [f"**{escape(option.label)}**", words.say("option-tier", tier=option.tier)]
    said += [words.say("option-caution", cautions=escape(cautions))] if cautions else []
    said += [words.say("option-off-label")] if option.off_label else []
    said += [words.say("option-probable")] if option.probable else []
    needed = list(dict.fromkeys(one.what for one in step.safety.needed if one.option == option.id))
    said += [words.say("option-before", list=escape(words.several(needed, _NEEDED_SHOWN)))] if needed else []
    hedged = option.lane == "matched" and step.profile.certainty == "low"
    return words.say(f"option-line-{'considered' if hedged else option.lane}", option="; ".join(said))


def _pair(step: NextStep, shown: Sequence[Option]) -> tuple[Option, ...]:
    """The therapy that goes together with a leading option that is shown, if a card may offer it."""
    pairing = step.options.pairing
    if pairing is None or pairing.leading not in {one.id for one in shown}:
        return ()
    fitting = [one for one in step.options.adjunct if one.id == pairing.therapy and one not in shown]
    return tuple(one for one in fitting if one.shown_inline and not one.as_information)


def _pairing_line(step: NextStep, shown: Sequence[Option], words: Wording) -> list[str]:
    pairing = step.options.pairing
    labels = {option.id: option.label for option in shown}
    if pairing is None or pairing.leading not in labels or not pairing.forms:
        return []
    return [words.say("option-pairing", option=labels[pairing.leading], forms=", ".join(pairing.forms))]


def _blocked_line(assessment: Assessment, words: Wording) -> list[str]:
    """What is blocked and why, in one line; only what a card could have named."""
    hits = assessment.next_step.safety.blocked
    those = [one for one in assessment.next_step.options.blocked if _could_be_shown(one.id, assessment, words)]
    if not those:
        return []
    blocked = [
        words.say(
            "option-blocked",
            option=one.label,
            rules=", ".join(named(hit, words) for hit in hits.get(one.id, ())),
        )
        for one in those
    ]
    means = dict.fromkeys(hit.means for one in those for hit in hits.get(one.id, ()) if hit.means)
    listed = escape(words.several(blocked, _BLOCKED_SHOWN))
    if not means:
        return [words.say("options-blocked", list=listed)]
    return [words.say("options-blocked-meaning", list=listed, means=escape("; ".join(means)))]


def named(hit: RuleHit, words: Wording) -> str:
    """What a rule that holds is called beside an option: an allergy is one to that option."""
    allergy = words.knowledge.clinical.order_checks.option_allergy.id
    return hit.rule.lower() if hit.rule == allergy else with_draft(hit, words)


def with_draft(hit: RuleHit, words: Wording) -> str:
    """The label of a rule that holds; where a drug that is only drafted makes it hold, with that drug."""
    return words.say("option-drafted", rule=hit.label, drugs=", ".join(hit.drafted)) if hit.drafted else hit.label


def with_meaning(called: str, hit: RuleHit, words: Wording) -> str:
    """What the rule is `called`, and what it means for the option."""
    return words.say("option-rule-means", rule=called, means=hit.means) if hit.means else called


def _could_be_shown(option: str, assessment: Assessment, words: Wording) -> bool:
    """Whether a card may name the option at all (decisions 22 and 23): not off-label, unless the site allows it."""
    treatment = words.knowledge.clinical.options[option]
    here = {str(where): status for where, status in treatment.jurisdictions.items()}.get(assessment.jurisdiction)
    if treatment.page_only or here is None:
        return False
    return not here.off_label or words.knowledge.is_on(option, otherwise=False)


def _collect_line(step: NextStep, words: Wording) -> list[str]:
    """What would tell more about the profile."""
    named = [_measured(one, words) for one in step.profile.collect_next]
    return [words.say("options-collect", list=", ".join(named))] if named else []


def _measured(name: str, words: Wording) -> str:
    known = words.knowledge
    if name in known.clinical.indicators:
        return known.clinical.indicators[name].label
    return known.instruments[name].label if name in known.instruments else name
