"""The form as HTML: what is missing with its rows, rows for anything else, what was entered, and the note.

One form, without a script. The first button adds, so that the return key does too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cds_hooks.reported.asking import Prefilled, asked, courses_of
from cds_hooks.reported.entered import Entered, Problem, carried_value
from cds_hooks.reported.in_words import line_of
from cds_hooks.reported.offered import RELEASED, drugs_offered, has_release, scales_offered, unit_of
from cds_hooks.reported.rows import KINDS
from cds_hooks.web.layout import STATIC
from mappings.load import Knowledge
from plugin.assessment import Assessment
from plugin.resistance.verdict import Value

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def form_html(
    entered: Entered,
    *,
    assessment: Assessment,
    knowledge: Knowledge,
    action: str,
    hidden: Mapping[str, str],
    can_save: bool,
    note: str = "",
    reported: frozenset[str] = frozenset(),
) -> Markup:
    """The section of the page with the form, posted to `action` with the `hidden` fields of the caller.

    `note` is the text for the chart, `reported` the references of what was entered, of which no row speaks. Nothing
    is taken into the HTML unescaped.
    """
    numbers = _Numbers()
    drafts = [
        numbers.row(Prefilled(draft["kind"], {}), {**draft}, [one for one in entered.problems if one.row == place])
        for place, draft in enumerate(entered.drafts)
    ]
    asking = [
        {
            "about": one.about,
            "told": one.told,
            "say": one.say,
            "rows": [numbers.row(row, row.values) for row in one.rows],
        }
        for one in asked(assessment, knowledge, but=reported)
    ]
    blank = [numbers.row(Prefilled(kind, {}), {}) for kind in KINDS]
    told = knowledge.reported
    filled = _TEMPLATES.get_template("reported_form.html").render(
        static=STATIC,
        action=action,
        hidden=hidden,
        problems=[one for one in entered.problems if one.row is None],
        drafts=drafts,
        asking=asking,
        blank=blank,
        facts=[(carried_value(fact), line_of(fact, knowledge)) for fact in entered.facts],
        can_save=can_save,
        note=note,
        provenance=told.provenance,
        unclear=assessment.verdict.value is Value.INDETERMINATE,
        choices={
            "drug": drugs_offered(knowledge),
            "instrument": {one.id: one.label for one in scales_offered(knowledge, assessment.as_of).values()},
            "outcome": {one.id: one.label for one in told.outcomes},
            "reason": {one.id: one.label for one in told.reasons},
            "purpose": {one.id: one.label for one in told.purposes},
            "trial": {course.token: label for course, label in courses_of(assessment, but=reported).items()},
            "release": {RELEASED: told.released},
            "taken": {"none": "it was not taken at all", "until": "it was taken only until:"},
        },
        released=[drug.label for drug in knowledge.drugs.values() if has_release(drug)],
        tablets=[drug.label for drug in knowledge.drugs.values() if unit_of(drug) == "tab"],
    )
    return Markup(filled)  # noqa: S704  # every value in the template is escaped by its engine


class _Numbers:
    """Numbers the rows of a page, each name and id once."""

    def __init__(self) -> None:
        self._next = 0

    def row(
        self, row: Prefilled, values: Mapping[str, str], problems: list[Problem] | None = None
    ) -> dict[str, object]:
        """A row as the template takes it."""
        number, self._next = self._next, self._next + 1
        wrong = {one.field: one.what for one in problems or ()}
        return {"n": number, "kind": row.kind, "values": dict(values), "preset": row.preset, "wrong": wrong}
