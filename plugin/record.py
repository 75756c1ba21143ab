"""What is known of one patient, as immutable facts: the only thing the reasoning reads.

`plugin.ingest` builds a `PatientRecord` from FHIR; nothing behind it sees FHIR. Facts are as written: statuses, doses
and supplies are not judged here. Every fact keeps the reference (``Type/id``) of the resource it came from, and
every resource received ends in a fact or in `PatientRecord.set_aside`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType

from plugin.amounts import Amount
from plugin.findings import SetAside
from plugin.spans import PartialDate


class Layer(StrEnum):
    """Where a medication fact comes from, best evidence first."""

    ADMINISTRATION = "administration"
    DISPENSE = "dispense"
    REPORT = "report"  # MedicationStatement, or a MedicationRequest with reported[x]
    ORDER = "order"


class Verification(StrEnum):
    """How sure a recorded condition is."""

    CONFIRMED = "confirmed"  # also when no verification status is recorded
    SUSPECTED = "suspected"  # provisional, differential, unconfirmed, or a gate condition named in free text only
    REFUTED = "refuted"  # refuted or entered in error: ignored


class Read(StrEnum):
    """How far one kind of data could be read."""

    COMPLETE = "complete"  # read; an empty answer is a true "none recorded"
    UNKNOWN = "completeness-unknown"  # data were handed over without the query being known
    PARTIAL = "partial"  # some pages or items are missing
    UNREAD = "unread"  # refused, unreachable or never asked


# The key of `PatientRecord.availability` for laboratory results: an answer to a search for scales says nothing of them.
LABORATORY = "Observation/laboratory"
# The same for the rating scales that no prefetch template names.
OTHER_SCALES = "Observation/other-scales"


@dataclass(frozen=True, slots=True, kw_only=True)
class Availability:
    """How far one kind of data (a FHIR resource type) was read, with a short reason when not complete."""

    read: Read
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One ingredient of a product.

    `ingredient` is a drug id of the knowledge. `amount` is the labelled amount per unit in mg (tablet, capsule, patch
    per 24 h; per mL where `per` is ``mL``), None when unknown. `equivalence` converts labelled mg into mg of the
    reference salt and release that the adequate doses are stated in (1.0 for most; hydrobromide, controlled release
    and once-weekly products differ).
    """

    ingredient: str
    amount: float | None = None
    per: str = "unit"  # "unit" | "mL" | "count" (a fixed combination counted in units)
    equivalence: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPart:
    """One part of a starter pack: `count` units, one component list each, taken in the order listed."""

    count: int
    components: tuple[Component, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A medication as recognised from its codes or text.

    `excluded_for` names the labelled non-depression use of the very product (smoking cessation, insomnia, ...), None
    otherwise. `flags` names what was odd: ``display-conflict``, ``codes-conflict``, ``strength-from-text``,
    ``strength-unknown``.
    """

    label: str
    components: tuple[Component, ...]
    recognised_by: str  # "rxnorm" | "site" | "ndc" | "atc" | "snomed" | "text"
    release: str = ""
    pack: tuple[PackPart, ...] = ()
    excluded_for: str | None = None
    flags: tuple[str, ...] = ()

    @property
    def ingredients(self) -> tuple[str, ...]:
        """Drug ids, in the order of the components, each once."""
        return tuple(dict.fromkeys(component.ingredient for component in self.components))


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenDose:
    """One clause of directions in words, such as "2 capsules (75 mg each) in the morning".

    Clauses of one `step` are taken on the same days, later steps follow. `dose_low`/`dose_high` per intake in `unit`
    and `times_low`/`times_high` intakes per day as in `DosageLine`; a dose of zero ends the course. `mg` holds the
    readings (lowest, highest) of an amount in mg written beside a count, one of which is meant. `days` is how long the
    step lasts, None when not written.
    """

    step: int = 0
    dose_low: float | None = None
    dose_high: float | None = None
    unit: str = ""
    mg: tuple[tuple[float, float], ...] = ()
    times_low: float | None = None
    times_high: float | None = None
    as_needed: bool = False
    days: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DosageLine:
    """One dosage instruction, read but not yet judged.

    `dose_low`/`dose_high` is the amount per intake in `unit`: ``mg`` (mass units are converted), ``mL``, ``unit``
    (tablet, capsule, patch, spray ...), or ``""`` when no unit can be read. `times_low`/`times_high` are intakes per
    day. None means not stated or not readable. `bounds_end` is the last day written; `bounds_days` a bounded length.
    `most_per_day` in `most_unit` is a cap and no dose.

    `written` is what the words of `text` say beside those fields, empty unless every word was understood;
    `stated_total_mg` the mg a day that they name as the total of all supplies taken together. `caution` tells of
    words that were not understood as a whole: ``as-needed`` or ``other`` (hold, if, do not), else ``""``.
    """

    sequence: int | None = None
    dose_low: float | None = None
    dose_high: float | None = None
    unit: str = ""
    times_low: float | None = None
    times_high: float | None = None
    as_needed: bool = False
    bounds_start: PartialDate | None = None
    bounds_end: PartialDate | None = None
    bounds_days: float | None = None
    text: str = ""
    most_per_day: float | None = None
    most_unit: str = ""
    written: tuple[WrittenDose, ...] = ()
    stated_total_mg: float | None = None
    caution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StopReason:
    """Why a medication was stopped: `meaning` is ``inefficacy``, ``intolerance``, ``other`` or ``completed``.

    `by` is ``code``, ``text``, or ``reaction`` (a recorded reaction to the drug around its end); `label` is our own
    word for it, never chart text.
    """

    meaning: str
    by: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MedicationFact:
    """One MedicationRequest, MedicationDispense, MedicationStatement or MedicationAdministration.

    `product` is None when the drug is not one the knowledge names; such a fact is kept only because a dispense of any
    drug proves a live dispensing feed. Dates: `written` authoredOn or dateAsserted; `start`/`end` the explicit first
    and last day (handed over, effective period, bounds); `prepared_only` when a dispense has no hand-over date.
    Supply: `quantity` units per fill, `days_supply` days per fill, `repeats` additional fills allowed;
    `initial_quantity` and `initial_days` are those of a first fill of another size.
    `indications` are the categories of the stated reasons (``depression`` or another knowledge category; ``other``
    when a reason is stated but not one we know). `adherence` is ``""``, ``not-taking``, ``non-compliant`` or
    ``partial`` with its `adherence_asserted` date. `fingerprint` is equal for records alike in every field but id.
    """

    reference: str
    layer: Layer
    status: str
    product: Product | None
    intent: str = ""
    do_not_perform: bool = False
    reported: bool = False
    identifiers: frozenset[str] = frozenset()
    fingerprint: str = ""
    written: PartialDate | None = None
    start: PartialDate | None = None
    end: PartialDate | None = None
    prepared_only: bool = False
    dosage: tuple[DosageLine, ...] = ()
    quantity: float | None = None
    days_supply: float | None = None
    repeats: int | None = None
    initial_quantity: float | None = None
    initial_days: float | None = None
    validity_start: PartialDate | None = None
    validity_end: PartialDate | None = None
    stop_reasons: tuple[StopReason, ...] = ()
    stop_noted: PartialDate | None = None
    reported_ineffective: bool = False
    indications: tuple[str, ...] = ()
    based_on: tuple[str, ...] = ()
    replaces: str | None = None
    inpatient: bool = False
    adherence: str = ""
    adherence_asserted: PartialDate | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMedication:
    """A record of a drug that is not judged itself but belongs to drug groups of the knowledge (`groups`).

    `start` is the first day stated, `end` the last; `days_supply` is per fill. `ongoing`: active, and no end is stated.
    """

    reference: str
    groups: frozenset[str]
    start: PartialDate | None = None
    end: PartialDate | None = None
    days_supply: float | None = None
    ongoing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A total on one rating scale on one day. `order` sorts several of one day (later is later).

    `flags`: ``prorated``, ``resummed`` (items and total differ), ``suspect-total`` (a number on the panel code: an
    upper bound at most), ``conflict`` (two sources of the same day disagree).
    """

    instrument: str
    value: float
    day: date
    references: tuple[str, ...]
    order: str = ""
    source: str = "observation"  # "observation" | "questionnaire"
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LabResult:
    """One result of a measure of the knowledge, most often a laboratory value.

    `amount` is in the unit of the measure, None when no number in a known unit was sent. `meaning` is the word of the
    knowledge for a coded result, else empty. `position` is where the laboratory's own range (or, without one, its
    interpretation) puts the result: ``below``, ``within``, ``above``, ``abnormal``, or empty when it says nothing.
    `low`/`high` is that range in the unit of the measure. `order` sorts several of one day. `also` are further
    resources that a computed value rests on. `flags`: ``unit-unknown``, ``preliminary``, ``interpretation-conflict``
    (the range and the interpretation disagree), ``computed``, ``issued-only`` (no time of observation is stated).
    """

    reference: str
    measure: str
    day: date
    order: str = ""
    amount: Amount | None = None
    meaning: str = ""
    position: str = ""
    low: float | None = None
    high: float | None = None
    also: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAnswer:
    """The answer to one item of a scale on one day.

    `instrument` is the id of an instrument of outcome or of a measure of the knowledge. `value` is the score, None
    where the answer has none; `meaning` the word of the knowledge for it (``yes``, ``several days`` ...), else empty.
    `order` sorts several of one day, `group` is the panel or questionnaire the answer belongs to. `encounter` and
    `recorded_by` are references as written. `flags`: ``issued-only`` (no time of observation is stated).
    """

    instrument: str
    item: int
    day: date
    reference: str
    value: float | None = None
    meaning: str = ""
    order: str = ""
    group: str = ""
    source: str = "observation"  # "observation" | "questionnaire"
    encounter: str = ""
    recorded_by: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFact:
    """One recorded condition with the knowledge categories its codes belong to.

    `clinical` is the clinical status as coded, ``""`` when absent. `by_text` marks categories found in free text.
    """

    reference: str
    categories: frozenset[str]
    verification: Verification
    clinical: str = ""
    onset: PartialDate | None = None
    recorded: PartialDate | None = None
    abatement: PartialDate | None = None
    by_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureFact:
    """One procedure of a kind the knowledge names: ``ect``, ``rtms``, ``vns``, ``esketamine`` ...

    Either one session (`start` equals `end`) or a series over a period, whose `sessions` are None unless their number
    is stated; `end` is None while a period is open. `traits` say more about it: ``bilateral``, ``maintenance`` ...;
    `indications` are the categories of the stated reasons, as for medications.
    """

    reference: str
    kind: str
    status: str
    start: PartialDate | None = None
    end: PartialDate | None = None
    is_period: bool = False
    sessions: int | None = None
    traits: frozenset[str] = frozenset()
    indications: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AllergyFact:
    """One recorded allergy or intolerance to drugs of the knowledge, or an adverse event suspected to come from them.

    `ingredients` are drug ids. `kind` is ``allergy``, ``intolerance``, ``adverse-event`` or ``""``. `verification` and
    `clinical` are as for conditions; refuted entries never become facts. `onset` is the day of the reaction,
    `recorded` the day it was written down.
    """

    reference: str
    ingredients: tuple[str, ...]
    kind: str = ""
    verification: Verification = Verification.CONFIRMED
    clinical: str = ""
    onset: PartialDate | None = None
    recorded: PartialDate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFact:
    """Who the record is about. `sex` is the administrative gender as coded, ``unknown`` when absent."""

    reference: str
    birth: PartialDate | None = None
    sex: str = "unknown"
    deceased: bool = False

    def age_on(self, day: date) -> tuple[int, int] | None:
        """Youngest and oldest age in whole years on `day` that the written birth date allows; None if unknown."""
        if self.birth is None:
            return None
        return (_years(self.birth.latest, day), _years(self.birth.earliest, day))


def _years(born: date, day: date) -> int:
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftOrder:
    """A drafted order that fired the hook: a drug (`product`), a procedure (`procedure` kind), or a drug that is none
    of ours and belongs to `groups` that a hard stop names (linezolid).

    `daily_dose` needs no field: `dosage` and `product` give it as for any other order. `selected` is False for drafts
    of the same session that the clinician has not just chosen.
    """

    reference: str
    product: Product | None = None
    procedure: str | None = None
    groups: frozenset[str] = frozenset()
    dosage: tuple[DosageLine, ...] = ()
    selected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientRecord:
    """Everything received about one patient.

    `availability` is keyed by FHIR resource type, and by `LABORATORY` for results other than rating scales.
    """

    patient: PatientFact | None
    medications: tuple[MedicationFact, ...] = ()
    scores: tuple[Score, ...] = ()
    laboratory: tuple[LabResult, ...] = ()
    answers: tuple[ItemAnswer, ...] = ()
    other_medications: tuple[OtherMedication, ...] = ()
    conditions: tuple[ConditionFact, ...] = ()
    procedures: tuple[ProcedureFact, ...] = ()
    allergies: tuple[AllergyFact, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    received: tuple[str, ...] = ()
    availability: Mapping[str, Availability] = field(default_factory=lambda: MappingProxyType({}))

    def read(self, resource_type: str) -> Read:
        """How far `resource_type` was read; UNREAD when nothing is known."""
        known = self.availability.get(resource_type)
        return known.read if known else Read.UNREAD
