"""The assessment as an indented tree of reasons, so that a clinician can follow the arithmetic line by line."""

from __future__ import annotations

from plugin.assessment import Assessment
from plugin.document.dose_history import DoseStretch, stretches_of
from plugin.document.next_step_text import next_step_lines
from plugin.document.reason_text import reason_lines
from plugin.resistance.staging import Stages
from plugin.resistance.verdict import Counts
from plugin.trial.neuromodulation import Course
from plugin.trial.trials import Trial


def explain(assessment: Assessment) -> str:
    """Text of one assessment: verdict first, then each trial with its reasons, then what is missing and set aside."""
    verdict, counts = assessment.verdict, assessment.verdict.counts
    lines = [
        f"Verdict on {assessment.as_of} under {assessment.definition.id}: {verdict.value.value}",
        f"  failed adequate trials: at least {counts.lo}, with proxies {counts.lo_proxy}, at most {counts.hi}",
    ]
    if verdict.capped is not None:
        lines.append(f"  capped: would be {verdict.capped.value}")
    lines += reason_lines(verdict.reasons, 1)
    for name, result in assessment.by_definition.items():
        if name != assessment.definition.id:
            said = "not computed yet" if result is None else f"{result[1].value} {_interval(result[0])}"
            lines.append(f"  under {name}: {said}")
    if assessment.site is not None:
        site = assessment.site.site
        lines.append(f"Site {site.id} ({site.name}), accepted by {site.accepted_by} on {site.accepted_on}")
        lines += [
            f"  {c.path}: {c.before or 'none'} -> {c.after} ({c.who}, {c.when}: {c.why})"
            for c in assessment.site.changes
        ]
    episode = assessment.episode
    start = episode.start.isoformat() if episode.start is not None else "unknown"
    lines.append(f"Episode from {start} ({episode.basis}{', uncertain' if episode.uncertain else ''})")
    lines += reason_lines(episode.reasons, 1)
    lines += reason_lines((*assessment.eligibility.basis, *assessment.eligibility.caps), 0)
    lines.append("Trials" if assessment.trials else "No trials")
    for trial in assessment.trials:
        lines += _trial(trial)
    for title, trials in (("Augmentation", assessment.augmentations), ("Earlier episodes", assessment.earlier)):
        if trials:
            lines.append(title)
            for trial in trials:
                lines += _trial(trial)
    for course in assessment.courses:
        lines += _course(course)
    lines += _staging(assessment.staging)
    lines += [f"Never filled: {label}" for label in assessment.never_filled]
    for one in assessment.pseudo_resistance:
        lines.append(f"Consider: {one.id} ({one.kind}): {one.finding}")
        lines += [f"  from: {', '.join(one.uses)}"] if one.uses else []
    lines += next_step_lines(assessment.next_step)
    for judged in assessment.orders:
        rules = ", ".join(finding.rule for finding in judged.findings) or "nothing in the history"
        lines.append(f"Order {judged.label}: {rules}")
    lines += [f"Missing: {item.what} ({item.would_affect})" for item in assessment.missing]
    lines += [f"Would change: {c.fact} gives {c.verdict.value}" for c in assessment.changes]
    if not assessment.changes:
        lines.append("Would change: no single missing fact that was tried")
    lines += [f"Gap: {gap.what}: {gap.why}" for gap in assessment.gaps]
    lines += [f"Set aside: {item.reference}: {item.reason}" for item in assessment.set_aside]
    return "\n".join(lines) + "\n"


def _interval(counts: Counts) -> str:
    return f"[{counts.lo}, {counts.lo_proxy}, {counts.hi}]"


def _trial(trial: Trial) -> list[str]:
    era = trial.judged.era
    when = "undated" if trial.undated else f"{era.start} to {era.end}"
    lines = [
        f"  {trial.drug.label} ({trial.drug_class}), {when}, grade {trial.grade}: "
        f"{trial.judged.adequacy.value}, {trial.outcome.status.value} by {trial.outcome.basis}"
    ]
    lines += [_stretch(stretch) for stretch in stretches_of(trial)]
    return lines + reason_lines((*trial.judged.reasons, *trial.outcome.reasons), 2)


def _stretch(stretch: DoseStretch) -> str:
    """One line of the arithmetic: from when to when which dose, how surely, and the records that say so."""
    count = (stretch.end - stretch.start).days + 1
    sure = "sure" if stretch.sure else "possible only"
    return (
        f"    {stretch.start} to {stretch.end}: {count} days at {stretch.dose_text}, {sure}, grade {stretch.grade}, "
        f"by {stretch.layer} ({', '.join(stretch.uses)})"
    )


def _course(course: Course) -> list[str]:
    series = course.series
    sessions = f"{series.sessions.lo} to {series.sessions.hi}"
    lines = [
        f"Course {course.label}, {series.start} to {series.end or 'not recorded'}, {sessions} sessions: "
        f"{course.adequacy.value}, {course.outcome.status.value} by {course.outcome.basis}"
    ]
    return lines + reason_lines((*course.reasons, *course.outcome.reasons), 2)


def _staging(stages: Stages | None) -> list[str]:
    return ["Staging", *reason_lines(stages.reasons, 1)] if stages is not None else ["Staging: none"]
