"""The one missing fact that would settle most of an open verdict.

Of the single facts that were tried, those whose every answer settles come first, then those that take the least effort
to learn. What would leave the verdict open in another way settles nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from plugin.advice.wording import Wording
from plugin.assessment import Assessment
from plugin.resistance.counterfactual import Change
from plugin.resistance.verdict import Value

SETTLED = (Value.MET, Value.NOT_MET, Value.EXCLUDED)
_TODAY = "score-now"
_DATES = "dates"


@dataclass(frozen=True, slots=True)
class DecisiveFact:
    """The question in words, what it takes to answer it, and the measures that can be ordered for it (their ids)."""

    text: str
    effort: str
    collects: tuple[str, ...]


def decisive_fact(assessment: Assessment, words: Wording) -> DecisiveFact | None:
    """The fact to ask for first; None where no single fact settles the verdict."""
    questions: dict[tuple[object, ...], list[Change]] = {}
    for change in settling(assessment.changes):
        key = (change.kind, change.trial, change.instrument)
        questions.setdefault(key, []).append(change)
    if not questions:
        return None
    # The changes come in order of effort, and the first of equals wins.
    best = max(questions.values(), key=lambda changes: (len({c.verdict for c in changes}), -changes[0].effort))
    first, scales, drugs = best[0], words.knowledge.instruments, words.knowledge.drugs
    effort = next((one.effort for one in words.knowledge.missing_facts if one.kind == first.kind), "")
    return DecisiveFact(
        words.say(
            _sentence(first, assessment),
            scale=scales[first.instrument].label if first.instrument is not None else "",
            drug=drugs[first.ingredient].label if first.ingredient is not None else "",
            day=first.day if first.day is not None else "",
        ),
        effort,
        (first.instrument,) if first.kind == _TODAY and first.instrument is not None else (),
    )


def _sentence(change: Change, assessment: Assessment) -> str:
    """The sentence that asks for a fact: where a report without dates states a dose, the dates alone are asked for."""
    stated = change.trial is not None and assessment.trials[change.trial].stated_dose.is_known
    return f"fact-{change.kind}-dose" if change.kind == _DATES and stated else f"fact-{change.kind}"


def settling(changes: Sequence[Change]) -> list[Change]:
    """The changes that end in a settled verdict."""
    return [change for change in changes if change.verdict in SETTLED]
