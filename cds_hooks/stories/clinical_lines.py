"""Lines about scores, measurements, problems, procedures and allergies.

* ``phq9 18 on day 0``; ``phq9 items 7 of 9 summing to 12 on day 176 as questionnaire``;
  ``phq9 item 9 value 2 on day 176``; ``phq9 panel 16 on day 60`` (a number where the whole panel belongs)
* ``loinc CODE 9.8 m[IU]/L on day 150``
* ``CODE active, onset day 0``; ``CODE provisional, recorded day 150``, where CODE alone is one of ICD-10-CM;
  ``"bipolar disorder?", recorded day 3``
* ``ect 8 sessions from day 20 every 2 days, bilateral``; ``ect on day 20``; ``rtms on day 20, for icd10cm F42.2``;
  ``rtms series of 20 sessions from day 20 to day 48`` (one record; without ``of`` it does not say how many)
* ``snomed CODE "No known allergy", recorded day 0``
"""

from __future__ import annotations

import re
from typing import Any

from cds_hooks.fhir_writer import (
    Resource,
    allergy,
    concept,
    condition,
    observation,
    procedure,
    quantity,
    questionnaire_response,
)
from cds_hooks.stories.sentences import (
    DAY,
    NUMBER,
    Scene,
    UnreadableLineError,
    clauses,
    concept_of,
    day_numbers,
    one_of,
)
from mappings.schema import Code, Instrument

SCORES = (
    "SCALE N on day N; SCALE item N value N on day N; SCALE panel N on day N; "
    "SCALE items N of N summing to N on day N as questionnaire | as observations; each with [status STATUS]"
)
MEASUREMENTS = "SYSTEM CODE N UNIT on day N"
CLINICAL = ("active", "recurrence", "relapse", "inactive", "remission", "resolved")
VERIFICATION = ("confirmed", "provisional", "differential", "unconfirmed", "refuted", "entered-in-error")
CONDITIONS = (
    'CODE | SYSTEM CODE | "TEXT", then any of: '
    f"{', '.join((*CLINICAL, *VERIFICATION))}, onset day N, recorded day N, abated day N"
)
PROCEDURES = (
    "KIND on day N; KIND N sessions from day N every N days; KIND series [of N sessions] from day N to day N; "
    "each with [status STATUS] [TRAIT] [for CODE], TRAIT as the kind has it"
)
ALLERGIES = 'SYSTEM CODE ["DISPLAY"] | "TEXT", with [recorded day N]'

_SCORE = re.compile(rf"(?P<scale>\S+)(?P<panel> panel)? (?P<value>\d+) on (?P<day>{DAY})")
_ITEM = re.compile(rf"(?P<scale>\S+) item (?P<item>\d+) value (?P<value>\d+) on (?P<day>{DAY})")
_ITEMS = re.compile(
    rf"(?P<scale>\S+) items (?P<answered>\d+) of (?P<all>\d+) summing to (?P<sum>\d+) on (?P<day>{DAY})"
    r" as (?P<form>questionnaire|observations)"
)
_MEASUREMENT = re.compile(rf"(?P<what>[a-z0-9-]+ [0-9A-Z-]+) (?P<value>{NUMBER}) (?P<unit>\S+) on (?P<day>{DAY})")
_ICD = re.compile(r'(?P<code>[A-Z]\d[0-9A-Z](?:\.[0-9A-Z]+)?)(?: "(?P<display>[^"]+)")?')
_WHEN = re.compile(rf"(?P<what>onset|recorded|abated) (?P<day>{DAY})")
_PROCEDURE = re.compile(
    rf"(?P<kind>\S+)"
    rf"(?: (?P<count>\d+) sessions from (?P<first>{DAY}) every (?P<step>\d+) days"
    rf"| series(?: of (?P<stated>\d+) sessions)? from (?P<from>{DAY}) to (?P<to>{DAY})| on (?P<day>{DAY}))"
)
_STATUS = re.compile(r"status (?P<status>[a-z-]+)")


