"""What must hold of the content of cards whatever the patient: each check one answer against what it was made from.

The names are ours; the specification leaves content to the service. As in `response_rows` a check reads the JSON of the
answer and yields what is wrong. What a card says is compared with the assessment, its public document and the record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from plugin import assess
from plugin.ingest import read_orders
from tests.response.random_assessments import Told
from tests.response.response_rows import Check, created, shown_texts, suggestions_of

CONTENTS: dict[str, Check] = {}
SAFETY = ("acutesafety", "orderstop", "gatebipolar", "gatepsychosiscatatonia", "gateneurocognitive")
LOUDNESS = ("critical", "warning", "info")
OPTIONS = "trdoptions"
UNSURE = "remissionunsure"
ON_PROFILE = ("mismatchplausible", "matchedfailure", "refractorypattern")
IN_REMISSION = (*SAFETY, "nottolerated", "orderunchecked")
# Words that tell a clinician what to do. "Complete a safety assessment by the local protocol" is decided wording
# (decision 25) and names no treatment; "must all be known" is about the data, "must not meet" the name of a rule.
DIRECTIVE = re.compile(
    r"(?i)\b(should|ought|shall|have to|has to|needs? to|must(?! all be known| not meet)|recommend\w*|"
    r"we (advise|suggest)|you|"
    r"(?:(?<=^)|(?<=[.:;] ))do not|don't|please|prescribe|discontinue|initiate|titrate|escalate|switch to|start with|"
    r"best option|first choice|preferred)\b"
)
_UNESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|\*\*")


def content(check: Check) -> Check:
    """Enter a check under its name."""
    CONTENTS[check.__name__.replace("_", " ")] = check
    return check


def kind_of(card: Mapping[str, Any]) -> str:
    """The static topic of a card."""
    return str(card["source"]["topic"]["code"])


def lines_of(card: Mapping[str, Any]) -> list[str]:
    """The lines of a card as a reader sees them, the summary first."""
    detail = _UNESCAPED.sub(lambda found: found[1] or "", card.get("detail", ""))
    return [card["summary"], *(line.removeprefix("- ") for line in detail.split("\n") if line)]


@content
def three_cards_at_most(told: Told) -> Iterator[str]:
    """Three, or as few as the client shows."""
    if len(told.cards) > min(3, told.client.cards_at_most):
        yield f"{len(told.cards)} cards"


@content
def safety_comes_first(told: Told) -> Iterator[str]:
    """Cards on safety before all others, in their own order; the others by loudness."""
    kinds = [kind_of(card) for card in told.cards]
    places = [SAFETY.index(kind) if kind in SAFETY else len(SAFETY) for kind in kinds]
    if places != sorted(places):
        yield f"order {kinds}"
    others = [LOUDNESS.index(card["indicator"]) for card in told.cards if kind_of(card) not in SAFETY]
    if others != sorted(others):
        yield f"a louder card comes later: {kinds}"


@content
def no_hard_stop_is_lost(told: Told) -> Iterator[str]:
    """Every drafted order that meets a hard stop has its card, or is named among further ones."""
    if told.assessment is None or told.case.hook == "patient-view":
        return
    # Two drafts of one drug that meet the same stops are one finding.
    stopped = {
        (one.ingredient or one.order.procedure or one.order.groups, tuple(sorted(stop.rule for stop in one.stops)))
        for one in told.assessment.next_step.orders
        if any(stop.level in LOUDNESS[:2] for stop in one.stops)
    }
    cards = [card for card in told.cards if kind_of(card) == "orderstop"]
    if len(cards) + _further(told) < len(stopped):
        yield f"{len(stopped)} orders stopped, {len(cards)} cards and {_further(told)} named beside them"
    orders = told.assessment.next_step.orders
    loud = {stop.rule for one in orders for stop in one.stops if stop.level == "critical"}
    if loud and not any(card["indicator"] == "critical" for card in told.cards):
        yield f"no critical card for {loud}"


@content
def recorded_danger_is_always_told(told: Told) -> Iterator[str]:
    """Behind an order, recorded suicidality at its two upper levels has its card, and it is the first (decision 15)."""
    if told.assessment is None or told.case.hook == "patient-view":
        return
    found = told.assessment.next_step.modifiers.suicidality
    first = [kind_of(card) for card in told.cards][:1]
    if found.level in ("high", "moderate") and found.deciding and first != ["acutesafety"]:
        yield f"level {found.level} is not told first"


def _further(told: Told) -> int:
    """How much on safety the last card names beside its own subject."""
    opening = told.knowledge.sentences["safety-further"].text.partition("{list}")[0]
    lines = [line for card in told.cards for line in lines_of(card) if line.startswith(opening)]
    return sum(len(line.removeprefix(opening).split("; ")) for line in lines)


@content
def closed_gates_close(told: Told) -> Iterator[str]:
    """No options beside recorded danger or bipolar disorder, nothing on a profile under these or psychosis."""
    if told.assessment is None:
        return
    gates, kinds = told.assessment.next_step.modifiers.gates, {kind_of(card) for card in told.cards}
    if {"ACUTE_SAFETY", "BIPOLAR"} & set(gates) and OPTIONS in kinds:
        yield f"options under {gates}"
    if {"ACUTE_SAFETY", "BIPOLAR", "PSYCHOSIS_CATATONIA"} & set(gates) and kinds & set(ON_PROFILE):
        yield f"{kinds} under {gates}"
    if told.assessment.next_step.options.why_none is not None and OPTIONS in kinds:
        yield "options although none may be named"
    if "ACUTE_SAFETY" in gates and any(one.get("resourceType") == "MedicationRequest" for one in created(told)):
        yield "a drug is proposed beside recorded danger"


@content
def remission_is_left_alone(told: Told) -> Iterator[str]:
    """While the latest score is in remission only safety and an intolerance speak, and no treatment is proposed. Where
    a relapse may stand in scores that were not read, what is on record is told as well."""
    if told.assessment is None or told.assessment.severity is None or not told.assessment.severity.in_remission:
        return
    kinds = {kind_of(card) for card in told.cards}
    unsure = told.assessment.record.lacks_scores
    if strange := kinds & {OPTIONS, *ON_PROFILE} if unsure else kinds - set(IN_REMISSION):
        yield f"{strange} in remission"
    if any(one.get("resourceType") == "MedicationRequest" for one in created(told)):
        yield "a drug is proposed in remission"


@content
def a_good_outcome_is_doubted_for_a_reason(told: Told) -> Iterator[str]:
    """That a good outcome may have ended is said where scores were not read and the verdict is not met, and only there;
    a remission of somebody treated is not passed over in silence there."""
    if told.assessment is None:
        return
    kinds = {kind_of(card) for card in told.cards}
    lacking = told.assessment.record.lacks_scores and told.assessment.verdict.value == "NOT_MET"
    if UNSURE in kinds and (not lacking or told.case.hook == "patient-view"):
        yield "doubted without a reason"
    severity = told.assessment.severity
    remitted = severity is not None and severity.in_remission and bool(told.assessment.trials)
    if lacking and remitted and not kinds and told.case.hook != "patient-view":
        yield "silence"


@content
def the_verdict_decides_who_speaks(told: Told) -> Iterator[str]:
    """No status and no options for somebody outside the definition; a met verdict is said, and by its name."""
    if told.assessment is None:
        return
    verdict, kinds = str(told.assessment.verdict.value), [kind_of(card) for card in told.cards]
    stopped = told.stopped and told.case.hook != "patient-view"
    if verdict not in ("MET", "PROBABLE", "INDETERMINATE") and "trdstatus" in kinds:
        yield f"a status card at {verdict}"
    if verdict not in ("MET", "PROBABLE") and (set(kinds) & {OPTIONS, *ON_PROFILE}) and not stopped:
        yield f"{kinds} at {verdict}"
    for card in told.cards:
        if kind_of(card) == "trdstatus" and ("criteria met" in card["summary"]) is not (verdict == "MET"):
            yield f"{card['summary']} at {verdict}"
        if kind_of(card) == "trdstatus" and (card["indicator"] == "warning") is not (verdict == "MET"):
            yield f"{card['indicator']} at {verdict}"


@content
def nothing_is_directed(told: Told) -> Iterator[str]:
    """Possibilities and records, never a directive."""
    # Where a client drops the dose of an order the card quotes the label on dosing.
    quoted = told.knowledge.sentences["order-dose-to-set"].text.partition("{order}")[2].partition("{dosing}")[0]
    for card in told.cards:
        for text in (*lines_of(card), *shown_texts(card)):
            if found := DIRECTIVE.search(text.partition(quoted)[0]):
                yield f"{found[0]!r} in {text!r}"


@content
def the_labels_stand_on_every_card(told: Told) -> Iterator[str]:
    """Each card says that it is no diagnosis and was not reviewed; each card on options or profile, a proposal."""
    for card in told.cards:
        if not any("not clinically reviewed, not clinically validated" in line for line in lines_of(card)):
            yield "nothing says that the card was not reviewed"
        if kind_of(card) == OPTIONS and told.knowledge.sentences["option-proposal"].text not in lines_of(card):
            yield "nothing says that the options are a proposal"


@content
def alternatives_are_never_parallel(told: Told) -> Iterator[str]:
    """Alternative drugs stand on one card only, as at-most-one; a client that knows only `any` gets one drug."""
    offering = []
    for card in told.cards:
        treatments = [
            action for one in card.get("suggestions", []) for action in one["actions"] if _is_drug_creation(action)
        ]
        if treatments:
            offering.append(card)
        if len(treatments) > 1 and card["selectionBehavior"] != "at-most-one":
            yield f"{len(treatments)} drugs may be taken together"
    if len(offering) > 1:
        yield "alternatives on two cards"
    for one in suggestions_of(told):
        if sum(map(_is_drug_creation, one["actions"])) > 1:
            yield "two drugs in one suggestion"


def _is_drug_creation(action: Mapping[str, Any]) -> bool:
    resource = action.get("resource") or {}
    return action.get("type") == "create" and resource.get("resourceType") == "MedicationRequest"


@content
def nothing_blocked_is_offered(told: Told) -> Iterator[str]:
    """What is proposed for one of the listed options is not blocked, nor off-label unless the site allows it."""
    if told.assessment is None:
        return
    step = told.assessment.next_step
    for draft in told.drafts:
        listed = {one.id: one for one in step.options.listed}
        for offered in draft.offers:
            if offered in step.safety.blocked or not listed[offered].shown_inline:
                yield f"{offered} is offered"
    blocked = tuple(f": {one.label}; " for one in step.options.blocked)
    lines = [
        line for card in told.cards if kind_of(card) == OPTIONS for line in lines_of(card) if "evidence tier" in line
    ]
    yield from (f"blocked, and among the options: {line}" for line in lines if any(label in line for label in blocked))


@content
def what_is_proposed_is_not_stopped(told: Told) -> Iterator[str]:
    """Each drug that a card proposes, drafted as proposed, meets no hard stop, and no failure of its own."""
    for number, resource in enumerate(created(told)):
        if resource.get("resourceType") != "MedicationRequest" or told.assessment is None:
            continue
        given: dict[str, Any] = {"knowledge": told.knowledge, "jurisdiction": told.case.jurisdiction}
        orders = read_orders([{**resource, "id": f"own-{number}"}], **given)
        judged = assess(told.assessment.record, as_of=told.assessment.as_of, orders=orders, suppose=False, **given)
        for one in judged.next_step.orders:
            if any(stop.level in LOUDNESS[:2] for stop in one.stops):
                yield f"{one.label} is proposed and meets {[stop.rule for stop in one.stops]}"
            if any(finding.level == "warning" for finding in one.findings):
                yield f"{one.label} is proposed and meets {[finding.rule for finding in one.findings]}"
