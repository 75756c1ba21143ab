"""What of a course is filled and taken: refills on time, early or late, and tablets that last until the next fill."""

from __future__ import annotations

from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.life import Course, Fill
from cds_hooks.cohort.plan import Plan


def supply(course: Course, plan: Plan, draw: Draw, *, adherent: bool) -> None:
    """Lay out the fills of `course` up to day 0 and the days on which it is taken."""
    if not course.filled:
        return
    n = plan.number
    gap_share = n["gap-share-adherent" if adherent else "gap-share-partial"]
    stop = course.stop if course.stop is not None else 1
    long = draw.chance(n["long-supply-share"])
    for place, (since, dose) in enumerate(course.doses):
        until = min(course.doses[place + 1][0] if place + 1 < len(course.doses) else stop, stop, 1)
        length = int(n["long-supply-days" if long and place + 1 == len(course.doses) else "supply-days"])
        day = lasts = since
        while day < until:
            course.fills.append(Fill(day, length, dose))
            first = max(day, lasts)
            lasts = first + length
            _take(course, first, min(lasts, until) - 1)
            if draw.chance(gap_share):
                day = lasts + draw.between(n["gap-min-days"], n["gap-max-days"])
            elif draw.chance(n["early-refill-share"]):
                day = lasts - draw.between(1, n["early-refill-max-days"])
            else:
                day = lasts


def supplied(course: Course, ordered: int) -> tuple[int, int]:
    """First and last day that the fills of a course may last, nothing of them lost.

    What was never filled may seem to last for the `ordered` days of its first fill.
    """
    if not course.fills:
        return course.start, course.start + ordered - 1
    lasts = course.fills[0].day
    for fill in course.fills:
        lasts = max(fill.day, lasts) + fill.days
    return course.fills[0].day, lasts - 1


def _take(course: Course, first: int, last: int) -> None:
    if last < first:
        return
    if course.taken and course.taken[-1][1] + 1 >= first:
        course.taken[-1] = (course.taken[-1][0], last)
    else:
        course.taken.append((first, last))
