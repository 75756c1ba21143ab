"""Whether the tests of a decision row may hold for one patient, and the values they met.

For safety a row holds when the record allows it: a number known as a bound holds where its true value may lie inside,
of several candidates one is enough. Nothing recorded never holds, except where a test asks for just that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.decision_tables import FactTest
from mappings.values import DatedValue
from plugin.amounts import Amount
from plugin.findings import Reason
from plugin.safety.decision_index import Asked, Test
from plugin.safety.known_values import Certainty, Known
from plugin.safety.named_facts import NamedFacts
from plugin.safety.taken import Intake

_SIGNS: Mapping[str, str] = {"lt": "below", "le": "at most", "gt": "above", "ge": "at least"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A row that holds. `met` are its tests with the value each met, None where it asked for nothing recorded."""

    met: tuple[tuple[FactTest, Known | None], ...]

    @property
    def certainty(self) -> Certainty:
        """That of the least sure value."""
        return min((known.certainty for _, known in self.met if known is not None), default=Certainty.SURE)

    @property
    def uses(self) -> tuple[str, ...]:
        """What the values rest on."""
        return tuple(dict.fromkeys(use for _, known in self.met if known is not None for use in known.uses))

    @property
    def drafted(self) -> tuple[str, ...]:
        """The drugs being ordered in this request without which the row would not hold."""
        only = [known.ordered for _, known in self.met if known is not None and not known.taken]
        return tuple(dict.fromkeys(name for name in only if name))

    @property
    def agents(self) -> tuple[str, ...]:
        """The drugs taken that the row is about, as far as they have a name."""
        holding = [known for _, known in self.met if known is not None and known.value is True]
        shown = [name for known in holding for name in (known.shown, known.ordered)]
        return tuple(dict.fromkeys(name for name in shown if name))


def held(asked: Asked, facts: NamedFacts) -> Held | None:
    """The tests of a row with values that meet them all; None when there are none."""
    met: list[tuple[FactTest, Known | None]] = []
    for ask in asked.asks:
        values = facts.candidates(ask.fact, ask.window)
        if ask.nothing:
            if values:
                return None
            met.append((ask.tests[0].test, None))
            continue
        chosen = next((known for known in values if all(may_hold(test, known) for test in ask.tests)), None)
        if chosen is None:
            return None
        met += [(test.test, chosen) for test in ask.tests]
    return Held(met=tuple(met))


def may_hold(test: Test, known: Known) -> bool:
    """Whether a value, or for a bound some value within it, passes a test."""
    if test.limit is None:
        value = test.test.value
        return known.value in value if isinstance(value, tuple) else known.value == value
    amount = Amount(float(known.value), known.bound)
    if test.test.op == "lt":
        return amount.below(test.limit) is not False
    if test.test.op == "le":
        return amount.above(test.limit) is not True
    if test.test.op == "gt":
        return amount.above(test.limit) is not False
    return amount.below(test.limit) is not True


def told(row: Held, facts: NamedFacts, as_of: date) -> str:
    """The values a row met, with the limits they were compared with."""
    by_fact: dict[str, list[tuple[FactTest, Known | None]]] = {}
    for test, known in row.met:
        by_fact.setdefault(test.fact, []).append((test, known))
    return "; ".join(_about(name, met, facts, as_of) for name, met in by_fact.items())


def _about(name: str, met: Sequence[tuple[FactTest, Known | None]], facts: NamedFacts, as_of: date) -> str:
    label, known = facts.label(name), met[0][1]
    if known is None:
        return f"no {label} on record"
    if known.value is False:
        return f"{label}: not on record"
    if not known.taken:
        return f"also being ordered: {known.ordered}"
    on = f" on {known.day}" if known.day is not None else ""
    limits = [
        f"{_SIGNS[test.op]} {test.value.on(as_of).amount:g}"
        for test, _ in met
        if test.op in _SIGNS and isinstance(test.value, DatedValue)
    ]
    compared = f" ({' and '.join(limits)})" if limits else ""
    unsure = {Certainty.WORDS: " (named in words only)", Certainty.PROVISIONAL: " (not yet confirmed)"}
    alone = facts.names_itself(name) or known.shown.lower() == label.lower()
    shown = f": {known.shown}" if known.shown and not alone else ""
    if known.intake is not None:
        label, shown = _drugs(name, known.intake, facts)
    # A condition without a limit of age holds whatever its day.
    on += f", {known.dated}" if known.dated and met[0][0].window_days is not None else ""
    beside = f"; also being ordered: {known.ordered}" if known.ordered else ""
    return f"{label}{shown}{on}{compared}{unsure.get(known.certainty, '')}{beside}"


def _drugs(name: str, intake: Intake, facts: NamedFacts) -> tuple[str, str]:
    """The label of a fact about drugs taken, past where all have ended, and which they are with their last days."""
    alone = facts.names_itself(name)
    named = [] if alone else [*intake.current, *(f"{drug} ({day})" for drug, day in intake.ended if drug)]
    if named:
        shown = f": {', '.join(named)}"
    else:
        shown = "" if intake.goes_on else "".join(f", {day}" for _, day in intake.ended[:1])
    return facts.label(name) if intake.goes_on else facts.past_label(name), shown


def reason_of(rule: str, label: str, row: Held, facts: NamedFacts, as_of: date, *, cites: tuple[str, ...]) -> Reason:
    """Why a rule holds: its label, the values with their limits, and what they rest on."""
    numbers = tuple(
        (test.fact, known.value if not isinstance(known.value, bool) else known.shown or known.ordered or "yes")
        for test, known in row.met
        if known is not None
    )
    text = f"{label[:1].upper()}{label[1:]}: {told(row, facts, as_of)}."
    return Reason(rule=rule, text=text, facts=tuple(dict.fromkeys(numbers)), cites=cites, uses=row.uses)
