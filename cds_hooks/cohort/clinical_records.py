"""The person, diagnoses, scores, procedures, visits and measurements of a life as a record has them."""

from __future__ import annotations

from datetime import date

from cds_hooks.cohort.life import Life
from cds_hooks.cohort.scribe import Scribe
from cds_hooks.fhir_writer import (
    Element,
    Resource,
    coding,
    concept,
    condition,
    encounter,
    observation,
    patient,
    procedure,
    quantity,
    questionnaire_response,
)
from mappings.cohort_schema import DepressionKind
from mappings.schema import Code, Instrument

_WITH_ITEMS = ("questionnaire", "items", "panel")
_MAIN_SCALE = "phq9"


def write_person(life: Life, scribe: Scribe) -> None:
    """The Patient, without a name."""
    scribe.resources.append(patient(id_=scribe.patient_id, birth=scribe.plan.birth_of(life), sex=life.sex))


def write_conditions(life: Life, scribe: Scribe) -> None:
    """Depression as the problem list has it, and every other diagnosis."""
    words = scribe.plan.file.depression
    vague = scribe.goes_wrong("unspecified-code", scribe.patient_id)
    kind: DepressionKind = "unspecified" if vague else "recurrent" if len(life.spells) > 1 else "single"
    closed = False
    for place, spell in enumerate(life.spells):
        coded, new = scribe.happens("remission-code"), scribe.happens("new-code")
        # Full remission is said of one that has lasted.
        lasted = None if spell.end is None else spell.end + scribe.plan.remission_days
        ended = lasted is not None and lasted <= (scribe.today if scribe.restores("end-entered") else 0)
        id_, later = scribe.new_id("condition"), scribe.new_id("condition")
        uncoded = scribe.lacking("remission-uncoded", id_, lacking=ended and not coded)
        hidden = scribe.hides("remission-code", id_, there=ended and not uncoded)
        said = place == 0 or closed or not scribe.lacking("episode-uncoded", id_, lacking=not new)
        onset, written, closed_on = scribe.day(spell.start), scribe.written(spell.start, id_), None
        remission = scribe.written(lasted if lasted is not None else 0, later)
        if not said:
            continue
        closed = ended and not uncoded and not hidden
        if closed and spell.end is not None:
            closed_on = scribe.day(spell.end)
        scribe.resources.append(
            condition(
                id_=id_,
                patient_id=scribe.patient_id,
                code=scribe.concept(words[kind]),
                clinical="resolved" if closed else "active",
                onset=onset,
                recorded=written,
                abated=closed_on,
            )
        )
        if closed:
            scribe.resources.append(
                condition(
                    id_=later,
                    patient_id=scribe.patient_id,
                    code=scribe.concept(words["remission"]),
                    clinical="remission",
                    recorded=remission,
                )
            )
    for day, diagnosis in life.diagnoses:
        id_ = scribe.new_id("condition")
        scribe.resources.append(
            condition(
                id_=id_,
                patient_id=scribe.patient_id,
                code=scribe.coded(diagnosis.code, diagnosis.text),
                verification=diagnosis.verification,
                recorded=scribe.written(day, id_),
            )
        )


def write_visits(life: Life, scribe: Scribe) -> None:
    """At each visit perhaps a score, and perhaps the visit itself."""
    noise = scribe.plan.number["score-noise-points"]
    for day in life.visits:
        off = scribe.draw.amid(-noise, noise)
        other, any_ = scribe.happens("other-instrument"), scribe.draw.one_of(sorted(scribe.plan.instruments))
        forms = [form for form in _WITH_ITEMS if scribe.happens(form)]
        partly, left_out = scribe.happens("unanswered"), scribe.draw.between(1, 2)
        visited, id_ = scribe.happens("encounter"), scribe.new_id("score")
        hidden = scribe.hides("score", id_)
        name = any_ if other else life.instrument
        if scribe.lacking("other-scale", id_, lacking=name != _MAIN_SCALE and not hidden):
            form = ""
        else:
            name = _MAIN_SCALE
            written = bool(forms) and not hidden
            form = forms[0] if scribe.lacking("score-form", id_, lacking=written) else ""
        if not scribe.lacking("score-noise", id_, lacking=not hidden):
            off = 0
        total = _points(life.severity(day) + off, name, scribe)
        scale, unanswered = scribe.plan.knowledge.instruments[name], left_out if partly else 0
        _score(scribe, scale, day, total, form, unanswered, id_, hidden=hidden)
        if visited:
            scribe.resources.append(
                encounter(id_=scribe.new_id("encounter"), patient_id=scribe.patient_id, day=scribe.day(day))
            )
    if scribe.restores("score-between-visits"):
        _write_every_day(life, scribe)


