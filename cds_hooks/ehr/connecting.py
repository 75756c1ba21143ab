"""Connections to the hosts of the allow-lists: to checked addresses only.

The address is resolved, judged and connected to in one place, so that the address judged is the address called: a name
cannot answer differently in between. TLS still proves the name, not the address.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from cds_hooks.ehr.addresses import AddressRule, literal
from cds_hooks.ehr.lanes import EhrTransport

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
_CONNECT_SECONDS = 2.0
# RFC 8305, "Happy Eyeballs": how long the first address is tried alone. A host whose IPv6 leads nowhere is common.
_STAGGER_SECONDS = 0.25


class AddressRefused(httpcore.ConnectError):
    """A host leads to an address that may not be called. Nothing was sent, and no socket was opened.

    httpx hands it on as the cause of its own ``ConnectError``.
    """


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of `host` as the machine's resolver gives them. OSError when it knows none."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


def _nobody_listens() -> None:
    pass


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens TCP connections to addresses that `rule` permits.

    If even one of a host's addresses is not permitted, none is used: a mixed answer is the mark of an attack. Nothing
    is remembered, so every new connection is judged afresh. `refused` is called for each refusal.
    """

    def __init__(
        self, rule: AddressRule, resolve: Resolve = resolved, *, refused: Callable[[], None] = _nobody_listens
    ) -> None:
        self._rule = rule
        self._resolve = resolve
        self._refused = refused
        self._inner: httpcore.AsyncNetworkBackend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to `host`. AddressRefused, or httpcore's ConnectError and ConnectTimeout."""
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._permitted(host.strip("[]"), port)
                return await self._first(
                    addresses, port=port, local_address=local_address, socket_options=socket_options
                )
        except TimeoutError:
            raise httpcore.ConnectTimeout("no connection in time") from None

    async def sleep(self, seconds: float) -> None:
        """Wait, as the pool asks."""
        await self._inner.sleep(seconds)

    async def _permitted(self, host: str, port: int) -> Sequence[str]:
        if literal(host) is not None:
            found: Sequence[str] = (host,)
        else:
            try:
                found = await self._resolve(host, port)
            except (OSError, UnicodeError):
                raise httpcore.ConnectError("the name has no address") from None
        if not found:
            raise httpcore.ConnectError("the name has no address")
        for text in found:
            address = literal(text)
            if address is None or not self._rule.permits(host, address):
                self._refused()
                raise AddressRefused("an address of the host may not be called")
        return found

    async def _first(self, addresses: Sequence[str], **more: Any) -> httpcore.AsyncNetworkStream:
        """The first connection that stands. The next address is tried when one fails, or lets wait."""
        left = deque(addresses)
        pending: set[asyncio.Task[httpcore.AsyncNetworkStream]] = set()
        failure: BaseException | None = None
        try:
            while left or pending:
                if left:
                    pending.add(asyncio.create_task(self._inner.connect_tcp(left.popleft(), **more)))
                patience = _STAGGER_SECONDS if left else None
                done, _ = await asyncio.wait(pending, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    pending.discard(task)
                    failure = task.exception()
                    if failure is None:
                        pending |= done - {task}
                        return task.result()
        finally:
            await _abandon(pending)
        raise failure or httpcore.ConnectError("the name has no address")


async def _abandon(attempts: Iterable[asyncio.Task[httpcore.AsyncNetworkStream]]) -> None:
    for attempt in attempts:
        attempt.cancel()
    for ended in await asyncio.gather(*attempts, return_exceptions=True):
        if not isinstance(ended, BaseException):
            await ended.aclose()


def outbound_client(
    *,
    rule: AddressRule,
    connections: int,
    http2: bool,
    timeout_seconds: float,
    verify: ssl.SSLContext | None = None,
    resolve: Resolve = resolved,
    refused: Callable[[], None] = _nobody_listens,
) -> httpx.AsyncClient:
    """The client for everything that this service calls.

    It follows no redirect, takes no proxy or credentials from the environment, and keeps no cookie: a session that a
    server ties to one user's token must not be continued with another's. `verify` is by default the machine's own
    trust store, because hospitals have their own authorities.
    """
    backend = PinnedBackend(rule, resolve, refused=refused)
    context = ssl.create_default_context() if verify is None else verify
    return httpx.AsyncClient(
        transport=EhrTransport(backend, verify=context, connections=connections, http2=http2),
        timeout=httpx.Timeout(timeout_seconds, connect=min(_CONNECT_SECONDS, timeout_seconds)),
        follow_redirects=False,
        trust_env=False,
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
    )
