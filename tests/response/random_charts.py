"""What is on record of a random patient: a random course of trials, a told vignette, a case of the gallery, a life.

Nothing here is a generator of its own where one exists: whole histories come from the vignettes, from the gallery of
cards and from the lives of the synthetic cohort, the situations beside them (gates, washouts, allergies, pregnancy,
drug levels) from the cases of the safety rules, moved to the day of judgement. What is new is a random course of trials
with its scores.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from random import Random
from typing import Any

from cds_hooks.cohort.living import live
from cds_hooks.cohort.plan import Plan
from cds_hooks.cohort.record import record_of
from cds_hooks.fhir_writer import Resource
from cds_hooks.gallery.cases import gallery_cases
from cds_hooks.stories.medication_lines import read_order
from cds_hooks.stories.notation import SECTIONS, write_story
from cds_hooks.stories.sentences import Scene, UnreadableLineError
from mappings.load import Knowledge, load
from tests.safety_cases.cases import AS_OF, DAY_0, MAN, cases
from tests.test_vignettes import CONVENTIONS
from tests.vignettes.table import files

PATIENT = "p"
KNOWLEDGE = load()
STARTS = date(2024, 3, 4)  # day 0 of a told chart
Story = dict[str, Any]
_DAY = re.compile(r"\bday (-?\d+)")
_SCORED = re.compile(r"^phq9 (\d+)(?= on day)")
_JUDGED_ON = (AS_OF - DAY_0).days
_COMMON = ("sertraline", "escitalopram", "citalopram", "fluoxetine", "paroxetine", "venlafaxine", "duloxetine",
           "bupropion xl", "mirtazapine", "trazodone", "amitriptyline", "nortriptyline", "vortioxetine")  # fmt: skip
_ADDED = ("aripiprazole", "quetiapine", "lithium", "olanzapine", "brexpiprazole", "risperidone", "buspirone")
_DOSES = (2, 5, 7.5, 10, 15, 20, 25, 30, 37.5, 40, 45, 50, 60, 75, 100, 112.5, 150, 200, 225, 300, 450, 600, 900)
_LENGTHS = (7, 14, 21, 28, 35, 41, 42, 43, 56, 56, 70, 70, 84, 120, 180)
_GAPS = (0, 0, 0, 0, 1, 7, 14, 30, 60, 120)
_STOPS = ("because code sintol", 'because "side effects"', 'because "no benefit"', "because code altchoice",
          'because "lost the | bottle"', "")  # fmt: skip
_FORMS = ("observations", "panel", "components", "questionnaire")
_SCALES = ("shaps-likert 41", "shaps-likert 20", "gad7 4", "gad7 17", "isi 6", "isi 24", "pdq5 4", "pdq5 17",
           "dsst-z -1.9")  # fmt: skip
_LABS = ("hs-CRP 0.7 mg/L", "hs-CRP 6.5 mg/L", "hs-CRP 14 mg/L", "TSH 9.8 mIU/L", "ferritin 9 ug/L")
_DANGERS = (["cssrs-screener item 5 yes"], ["cssrs-screener item 3 yes"], ["cssrs-screener item 1 yes"],
            ["cssrs-screener item 7 yes"], ["phq9 item 9 value 3"])  # fmt: skip
_CONDITIONS = ("F33.1 active confirmed, onset day 0",) * 6 + (
    "F33.2 active confirmed, onset day 0", "F33.3 active confirmed, onset day 0", "F32.9 active, recorded day 0",
    "F31.81 active confirmed, onset day 0", "F33.42 remission confirmed, onset day 0",
    "F33.1 provisional, recorded day 0", "F06.1 active confirmed, onset day 0")  # fmt: skip
_ILLS = ("F03.90 active confirmed, recorded day 10", "F10.20 active, recorded day 10", "G47.33 active, recorded day 10",
         "I10 active, recorded day 0", "F31.9 active confirmed, recorded day 20", "F06.1 active, recorded day 20",
         "F20.9 active confirmed, recorded day 20", '"bipolar disorder?", recorded day 3')  # fmt: skip
_COURSES = ("ect 8 sessions from day {day} every 2 days", "ect on day {day}",
            "rtms 30 sessions from day {day} every 1 days",
            "rtms series of 20 sessions from day {day} to day {later}")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One random chart: `resources` with the patient `patient_id`, judged on `as_of`; `drugs` are those told of.

    `takes` and `procedure` are what a case of the gallery drafts; `here`: its caller wrote the observations.
    """

    source: str
    patient_id: str
    as_of: date
    resources: tuple[Resource, ...]
    drugs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    procedure: str = ""
    unread: tuple[str, ...] = ()
    here: bool = False


