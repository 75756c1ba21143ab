"""Who is at the door: proof, limits, and how this client stands right now."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request

from cds_hooks.caller import Caller, card_form, order_style
from cds_hooks.card_form import CardForm
from cds_hooks.errors import BodyTooLarge, TooManyCalls
from cds_hooks.modes import LIVE, standing_of
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import AllowList
from cds_hooks.settings import Settings
from cds_hooks.storage.records import Records
from cds_hooks.trust.client_auth import Authenticator
from cds_hooks.trust.rates import RateLimits
from cds_hooks.trust.registry import RegisteredClient
from mappings.load import Knowledge

OPEN = "open"


class Reception:
    """Admits callers. Without an authenticator (open mode) everybody is the client ``open``, live, and a token sent is
    ignored.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        knowledge: Knowledge,
        authenticator: Authenticator | None,
        rates: RateLimits,
        records: Records | None,
        launches_in_open_mode: bool = False,
    ) -> None:
        self._knowledge = knowledge
        self._authenticator = authenticator
        self._rates = rates
        self._records = records
        self._anyone = Caller(
            id=OPEN,
            allowed=AllowList(settings.fhir_servers),
            time_zone=settings.time_zone,
            jurisdiction=knowledge.jurisdiction_for(settings.jurisdiction),
            form=CardForm(launches=launches_in_open_mode),
        )

    async def launched(self, client: RegisteredClient | None, line: CallLine) -> Caller:
        """The caller on whose behalf the app shows a record, and how it stands; without a client, in open mode.

        Who launched the app is proved elsewhere, by the EHR.
        """
        caller = self._caller(client) if client is not None else self._anyone
        line.client = caller.id
        return await self._standing(caller, client, line)

    async def admit(
        self, request: Request, service_id: str, line: CallLine, *, body_bytes: int, feedback: bool = False
    ) -> Caller:
        """The caller, and how it stands. Raises NotAuthenticated, TooManyCalls, BodyTooLarge or RecordsUnavailable."""
        if self._authenticator is None:
            line.client = OPEN
            return await self._standing(self._anyone, None, line)
        with line.stage("authenticate"):
            client = await self._authenticator.authenticate(
                request.headers.get("authorization"),
                service_id=service_id,
                feedback=feedback,
                admit=lambda known: self._count(known, line),
                refused=line.note_refused,
            )
        line.client = client.entry.id
        limit = client.entry.max_body_bytes
        if limit is not None and body_bytes > limit:
            raise BodyTooLarge(
                f"The body is larger than the {limit} bytes this client may send.",
                "Send fewer resources by prefetch, or ask the operator to raise max_body_bytes.",
            )
        return await self._standing(self._caller(client), client, line)

    def _count(self, client: RegisteredClient, line: CallLine) -> None:
        """One call of a client whose token is good so far; it is named only once it is proved, or refused for this."""
        try:
            self._rates.check(client)
        except TooManyCalls:
            line.client = client.entry.id
            raise

    def _caller(self, client: RegisteredClient) -> Caller:
        entry = client.entry
        return Caller(
            id=entry.id,
            allowed=client.allowed,
            time_zone=entry.time_zone,
            jurisdiction=self._knowledge.jurisdiction_for(entry.jurisdiction),
            selection=entry.selection_behavior,
            style=order_style(entry),
            form=card_form(entry),
            searches=entry.searches,
        )

    async def _standing(self, caller: Caller, client: RegisteredClient | None, line: CallLine) -> Caller:
        standing = standing_of(
            caller.id,
            baseline=client.entry.mode if client is not None else LIVE,
            switches=await self._records.switchboard.standing() if self._records is not None else (),
            knowledge=self._knowledge,
            accepted=client is None or self._knowledge.accepted is not None,
        )
        line.mode = standing.mode
        return caller if standing == caller.standing else replace(caller, standing=standing)
