"""Two thousand random calls and their answers, as the service itself gives them from gathered data on.

`case(number)` is call `number` of the sample and always the same: a random chart (`random_charts`), how completely it
was read, a hook, drafted orders, a jurisdiction, a definition, and the knowledge of a site. `answered` hands it to
`cds_hooks.answering.answered` and keeps what the answer was made from, so that a check can hold one against the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from functools import cache
from random import Random
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import httpx

from cds_hooks import answering
from cds_hooks.caller import Caller, card_form, order_style
from cds_hooks.clock import FixedClock
from cds_hooks.deployment import Deployment
from cds_hooks.ehr.access import EhrAccess
from cds_hooks.envelope import HookRequest
from cds_hooks.fhir_writer import Resource
from cds_hooks.gallery.cases import gallery_cases
from cds_hooks.gather import Gathered
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import AllowList
from cds_hooks.settings import Settings
from cds_hooks.stories import drafted
from cds_hooks.trust.behaviour import Behaviour
from cds_hooks.wire import to_wire
from mappings.load import Knowledge
from mappings.rule_names import order_switch
from mappings.site_schema import Site, SiteOverlay
from plugin import assess
from plugin.advice.card_draft import CardDraft
from plugin.assessment import Assessment
from plugin.document.assessment_document import to_document
from plugin.ingest import read_orders
from plugin.record import LABORATORY, Availability, Read
from tests.edge.every_card import BASE, CLIENTS
from tests.response.random_charts import KNOWLEDGE, Chart, gallery_size, orderable, random_chart, shown_chart, spoken

SIZE, SEED = 2_000, 20261122
SLICE = 3 * gallery_size()  # every case of the gallery once, and two random charts for each
USER, VISIT = "Practitioner/me", "now"
LONG = "dextromethorphan-bupropion hydrochloride extended release"
READ_KINDS = (
    "Patient", "MedicationRequest", "MedicationDispense", "MedicationStatement", "MedicationAdministration",
    "Observation", "QuestionnaireResponse", "Condition", "Procedure", "AllergyIntolerance", LABORATORY,
)  # fmt: skip
_NO_NAMES = ("linezolid 600 mg tablet", "methylene blue 10 mg/mL injection", "Auvelity 45 mg / 105 mg",
             "esketamine nasal spray 28 mg", "ketamine 50 mg/mL solution", "moclobemide 150 mg",
             "sertraline <50 mg> | *daily*", "phenelzine", "metformin 500 mg", "liothyronine 25 mcg")  # fmt: skip
_PROCEDURES = ("electroconvulsive therapy", "ECT, bilateral", "repetitive transcranial magnetic stimulation",
               "theta burst stimulation", "vagus nerve stimulation", "appendectomy")  # fmt: skip
_UNREAD = ("search refused: 403", "not received", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call: the chart and how it was read, the hook, what is drafted and chosen, where, by whose definition."""

    number: int
    client: str
    hook: str
    chart: Chart
    availability: Mapping[str, Availability]
    drafts: tuple[Resource, ...]
    selections: frozenset[str] | None
    jurisdiction: str
    definition: str | None
    site: str
    encounter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer on the wire, with all that it was made from; without an `assessment` nothing was of concern.

    `drafts` are the card drafts of the cards sent, in their order; `knowledge` is what the site works with.
    """

    case: Case
    client: Behaviour
    answer: dict[str, Any]
    drafts: tuple[CardDraft, ...] = ()
    assessment: Assessment | None = None
    knowledge: Knowledge = KNOWLEDGE

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The cards of the answer."""
        return list(self.answer["cards"])

    @property
    def document(self) -> dict[str, Any]:
        """The assessment as the public document."""
        assert self.assessment is not None
        return to_document(self.assessment)

    @property
    def stopped(self) -> bool:
        """Whether a drafted order meets a hard stop (an information line is none)."""
        assert self.assessment is not None
        return any(stop.level != "info" for order in self.assessment.next_step.orders for stop in order.stops)


