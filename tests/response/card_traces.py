"""What stands on a card, traced to where it comes from: numbers, dates, records, sources, rules."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date
from functools import cache
from typing import Any

from cds_hooks.render import PROVENANCE
from plugin.advice.wording import Wording
from tests.response.card_contents import CONTENTS, content, kind_of, lines_of
from tests.response.random_assessments import Told, knowledge_of
from tests.response.response_rows import references_of

__all__ = ["CONTENTS"]
_MODIFIERS = ("MIX", "PSY", "CAT", "NCD", "SUI")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PERCENT = re.compile(r"\d+(?= %)")
_DATE = re.compile(r"\b(\d{2}) ([A-Z]\w{2,8}) (\d{4})\b|\b(\d{4})-(\d{2})-(\d{2})\b")
_ANY_DAY = re.compile(r"(?:\b|date\()(\d{4})(?:-|, )(\d{1,2})(?:-|, )(\d{1,2})")


@content
def all_that_is_behind_a_card_exists(told: Told) -> Iterator[str]:
    """Provenance: resources of the record, sources of the bibliography, the versions in force, rules by id."""
    known = references_of(told) | {f"{one['resourceType']}/{one['id']}" for one in told.case.drafts}
    for card, draft in zip(told.cards, told.drafts, strict=True):
        held = card.get("extension", {}).get(PROVENANCE, {})
        if strange := set(held.get("resources", [])) - known:
            yield f"not on record: {sorted(strange)}"
        if set(held.get("resources", [])) != set(draft.uses) & known:
            yield "the resources are not those of the card"
        if strange := set(held.get("sources", [])) - set(told.knowledge.sources):
            yield f"no source: {sorted(strange)}"
        if tuple(held.get("rules", [])) != draft.rules or not held.get("rules"):
            yield "the rules are not those of the card"
        if strange := set(held.get("rules", [])) - _rule_ids(told.case.site):
            yield f"no rule: {sorted(strange)}"
        yield from _versions(told, held)
    if told.cards:
        yield from _versions(told, told.answer.get("extension", {}).get(PROVENANCE, {}))


def _versions(told: Told, held: Mapping[str, Any]) -> Iterator[str]:
    assert told.assessment is not None
    right = {
        "engine": "1.0.0",
        "knowledge": told.knowledge.version,
        "knowledgeHash": told.knowledge.content_hash,
        "definition": told.assessment.definition.id,
        "asOf": told.case.chart.as_of.isoformat(),
    }
    if {name: held.get(name) for name in right} != right:
        yield f"versions {held}"


@content
def every_number_is_known(told: Told) -> Iterator[str]:
    """Every number on a card stands in the assessment document, in the names and sentences of the knowledge, or is one
    of these rounded. Citations are left out: they are checked as sources."""
    if not told.cards:
        return
    document = json.dumps(told.document, ensure_ascii=False)
    known = {_plain(number) for number in _NUMBER.findall(document)} | _numbers_of_names(told.case.site)
    known |= {f"{float(number):.4g}" for number in known} | {f"{float(number):.0f}" for number in known}
    counted = {str(count) for count in range(len(told.drafts) + len(told.knowledge.drugs))}
    for card in told.cards:
        for line in lines_of(card):
            if line.startswith("Basis: "):
                continue
            said = _DATE.sub("", line)
            strange = {_plain(one) for one in _NUMBER.findall(said)} - known - counted - set(_PERCENT.findall(said))
            if strange:
                yield f"{sorted(strange)} in {line!r}"


@content
def every_percentage_is_known(told: Told) -> Iterator[str]:
    """A change in percent is that of a trial."""
    if not told.cards:
        return
    changes = {
        round(abs(float(found))) for found in re.findall(r'"percentChange": (-?[\d.]+)', json.dumps(told.document))
    }
    for card in told.cards:
        for line in lines_of(card):
            for said in re.findall(r"\(([+\u2212]?\d+) %\)", line):
                if not any(abs(abs(int(said.replace("\u2212", "-"))) - change) <= 1 for change in changes):
                    yield f"{said} % in {line!r}"


@content
def every_date_is_known(told: Told) -> Iterator[str]:
    """Every date on a card stands in the document or in the record as read."""
    if not told.cards:
        return
    assert told.assessment is not None
    document = (
        json.dumps(told.document) + json.dumps(told.case.chart.resources, default=str) + repr(told.assessment.record)
    )
    words = Wording(told.knowledge)
    known = {words.day(day) for day in _days(document)}
    for card in told.cards:
        if kind_of(card) == "alreadytaken":
            continue  # the day on which the supply in hand ends is computed and stands in no document
        for line in lines_of(card):
            for found in _DATE.finditer(line):
                if found[0] not in known:
                    yield f"{found[0]} in {line!r}"


def _plain(number: str) -> str:
    return f"{float(number):.10g}"


def _days(text: str) -> Iterator[date]:
    """Every day written in a text, as ISO writes it or as Python shows a date."""
    for year, month, day in _ANY_DAY.findall(text):
        with suppress(ValueError):  # digits that are no date
            yield date(int(year), int(month), int(day))


@cache
def _rule_ids(site: str) -> frozenset[str]:
    """Every rule that a card may name: of the reasoning, of safety, options, modifiers, checks and drafted orders."""
    known, clinical = knowledge_of(site), knowledge_of(site).clinical
    checks = clinical.order_checks
    named = {one.id for one in (checks.option_allergy, checks.order_allergy, checks.duplicate, checks.renewal)}
    named |= {rule.order_finding for rule in clinical.safety.values()}
    named |= {key.removeprefix("topic-") for key in known.sentences if key.startswith("topic-")}
    return frozenset(named | {*known.rules, *clinical.safety, *clinical.options, *_MODIFIERS})


@cache
def _numbers_of_names(site: str) -> frozenset[str]:
    """The numbers within names and sentences of the knowledge: PHQ-9, item 9, the number of a crisis line."""
    known, clinical = knowledge_of(site), knowledge_of(site).clinical
    texts = [one.text for one in known.sentences.values()]
    texts += [f"{one.id} {one.label}" for one in known.definitions.values()]
    for named in (known.drugs, known.instruments, clinical.options, clinical.measures, clinical.indicators,
                  clinical.domains, clinical.safety):  # fmt: skip
        texts += [f"{id_} {one.label}" for id_, one in named.items()]
    texts += [note.statement for one in clinical.options.values() for note in (*one.dosing, *one.monitoring)]
    texts += [
        text for rule in clinical.safety.values() for row in rule.rows for text in (row.note, *row.means.values())
    ]
    return frozenset(_plain(number) for text in texts for number in _NUMBER.findall(text))