def write_score(line: object, scene: Scene) -> list[Resource]:
    """The observations or the questionnaire response of one score line."""
    text, status = _with_status(line, SCORES)
    found = _ITEMS.fullmatch(text) or _ITEM.fullmatch(text) or _SCORE.fullmatch(text)
    instrument = _instrument(scene, found["scale"]) if found else None
    if found is None or instrument is None:
        raise UnreadableLineError(line, text, f"{SCORES}; SCALE is {', '.join(scene.knowledge.instruments)}")
    day = day_numbers(found["day"])[0]
    parts = found.groupdict()
    if "form" in parts:
        values = _spread(line, instrument, {name: int(parts[name]) for name in ("answered", "all", "sum")})
        if parts["form"] == "questionnaire":
            return [_response(scene, instrument, values, day, status)]
        return [
            _score(scene, item.codes[0], value, day, status)
            for item, value in zip(instrument.items, values, strict=False)
        ]
    if "item" in parts:
        code = next((item.codes[0] for item in instrument.items if item.number == int(parts["item"])), None)
    else:
        code = next(iter(instrument.panel_codes if parts["panel"] else instrument.total_codes), None)
    if code is None:
        raise UnreadableLineError(line, text, f"an item, panel or total that {instrument.label} has a code for")
    return [_score(scene, code, int(parts["value"]), day, status)]


def write_measurement(line: object, scene: Scene) -> list[Resource]:
    """One laboratory or vital-sign observation; UNIT is UCUM."""
    text, status = _with_status(line, MEASUREMENTS)
    found = _MEASUREMENT.fullmatch(text)
    code = concept_of(scene, found["what"]) if found else None
    if found is None or code is None:
        raise UnreadableLineError(line, text, MEASUREMENTS)
    return [
        observation(
            id_=scene.new_id("observation"),
            patient_id=scene.patient_id,
            code=code,
            day=scene.day(day_numbers(found["day"])[0]),
            value=quantity(float(found["value"]), found["unit"], ucum=found["unit"]),
            category="laboratory",
            status=status or "final",
        )
    ]


def write_condition(line: object, scene: Scene) -> list[Resource]:
    """One problem; without a word for it, it is active and confirmed."""
    what, *rest = clauses(line)
    words: list[str] = []
    if found := re.fullmatch(rf"(?P<what>.+?)(?P<words>(?: {one_of((*CLINICAL, *VERIFICATION))})+)", what):
        what, words = found["what"], found["words"].split()
    code = concept_of(scene, what)
    if icd := _ICD.fullmatch(what):
        code = concept(scene.coded("icd10cm", icd["code"], icd["display"] or ""), text=icd["display"] or "")
    if code is None:
        raise UnreadableLineError(line, what, CONDITIONS)
    said: dict[str, Any] = {"clinical": "active", "verification": "confirmed"}
    for part in (*words, *rest):
        if part in CLINICAL:
            said["clinical"] = part
        elif part in VERIFICATION:
            said["verification"] = part
        elif when := _WHEN.fullmatch(part):
            said[when["what"]] = scene.day(day_numbers(when["day"])[0])
        else:
            raise UnreadableLineError(line, part, CONDITIONS)
    return [condition(id_=scene.new_id("condition"), patient_id=scene.patient_id, code=code, **said)]


