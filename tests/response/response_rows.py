"""The rows of the specification that speak of a response, each as a check on the JSON of one answer.

A check yields what is wrong with an answer, in words, and nothing for a good one. `ROWS` holds them by the id of the
row; rows about clients or servers have no check. Those on suggestions, actions and
links are in `offer_rows`. HL7's own invariants and what else FHIRPath can say come from
`tests.edge.test_response_invariants` and are evaluated by the same independent engine; the shapes below are typed anew,
so that the models that write the answer do not judge it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

from plugin.advice.wording import Wording
from tests.edge.every_card import BASE
from tests.edge.test_card_text import OURS, READER
from tests.edge.test_response_invariants import HOLDS, INVARIANTS, parts
from tests.response.random_assessments import Told

Check = Callable[[Told], Iterator[str]]
ROWS: dict[str, Check] = {}

ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "answer": frozenset({"cards", "extension"}),
    "card": frozenset(
        {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "links", "extension"}
        | {"overrideReasons"}
    ),
    "source": frozenset({"label", "url", "topic"}),
    "suggestion": frozenset({"label", "uuid", "actions"}),
    "action": frozenset({"type", "description", "resource", "resourceId"}),
    "link": frozenset({"label", "url", "type"}),
    "coding": frozenset({"code", "system", "display"}),
}
ABSOLUTE = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_KEY = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+){2,}")


def row(*ids: str) -> Callable[[Check], Check]:
    """Enter a check under the ids of its rows."""

    def enter(made: Check) -> Check:
        ROWS.update(dict.fromkeys(ids, made))
        return made

    return enter


def broken(told: Told, rows: Mapping[str, Check] = ROWS) -> list[str]:
    """Everything wrong with one answer, each as ``ID: what``."""
    return [f"{name}: {fault}" for name, holds in rows.items() for fault in holds(told)]


def suggestions_of(told: Told) -> list[dict[str, Any]]:
    """All suggestions of an answer."""
    return [one for card in told.cards for one in card.get("suggestions", [])]


def actions_of(told: Told) -> list[dict[str, Any]]:
    """All actions of an answer."""
    return [action for one in suggestions_of(told) for action in one.get("actions", [])]


def links_of(told: Told) -> list[dict[str, Any]]:
    """All links of an answer."""
    return [link for card in told.cards for link in card.get("links", [])]


def created(told: Told) -> Iterator[dict[str, Any]]:
    """The resources that the suggestions would create."""
    yield from (action.get("resource") or {} for action in actions_of(told) if action.get("type") == "create")


def references_of(told: Told) -> set[str]:
    """What is on record, by reference."""
    return {f"{one['resourceType']}/{one['id']}" for one in told.case.chart.resources}


def shown_texts(card: Mapping[str, Any]) -> Iterator[str]:
    """All texts of a card that are shown as they are, never as Markdown."""
    yield from (str(card.get("summary", "")), str(card.get("source", {}).get("label", "")))
    yield from (str(link.get("label", "")) for link in card.get("links", []))
    yield from (str(reason.get("display", "")) for reason in card.get("overrideReasons", []))
    for one in card.get("suggestions", []):
        yield str(one.get("label", ""))
        yield from (str(action.get("description", "")) for action in one.get("actions", []))


def _invariant(where: str, name: str) -> Check:
    def holds(told: Told) -> Iterator[str]:
        for part in parts(told.answer, where):
            if HOLDS[name](part) != [True]:
                yield "the invariant does not hold"

    return holds


ROWS.update({f"FHIRPath {name}": _invariant(where, name) for where, name, _ in INVARIANTS})


@row("RS-01")
def has_cards(told: Told) -> Iterator[str]:
    """An object with a list of cards."""
    if not isinstance(told.answer.get("cards"), list):
        yield "cards is no list"


@row("RS-02")
def says_nothing_plainly(told: Told) -> Iterator[str]:
    """Silence is an empty list, and nothing beside it."""
    if not told.answer.get("cards") and told.answer != {"cards": []}:
        yield "an empty answer holds more than an empty list"


@row("RS-03", "SY-01", "SY-03")
def acts_on_nothing(told: Told) -> Iterator[str]:
    """Nothing is ever applied without the clinician."""
    if "systemActions" in told.answer:
        yield "there are systemActions"


@row("RS-10")
def names_its_day(told: Told) -> Iterator[str]:
    """A card that outlives its moment says of which day it is."""
    day = Wording(told.knowledge).day(told.case.chart.as_of)
    for card in told.cards:
        if not any(line.startswith(f"- As of {day}, ") for line in card.get("detail", "").split("\n")):
            yield f"no line names the day: {card.get('summary')}"


@row("RS-11")
def stands_alone(told: Told) -> Iterator[str]:
    """A summary is whole: begun with a capital or a figure, not cut where drugs have their real names, no pointing."""
    for card in told.cards:
        said = card.get("summary", "")
        cut = said.endswith("…")
        if not re.match(r"[A-Z0-9]", said) or said != " ".join(said.split()) or cut:
            yield f"the summary is not whole: {said}"
        if re.search(r"(?i)\b(see|detail|details|following)\b", said):
            yield f"the summary points elsewhere: {said}"


@row("CA-01")
def has_its_own_uuid(told: Told) -> Iterator[str]:
    """A random UUID for each card."""
    for card in told.cards:
        yield from no_uuid(card.get("uuid"))
    if len({card.get("uuid") for card in told.cards}) < len(told.cards):
        yield "two cards have one uuid"


@row("CA-02")
def is_short(told: Told) -> Iterator[str]:
    """Fewer than 140 code points on one line."""
    for card in told.cards:
        said = card.get("summary")
        if not isinstance(said, str) or not said.strip() or len(said) >= 140 or len(said.splitlines()) != 1:
            yield f"summary: {said!r}"


@row("CA-03")
def is_plain_markdown(told: Told) -> Iterator[str]:
    """Of Markdown only lists and bold, for an independent reader; no HTML, table, link or heading, nowhere."""
    for card in told.cards:
        said = card.get("detail", "")
        if said and not all(line.startswith("- ") for line in said.split("\n")):
            yield "a line of the detail is no list item"
        if told.client.markdown == "gfm":
            strange = {token.type for token in _tokens(said)} - OURS
            if strange:
                yield f"the detail holds {sorted(strange)}"
        elif re.search(r"\*\*|\\[^\w\s]|[<>]", said):
            yield "a client without Markdown gets markup"
        for text in shown_texts(card):
            if re.search(r"[<>]|\*\*|\\[^\w\s]|\]\(", text):
                yield f"markup in {text!r}"


def _tokens(said: str) -> Iterator[Any]:
    for token in READER.parse(said):
        yield token
        yield from token.children or ()


@row("CA-04")
def has_an_indicator(told: Told) -> Iterator[str]:
    """One of three words."""
    yield from (f"{card.get('indicator')}" for card in told.cards if card.get("indicator") not in _INDICATORS)


_INDICATORS = ("info", "warning", "critical")


@row("CA-05", "SO-01")
def has_a_source(told: Told) -> Iterator[str]:
    """The primary source by name, which is not the name of this product."""
    for card in told.cards:
        said = card.get("source", {}).get("label", "")
        if not said.strip() or re.search(r"(?i)trd.cds", said):
            yield f"source.label: {said!r}"


@row("CA-06", "SU-04", "CA-15")
def is_absent_rather_than_empty(told: Told) -> Iterator[str]:
    """suggestions, actions, links and reasons are absent or hold something."""
    for card in told.cards:
        held = [card.get(name, [None]) for name in ("suggestions", "links", "overrideReasons")]
        held += [one.get("actions", []) for one in card.get("suggestions", [])]
        if not all(held):
            yield "an empty list"


@row("CA-07")
def says_how_to_select(told: Told) -> Iterator[str]:
    """selectionBehavior with suggestions, and only with them."""
    for card in told.cards:
        if ("selectionBehavior" in card) is not ("suggestions" in card):
            yield "selectionBehavior and suggestions do not go together"


@row("CA-08", "CA-09", "EP-22")
def selects_as_the_client_can(told: Told) -> Iterator[str]:
    """A value that the specification knows and this client takes."""
    takes = {"both": ("at-most-one", "any")}.get(told.client.selection_behavior, (told.client.selection_behavior,))
    for card in told.cards:
        if "suggestions" in card and card.get("selectionBehavior") not in takes:
            yield f"selectionBehavior {card.get('selectionBehavior')}"


@row("CA-11", "CA-12")
def offers_reasons(told: Told) -> Iterator[str]:
    """Every card can be overridden with the reasons of the knowledge for its kind, each once, each with its display."""
    topics = [key.removeprefix("topic-") for key in told.knowledge.sentences if key.startswith("topic-")]
    kinds = {kind.replace("-", ""): kind for kind in topics}
    for card in told.cards:
        here = kinds.get(card.get("source", {}).get("topic", {}).get("code", ""), "")
        known = {one.code: one.display for one in told.knowledge.override_reasons if here not in one.not_on}
        said = [(one.get("code"), one.get("display")) for one in card.get("overrideReasons", [])]
        if dict(said) != known or len(said) != len(known):
            yield "override reasons are not those of the knowledge"


@row("CA-17", "EX-01", "EX-02")
def extends_by_names_of_its_own(told: Told) -> Iterator[str]:
    """An extension is an object, its keys are names under a domain turned round."""
    for holder in (told.answer, *told.cards):
        held = holder.get("extension", {})
        if not isinstance(held, dict) or not all(_KEY.fullmatch(key) for key in held):
            yield f"extension {held!r}"


@row("CA-18", "SU-06", "SU-07", "SO-03", "LK-07", "LK-08")
def holds_only_what_is_defined(told: Told) -> Iterator[str]:
    """No attribute beyond those of the lists above: no icon, no autolaunchable, no actionSelectionBehavior."""
    held: list[tuple[str, Mapping[str, Any]]] = [("answer", told.answer)]
    for card in told.cards:
        source = card.get("source", {})
        held += [("card", card), ("source", source), ("coding", source.get("topic", {}))]
        held += [("coding", one) for one in card.get("overrideReasons", [])]
    held += [("link", one) for one in links_of(told)] + [("suggestion", one) for one in suggestions_of(told)]
    held += [("action", one) for one in actions_of(told)]
    for kind, one in held:
        if strange := sorted(set(one) - ATTRIBUTES[kind]):
            yield f"{kind} holds {strange}"


@row("SO-02")
def source_is_no_drill_down(told: Told) -> Iterator[str]:
    """An absolute address of this deployment, without anything that tells one card from another."""
    for card in told.cards:
        url = str(card.get("source", {}).get("url"))
        if not ABSOLUTE.fullmatch(url) or not url.startswith(f"{BASE}/"):
            yield f"source.url: {url}"


@row("SO-04", "EP-25")
def has_a_static_topic(told: Told) -> Iterator[str]:
    """The topic of its kind: letters and digits, and the same for every card of one kind."""
    known = {name.removeprefix("topic-").replace("-", ""): one.text for name, one in told.knowledge.sentences.items()
             if name.startswith("topic-")}  # fmt: skip
    for card, draft in zip(told.cards, told.drafts, strict=True):
        topic = card.get("source", {}).get("topic", {})
        code = str(topic.get("code"))
        if not re.fullmatch(r"[A-Za-z0-9]{1,100}", code) or code != draft.kind.replace("-", ""):
            yield f"topic {code} of {draft.kind}"
        if topic.get("display") != known.get(code):
            yield f"display of topic {code}"


@row("CO-01", "CO-02")
def codings_are_whole(told: Told) -> Iterator[str]:
    """Code, system and display wherever the response holds a Coding of its own."""
    for card in told.cards:
        for one in (card.get("source", {}).get("topic", {}), *card.get("overrideReasons", [])):
            if not all(isinstance(one.get(name), str) and one[name].strip() for name in ("code", "system", "display")):
                yield f"coding {one}"
            elif not ABSOLUTE.fullmatch(one["system"]):
                yield f"system {one['system']}"


@row("TR-02", "TR-03")
def holds_nothing_empty(told: Told) -> Iterator[str]:
    """No null and no empty string, list or object, cards apart; the copy of a draft is the client's own."""
    for name, value in told.answer.items():
        if name != "cards":
            yield from _empties(value, name)
    for card in told.cards:
        yield from _empties(card, "card")


def _empties(value: Any, where: str) -> Iterator[str]:
    if value is None or value in ("", [], {}):
        yield f"{where} is empty"
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in items:
        yield from _empties(item, f"{where}.{name}")


def no_uuid(text: object) -> Iterator[str]:
    try:
        known = UUID(str(text))
    except ValueError:
        yield f"no uuid: {text}"
        return
    if known.version != 4 or str(known) != text:
        yield f"no random uuid: {text}"
