"""The form of the page: its fields, and whether it came from the page of this very session."""

from __future__ import annotations

import hmac
from urllib.parse import parse_qsl

from starlette.requests import Request

from cds_hooks.smart.discovery import origin_of
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.storage.keys import InstallationKeys
from cds_hooks.storage.session_book import mark_of

CSRF = "csrf"
LONGEST_FORM, MOST_FIELDS = 300_000, 2_000
_FORM = "application/x-www-form-urlencoded"


async def fields_of(request: Request) -> tuple[tuple[str, str], ...]:
    """The fields of a posted form, in order. SmartRefused when it is no form, or too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise SmartRefused("form-unreadable")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LONGEST_FORM:
            raise SmartRefused("form-unreadable")
    try:
        text = received.decode("ascii")
        return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"))
    except ValueError:
        raise SmartRefused("form-unreadable") from None


def token_for(keys: InstallationKeys, secret: str) -> str:
    """The proof in a form that it belongs to the session of `secret`."""
    return keys.page_token("smart", mark_of(secret))


def require_own(
    request: Request, fields: tuple[tuple[str, str], ...], *, keys: InstallationKeys, secret: str, base_url: str
) -> None:
    """SmartRefused unless the form belongs to this session and was sent from our own page."""
    sent = [value for name, value in fields if name == CSRF]
    if len(sent) != 1 or not hmac.compare_digest(sent[0].encode(errors="replace"), token_for(keys, secret).encode()):
        raise SmartRefused("form-foreign")
    ours = origin_of(base_url)
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    # Under a policy that withholds the referrer, browsers send the origin of a form as null.
    own = origin == ours if site is None else site == "same-origin" and origin in (None, "null", ours)
    if not own:
        raise SmartRefused("form-foreign")
