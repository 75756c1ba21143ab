"""What the clinician knows and the record does not: a form, its facts as FHIR, a note for the chart, and saving.

The facts are held nowhere but in the page: each form carries what was entered before. They are assessed by the same
reading and reasoning as the record (`cds_hooks.basis.showing`); nothing here judges.
"""

from cds_hooks.reported.entered import Entered, Problem, read_form
from cds_hooks.reported.facts import Fact
from cds_hooks.reported.form import form_html
from cds_hooks.reported.in_words import line_of, note_text
from cds_hooks.reported.resources import IDENTIFIERS, to_resources
from cds_hooks.reported.saving import Saved, SavedOne, Writer, save

__all__ = [
    "IDENTIFIERS",
    "Entered",
    "Fact",
    "Problem",
    "Saved",
    "SavedOne",
    "Writer",
    "form_html",
    "line_of",
    "note_text",
    "read_form",
    "save",
    "to_resources",
]
