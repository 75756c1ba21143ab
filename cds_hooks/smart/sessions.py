"""A session of the app: whose record, on whose behalf, with which token, and when it ends for good.

It is kept encrypted (`SessionBook`) under a random id that only the browser's cookie holds. It ends after a time
without use, at the latest after a fixed time, and then nothing is renewed. No chart and no assessment is in it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import orjson

from cds_hooks.clock import Clock
from cds_hooks.smart.app_context import NOTHING_TOLD, AppContext
from cds_hooks.smart.authorizing import Granted, TokenEndpoint, may_be_a_header
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.storage.session_book import SessionBook, mark_of

_BYTES = 32
Endpoint = Callable[[], Awaitable[TokenEndpoint]]
_EARLY = timedelta(seconds=60)
_ANOTHER_WORKER_SECONDS = 0.2  # it has the new token and is about to write it down


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What the app knows while a session lasts. Instants are in seconds since 1970; `ends` is the end for good.

    `user` is ``Practitioner/id``, empty where the EHR is not asked; `scope` what was granted.
    """

    ehr: str
    ends: float
    token_ends: float
    scope: str = field(repr=False)
    patient: str = field(repr=False)
    user: str = field(repr=False)
    token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    context: AppContext = NOTHING_TOLD

    def written(self) -> str:
        """As JSON text."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def read(cls, text: str) -> Session | None:
        """From JSON text; None when another version of the program wrote it."""
        told: Any = orjson.loads(text)
        if not isinstance(told, dict) or set(told) != {one.name for one in fields(cls)}:
            return None
        context = told.pop("context")
        if not isinstance(context, dict) or set(context) != {one.name for one in fields(AppContext)}:
            return None
        return cls(
            **told,
            context=AppContext(
                service=context["service"],
                definition=context["definition"],
                drugs=tuple(tuple(one) for one in context["drugs"]),
                procedures=tuple(context["procedures"]),
            ),
        )

    def renewed(self, granted: Granted) -> Session:
        """The same with a new token. A server that gives no new refresh token means the old one."""
        return replace(
            self,
            token=granted.token,
            token_ends=granted.ends.timestamp(),
            refresh_token=granted.refresh_token or self.refresh_token,
            scope=granted.scope if granted.scope is not None else self.scope,
        )


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins, finds, renews and ends sessions; `idle` and `longest` are how long one may stand still and last."""

    book: SessionBook
    clock: Clock
    idle: timedelta
    longest: timedelta
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)

    async def begin(self, session: Session, *, instead_of: str) -> str:
        """Keep `session`; the new secret for the cookie. The session of `instead_of`, in the same browser, is over."""
        secret, now = secrets.token_urlsafe(_BYTES), self.clock.now()
        await self.book.begin(secret, session.written(), ends=self._end(session), now=now, instead_of=instead_of)
        return secret

    def for_good(self) -> float:
        """When a session that begins now ends at the latest."""
        return (self.clock.now() + self.longest).timestamp()

    async def find(self, secret: str) -> Session:
        """The session of `secret`, whose time without use begins anew. SmartRefused when there is none any more."""
        session = await self._kept(secret)
        if session is None or not await self.book.renew(secret, session.written(), ends=self._end(session)):
            raise SmartRefused("session-ended")
        return session

    async def fresh(self, secret: str, session: Session, endpoint: Endpoint, *, must: bool = False) -> Session:
        """`session` with a token that lives for a while yet, renewed if it has to be; with `must` in any case.

        `endpoint` finds the EHR's token endpoint, and is asked only where it is needed.

        Raises SmartRefused, and ends the session, when the token is of no more use and no other can be had.
        """
        now = self.clock.now().timestamp()
        if not must and now < session.token_ends - _EARLY.total_seconds():
            return session
        if session.refresh_token:
            renewed = await self._renewed(secret, session, endpoint)
            if renewed is not None:
                return renewed
        if not must and now < session.token_ends:
            return session
        await self.book.end(secret)
        raise SmartRefused("session-ended")

    async def end(self, secret: str) -> None:
        """Forget a session."""
        await self.book.end(secret)

    async def _renewed(self, secret: str, session: Session, endpoint: Endpoint) -> Session | None:
        """A session with a newer token; None when there is none to be had.

        A refresh token may be good for one use: requests of one session take turns here, and where another worker was
        faster, what it has kept is taken.
        """
        async with self._turns.setdefault(mark_of(secret), asyncio.Lock()):
            newer = await self._newer(secret, session)
            if newer is not None:
                return newer
            try:
                granted = await (await endpoint()).renew(session.refresh_token)
            except SmartRefused as refused:
                if refused.outcome == "code-refused":
                    await asyncio.sleep(_ANOTHER_WORKER_SECONDS)
                return await self._newer(secret, session)
            named = granted.content.get("patient")
            if named is not None and named not in (session.patient, f"Patient/{session.patient}"):
                return None
            renewed = session.renewed(granted)
            return renewed if await self.book.renew(secret, renewed.written(), ends=self._end(renewed)) else None

    async def _newer(self, secret: str, session: Session) -> Session | None:
        kept = await self._kept(secret)
        return kept if kept is not None and kept.token_ends > session.token_ends else None

    async def _kept(self, secret: str) -> Session | None:
        if not may_be_a_header(secret):
            return None
        now = self.clock.now()
        text = await self.book.find(secret, now=now)
        session = Session.read(text) if text is not None else None
        return session if session is not None and now.timestamp() < session.ends else None

    def _end(self, session: Session) -> datetime:
        return min(self.clock.now() + self.idle, datetime.fromtimestamp(session.ends, tz=UTC))
