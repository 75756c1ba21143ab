"""What of a card's suggestions, actions and links breaks the specification."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cds_hooks.checking.judging import Judging, is_address, is_text, objects
from cds_hooks.probing.strictness import strictness_of

_BEHAVIORS = ("at-most-one", "any")
_TYPES = ("create", "update", "delete")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[^/\s]+")


class OfferJudge(Judging):
    """Judges what a card offers to do."""

    def suggestions(self, card: Mapping[str, Any], where: str) -> None:
        """The suggestions of one card, and how they may be chosen."""
        listed = self.listed(card, "suggestions", "SU-01", where)
        if not listed:
            return
        behavior = card.get("selectionBehavior")
        place = f"{where}.selectionBehavior"
        if self.need(is_text(behavior), "CA-07", place, "is missing where there are suggestions"):
            self.need(behavior in _BEHAVIORS, "CA-08", place, "is neither at-most-one nor any")
            self.need(behavior == "at-most-one", "CA-10", place, "is not at-most-one")
            self.need(behavior == "any", "EP-22", place, "is not any")
        found = [one for number, one in enumerate(listed) if self._suggestion(one, f"{where}.suggestions[{number}]")]
        actions = [action for one in found for action in objects(one.get("actions"))]
        kinds = {type_: {_kind(one) for one in actions if one.get("type") == type_} for type_ in _TYPES}
        replaced = kinds["delete"] <= kinds["create"]
        self.need(replaced, "INF-10", f"{where}.suggestions", "a delete comes without a create of the same type")
        recommended = sum(one.get("isRecommended") is True for one in found)
        several = behavior == "any" or recommended <= 1
        self.need(several, "SU-03", f"{where}.suggestions", "more than one is recommended, though one may be chosen")

    def _suggestion(self, value: object, where: str) -> bool:
        if (one := self.thing(value, "suggestion", "SU-01", where)) is None:
            return False
        self.text(one, "label", "SU-01", where)
        self.need(is_text(one.get("uuid")), "SU-02", where, "has no uuid")
        self.need("actionSelectionBehavior" not in one, "SU-07", where, "has actionSelectionBehavior")
        if "isRecommended" in one:
            self.need(isinstance(one["isRecommended"], bool), "SU-03", f"{where}.isRecommended", "is not true or false")
        actions = self.listed(one, "actions", "AC-01", where)
        self.need(len(actions) <= 1, "EP-21", f"{where}.actions", "holds more than one action")
        for number, action in enumerate(actions):
            self.action(action, f"{where}.actions[{number}]")
        return True

    def action(self, value: object, where: str) -> None:
        """One action of a suggestion, or a system action."""
        if (action := self.thing(value, "action", "AC-01", where)) is None:
            return
        self.text(action, "description", "AC-02", where)
        type_, resource = action.get("type"), action.get("resource")
        if not self.need(type_ in _TYPES, "AC-01", f"{where}.type", "is not create, update or delete"):
            return
        if type_ == "delete":
            self._delete(action, where)
            return
        row = "AC-03" if type_ == "create" else "AC-04"
        if not isinstance(resource, dict) or not is_text(resource.get("resourceType")):
            self.need(False, row, f"{where}.resource", "is no FHIR resource")
            return
        self.findings.judged(row)
        self._valid(resource, f"{where}.resource")
        if type_ == "update":
            self.need(is_text(resource.get("id")), "AC-04", f"{where}.resource.id", "is missing")
            self._of_draft(f"{resource['resourceType']}/{resource.get('id')}", where)

    def _delete(self, action: Mapping[str, Any], where: str) -> None:
        reference, written = action.get("resourceId"), action.get("resource")
        self.need(isinstance(written, str), "AC-07", f"{where}.resource", "does not name the id as text")
        formed = isinstance(reference, str) and _REFERENCE.fullmatch(reference) is not None
        if self.need(formed, "AC-06", f"{where}.resourceId", "is no reference Type/id"):
            drafted = reference in self.call.drafts
            self.need(drafted, "AC-06", f"{where}.resourceId", "names no draft of the call")
            self._of_draft(str(reference), where)

    def _of_draft(self, reference: str, where: str) -> None:
        self.need(reference in self.call.drafts, "INF-10", where, "is about no draft of the call")

    def _valid(self, resource: dict[str, Any], where: str) -> None:
        # Ids that came with the call go back unchanged, whatever their length.
        kept = {name: value for name, value in resource.items() if name != "id"}
        faults = strictness_of([kept]).faults
        self.findings.judged("TR-06")
        for fault in faults:
            self.need(
                False,
                "TR-06",
                f"{where} {fault.resource_type}.{fault.element}".rstrip("."),
                f"is not R4: {fault.fault}",
            )

    def link(self, value: object, where: str) -> None:
        """One link of a card."""
        if (link := self.thing(value, "link", "LK-01", where)) is None:
            return
        self.text(link, "label", "LK-01", where)
        self.need(is_address(link.get("url")), "LK-02", f"{where}.url", "is no absolute address")
        if self.call.patient_id:
            named = self.call.patient_id in str(link.get("url", ""))
            self.need(not named, "LK-02", f"{where}.url", "holds the id of the patient")
        self.need(link.get("type") in ("absolute", "smart"), "LK-03", f"{where}.type", "is neither absolute nor smart")
        smart = link.get("type") == "smart" or "appContext" not in link
        self.need(smart, "LK-04", f"{where}.appContext", "is on a link that is not smart")
        if "autolaunchable" in link:
            right = isinstance(link["autolaunchable"], bool)
            self.need(right, "LK-07", f"{where}.autolaunchable", "is not true or false")


def _kind(action: Mapping[str, Any]) -> str:
    resource = action.get("resource")
    if isinstance(resource, dict):
        return str(resource.get("resourceType"))
    return str(action.get("resourceId", "")).partition("/")[0]
