"""Cards that come before all others: recorded suicidality, a drafted order that meets a hard stop, gates.

The suicidality card repeats recorded answers and points to the local protocol; no risk is computed. A gate has its own
card because it takes the place of what would have been said about domains.
"""

from __future__ import annotations

from collections.abc import Sequence

from plugin.advice.card_draft import CardDraft
from plugin.advice.card_facts import facts_of, reason_facts
from plugin.advice.card_footing import cites_of, gap_line, kind_named, rules_of, uses_of
from plugin.advice.wording import Wording, capitalised, escape
from plugin.assessment import Assessment
from plugin.findings import Reason
from plugin.options.next_step import NextStep
from plugin.record import LABORATORY, ConditionFact, ItemAnswer, LabResult, Read
from plugin.resistance.verdict import Value
from plugin.safety.drafts import JudgedOrder
from plugin.safety.suicidality import NOT_ASSESSED

_SPOKEN_LEVELS = {"high": "critical", "moderate": "warning"}
_GATES = {
    "BIPOLAR": ("gate-bipolar", ("MIX",)),
    "PSYCHOSIS_CATATONIA": ("gate-psychosis-catatonia", ("PSY", "CAT")),
    "NEUROCOGNITIVE": ("gate-neurocognitive", ("NCD",)),
}
_STOP_LEVELS = ("critical", "warning")
# What the named hard stops are decided on (decision 24), beside the age.
_STOPS_NEED = ("MedicationRequest", "AllergyIntolerance", "Condition")
# What they are also read from, where it is to be had.
_STOPS_USE = ("MedicationDispense", "MedicationStatement", "MedicationAdministration", LABORATORY)
_SCREENER = "cssrs-screener"


def safety_card(assessment: Assessment, words: Wording, *, user: str = "", encounter: str = "") -> CardDraft | None:
    """The card on recorded suicidality, at level high or moderate.

    `user` (``Practitioner/id``) and `encounter` (``Encounter/id``) say who is asking: somebody who recorded the answers
    in this very encounter gets an information line instead of a critical card (decision 25).
    """
    step = assessment.next_step
    found = step.modifiers.suicidality
    if found.level not in _SPOKEN_LEVELS or not found.deciding:
        return None
    recorded = [words.say("safety-recorded", what=_decisive(fact, words)) for fact in found.deciding]
    decisive = _decisive(found.deciding[0], words)
    summary = words.summary(
        [
            *(words.say(f"safety-{form}-{found.level}", what=decisive) for form in ("summary", "brief")),
            words.say(f"safety-short-{found.level}"),
        ]
    )
    lines = [line for line in recorded if not summary.startswith(line)]
    if found.rescreen:
        lines.append(words.say("safety-rescreen"))
    lines += [words.say("safety-steps-high" if found.level == "high" else "safety-steps-moderate")]
    lines += [words.say("safety-crisis-line-us" if assessment.jurisdiction == "us" else "safety-crisis-line-local")]
    lines += _as_information(step, words)
    lines += [words.say("safety-not-a-prediction"), words.say("as-of", date=assessment.as_of)]
    reasons = found.reasons
    own = all(_is_own(fact, user, encounter) for fact in found.deciding)
    return CardDraft(
        kind="acute-safety",
        summary=summary,
        detail=tuple(lines),
        indicator="info" if own else _SPOKEN_LEVELS[found.level],
        source_label=words.say("safety-source"),
        cites=cites_of(reasons),
        rules=rules_of(reasons),
        uses=uses_of(reasons),
        collects=(_SCREENER,),
        finding="acute-safety",
        facts=facts_of([f"level:{found.level}"], reason_facts(reasons)),
    )


def suicidality_line(assessment: Assessment, words: Wording) -> str:
    """One line for the levels that have no card of their own: low, none recorded, not assessed; else empty.

    Where answers may be among scores that were not read, it is not known if anybody asked. Of an answer that was read,
    `answers_unread_line` says that another one may say otherwise.
    """
    found, unread = assessment.next_step.modifiers.suicidality, assessment.record.lacks_scores
    if found.level in _SPOKEN_LEVELS:
        return ""
    if found.level != NOT_ASSESSED:
        return words.say(f"safety-line-{found.level}")
    if found.last_recorded is not None:
        return words.say(f"safety-last-recorded{'-unread' if unread else ''}", date=found.last_recorded)
    return words.say("safety-line-unread" if unread else f"safety-line-{found.level}")


def answers_unread_line(assessment: Assessment, words: Wording) -> str:
    """That an answer on suicidality may be among the scores that were not read; empty where `suicidality_line` says it,
    or says nothing.
    """
    found = assessment.next_step.modifiers.suicidality
    told = found.level not in (*_SPOKEN_LEVELS, NOT_ASSESSED)
    return words.say("safety-answers-unread") if told and assessment.record.lacks_scores else ""


def stop_cards(assessment: Assessment, words: Wording) -> list[CardDraft]:
    """One card for each drafted order that meets a hard stop, critical ones first."""
    cards, told = [], set()
    for order in assessment.next_step.orders:
        stops = [stop for stop in order.stops if stop.level in _STOP_LEVELS]
        same = (_subject(order), tuple(stop.rule for stop in stops))
        if not stops or same in told:
            continue
        told.add(same)
        stops.sort(key=lambda stop: _STOP_LEVELS.index(stop.level))
        reasons = [reason for stop in stops for reason in stop.reasons]
        lines = [
            words.say("stop-line", why=" ".join((_sentences(stop.reasons, words), escape(stop.note))).strip())
            for stop in stops
        ]
        lines += [words.say("not-a-checker"), *gap_line(assessment, words), *words.basis(cites_of(reasons))]
        cards.append(
            CardDraft(
                kind="order-stop",
                summary=words.summary(
                    [
                        words.say("stop-summary", drug=capitalised(order.label), label=stops[0].label),
                        words.say("stop-short", label=stops[0].label),
                        words.say("stop-shortest"),
                    ]
                ),
                detail=(*lines, words.say("as-of", date=assessment.as_of)),
                indicator=stops[0].level,
                source_label=words.say("stop-source"),
                cites=cites_of(reasons),
                rules=tuple(dict.fromkeys(stop.rule for stop in stops)),
                uses=uses_of(reasons),
                finding=f"order-stop:{_subject(order)}",
                facts=facts_of([f"stop:{stop.rule}" for stop in stops], reason_facts(reasons)),
            )
        )
    return sorted(cards, key=lambda card: _STOP_LEVELS.index(card.indicator))


