"""Who is logged in, as the EHR states it: the `id_token` of OpenID Connect, verified before it is believed.

OpenID Connect Core 1.0, 3.1.3.7, and SMART App Launch, "Scopes for requesting identity data". Asymmetric signatures by
the issuer's published keys only; issuer, audience, nonce and times must hold.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import jwt
import orjson

from cds_hooks.ehr.failures import Refused
from cds_hooks.outbound import FhirBase
from cds_hooks.smart.authorizing import LONGEST_TOKEN
from cds_hooks.smart.discovery import Endpoints
from cds_hooks.smart.refusals import SmartRefused

LEEWAY_SECONDS = 60
LONGEST_LIFE_SECONDS = 86_400
_CLINICIANS = frozenset({"Practitioner", "PractitionerRole"})
# Ids as FHIR has them, and the longer ones with underscores of one EHR.
_ID = r"[A-Za-z0-9.\-_]{1,250}"
_REFERENCE = re.compile(rf"(?P<kind>[A-Z][A-Za-z]{{1,63}})/(?P<id>{_ID})(?:/_history/{_ID})?")
_JWS = jwt.PyJWS()


async def clinician_of(
    id_token: object,
    *,
    endpoints: Endpoints,
    client_id: str,
    nonce: str,
    claim: str,
    base: FhirBase,
    now: datetime,
    refused: Callable[[Refused], None],
) -> str:
    """``Practitioner/id`` or ``PractitionerRole/id`` of the user whom a verified `id_token` names.

    `claim` is the name of the claim, `base` the EHR's FHIR base: a reference to another server's resource is nobody
    here, whatever its id. Raises SmartRefused: ``identity`` for whatever does not hold, ``not-a-clinician`` for a
    patient or relative.
    """
    claims = await claims_of(id_token, endpoints=endpoints, client_id=client_id, nonce=nonce, now=now, refused=refused)
    written = claims.get(claim)
    named = _REFERENCE.fullmatch((base.relative(written) or "") if isinstance(written, str) else "")
    if named is not None and named["kind"] in ("Patient", "RelatedPerson"):
        raise SmartRefused("not-a-clinician")
    if named is None or named["kind"] not in _CLINICIANS:
        raise SmartRefused("identity")
    return f"{named['kind']}/{named['id']}"


async def claims_of(
    id_token: object,
    *,
    endpoints: Endpoints,
    client_id: str,
    nonce: str,
    now: datetime,
    refused: Callable[[Refused], None],
) -> Mapping[str, Any]:
    """The claims of an `id_token` that holds. Raises SmartRefused: ``identity``."""
    claims = await _verified(id_token, endpoints, refused)
    if claims is None or not _holds(claims, endpoints.issuer, client_id, nonce, now.timestamp()):
        raise SmartRefused("identity")
    return claims


async def _verified(
    id_token: object, endpoints: Endpoints, refused: Callable[[Refused], None]
) -> Mapping[str, Any] | None:
    """The claims under a signature that holds; None for any other."""
    if not isinstance(id_token, str) or len(id_token) > LONGEST_TOKEN or not endpoints.issuer:
        return None
    if endpoints.keys is None:
        return None
    try:
        header = jwt.get_unverified_header(id_token)
        key_id, algorithm = header.get("kid"), header.get("alg")
        if not isinstance(key_id, str) or not isinstance(algorithm, str) or "crit" in header:
            return None
        key = await endpoints.keys.find((endpoints.key_address,), key_id, refused)
        if key is None or algorithm not in key.algorithms:
            return None
        claims: Any = orjson.loads(_JWS.decode(id_token, key.public, algorithms=[algorithm]))
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return claims if isinstance(claims, dict) else None


def _holds(claims: Mapping[str, Any], issuer: str, client_id: str, nonce: str, now: float) -> bool:
    audience, told = claims.get("aud"), claims.get("nonce")
    listed = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != issuer or client_id not in listed:
        return False
    if (len(listed) > 1 or "azp" in claims) and claims.get("azp") != client_id:
        return False
    if not isinstance(told, str) or not hmac.compare_digest(told.encode(errors="replace"), nonce.encode()):
        return False
    expires, issued = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    if expires is None or issued is None:
        return False
    return now - LEEWAY_SECONDS < expires and now - LONGEST_LIFE_SECONDS < issued <= now + LEEWAY_SECONDS


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