def random_chart(draw: Random, number: int, knowledge: Knowledge = KNOWLEDGE) -> Chart:
    """The chart of patient `number`; the same `draw` gives the same chart."""
    source = draw.choices(("told", "vignette", "cohort"), (60, 25, 15))[0]
    if source == "cohort":
        return _lived(draw, number, knowledge)
    story = _told(draw) if source == "told" else _vignette(draw)
    for _ in range(draw.choices((0, 1, 2, 3), (55, 30, 10, 5))[0]):
        _add(story, _moved(draw.choice(_situations()), story["as_of"] - _JUDGED_ON))
    return _written(story, source, knowledge)


def shown_chart(draw: Random | None, number: int, knowledge: Knowledge = KNOWLEDGE) -> Chart:
    """The history of a case of the gallery, the cases in turn; with `draw` days and scores vary a little."""
    told = gallery_cases()
    case = told.cases[number % len(told.cases)]
    history = case.story(told.histories).items()
    story: Story = {key: [*said] if isinstance(said, list | tuple) else said for key, said in history}
    if draw is not None:
        _jitter(story, draw)
    chart = _written(story, "gallery", knowledge)
    return replace(
        chart,
        takes=case.takes,
        procedure=case.procedure or "",
        unread=tuple(case.unread),
        here=case.recorded_by_caller,
        resources=tuple(one for one in chart.resources if one["resourceType"] not in case.unread),
    )


def _jitter(story: Story, draw: Random) -> None:
    story["as_of"] += draw.choice((0, 0, 0, 0, 1, 2, 5))
    scores = story.get("scores", [])
    story["scores"] = [_SCORED.sub(lambda found: f"phq9 {_about(draw, int(found[1]))}", one) for one in scores]
    if draw.random() < 0.15:
        _add(story, _moved(draw.choice(_situations()), story["as_of"] - _JUDGED_ON))


def _about(draw: Random, score: int) -> int:
    return max(0, score + draw.choice((-1, 0, 0, 0, 1)))


def gallery_size() -> int:
    """How many cases the gallery has."""
    return len(gallery_cases().cases)


def _written(story: Story, source: str, knowledge: Knowledge) -> Chart:
    drugs = tuple(dict.fromkeys(line.split(" ")[0] for line in story.get("medications", []) if isinstance(line, str)))
    resources = write_story(story, day_zero=STARTS, patient_id=PATIENT, knowledge=knowledge)
    return Chart(
        source=source,
        patient_id=PATIENT,
        as_of=STARTS + timedelta(days=story["as_of"]),
        resources=tuple(resources),
        drugs=tuple(one for one in drugs if one in knowledge.drugs),
    )


@cache
def doses(name: str) -> tuple[float, ...]:
    """The doses in mg for which the pharmacist of the stories has a product under this name, lowest first."""
    scene = Scene(PATIENT, STARTS, KNOWLEDGE)
    kept = []
    for dose in _DOSES:
        try:
            read_order(f"{name} {dose:g} mg daily", scene)
        except UnreadableLineError:
            continue
        kept.append(float(dose))
    return tuple(kept)


