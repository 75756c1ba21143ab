"""Lines about answers to single items, totals of scales other than those of outcome, and vital signs.

* answers: ``phq9 3/2/1/2/1/2/2/0/- on day 195 as observations`` (or ``as panel``, ``as components``,
  ``as questionnaire``): every item in order, ``-`` where it was not answered; ``madrs-items item 8 value 5 on day 3``;
  ``cssrs-screener item 5 yes on day 200``
* scales: ``shaps-likert 40 on day 195``; ``dsst-z -1.8 on day 160``; ``cssrs-screener high on day 200``
* vitals: ``blood pressure 168/98 on day 198`` (one observation with two components); ``bmi 34 kg/m2 on day 140``

each with ``status STATUS``. The form of a sheet changes how the answers travel, never what they say: a panel carries
coded answers in observations of their own, a questionnaire response coded answers by link id.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cds_hooks.fhir_writer import (
    Element,
    Resource,
    component,
    concept,
    observation,
    panel,
    quantity,
    questionnaire_response,
    value_of,
)
from cds_hooks.stories.sentences import DAY, NUMBER, Scene, UnreadableLineError, clauses, day_numbers
from mappings.domain_schema import Measure
from mappings.schema import Code

FORMS = ("observations", "panel", "components", "questionnaire")
ANSWERS = (
    f"SCALE N/N/... on day N as {' | '.join(FORMS)} (- for no answer); SCALE item N value N on day N; "
    "SCALE item N WORD on day N; each with [status STATUS]"
)
SCALES = "SCALE N on day N; SCALE WORD on day N; each with [status STATUS]"
VITALS = "blood pressure N/N on day N; NAME N UNIT on day N; each with [status STATUS]"

_SHEET = re.compile(
    rf"(?P<scale>\S+) (?P<answers>(?:\d+|-)(?:/(?:\d+|-))+) on (?P<day>{DAY}) as (?P<form>{'|'.join(FORMS)})"
)
_ITEM = re.compile(rf"(?P<scale>\S+) item (?P<item>\d+) (?:value (?P<value>\d+)|(?P<word>[a-z]+)) on (?P<day>{DAY})")
_TOTAL = re.compile(rf"(?P<scale>\S+) (?:(?P<value>{NUMBER})|(?P<word>[a-z]+)) on (?P<day>{DAY})")
_PRESSURE = re.compile(rf"blood pressure (?P<systolic>\d+)/(?P<diastolic>\d+) on (?P<day>{DAY})")
_VITAL = re.compile(rf"(?P<name>\S+) (?P<value>{NUMBER}) (?P<unit>\S+) on (?P<day>{DAY})")
_STATUS = re.compile(r"status (?P<status>[a-z-]+)")
_NO_SCALE = ("laboratory", "vital")


@dataclass(frozen=True, slots=True)
class _Scale:
    """What can be written of one scale: its item codes by number, its panel code, its coded answers by score or
    word.
    """

    items: Mapping[int, Code]
    panel: Code | None
    answers: Mapping[str, Code]


def write_answers(line: object, scene: Scene) -> list[Resource]:
    """The observations, or the questionnaire response, of one sheet of answers or of a single one."""
    text, status = _with_status(line, ANSWERS)
    found = _SHEET.fullmatch(text) or _ITEM.fullmatch(text)
    scale = _scale(scene, found["scale"]) if found else None
    if found is None or scale is None:
        raise UnreadableLineError(line, text, f"{ANSWERS}; SCALE is one with items")
    said = found.groupdict()
    day = day_numbers(said["day"])[0]
    if "answers" not in said:
        code = scale.items.get(int(said["item"]))
        value = int(said["value"]) if said["value"] else _coded(scene, scale.answers.get(said["word"] or ""))
        if code is None or value is None:
            raise UnreadableLineError(line, text, f"an item of the scale and one of {', '.join(scale.answers)}")
        return [_observed(scene, code, value, day, status)]
    answers = [None if part == "-" else int(part) for part in said["answers"].split("/")]
    coded = {number: _coded(scene, scale.answers.get(str(number))) for number in answers if number is not None}
    form = said["form"]
    possible = len(answers) == len(scale.items) and (form == "observations" or scale.panel is not None)
    if not possible or (form in ("panel", "questionnaire") and None in coded.values()):
        raise UnreadableLineError(line, text, f"one answer for each of {len(scale.items)} items, in a form it has")
    given = [(code, value) for code, value in zip(scale.items.values(), answers, strict=True) if value is not None]
    if form == "questionnaire":
        return [_response(scene, scale, answers, coded, day, status)]
    if form == "observations" or scale.panel is None:
        return [_observed(scene, code, value, day, status) for code, value in given]
    if form == "components":
        parts = [component(_named(scene, code), value) for code, value in given]
        return [_panel(scene, scale.panel, day, status, components=parts)]
    members = [_observed(scene, code, coded[value] or value, day, status) for code, value in given]
    return [*members, _panel(scene, scale.panel, day, status, members=[member["id"] for member in members])]


def write_scale(line: object, scene: Scene) -> list[Resource]:
    """One total of a scale that is no scale of outcome, or its coded result."""
    text, status = _with_status(line, SCALES)
    found = _TOTAL.fullmatch(text)
    measure = scene.knowledge.clinical.measures.get(found["scale"]) if found else None
    if found is None or measure is None or measure.kind in _NO_SCALE or not measure.codes:
        known = [m.id for m in scene.knowledge.clinical.measures.values() if m.kind not in _NO_SCALE and m.codes]
        raise UnreadableLineError(line, text, f"{SCALES}; SCALE is {', '.join(known)}")
    if found["word"]:
        value: int | Element | None = _coded(scene, _answers(measure).get(found["word"]))
        if value is None:
            raise UnreadableLineError(line, text, f"one of {', '.join(_answers(measure))}")
    else:
        number = float(found["value"])
        value = int(number) if number.is_integer() else quantity(number, "{score}", ucum="{score}")
    return [_observed(scene, measure.codes[0], value or 0, day_numbers(found["day"])[0], status)]


def write_vital(line: object, scene: Scene) -> list[Resource]:
    """One vital sign; systolic and diastolic pressure are components of one observation."""
    text, status = _with_status(line, VITALS)
    measures = scene.knowledge.clinical.measures
    if found := _PRESSURE.fullmatch(text):
        parts = [
            component(_named(scene, measures[name].codes[0]), quantity(float(found[name]), "mm[Hg]", ucum="mm[Hg]"))
            for name in ("systolic", "diastolic")
        ]
        day = day_numbers(found["day"])[0]
        return [
            _panel(
                scene,
                measures["systolic"].panel_codes[0],
                day,
                status,
                components=parts,
                category="vital-signs",
                text="blood pressure",
            )
        ]
    found = _VITAL.fullmatch(text)
    measure = measures.get(found["name"]) if found else None
    if found is None or measure is None or measure.kind != "vital":
        known = ", ".join(m.id for m in measures.values() if m.kind == "vital")
        raise UnreadableLineError(line, text, f"{VITALS}; NAME is {known}")
    value = quantity(float(found["value"]), found["unit"], ucum=found["unit"])
    day = day_numbers(found["day"])[0]
    return [_observed(scene, measure.codes[0], value, day, status, category="vital-signs")]


def _with_status(line: object, accepted: str) -> tuple[str, str]:
    text, *rest = clauses(line)
    status = _STATUS.fullmatch(rest[0]) if len(rest) == 1 else None
    if rest and status is None:
        raise UnreadableLineError(line, rest[0], accepted)
    return text, status["status"] if status else "final"


def _scale(scene: Scene, name: str) -> _Scale | None:
    """The scale with items of that name: one of outcome (their items first), else a measure."""
    instrument = scene.knowledge.instruments.get(name)
    if instrument is not None and instrument.items:
        return _Scale(
            items={item.number: item.codes[0] for item in instrument.items},
            panel=next(iter(instrument.panel_codes), None),
            answers={
                f"{score:g}": Code(system=instrument.items[0].codes[0].system, code=code)
                for code, score in instrument.answers.items()
            },
        )
    measure = scene.knowledge.clinical.measures.get(name)
    if measure is None or not measure.items:
        return None
    return _Scale(
        items={item.number: item.codes[0] for item in measure.items},
        panel=next(iter(measure.panel_codes), None),
        answers=_answers(measure),
    )


def _answers(measure: Measure) -> dict[str, Code]:
    """Coded answers by their word, and by their score where they have one. Of codes that mean the same, the first."""
    found: dict[str, Code] = {}
    for answer in measure.answers:
        found.setdefault(answer.meaning, answer.code)
    for answer in measure.answers:
        if answer.score is not None:
            found.setdefault(f"{list(answer.score.values.values())[-1].amount:g}", answer.code)
    return found


def _named(scene: Scene, code: Code, text: str = "") -> Element:
    return concept(scene.coded(code.system, code.code), text=text)


def _coded(scene: Scene, code: Code | None) -> Element | None:
    return None if code is None else _named(scene, code)


def _observed(
    scene: Scene, code: Code, value: int | Element, day: int, status: str, category: str = "survey"
) -> Resource:
    alone = observation(
        id_=scene.new_id("measure"),
        patient_id=scene.patient_id,
        code=_named(scene, code),
        day=scene.day(day),
        category=category,
        status=status,
    )
    return alone | value_of(value)


def _panel(
    scene: Scene,
    code: Code,
    day: int,
    status: str,
    *,
    members: list[str] | None = None,
    components: list[Element] | None = None,
    category: str = "survey",
    text: str = "",
) -> Resource:
    return panel(
        id_=scene.new_id("panel"),
        patient_id=scene.patient_id,
        code=_named(scene, code, text),
        day=scene.day(day),
        members=members or (),
        components=components or (),
        category=category,
        status=status,
    )


def _response(
    scene: Scene,
    scale: _Scale,
    answers: list[int | None],
    coded: Mapping[int, Element | None],
    day: int,
    status: str,
) -> Resource:
    """Link ids are the item codes behind a slash, as the published form of a scale has them."""
    said: dict[str, Element | None] = {}
    for code, value in zip(scale.items.values(), answers, strict=True):
        chosen = None if value is None else coded[value]
        said[f"/{code.code}"] = None if chosen is None else chosen["coding"][0]
    return questionnaire_response(
        id_=scene.new_id("response"),
        patient_id=scene.patient_id,
        authored=scene.day(day),
        answers=said,
        status="completed" if status == "final" else status,
    )
