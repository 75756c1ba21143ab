"""What to consider before concluding resistance (rule Q1): evidence in the record, or a clear gap. Never the verdict.

Each check of the knowledge has rows of tests over named facts. Rows of evidence that hold are told together; only where
none holds may a row of the check name a gap, and a gap is named only when that kind of data was read completely.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.decision_tables import FactTest
from mappings.option_schema import CheckRow, PseudoResistanceCheck
from mappings.schema import Sentence
from mappings.values import DatedValue
from plugin.safety.named_facts import Known, NamedFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Consideration:
    """One thing to consider. `kind` is ``evidence`` or ``gap``; `leads`: before everything else on a card.

    `sentence` is the sentence of the knowledge that carries `finding` on a card.
    """

    id: str
    kind: str
    finding: str
    sentence: str
    leads: bool = False
    cites: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


def considerations(
    checks: Sequence[PseudoResistanceCheck],
    facts: NamedFacts,
    *,
    sentences: Mapping[str, Sentence],
    as_of: date,
) -> tuple[Consideration, ...]:
    """What the checks find: what leads first, then evidence, then gaps, each in the order of the knowledge."""
    found = [c for check in checks if (c := _consider(check, facts, sentences, as_of)) is not None]
    return tuple(sorted(found, key=lambda c: (not c.leads, c.kind != "evidence")))


def _consider(
    check: PseudoResistanceCheck, facts: NamedFacts, sentences: Mapping[str, Sentence], as_of: date
) -> Consideration | None:
    for kind in ("evidence", "gap"):
        told: list[tuple[CheckRow, str, tuple[str, ...]]] = []
        for row in check.rows:
            held = _held(row, facts, as_of) if row.shows == kind else None
            if held is not None:
                uses = tuple(use for _, known in held if known is not None for use in known.uses)
                told.append((row, _finding(row, held, facts, sentences, as_of), uses))
        if told:
            return Consideration(
                id=check.id,
                kind=kind,
                finding="; ".join(dict.fromkeys(finding for _, finding, _ in told)),
                sentence=check.sentence,
                leads=any(row.leads for row, _, _ in told),
                cites=tuple(dict.fromkeys(cite for row, _, _ in told for cite in row.cites)),
                uses=tuple(dict.fromkeys(use for _, _, uses in told for use in uses)),
            )
    return None


Held = list[tuple[FactTest, Known | None]]


def _held(row: CheckRow, facts: NamedFacts, as_of: date) -> Held | None:
    """The tests of a row with the values they met; None when one of them does not hold."""
    held: Held = []
    for test in row.when:
        window = _window(test, as_of)
        known = facts.value(test.fact, window)
        if test.op == "unknown":
            if known is not None or (row.shows == "gap" and not facts.is_gap(test.fact, window)):
                return None
        elif known is None or not _holds(test, known.value, as_of):
            return None
        held.append((test, known))
    return held


def _holds(test: FactTest, value: bool | float | str, as_of: date) -> bool:
    """Whether a known value passes a test."""
    if isinstance(test.value, DatedValue):
        limit, number = test.value.on(as_of).amount, float(value)
        return {"lt": number < limit, "le": number <= limit, "gt": number > limit, "ge": number >= limit}[test.op]
    return value in test.value if isinstance(test.value, tuple) else value == test.value


def _window(test: FactTest, as_of: date) -> int | None:
    return int(test.window_days.on(as_of).amount) if test.window_days is not None else None


def _finding(row: CheckRow, held: Held, facts: NamedFacts, sentences: Mapping[str, Sentence], as_of: date) -> str:
    """What a row says: the facts that hold with their values, or what is not recorded."""
    if row.shows == "gap":
        names = ", ".join(facts.unmeasured(test.fact) for test, known in held if known is None)
        windows = [days for test, _ in held if (days := _window(test, as_of)) is not None]
        about = [_told(test, known, facts, sentences) for test, known in held if known is not None]
        name, fields = ("pseudo-gap-within", {"days": max(windows)}) if windows else ("pseudo-gap", {})
        return ", ".join([*about, sentences[name].text.format(names=names, **fields)])
    stated = [(test, known) for test, known in held if known is not None and known.value is not False]
    said = [one for one in stated if not _is_a_side_condition(one[0])]
    return ", ".join(_told(test, known, facts, sentences) for test, known in said or stated)


def _is_a_side_condition(test: FactTest) -> bool:
    """Whether a test only chooses whom a number applies to, as the sex does."""
    return test.op == "in" and test.fact == "sex"


def _told(test: FactTest, known: Known, facts: NamedFacts, sentences: Mapping[str, Sentence]) -> str:
    label = facts.label(test.fact)
    if known.day is not None:
        return sentences["pseudo-value-on"].text.format(fact=label, value=known.shown, date=known.day)
    alone = not known.shown or facts.names_itself(test.fact)
    return label if alone else sentences["pseudo-value"].text.format(fact=label, value=known.shown)
