"""The person, diagnoses, scores, procedures, visits and measurements of a life as a record has them."""

from __future__ import annotations

from datetime import date

from cds_hooks.cohort.life import Life
from cds_hooks.cohort.scribe import Scribe
from cds_hooks.fhir_writer import (
    Element,
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


def write_person(life: Life, scribe: Scribe) -> None:
    """The Patient, without a name."""
    end = scribe.plan.end
    birth = date(end.year - life.age - 1, 1 + life.number % 12, 1 + life.number % 28)
    reached = (end.month, end.day) >= (birth.month, birth.day)
    birth = birth.replace(year=birth.year + reached)
    scribe.resources.append(patient(id_=scribe.patient_id, birth=birth, sex=life.sex))


def write_conditions(life: Life, scribe: Scribe) -> None:
    """Depression as the problem list has it, and every other diagnosis."""
    words = scribe.plan.file.depression
    kind: DepressionKind = "recurrent" if len(life.spells) > 1 else "single"
    if scribe.happens("unspecified-code"):
        kind = "unspecified"
    closed = False
    for place, spell in enumerate(life.spells):
        if place == 0 or closed or scribe.happens("new-code"):
            closed = spell.end is not None and scribe.happens("remission-code") and not scribe.hides("remission-code")
            scribe.resources.append(
                condition(
                    id_=scribe.new_id("condition"),
                    patient_id=scribe.patient_id,
                    code=scribe.concept(words[kind]),
                    clinical="resolved" if closed else "active",
                    onset=scribe.day(spell.start),
                    recorded=scribe.written(spell.start),
                    abated=scribe.day(spell.end) if closed and spell.end is not None else None,
                )
            )
            if closed and spell.end is not None:
                scribe.resources.append(
                    condition(
                        id_=scribe.new_id("condition"),
                        patient_id=scribe.patient_id,
                        code=scribe.concept(words["remission"]),
                        clinical="remission",
                        recorded=scribe.written(spell.end),
                    )
                )
    for day, diagnosis in life.diagnoses:
        scribe.resources.append(
            condition(
                id_=scribe.new_id("condition"),
                patient_id=scribe.patient_id,
                code=scribe.coded(diagnosis.code, diagnosis.text),
                verification=diagnosis.verification,
                recorded=scribe.written(day),
            )
        )


def write_visits(life: Life, scribe: Scribe) -> None:
    """At each visit perhaps a score, and perhaps the visit itself."""
    noise = scribe.plan.number["score-noise-points"]
    phq9 = scribe.plan.knowledge.instruments["phq9"]
    for day in life.visits:
        points = life.severity(day) + scribe.draw.amid(-noise, noise)
        other = scribe.happens("other-instrument")
        name = scribe.draw.one_of(sorted(scribe.plan.instruments)) if other else life.instrument
        form = next((form for form in _WITH_ITEMS if scribe.happens(form)), "")
        unanswered = scribe.draw.between(1, 2) if scribe.happens("unanswered") else 0
        visited = scribe.happens("encounter")
        if not scribe.hides("score"):
            instrument = scribe.plan.knowledge.instruments[name]
            factor = scribe.plan.instruments[name][1]
            total = round(min(max(points * factor, instrument.minimum), instrument.maximum))
            _score(scribe, instrument, day, total, form if instrument is phq9 else "", unanswered)
        if visited:
            scribe.resources.append(
                encounter(id_=scribe.new_id("encounter"), patient_id=scribe.patient_id, day=scribe.day(day))
            )


def _score(scribe: Scribe, instrument: Instrument, day: int, total: int, form: str, unanswered: int) -> None:
    """A total; or the answers to the items, some perhaps missing; or a number on the code of the whole panel."""
    if form in ("", "panel"):
        codes = instrument.panel_codes if form else instrument.total_codes
        _number(scribe, codes[0], day, total)
        return
    each, over = divmod(total, len(instrument.items))
    values: list[int | None] = [each + (place < over) for place in range(len(instrument.items))]
    values[len(values) - unanswered :] = [None] * unanswered
    if form == "items":
        for item, value in zip(instrument.items, values, strict=True):
            if value is not None:
                _number(scribe, item.codes[0], day, value)
        return
    by_value = {value: code for code, value in instrument.answers.items()}
    answers: dict[str, Element | None] = {}
    for item, value in zip(instrument.items, values, strict=True):
        code = item.codes[0]
        answer = None if value is None else _coding(scribe, Code(system=code.system, code=by_value[value]))
        answers[f"/{code.code}"] = answer
    scribe.add(
        questionnaire_response(
            id_=scribe.new_id("response"),
            patient_id=scribe.patient_id,
            authored=scribe.written(day),
            answers=answers,
        ),
        "response",
    )


def _number(scribe: Scribe, code: Code, day: int, value: int) -> None:
    scribe.add(
        observation(
            id_=scribe.new_id("score"),
            patient_id=scribe.patient_id,
            code=concept(_coding(scribe, code)),
            day=scribe.written(day),
            value=value,
        ),
        "score",
    )


def _coding(scribe: Scribe, code: Code) -> Element:
    return coding(scribe.plan.knowledge.uri_of(code.system), code.code)


def write_procedures(life: Life, scribe: Scribe) -> None:
    """One Procedure for each session; a kind without a public code is named in words."""
    kinds = {kind.id: kind for kind in scribe.plan.knowledge.procedures.kinds}
    for day, name in life.sessions:
        kind = kinds[name]
        codings = [_coding(scribe, Code(system=s.system, code=s.exact[0])) for s in kind.code_sets if s.exact]
        scribe.add(
            procedure(
                id_=scribe.new_id("procedure"),
                patient_id=scribe.patient_id,
                code=concept(*codings[:1], text=kind.label),
                day=scribe.day(day),
            ),
            "procedure",
        )


def write_measurement(life: Life, scribe: Scribe) -> None:
    """A laboratory value that says nothing on depression."""
    if not scribe.happens("measurement"):
        return
    said, n = scribe.plan.file.unrelated_measurement, scribe.plan.number
    value = round(scribe.draw.amid(n["measurement-min"], n["measurement-max"]), 1)
    scribe.resources.append(
        observation(
            id_=scribe.new_id("observation"),
            patient_id=scribe.patient_id,
            code=concept(_coding(scribe, said.code)),
            day=scribe.written(life.spells[-1].start),
            value=quantity(value, said.text, ucum=said.text),
            category="laboratory",
        )
    )
