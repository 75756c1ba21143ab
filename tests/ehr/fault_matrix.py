"""Every kind of data that a call reads, every way a FHIR server fails, and what the answer then has to be.

What is expected follows from rules with a reason each, in their order; none is taken down from what the service does.
Shown in docs/fault-matrix.md, held against the service by test_fault_matrix.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from tests.ehr.faults import Fault

Answer = Literal["complete", "gap", "412", "not offered"]
Ended = Literal["", "soft", "hard"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of data. `key` is that of ``searches.yaml``, `gap` what it is called when it did not come, `card` how a
    card calls it then; `read` where it is had by reading one resource, which has no pages.
    """

    label: str
    key: str
    gap: str
    card: str
    essential: bool = False
    read: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """One way to fail: the `fault`, what the server does `in_words`, and the reason that a card gives, as `why`.

    `socket`: it needs a real connection. `lasting`: nothing ends it but the end of the time for reading. `pages`: it is
    about a page after the first. `host`: it tells of the whole server, which is then asked for nothing more.
    """

    label: str
    fault: Fault
    in_words: str
    why: str
    socket: bool = False
    lasting: bool = False
    pages: bool = False
    host: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a cell comes to, by which rule, what ended the reading, and whether other kinds may be gaps besides."""

    answer: Answer
    rule: str
    ended: Ended = ""
    others_too: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The first rule that `holds` for a cell decides it. `because` stands on the page."""

    id: str
    answer: Answer
    because: str
    holds: Callable[[Kind, Failing], bool]


TIME_RAN_OUT = "the time allowed for reading ran out"
NOT_WAITED_FOR = "it took longer than this kind of data is waited for"
LEFT_IN_PEACE = "the FHIR server failed several times just now and is left in peace for a moment"
NAMELESS = "1 entries name their medication by a reference that could not be read"
OFTEN_NOT_OFFERED = "MedicationAdministration"
SOFT = "otherScales"
# Where one of these did not come whole, nothing says which scores are on record.
SCORES = frozenset({"Observation", "QuestionnaireResponse", "Observation/outcome-scales"})
ONE_MORE_SCORE = "A score that was not read could change what is said of a trial"

KINDS = (
    Kind(label="Patient", key="patient", gap="Patient", card="", essential=True, read=True),
    Kind(
        label="MedicationRequest",
        key="medicationRequests",
        gap="MedicationRequest",
        card="orders",
        essential=True,
    ),
    # A drug that an order only points to; without it the order names no drug, so that the orders are the gap.
    Kind(label="Medication", key="medications", gap="MedicationRequest", card="orders", read=True),
    Kind(label="MedicationDispense", key="dispenses", gap="MedicationDispense", card="dispenses"),
    Kind(label="MedicationStatement", key="statements", gap="MedicationStatement", card="reported drugs"),
    Kind(label="MedicationAdministration", key="administrations", gap="MedicationAdministration", card="doses given"),
    Kind(label="Observation, scores", key="scales", gap="Observation", card="scores"),
    Kind(label="Observation, laboratory", key="laboratory", gap="Observation/laboratory", card="laboratory values"),
    Kind(
        label="Observation, scales of outcome",
        key="outcomeScales",
        gap="Observation/outcome-scales",
        card="further scales of outcome and safety",
    ),
    Kind(label="Observation, other scales", key="otherScales", gap="Observation/other-scales", card="other scales"),
    Kind(
        label="QuestionnaireResponse",
        key="questionnaireResponses",
        gap="QuestionnaireResponse",
        card="questionnaires",
    ),
    Kind(label="Condition", key="conditions", gap="Condition", card="problem list"),
    Kind(label="AllergyIntolerance", key="allergies", gap="AllergyIntolerance", card="allergies"),
    Kind(label="Procedure", key="procedures", gap="Procedure", card="procedures"),
)