def case(number: int) -> Case:
    """Call `number`. Every third is about a case of the gallery: each before every client as it is, then varied."""
    draw = Random(f"{SEED}-{number}")
    clients = list(CLIENTS)
    round_, shown = divmod(number // 3, gallery_size())
    if number % 3 == 0:
        client = clients[(shown + round_) % len(clients)]
        if round_ < len(clients):
            return _of_the_gallery(shown, client, number=number)
        chart = shown_chart(draw, shown)
    else:
        chart, client = random_chart(draw, number), clients[number % len(clients)]
    opened = draw.random() < 0.3
    if chart.source == "gallery":
        opened = not (chart.takes or chart.procedure)
    hook = "patient-view" if opened else draw.choice(("order-select", "order-sign"))
    if chart.here or (chart.source != "gallery" and draw.random() < 0.3):
        chart = replace(chart, resources=tuple(_written_here(one) for one in chart.resources))
    drafts = _drafts(draw, chart) if hook != "patient-view" else ()
    chosen = frozenset(f"{one['resourceType']}/{one['id']}" for one in drafts if draw.random() < 0.8)
    return Case(
        number=number,
        client=client,
        hook=hook,
        chart=chart,
        availability=_availability(draw, chart),
        drafts=drafts,
        selections=chosen if hook == "order-select" and draw.random() < 0.5 else None,
        jurisdiction=draw.choice(("us", "us", "eu")),
        definition=draw.choice((*[None] * len(KNOWLEDGE.definitions), *sorted(KNOWLEDGE.definitions))),
        site=draw.choices(("packaged", "long names", "everything allowed"), (70, 15, 15))[0],
        encounter=VISIT if chart.here else draw.choice(("", VISIT)),
    )


def gallery(clients: int = len(CLIENTS)) -> Iterator[Told]:
    """Every case of the gallery as it stands there, before so many clients, which come in turn."""
    for shown in range(gallery_size()):
        turn = shown % len(CLIENTS)
        for client in [*CLIENTS, *CLIENTS][turn : turn + clients]:
            yield answered(_of_the_gallery(shown, client, number=shown))


def _of_the_gallery(shown: int, client: str, *, number: int) -> Case:
    """The call of a case of the gallery, with nothing left to chance."""
    told = gallery_cases().cases[shown]
    chart = shown_chart(None, shown)
    if chart.here:
        chart = replace(chart, resources=tuple(_written_here(one) for one in chart.resources))
    unread = {kind: Availability(read=Read.UNREAD, why=why) for kind, why in told.unread.items()}
    return Case(
        number=number,
        client=client,
        hook=told.hook,
        chart=chart,
        availability={kind: Availability(read=Read.COMPLETE) for kind in READ_KINDS} | unread,
        drafts=_said(chart),
        selections=None,
        jurisdiction=told.jurisdiction,
        definition=None,
        site="packaged",
        encounter=VISIT,
    )


def sample(size: int = SIZE) -> Iterator[Told]:
    """The first `size` calls, answered."""
    return (answered(case(number)) for number in range(size))


def answered(called: Case) -> Told:
    """The answer of the service to one call, from what was gathered for it on."""
    client, known = CLIENTS[called.client], knowledge_of(called.site)
    bare = Told(case=called, client=client, answer={"cards": []}, knowledge=known)
    orders = read_orders(called.drafts, knowledge=known, selections=called.selections, jurisdiction=called.jurisdiction)
    if called.hook != "patient-view" and not any(order.selected for order in orders):
        return replace(bare, answer=to_wire(answering.NOTHING_READ.response))
    kept: list[Assessment] = []

    def keep(*given: Any, **named: Any) -> Assessment:
        kept.append(assess(*given, **named))
        return kept[-1]

    now = datetime.combine(called.chart.as_of, time(12), UTC)
    with patch.object(answering, "assess", keep):
        answer = answering.answered(
            _deployment(known, called, now),
            _request(called),
            _caller(called, client),
            Gathered(resources=called.chart.resources, availability=called.availability, gaps=()),
            orders=orders,
            now=now,
            line=CallLine(),
        )
    return replace(
        bare, answer=to_wire(answer.response), drafts=tuple(one.draft for one in answer.shown), assessment=kept[-1]
    )


@cache
def knowledge_of(site: str) -> Knowledge:
    """The knowledge of a site: as packaged, with very long drug names, or with all that it may allow allowed."""
    if site == "long names":
        named_long = ((key, drug, f"{drug.label} {LONG}") for key, drug in KNOWLEDGE.drugs.items())
        drugs = {key: drug.model_copy(update={"label": label}) for key, drug, label in named_long}
        return replace(KNOWLEDGE, drugs=MappingProxyType(drugs))
    if site == "everything allowed":
        named = dict.fromkeys((*KNOWLEDGE.clinical.options, *map(order_switch, KNOWLEDGE.clinical.options)), True)
        day = KNOWLEDGE.cohort.end_of_records
        accepted = Site(id="a-site", name="A site", accepted_by="A committee", accepted_on=day)
        return replace(KNOWLEDGE, site=SiteOverlay(accepted, (), MappingProxyType(named)))
    return KNOWLEDGE


def _deployment(known: Knowledge, called: Case, now: datetime) -> Deployment:
    settings, clock = Settings(base_url=BASE, definition=called.definition), FixedClock(now)
    return Deployment(
        settings=settings,
        knowledge=known,
        queries=(),
        needs=(),
        clock=clock,
        ehr=EhrAccess(_nobody(), settings, clock),
        memory=None,
        engine="1.0.0",
    )


@cache
def _nobody() -> httpx.AsyncClient:
    """A client for a network that is not there; nothing is asked of it."""
    return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(503)))


