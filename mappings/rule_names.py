"""The rules a site may switch, by name: kinds of card, safety rules, options, indicators, checks, comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mappings.schema import Sentence

if TYPE_CHECKING:
    from mappings.clinical import Clinical

_TOPIC = "topic-"


def rule_names(sentences: Mapping[str, Sentence], clinical: Clinical) -> Mapping[str, bool]:
    """Every rule id with whether it is a hard stop, which no site may switch off."""
    rules = {key.removeprefix(_TOPIC): False for key in sentences if key.startswith(_TOPIC)}
    rules.update(dict.fromkeys((*clinical.options, *clinical.indicators, *clinical.comparisons), False))
    rules.update({check.id: False for check in clinical.pseudo_resistance.checks})
    rules.update({rule.id: any(row.hard_stop for row in rule.rows) for rule in clinical.safety.values()})
    return rules
