"""What must hold of every reason and every card, whatever the case: a named rule, a whole sentence, records behind it.

The contract gives each reason a rule, a text, its sources and its records, and asks that what is said of a patient be
traceable to resources. A rule stands in `RESTS_ON_RECORDS` when its sentences tell what was recorded (a score, days at
a dose, a diagnosis, a drug), in `FOLLOWS_SOURCES` when it judges by a published threshold or definition.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from plugin.advice.card_draft import CardDraft
from plugin.advice.policy import POLICY


def _rules(written: str) -> frozenset[str]:
    return frozenset(written.split())


RESTS_ON_RECORDS = _rules(
    "A1 A2 A4 ALLERGY C1 D1 D7 E9 MIX NCD O3 O4 O5 O6 O8 O10 P0 P1 PSY R1 R2 R3 S01 S05 S09 S11 S12 S26 S28 S40 S41 "
    "S45 T5 V1 V2 V3 X1 X2 X3"
)
FOLLOWS_SOURCES = _rules(
    "A1 A2 A4 C1 D0 D1 D2 D3 D4 D5 D7 G1 G2 G3 L0 L1 L2 L3 L4 L5 L6 L7 L9 O3 O5 R1 R2 R3 V1 V2 V3 V4"
)
# The sentence gives amounts of this patient, which stand beside it as facts under their names.
HAS_AMOUNTS = _rules("A4 O3 O5 G2 G3")
LOUDNESS_OF = {row.kind: row.indicators for row in POLICY}
_RULE = re.compile(r"[A-Z]{1,3}\d{0,2}[A-Za-z]?|ALLERGY|[a-z]+(-[a-z]+)*")
_SENTENCE = re.compile(r"\S.*[.)]", re.DOTALL)
_HOLE = re.compile(r"\bNone\b|\bnan\b|\{\w*\}|  ")


# What the contract lets an outcome rest on.
BASES = frozenset({"score", "coded-reason", "switch", "reported", "none"})


def reasons_in(part: Any) -> Iterator[Mapping[str, Any]]:
    """Every reason of a document, in whatever part it stands."""
    if isinstance(part, Mapping):
        if part.keys() == {"rule", "text", "facts", "cites", "uses"}:
            yield part
        else:
            for inner in part.values():
                yield from reasons_in(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from reasons_in(inner)


def reason_faults(document: Mapping[str, Any], known: Collection[str], sources: Collection[str]) -> list[str]:
    """What is wrong with outcomes and reasons of a document, given all references sent and all sources there are."""
    rated = [one for key in ("trials", "earlierTrials", "augmentations", "neuromodulation") for one in document[key]]
    found = [f"outcome by {one['outcome']['basis']}" for one in rated if one["outcome"]["basis"] not in BASES]
    for reason in reasons_in(document):
        rule, text, uses, cites = reason["rule"], reason["text"], reason["uses"], reason["cites"]
        if not isinstance(rule, str) or not _RULE.fullmatch(rule):
            found.append(f"without a rule: {text}")
            continue
        if not isinstance(text, str) or not _SENTENCE.fullmatch(text) or _HOLE.search(text):
            found.append(f"{rule} is no sentence: {text}")
        if not set(uses) <= set(known):
            found.append(f"{rule} uses what was not sent: {uses}")
        if not set(cites) <= set(sources):
            found.append(f"{rule} follows what is no source: {cites}")
        if rule in RESTS_ON_RECORDS and not uses:
            found.append(f"{rule} rests on no record: {text}")
        if rule in FOLLOWS_SOURCES and not cites:
            found.append(f"{rule} follows no source: {text}")
        if (rule in HAS_AMOUNTS and not reason["facts"]) or None in reason["facts"].values():
            found.append(f"{rule} gives no amounts: {text}")
    return found


def card_faults(drafts: Sequence[CardDraft], known: Collection[str], sources: Collection[str]) -> list[str]:
    """What is wrong with cards before they are put on the wire."""
    found = []
    for draft in drafts:
        for line in (draft.summary, draft.source_label, *draft.detail):
            if not isinstance(line, str) or not line.strip() or _HOLE.search(line):
                found.append(f"{draft.kind} says: {line}")
        if not draft.rules or not all(draft.rules):
            found.append(f"{draft.kind} follows no rule")
        if draft.indicator not in LOUDNESS_OF[draft.kind]:
            found.append(f"{draft.kind} is {draft.indicator}")
        if not draft.finding:
            found.append(f"{draft.kind} has no key")
        if not isinstance(draft.uses, tuple) or not set(draft.uses) <= set(known):
            found.append(f"{draft.kind} uses what was not sent: {draft.uses}")
        if not set(draft.cites) <= set(sources):
            found.append(f"{draft.kind} follows what is no source: {draft.cites}")
    return found
