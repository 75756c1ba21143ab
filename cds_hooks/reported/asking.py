"""What the assessment lacks, each with the rows of the form that would tell it: "cannot tell" is no dead end.

Three sources: the single facts that would change the verdict; the trials whose outcome is open, where no single fact
would; and the trials named without dates. A fact that is settled outside the form says where.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from cds_hooks.reported.facts import NOW, Course
from cds_hooks.reported.rows import is_record
from mappings.load import Knowledge
from plugin.assessment import Assessment
from plugin.resistance.counterfactual import Change
from plugin.resistance.verdict import weight_of
from plugin.trial.adequacy import Judged
from plugin.trial.trials import Trial

_OUTCOME_ROWS = ("score", "outcome")


@dataclass(frozen=True, slots=True)
class Prefilled:
    """A row of one kind with what is known already; `preset` fields alone do not make it an entry."""

    kind: str
    values: dict[str, str]

    @property
    def preset(self) -> str:
        """The names of the fields filled in beforehand."""
        return " ".join(sorted(self.values))


@dataclass(slots=True)
class Asked:
    """One thing that is not known: `about` whom or what, what it would do (`told`), a word on it, and its rows."""

    about: str
    told: list[str] = field(default_factory=list)
    say: list[str] = field(default_factory=list)
    rows: tuple[Prefilled, ...] = ()


def courses_of(assessment: Assessment, *, but: Collection[str] = ()) -> dict[Course, str]:
    """The courses of the record that can be spoken about, with a label each; records named in `but` do not count."""
    found: dict[Course, str] = {}
    for trial in (*assessment.trials, *assessment.augmentations):
        eras = [trial.judged, *(judged for judged, _ in trial.others)]
        for judged in [] if trial.undated else eras:
            course = _course(trial, judged, last=max(one.era.end for one in eras) == judged.era.end, but=but)
            if course is not None:
                until = "still taken" if course.last == NOW else f"to {course.last}"
                found[course] = f"{trial.drug.label}, {course.first}, {until}"
    return found


def asked(assessment: Assessment, knowledge: Knowledge, *, but: Collection[str] = ()) -> list[Asked]:
    """Everything to ask, in the order of the effort it takes."""
    offers = {offer.kind: offer for offer in knowledge.reported.offers}
    groups: dict[tuple[object, ...], Asked] = {}
    for change in assessment.changes:
        offer = offers[change.kind]  # type: ignore[index]
        key = (change.trial, offer.rows, change.day, change.instrument, "" if offer.rows else change.kind)
        if key not in groups:
            trial = assessment.trials[change.trial] if change.trial is not None else None
            rows = tuple(row for kind in offer.rows if (row := _row(kind, trial, change, assessment, but)) is not None)
            groups[key] = Asked(about=trial.drug.label if trial is not None else "", rows=rows)
        group = groups[key]
        group.told.append(_sentence(change, knowledge))
        own = change.trial is not None and _is_own(assessment.trials[change.trial], but)
        say = knowledge.reported.again if own and len(group.rows) < len(offer.rows) else offer.say
        if say not in group.say:
            group.say.append(say)
    spoken = {change.trial for change in assessment.changes}
    for index, trial in enumerate(assessment.trials):
        measured, _, open_ = weight_of(trial)
        if open_ and not measured and index not in spoken:
            kinds = ("trial",) if trial.undated else _OUTCOME_ROWS
            rows = tuple(row for kind in kinds if (row := _row(kind, trial, None, assessment, but)) is not None)
            lacking = [f"Not on record: {one.what}." for one in trial.outcome.missing]
            groups[trial.ingredient, index] = Asked(about=trial.drug.label, told=lacking, rows=rows)
    return list(groups.values())


def _is_own(trial: Trial, but: Collection[str]) -> bool:
    """Whether a trial is known from the form alone."""
    return bool(trial.sources) and all(source in but for source in trial.sources)


def _sentence(change: Change, knowledge: Knowledge) -> str:
    verdict = knowledge.sentences[f"verdict-{change.verdict.value}"].text
    return knowledge.sentences["change"].text.format(fact=change.fact, verdict=verdict)


def _row(
    kind: str, trial: Trial | None, change: Change | None, assessment: Assessment, but: Collection[str]
) -> Prefilled | None:
    """A row of `kind` with what is known; None where it would speak of a course that is not on record."""
    if kind == "score":
        values = {}
        if change is not None and change.instrument and change.day:
            values = {"instrument": change.instrument, "day": change.day.isoformat()}
        elif change is not None and change.kind == "episode-current":
            values = {"day": assessment.as_of.isoformat()}
        return Prefilled(kind, values)
    if kind == "trial":
        return Prefilled(kind, _known_of(trial) if trial is not None else {})
    course = None
    if trial is not None and not trial.undated:
        last = trial.judged.era.end == max(judged.era.end for judged in _eras(trial))
        course = _course(trial, trial.judged, last=last, but=but)
    return Prefilled(kind, {"trial": course.token}) if course is not None else None


def _eras(trial: Trial) -> list[Judged]:
    return [trial.judged, *(judged for judged, _ in trial.others)]


def _known_of(trial: Trial) -> dict[str, str]:
    known = {"drug": trial.ingredient}
    if trial.undated:
        return known
    known["start"] = trial.judged.era.start.isoformat()
    return known | ({"still": "yes"} if trial.ongoing else {"end": trial.judged.era.end.isoformat()})


def _course(trial: Trial, judged: Judged, *, last: bool, but: Collection[str]) -> Course | None:
    """The course as the form names it: by its first and last record that are on record and can be referred to."""
    records = [use for use in judged.era.uses() if use not in but and is_record(use)]
    if not records:
        return None
    end = NOW if last and trial.ongoing else judged.era.end.isoformat()
    ends = tuple(dict.fromkeys((records[0], records[-1])))
    return Course(drug=trial.ingredient, first=judged.era.start.isoformat(), last=end, records=ends)
