"""The rules a site may switch, by name: kinds of card, safety rules, options and their orders, indicators, checks,
comparisons.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mappings.schema import Sentence

if TYPE_CHECKING:
    from mappings.clinical import Clinical

_TOPIC = "topic-"
ALWAYS_ON = frozenset({"acute-safety", "order-stop"})
"""Kinds of card that no site may switch off."""


def order_switch(option: str) -> str:
    """The rule by which a site allows orders of an option that are not proposed unless it asks for them."""
    return f"{option}-order"


def rule_names(sentences: Mapping[str, Sentence], clinical: Clinical) -> Mapping[str, bool]:
    """Every rule id with whether it is a hard stop, which no site may switch off."""
    kinds = (key.removeprefix(_TOPIC) for key in sentences if key.startswith(_TOPIC))
    rules = {kind: kind in ALWAYS_ON for kind in kinds}
    rules.update(dict.fromkeys((*clinical.options, *clinical.indicators, *clinical.comparisons), False))
    rules.update(dict.fromkeys(map(order_switch, clinical.options), False))
    rules.update({check.id: False for check in clinical.pseudo_resistance.checks})
    rules.update({rule.id: any(row.hard_stop for row in rule.rows) for rule in clinical.safety.values()})
    return rules
