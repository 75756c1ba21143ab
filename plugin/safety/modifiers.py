"""Clinical modifiers and gates: what stands before domains and options (PSY, CAT, MEL, MIX, PAI, NCD, SUI).

Modifiers are rows of tests over named facts. A row that rests on a condition which is only suspected makes its modifier
possible and shuts no gate; a gate says that its own card comes first and which lanes remain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from mappings.load import Knowledge
from plugin.findings import Reason
from plugin.safety.decision_index import index_of
from plugin.safety.decision_rows import held, reason_of
from plugin.safety.known_values import Certainty
from plugin.safety.named_facts import NamedFacts
from plugin.safety.suicidality import ORDER, Suicidality

MODIFIERS = ("SUI", "PSY", "CAT", "MEL", "MIX", "PAI", "NCD")
GATES = ("ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA", "NEUROCOGNITIVE")
_VALUES = ("none", "possible", "present")


@dataclass(frozen=True, slots=True, kw_only=True)
class Modifiers:
    """`values` by modifier: the level for SUI, else ``none``, ``possible`` or ``present``. `gates` in their order."""

    values: Mapping[str, str]
    gates: tuple[str, ...]
    suicidality: Suicidality
    reasons: tuple[Reason, ...]

    @property
    def uses(self) -> tuple[str, ...]:
        """References of everything behind the modifiers."""
        return tuple(dict.fromkeys(use for reason in self.reasons for use in reason.uses))


_SAID = {"present": "recorded", "possible": "possible"}


def modifiers_of(facts: NamedFacts, *, suicidality: Suicidality, knowledge: Knowledge, as_of: date) -> Modifiers:
    """All modifiers and the gates they shut on `as_of`; ``none`` means that nothing of it is recorded."""
    values = dict.fromkeys(MODIFIERS, _VALUES[0])
    values[MODIFIERS[0]] = suicidality.level
    shut = {knowledge.clinical.suicidality.gate} if suicidality.level == ORDER[-1] else set()
    reasons = list(suicidality.reasons)
    for row, asked in index_of(knowledge).on(as_of).modifiers:
        found = held(asked, facts) if asked.needs <= facts.recordable else None
        if found is None:
            continue
        sure = found.certainty is Certainty.SURE
        value = row.value if sure else _VALUES[1]
        values[row.modifier] = max(values[row.modifier], value, key=_VALUES.index)
        if sure and row.gate is not None:
            shut.add(row.gate)
        reasons.append(reason_of(row.modifier, _SAID[value], found, facts, as_of, cites=row.cites))
    return Modifiers(
        values=MappingProxyType(values),
        gates=tuple(gate for gate in GATES if gate in shut),
        suicidality=suicidality,
        reasons=tuple(reasons),
    )
