"""The course of illness: episodes, treatment steps, response. Chance decides, the parameters say how often."""

from __future__ import annotations

from cds_hooks.cohort.drawing import Draw
from cds_hooks.cohort.life import Course, Life, Spell
from cds_hooks.cohort.plan import Plan
from mappings.cohort_schema import Choice


class Illness:
    """The telling of one life: each method appends to `life`, days counting from the first episode."""

    def __init__(self, life: Life, plan: Plan, draw: Draw) -> None:
        self.life, self.plan, self.draw, self.n = life, plan, draw, plan.number
        self.tried: list[str] = []
        self.taking: list[Course] = []

    def episode(self, start: int, *, must_end: bool) -> int:
        """One episode from day `start`; the day after which the next may begin.

        An episode that need not end may last for as long as treatment steps can be found.
        """
        n, draw = self.n, self.draw
        spell = Spell(start)
        self.life.spells.append(spell)
        self.taking, self.tried = [], []
        severity = draw.around(n["severity-min-points"], n["severity-mode-points"], n["severity-max-points"])
        if self.life.curve:  # well until the day before
            self._turn(start - 1, self.life.curve[-1][1])
        self._turn(start, severity)
        day, step = start, 0
        for _ in range(int(n["steps-max"])):
            day, severity, result, counted = self._step(day, severity, step)
            step += counted
            if result == "remission":
                return self._recover(spell, day)
            if result != "waited" and draw.chance(n["drop-out-share"]):
                self._stop(day, "drop-out")
                break
        if not must_end:
            return day
        self._stop(day, "drop-out")
        well = day + draw.between(n["untreated-min-days"], n["untreated-max-days"])
        self._turn(day, severity)
        self._turn(well, draw.amid(0, n["remitted-max-points"]))
        spell.end = well
        return well

    def _recover(self, spell: Spell, day: int) -> int:
        """Remission reached on `day`: the drugs go on for a while and then stop."""
        spell.end = day
        until = day + self.draw.between(self.n["maintenance-min-days"], self.n["maintenance-max-days"])
        self._visits(day, until)
        self._stop(until, "recovery")
        return until

    def _step(self, day: int, severity: float, step: int) -> tuple[int, float, str, int]:
        """One treatment step: the day it ends, the severity then, its result, and whether it counts as a step."""
        n, draw = self.n, self.draw
        changed = self._change(day, step)
        if not changed:
            wait = draw.between(n["never-filled-wait-min-days"], n["never-filled-wait-max-days"])
            self._visits(day, day + wait)
            return day + wait, severity, "waited", 0
        if draw.chance(n["intolerance-share"]):
            end = day + draw.between(n["intolerance-min-days"], n["intolerance-max-days"])
            self._visits(day, end)
            self._end(self.taking[-1:], end, "intolerance")
            return end, severity, "intolerance", 1
        short = draw.chance(n["short-step-share"])
        kind = "short-step" if short else "long-step"
        end = day + draw.between(n[f"{kind}-min-days"], n[f"{kind}-max-days"])
        result = self._result(step, weak=short or not self._reaches_dose())
        target = self._target(severity, result)
        reached = min(end, day + int(n["improvement-days"]))
        self._turn(day, severity)
        self._turn(reached, target)
        if result == "response":
            end += draw.between(n["maintenance-min-days"], n["maintenance-max-days"])
            if draw.chance(n["relapse-share"]):
                self._turn(end - 1, target)
                target = severity
            else:
                result, reached, target = "remission", end, self._target(severity, "remission")
            self._turn(end, target)
        over = reached if result == "remission" else end
        self._visits(day, over)
        return over, target, result, 1

    def _result(self, step: int, *, weak: bool) -> str:
        """What a step brings; too short or too low a dose brings no remission and no response."""
        n, shares = self.n, self.plan.remission
        remission = 0.0 if weak else shares[min(step, len(shares) - 1)]
        response = 0.0 if weak else n["response-share"]
        rest = 1 - remission - response - n["partial-share"]
        weighted = [("remission", remission), ("response", response), ("partial", n["partial-share"]), ("none", rest)]
        return self.draw.pick(weighted)

    def _target(self, severity: float, result: str) -> float:
        if result == "remission":
            return self.draw.amid(0, self.n["remitted-max-points"])
        low, high = self.n[f"{result}-improvement-min-share"], self.n[f"{result}-improvement-max-share"]
        target = severity * (1 - self.draw.amid(low, high))
        return max(target, self.n["remitted-max-points"] + 1)

    def _reaches_dose(self) -> bool:
        return any(
            course.use == "antidepressant" and course.doses[-1][1] >= self.plan.adequate_dose(course.drug)
            for course in self.taking
        )

    def _change(self, day: int, step: int) -> bool:
        """What the prescriber does; False when the new drug is never filled."""
        n = self.n
        current = [course for course in self.taking if course.use == "antidepressant"]
        kinds = [("switch", 1.0)]
        if current:
            kinds = [(kind, n[f"{kind}-share"]) for kind in ("augmentation", "combination", "optimisation")]
            if step >= n["neuromodulation-from-step"]:
                kinds.append(("neuromodulation", n["neuromodulation-share"]))
            kinds.append(("switch", 1 - sum(share for _, share in kinds)))
        kind = self.draw.pick(kinds)
        if kind == "augmentation":
            self._start(self.plan.file.augmenters, day, "augmentation", later=True)
        elif kind == "neuromodulation":
            self._neuromodulation(day)
        elif kind == "optimisation" and self._raise(current[-1], day):
            pass
        elif self.draw.chance(n["never-filled-share"]):
            self._start(self.plan.file.antidepressants, day, "antidepressant", later=step > 0, filled=False)
            return False
        else:
            if kind != "combination":
                self._leave(day)
            self._start(self.plan.file.antidepressants, day, "antidepressant", later=step > 0)
        return True

    def _leave(self, day: int) -> None:
        taper = int(self.n["cross-taper-days"]) if self.draw.chance(self.n["cross-taper-share"]) else 0
        self._end(list(self.taking), day + taper, "inefficacy")

    def _raise(self, course: Course, day: int) -> bool:
        """One step up the ladder; False at its end."""
        choice = next(each for each in self.plan.file.antidepressants if each.drug == course.drug)
        higher = [dose for dose in self.plan.ladder(choice) if dose > course.doses[-1][1]]
        if not higher:
            return False
        course.doses.append((max(day, course.doses[-1][0] + 1), higher[0]))
        return True

    def _start(self, choices: tuple[Choice, ...], day: int, use: str, *, later: bool, filled: bool = True) -> None:
        weighted = self.plan.weights(choices, later=later)
        fresh = [(each, weight) for each, weight in weighted if each.drug not in self.tried] or weighted
        choice = self.draw.pick(fresh)
        course = Course(
            drug=choice.drug,
            release=choice.release,
            use=use,
            start=day,
            doses=self._titration(choice, day, use),
            filled=filled,
            episode=len(self.life.spells) - 1,
        )
        self.life.courses.append(course)
        if filled:
            self.tried.append(choice.drug)
            self.taking.append(course)
        else:
            course.stop, course.ending = day, "never-filled"

    def _titration(self, choice: Choice, day: int, use: str) -> list[tuple[int, float]]:
        """Up the ladder to the first adequate dose, or nowhere for some."""
        ladder = self.plan.ladder(choice)
        if self.draw.chance(self.n["underdosed-share"]):
            return [(day, ladder[0])]
        enough = [place for place, dose in enumerate(ladder) if dose >= self.plan.adequate_dose(choice.drug)]
        last = enough[0] if enough else len(ladder) - 1
        if use == "antidepressant" and last + 1 < len(ladder) and self.draw.chance(1 / 2):
            last += 1
        pace = int(self.n["titration-days"])
        return [(day + place * pace, dose) for place, dose in enumerate(ladder[: last + 1])]

    def _neuromodulation(self, day: int) -> None:
        kind = "ect" if self.draw.chance(self.n["ect-share"]) else "rtms"
        count = self.draw.between(self.n[f"{kind}-sessions-min"], self.n[f"{kind}-sessions-max"])
        pace = int(self.n[f"{kind}-every-days"])
        self.life.sessions += [(day + place * pace, kind) for place in range(count)]

    def _stop(self, day: int, why: str) -> None:
        self._end(list(self.taking), day, why)

    def _end(self, courses: list[Course], day: int, why: str) -> None:
        for course in courses:
            course.stop, course.ending = max(day, course.start + 1), why
            course.doses = [(since, dose) for since, dose in course.doses if since < course.stop]
            self.taking.remove(course)

    def _turn(self, day: int, severity: float) -> None:
        """A turning point of severity; one of the same day is replaced."""
        curve = self.life.curve
        while curve and curve[-1][0] >= day:
            curve.pop()
        curve.append((day, severity))

    def _visits(self, start: int, end: int) -> None:
        day = start
        while day < end:
            if not self.life.visits or day > self.life.visits[-1]:
                self.life.visits.append(day)
            day += self.draw.between(self.n["visit-min-days"], self.n["visit-max-days"])
        self.life.visits.append(end)
