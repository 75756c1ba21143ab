"""The rows on what a card offers: suggestions, actions, links. See `response_rows`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cds_hooks.fhir_writer import InvalidResourceError, check
from tests.edge.every_card import BASE
from tests.response.random_assessments import Told
from tests.response.response_rows import (
    ABSOLUTE,
    ROWS,
    actions_of,
    created,
    links_of,
    no_uuid,
    references_of,
    row,
    suggestions_of,
)

__all__ = ["ROWS"]
_SYSTEM = re.compile(r"(https?://|urn:)\S+")


@row("SU-01", "AC-02", "EP-23")
def says_what_it_does(told: Told) -> Iterator[str]:
    """Label of the suggestion and description of each action; where there is one action, both are the same."""
    for one in suggestions_of(told):
        said = [action.get("description", "") for action in one.get("actions", [])]
        if not one.get("label", "").strip() or not all(text.strip() for text in said):
            yield "a label or description is missing"
        if len(said) == 1 and said[0] != one.get("label"):
            yield f"{one.get('label')!r} describes itself as {said[0]!r}"


@row("SU-02")
def suggestion_has_its_own_uuid(told: Told) -> Iterator[str]:
    """A random UUID that no card and no other suggestion of the answer has."""
    named = [one.get("uuid") for one in (*told.cards, *suggestions_of(told))]
    for one in suggestions_of(told):
        yield from no_uuid(one.get("uuid"))
    if len(set(named)) < len(named):
        yield "a uuid is used twice"


@row("SU-03", "EP-24")
def prefers_nothing(told: Told) -> Iterator[str]:
    """No suggestion stands out."""
    yield from ("isRecommended" for one in suggestions_of(told) if "isRecommended" in one)


@row("SU-05", "EP-21")
def bundles_as_the_client_can(told: Told) -> Iterator[str]:
    """No more actions in a suggestion than the client takes."""
    for one in suggestions_of(told):
        if len(one.get("actions", [])) > told.client.actions_per_suggestion:
            yield f"{len(one['actions'])} actions in one suggestion"


@row("AC-01")
def acts_in_three_ways(told: Told) -> Iterator[str]:
    """create, update or delete, each only for what the client takes."""
    takes = {"create": told.client.creates, "update": told.client.updates, "delete": told.client.deletes}
    for action in actions_of(told):
        if action.get("type") not in takes:
            yield f"type {action.get('type')}"
            continue
        kind = action.get("resource", {}).get("resourceType") or str(action.get("resourceId")).partition("/")[0]
        if kind not in takes[action["type"]]:
            yield f"{action['type']} of {kind}, which {told.case.client} does not take"


@row("AC-03", "EP-20")
def creates_new_resources(told: Told) -> Iterator[str]:
    """A new, valid resource of R4 for this patient, without an id that could meet a draft's."""
    for resource in created(told):
        if not isinstance(resource, dict) or "id" in resource:
            yield "no object, or one with an id"
            continue
        if resource.get("subject") != {"reference": f"Patient/{told.case.chart.patient_id}"}:
            yield "the subject is not the patient"
        try:
            check(resource)
        except InvalidResourceError as fault:
            yield str(fault)


@row("AC-04")
def updates_whole_resources(told: Told) -> Iterator[str]:
    """The whole of a draft of the request, byte for byte but for the records added to it."""
    for action in actions_of(told):
        if action.get("type") != "update":
            continue
        changed = action.get("resource") or {}
        was = [one for one in told.case.drafts if one["id"] == changed.get("id") and one["status"] == "draft"]
        if not was:
            yield "no draft of the request is updated"
            continue
        had, has = was[0].get("supportingInfo", []), changed.get("supportingInfo", [])
        if {**changed, "supportingInfo": had} != {**was[0], "supportingInfo": had} or has[: len(had)] != had:
            yield "more is changed than was said"
        if not {one["reference"] for one in has[len(had) :]} <= references_of(told):
            yield "what is attached is not on record"


@row("AC-06", "AC-07")
def deletes_drafts_only(told: Told) -> Iterator[str]:
    """A relative reference to an unsigned draft of the request, and no resource beside it."""
    drafts = {f"{one['resourceType']}/{one['id']}" for one in told.case.drafts if one["status"] == "draft"}
    for action in actions_of(told):
        if action.get("type") == "delete" and (action.get("resourceId") not in drafts or "resource" in action):
            yield f"delete {action.get('resourceId')!r}"


@row("AC-08", "EP-18", "EP-19")
def writes_orders_as_the_client_takes_them(told: Told) -> Iterator[str]:
    """Drafts of the client's intent, coded where it needs codes; no dose where it would drop the dose."""
    for resource in created(told):
        if resource.get("status") != "draft" or resource.get("intent") != told.client.order_intent:
            yield f"status {resource.get('status')}, intent {resource.get('intent')}"
        concept = resource.get("medicationCodeableConcept") or resource.get("code") or {}
        codings = concept.get("coding", [])
        if told.client.order_codes_required and not codings:
            yield "an order without a code"
        if not all(_SYSTEM.fullmatch(str(one.get("system"))) and one.get("code") for one in codings):
            yield "a code without its system"
        renamed = {told.knowledge.uri_of(str(name)) for name in told.client.system_uris}
        if renamed & {one.get("system") for one in codings}:
            yield "a system under an address that the client does not know it by"
        if told.client.order_dose == "ignored" and "dosageInstruction" in resource:
            yield "a dose that the client drops"


@row("LK-01", "LK-02", "LK-03", "LK-05")
def links_to_fixed_pages(told: Told) -> Iterator[str]:
    """A label and a fixed absolute address of this deployment: no query, no fragment, no launch, no patient."""
    for link in links_of(told):
        url = str(link.get("url"))
        if not str(link.get("label", "")).strip() or link.get("type") != "absolute":
            yield f"link {link}"
        ours = ABSOLUTE.fullmatch(url) and url.startswith(f"{BASE}/")
        if not ours or told.case.chart.patient_id in url.removeprefix(BASE).split("/"):
            yield f"link to {url}"
    if not told.client.links and links_of(told):
        yield "links for a client that shows none"


@row("LK-04", "LK-06")
def carries_no_app_context(told: Told) -> Iterator[str]:
    """appContext only on SMART links, of which there are none."""
    for link in links_of(told):
        if "appContext" in link and link.get("type") != "smart":
            yield "appContext on an absolute link"


@row("LK-10")
def detail_holds_no_address(told: Told) -> Iterator[str]:
    """No address in the text: clients make links of them or do not, and none can be relied on."""
    for card in told.cards:
        if re.search(r"://|\bwww\.|\]\(", card.get("detail", "")):
            yield "an address in the detail"
