"""What is recorded of drugs: orders, dispenses, reports, doses given, and a drafted order, read but not judged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from plugin.spans import PartialDate


class Layer(StrEnum):
    """Where a medication fact comes from, best evidence first."""

    ADMINISTRATION = "administration"
    DISPENSE = "dispense"
    REPORT = "report"  # MedicationStatement, or a MedicationRequest with reported[x]
    ORDER = "order"


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
class DraftOrder:
    """A drafted order that fired the hook: a drug (`product`), a procedure (`procedure` kind), or a drug that is none
    of ours and belongs to `groups` that a hard stop names (linezolid).

    `daily_dose` needs no field: `dosage` and `product` give it as for any other order. `selected` is False for drafts
    of the same session that the clinician has not just chosen, and for drugs that are no concern by themselves: these
    are only seen beside the others.
    """

    reference: str
    product: Product | None = None
    procedure: str | None = None
    groups: frozenset[str] = frozenset()
    dosage: tuple[DosageLine, ...] = ()
    selected: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingOrder:
    """An order of the request that is no draft: it stood before, and is signed again, changed or ended now.

    It tells what was taken, for safety only; to the trials it is no history. `ingredients` are drug ids, `groups` drug
    groups for a drug that is none of ours. `first` is None when no day is stated; `last` is the last day it may have
    been taken, None while it goes on.
    """

    reference: str
    ingredients: tuple[str, ...] = ()
    groups: frozenset[str] = frozenset()
    first: PartialDate | None = None
    last: date | None = None
