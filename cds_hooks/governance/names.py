"""What the ids in a report stand for, taken from the knowledge."""

from __future__ import annotations

from cds_hooks.governance.counting import Names
from mappings.load import Knowledge

_TOPIC = "topic-"


def names_of(knowledge: Knowledge) -> Names:
    """The titles of kinds of card, of the rules that can stand behind one, and of our override reasons."""
    sentences, clinical = knowledge.sentences, knowledge.clinical
    speaking = {option.id: option.label for option in clinical.options.values()}
    speaking |= {rule.id: rule.label for rule in clinical.safety.values()}
    return Names(
        kinds={key.removeprefix(_TOPIC): one.text for key, one in sentences.items() if key.startswith(_TOPIC)},
        rules={**{rule.id: rule.title for rule in knowledge.rules.values()}, **speaking},
        reasons={reason.code: reason.display for reason in knowledge.override_reasons},
        missed=tuple(speaking),
    )
