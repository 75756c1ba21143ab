"""Pages of an answer: how large, where one starts, and the links between them.

A page is named by an opaque value that holds its offset: the server keeps nothing between two pages, and a
link works as long as the sandbox runs. Links always carry the base address of this server, so a token sent
after them stays at the origin it was given for. Source of the rules: FHIR R4, Search, "Paging".
"""

from __future__ import annotations

import base64
import binascii
from urllib.parse import quote, urlencode

from cds_hooks.sandbox.faults import InvalidRequest

LARGEST_PAGE = 1000
"""Matches on a page at most, whatever ``_count`` asks for."""

_MARK = "from:"


def read_count(text: str) -> int:
    """The number of matches a page may hold, from ``_count``; InvalidRequest when it is no number."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidRequest("_count takes a number from 0 up.", where="_count", code="value")
    return min(int(text), LARGEST_PAGE)


def read_offset(text: str) -> int:
    """The offset a page link carries; InvalidRequest when the link is not one of ours."""
    try:
        mark, _, number = base64.urlsafe_b64decode(text.encode() + b"==").decode("ascii").partition(":")
    except (binascii.Error, ValueError):
        mark, number = "", ""
    if f"{mark}:" != _MARK or not number.isdecimal() or len(number) > 9:
        raise InvalidRequest("This is no page of this server: follow the links as given.", where="_page", code="value")
    return int(number)


def page_name(offset: int) -> str:
    """The opaque name of the page that starts after `offset` matches.

    >>> read_offset(page_name(40))
    40
    """
    return base64.urlsafe_b64encode(f"{_MARK}{offset}".encode()).decode().rstrip("=")


def links(
    address: str, used: tuple[tuple[str, str], ...], *, offset: int, count: int, total: int
) -> list[dict[str, str]]:
    """The ``Bundle.link`` entries of the page at `offset` of the search at `address` with the parameters
    `used`.

    With no room for matches (`count` 0) there is only ``self``.
    """

    def link(relation: str, start: int) -> dict[str, str]:
        pairs = [*used, ("_page", page_name(start))] if start else used
        query = urlencode(pairs, quote_via=quote, safe="/:,")
        return {"relation": relation, "url": f"{address}?{query}" if query else address}

    found = [link("self", offset)]
    if count == 0:
        return found
    found.append(link("first", 0))
    if offset > 0:
        found.append(link("previous", max(0, offset - count)))
    if offset + count < total:
        found.append(link("next", offset + count))
    found.append(link("last", max(0, (total - 1) // count * count)))
    return found
