"""All that may be said of one call: counts, durations and names that we chose ourselves.

A `CallLine` is filled while a call is worked on. When the call ends, its log line and its metrics are both made from
it, and from nothing else: what has no place here can reach neither. Every name is one of a closed set below, an id of
the client registry or an id of the knowledge; never anything a client wrote.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cds_hooks.clock import stopwatch
from cds_hooks.ehr.failures import OUTCOMES, REFUSALS, Outcome, Refused
from cds_hooks.observing.correlation import CallerSpan

Stage = Literal["authenticate", "wait", "gather", "read", "assess", "compose", "record"]
STAGES: tuple[Stage, ...] = get_args(Stage)
FhirOutcome = Outcome
FHIR_OUTCOMES = OUTCOMES
Ended = Literal["", "soft", "hard"]
Match = Literal["matched", "unmatched", "repeated"]
MATCHES: tuple[Match, ...] = get_args(Match)
Book = Literal["audit", "feedback", "log"]
BOOKS: tuple[Book, ...] = get_args(Book)
OTHER = "other"
FEEDBACK_OUTCOMES = ("accepted", "overridden")
# What the service ever asks a FHIR server for; a type that a reference of the client names is "other".
RESOURCE_TYPES = frozenset(
    {
        "AllergyIntolerance",
        "Condition",
        "Medication",
        "MedicationAdministration",
        "MedicationDispense",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Patient",
        "Procedure",
        "QuestionnaireResponse",
    }
)


@dataclass(frozen=True, slots=True)
class FhirCall:
    """One request to the client's FHIR server: for what, how it ended, and how long it took."""

    resource_type: str
    outcome: FhirOutcome
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Timed:
    """A part of a call on the scale of `stopwatch`: a stage, or a request to the FHIR server with how it ended."""

    name: str
    started: float
    ended: float
    outcome: str = ""


