"""What the statement of a card rests on, as sorted words from which a digest can be made.

Each fact is a reference, a reference with its value, or a conclusion by name. Counts of days and dates of judgement
are left out: they change while nothing has been learnt. A corrected resource keeps its reference and changes its value.
"""

from __future__ import annotations

from collections.abc import Iterable

from plugin.domains.profile import DomainProfile
from plugin.findings import Reason
from plugin.record import Score
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


def facts_of(*groups: Iterable[str]) -> tuple[str, ...]:
    """All facts of `groups`, each once, in an order that does not depend on the order of reading."""
    return tuple(sorted({fact for group in groups for fact in group}))


def score_facts(score: Score | None) -> list[str]:
    """A score by its references with its value; without references by scale, day and value. None has no facts."""
    if score is None:
        return []
    names = score.references or (f"{score.instrument} {score.day.isoformat()}",)
    return [f"{name}={score.value:g}" for name in names]


def trial_facts(trial: Trial | Course) -> list[str]:
    """The records of a trial or course, how it is judged, and the scores that tell its outcome."""
    name = trial.kind if isinstance(trial, Course) else trial.ingredient
    adequacy = trial.adequacy if isinstance(trial, Course) else trial.judged.adequacy
    outcome = trial.outcome
    stop = outcome.stop.meaning if outcome.stop is not None else "none"
    said = f"{name}:{adequacy.value}:{outcome.status.value}:{outcome.category or 'none'}:{stop}"
    return [said, *trial.sources, *score_facts(outcome.baseline), *score_facts(outcome.endpoint)]


def profile_facts(profile: DomainProfile) -> list[str]:
    """What stands out and how surely, and each value of evidence by its references."""
    said = [f"profile:{profile.label}:{'+'.join(profile.domains)}:{profile.certainty}"]
    for score in profile.scores.values():
        said += [f"{ref}={one.raw:g}" for one in score.evidence for ref in one.references]
        said += [ref for boost in score.boosts for ref in boost.references]
    return [*said, *profile.uses]


def reason_facts(reasons: Iterable[Reason]) -> list[str]:
    """The rules of reasons and the records they rest on; their numbers may count days and are left out."""
    return [fact for reason in reasons for fact in (f"rule:{reason.rule}", *reason.uses)]
