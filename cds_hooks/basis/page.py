"""The page that shows the basis of one assessment: made from the assessment and the knowledge, and never kept.

Server-rendered HTML with an inline SVG. It loads two style sheets of our own and nothing else, needs no script, and has
no inline style, so that a strict Content-Security-Policy holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cds_hooks.basis.citations import ListedSource, RecordGroup, Register
from cds_hooks.basis.completeness_part import CompletenessPart, completeness_part
from cds_hooks.basis.drawing import Drawing, drawing_of
from cds_hooks.basis.lanes import Lane, other_lanes
from cds_hooks.basis.options_part import OptionsPart, options_part
from cds_hooks.basis.profile_part import ProfilePart, profile_part
from cds_hooks.basis.score_rows import ScoreTable, score_tables
from cds_hooks.basis.scores_line import panels_of
from cds_hooks.basis.trial_rows import RowGroup, row_groups
from cds_hooks.basis.urgent_part import Notice, notices_of
from cds_hooks.basis.verdict_part import VerdictPart, verdict_part
from cds_hooks.web.layout import HEADERS as PAGE_HEADERS
from cds_hooks.web.layout import ROOT, STATIC
from mappings.load import Knowledge
from plugin.advice.wording import Wording
from plugin.assessment import Assessment

_NO_FORM = Markup("")
_TEMPLATE = "basis.html"
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        **PAGE_HEADERS,
        "Content-Security-Policy": PAGE_HEADERS["Content-Security-Policy"].replace(
            "form-action 'none'", "form-action 'self'"
        ),
        # It is about a patient: no copy of it is to be left anywhere.
        "Cache-Control": "no-store",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is around the basis on the page.

    `home` is where the product's name leads; `who` what the page calls the patient (name, birth date), empty for only
    age and sex; `demo` says that the patient is synthetic; `notices` are sentences at the top. `reported` are
    references (``Type/id``) that came from the form, saved since or not: they are labelled "clinician-reported".
    `links` are (label, address) beside the title. `form` stands directly under what is missing.
    """

    home: str = "/"
    who: str = ""
    demo: bool = False
    notices: tuple[str, ...] = ()
    reported: frozenset[str] = frozenset()
    links: tuple[tuple[str, str], ...] = ()
    form: Markup = _NO_FORM


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """Everything the template writes down."""

    as_of: str
    person: str
    definition: str
    definition_id: str
    urgent: tuple[Notice, ...]
    verdict: VerdictPart
    drawing: Drawing | None
    groups: tuple[RowGroup, ...]
    others: tuple[Lane, ...]
    scores: tuple[ScoreTable, ...]
    undrawn: tuple[str, ...]
    profile: ProfilePart
    options: OptionsPart
    completeness: CompletenessPart
    records: tuple[RecordGroup, ...]
    sources: tuple[ListedSource, ...]


def prepare() -> None:
    """Compile the templates now, at the start, rather than while the first reader waits."""
    _templates().get_template(_TEMPLATE)


def basis_page(assessment: Assessment, *, knowledge: Knowledge, around: Surroundings) -> str:
    """The whole page as HTML. To be sent with `HEADERS`."""
    basis = basis_of(assessment, knowledge=knowledge, reported=around.reported)
    return (
        _templates()
        .get_template(_TEMPLATE)
        .render(static=STATIC, title="Basis of the assessment", home=around.home, basis=basis, around=around)
    )


def basis_of(assessment: Assessment, *, knowledge: Knowledge, reported: frozenset[str] = frozenset()) -> Basis:
    """The view of one assessment."""
    words = Wording(knowledge)
    register = Register.of(assessment, words, reported)
    urgent = notices_of(assessment, words, register)
    verdict = verdict_part(assessment, words, register)
    groups = row_groups(assessment, words, register)
    others = other_lanes(assessment.record, knowledge, assessment.as_of)
    instruments = knowledge.instruments_on(assessment.as_of)
    panels, undrawn = panels_of(assessment, instruments)
    drawing = drawing_of(
        [*((group.title, group.lanes) for group in groups), ("Other drugs on record", others)],
        panels,
        episode=(assessment.episode.start, assessment.episode.uncertain),
        as_of=assessment.as_of,
        words=words,
    )
    scores = score_tables(assessment, instruments, words, register)
    profile = profile_part(assessment, words, register)
    options = options_part(assessment, words, register)
    completeness = completeness_part(assessment, words, register)
    return Basis(
        as_of=words.day(assessment.as_of),
        person=_person(assessment),
        definition=assessment.definition.label,
        definition_id=assessment.definition.id,
        urgent=urgent,
        verdict=verdict,
        drawing=drawing,
        groups=groups,
        others=others,
        scores=scores,
        undrawn=undrawn,
        profile=profile,
        options=options,
        completeness=completeness,
        records=register.records(),
        sources=register.sources(),
    )


def _person(assessment: Assessment) -> str:
    """Age and sex as recorded, or that they are not known."""
    patient = assessment.record.patient
    ages = patient.age_on(assessment.as_of) if patient is not None else None
    if ages is None:
        age = "age not known"
    else:
        age = f"{ages[0]} years" if ages[0] == ages[1] else f"{ages[0]} to {ages[1]} years"
    sex = patient.sex if patient is not None and patient.sex != "unknown" else "sex not recorded"
    return f"{age}, {sex}"


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader([Path(__file__).parent / "templates", ROOT / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