@dataclass(slots=True)
class CallLine:
    """What may be said of one call.

    `call` is the kind of address; `service` one of our ids or ``unknown``; `client` a registry id or ``open``; `mode`
    live, shadow or off; `outcome` a fault's class name or a few words of ours; `refused_by` the check a token failed,
    for the operator's eyes only. `cards` are the kinds of the cards shown, `shadowed_cards` of those computed and not
    shown, `silenced_cards` of those answered before, `rules` those behind the verdict, `card_rules` (rule, whether
    shown) of each card. `audit` is the number of the call's audit event, `write_failures` are the books that could not
    be written. `correlation_id` is random; for `caller_trace` and `caller_span`, which only spans are put below, see
    `correlation`. `stages` and `fhir` hold milliseconds, `timed` when each of them was; `fhir_retries` are requests
    made again, by resource type, `refused_addresses` why something was not called, `budget` which end of the time for
    reading cut something off, `repairs` what was mended while it was read.
    `fault_place` is ``file:line`` of code.
    """

    call: str = OTHER
    service: str = ""
    client: str = ""
    mode: str = ""
    status: int = 0
    outcome: str = ""
    refused_by: str = ""
    verdict: str = ""
    cards: tuple[str, ...] = ()
    shadowed_cards: tuple[str, ...] = ()
    silenced_cards: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    card_rules: tuple[tuple[str, bool], ...] = ()
    drafts: int = 0
    concerning: int = 0
    resources: int = 0
    gaps: tuple[str, ...] = ()
    unmatched_feedback: int = 0
    feedback: Counter[tuple[str, Match]] = field(default_factory=Counter)
    write_failures: tuple[Book, ...] = ()
    milliseconds: float = 0.0
    stages: dict[Stage, float] = field(default_factory=dict)
    fhir: list[FhirCall] = field(default_factory=list)
    timed: list[Timed] = field(default_factory=list)
    fhir_retries: Counter[str] = field(default_factory=Counter)
    refused_addresses: tuple[Refused, ...] = ()
    budget: Ended = ""
    repairs: Counter[str] = field(default_factory=Counter)
    knowledge: str = ""
    audit: int = 0
    correlation_id: str = ""
    caller_trace: str = ""
    caller_span: CallerSpan | None = None
    fault: str = ""
    fault_place: str = ""

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Time what happens inside, awaits included; a stage entered again adds up. ValueError for an unknown name."""
        if name not in STAGES:
            raise ValueError("no stage has this name")
        started = stopwatch()
        try:
            yield
        finally:
            ended = stopwatch()
            self.stages[name] = self.stages.get(name, 0.0) + (ended - started) * 1000
            self.timed.append(Timed(name, started, ended))

    def note_fhir(self, resource_type: str, outcome: FhirOutcome, milliseconds: float) -> None:
        """One request to the FHIR server has ended. ValueError for an unknown outcome."""
        if outcome not in FHIR_OUTCOMES:
            raise ValueError("no FHIR call ends like this")
        self.fhir.append(FhirCall(_known(resource_type), outcome, milliseconds))
        ended = stopwatch()
        self.timed.append(Timed(f"read {_known(resource_type)}", ended - milliseconds / 1000, ended, outcome))

    def note_retry(self, resource_type: str) -> None:
        """A request to the FHIR server is made once more."""
        self.fhir_retries[_known(resource_type)] += 1

    def note_refused(self, reason: Refused) -> None:
        """Something was not called, because of its address. ValueError for an unknown reason."""
        if reason not in REFUSALS:
            raise ValueError("no address is refused for this")
        self.refused_addresses += (reason,)

    def note_repairs(self, repairs: Mapping[str, int]) -> None:
        """What was mended while the data were read: in how many places, by names of the knowledge."""
        self.repairs.update(repairs)

    def note_card(self, kind: str, *, shown: bool, rules: Iterable[str] = ()) -> None:
        """One card was composed for rules of the knowledge, and `shown` or kept back in shadow."""
        if shown:
            self.cards += (kind,)
        else:
            self.shadowed_cards += (kind,)
        self.card_rules += tuple((rule, shown) for rule in dict.fromkeys(rules))

    def note_feedback(self, outcome: str, match: Match, items: int = 1) -> None:
        """Feedback was taken: new for a card on record, new for none, or told before. ValueError for another match."""
        if match not in MATCHES:
            raise ValueError("feedback is matched, unmatched or repeated")
        self.feedback[outcome if outcome in FEEDBACK_OUTCOMES else OTHER, match] += items
        if match == "unmatched":
            self.unmatched_feedback += items

    def note_write_failure(self, book: Book) -> None:
        """Something of this call could not be written down. ValueError for an unknown book."""
        if book not in BOOKS:
            raise ValueError("no book has this name")
        self.write_failures += (book,)

    def never_say(self, *identifiers: str | None) -> None:
        """Forget what the caller sent when it is one of `identifiers` (ids or references) in another spelling."""
        bare = {one.rpartition("/")[2].replace("-", "").lower() for one in identifiers if one}
        if self.caller_trace in bare:
            self.caller_trace, self.caller_span = "", None
        if self.caller_span is not None and self.caller_span.span in bare:
            self.caller_span = None

    def said(self) -> dict[str, Any]:
        """The log line: the keys of `LOG_KEYS` that are not empty, durations in milliseconds to one decimal."""
        counted = Counter[str]()
        for (_, match), items in self.feedback.items():
            counted[match] += items
        said = {name: value for name in _AS_THEY_ARE if (value := getattr(self, name))}
        more: dict[str, Any] = {
            "milliseconds": round(self.milliseconds, 1),
            "stages": {name: round(self.stages[name], 1) for name in STAGES if name in self.stages},
            "fhir_calls": len(self.fhir),
            "fhir_failed": sum(call.outcome != "ok" for call in self.fhir),
            "fhir_milliseconds": round(sum(call.milliseconds for call in self.fhir), 1),
            "fhir_retries": self.fhir_retries.total(),
            "refused_addresses": tuple(sorted(set(self.refused_addresses))),
            "repairs": dict(sorted(self.repairs.items())),
            "matched_feedback": counted["matched"],
            "repeated_feedback": counted["repeated"],
        }
        said.update((name, value) for name, value in more.items() if value)
        return said


def _known(resource_type: str) -> str:
    return resource_type if resource_type in RESOURCE_TYPES else OTHER


_AS_THEY_ARE = (
    "call", "service", "client", "mode", "status", "outcome", "refused_by", "verdict", "cards", "shadowed_cards",
    "silenced_cards", "rules", "drafts", "concerning", "resources", "gaps", "unmatched_feedback", "audit",
    "write_failures", "budget", "knowledge", "correlation_id", "caller_trace", "fault", "fault_place",
)  # fmt: skip
LOG_KEYS = frozenset(
    {
        *_AS_THEY_ARE,
        *("milliseconds", "stages", "fhir_calls", "fhir_failed", "fhir_milliseconds", "fhir_retries"),
        *("refused_addresses", "repairs"),
        *("matched_feedback", "repeated_feedback"),
    }
)
