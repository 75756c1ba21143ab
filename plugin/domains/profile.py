"""Which domain of depression predominates now, how sure that is, and what to record to know more.

The label is only given to an episode that is depressive and at least moderate today. It names domains that can be
assessed; certainty depends on how many can, how completely, and on whether the label survives without any one family
of evidence. The matching of treatment to domains is a proposal and has not been tested prospectively.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.load import Knowledge
from plugin.domains.collecting import collect_next
from plugin.domains.domain_scores import DIGITS, DomainScore, figures, scores_of
from plugin.domains.indicators import Measurements
from plugin.domains.inflammation import crp_notices
from plugin.findings import Reason, SetAside
from plugin.record import PatientRecord, Score

UNDETERMINED = "UNDETERMINED"
_FROM, _TO = "mild-{}-from", "mild-{}-to"
_PROJECT = ("trd-cds-rules",)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainProfile:
    """The profile of one patient on one day.

    `label` is ``DOMINANT``, ``LEANING``, ``MIXED`` or ``UNDETERMINED`` and `domains` those it names, the strongest
    first; `secondary` are further prominent ones. `certainty` is ``high``, ``moderate``, ``low`` or ``none``.
    `severity` is the latest usable total, `mild` whether it is mild to moderate at most; None without one.
    `collect_next` are ids of indicators or instruments. `notices` ask for something to be done about the data.
    `limits` belong beside every rendering: what the domains are not.
    """

    scores: Mapping[str, DomainScore]
    label: str
    domains: tuple[str, ...]
    secondary: tuple[str, ...]
    certainty: str
    collect_next: tuple[str, ...]
    severity: Score | None
    mild: bool | None
    reasons: tuple[Reason, ...]
    notices: tuple[Reason, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def assessable(self) -> tuple[str, ...]:
        """The domains that can be assessed, in table order."""
        return tuple(id_ for id_, score in self.scores.items() if score.assessable)

    @property
    def uses(self) -> tuple[str, ...]:
        """The references of all resources that the profile rests on."""
        every = [reason for score in self.scores.values() for reason in score.reasons]
        return tuple(dict.fromkeys(use for reason in (*every, *self.reasons, *self.notices) for use in reason.uses))

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """Resources that were looked at for a score and left out, with the reason."""
        used = set(self.uses)
        why = {
            reference: one.why
            for score in self.scores.values()
            for one in score.ignored
            for reference in one.references
            if reference not in used
        }
        return tuple(SetAside(reference=reference, reason=f"not scored: {reason}") for reference, reason in why.items())


@dataclass(frozen=True, slots=True)
class Label:
    """What a profile is called, the domains named, and those that are prominent beside them."""

    name: str
    domains: tuple[str, ...] = ()
    secondary: tuple[str, ...] = ()


def domain_profile(
    record: PatientRecord, *, knowledge: Knowledge, as_of: date, depressed: bool, neurocognitive: bool
) -> DomainProfile:
    """Score the domains of `record` on the day `as_of` and say which predominates.

    `depressed`: a depressive condition is active. `neurocognitive`: dementia, or a cognitive screen in its range, which
    takes the cognitive domain out of the contest.
    """
    measured = Measurements.of(record, knowledge, as_of)
    amounts = measured.amounts
    closed = {"COG": "a neurocognitive disorder has to be worked up first"} if neurocognitive else {}
    scores = scores_of(measured, record.conditions, knowledge, closed=closed)
    severity, mild = severity_now(record.scores, amounts, measured)
    gate = _gate(severity, amounts, depressed=depressed)
    label = Label(UNDETERMINED) if gate is not None else label_of(_contest(scores), amounts)
    upsets = () if gate is not None else _upsets(label, scores, amounts, knowledge)
    certainty = _certainty(label, scores, amounts, stable=not upsets)
    collect = collect_next(scores, measured, knowledge, closed=closed, severity_known=severity is not None)
    return DomainProfile(
        scores=scores,
        label=label.name,
        domains=label.domains,
        secondary=label.secondary,
        certainty=certainty,
        collect_next=collect,
        severity=severity,
        mild=mild,
        reasons=_reasons(label, certainty, scores, amounts, severity, gate, upsets, _labels(collect, knowledge)),
        notices=crp_notices(measured, amounts, knowledge),
        limits=knowledge.clinical.scoring.limits,
    )


def label_of(scores: Mapping[str, float], amounts: Mapping[str, float]) -> Label:
    """The label from the scores of the domains that can be assessed, in table order."""
    if len(scores) < amounts["assessable-domains-for-a-label"]:
        return Label(UNDETERMINED)
    ranked = sorted(scores, key=lambda id_: -round(scores[id_], DIGITS))  # equal ones stay in table order
    prominent = [id_ for id_ in ranked if round(scores[id_], DIGITS) >= amounts["prominent"]]
    if not prominent:
        return Label(UNDETERMINED)
    top = ranked[0]
    near = [id_ for id_ in prominent if round(scores[top] - scores[id_], DIGITS) < amounts["lead"]]
    if round(scores[top], DIGITS) < amounts["dominant"]:
        name, named = "LEANING", [top]
    else:
        name, named = ("DOMINANT" if len(near) == 1 else "MIXED"), near
    return Label(name, tuple(named), tuple(id_ for id_ in prominent if id_ not in named))


def severity_now(
    scores: Iterable[Score], amounts: Mapping[str, float], measured: Measurements
) -> tuple[Score | None, bool | None]:
    """The latest total within the window on a scale with a mild band, and whether it lies in that band or below it.

    Of one day the later counts, then the more severe.
    """
    window = amounts["severity-window"]
    recent = [
        score
        for score in scores
        if _FROM.format(score.instrument) in amounts
        and "suspect-total" not in score.flags
        and score.day <= measured.last_day
        and (measured.as_of - score.day).days <= window
    ]
    if not recent:
        return None, None
    newest = max(score.day for score in recent)
    same = [score for score in recent if score.day == newest]
    timed = all(score.order for score in same)

    def rank(score: Score) -> tuple[str, int, float, str]:
        return score.order if timed else "", _step(score, amounts), score.value, score.instrument

    latest = max(same, key=rank)
    return latest, _step(latest, amounts) <= 1


def _step(score: Score, amounts: Mapping[str, float]) -> int:
    """0 below the mild band of the scale, 1 in it, 2 above it."""
    low, high = amounts[_FROM.format(score.instrument)], amounts[_TO.format(score.instrument)]
    return int(score.value >= low) + int(score.value > high)


def _gate(severity: Score | None, amounts: Mapping[str, float], *, depressed: bool) -> Reason | None:
    """Why no profile is drawn at all, if so."""
    if not depressed:
        return Reason(
            rule="D0", text="No active depressive disorder is recorded, so no profile is drawn.", cites=_PROJECT
        )
    if severity is None:
        window = amounts["severity-window"]
        text = f"No usable severity score of the last {window:g} days is recorded, so no profile is drawn."
        return Reason(rule="D0", text=text, facts=(("windowDays", window),), cites=_PROJECT)
    if not _step(severity, amounts):
        least = amounts[_FROM.format(severity.instrument)]
        return Reason(
            rule="D0",
            text=f"The latest severity score {severity.value:g} is below {least:g}, so no profile is drawn.",
            facts=(("instrument", severity.instrument), ("value", severity.value), ("least", least)),
            cites=_PROJECT,
            uses=severity.references,
        )
    return None


def _contest(scores: Mapping[str, DomainScore]) -> dict[str, float]:
    """The scores of the domains that can be assessed, in table order."""
    return {id_: one.score for id_, one in scores.items() if one.assessable and one.score is not None}


def _upsets(
    label: Label, scores: Mapping[str, DomainScore], amounts: Mapping[str, float], knowledge: Knowledge
) -> tuple[tuple[str, str], ...]:
    """Evidence, as (label of its domain, of itself), without which the label passes to other domains although the first
    one stays assessable.
    """
    if not label.domains:
        return ()
    top, contest = label.domains[0], _contest(scores)
    found = []
    for id_ in contest:
        score, domain = scores[id_], knowledge.clinical.domains[id_]
        for dropped in score.evidence:
            kept = [one for one in score.evidence if one is not dropped]
            without = figures(domain, kept, score.boosts, amounts, open_=True)
            left = {**contest, id_: without.score or 0.0}
            if not without.assessable:
                del left[id_]
            named = label_of(left, amounts).domains
            if top in left and named and top not in named:
                found.append((score.label, dropped.label))
    return tuple(found)


def _certainty(label: Label, scores: Mapping[str, DomainScore], amounts: Mapping[str, float], *, stable: bool) -> str:
    if not label.domains:
        return "none"
    count = sum(score.assessable for score in scores.values())
    least = min(round(scores[id_].completeness, DIGITS) for id_ in label.domains)
    if label.name == "LEANING" or not stable:
        return "low"
    for level in ("high", "moderate"):
        enough = count >= amounts[f"certainty-{level}-domains"]
        if enough and least >= amounts[f"certainty-{level}-completeness"]:
            return level
    return "low"


def _reasons(
    label: Label,
    certainty: str,
    scores: Mapping[str, DomainScore],
    amounts: Mapping[str, float],
    severity: Score | None,
    gate: Reason | None,
    upsets: Sequence[tuple[str, str]],
    collect: Sequence[str],  # labels
) -> tuple[Reason, ...]:
    """Why this label and this certainty, and what is worth collecting."""
    contest = _contest(scores)
    shown = ", ".join(f"{scores[id_].label.lower()} {score:.2f}" for id_, score in contest.items()) or "none"
    values = tuple((id_, score) for id_, score in contest.items())
    found = [gate] if gate is not None else []
    if gate is None and severity is not None:
        found.append(
            Reason(
                rule="D0",
                text=f"The latest severity score is {severity.value:g} on {severity.day}, enough for a profile.",
                facts=(("instrument", severity.instrument), ("value", severity.value)),
                cites=_PROJECT,
                uses=severity.references,
            )
        )
        found.append(Reason(rule="D3", text=_why(label, scores, amounts, shown), facts=values, cites=_PROJECT))
    if label.domains:
        least = min(scores[id_].completeness for id_ in label.domains)
        text = f"Certainty is {certainty}: {len(contest)} of {len(scores)} domains could be assessed"
        text += f", completeness of the named ones is at least {least:.2f}"
        text += (
            f", and the label would change without {_families(upsets)}."
            if upsets
            else ", and no single source decides."
        )
        facts = (("assessable", len(contest)), ("completeness", least), ("unstable", len(upsets)))
        found.append(Reason(rule="D4", text=text, facts=facts, cites=_PROJECT))
    if collect:
        text = f"Recording these would tell more: {', '.join(collect)}."
        found.append(Reason(rule="D5", text=text, cites=_PROJECT))
    return tuple(found)


def _why(label: Label, scores: Mapping[str, DomainScore], amounts: Mapping[str, float], shown: str) -> str:
    named = " and ".join(scores[id_].label for id_ in label.domains)
    if label.name == "LEANING":
        return f"{named} leads below {amounts['dominant']:g}, so the profile only leans to it ({shown})."
    if label.name == "DOMINANT":
        return f"{named} leads by {amounts['lead']:g} or more, or alone is prominent ({shown})."
    if label.name == "MIXED":
        return f"{named} are prominent and closer than {amounts['lead']:g} to each other ({shown})."
    few = amounts["assessable-domains-for-a-label"]
    high = amounts["prominent"]
    return f"No label: it takes {few:g} domains that can be assessed and one of {high:g} or more ({shown})."


def _labels(ids: Sequence[str], knowledge: Knowledge) -> list[str]:
    """What indicators or instruments of outcome are called."""
    instruments, indicators = knowledge.instruments, knowledge.clinical.indicators
    return [(instruments[id_] if id_ in instruments else indicators[id_]).label for id_ in ids]


def _families(upsets: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{evidence} ({domain.lower()})" for domain, evidence in upsets)