def _request(called: Case) -> HookRequest:
    return HookRequest(
        hook=called.hook,
        hook_instance="0b0f9d7e-6a35-4f6c-9d28-58a3f8f2f1aa",
        user_id=USER,
        patient_id=called.chart.patient_id,
        encounter_id=called.encounter,
        selections=called.selections,
        drafts=called.drafts,
    )


def _caller(called: Case, client: Behaviour) -> Caller:
    return Caller(
        id="a-client",
        allowed=AllowList(()),
        time_zone="UTC",
        jurisdiction=called.jurisdiction,
        selection=client.selection_behavior,
        style=order_style(client),
        form=card_form(client),
    )


def _written_here(resource: Resource) -> Resource:
    """An answer that the user of this call wrote down in this very visit."""
    if resource["resourceType"] != "Observation":
        return resource
    return {**resource, "encounter": {"reference": f"Encounter/{VISIT}"}, "performer": [{"reference": USER}]}


def _availability(draw: Random, chart: Chart) -> Mapping[str, Availability]:
    known = {kind: Availability(read=Read.COMPLETE) for kind in READ_KINDS}
    if chart.source == "gallery" and draw.random() < 0.8:
        return {**known, **{kind: Availability(read=Read.UNREAD, why=_UNREAD[0]) for kind in chart.unread}}
    for kind in draw.sample(READ_KINDS[2:], k=draw.choices((0, 1, 2, 5), (70, 15, 10, 5))[0]):
        read = draw.choice((Read.UNREAD, Read.PARTIAL, Read.UNKNOWN))
        known[kind] = Availability(read=read, why=draw.choice(_UNREAD))
    return known


def _drafts(draw: Random, chart: Chart) -> tuple[Resource, ...]:
    """What stands unsigned in the order entry: mostly one order of a drug, and now and then several of any kind."""
    drafts = [*_said(chart)]
    wanted = draw.choices((1, 2, 3, 5), (60, 22, 10, 8))[0] if not drafts else draw.choices((0, 1), (90, 10))[0]
    for number in range(wanted):
        known = [drug for drug in chart.drugs if drug in orderable()]
        kind = draw.choices(("known", "any", "text", "service", "again"), (28, 32, 12, 20, 8))[0]
        if kind == "again" and drafts:
            made = {**drafts[-1]}
        elif kind == "service":
            made = _of("ServiceRequest", chart, code={"text": draw.choice(_PROCEDURES)})
        elif kind == "text":
            made = _of("MedicationRequest", chart, medicationCodeableConcept={"text": draw.choice(_NO_NAMES)})
        else:
            drug = draw.choice(known if kind == "known" and known else orderable())
            made = drafted(spoken(draw, drug), patient_id=chart.patient_id, day=chart.as_of, knowledge=KNOWLEDGE)
        id_ = f"draft-{number}" if draw.random() < 0.9 else f"e.{'x' * 198}-{number}"
        drafts.append({**made, "id": id_, "status": draw.choices(("draft", "active"), (90, 10))[0]})
    return tuple(drafts)


def _said(chart: Chart) -> tuple[Resource, ...]:
    """What the case of the gallery drafts."""
    said = [drafted(one, patient_id=chart.patient_id, day=chart.as_of, knowledge=KNOWLEDGE) for one in chart.takes]
    if chart.procedure:
        kind = next(one for one in KNOWLEDGE.procedures.kinds if one.id == chart.procedure)
        said.append(_of("ServiceRequest", chart, code={"text": kind.label}))
    return tuple({**one, "id": f"drafted-{number}"} for number, one in enumerate(said))


def _of(kind: str, chart: Chart, **more: Any) -> Resource:
    subject = {"reference": f"Patient/{chart.patient_id}"}
    return {"resourceType": kind, "status": "draft", "intent": "order", "subject": subject, **more}
