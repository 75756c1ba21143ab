"""Did the trial fail? (rules O1 to O10)

An endpoint score long enough after the first at-dose day decides, against a baseline on the same scale. Without one: a
coded stop for inefficacy, a report that it did not help, or a switch within the window. Everything else is UNKNOWN, and
unknown is never a failure. A measured non-response stands whatever the stop reason. Where scores were not read, that
none is there says nothing: what rests on it, the switch and the endpoint without a baseline, is UNKNOWN then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction

from mappings.schema import Definition, Reconstruction
from plugin.findings import Missing, Reason
from plugin.instruments import (
    Instruments,
    exact,
    has_line,
    improvement,
    is_baseline,
    is_good_rating,
    is_remission,
)
from plugin.record import AllergyFact, Score
from plugin.trial.adequacy import Adequacy, Judged
from plugin.trial.measurement import Outcome, Status, Window, measured_outcome, window_of
from plugin.trial.ordered_scores import OrderedScores
from plugin.trial.scale_reading import GLOBAL_RATING, Addition
from plugin.trial.stops import Stop, applicable_stop

SCORES_UNREAD = "scores_unread"
_RATED = (Adequacy.ADEQUATE, Adequacy.BORDERLINE)
_STATUS_ORDER = (Status.FAILED_MEASURED, Status.NOT_FAILED, Status.FAILED_PROXY, Status.UNKNOWN)
_ADEQUACY_ORDER = (*_RATED, Adequacy.IN_PROGRESS, Adequacy.INADEQUATE, Adequacy.EXCLUDED)


def judge_outcome(
    judged: Judged,
    *,
    scores: OrderedScores,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
    next_start: date | None,
    additions: Sequence[Addition],
    own: str = "",
    allergies: Sequence[AllergyFact] = (),
    scores_unread: bool = False,
    min_days: int | None = None,
) -> Outcome:
    """Rate one era.

    `additions` are starts of antidepressants, augmenters or procedures (day, name, uses) in order of time; those of the
    name `own` are its own. `allergies` are recorded allergies and adverse reactions. `scores_unread`: scores may be on
    record that are not among `scores` (see `PatientRecord.lacks_scores`). `min_days`: so many days from the first one
    at dose to an endpoint instead of those of the definition. The stricter reading is rated beside the one of the
    definition.
    """
    return rated_outcome(
        judged,
        stop=applicable_stop(judged.era, rules, allergies),
        scores=scores,
        definition=definition,
        rules=rules,
        instruments=instruments,
        next_start=next_start,
        additions=additions,
        own=own,
        scores_unread=scores_unread,
        min_days=min_days,
    )


def rated_outcome(
    judged: Judged,
    *,
    stop: Stop | None,
    scores: OrderedScores,
    definition: Definition,
    rules: Reconstruction,
    instruments: Instruments,
    next_start: date | None,
    additions: Sequence[Addition],
    own: str = "",
    scores_unread: bool = False,
    min_days: int | None = None,
    brief: bool = False,
) -> Outcome:
    """The outcome of an era of which the `stop` is known, as `judge_outcome` rates it.

    `brief`: only what counts, without what is missing, the stricter reading and why it ended.
    """
    if judged.adequacy not in _RATED:
        return _told_only(stop, next_start=next_start)
    rater = _Rater(
        judged=judged,
        stop=stop,
        window=window_of(judged, definition=definition, rules=rules, next_start=next_start, min_days=min_days),
        scores=scores,
        cites=definition.cites,
        rules=rules,
        instruments=instruments,
        additions=additions,
        own=own,
        scores_unread=scores_unread,
    )
    partial, response = exact(rules.partial_response), exact(definition.response)
    outcome = rater.rate(response)
    if brief:
        return outcome
    # The readings can only differ where a change was measured, and where the definition asks for more.
    alike = outcome.endpoint is None or response <= partial
    return rater.finished(outcome, outcome if alike else rater.rate(partial), next_start)


def rank_of(judged: Judged, outcome: Outcome) -> tuple[int, int, int]:
    """T3, best first: highest adequacy; then measured failure, no failure, proxy, unknown; then the latest."""
    order = (_ADEQUACY_ORDER.index(judged.adequacy), _STATUS_ORDER.index(outcome.status))
    return *order, -judged.era.start.toordinal()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rater:
    """One rated era and everything its outcome depends on, save the improvement asked for."""

    judged: Judged
    stop: Stop | None
    window: Window
    scores: OrderedScores
    cites: tuple[str, ...]
    rules: Reconstruction
    instruments: Instruments
    additions: Sequence[Addition]
    own: str
    scores_unread: bool

    def rate(self, response: Fraction) -> Outcome:
        """The outcome where an improvement of `response` is no failure."""
        measured = measured_outcome(
            self.scores,
            self.window,
            response=response,
            rules=self.rules,
            instruments=self.instruments,
            cites=self.cites,
        )
        if self.judged.adequacy is Adequacy.BORDERLINE:
            good = measured is not None and measured.status is Status.NOT_FAILED
            return measured if measured is not None and good else _unrated(measured, self.stop)
        if measured is not None:
            return _without_baseline(measured) if self.scores_unread else measured
        return self._without_score(response)

    def finished(self, outcome: Outcome, strict: Outcome, next_start: date | None) -> Outcome:
        """The outcome with what it lacks, why the trial ended, and what the stricter reading says."""
        missing: tuple[Missing, ...] = ()
        if outcome.status in (Status.UNKNOWN, Status.FAILED_PROXY):
            missing = _missing(self.window, outcome, self.judged.era.key.ingredient, unread=self.scores_unread)
        told = (self.stop.told(),) if self.stop is not None and outcome.stop is None else ()
        return replace(
            outcome,
            stop=outcome.stop or (self.stop.reason if self.stop is not None else None),
            flags=(*outcome.flags, SCORES_UNREAD) if self.scores_unread else outcome.flags,
            missing=(*outcome.missing, *missing),
            reasons=(*outcome.reasons, *told),
            strict=(strict.status, strict.category),
            next_start=next_start,
        )

    def _without_score(self, response: Fraction) -> Outcome:
        """Step 5: stop reasons, reports and switches where no endpoint score exists."""
        if self.stop is not None:
            return _stopped(self.stop)
        said = [fact for fact in self.judged.era.facts if fact.reported_ineffective]
        if said:
            text = "Recorded as not helping, without a score: probable failure only."
            uses = tuple(fact.reference for fact in said)
            reason = Reason(rule="O5", text=text, facts=(("reports", len(said)),), uses=uses)
            return Outcome(status=Status.FAILED_PROXY, basis="reported", reasons=(reason,))
        return self._by_switch(response)

    def _by_switch(self, response: Fraction) -> Outcome:
        """O7: another treatment begun between the end of the minimum duration and some weeks after the end."""
        good = self._last_early_response(response)
        if good is not None:
            text = f"A response was measured on {good.day} with no later score: a switch does not make it a failure."
            facts = (("instrument", good.instrument), ("value", good.value), ("date", good.day.isoformat()))
            reason = Reason(rule="O7", text=text, facts=facts, uses=good.references)
            return Outcome(status=Status.UNKNOWN, basis="none", reasons=(reason,))
        least = self.rules.switch_window_before_days
        first = self.window.start + timedelta(days=least)
        last = self.window.end + timedelta(days=self.rules.switch_window_after_days)
        span = (("from", first.isoformat()), ("to", last.isoformat()))
        for day, name, uses in self.additions[bisect_left(self.additions, first, key=_day_of) :]:
            if day > last:
                break
            if name != self.own:
                begun = (("started", day.isoformat()), *span)
                if self.scores_unread:
                    text = f"{name} was started on {day}: scores were not read, and nothing says whether one exists."
                    reason = Reason(rule="O7", text=text, facts=begun, cites=self.rules.cites, uses=uses)
                    return Outcome(status=Status.UNKNOWN, basis="none", reasons=(reason,))
                text = f"{name} was started on {day}, no score recorded: probable failure only."
                reason = Reason(rule="O7", text=text, facts=begun, cites=self.rules.cites, uses=uses)
                return Outcome(status=Status.FAILED_PROXY, basis="switch", reasons=(reason,))
        text = "No score, stop reason or following treatment: stopping is not failing."
        return Outcome(status=Status.UNKNOWN, basis="none", reasons=(Reason(rule="O7", text=text, facts=span),))

    def _last_early_response(self, response: Fraction) -> Score | None:
        """The last score that says anything since the first weeks at dose, if it is a good one (decision 49).

        A score on a scale without an illness line says something only against a baseline, or as a good rating.
        """
        window = self.window
        since = window.start + timedelta(days=self.rules.early_response_from_days)
        baseline_to = min(window.baseline_to, window.endpoint_to)
        for score in reversed(self.scores.plain.between(since, window.endpoint_to)):
            if is_remission(score, self.instruments) or is_good_rating(score, self.instruments):
                return score
            before = self.scores.by_scale[score.instrument].plain.between(window.baseline_from, baseline_to)
            change = improvement(before[-1], score, self.instruments) if before else None
            if change is not None and change >= response and is_baseline(before[-1], self.instruments):
                return score
            if change is not None or has_line(score, self.instruments):
                return None
        return None


def _told_only(stop: Stop | None, next_start: date | None = None) -> Outcome:
    """A trial that is not rated keeps its stop reason."""
    category = _category_of(stop)
    return Outcome(
        status=Status.UNKNOWN,
        basis="none",
        category=category,
        strict=(Status.UNKNOWN, category),
        stop=stop.reason if stop is not None else None,
        reasons=(stop.told(),) if stop is not None else (),
        next_start=next_start,
    )


def _day_of(addition: Addition) -> date:
    return addition[0]


def _category_of(stop: Stop | None) -> str | None:
    return "intolerance" if stop is not None and stop.reason.meaning == "intolerance" else None


def _stopped(stop: Stop) -> Outcome:
    """Step 5 for a recorded stop reason: only inefficacy speaks of failure, and only as a code for a measured one."""
    if stop.reason.meaning != "inefficacy":
        return _told_only(stop)
    status, basis = (Status.FAILED_MEASURED, "coded-reason"), (Status.FAILED_PROXY, "reported")
    said = status if stop.reason.by == "code" else basis
    return Outcome(status=said[0], basis=said[1], stop=stop.reason, reasons=(stop.told(),))


def _unrated(measured: Outcome | None, stop: Stop | None) -> Outcome:
    """A borderline trial without response stays unknown, with its scores shown."""
    text = "Dose or duration is only borderline: without a response the outcome counts as unknown."
    reason = Reason(rule="O9", text=text)
    if measured is None:
        return Outcome(status=Status.UNKNOWN, basis="none", category=_category_of(stop), reasons=(reason,))
    return replace(measured, status=Status.UNKNOWN, reasons=(*measured.reasons, reason))


def _without_baseline(measured: Outcome) -> Outcome:
    """An endpoint at the illness line whose baseline may be among the scores that were not read: unknown."""
    rests_on_none = measured.status is Status.FAILED_PROXY and measured.baseline is None
    if not rests_on_none or GLOBAL_RATING in measured.flags:  # a rating of change needs no baseline
        return measured
    text = "Scores were not read, so that nothing says whether there is a baseline: outcome unknown."
    return replace(measured, status=Status.UNKNOWN, reasons=(*measured.reasons, Reason(rule="O5", text=text)))


def _missing(window: Window, outcome: Outcome, ingredient: str, *, unread: bool) -> tuple[Missing, ...]:
    if outcome.endpoint is not None:
        proxy = outcome.status is Status.FAILED_PROXY or (unread and outcome.status is Status.UNKNOWN)
        if proxy and outcome.baseline is None:
            what = f"a score on the same scale between {window.baseline_from} and {window.baseline_to}"
            return (Missing(what=_or_unread(what, unread), would_affect=f"outcome of {ingredient}"),)
        return ()
    what = f"a symptom score between {window.endpoint_from} and {window.endpoint_to}"
    if window.endpoint_to < window.endpoint_from:
        what = f"a symptom score on or after {window.endpoint_from}, before another treatment began"
    return (Missing(what=_or_unread(what, unread), would_affect=f"outcome of {ingredient}"),)


def _or_unread(what: str, unread: bool) -> str:
    """The missing score; where scores were not read, it may be one of those."""
    return f"{what} (scores were not read: there may be one)" if unread else what
