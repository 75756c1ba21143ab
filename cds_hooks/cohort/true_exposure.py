"""Which days a drug was swallowed, as trials are counted by: eras, runs at dose, adequacy. True of a simulated life.

Written from the published rules alone and on purpose without any of the reasoning that is held against it. Days are
whole numbers as in `life`; numbers come from the knowledge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from cds_hooks.cohort.life import Course, Life
from cds_hooks.cohort.plan import Plan

ADEQUATE, BORDERLINE, INADEQUATE = "ADEQUATE", "BORDERLINE", "INADEQUATE"
IN_PROGRESS, EXCLUDED = "IN_PROGRESS", "EXCLUDED"
Stretch = tuple[int, int, float]  # first day, last day, mg a day


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueEra:
    """Days on one drug without a hole longer than an era may have; `began` its first day before any clipping.

    `aim`: ``depression``, ``other`` (for something else) or ``labelled`` (a product labelled for something else).
    `ending` is why the course behind its last day ended, empty while that goes on; `last_fill` the last hand-over.
    """

    drug: str
    aim: str
    began: int
    stretches: tuple[Stretch, ...]
    ending: str = ""
    last_fill: int = 0

    @property
    def start(self) -> int:
        """The first day taken."""
        return self.stretches[0][0]

    @property
    def end(self) -> int:
        """The last day taken."""
        return self.stretches[-1][1]

    def reaches(self, dose: float) -> bool:
        """Whether any day had this dose."""
        return any(each >= dose for _, _, each in self.stretches)

    def before(self, day: int) -> TrueEra:
        """What of it lies before `day`; all of it where nothing does."""
        kept = tuple((first, min(last, day - 1), dose) for first, last, dose in self.stretches if first < day)
        return replace(self, stretches=kept) if kept else self

    def since(self, day: int) -> TrueEra | None:
        """What of it lies on `day` or later."""
        kept = tuple((max(first, day), last, dose) for first, last, dose in self.stretches if last >= day)
        return replace(self, stretches=kept) if kept else None


@dataclass(frozen=True, slots=True)
class TrueRun:
    """The longest run at a dose: its first and last day, and the days in it."""

    first: int
    last: int
    days: int


def eras_of(life: Life, plan: Plan, today: int) -> list[TrueEra]:
    """Every era of an antidepressant up to the day before `today`, in order of drug and time."""
    taken: dict[tuple[str, str], list[tuple[Stretch, Course]]] = {}
    for course in life.courses:
        if plan.knowledge.drugs[course.drug].role != "antidepressant":
            continue
        labelled = course.other is not None and course.other.product is not None
        aim = "labelled" if labelled else "other" if course.use == "other" else "depression"
        for stretch in course.stretches(today - 1):
            taken.setdefault((course.drug, aim), []).append((stretch, course))
    eras = []
    for (drug, aim), days in sorted(taken.items(), key=lambda each: each[0]):
        held: list[tuple[Stretch, Course]] = []
        for one in sorted(days, key=lambda each: each[0]):
            if held and one[0][0] - held[-1][0][1] - 1 > plan.rules.era_gap_days:
                eras.append(_era(drug, aim, held, today))
                held = []
            held.append(one)
        eras.append(_era(drug, aim, held, today))
    return eras


def _era(drug: str, aim: str, held: Sequence[tuple[Stretch, Course]], today: int) -> TrueEra:
    course = held[-1][1]
    ended = course.stop is not None and course.stop <= today
    stretches = tuple(stretch for stretch, _ in held)
    filled = [fill.day for _, one in held for fill in one.fills if fill.day < today]
    return TrueEra(
        drug=drug,
        aim=aim,
        began=stretches[0][0],
        stretches=stretches,
        ending=course.ending if ended else "",
        last_fill=max((day for day in filled if day <= stretches[-1][1]), default=stretches[0][0]),
    )


def ended_by_switches(eras: Sequence[TrueEra], begun: Sequence[tuple[int, str]], plan: Plan) -> list[TrueEra]:
    """The eras, each only until another antidepressant began after its last fill: the rule for records of supply.

    It asks whether what was left over was still taken, which a record of supply cannot tell. In truth it was.
    """
    found = []
    for era in eras:
        after = [
            day
            for day, drug in begun
            if drug != era.drug
            and max(era.start, era.last_fill - 1) < day <= era.end
            and (era.began, era.drug) in begun
        ]
        left = era.end - min(after) + 1 if after else 0
        found.append(era.before(min(after)) if 0 < left <= plan.rules.truncation_leftover_max_days else era)
    return found


def best_run(stretches: Iterable[Stretch], dose: float, plan: Plan) -> TrueRun | None:
    """The run with most days at `dose` or more: no hole too long, and covered well enough.

    >>> from types import SimpleNamespace as made
    >>> plan = made(rules=made(run_gap_days=14, run_coverage_min=0.8))
    >>> best_run([(0, 29, 50.0), (50, 79, 50.0), (81, 81, 25.0), (82, 85, 50.0)], 50, plan)
    TrueRun(first=50, last=85, days=34)
    """
    at_dose = [(first, last) for first, last, each in stretches if each >= dose]
    best: TrueRun | None = None
    for place, (begin, _) in enumerate(at_dose):
        days, before = 0, begin - 1
        for first, last in at_dose[place:]:
            if first - before - 1 > plan.rules.run_gap_days:
                break
            days, before = days + last - first + 1, last
            covered = days >= plan.rules.run_coverage_min * (last - begin + 1)
            if covered and (best is None or days > best.days):
                best = TrueRun(begin, last, days)
    return best


def adequacy_of(era: TrueEra, plan: Plan, *, age: int, today: int) -> tuple[str, TrueRun | None, int]:
    """Adequacy, the run that decides, and the days at the default dose in the best run.

    Long enough at the default dose is adequate. A course still running that is not yet long enough at any dose is in
    progress. Some weeks at the lenient dose, in one run or scattered, is borderline. Taken for something else it is
    borderline at most, and never a trial below the lenient dose.
    """
    lenient, default = plan.lenient_dose(era.drug, age), plan.adequate_dose(era.drug)
    sure, possible = best_run(era.stretches, default, plan), best_run(era.stretches, lenient, plan)
    days = sure.days if sure is not None else 0
    if era.aim == "labelled" or (era.aim == "other" and not era.reaches(lenient)):
        return EXCLUDED, possible, days
    need, least = plan.definition.min_days_at_dose, plan.definition.borderline_days
    longest = possible.days if possible is not None else 0
    scattered = sum(last - first + 1 for first, last, dose in era.stretches if dose >= lenient)
    if days >= need:
        return (ADEQUATE if era.aim == "depression" else BORDERLINE), sure, days
    if not scattered:
        return INADEQUATE, None, days
    if today - era.end <= plan.rules.in_progress_days and longest < need:
        return IN_PROGRESS, possible, days
    return (BORDERLINE if max(longest, scattered) >= least else INADEQUATE), possible, days
