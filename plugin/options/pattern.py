"""Did the treatments so far miss the form of depression that now predominates, or is it refractory? (2.7 of the rules)

A failed adequate trial matched when its grade for a named domain reaches the threshold. Without one, at moderate or
high certainty, a mismatch is plausible; with one, the matched option has failed; with several failures besides, or
failed brain stimulation, the pattern is that of refractoriness. The definition is this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from mappings.load import Knowledge
from mappings.order_schema import TrialMatch
from plugin.domains.profile import DomainProfile
from plugin.findings import Reason
from plugin.options.inputs import focus_of
from plugin.options.ranking import Focus, grades_on
from plugin.options.tried import Tried, is_of
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial

_CERTAIN = frozenset({"moderate", "high"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """``mismatch-plausible``, ``matched-failure``, ``refractory-pattern`` or ``none``, and why."""

    value: str
    because: tuple[Reason, ...]


def pattern_of(*, profile: DomainProfile, tried: Tried, knowledge: Knowledge, as_of: date) -> Pattern:
    """The pattern of one history against the domains that stand out.

    Failed brain stimulation is refractory whatever the domains; all else needs a domain that stands out.
    """
    cites, focus = knowledge.clinical.strategies.cites, focus_of(profile)
    failed_sets = _failed_sets(tried, knowledge)
    matched = [one for one in tried.strategies if is_matched(one, focus, knowledge, as_of)]
    reasons = [_matched(one, focus, cites) for one in matched]
    parameters = knowledge.clinical.scoring.parameters
    need, total = int(parameters["refractory-adequate-trials"].on(as_of).amount), tried.strategies_failed
    if failed_sets:
        reasons += [_set_failed(one, tried, knowledge) for one in failed_sets]
        return Pattern(value="refractory-pattern", because=tuple(reasons))
    if matched and total >= need:
        text = f"{total} adequate treatments failed, {need} or more with a matched one among them."
        uses = tuple(dict.fromkeys(use for one in tried.strategies for use in one.sources))
        facts = (("failed", total), ("needed", need))
        reasons.append(Reason(rule="R3", text=text, facts=facts, cites=cites, uses=uses))
        return Pattern(value="refractory-pattern", because=tuple(reasons))
    if matched:
        return Pattern(value="matched-failure", because=tuple(reasons))
    if focus.named and focus.certainty in _CERTAIN and tried.strategies:
        text = "The adequate trials so far did not target the domain that now predominates."
        uses = tuple(dict.fromkeys(use for one in tried.strategies for use in one.sources))
        seen = (("domains", " ".join(focus.named)), ("certainty", focus.certainty), ("failed", total))
        because = (Reason(rule="R1", text=text, facts=seen, cites=cites, uses=uses),)
        return Pattern(value="mismatch-plausible", because=because)
    return Pattern(value="none", because=())


def match_of(strategy: Trial | Course, domain: str, knowledge: Knowledge, as_of: date) -> int:
    """The grade of a trial or course for a domain: by drug, by class, else that of the option it was one of."""
    if isinstance(strategy, Trial):
        for match in _listed(strategy, knowledge.clinical.strategies.trial_matches):
            stated = {name: value for name, value in match.by_domain.items() if name == domain}
            return max((int(value.on(as_of).amount) for value in stated.values()), default=0)
    graded = [t for t in knowledge.clinical.options.values() if is_of(strategy, t)]
    return max(
        (int(g) for t in graded for name, g in grades_on(t, as_of).by_domain.items() if name == domain), default=0
    )


def _listed(trial: Trial, matches: tuple[TrialMatch, ...]) -> list[TrialMatch]:
    by_drug = [match for match in matches if trial.ingredient in match.drugs]
    return by_drug or [match for match in matches if trial.drug_class in match.classes]


def is_matched(strategy: Trial | Course, focus: Focus, knowledge: Knowledge, as_of: date) -> bool:
    """Whether a trial or course reaches the threshold of a match for one of the named domains."""
    line = int(knowledge.clinical.scoring.parameters["mismatch-match-from"].on(as_of).amount)
    return any(match_of(strategy, domain, knowledge, as_of) >= line for domain in focus.named)


def _failed_sets(tried: Tried, knowledge: Knowledge) -> list[tuple[str, ...]]:
    options = knowledge.clinical.options
    failed = {id_ for id_, t in options.items() if any(is_of(one, t) for one in tried.strategies)}
    return [one for one in knowledge.clinical.strategies.refractory if set(one) <= failed]


def _label(strategy: Trial | Course) -> str:
    return strategy.label if isinstance(strategy, Course) else strategy.drug.label


def _matched(strategy: Trial | Course, focus: Focus, cites: tuple[str, ...]) -> Reason:
    text = f"{_label(strategy)} was adequate, matched the domain that now predominates and failed."
    facts = (("domains", " ".join(focus.named)),)
    return Reason(rule="R2", text=text, facts=facts, cites=cites, uses=strategy.sources)


def _set_failed(ids: tuple[str, ...], tried: Tried, knowledge: Knowledge) -> Reason:
    treatments = [knowledge.clinical.options[id_] for id_ in ids]
    mine = [one for one in tried.strategies if any(is_of(one, t) for t in treatments)]
    names = " and ".join(t.label for t in treatments)
    return Reason(
        rule="R3",
        text=f"An adequate course failed of: {names}.",
        facts=(("failed", " ".join(ids)),),
        cites=knowledge.clinical.strategies.cites,
        uses=tuple(dict.fromkeys(use for one in mine for use in one.sources)),
    )
