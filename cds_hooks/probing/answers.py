"""What came of asking: pages taken one by one, and requests put together. Nothing is sent here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from cds_hooks.ehr.failures import FhirFailure, Outcome
from cds_hooks.ehr.understanding import names_no_patient, refuse_everybodys
from cds_hooks.ehr.windows import within
from cds_hooks.envelope import Resource
from cds_hooks.prefetch import FEWER, REPORTED, State, announced_total, read_bundle
from cds_hooks.references import local_reference

NO_WAY_ON = "the FHIR server gives no way to the rest of the answer"
NOTHING_SAYS = "as many entries came as were asked for at once, and nothing says whether there are more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of one way to ask.

    `resources` of all pages, each once. `why` is empty when everything was read. `outcome` and `status` are those of
    the request that ended it, "ok" and None where none did. `total` is what the server announced, None where it said
    nothing. `older` is how many came from before the day asked for: they are left out. `milliseconds` is the time
    until the slowest of the requests, which go side by side, had its last page. `everybodys`: the server ignored the
    patient and said so, so that a page was not taken.
    """

    resources: tuple[Resource, ...] = field(default=(), repr=False)
    why: str = ""
    outcome: Outcome = "ok"
    status: int | None = None
    total: int | None = None
    older: int = 0
    posted: bool = False
    requests: int = 0
    pages: int = 0
    milliseconds: float = 0.0
    everybodys: bool = False

    @property
    def answered(self) -> bool:
        """Whether every request had at least its first page answered."""
        return self.outcome == "ok"

    @property
    def complete(self) -> bool:
        """Whether everything there is was read."""
        return self.answered and not self.why


@dataclass(slots=True)
class Part:
    """One request and its pages; `since` is the first day of its window.

    `patient_id` is whose data were asked for, empty where that does not matter; `unlimited`: the server says that it
    searched without regard to the patient; `everybodys`: so it did.
    """

    patient_id: str = field(default="", repr=False)
    since: date | None = None
    resources: dict[str, Resource] = field(default_factory=dict, repr=False)
    why: str = ""
    failure: FhirFailure | None = None
    total: int | None = None
    pages: int = 0
    milliseconds: float = 0.0
    posted: bool = False
    unlimited: bool = False
    everybodys: bool = False


def take(page: Resource, kind: str, part: Part, count: int) -> str | None:
    """Add a page to `part`; the next link, or None with ``part.why`` settled. FhirFailure for what is no answer."""
    if page.get("resourceType") != "Bundle":
        raise FhirFailure("the FHIR server did not answer with a Bundle")
    said = announced_total(page)
    part.total = max((total for total in (part.total, said) if total is not None), default=None)
    # A total counts all pages, so it says nothing about one page unless it is 0.
    sent = read_bundle(page if said == 0 else {**page, "total": None}, kind)
    if sent.state is State.UNAVAILABLE and sent.why == REPORTED:
        raise FhirFailure("the FHIR server reported an error")
    if part.pages == 0:
        part.unlimited = bool(part.patient_id) and names_no_patient(page)
    if part.unlimited:
        refuse_everybodys(sent.resources, kind, part.patient_id)
    part.pages += 1
    fresh = 0
    for number, resource in enumerate(sent.resources):
        reference = local_reference(resource)
        name = f"{part.pages}:{number}" if reference.endswith("/") else reference
        fresh += resource.get("resourceType") == kind
        part.resources.setdefault(name, resource)
    if sent.next_link is not None:
        return sent.next_link
    part.why = sent.why if sent.state in (State.INCOMPLETE, State.UNAVAILABLE) else ""
    matches = sum(resource.get("resourceType") == kind for resource in part.resources.values())
    if not part.why and part.total is not None and matches < part.total:
        part.why = NO_WAY_ON if part.pages == 1 and matches else FEWER
    elif not part.why and part.total is None and count and fresh >= count:
        part.why = NOTHING_SAYS
    return None


def together(parts: Sequence[Part], failure: FhirFailure | None) -> Answer:
    """All requests of one way of asking as one answer; `failure` is that of one whose first page did not come."""
    resources: dict[str, Resource] = {}
    older = 0
    for number, part in enumerate(parts):
        for name, resource in part.resources.items():
            if not within(resource, part.since):
                older += 1
                continue
            resources.setdefault(f"{number}:{name}" if name[0].isdigit() else name, resource)
    totals = [part.total for part in parts]
    return Answer(
        resources=tuple(resources.values()),
        why="; ".join(dict.fromkeys(part.why for part in parts if part.why)),
        outcome=failure.outcome if failure is not None else "ok",
        status=failure.status if failure is not None else None,
        total=None if None in totals else sum(total for total in totals if total is not None),
        older=older,
        posted=any(part.posted for part in parts),
        requests=len(parts),
        pages=sum(part.pages for part in parts),
        milliseconds=max((part.milliseconds for part in parts), default=0.0),
        everybodys=any(part.everybodys for part in parts),
    )