def unchecked_card(assessment: Assessment, words: Wording) -> CardDraft | None:
    """The card that hard stops of drafted drugs could not all be checked; None where all they need was read.

    What was handed over or reported, doses given and laboratory values are missed only where they were to be had.
    Silence would read as clearance. It is for the case that no other card says what is missing.
    """
    drafted = [order for order in assessment.next_step.orders if order.drug is not None or order.order.groups]
    record = assessment.record
    short = [kind for kind in _STOPS_NEED if record.read(kind) in (Read.UNREAD, Read.PARTIAL)]
    short += [kind for kind in _STOPS_USE if record.lacks(kind)]
    if not drafted or not short:
        return None
    names = list(dict.fromkeys(capitalised(order.label) for order in drafted))
    listed = ", ".join(kind_named(kind, words) for kind in short)
    return CardDraft(
        kind="order-unchecked",
        summary=words.summary(
            [*words.summaries("unchecked-summary", names, list=listed), words.say("unchecked-short")]
        ),
        detail=(
            words.say("unchecked-line"),
            words.say("not-a-checker"),
            *gap_line(assessment, words),
            words.say("as-of", date=assessment.as_of),
        ),
        indicator="info",
        source_label=words.say("stop-source"),
        rules=("order-unchecked",),
        finding="order-unchecked",
        facts=facts_of([f"unread:{kind}" for kind in short]),
    )


def gate_cards(assessment: Assessment, words: Wording) -> list[CardDraft]:
    """The card of each gate but that of acute safety; none for somebody the rules are not about."""
    if assessment.verdict.value is Value.OUT_OF_SCOPE:
        return []
    modifiers = assessment.next_step.modifiers
    cards = []
    for gate in modifiers.gates:
        if gate not in _GATES:
            continue
        kind, ids = _GATES[gate]
        present = [name for name in ids if modifiers.values[name] == "present"]
        reasons = [reason for reason in modifiers.reasons if reason.rule in present]
        lines = [f"{words.told(reason.text)}." for reason in reasons]
        named = [f"{kind}-line-{name}" for name in present]
        lines += [words.say(name) for name in named]
        cites = (*(cite for name in named for cite in words.knowledge.sentences[name].cites), *cites_of(reasons))
        lines += [*gap_line(assessment, words), *words.basis(cites), words.say("as-of", date=assessment.as_of)]
        cards.append(
            CardDraft(
                kind=kind,
                summary=words.say(_gate_summary(kind, present, words)),
                detail=tuple(lines),
                indicator="info" if gate == "NEUROCOGNITIVE" else "warning",
                source_label=words.say("gate-source"),
                cites=tuple(dict.fromkeys(cites)),
                rules=tuple(present),
                uses=uses_of(reasons),
                finding=kind,
                facts=facts_of(reason_facts(reasons)),
            )
        )
    return cards


def _gate_summary(kind: str, present: Sequence[str], words: Wording) -> str:
    """The sentence that names what is present where only one of several is, else the one for all of them."""
    own = f"{kind}-summary-{present[0]}" if len(present) == 1 else ""
    return own if own in words.knowledge.sentences else f"{kind}-summary"


def _as_information(step: NextStep, words: Wording) -> list[str]:
    """Options that section 5.2 lets stand beside recorded acute danger, as information and with the label's limit."""
    shown = [one for one in (*step.options.matched, *step.options.guideline) if one.shown_inline and one.as_information]
    lines = [words.say("safety-information", options="; ".join(one.label for one in shown))] if shown else []
    return lines + [
        words.say(limit) for one in shown if (limit := f"safety-limit-{one.id}") in words.knowledge.sentences
    ]


def _decisive(fact: ItemAnswer | LabResult | ConditionFact, words: Wording) -> str:
    """What was recorded, in our own words and with its day."""
    if isinstance(fact, ConditionFact):
        day = fact.onset or fact.recorded
        shown = words.say("safety-condition")
        return shown if day is None else words.say("safety-dated", what=shown, date=day.latest)
    if isinstance(fact, LabResult):
        label = words.knowledge.clinical.measures[fact.measure].label
        what = words.say("safety-level", scale=label, level=fact.meaning or words.say("safety-positive"))
    else:
        what = words.say(f"safety-item-{fact.instrument}-{fact.item}")
    return words.say("safety-dated", what=what, date=fact.day)


def _is_own(fact: ItemAnswer | LabResult | ConditionFact, user: str, encounter: str) -> bool:
    if not isinstance(fact, ItemAnswer) or not user or not encounter:
        return False
    return fact.encounter == encounter and user in fact.recorded_by


def _sentences(reasons: Sequence[Reason], words: Wording) -> str:
    return " ".join(dict.fromkeys(f"{words.told(reason.text)}." for reason in reasons))


def _subject(order: JudgedOrder) -> str:
    """What is ordered: the drug, the procedure, or the groups of a drug that is none of ours."""
    return order.ingredient or order.order.procedure or "+".join(sorted(order.order.groups))
