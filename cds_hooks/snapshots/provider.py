"""The site's OpenID provider: what its discovery document says, and whom its statement names.

OpenID Connect Discovery 1.0, section 4: the document states the very issuer that was asked. All else (endpoints judged,
PKCE required, keys fetched, `id_token` verified) is as with an EHR that launches the app.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from cds_hooks.references import type_and_id
from cds_hooks.smart.asking import NotAnswered, ask
from cds_hooks.smart.authorizing import challenge_of
from cds_hooks.smart.discovery import Discovery, Endpoints
from cds_hooks.smart.pending import PendingLaunch
from cds_hooks.smart.refusals import SmartRefused
from cds_hooks.smart.registration import RegisteredEhr
from cds_hooks.snapshots.entry import SignIn

_CLINICIAN = re.compile(r"(Practitioner|PractitionerRole)/[A-Za-z0-9.\-_]{1,250}")


class OpenIdDiscovery(Discovery):
    """The endpoints of each provider, asked for when they are needed and used for an hour."""

    async def _read(self, ehr: RegisteredEhr) -> Mapping[str, Any]:
        answer = await ask(self._http, f"{ehr.base}/.well-known/openid-configuration")
        if not answer.good:
            raise NotAnswered
        if answer.content.get("issuer") != ehr.entry.iss:
            raise SmartRefused("issuer-wrong")
        return answer.content


def sign_in_address(sign_in: SignIn, endpoints: Endpoints, pending: PendingLaunch, *, redirect: str) -> str:
    """Where the browser is sent to. It says nothing of who is expected, nor of what will be shown."""
    asked = {
        "response_type": "code",
        "client_id": sign_in.client_id,
        "redirect_uri": redirect,
        "scope": pending.scope,
        "state": pending.state,
        "nonce": pending.nonce,
        "code_challenge": challenge_of(pending.verifier),
        "code_challenge_method": "S256",
    }
    return f"{endpoints.authorize}{'&' if '?' in endpoints.authorize else '?'}{urlencode(asked)}"


def reference_in(claims: Mapping[str, Any], sign_in: SignIn) -> str:
    """``Practitioner/id`` or ``PractitionerRole/id`` of the user in verified `claims`.

    Raises SmartRefused: ``not-a-clinician`` for a patient or relative, ``identity`` where nobody can be told.
    """
    written = claims.get(sign_in.user_claim)
    if not isinstance(written, str):
        raise SmartRefused("identity")
    if written in sign_in.users:
        return sign_in.users[written]
    if sign_in.user_prefix is not None:
        reference = f"{sign_in.user_prefix}{written}"
    elif sign_in.users:
        raise SmartRefused("identity")
    else:
        reference = clinician(written)
        if type_and_id(written)[0] in ("Patient", "RelatedPerson"):
            raise SmartRefused("not-a-clinician")
    if not _CLINICIAN.fullmatch(reference):
        raise SmartRefused("identity")
    return reference


def clinician(reference: str) -> str:
    """``Type/id`` of a clinician, however the reference is written; empty for anybody else.

    >>> clinician("https://ehr.example/fhir/Practitioner/d1")
    'Practitioner/d1'
    >>> clinician("Patient/p1")
    ''
    """
    bare = "/".join(type_and_id(reference))
    return bare if _CLINICIAN.fullmatch(bare) else ""
