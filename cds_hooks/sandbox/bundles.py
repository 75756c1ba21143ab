"""Answers as FHIR Bundles of type ``searchset``, and resources cut down to the elements asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from cds_hooks.sandbox import paging
from cds_hooks.sandbox.elements import Document
from cds_hooks.sandbox.query import Query
from cds_hooks.sandbox.search import Page
from cds_hooks.sandbox.store import Held

_SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}

# Elements without which a resource of the type is not valid; a subset keeps them (FHIR R4, Search, "_elements").
_MANDATORY: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("patient",),
    "Condition": ("subject",),
    "Encounter": ("status", "class"),
    "MedicationAdministration": ("status", "medication", "subject", "effective"),
    "MedicationDispense": ("status", "medication"),
    "MedicationRequest": ("status", "intent", "medication", "subject"),
    "MedicationStatement": ("status", "medication", "subject"),
    "Observation": ("status", "code"),
    "Procedure": ("status", "subject"),
    "QuestionnaireResponse": ("status",),
    "ServiceRequest": ("status", "intent", "subject"),
}
_CHOICES = ("abatement", "deceased", "effective", "medication", "occurrence", "onset", "performed", "value")


def searchset(page: Page, query: Query, *, base: str, path: str) -> dict[str, Any]:
    """The Bundle of a page. `path` is the address of the search below `base`. An empty page has no ``entry``."""
    return _bundle(
        [_entry(held, base, "match", query.elements) for held in page.matches]
        + [_entry(held, base, "include") for held in page.included],
        total=page.total,
        links=paging.links(
            f"{base}/{path}",
            query.used,
            offset=query.offset,
            count=0 if query.only_total else query.count,
            total=page.total,
        ),
    )


def everything(
    matches: Iterable[Held],
    others: Iterable[Held],
    *,
    base: str,
    total: int,
    links: list[dict[str, str]],
) -> dict[str, Any]:
    """The Bundle of a page of all there is of a patient: `matches` of the patient, `others` that these refer
    to.
    """
    entries = [_entry(held, base, "match") for held in matches] + [_entry(held, base, "include") for held in others]
    return _bundle(entries, total=total, links=links)


def subset(document: Document, elements: frozenset[str]) -> dict[str, Any]:
    """`document` with `elements` and what is mandatory only, tagged as subsetted so that nobody stores it."""
    wanted = {*elements, "id", "resourceType", "meta", *_MANDATORY.get(str(document.get("resourceType")), ())}
    kept = {name: value for name, value in document.items() if _stem(name) in wanted or name in wanted}
    meta = document.get("meta")
    known = dict(meta) if isinstance(meta, dict) else {}
    tags = known.get("tag")
    return {**kept, "meta": {**known, "tag": [*(tags if isinstance(tags, list) else []), _SUBSETTED]}}


def _stem(name: str) -> str:
    """The element a JSON name belongs to: ``_status`` to ``status``, ``effectiveDateTime`` to ``effective``."""
    bare = name.removeprefix("_")
    for choice in _CHOICES:
        if bare.startswith(choice) and bare[len(choice) :][:1].isupper():
            return choice
    return bare


def _entry(held: Held, base: str, mode: str, elements: frozenset[str] | None = None) -> dict[str, Any]:
    resource = orjson.Fragment(held.encoded) if elements is None else subset(held.document, elements)
    return {"fullUrl": f"{base}/{held.kind}/{held.id}", "resource": resource, "search": {"mode": mode}}


def _bundle(entries: list[dict[str, Any]], *, total: int, links: list[dict[str, str]]) -> dict[str, Any]:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return {**bundle, "entry": entries} if entries else bundle
