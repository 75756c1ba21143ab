"""One kind of data asked for at the client's FHIR server: one way after the other, until the server takes one.

`cds_hooks.ehr` says which ways there are, in which order they come, and what to try after a refusal. Here they are
tried. Whatever came by any way is kept; only a way that was answered whole makes the kind complete.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

from cds_hooks.ehr.failures import NOT_WAITED_FOR, FhirFailure
from cds_hooks.ehr.rungs import next_rung
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.searches import ROOM, SHORT, Request, Search, Variant, Wanted
from cds_hooks.envelope import Resource
from cds_hooks.fhir_client import FhirClient, SearchAnswer

NOT_FOUND = "the FHIR server does not know the patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How one kind is asked for in one round: `form` of the patient's id, `rank` as in `Gate`.

    After `until`, an event-loop time, nothing new is begun for it; None where it is waited for to the end.
    """

    form: PatientForm = "bare"
    rank: int = 1
    until: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether nothing new may be begun."""
        return self.until is not None and asyncio.get_running_loop().time() >= self.until


@dataclass(slots=True)
class Pulled:
    """What was pulled of one part of a kind. It grows while answers come, so that a deadline leaves what came.

    `why` is empty when all of it came, else the reason why it did not. `failure` is the refusal that ended the asking.
    `by_form`: the patient was named in the form asked for, so that a server that knows another form finds nothing, or
    refuses. `answered`: a way was answered to its end, if perhaps a narrow one.
    """

    resource_type: str
    answers: list[SearchAnswer] = field(default_factory=list, repr=False)
    why: str = "not asked"
    failure: FhirFailure | None = None
    by_form: bool = False
    answered: bool = False

    @property
    def resources(self) -> list[Resource]:
        """All that came, by whatever way; the same resource may come by several."""
        return [resource for answer in self.answers for resource in answer.resources]

    @property
    def cut_off(self) -> bool:
        """Whether the end of the time for reading ended it."""
        failed = self.failure is not None and self.failure.outcome == "cut-off"
        return failed or any(answer.cut_off for answer in self.answers)

    @property
    def found(self) -> bool:
        """Whether anything came at all, also what a window of time leaves out."""
        return any(answer.matches(self.resource_type) for answer in self.answers)

    @property
    def may_be_another_form(self) -> bool:
        """Whether a server that knows patients by another form would have answered like this."""
        refused = self.failure is not None and is_a_refusal(self.failure)
        return self.by_form and not self.found and (self.answered or refused)


def is_a_refusal(failure: FhirFailure) -> bool:
    """Whether the server does not answer what it was asked, as against being unable to answer now."""
    return next_rung(failure, posted=True, shortened=True) == "variant"


async def pull(search: Search, wanted: Wanted, patient_id: str, fhir: FhirClient, into: Pulled, asking: Asking) -> None:
    """Ask for `wanted` by one variant of `search` after the other. Raises nothing for what the server does."""
    refusal: FhirFailure | None = None
    for number, variant in enumerate(fhir.ways.variants(search, asking.form)):
        if number and asking.is_late:
            into.why = NOT_WAITED_FOR
            return
        into.by_form = _names_the_patient(variant)
        failure, answers = await _by(variant, search, wanted, patient_id, fhir, into, asking)
        if failure is None and search.key == "patient" and not any(answer.resources for answer in answers):
            # A patient in context exists, so an empty answer is none.
            failure = FhirFailure(NOT_FOUND, HTTPStatus.NOT_FOUND, outcome="not-found")
        if failure is None:
            into.failure = None
            open_ = dict.fromkeys(answer.why for answer in answers if not answer.complete)
            into.answered = not open_
            into.why = "; ".join(open_) or variant.narrows
            if number:
                fhir.ways.learn_variant(search, variant)
            return
        if not is_a_refusal(failure):
            into.failure, into.why = failure, failure.why
            return
        # The first refusal is that of the usual way, so it tells most.
        refusal = refusal or failure
        into.failure, into.why = refusal, refusal.why
    fhir.ways.learn_refused(search, asking.form)


async def _by(
    variant: Variant,
    search: Search,
    wanted: Wanted,
    patient_id: str,
    fhir: FhirClient,
    into: Pulled,
    asking: Asking,
) -> tuple[FhirFailure | None, Sequence[SearchAnswer]]:
    """Ask by `variant`: its failure, None when it was answered, and its answers."""
    include = fhir.ways.include(search)
    post = posted = shortened = False
    while True:
        requests = variant.requests(patient_id, asking.form, wanted, room=SHORT if shortened else ROOM)
        failure, answers = await _all(
            [one.including(include) for one in requests], patient_id, fhir, into, asking, post=post
        )
        if failure is None:
            return None, answers
        if include and is_a_refusal(failure):
            include = ()  # a server may refuse what it says it can
            continue
        rung = next_rung(failure, posted=posted, shortened=shortened)
        if rung not in ("post", "shorter") or asking.is_late:
            return failure, answers
        post, posted, shortened = rung == "post", True, shortened or rung == "shorter"


async def _all(
    requests: Iterable[Request], patient_id: str, fhir: FhirClient, into: Pulled, asking: Asking, *, post: bool
) -> tuple[FhirFailure | None, Sequence[SearchAnswer]]:
    """Make all `requests` at once; one failure, that of a server in trouble before a refusal, and the answers."""
    into.answers = [answer for answer in into.answers if answer.resources]

    async def ask(request: Request, answer: SearchAnswer) -> FhirFailure | None:
        try:
            await fhir.ask(request, answer, rank=asking.rank, post=post, until=asking.until)
        except FhirFailure as failure:
            return failure
        return None

    async with asyncio.TaskGroup() as group:
        answers, tasks = [], []
        for request in requests:
            answers.append(SearchAnswer(patient_id=patient_id))
            tasks.append(group.create_task(ask(request, answers[-1])))
        into.answers += answers
    failures = [failure for task in tasks if (failure := task.result()) is not None]
    in_trouble = (failure for failure in failures if not is_a_refusal(failure))
    return next(in_trouble, failures[0] if failures else None), answers


def _names_the_patient(variant: Variant) -> bool:
    return any("{patient}" in text for text in variant.parameters.values())
