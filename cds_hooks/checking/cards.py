"""What of an answer to a hook breaks the specification: the envelope and its cards.

`AnswerJudge` judges one answer; suggestions, actions and links are in `offers`. The invariants of HL7's logical model
(cds-resp-1 to cds-resp-7) are among the rows: SU-03, AC-06, LK-04, CA-12, AC-02, CA-07 and SU-07.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from cds_hooks.checking.findings import named
from cds_hooks.checking.hostile_cases import MARKUP
from cds_hooks.checking.judging import Judging, is_address, is_text, objects
from cds_hooks.checking.offers import OfferJudge

_INDICATORS = ("info", "warning", "critical")
_SUMMARY_BELOW = 140
_HTML = re.compile(r"<[A-Za-z!/][^>]*>")
_STATIC_CODE = re.compile(r"[A-Za-z0-9]{1,100}")
_WANT_SYSTEM_ACTIONS = ("appointment-book", "order-sign", "order-dispatch")


class AnswerJudge(Judging):
    """Judges the body of one answer of 200."""

    def judge(self, body: object) -> list[Mapping[str, Any]]:
        """Enter what is wrong; the cards that are objects."""
        if not self.need(isinstance(body, dict), "RS-01", "body", "is no JSON object"):
            return []
        answer = self.thing(body, "answer", "RS-01", "body") or {}
        self._empties(answer, "")
        offers = OfferJudge(self.findings, self.call, self.sent)
        cards = answer.get("cards")
        if not isinstance(cards, list):
            self.need(False, "RS-01", "cards", "is missing, or is no list")
            return []
        judged = [card for place, card in enumerate(cards) if self._card(card, f"cards[{place}]", offers)]
        self.unique((card.get("uuid") for card in judged), "CA-01", "cards")
        self.unique((one.get("uuid") for card in judged for one in objects(card.get("suggestions"))), "SU-02", "cards")
        if self.call.service.hook in _WANT_SYSTEM_ACTIONS:
            self.need("systemActions" in answer, "INF-11", "systemActions", "is absent")
        if "systemActions" in answer:
            self.need(False, "SY-03", "systemActions", "are sent to a client that did not agree to any")
            for place, action in enumerate(self.listed(answer, "systemActions", "AC-01", "")):
                offers.action(action, f"systemActions[{place}]")
        return judged

    def _card(self, value: object, where: str, offers: OfferJudge) -> bool:
        if (card := self.thing(value, "card", "RS-01", where)) is None:
            return False
        if self.text(card, "summary", "CA-02", where):
            self.need(len(card["summary"]) < _SUMMARY_BELOW, "CA-02", f"{where}.summary", "has 140 characters or more")
        if "detail" in card and self.need(isinstance(card["detail"], str), "CA-03", f"{where}.detail", "is no text"):
            said = "repeats HTML of the record unescaped" if MARKUP in card["detail"] else "holds HTML"
            self.need(not _HTML.search(card["detail"]), "CA-03", f"{where}.detail", said)
        self.need(
            card.get("indicator") in _INDICATORS, "CA-04", f"{where}.indicator", "is not info, warning or critical"
        )
        if self.need("uuid" in card, "CA-01", where, "has no uuid"):
            self.need(_is_uuid(card["uuid"]), "CA-01", f"{where}.uuid", "is not written as a UUID")
        self._source(card.get("source"), f"{where}.source")
        offers.suggestions(card, where)
        for place, reason in enumerate(self.listed(card, "overrideReasons", "CA-12", where)):
            coding = self.coding(reason, f"{where}.overrideReasons[{place}]", display=True)
            if coding is not None:
                whole = all(is_text(coding.get(member)) for member in ("code", "system", "display"))
                self.need(whole, "INF-08", f"{where}.overrideReasons[{place}]", "is no complete coding")
        for place, link in enumerate(self.listed(card, "links", "LK-01", where)):
            offers.link(link, f"{where}.links[{place}]")
        return True

    def _source(self, value: object, where: str) -> None:
        if (source := self.thing(value, "source", "CA-05", where)) is None:
            return
        self.text(source, "label", "CA-05", where)
        for member in ("url", "icon"):
            if member in source:
                self.need(is_address(source[member]), "SO-02", f"{where}.{member}", "is no absolute address")
        topic = source.get("topic")
        complete = isinstance(topic, dict) and is_text(topic.get("code")) and is_text(topic.get("system"))
        self.need(complete, "INF-06", f"{where}.topic", "is missing, or has no code and system")
        if "topic" in source and (coding := self.coding(topic, f"{where}.topic", display=False)):
            code = coding.get("code")
            simple = isinstance(code, str) and _STATIC_CODE.fullmatch(code) is not None
            self.need(simple, "EP-25", f"{where}.topic.code", "is not 1 to 100 letters and digits")

    def _empties(self, value: object, where: str) -> None:
        """No null and nothing empty but the list of cards; resources and extensions have rules of their own."""
        self.findings.judged("TR-02", "TR-03")
        place = where or "body"
        if value is None:
            self.need(False, "TR-02", place, "is null")
        elif value == "" or (value in ([], {}) and where not in ("", "cards")):
            self.need(False, "TR-03", place, "is empty")
        elif isinstance(value, list):
            for number, one in enumerate(value):
                self._empties(one, f"{where}[{number}]")
        elif isinstance(value, dict):
            for name, one in value.items():
                if name not in ("resource", "extension"):
                    self._empties(one, f"{where}.{named(name)}" if where else named(name))


def _is_uuid(value: object) -> bool:
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False
