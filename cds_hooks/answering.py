"""From gathered data to the answer of one call: facts, judgement, what to say, and what of it is shown.

A client in shadow is judged like any other; its cards are counted and not sent. A rule in shadow is judged with and
without: what is sent is what would be said without it, and what it would have added is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from cds_hooks.caller import Caller
from cds_hooks.deployment import Deployment
from cds_hooks.envelope import HookRequest, Resource
from cds_hooks.errors import EssentialDataMissing
from cds_hooks.gather import Gathered
from cds_hooks.modes import LIVE, SHADOW
from cds_hooks.observing.call_line import CallLine
from cds_hooks.references import local_reference
from cds_hooks.render import Provenance, Rendered, render, response
from cds_hooks.repeats import Answers, selected
from cds_hooks.smart.app_context import context_of
from cds_hooks.suggesting import Ordering
from cds_hooks.wire import HookResponse
from mappings.load import Knowledge
from plugin import assess
from plugin.advice.policy import CardDraft, advise, would_tell
from plugin.assessment import Assessment
from plugin.ingest import read_record, read_standing_orders
from plugin.record import DraftOrder, PatientRecord, StandingOrder
from plugin.resistance.verdict import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back, and what is to be written down about it: the cards shown, and those that stayed in shadow.

    `patient_read` is false when the call was answered before anything of the patient was looked at. `ordered` are the
    ids of the drugs and procedures that the selected orders are about. `told` is to be called once the answer is on
    record and leaves. `basis` is what the cards shown rest on: the assessment, and the knowledge it was judged by.
    """

    response: HookResponse
    patient_read: bool = True
    shown: tuple[Rendered, ...] = ()
    shadowed: tuple[Rendered, ...] = ()
    definition: str = ""
    ordered: frozenset[str] = frozenset()
    told: Callable[[], None] | None = None
    basis: tuple[Assessment, Knowledge] | None = field(default=None, repr=False)


NO_CARDS = Answer(response=HookResponse(cards=()))
NOTHING_READ = Answer(response=HookResponse(cards=()), patient_read=False)


def answered(
    deployment: Deployment,
    request: HookRequest,
    caller: Caller,
    gathered: Gathered,
    *,
    orders: tuple[DraftOrder, ...],
    now: datetime,
    line: CallLine,
    answers: Answers | None = None,
) -> Answer:
    """The answer to `request` from what was gathered for it; notes counts and names on `line`.

    Raises EssentialDataMissing where only a beginning of the history came and opening a record would be answered with
    silence for want of the rest: silence is for those about whom there is nothing to say.
    """
    zone = ZoneInfo(caller.time_zone)
    as_of = now.astimezone(zone).date()
    with line.stage("read"):
        record = read_record(
            _without_drafts(gathered.resources, request),
            knowledge=deployment.knowledge,
            patient_id=request.patient_id,
            availability=gathered.availability,
            zone=zone,
            jurisdiction=caller.jurisdiction,
        )
        line.note_repairs(record.repairs)
        stood = read_standing_orders(
            request.drafts,
            gathered.resources,
            knowledge=deployment.knowledge,
            as_of=as_of,
            jurisdiction=caller.jurisdiction,
        )
    case = _Case(deployment, request, caller, record, orders, stood, as_of, answers, line.service)
    standing = caller.standing
    with line.stage("assess"):
        knowing = told = deployment.knowledge.without(standing.off)
        assessment, drafts = case.judged(knowing)
        full, wanted = assessment, drafts
        if standing.shadowed:
            told = deployment.knowledge.without(standing.off | standing.shadowed)
            assessment, drafts = case.judged(told)
    line.silenced_cards = tuple(dict.fromkeys(case.silenced))
    verdict = str(full.verdict.value)
    line.verdict = verdict
    line.rules = tuple(dict.fromkeys(reason.rule for reason in full.verdict.reasons))
    if gathered.broken_off and not request.takes_orders and not wanted and not case.silenced:
        _require_verdict(full, knowing)
    keep_in_mind: Callable[[], None] | None = None
    if any(draft.lasting for draft in wanted) and not request.takes_orders and deployment.memory is not None:
        # What was told in shadow, by a client's mode or a rule's, was not told.
        spoken = standing.mode == LIVE and any(draft.lasting for draft in drafts)
        news = {
            "client": f"{caller.id} {LIVE if spoken else SHADOW}",
            "user": request.user_id,
            "patient": request.patient_id,
            "verdict": str(assessment.verdict.value) if spoken else verdict,
        }
        first = deployment.memory.told_at(**news, now=now)
        if first is None:
            keep_in_mind = partial(deployment.memory.remember, **news, now=now)
        elif now - first >= timedelta(hours=deployment.settings.sitting_hours):
            # Told in an earlier sitting: the verdict is no news. Recorded danger and gates are always said.
            drafts, wanted = _never_silenced(drafts), _never_silenced(wanted)
            if not wanted:
                line.outcome = "already-said"
                return NO_CARDS
    with line.stage("compose"):
        shown = case.rendered(assessment, drafts, told)
        # What is said differently only because a rule in shadow acts is counted as that rule's.
        shadowed = case.rendered(full, [draft for draft in wanted if draft not in drafts], knowing)
        if standing.mode != LIVE:
            shown, shadowed = (), case.rendered(full, wanted, knowing)
    for one in (*shown, *shadowed):
        line.note_card(one.draft.kind, shown=one in shown, rules=one.draft.rules)
    definition = assessment.definition.id
    provenance = _provenance(deployment, definition, as_of)
    cards = tuple(one.card for one in shown)
    return Answer(
        response=response(cards, provenance),
        shown=shown,
        shadowed=shadowed,
        definition=definition,
        ordered=selected(orders),
        told=keep_in_mind,
        basis=(assessment, told),
    )


