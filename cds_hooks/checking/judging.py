"""What all judges of an answer share: places, defined attributes, texts, addresses and codings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from cds_hooks.checking.calls import Call
from cds_hooks.checking.findings import Findings, named

KNOWN: Mapping[str, frozenset[str]] = {
    "answer": frozenset({"cards", "systemActions", "extension"}),
    "card": frozenset(
        {"uuid", "summary", "detail", "indicator", "source", "suggestions", "selectionBehavior", "overrideReasons"}
        | {"links", "extension"}
    ),
    "source": frozenset({"label", "url", "icon", "topic", "extension"}),
    "suggestion": frozenset({"label", "uuid", "isRecommended", "actions", "actionSelectionBehavior", "extension"}),
    "action": frozenset({"type", "description", "resource", "resourceId", "extension"}),
    "link": frozenset({"label", "url", "type", "autolaunchable", "appContext", "extension"}),
    "coding": frozenset({"code", "system", "display", "version", "userSelected", "extension"}),
}


def is_text(value: object) -> bool:
    """Whether `value` is a text with something in it."""
    return isinstance(value, str) and bool(value.strip())


def is_address(value: object) -> bool:
    """Whether `value` is an absolute http(s) address."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value.strip())
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects of a list; none where `value` is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


class Judging:
    """What all judges of parts share: where findings go, and for which call."""

    def __init__(self, findings: Findings, call: Call, sent: str) -> None:
        self.findings, self.call, self.sent = findings, call, sent

    def need(self, holds: bool, name: str, where: str, problem: str) -> bool:
        """Judge requirement `name` at the place `where`."""
        return self.findings.need(holds, name, problem, where=where, sent=self.sent, service=self.call.service.id)

    def text(self, value: Mapping[str, Any], member: str, name: str, where: str) -> bool:
        """Judge that `member` is there as a text that is not blank."""
        written = value.get(member)
        if isinstance(written, str) and written and not written.strip():
            return self.need(False, "TR-05", f"{where}.{member}", "is blank")
        return self.need(is_text(written), name, f"{where}.{member}", "is missing, or is no text")

    def thing(self, value: object, kind: str, name: str, where: str) -> Mapping[str, Any] | None:
        """`value` where it is an object with defined attributes only; None, judged, where it is none."""
        self.findings.judged("CA-18", "TR-05")
        if not self.need(isinstance(value, dict), name, where, "is missing, or is no object") or not isinstance(
            value, dict
        ):
            return None
        for member in value.keys() - KNOWN[kind]:
            self.need(False, "CA-18", where, f"the attribute {named(member)} is not defined")
        if "extension" in value:
            self.need(isinstance(value["extension"], dict), "EX-01", f"{where}.extension", "is no object")
        return value

    def listed(self, value: Mapping[str, Any], member: str, name: str, where: str) -> list[Any]:
        """The list `member` of an object, empty where it is absent or, judged, no list."""
        if member not in value:
            return []
        held = value[member]
        place = f"{where}.{member}" if where else member
        return held if self.need(isinstance(held, list), name, place, "is no list") else []

    def coding(self, value: object, where: str, *, display: bool) -> Mapping[str, Any] | None:
        """Judge a Coding; it is handed back where it is an object."""
        if (coding := self.thing(value, "coding", "CO-01", where)) is None:
            return None
        self.text(coding, "code", "CO-01", where)
        self.text(coding, "system", "CO-01", where)
        if display:
            self.text(coding, "display", "CA-12", where)
        return coding

    def unique(self, uuids: Iterable[object], name: str, where: str) -> None:
        """Judge that no two of `uuids` are the same."""
        given = [one for one in uuids if isinstance(one, str)]
        self.need(len(set(given)) == len(given), name, where, "two have the same uuid")
