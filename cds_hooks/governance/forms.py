"""What comes in from the page: which report is wanted, and a switch; and whether a form is one of ours."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request

from cds_hooks.governance.facts import Selection
from cds_hooks.storage.keys import InstallationKeys

LONGEST_FORM = 20_000
LONGEST_PERIOD = timedelta(days=36_500)
_NAME = 64  # characters of a client or hook, as the tables keep them
_FORM = "application/x-www-form-urlencoded"


class FormError(ValueError):
    """What was asked cannot be read; the message is for the person who asked and repeats nothing of it."""


def chosen_of(query: Mapping[str, str], today: date) -> Selection:
    """The selection of a query string; the last 90 days where it names none. FormError when it cannot be read."""
    last = Selection.last_days(today)
    try:
        until = date.fromisoformat(query["until"]) if query.get("until") else last.until
        default = Selection.last_days(until).since
        since = date.fromisoformat(query["since"]) if query.get("since") else default
        if until - since > LONGEST_PERIOD or until == date.max:
            raise ValueError
        names = [query.get(name, "") for name in ("client", "hook")]
        if any(len(name) > _NAME or "\0" in name for name in names):
            raise ValueError
        return Selection(since=since, until=until, client=names[0], hook=names[1])
    except (ValueError, OverflowError):
        raise FormError(
            "The period cannot be read: write both days as YYYY-MM-DD, the first no later than the last."
        ) from None


async def fields_of(request: Request) -> dict[str, str]:
    """The fields of a posted form, each once. FormError when it is no form, or too long."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise FormError("This is no form: use the one on the page.")
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > LONGEST_FORM:
            raise FormError("The form is too long: shorten the reason.")
    try:
        fields = parse_qs(received.decode("ascii"), keep_blank_values=True, max_num_fields=10, errors="strict")
    except ValueError:
        raise FormError("The form cannot be read: use the one on the page.") from None
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


def token_for(keys: InstallationKeys, reader: str, today: date) -> str:
    """The proof in a form that this service made it, for `reader`, on this day."""
    return keys.page_token("governance", reader, today.isoformat())


def is_ours(request: Request, token: str, keys: InstallationKeys, *, reader: str, today: date, base_url: str) -> bool:
    """Whether a form was made by this service for `reader` today or yesterday, and sent from its own page."""
    if not any(hmac.compare_digest(token.encode(), token_for(keys, reader, day).encode()) for day in _days(today)):
        return False
    base = urlsplit(base_url)
    ours = f"{base.scheme}://{base.netloc}"
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is None:
        return origin == ours
    # Under a policy that withholds the referrer, browsers send the origin of a form as null.
    return site == "same-origin" and origin in (None, "null", ours)


def _days(today: date) -> tuple[date, date]:
    return today, today - timedelta(days=1)