@dataclass(frozen=True, slots=True)
class _Case:
    """One patient's facts at one call, judged as often as rules in shadow ask for."""

    deployment: Deployment
    request: HookRequest
    caller: Caller
    record: PatientRecord
    orders: tuple[DraftOrder, ...]
    stood: tuple[StandingOrder, ...]
    as_of: date
    answers: Answers | None
    service: str = ""
    silenced: list[str] = field(default_factory=list)

    def judged(self, knowledge: Knowledge) -> tuple[Assessment, tuple[CardDraft, ...]]:
        assessment = assess(
            self.record,
            knowledge=knowledge,
            as_of=self.as_of,
            definition=self.deployment.settings.definition,
            jurisdiction=self.caller.jurisdiction,
            orders=self.orders,
            stood=self.stood,
        )
        request = self.request
        drafts = advise(
            assessment,
            hook=request.hook,
            knowledge=knowledge,
            user=request.user_id,
            encounter=request.encounter,
            silenced=self._is_answered,
            at_most=self.caller.form.cards_at_most,
        )
        return assessment, drafts

    def _is_answered(self, draft: CardDraft) -> bool:
        """Asked before the three cards are chosen, so that an answered one leaves its place to the next."""
        if self.answers is None:
            return False
        if not self.answers.silence(draft, hook=self.request.hook, ordered=selected(self.orders)):
            return False
        self.silenced.append(draft.kind)
        return True

    def rendered(
        self, assessment: Assessment, drafts: Sequence[CardDraft], knowledge: Knowledge
    ) -> tuple[Rendered, ...]:
        ordering = Ordering(
            assessment=assessment,
            patient_id=self.request.patient_id,
            encounter=self.request.encounter,
            selection=self.caller.selection,
            style=self.caller.style,
            drafts=self.request.drafts,
            orders=self.orders,
        )
        return render(
            drafts,
            knowledge=knowledge,
            base_url=self.deployment.settings.base_url,
            ordering=ordering,
            form=self.caller.form,
            provenance=_provenance(self.deployment, assessment.definition.id, self.as_of),
            demo=self.deployment.demo,
            app_context=context_of(
                self.orders, hook=self.request.hook, service=self.service, definition=assessment.definition.id
            ),
        )


def _require_verdict(assessment: Assessment, knowledge: Knowledge) -> None:
    """Refuse to be silent about a verdict that is open because the history broke off."""
    if assessment.verdict.value is Value.INDETERMINATE and would_tell(assessment, knowledge):
        raise EssentialDataMissing(
            "Only the beginning of the medication history came, and nothing can be told from it.",
            "Send the prefetch key medicationRequests without further pages, or a fhirServer and an access token by "
            "which they can be read (scope patient/MedicationRequest.rs).",
            where="prefetch.medicationRequests",
        )


def _never_silenced(drafts: Sequence[CardDraft]) -> tuple[CardDraft, ...]:
    return tuple(draft for draft in drafts if not draft.lasting)


def _without_drafts(resources: Sequence[Resource], request: HookRequest) -> tuple[Resource, ...]:
    """What is on record beside the orders this call is about: an order signed again is no history of itself.

    What it tells of drugs taken reaches the safety rules on its own way (`read_standing_orders`).
    """
    drafted = {local_reference(draft) for draft in request.drafts if draft.get("id")}
    return tuple(item for item in resources if not item.get("id") or local_reference(item) not in drafted)


def _provenance(deployment: Deployment, definition: str, as_of: date) -> Provenance:
    knowledge = deployment.knowledge
    return Provenance(
        engine=deployment.engine,
        knowledge=knowledge.version,
        content_hash=knowledge.content_hash,
        definition=definition,
        as_of=as_of,
        site=knowledge.site_id,
    )
