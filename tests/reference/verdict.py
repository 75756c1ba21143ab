"""From rated trials to counts and the verdict (trials 0.1; decisions 16, 20, 47)."""

from __future__ import annotations

from dataclasses import dataclass

from mappings.load import Knowledge
from mappings.schema import Definition
from plugin.record import PatientRecord
from tests.reference import adequacy, episode, outcome
from tests.reference.adequacy import Rating
from tests.reference.day_map import supplied
from tests.reference.eras import Context, Era, clipped, eras_of
from tests.reference.outcome import Outcome

_OUTCOMES = (outcome.UNKNOWN, outcome.PROXY, outcome.FINE, outcome.MEASURED)


@dataclass(frozen=True)
class Trial:
    """The era of one ingredient that is kept."""

    era: Era
    rating: Rating
    outcome: Outcome

    @property
    def rank(self) -> tuple[int, int]:
        """Highest adequacy, then the outcome: measured failure, not failed, proxy, unknown."""
        return (adequacy.ORDER.index(self.rating.adequacy), _OUTCOMES.index(self.outcome.status))


@dataclass(frozen=True)
class Judgement:
    """Everything the reference concludes. `trials` holds, by ingredient, all eras of the episode that rank highest."""

    start: int | None
    trials: dict[str, list[Trial]]
    counts: tuple[int, int, int]
    verdict: str


def judge(record: PatientRecord, knowledge: Knowledge, context: Context, definition: Definition) -> Judgement:
    """The whole way, for an adult with confirmed depression and everything read."""
    life = eras_of(supplied(record.medications, context.rules, context.today), context)
    now = episode.current(life, record.scores, record.conditions, context)
    rated: dict[str, list[Trial]] = {}
    for whole in life:
        era = clipped(whole, now.start)
        if era is None or knowledge.drugs[era.key[0]].role != "antidepressant":
            continue
        rating = adequacy.rate(era, record.conditions, record.read("Condition"), definition, context)
        found = outcome.outcome_of(era, rating, life, record.scores, definition, context)
        rated.setdefault(era.key[0], []).append(Trial(era, rating, found))
    best = {name: [t for t in trials if t.rank == max(t.rank for t in trials)] for name, trials in rated.items()}
    kept = [trials[0] for trials in best.values()]
    sure = [t for t in kept if t.rating.adequacy == "ADEQUATE" and t.outcome.status == outcome.MEASURED]
    proxy = [t for t in kept if t.rating.adequacy == "ADEQUATE" and t.outcome.status == outcome.PROXY]
    open_ = [t for t in kept if t.rating.adequacy in ("ADEQUATE", "BORDERLINE") and t.outcome.status == outcome.UNKNOWN]

    def distinct(trials: list[Trial]) -> int:
        classes = {knowledge.drugs[t.era.key[0]].drug_class for t in trials}
        return len(classes) if definition.require_distinct_class else len(trials)

    counts = (distinct(sure), distinct([*sure, *proxy]), distinct([*sure, *proxy, *open_]))
    need = definition.min_failed_trials
    if counts[0] >= need and any(t.outcome.by_score for t in sure):
        verdict = "MET"
    elif counts[1] >= need:
        verdict = "PROBABLE"
    else:
        verdict = "INDETERMINATE" if counts[2] >= need else "NOT_MET"
    if now.may_have_ended and verdict in ("MET", "PROBABLE"):
        verdict = "INDETERMINATE"
    return Judgement(now.start, best, counts, verdict)
