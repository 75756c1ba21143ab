"""Whether a request that changes something in the demo comes from the demo's own page.

A page of another site can send forms, and calls without a body, to a server on loopback; browsers say where they come
from. Programs that are no browser say nothing, and may.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from cds_hooks.errors import BadRequest
from cds_hooks.settings import is_loopback


def require_own_page(request: Request) -> None:
    """Raise BadRequest for what a browser sends on behalf of another site."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    # Under a policy that withholds the referrer, browsers send the origin of our own form as null.
    told = "sec-fetch-site" in request.headers
    if site not in ("same-origin", "none") or not is_local(request.headers.get("origin"), null=told):
        raise BadRequest("The form does not come from this page.", "Open the page again.")


def is_local(origin: str | None, *, null: bool = False) -> bool:
    """Whether `origin`, a header, is that of no browser or of a page of this machine; `null` says what of ``null``."""
    if origin is None:
        return True
    if origin == "null":
        return null
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