def _write_every_day(life: Life, scribe: Scribe) -> None:
    """What no record has: the exact score of every day of the last episode begun, and of the remission before it."""
    visits = set(life.visits)
    last = max((spell.start for spell in life.spells if spell.start <= scribe.today), default=life.spells[0].start)
    scale = scribe.plan.knowledge.instruments[_MAIN_SCALE]
    for day in range(last - 2 * scribe.plan.remission_days, scribe.today + 1):
        if day not in visits and day >= life.spells[0].start:
            total = _points(life.severity(day), _MAIN_SCALE, scribe)
            exact = _number(scribe, scale.total_codes[0], scribe.day(day), total, scribe.new_id("exact-score"))
            scribe.resources.append(exact)


def _points(severity: float, name: str, scribe: Scribe) -> int:
    instrument = scribe.plan.knowledge.instruments[name]
    return round(min(max(severity * scribe.plan.instruments[name][1], instrument.minimum), instrument.maximum))


def _score(
    scribe: Scribe, scale: Instrument, day: int, total: int, form: str, unanswered: int, id_: str, *, hidden: bool
) -> None:
    """A total; or the answers to the items, some perhaps missing; or a number on the code of the whole panel."""
    when = scribe.written(day, "" if hidden else id_)
    if form in ("", "panel"):
        codes = scale.panel_codes if form else scale.total_codes
        scribe.add([_number(scribe, codes[0], when, total, id_)], "score", kept=not hidden)
        return
    each, over = divmod(total, len(scale.items))
    values: list[int | None] = [each + (place < over) for place in range(len(scale.items))]
    values[len(values) - unanswered :] = [None] * unanswered
    answered = list(zip(scale.items, values, strict=True))
    if form == "items":
        numbers = [
            _number(scribe, item.codes[0], when, value, f"{id_}-{place}")
            for place, (item, value) in enumerate(answered, start=1)
            if value is not None
        ]
        scribe.add(numbers, "score", kept=not hidden)
        return
    by_value = {value: code for code, value in scale.answers.items()}
    answers: dict[str, Element | None] = {}
    for item, value in answered:
        code = item.codes[0]
        answer = None if value is None else _coding(scribe, Code(system=code.system, code=by_value[value]))
        answers[f"/{code.code}"] = answer
    sheet = questionnaire_response(id_=id_, patient_id=scribe.patient_id, authored=when, answers=answers)
    scribe.add([sheet], "response", kept=not hidden)


def _number(scribe: Scribe, code: Code, when: date, value: int, id_: str) -> Resource:
    return observation(
        id_=id_, patient_id=scribe.patient_id, code=concept(_coding(scribe, code)), day=when, value=value
    )


def _coding(scribe: Scribe, code: Code) -> Element:
    return coding(scribe.plan.knowledge.uri_of(code.system), code.code)


def write_procedures(life: Life, scribe: Scribe) -> None:
    """One Procedure for each session; a kind without a public code is named in words."""
    kinds = {kind.id: kind for kind in scribe.plan.knowledge.procedures.kinds}
    for day, name in life.sessions:
        kind = kinds[name]
        codings = [_coding(scribe, Code(system=s.system, code=s.exact[0])) for s in kind.code_sets if s.exact]
        session = procedure(
            id_=scribe.new_id("procedure"),
            patient_id=scribe.patient_id,
            code=concept(*codings[:1], text=kind.label),
            day=scribe.day(day),
        )
        scribe.add([session], "procedure")


def write_measurement(life: Life, scribe: Scribe) -> None:
    """A laboratory value that says nothing on depression."""
    if not scribe.happens("measurement"):
        return
    said, n, id_ = scribe.plan.file.unrelated_measurement, scribe.plan.number, scribe.new_id("observation")
    value = round(scribe.draw.amid(n["measurement-min"], n["measurement-max"]), 1)
    scribe.resources.append(
        observation(
            id_=id_,
            patient_id=scribe.patient_id,
            code=concept(_coding(scribe, said.code)),
            day=scribe.written(life.spells[-1].start, id_),
            value=quantity(value, said.text, ucum=said.text),
            category="laboratory",
        )
    )
