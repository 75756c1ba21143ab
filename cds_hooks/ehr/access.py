"""The way of one process to its clients' FHIR servers: what all calls share, and a client for each."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from cds_hooks.clock import Clock
from cds_hooks.ehr.budget import Budget
from cds_hooks.ehr.capability import Servers
from cds_hooks.ehr.exchange import Caps, Exchange, Hosts
from cds_hooks.ehr.ways import Ways
from cds_hooks.envelope import Authorization
from cds_hooks.fhir_client import FhirClient
from cds_hooks.observing.call_line import CallLine
from cds_hooks.outbound import FhirBase
from cds_hooks.settings import Settings


class EhrAccess:
    """`http` stays the caller's to close. Nothing about a patient is kept from one call to the next."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings, clock: Clock) -> None:
        self._http = http
        self._settings = settings
        self.caps = Caps(
            response_bytes=settings.max_response_bytes,
            call_bytes=settings.max_call_bytes,
            attempts=settings.ehr_attempts,
        )
        self.hosts = Hosts(settings.ehr_connections)
        self.servers = Servers(http, self.hosts, self.caps, clock)

    def client(
        self,
        base: FhirBase,
        authorization: Authorization | None,
        *,
        budget: Budget,
        stated: Mapping[str, str],
        line: CallLine,
    ) -> FhirClient:
        """A client of one call for `base`, which an allow-list has admitted. `stated` as in `Ways`.

        What is sent, sent again and not called is noted on `line`. The server's statement is asked for in the
        background when it is due; no call waits for it.
        """
        self.servers.ask(base)
        exchange = Exchange(
            self._http,
            self.hosts.of(base),
            caps=self.caps,
            deadline=budget.hard,
            note=line.note_fhir,
            retried=line.note_retry,
        )
        return FhirClient(
            self._http,
            base,
            authorization.token if authorization is not None else None,
            max_pages=self._settings.max_pages,
            max_resources=self._settings.max_resources,
            note=line.note_fhir,
            refused=line.note_refused,
            exchange=exchange,
            ways=Ways(
                base=base,
                servers=self.servers,
                stated=stated,
                scope=authorization.scope if authorization is not None else None,
            ),
        )

    async def aclose(self) -> None:
        """End the requests in the background."""
        await self.servers.aclose()
