"""One whole simulated life: the person, the episodes placed on the calendar, other illnesses, what was taken."""

from __future__ import annotations

from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.illness import Illness
from cds_hooks.cohort.life import Course, Life
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.supply import supply


def live(plan: Plan, seed: int, number: int) -> Life:
    """The life of patient `number` under `seed`: the same on every machine, whatever the record leaves out."""
    draw, n = Draw(seed, number, "life"), plan.number
    adult = not draw.chance(n["minor-share"])
    ages = ("age-min-years", "age-max-years") if adult else ("minor-age-min-years", "minor-age-max-years")
    life = Life(
        number=number,
        age=draw.between(n[ages[0]], n[ages[1]]),
        sex="female" if draw.chance(n["female-share"]) else "male",
        instrument=draw.pick([(name, share) for name, (share, _) in plan.instruments.items()]),
        adherent=not draw.chance(n["partial-adherence-share"]),
    )
    illness = Illness(life, plan, draw)
    start = 0
    for last in _spells(plan, draw):
        day = illness.episode(start, must_end=not last)
        if not last:
            start = day + draw.between(n["well-min-days"], n["well-max-days"])
    _place(life, draw.between(n["last-episode-min-days"], n["last-episode-max-days"]) + start)
    _other_illnesses(life, plan, draw)
    taken = Draw(seed, number, "supply")
    for course in life.courses:
        supply(course, plan, taken, adherent=life.adherent)
    return life


def _spells(plan: Plan, draw: Draw) -> list[bool]:
    """Whether each episode is the last."""
    more = draw.chance(plan.number["second-episode-share"])
    most = more and draw.chance(plan.number["third-episode-share"])
    return [False] * (more + most) + [True]


def _place(life: Life, shift: int) -> None:
    """Move the life so that its last episode began as long before day 0 as drawn; what lies later never happens."""
    for spell in life.spells:
        spell.start -= shift
        spell.end = None if spell.end is None or spell.end - shift > 0 else spell.end - shift
    life.curve = [(day - shift, severity) for day, severity in life.curve]
    life.visits = sorted({day - shift for day in life.visits if day - shift <= 0})
    life.sessions = [(day - shift, kind) for day, kind in life.sessions if day - shift <= 0]
    for course in life.courses:
        course.start -= shift
        course.doses = [(since - shift, dose) for since, dose in course.doses if since - shift <= 0]
        stop = None if course.stop is None else course.stop - shift
        course.stop, course.ending = (None, "") if stop is None or stop > 0 else (stop, course.ending)
    life.courses = [course for course in life.courses if course.start <= 0]


def _other_illnesses(life: Life, plan: Plan, draw: Draw) -> None:
    """Diagnoses beside the depression, and drugs taken for something else."""
    n, first = plan.number, life.spells[0].start
    for diagnosis in plan.file.diagnoses:
        if draw.chance(diagnosis.share.on(plan.end).amount) and plan.befalls(diagnosis, life.age, life.sex):
            life.diagnoses.append((draw.between(first, 0), diagnosis))
    for use in plan.file.other_uses:
        if not draw.chance(use.share.on(plan.end).amount):
            continue
        start = draw.between(first, -1)
        stop = start + draw.between(n["other-use-min-days"], n["other-use-max-days"])
        past = stop <= 0
        if any(course.drug == use.drug for course in life.courses):
            continue  # nobody takes one drug twice
        drug = use.drug or plan.knowledge.products.rxnorm[use.product.code].ingredients[0] if use.product else use.drug
        life.courses.append(
            Course(
                drug=drug,
                release=use.release,
                use="other",
                start=start,
                doses=[(start, use.dose.on(plan.end).amount)],
                stop=stop if past else None,
                ending="completed" if past else "",
                other=use,
            )
        )