@cache
def orderable() -> tuple[str, ...]:
    """Every drug of the knowledge that a story can prescribe by name."""
    return tuple(one for one in sorted(KNOWLEDGE.drugs) if doses(one))


def spoken(draw: Random, drug: str) -> str:
    """The drug with a random dose: ``sertraline 50 mg daily``."""
    return f"{drug} {draw.choice(doses(drug)):g} mg {draw.choice(('daily', 'daily', 'twice daily', 'at night'))}"


def _told(draw: Random) -> Story:
    """A random course of trials, most of them long enough and without response, and what was measured of it."""
    medications: list[str] = []
    scores: list[str] = []
    day, severity = draw.randint(0, 20), float(draw.randint(14, 25))
    measured = draw.choices((0.0, 0.5, 1.0), (20, 20, 60))[0]
    scale, points = draw.choices((("phq9", 1.0), ("madrs", 1.7), ("qids-sr16", 0.8)), (80, 12, 8))[0]
    answer = draw.choices((1.0, 0.8, 0.4, 0.15), (50, 30, 10, 10))
    for _ in range(draw.choices(range(10), (3, 12, 34, 18, 10, 8, 6, 4, 3, 2))[0]):
        drug, length = draw.choice(_COMMON if draw.random() < 0.85 else orderable()), draw.choice(_LENGTHS)
        if draw.random() < measured:
            scores.append(f"{scale} {round(severity * points)} on day {day}")
        medications.append(_trial(draw, drug, day, length))
        if draw.random() < 0.15:
            medications.append(_trial(draw, draw.choice(_ADDED), day + length // 2, max(length // 2, 7)))
        severity = max(2.0, min(26.0, severity * draw.choice((1.05, 1.0, 0.9, 0.75, *answer))))
        day += length
        if draw.random() < measured:
            scores.append(f"{scale} {round(severity * points)} on day {day - 1}")
        day += draw.choice(_GAPS)
    if draw.random() < 0.15:
        scores += [f"phq9 {draw.choice((0, 2, 4))} on day {day + later}" for later in draw.choice(((0,), (0, 20)))]
    story: Story = {
        "patient": {"age": draw.choice((16, 18, 25, 41, 41, 58, 67, 76)), "sex": draw.choice(("male", "female"))},
        "as_of": day + draw.choice((0, 1, 5, 14, 30, 60, 200)),
        "conditions": [draw.choice(_CONDITIONS)],
        "medications": medications,
        "scores": list(dict.fromkeys(scores)),
    }
    _measured(story, draw)
    if draw.random() < 0.2:
        story["conditions"].append(draw.choice(_ILLS))
    if draw.random() < 0.1:
        start = max(0, story["as_of"] - draw.randint(25, 80))
        story["procedures"] = [draw.choice(_COURSES).format(day=start, later=start + 25)]
    return story


def _trial(draw: Random, drug: str, day: int, length: int) -> str:
    known = doses(drug)
    dose = draw.choice(known[len(known) // 2 :] if draw.random() < 0.7 else known)
    fills = f"{length // 14}x14" if length % 14 == 0 and length > 14 and draw.random() < 0.3 else f"{length}"
    supply = draw.choices(
        (
            f"dispensed {fills} on day {day}",
            f"ordered on day {day}, lasting {length} days, status active",
            f"reported from day {day} to day {day + length}",
            f"administered from day {day} to day {day + min(length, 10)}",
        ),
        (75, 10, 10, 5),
    )[0]
    line = f"{drug} {dose:g} mg daily, {supply}"
    if supply.startswith("dispensed") and draw.random() < 0.25:
        line += f", stopped on day {day + draw.randint(1, length)} {draw.choice(_STOPS)}".rstrip()
    elif supply.startswith("dispensed") and draw.random() < 0.1:
        line += draw.choice((', for "migraine"', ', for "depression"', ", without days supply"))
    return line


def _measured(story: Story, draw: Random) -> None:
    """Items of the PHQ-9, scales of the domains, laboratory values, screens for danger."""
    near = story["as_of"] - draw.choice((0, 2, 5, 12, 40))
    if draw.random() < 0.6:
        items = "/".join(str(draw.choice((0, 1, 2, 3, 3))) for _ in range(8)) + draw.choice(("/0", "/0", "/1", "/3"))
        story["answers"] = [f"phq9 {items} on day {near} as {draw.choice(_FORMS)}"]
    if draw.random() < 0.6:
        known = draw.sample([one for one in _SCALES if one.split()[0] in KNOWLEDGE.clinical.measures], k=4)
        scales = {one.split()[0]: one for one in known}
        story["scales"] = [f"{one} on day {near}" for one in scales.values()]
    if draw.random() < 0.3:
        story["labs"] = [f"{draw.choice(_LABS)} on day {near}"]
    if draw.random() < 0.15:
        story.setdefault("answers", []).extend(f"{one} on day {near}" for one in draw.choice(_DANGERS))


@cache
def _vignettes() -> tuple[Story, ...]:
    """Every vignette as a story, with what its file and the conventions leave unsaid."""
    told = []
    for _, file in files():
        usual = {key: said for key, said in file.get("usual", {}).items() if key in (*SECTIONS, "as_of", "patient")}
        for case in file["vignettes"]:
            story: Story = {key: case[key] for key in ("as_of", *SECTIONS) if key in case}
            for key, said in usual.items():
                story[key] = [*said, *case.get(key, [])] if isinstance(said, list) else case.get(key, said)
            story["patient"] = {**CONVENTIONS["patient"], **case.get("patient", {})}
            story.setdefault("conditions", CONVENTIONS["conditions"])
            told.append(story)
    return tuple(told)


def _vignette(draw: Random) -> Story:
    told = draw.choice(_vignettes()).items()
    story: Story = {key: [*said] if isinstance(said, list) else said for key, said in told}
    story["as_of"] = max(0, story["as_of"] + draw.choice((0, 0, 0, -30, -7, 7, 30)))
    return story


@cache
def _situations() -> tuple[Story, ...]:
    """What the cases of the safety rules have on record, where it stands beside any history."""
    told = []
    for case in cases():
        story: Story = {key: case.said[key] for key in SECTIONS if key in case.said}
        patient = case.said.get("patient", MAN)
        told.append({**story, "patient": patient} if patient != MAN else story)
    return tuple(one for one in told if one)


def _moved(story: Story, days: int) -> Story:
    """The same situation, so many days later."""

    def later(line: Any) -> Any:
        return _DAY.sub(lambda found: f"day {int(found[1]) + days}", line) if isinstance(line, str) else line

    return {key: [later(one) for one in said] if isinstance(said, list) else said for key, said in story.items()}


def _add(story: Story, situation: Mapping[str, Any]) -> None:
    for section, said in situation.items():
        story[section] = {**story["patient"], **said} if section == "patient" else [*story.get(section, []), *said]


@cache
def _plan() -> tuple[Plan, tuple[str, ...]]:
    plan = Plan(KNOWLEDGE)
    return plan, tuple(sorted(plan.file.profiles))


def _lived(draw: Random, number: int, knowledge: Knowledge) -> Chart:
    """A simulated life of the cohort, under a profile of what its record leaves out."""
    plan, profiles = _plan()
    seed = draw.randint(0, 1_000_000)
    life = live(plan, seed, number)
    resources = tuple(record_of(life, plan, seed=seed, hidden=plan.hidden(draw.choice(profiles))))
    drugs = tuple(dict.fromkeys(course.drug for course in life.courses if course.drug in knowledge.drugs))
    return Chart(source="cohort", patient_id=resources[0]["id"], as_of=plan.end, resources=resources, drugs=drugs)
