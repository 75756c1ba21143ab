"""The page itself: what was read of the chart, and what the clinician entered, handed to `cds_hooks.basis.showing`.

What is to be saved is written to the EHR before the page is made, so that the page can say what became of it. What was
saved is the record's from then on: the form lets go of it, and nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cds_hooks.basis.page import HEADERS, Surroundings
from cds_hooks.basis.showing import Chart, Shown, Viewing, show
from cds_hooks.envelope import Resource
from cds_hooks.reported import IDENTIFIERS, Entered, read_form
from cds_hooks.smart.forms import CSRF
from cds_hooks.smart.page_wanted import PageMade, PageWanted

ACTION = "/app/patient"
_LINKS = (("End session", "/app/end"),)
_LONGEST_NAME = 120


async def make_page(wanted: PageWanted) -> PageMade:
    """The basis for the patient of `wanted`."""
    viewing = _viewing(wanted)
    gathered = wanted.chart.gathered
    chart = Chart(
        patient_id=wanted.patient_id,
        resources=gathered.resources,
        availability=gathered.availability,
        gaps=gathered.gaps,
    )
    if wanted.fields is None:
        return _made(show(chart, viewing))
    entered = read_form(wanted.fields, knowledge=wanted.knowledge, today=viewing.today)
    shown = show(chart, viewing, entered)
    there = _without(chart, shown.resources_to_save)
    if there is not chart:  # saved before, in part, and carried by the form still
        chart, shown = there, show(there, viewing, entered)
    if entered.wish != "save" or not viewing.can_save or not shown.resources_to_save:
        return _made(shown)
    saved = await wanted.save(shown.resources_to_save)
    viewing = replace(viewing, around=replace(viewing.around, notices=saved.sentences()))
    if saved.is_whole:
        chart, entered = replace(chart, resources=(*chart.resources, *shown.resources_to_save)), Entered()
    return _made(show(chart, viewing, entered), written=sum(one.fate == "saved" for one in saved.each))


def _viewing(wanted: PageWanted) -> Viewing:
    return Viewing(
        knowledge=wanted.knowledge,
        now=wanted.now,
        time_zone=wanted.time_zone,
        jurisdiction=wanted.jurisdiction,
        definition=wanted.definition or None,
        author=wanted.author,
        can_save=bool(wanted.writes),
        orders=wanted.orders,
        action=ACTION,
        hidden={CSRF: wanted.csrf},
        around=Surroundings(home=ACTION, who=called(wanted.chart.patient), demo=wanted.demo, links=_LINKS),
    )


def _made(shown: Shown, *, written: int = 0) -> PageMade:
    return PageMade(html=shown.html, headers=HEADERS, written=written)


def _without(chart: Chart, carried: Sequence[Resource]) -> Chart:
    """`chart` without copies of what the form carries, told by the identifier that saving gives."""
    ours = {value for resource in carried for value in _identifiers(resource)}
    kept = tuple(resource for resource in chart.resources if ours.isdisjoint(_identifiers(resource)))
    return chart if len(kept) == len(chart.resources) else replace(chart, resources=kept)


def _identifiers(resource: Mapping[str, Any]) -> Iterable[str]:
    written = resource.get("identifier")
    listed = written if isinstance(written, list) else []
    return [
        value
        for one in listed
        if isinstance(one, dict) and one.get("system") == IDENTIFIERS and isinstance(value := one.get("value"), str)
    ]


def called(patient: Resource) -> str:
    """What the page calls the patient: the official or usual name, and the birth date.

    >>> called({"name": [{"family": "Doe", "given": ["Jo", "M"]}], "birthDate": "1980-02-03"})
    'Jo M Doe, born 1980-02-03'
    """
    written = patient.get("name")
    names = [one for one in written if isinstance(one, dict)] if isinstance(written, list) else []
    ranked = sorted(names, key=lambda one: _RANK.get(_text(one.get("use")), len(_RANK)))
    name = _name(ranked[0]) if ranked else ""
    born = _text(patient.get("birthDate"))
    return ", ".join(part for part in (name[:_LONGEST_NAME], f"born {born}" if born else "") if part)


_RANK = {"official": 0, "usual": 1, "": 2}


def _name(name: Mapping[str, Any]) -> str:
    given = name.get("given")
    parts = [_text(one) for one in given] if isinstance(given, list) else []
    whole = " ".join(part for part in (*parts, _text(name.get("family"))) if part)
    return whole or _text(name.get("text"))


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
