"""One request to an EHR's authorization server, and the JSON object it answers with.

Through the outbound client: pinned addresses, no redirect, no cookie. Answers have a size and a time; no message holds
an address, a token or anything a server wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx
import orjson

from cds_hooks.ehr.connecting import AddressRefused
from cds_hooks.ehr.failures import Refused

REQUEST_SECONDS = 8.0  # somebody waits at a screen
LARGEST_ANSWER = 262_144


class NotAnswered(Exception):  # noqa: N818 - expected, and turned into a page
    """There was no usable answer; `refused` says why an address was not called, where that was the reason."""

    def __init__(self, refused: Refused | None = None) -> None:
        super().__init__("no usable answer")
        self.refused: Refused | None = refused


@dataclass(frozen=True, slots=True)
class Answered:
    """Status and JSON object; the object is empty where an answer that is no 200 holds none."""

    status: int
    content: Mapping[str, Any] = field(repr=False)

    @property
    def good(self) -> bool:
        """Whether the status is 200."""
        return self.status == HTTPStatus.OK


async def ask(
    http: httpx.AsyncClient,
    address: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    """GET `address`, which the caller has judged, or POST `form` to it. NotAnswered when nothing usable came.

    It is not tried again: a code and an assertion are good for one use.
    """
    sent = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    received = bytearray()
    try:
        async with (
            asyncio.timeout(REQUEST_SECONDS),
            http.stream(
                "GET" if form is None else "POST",
                address,
                headers=sent,
                data=form,
                timeout=REQUEST_SECONDS,
                follow_redirects=False,
            ) as answer,
        ):
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise NotAnswered
            async for chunk in answer.aiter_bytes():
                received += chunk
                if len(received) > LARGEST_ANSWER:
                    raise NotAnswered
    except (httpx.HTTPError, httpx.InvalidURL) as lost:
        raise NotAnswered("private-address" if isinstance(lost.__cause__, AddressRefused) else None) from None
    except TimeoutError:
        raise NotAnswered from None
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status_code < HTTPStatus.BAD_REQUEST:
        raise NotAnswered("redirected")
    try:
        content: Any = orjson.loads(bytes(received))
    except orjson.JSONDecodeError:
        content = None
    if not isinstance(content, dict):
        if answer.status_code == HTTPStatus.OK:
            raise NotAnswered
        content = {}
    return Answered(answer.status_code, content)
