"""What could come next: symptom profile, modifiers and gates, safety, pattern of response, options.

The stages in their order. Suicidality, modifiers and gates come before the domains, which never override a block.
Everything here is computed for every verdict; where too little was read no option is named (fail closed, decision 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from mappings.load import Knowledge
from plugin.domains.profile import DomainProfile, domain_profile
from plugin.findings import Reason
from plugin.options.listing import Options, options_of
from plugin.options.pattern import Pattern, pattern_of
from plugin.options.tried import Tried, tried_of
from plugin.record import DraftOrder, PatientRecord, Read, Verification
from plugin.resistance.verdict import Verdict
from plugin.safety.drafts import JudgedOrder
from plugin.safety.modifiers import Modifiers, modifiers_of
from plugin.safety.named_facts import Concluded, NamedFacts
from plugin.safety.option_safety import Safety, safety_of
from plugin.safety.order_stops import with_stops
from plugin.safety.suicidality import suicidality_of

# Remission in full is no current illness; bipolar depression is one, and its gate decides what follows.
_CURRENT_ILLNESS = frozenset(
    {"depression", "depression-possible", "depression-remission-partial", "psychotic-depression", "bipolar"}
)
_OVER = frozenset({"inactive", "resolved", "remission"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """The conclusions beyond the verdict, with `orders` as judged by history and by the hard stops."""

    profile: DomainProfile
    modifiers: Modifiers
    safety: Safety
    tried: Tried
    pattern: Pattern
    options: Options
    orders: tuple[JudgedOrder, ...]

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Every reason behind these conclusions, each once."""
        return tuple(dict.fromkeys(self._each_reason()))

    def _each_reason(self) -> Iterator[Reason]:
        yield from self.modifiers.reasons
        yield from self.profile.reasons
        yield from self.profile.notices
        for score in self.profile.scores.values():
            yield from score.reasons
        yield from self.safety.unread
        for hits in (*self.safety.blocked.values(), *self.safety.cautions.values(), self.safety.warnings):
            for hit in hits:
                yield from hit.reasons
        for needed in self.safety.needed:
            yield from needed.reasons
        yield from self.pattern.because
        options = self.options
        for listed in options.listed:
            yield from listed.reasons
        for blocked in options.blocked:
            yield from blocked.reasons
        for told in options.information_only:
            yield from told.reasons
        if options.pairing is not None:
            yield from (*options.pairing.together, *options.pairing.apart)
        if options.why_none is not None:
            yield options.why_none
        for order in self.orders:
            for stop in order.stops:
                yield from stop.reasons


def next_step_of(
    record: PatientRecord,
    concluded: Concluded,
    facts: NamedFacts,
    *,
    verdict: Verdict,
    judged: Sequence[JudgedOrder],
    orders: Sequence[DraftOrder],
    knowledge: Knowledge,
    as_of: date,
    jurisdiction: str = "us",
) -> NextStep:
    """Everything beyond the verdict for one record on the day `as_of`.

    `concluded` is what was concluded before (eras, trials, augmentations, courses of the episode), `facts` look things
    up in it and in the record; `judged` are the drafts as the history judges them, `orders` the same drafts as read.
    """
    suicidality = suicidality_of(record, knowledge=knowledge, as_of=as_of)
    facts = facts.with_suicidality(suicidality.known_level, suicidality.uses)
    modifiers = modifiers_of(facts, suicidality=suicidality, knowledge=knowledge, as_of=as_of)
    profile = domain_profile(
        record,
        knowledge=knowledge,
        as_of=as_of,
        depressed=is_depressed(record),
        neurocognitive="NEUROCOGNITIVE" in modifiers.gates,
    )
    safety = safety_of(facts, record, knowledge=knowledge, as_of=as_of, jurisdiction=jurisdiction, orders=orders)
    tried = tried_of(
        trials=concluded.trials,
        augmentations=concluded.augmentations,
        courses=concluded.courses,
        taken=facts.takings,
        as_of=as_of,
    )
    ages = record.patient.age_on(as_of) if record.patient is not None else None
    options = options_of(
        profile=profile,
        modifiers=modifiers,
        safety=safety,
        tried=tried,
        verdict=verdict.value,
        jurisdiction=jurisdiction,
        knowledge=knowledge,
        as_of=as_of,
        complete=safety.complete,
        age=min(ages) if ages is not None else None,
    )
    return NextStep(
        profile=profile,
        modifiers=modifiers,
        safety=safety,
        tried=tried,
        pattern=pattern_of(profile=profile, tried=tried, knowledge=knowledge, as_of=as_of),
        options=options,
        orders=with_stops(judged, orders, record, facts, knowledge=knowledge, as_of=as_of, jurisdiction=jurisdiction),
    )


def is_depressed(record: PatientRecord) -> bool:
    """Whether a depressive or bipolar disorder is recorded as current; unread conditions establish nothing."""
    return record.read("Condition") is Read.COMPLETE and any(
        condition.verification is Verification.CONFIRMED
        and condition.clinical not in _OVER
        and not condition.by_text
        and condition.categories & _CURRENT_ILLNESS
        for condition in record.conditions
    )