FAULTS = (
    Failing(
        label="timeout",
        fault=Fault("hang"),
        in_words="reads the request and never answers",
        why=TIME_RAN_OUT,
        socket=True,
        lasting=True,
    ),
    Failing(
        label="slow drip",
        fault=Fault("drip"),
        in_words="sends its answer one byte every 50 ms",
        why=TIME_RAN_OUT,
        socket=True,
        lasting=True,
    ),
    Failing(
        label="401",
        fault=Fault("status", status=401),
        in_words="answers 401",
        why="the FHIR server refused access (401)",
    ),
    Failing(
        label="403",
        fault=Fault("status", status=403),
        in_words="answers 403",
        why="the FHIR server refused access (403)",
    ),
    Failing(
        label="404",
        fault=Fault("status", status=404),
        in_words="answers 404, however it is asked",
        why="the FHIR server answered 404",
    ),
    Failing(
        label="429 for long",
        fault=Fault("status", status=429, headers={"Retry-After": "3600"}),
        in_words="answers 429 with `Retry-After: 3600`",
        why="the FHIR server answered 429 and asks to wait longer than there is time",
        host=True,
    ),
    Failing(
        label="429 once",
        fault=Fault("status", status=429, headers={"Retry-After": "1"}, times=1),
        in_words="answers 429 with `Retry-After: 1`, and well after that",
        why="",
    ),
    Failing(label="500", fault=Fault("status", status=500), in_words="answers 500", why="the FHIR server answered 500"),
    Failing(
        label="malformed JSON",
        fault=Fault("malformed"),
        in_words="sends half of the JSON",
        why="the FHIR server's answer is not JSON",
    ),
    Failing(
        label="wrong type",
        fault=Fault("wrong-type"),
        in_words="sends a resource of another type",
        why="other kinds of resource were sent",
    ),
    Failing(
        label="wrong patient",
        fault=Fault("wrong-patient"),
        in_words="sends what belongs to somebody else",
        why="",
    ),
    Failing(
        label="patient ignored",
        fault=Fault("everybodys"),
        in_words="sends everybody's, and its link `self` says that it did not look for the patient",
        why="the FHIR server did not limit its answer to the patient",
    ),
    Failing(
        label="duplicate page",
        fault=Fault("duplicate"),
        in_words="sends the first page a second time",
        why="",
        pages=True,
    ),
    Failing(
        label="endless paging",
        fault=Fault("endless"),
        in_words="links to one more page, without end",
        why="there are more pages than the service reads",
        socket=True,
        pages=True,
    ),
    Failing(
        label="huge body",
        fault=Fault("huge"),
        in_words="sends an answer without end",
        why="the FHIR server's answer is larger than the service reads",
        socket=True,
    ),
    Failing(
        label="connection reset",
        fault=Fault("reset"),
        in_words="resets the connection, however often it is asked",
        why="the FHIR server is not reachable",
        socket=True,
        host=True,
    ),
    Failing(
        label="OperationOutcome",
        fault=Fault("outcome"),
        in_words="answers 200 with an OperationOutcome that holds an error",
        why="the FHIR server reported an error",
    ),
    Failing(
        label="redirect",
        fault=Fault("redirect"),
        in_words="redirects to another origin",
        why="the FHIR server redirected elsewhere, which is not followed (302)",
        socket=True,
    ),
)

RULES = (
    Rule(
        id="no pages",
        answer="complete",
        because="One resource is read, not searched: it has no pages that could go wrong.",
        holds=lambda kind, fault: fault.pages and kind.read,
    ),
    Rule(
        id="no search",
        answer="complete",
        because="One resource is read by its id: there is no patient to search for that could be ignored.",
        holds=lambda kind, fault: fault.fault.kind == "everybodys" and kind.read,
    ),
    Rule(
        id="nobody's",
        answer="complete",
        because="A Medication is nobody's: it names no patient, so that it cannot be another's.",
        holds=lambda kind, fault: fault.fault.kind == "wrong-patient" and kind.key == "medications",
    ),
    Rule(
        id="two patients",
        answer="412",
        because=(
            "Data of two patients are never mixed. Where one resource is another's, nothing shows whose the others "
            "are: nothing is computed, whatever the kind."
        ),
        holds=lambda kind, fault: fault.fault.kind == "wrong-patient",
    ),
    Rule(
        id="same again",
        answer="complete",
        because="A resource that comes twice counts once, and the last page came: all is there.",
        holds=lambda kind, fault: fault.fault.kind == "duplicate",
    ),
    Rule(
        id="too late",
        answer="gap",
        because="Other scales are waited for until the soft end of the time, and the server asks for more than that.",
        holds=lambda kind, fault: fault.label == "429 once" and kind.key == SOFT,
    ),
    Rule(
        id="asked again",
        answer="complete",
        because="The server says when it may be asked again, and that is within the time: it is asked again then.",
        holds=lambda kind, fault: fault.label == "429 once",
    ),
    Rule(
        id="does not have it",
        answer="not offered",
        because=(
            "Most outpatient records hold no doses given on a ward, and a server without them refuses the search. That "
            "is not told as missing; nor are doses given named among what was looked at."
        ),
        holds=lambda kind, fault: kind.label == OFTEN_NOT_OFFERED and fault.label in ("403", "404"),
    ),
    Rule(
        id="a beginning",
        answer="gap",
        because="What came before is used, and is not the whole.",
        holds=lambda kind, fault: fault.fault.kind == "endless",
    ),
    Rule(
        id="essential",
        answer="412",
        because="Without the patient or the orders there is no history that could be judged, by either route.",
        holds=lambda kind, fault: kind.essential,
    ),
    Rule(
        id="unread",
        answer="gap",
        because="What did not come is named with its reason, and the rest is judged.",
        holds=lambda kind, fault: True,
    ),
)


def expected(kind: Kind, failing: Failing) -> Expected:
    """What has to come of a call whose server fails `failing` whenever it is asked for `kind`."""
    rule = next(rule for rule in RULES if rule.holds(kind, failing))
    ended: Ended = ""
    if rule.answer == "gap" and kind.key == SOFT and (failing.lasting or rule.id == "too late"):
        ended = "soft"
    elif failing.lasting and rule.answer == "gap":
        ended = "hard"
    return Expected(answer=rule.answer, rule=rule.id, ended=ended, others_too=failing.host)


def why(kind: Kind, failing: Failing) -> str:
    """The reason that a card gives for a gap of `kind`."""
    if kind.key == "medications":
        return NAMELESS
    return NOT_WAITED_FOR if expected(kind, failing).ended == "soft" else failing.why


def cells() -> Iterator[tuple[int, Kind, Failing]]:
    """Every cell with the number of its diagonal."""
    for row, kind in enumerate(KINDS):
        for column, failing in enumerate(FAULTS):
            yield row + column, kind, failing
