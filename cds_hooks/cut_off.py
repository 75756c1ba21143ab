"""A call that outlasts the time a stopping server gives it: it is told so, and the server ends without a traceback."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cds_hooks.errors import HookFault, respond


class Stopping(HookFault):
    """The server is stopping and could not finish this call in time; nothing of it was acknowledged."""

    status = 503
    issue_code = "transient"

    def __init__(self) -> None:
        super().__init__("The service is stopping and could not finish this call in time.", "Send it again.")

    @property
    def headers(self) -> Mapping[str, str]:
        """When to come back: by then another server, or this one again, answers."""
        return {"Retry-After": "1"}


class CutOff:
    """ASGI middleware around the whole application. The server cancels the tasks of calls only when it ends, so the
    cancellation stops here: nobody above waits for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one call; answer 503 when it is cut off before its answer began."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except asyncio.CancelledError:
            if not begun:
                await respond(Stopping())(scope, receive, send)