def write_procedure(line: object, scene: Scene) -> list[Resource]:
    """One resource for each session, or one for a series; a kind without a public code is named in words."""
    text, *rest = clauses(line)
    found = _PROCEDURE.fullmatch(text)
    kinds = {kind.id: kind for kind in scene.knowledge.procedures.kinds}
    if found is None or found["kind"] not in kinds:
        raise UnreadableLineError(line, text, f"{PROCEDURES}; KIND is {', '.join(kinds)}")
    kind = kinds[found["kind"]]
    traits = {trait.id: trait.words[0] for trait in kind.traits}
    name, status, reason = kind.label, "completed", None
    for part in rest:
        said = _STATUS.fullmatch(part)
        about = concept_of(scene, part.removeprefix("for ")) if part.startswith("for ") else None
        if said is not None:
            status = said["status"]
        elif about is not None:
            reason = about
        elif part in traits:
            name = f"{traits[part]} {name}"
        else:
            raise UnreadableLineError(line, part, f"{PROCEDURES}; TRAIT is {', '.join(traits)}")
    coded = [scene.coded(sets.system, sets.exact[0]) for sets in kind.code_sets if sets.exact][:1]
    first = day_numbers(found["first"] or found["from"] or found["day"])[0]
    stated = (scene.knowledge.procedures.count_extensions[0], int(found["stated"])) if found["stated"] else None
    return [
        procedure(
            id_=scene.new_id("procedure"),
            patient_id=scene.patient_id,
            code=concept(*coded, text=name),
            day=scene.day(first + number * int(found["step"] or 1)),
            until=scene.day(day_numbers(found["to"])[0]) if found["to"] else None,
            sessions=stated,
            reason=reason,
            status=status,
        )
        for number in range(int(found["count"] or 1))
    ]


def write_allergy(line: object, scene: Scene) -> list[Resource]:
    """One allergy, or the statement that there is none."""
    what, *rest = clauses(line)
    code = concept_of(scene, what)
    when = _WHEN.fullmatch(rest[0]) if rest else None
    if code is None or len(rest) > 1 or (rest and (when is None or when["what"] != "recorded")):
        raise UnreadableLineError(line, what, ALLERGIES)
    recorded = scene.day(day_numbers(when["day"])[0]) if when else None
    return [allergy(id_=scene.new_id("allergy"), patient_id=scene.patient_id, code=code, recorded=recorded)]


def _with_status(line: object, accepted: str) -> tuple[str, str]:
    text, *rest = clauses(line)
    status = _STATUS.fullmatch(rest[0]) if len(rest) == 1 else None
    if rest and status is None:
        raise UnreadableLineError(line, rest[0], accepted)
    return text, status["status"] if status else ""


def _instrument(scene: Scene, name: str) -> Instrument | None:
    plain = name.replace("-", "").lower()
    return next((i for i in scene.knowledge.instruments.values() if i.id.replace("-", "") == plain), None)


def _score(scene: Scene, code: Code, value: int, day: int, status: str) -> Resource:
    return observation(
        id_=scene.new_id("score"),
        patient_id=scene.patient_id,
        code=concept(scene.coded(code.system, code.code)),
        day=scene.day(day),
        value=value,
        status=status or "final",
    )


def _spread(line: object, instrument: Instrument, said: dict[str, int]) -> list[int]:
    """Answers as even as possible that add up to the sum; the unanswered items are the last ones."""
    answered, total = said["answered"], said["sum"]
    possible = 0 < answered <= said["all"] == len(instrument.items)
    if not possible or total > answered * instrument.item_maximum:
        raise UnreadableLineError(line, str(line), f"as many items as {instrument.label} has, and a sum they can reach")
    each, over = divmod(total, answered)
    return [each + 1] * over + [each] * (answered - over)


def _response(scene: Scene, instrument: Instrument, values: list[int], day: int, status: str) -> Resource:
    """Link ids are the item codes behind a slash, as the published form of the scale has them."""
    by_value = {value: code for code, value in instrument.answers.items()}
    padded = [*values, *([None] * (len(instrument.items) - len(values)))]
    return questionnaire_response(
        id_=scene.new_id("response"),
        patient_id=scene.patient_id,
        authored=scene.day(day),
        answers={
            f"/{item.codes[0].code}": None if value is None else scene.coded(item.codes[0].system, by_value[value])
            for item, value in zip(instrument.items, padded, strict=True)
        },
        status=status or "completed",
    )
