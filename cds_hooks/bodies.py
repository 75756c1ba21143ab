"""Taking in a body before anybody is known: so many bytes, so long, and not more of all bodies together than fits."""

from __future__ import annotations

import asyncio

from starlette.requests import Request

from cds_hooks.errors import BadRequest, BodyTooLarge, HookFault

SECONDS = 15.0
_TOGETHER = 20  # how many bodies of the largest size may be on their way at the same time


class Crowded(HookFault):
    """More is being sent at once than this process takes in."""

    status = 503
    issue_code = "throttled"

    def __init__(self) -> None:
        super().__init__("The service is taking in too much at once.", "Send the call again in a moment.")

    @property
    def headers(self) -> dict[str, str]:
        """When to come back, in seconds."""
        return {"Retry-After": "1"}


class Intake:
    """Reads bodies of at most `limit` bytes each. One for each process: the room is shared by all calls in it."""

    def __init__(self, limit: int, *, seconds: float = SECONDS, together: int = _TOGETHER) -> None:
        self._limit = limit
        self._seconds = seconds
        self._room = limit * together

    async def read(self, request: Request) -> bytes:
        """The body, whatever its declared type.

        Raises BodyTooLarge as soon as it exceeds the limit, BadRequest when it does not arrive in time, and Crowded
        when too much of others is on its way.
        """
        announced = request.headers.get("content-length", "")
        too_large = BodyTooLarge(
            f"The body is larger than the {self._limit} bytes this service accepts.",
            "Send fewer resources by prefetch, or an access token so that the service can read them itself.",
        )
        if announced.isascii() and announced.isdigit() and int(announced) > self._limit:
            raise too_large
        received = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in request.stream():
                    if len(chunk) > self._room:
                        raise Crowded
                    self._room -= len(chunk)
                    received += chunk
                    if len(received) > self._limit:
                        raise too_large
        except TimeoutError:
            raise BadRequest(
                "The body did not arrive in time.", f"Send the whole body within {self._seconds:g} seconds."
            ) from None
        finally:
            self._room += len(received)
        return bytes(received)
