"""From a chart, and what the clinician added to it, to the page of its assessment: for the SMART app and the demo.

What was entered becomes resources that are read and judged with the record, by the same code. The page says which
verdict stood before and which stands now. Pure and synchronous: nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

from cds_hooks.basis.page import Surroundings, basis_page
from cds_hooks.fhir_writer import Resource
from cds_hooks.reported import IDENTIFIERS, Entered, form_html, note_text, to_resources
from mappings.load import Knowledge
from plugin import assess
from plugin.assessment import Assessment
from plugin.findings import Gap
from plugin.ingest import read_record
from plugin.record import Availability, DraftOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What was read of one patient, how far each kind of data was read, and what could not be read."""

    patient_id: str
    resources: tuple[Resource, ...]
    availability: Mapping[str, Availability]
    gaps: tuple[Gap, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewing:
    """Who looks, when and by which rules, and where the form is posted to.

    `orders` are the drafted orders to hold against the history. `author` is the reference of the user, written into
    what is saved. `now` is a moment with its zone; `time_zone` that of the client, in which the day of judgement is
    meant.
    """

    knowledge: Knowledge
    now: datetime
    time_zone: str
    action: str
    around: Surroundings
    jurisdiction: str = "us"
    definition: str | None = None
    orders: tuple[DraftOrder, ...] = ()
    author: str = ""
    can_save: bool = False
    hidden: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def today(self) -> date:
        """The day of judgement, which is also the last day that `read_form` takes."""
        return self.now.astimezone(ZoneInfo(self.time_zone)).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The page, the assessment it shows, and the entered facts as resources that could be saved."""

    html: str
    assessment: Assessment
    resources_to_save: tuple[Resource, ...] = ()


def show(chart: Chart, viewing: Viewing, entered: Entered | None = None) -> Shown:
    """The page of `chart` with what was `entered`; without facts, that of the record alone."""
    entered = entered or Entered()
    knowledge, local = viewing.knowledge, viewing.now.astimezone(ZoneInfo(viewing.time_zone))
    made = to_resources(
        entered.facts, patient_id=chart.patient_id, author=viewing.author, at=local, knowledge=knowledge
    )
    made = _apart(made, chart.resources)
    assessment = _assessed(chart, viewing, made)
    notices = list(viewing.around.notices)
    if made:
        before = _assessed(chart, viewing, (), suppose=False)
        notices.append(_moved(before, assessment, knowledge))
    notices += [f"Could not be read: {gap.what} ({gap.why})." for gap in chart.gaps if gap not in assessment.gaps]
    reported = _references(made)
    saved = _references(one for one in chart.resources if _came_from_here(one))
    form = form_html(
        entered,
        assessment=assessment,
        knowledge=knowledge,
        action=viewing.action,
        hidden=viewing.hidden,
        can_save=viewing.can_save,
        note=note_text(entered.facts, author=viewing.author, at=local, knowledge=knowledge),
        reported=reported,
    )
    around = replace(viewing.around, notices=tuple(notices), reported=reported | saved, form=form)
    html = basis_page(assessment, knowledge=knowledge, around=around)
    return Shown(html=html, assessment=assessment, resources_to_save=made)


def _assessed(chart: Chart, viewing: Viewing, more: Sequence[Resource], *, suppose: bool = True) -> Assessment:
    record = read_record(
        (*chart.resources, *more),
        knowledge=viewing.knowledge,
        patient_id=chart.patient_id,
        availability=chart.availability,
        zone=ZoneInfo(viewing.time_zone),
        jurisdiction=viewing.jurisdiction,
    )
    return assess(
        record,
        knowledge=viewing.knowledge,
        as_of=viewing.today,
        definition=viewing.definition,
        jurisdiction=viewing.jurisdiction,
        orders=viewing.orders,
        suppose=suppose,
    )


def _apart(made: Sequence[Resource], held: Sequence[Resource]) -> tuple[Resource, ...]:
    """What was entered under ids that the record does not use."""
    taken = {resource.get("id") for resource in held}
    apart = []
    for resource in made:
        id_ = resource["id"]
        while id_ in taken:
            id_ += "-here"
        apart.append({**resource, "id": id_})
    return tuple(apart)


def _references(resources: Iterable[Resource]) -> frozenset[str]:
    return frozenset(f"{one['resourceType']}/{one['id']}" for one in resources if one.get("id"))


def _came_from_here(resource: Resource) -> bool:
    """Whether a record was saved from the form of the page: it is no less clinician-reported for that."""
    identifiers = resource.get("identifier")
    held = identifiers if isinstance(identifiers, list) else []
    return any(isinstance(one, dict) and one.get("system") == IDENTIFIERS for one in held)


def _moved(before: Assessment, now: Assessment, knowledge: Knowledge) -> str:
    """Which verdict stood without what was entered, and which stands with it."""

    def told(assessment: Assessment) -> str:
        return knowledge.sentences[f"verdict-{assessment.verdict.value.value}"].text

    return knowledge.reported.moved.format(before=told(before), now=told(now))
