"""What the simulator page is told once: where it is, the patients, the drugs it can order, the clients it can be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cds_hooks.fhir_writer import Resource
from cds_hooks.simulator.client_doors import door
from cds_hooks.simulator.drafting import ALL, LONGEST_WORDS, MOST_UNITS, choices
from cds_hooks.simulator.hook_requests import USER
from cds_hooks.stories import Story
from cds_hooks.stories.medication_lines import RHYTHMS
from cds_hooks.trust.behaviour import ClientProfile
from cds_hooks.trust.entries import GENERIC
from cds_hooks.trust.profiles import client_profiles
from mappings.load import Knowledge

VENDORS = ("epic", "oracle", "athena")
_NAMES = {GENERIC: "any CDS Hooks 2.0.1 client", "epic": "Epic", "oracle": "Oracle Health", "athena": "athenahealth"}
_ACTED_ON = (
    "selection_behavior", "creates", "deletes", "updates", "actions_per_suggestion", "cards_at_most", "links",
    "markdown", "order_codes_required", "order_dose",
)  # fmt: skip


def setup(
    *, base_url: str, fhir_server: str, knowledge: Knowledge, stories: Iterable[Story], doors: bool
) -> dict[str, Any]:
    """The setting as JSON. `doors`: whether the service has a door for each vendor's profile beside the open one."""
    names = (GENERIC, *VENDORS) if doors else (GENERIC,)
    return {
        "fhirServer": fhir_server,
        "userId": USER,
        "mostUnits": MOST_UNITS,
        "longestWords": LONGEST_WORDS,
        "rhythms": list(RHYTHMS),
        "labels": {f"{knowledge.uri_of(one.system)}|{one.code}": one.label for one in knowledge.prefetch.scales},
        "clients": [_client(name, base_url) for name in names],
        "patients": [patient(story) for story in stories],
        "drugs": [
            {
                "label": drug.label,
                "names": [name for name in drug.names if name != drug.label],
                "brands": list(drug.brands),
                "products": [{"code": product.code, "name": product.name} for product in drug.products],
            }
            for drug in choices(knowledge, ALL)
        ],
    }


def patient(story: Story) -> dict[str, Any]:
    """One patient of the list: the story in two sentences, and the order that its file suggests."""
    return {
        "id": story.id,
        "patientId": story.patient_id,
        "title": story.title,
        "teaching": story.teaching,
        "order": story.suggested_order,
        "orderText": described(story.suggested_order),
    }


def described(order: Resource) -> str:
    """What the page calls a drafted order: our own fixture, so its text is there."""
    what = order.get("medicationCodeableConcept") or order.get("code") or {}
    how = [line.get("text", "") for line in order.get("dosageInstruction", [])]
    return ", ".join(part for part in (what.get("text", ""), *how) if part)


def _client(name: str, base_url: str) -> Mapping[str, Any]:
    profile = client_profiles()[name]
    written = profile.model_dump(mode="json", include=set(_ACTED_ON))
    is_open = name == GENERIC
    return {
        "id": name,
        "name": _NAMES[name],
        "note": _behaves(profile, login=not is_open),
        "service": base_url if is_open else door(base_url, name),
        "login": not is_open,
        **written,
    }


def _behaves(profile: ClientProfile, *, login: bool) -> str:
    """In a sentence or two, what this kind of client does with cards; the profile is the source of it."""
    does = [
        f"{word} {' and '.join(kinds)}"
        for word, kinds in (("creates", profile.creates), ("deletes", profile.deletes), ("updates", profile.updates))
        if kinds
    ]
    told = [f"From a card it {', '.join(does)}" if does else "Cards are text: no suggestions"]
    if does and profile.selection_behavior != "both":
        told.append(f"suggestions are taken as {profile.selection_behavior}")
    if does and profile.actions_per_suggestion == 1:
        told.append("one action for each suggestion")
    if does and profile.order_dose == "ignored":
        told.append("the dose of a created order comes from its own records")
    if not profile.links:
        told.append("no links")
    door = " It logs in with a signed token." if login else ""
    return f"{'; '.join(told)}; {profile.cards_at_most} cards at most.{door}"
