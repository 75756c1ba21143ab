"""Reading medication lines: one drug taken in one way, and what was recorded of it.

A line opens with the drug, its dose and its rhythm, and goes on in clauses:

* ``sertraline 100 mg daily, dispensed 3x30 on day 0``: three fills, the next when the one before ends
* ``amitriptyline 25 mg at night, dispensed 6x30 on day 10, for "migraine"``: with the order that says why
* ``paroxetine 40 mg daily, dispensed 3x30 on day 0, stopped on day 90 because "sexual dysfunction"``
* ``escitalopram 20 mg daily, ordered on day 90, quantity 90, status active``
* ``sertraline 50 mg, sig "take half a tablet daily", quantity 15, dispensed 3x30 on day 0``
* ``rxnorm CODE twice daily, dispensed 3x30 on day 0``: a product by its code, dosed in its own units
* ``sertraline 100 mg daily, administered from day 0 to day 5``; ``..., reported from day 0 to day 60``
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from cds_hooks.fhir_writer import Element, concept
from cds_hooks.stories.sentences import (
    DAY,
    NUMBER,
    Scene,
    UnreadableLineError,
    clauses,
    concept_of,
    day_numbers,
    one_of,
)
from cds_hooks.stories.shelf import RELEASES, Packed, by_code, by_text, drug_named, packed
from mappings.products import words_of

RHYTHMS = {
    "daily": (1, 1),
    "at night": (1, 1),
    "in the morning": (1, 1),
    "twice daily": (2, 1),
    "three times daily": (3, 1),
    "four times daily": (4, 1),
    "every other day": (1, 2),
    "weekly": (1, 7),
}
"""What a line may say of the rhythm: intakes, in so many days."""

MARKS = ("as needed", "do not perform", "without days supply")
HEAD = "; ".join(
    (
        "DRUG [RELEASE] AMOUNT mg [RHYTHM]",
        'rxnorm CODE ["DISPLAY"] [N units] [RHYTHM]',
        'text "NAME" [N units] [RHYTHM]',
        f"RELEASE is {', '.join(RELEASES)}",
        f"RHYTHM is {', '.join(RHYTHMS)}",
    )
)
CLAUSES = "; ".join(
    (
        "dispensed [Nx]DAYS on day N [and day N ...]",
        "ordered on day N [and day N ...]",
        "reported [as an order] on day N | from day N [to day N]",
        "administered from day N to day N",
        'stopped on day N [because code CODE | SYSTEM CODE | "TEXT"]',
        'for "TEXT" | SYSTEM CODE',
        "adherence SYSTEM CODE asserted on day N",
        'sig "TEXT"',
        "quantity N",
        "lasting N days",
        "repeats N",
        "status STATUS",
        "intent INTENT",
        *MARKS,
    )
)

_RHYTHM = rf"(?: (?P<rhythm>{one_of(tuple(RHYTHMS))}))?"
_UNITS = rf"(?: (?P<units>{NUMBER}) units)?"
_BY_NAME = re.compile(rf"(?P<name>.+?)(?: (?P<release>{one_of(tuple(RELEASES))}))? (?P<mg>{NUMBER}) mg{_RHYTHM}")
_BY_CODE = re.compile(rf'rxnorm (?P<code>\d+)(?: "(?P<display>[^"]+)")?{_UNITS}{_RHYTHM}')
_BY_TEXT = re.compile(rf'text "(?P<text>[^"]+)"{_UNITS}{_RHYTHM}')

_DAYS = rf"on (?P<days>{DAY}(?: and {DAY})*)"
_DISPENSED = re.compile(rf"dispensed (?:(?P<fills>\d+)x)?(?P<length>\d+) {_DAYS}")
_ORDERED = re.compile(rf"ordered {_DAYS}")
_REPORTED = re.compile(rf"reported(?P<order> as an order)? (?P<how>from|on) (?P<days>{DAY}(?: to {DAY})?)")
_ADMINISTERED = re.compile(rf"administered from (?P<days>{DAY} to {DAY})")
_STOPPED = re.compile(rf"stopped on (?P<day>{DAY})(?: because (?P<why>.+))?")
_ADHERENCE = re.compile(rf"adherence (?P<what>.+) asserted on (?P<day>{DAY})")
_STANDARD_REASON = re.compile(r"code (?P<code>[a-z-]+)")
_NUMERIC = re.compile(rf"(?P<what>quantity|lasting|repeats) (?P<value>{NUMBER})(?: days)?")
_WORD = re.compile(r"(?P<what>status|intent) (?P<value>[a-z-]+)")
_SIG = re.compile(r'sig "(?P<text>[^"]+)"')


@dataclass(frozen=True, slots=True)
class Report:
    """What the patient or a list reported: days are offsets; `first` None means that no period was named."""

    first: int | None
    last: int | None
    asserted: int
    as_order: bool


@dataclass(slots=True)
class MedicationLine:
    """One line as read; days are offsets from day 0, `fills` are (days of supply, day of hand-over)."""

    product: Packed
    milligrams: float | None
    rhythm: str
    fills: list[tuple[int, int]] = field(default_factory=list)
    ordered: tuple[int, ...] = ()
    reports: list[Report] = field(default_factory=list)
    administered: range | None = None
    stopped: int | None = None
    stop_reason: Element | None = None
    reasons: list[Element] = field(default_factory=list)
    adherence: tuple[Element, int] | None = None
    numbers: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    sig: str = ""
    marks: set[str] = field(default_factory=set)


def read_medication(line: object, scene: Scene) -> MedicationLine:
    """Read one line; raises UnreadableLineError for anything outside the notation."""
    head, *rest = clauses(line)
    read = _head(line, head, scene)
    for clause in rest:
        if not (_supply(read, clause) or _why(read, clause, scene) or _detail(read, clause)):
            raise UnreadableLineError(line, clause, CLAUSES)
    if not (read.fills or read.ordered or read.reports or read.administered):
        raise UnreadableLineError(line, head, "a line with one of dispensed, ordered, reported, administered")
    if read.fills and not read.rhythm and "quantity" not in read.numbers:
        raise UnreadableLineError(line, head, "a rhythm, or a quantity for each fill")
    if (read.stopped is not None or read.adherence) and not (read.fills or read.ordered):
        raise UnreadableLineError(line, head, "stopped and adherence only with dispensed or ordered")
    return read


def read_order(line: object, scene: Scene) -> MedicationLine:
    """Read an opening alone: what an order in the making would say, ``sertraline 50 mg daily``."""
    head, *rest = clauses(line)
    if rest:
        raise UnreadableLineError(line, rest[0], HEAD)
    return _head(line, head, scene)


def _head(line: object, head: str, scene: Scene) -> MedicationLine:
    product, milligrams = None, None
    if found := _BY_CODE.fullmatch(head):
        product = by_code(scene, found["code"], found["display"] or "", float(found["units"] or 1))
    elif found := _BY_TEXT.fullmatch(head):
        product = by_text(found["text"], float(found["units"] or 1))
    elif found := _BY_NAME.fullmatch(head):
        milligrams = float(found["mg"])
        drug = drug_named(scene.knowledge, words_of(found["name"]))
        product = packed(scene, drug, milligrams, found["release"] or "") if drug else None
    if found is None or product is None:
        raise UnreadableLineError(line, head, f"{HEAD}; drug and strength as in the product table")
    return MedicationLine(product, milligrams, found["rhythm"] or "")


def _supply(read: MedicationLine, clause: str) -> bool:
    """Clauses that say what was dispensed, ordered, reported or administered, and when."""
    if found := _DISPENSED.fullmatch(clause):
        length = int(found["length"])
        for first in day_numbers(found["days"]):
            read.fills.extend((length, first + number * length) for number in range(int(found["fills"] or 1)))
    elif found := _ORDERED.fullmatch(clause):
        read.ordered = day_numbers(found["days"])
    elif found := _REPORTED.fullmatch(clause):
        first, *rest = day_numbers(found["days"])
        last = rest[0] if rest else None
        if found["how"] == "on" and last is not None:
            return False
        asserted = first if last is None else last
        told = first if found["how"] == "from" else None
        read.reports.append(Report(told, last, asserted, found["order"] is not None))
    elif found := _ADMINISTERED.fullmatch(clause):
        first, last = day_numbers(found["days"])
        read.administered = range(first, last + 1)
    else:
        return False
    return True


def _why(read: MedicationLine, clause: str, scene: Scene) -> bool:
    """Clauses that say why the drug was taken, stopped or not taken."""
    if found := _STOPPED.fullmatch(clause):
        read.stopped = day_numbers(found["day"])[0]
        if why := found["why"]:
            standard = _STANDARD_REASON.fullmatch(why)
            read.stop_reason = (
                concept(scene.coded("stop-reason", standard["code"])) if standard else concept_of(scene, why)
            )
            return read.stop_reason is not None
    elif found := _ADHERENCE.fullmatch(clause):
        what = concept_of(scene, found["what"])
        if what is None:
            return False
        read.adherence = (what, day_numbers(found["day"])[0])
    elif clause.startswith("for "):
        reason = concept_of(scene, clause.removeprefix("for "))
        if reason is None:
            return False
        read.reasons.append(reason)
    else:
        return False
    return True


def _detail(read: MedicationLine, clause: str) -> bool:
    """Clauses that change how the records are written."""
    if found := _NUMERIC.fullmatch(clause):
        read.numbers[found["what"]] = float(found["value"])
    elif found := _WORD.fullmatch(clause):
        read.words[found["what"]] = found["value"]
    elif found := _SIG.fullmatch(clause):
        read.sig = found["text"]
    elif clause in MARKS:
        read.marks.add(clause)
    else:
        return False
    return True
