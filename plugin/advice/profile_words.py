"""The symptom profile in words for a card: which domains stand out, and how surely."""

from __future__ import annotations

from plugin.advice.wording import Wording
from plugin.assessment import Assessment


def domains_named(assessment: Assessment, words: Wording) -> str:
    """The domains that stand out, in words."""
    domains = words.knowledge.clinical.domains
    return " + ".join(domains[name].label for name in assessment.next_step.profile.domains)


def profile_line(assessment: Assessment, words: Wording) -> list[str]:
    """One line on what stands out and how surely; empty where nothing does."""
    profile = assessment.next_step.profile
    if not profile.domains:
        return []
    certainty = words.say(f"certainty-{profile.certainty}")
    return [words.say(f"profile-{profile.label}", domains=domains_named(assessment, words), certainty=certainty)]
