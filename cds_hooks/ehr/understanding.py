"""How a server understood a search, as far as the link of its answer to itself tells (FHIR R4, 3.1.1.4)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from cds_hooks.envelope import Resource

_WHOSE = ("patient", "subject", "_id")  # parameters that limit a search to one patient


def names_no_patient(page: Resource) -> bool:
    """Whether the link of a first page to itself, which tells how a search was understood, names nobody.

    A link without parameters tells nothing.
    """
    links = page.get("link")
    for link in links if isinstance(links, list) else [links]:
        if isinstance(link, dict) and link.get("relation") == "self" and isinstance(link.get("url"), str):
            query = link["url"].partition("?")[2]
            names = {re.split("[:.]", name)[0] for name, _ in parse_qsl(query, keep_blank_values=True)}
            return bool(names) and names.isdisjoint(_WHOSE)
    return False
