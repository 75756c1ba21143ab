"""Where an EHR's authorization server is, as the EHR itself says, and whether that may be used.

``{iss}/.well-known/smart-configuration``; where there is none, the ``oauth-uris`` extension of the CapabilityStatement
(SMART App Launch 1.0), which says nothing of PKCE. Each address that is named must be https (http on loopback only) and
must not lead to this machine or into a private network that neither the operator nor the EHR's own address names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from cds_hooks.clock import Clock
from cds_hooks.ehr.addresses import AddressRule, is_forbidden, literal, unwrapped
from cds_hooks.ehr.failures import Refused
from cds_hooks.outbound import FhirBase
from cds_hooks.settings import is_loopback
from cds_hooks.smart.asking import Answered, NotAnswered, ask
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.trust.key_sets import KeySets

LIFETIME = timedelta(hours=1)
_OAUTH_URIS = "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris"
_LONGEST_ADDRESS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """What is used of an EHR's configuration. `issuer` and `key_address` are empty where it names none; `says_issuer`:
    its answers always name it (RFC 9207).
    """

    authorize: str
    token: str
    issuer: str = ""
    key_address: str = ""
    says_issuer: bool = False
    keys: KeySets | None = None


class Discovery:
    """The endpoints of each EHR, asked for when they are needed and used for an hour. `http` stays the caller's."""

    def __init__(self, http: httpx.AsyncClient, clock: Clock, rule: AddressRule) -> None:
        self._http = http
        self._clock = clock
        self._rule = rule
        self._known: dict[str, tuple[datetime, Endpoints]] = {}

    async def endpoints(
        self,
        ehr: RegisteredEhr,
        refused: Callable[[Refused], None],
        *,
        before_asking: Callable[[], None] | None = None,
    ) -> Endpoints:
        """The endpoints of `ehr`; `refused` is told of addresses that are not called, `before_asking` is called when
        the EHR has to be asked, and may object.

        Raises SmartRefused: ``discovery``, ``endpoints``, ``no-pkce``, and what `before_asking` raises.
        """
        known = self._known.get(ehr.entry.id)
        if known is not None and timedelta(0) <= self._clock.now() - known[0] < LIFETIME:
            return known[1]
        if before_asking is not None:
            before_asking()
        asked = self._clock.now()
        try:
            configuration = await self._read(ehr)
        except NotAnswered as failure:
            if failure.refused is not None:
                refused(failure.refused)
            raise SmartRefused("discovery") from None
        _require_pkce(configuration, known_to_work=ehr.entry.pkce_known)
        found = self._endpoints(configuration, ehr, refused)
        before = self._known.get(ehr.entry.id)  # perhaps of another launch meanwhile
        if before is not None and before[1].key_address == found.key_address:
            # The same keys: an answer to a launch may be waiting for them at this moment.
            found = replace(found, keys=before[1].keys)
        elif found.key_address:
            found = replace(found, keys=KeySets((found.key_address,), self._http, self._clock))
        await self._replace(ehr.entry.id, asked, found)
        return found

    async def aclose(self) -> None:
        """End the fetches under way."""
        for _, found in self._known.values():
            if found.keys is not None:
                await found.keys.aclose()

    async def _replace(self, name: str, asked: datetime, found: Endpoints) -> None:
        before = self._known.get(name)
        self._known[name] = (asked, found)
        if before is not None and before[1].keys is not None and before[1].keys is not found.keys:
            await before[1].keys.aclose()

    async def _read(self, ehr: RegisteredEhr) -> Mapping[str, Any]:
        """The SMART configuration, with what OpenID Connect says where it names no issuer or keys."""
        answer = await ask(self._http, f"{ehr.base}/.well-known/smart-configuration")
        configuration = answer.content if answer.good else await self._from_statement(ehr)
        if ehr.entry.identity and not (configuration.get("issuer") and configuration.get("jwks_uri")):
            more = await self._optional(f"{ehr.base}/.well-known/openid-configuration")
            if more.good:
                stated = {name: value for name, value in configuration.items() if value is not None}
                configuration = {**{name: more.content.get(name) for name in ("issuer", "jwks_uri")}, **stated}
        return configuration

    async def _optional(self, address: str) -> Answered:
        try:
            return await ask(self._http, address)
        except NotAnswered:
            return Answered(0, {})

    async def _from_statement(self, ehr: RegisteredEhr) -> Mapping[str, Any]:
        headers = {"Accept": "application/fhir+json, application/json;q=0.9"}
        answer = await ask(self._http, f"{ehr.base}/metadata", headers=headers)
        named = {
            one.get("url"): one.get("valueUri")
            for extension in _security_extensions(answer.content)
            if extension.get("url") == _OAUTH_URIS
            for one in _objects(extension.get("extension"))
        }
        return {"authorization_endpoint": named.get("authorize"), "token_endpoint": named.get("token")}

    def _endpoints(
        self, configuration: Mapping[str, Any], ehr: RegisteredEhr, refused: Callable[[Refused], None]
    ) -> Endpoints:
        def address(name: str) -> str:
            found = self._address(configuration.get(name), ehr.base)
            if found is None:
                refused("not-an-address")
                raise SmartRefused("endpoints")
            return found

        issuer = configuration.get("issuer")
        return Endpoints(
            authorize=address("authorization_endpoint"),
            token=address("token_endpoint"),
            issuer=issuer if isinstance(issuer, str) else "",
            key_address=address("jwks_uri") if configuration.get("jwks_uri") and ehr.entry.identity else "",
            says_issuer=configuration.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, written: object, base: FhirBase) -> str | None:
        """`written` rebuilt from its judged parts, its query kept; None when it may not be called."""
        if not isinstance(written, str) or len(written) > _LONGEST_ADDRESS or "#" in written:
            return None
        whole = FhirBase.parse(written.partition("?")[0])
        if whole is None or not self._permits(whole, base):
            return None
        return replace(whole, path="").absolute(written)

    def _permits(self, endpoint: FhirBase, base: FhirBase) -> bool:
        """Whether a discovered endpoint may be where it says. Names are judged once more when they are connected to."""
        if is_loopback(endpoint.host):
            return is_loopback(base.host)
        written = literal(endpoint.host)
        if written is None or endpoint.host == base.host:
            return True
        inside = unwrapped(written)
        return not is_forbidden(written) and (
            inside.is_global or any(inside in network for network in self._rule.private)
        )


def origin_of(address: str) -> str:
    """Scheme, host and port of an address of ours or of a judged endpoint."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _require_pkce(configuration: Mapping[str, Any], *, known_to_work: bool) -> None:
    """S256 must be stated. Where nothing at all is stated, the operator may have tried it."""
    stated = configuration.get("code_challenge_methods_supported")
    if stated is None and known_to_work:
        return
    if not isinstance(stated, list) or "S256" not in stated:
        raise SmartRefused("no-pkce")


def _security_extensions(statement: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    securities = (_object(rest.get("security")) for rest in _objects(statement.get("rest")))
    return [extension for security in securities for extension in _objects(security.get("extension"))]


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
