"""The prefetch sheet: what to register at the EHR, key by key, and what this server made of each query."""

from __future__ import annotations

from dataclasses import dataclass

from cds_hooks.catalogue import PATIENT_TOKEN, Query, queries
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.searches import Variant, Wanted
from cds_hooks.probing.comparing import better_ways, missed
from cds_hooks.probing.lines import Line, Survey
from cds_hooks.probing.wanted import wanted_by
from mappings.load import Knowledge

# Forms of EHRs and proxies before them cut longer queries.
LONGEST_QUERY = 2000
_LEFT_OUT = "leave this key out, and the service asks for the data itself: {}"
_MANY = "this server takes it only as several searches"
_REFUSED = "this server answers no way of asking for it, and an empty key may be read as none recorded"
_NARROWED = "this server answers narrower queries only, and what they leave out would be taken for not recorded"
_OTHERS = "this server answers with data of other patients"
_OTHERWISE = "not the announced query, which this server does not answer with all it has; this one asks for no less"
_TOO_LONG = f"longer than {LONGEST_QUERY} characters: check that the form keeps it whole"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One prefetch key with its query template, empty where there is none to register, and a note."""

    key: str
    query: str
    note: str


def sheet(survey: Survey, knowledge: Knowledge) -> tuple[Row, ...]:
    """The announced templates in their order, adapted where this server answers another way only, or better.

    A query that would bring less than the service asks for is never on the sheet: what a client sends along counts as
    all there is.
    """
    better = better_ways(survey)
    return tuple(_row(query, better.get(query.key, survey.used[query.key]), survey) for query in queries(knowledge))


def _row(query: Query, line: Line, survey: Survey) -> Row:
    for applies, why in (
        (line.others or line.answer.everybodys, _OTHERS),
        (not line.answer.answered, _REFUSED),
        (line.variant.narrows, _NARROWED),
    ):
        if applies:
            return Row(key=query.key, query="", note=_LEFT_OUT.format(why))
    if line.variant.id == line.search.variants[0].id and (query.is_read or survey.form == "bare"):
        return _noted(query.key, query.template(), "")
    for one in (line, *(way for way in survey.ways(query.key) if _does_as_well(way, line, survey))):
        template = _template(one.variant, survey.form, wanted_by(query.key, survey.wanted))
        if template is not None:
            return _noted(query.key, template, _OTHERWISE)
    return Row(key=query.key, query="", note=_LEFT_OUT.format(_MANY))


def _does_as_well(way: Line, line: Line, survey: Survey) -> bool:
    whole = way.answer.complete and not way.variant.narrows and not way.others
    return whole and not missed(line, way, survey)


def _noted(key: str, query: str, note: str) -> Row:
    long = _TOO_LONG if len(query) > LONGEST_QUERY else ""
    return Row(key=key, query=query, note="; ".join(one for one in (note, long) if one))


def _template(variant: Variant, form: PatientForm, needs: tuple[Wanted, ...]) -> str | None:
    """The query of `variant` with the patient as a token; None when it takes several searches."""
    made = [one for need in needs for one in variant.requests(PATIENT_TOKEN, form, need)]
    if len(made) != 1 or made[0].identifier:
        return None
    asked = {name: value for name, value in made[0].parameters.items() if name != "_count"}
    return f"{made[0].resource_type}?" + "&".join(f"{name}={value}" for name, value in asked.items())
