"""What options and patterns take from the conclusions before them: the domains that stand out and what else holds."""

from __future__ import annotations

from plugin.domains.profile import DomainProfile
from plugin.options.ranking import Focus
from plugin.safety.modifiers import Modifiers

BIPOLAR, PSYCHOSIS_CATATONIA, ACUTE_SAFETY = "BIPOLAR", "PSYCHOSIS_CATATONIA", "ACUTE_SAFETY"
UNDETERMINED = "UNDETERMINED"
# Value of a modifier and the circumstance of the knowledge that it is.
_CIRCUMSTANCES = (
    ("SUI", "high", "suicidality-high"),
    ("PSY", "present", "psychosis"),
    ("CAT", "present", "catatonia"),
    ("PAI", "present", "pain"),
)


def focus_of(profile: DomainProfile) -> Focus:
    """What matches are taken against; an undetermined profile names no domain."""
    if profile.label == UNDETERMINED:
        return Focus()
    return Focus(label=profile.label, named=profile.domains, secondary=profile.secondary, certainty=profile.certainty)


def circumstances_of(modifiers: Modifiers) -> frozenset[str]:
    """The circumstances of the knowledge that hold: those that let options in, sort them first or open them."""
    return frozenset(name for key, value, name in _CIRCUMSTANCES if modifiers.values.get(key) == value)
