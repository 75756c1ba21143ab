"""Which scopes the app asks for, and what it lacks of what was granted.

SMART App Launch 1.0 writes ``patient/Observation.read``, 2.x ``patient/Observation.rs``; an EHR may grant less than was
asked, in either spelling.
"""

from __future__ import annotations

import re

from cds_hooks.ehr.scopes import covers
from cds_hooks.observing.call_line import RESOURCE_TYPES
from cds_hooks.smart.registration import Ehr

ESSENTIAL = ("Patient", "MedicationRequest")
_WRITE = re.compile(r"(?:patient|user)/(?P<type>\*|[A-Za-z]+)\.(?:write|\*|c?r?u?d?s?)(?:\?\S+)?")


def wanted(ehr: Ehr, *, standalone: bool) -> str:
    """The `scope` parameter of an authorization request."""
    identity = ("openid", "fhirUser" if ehr.user_claim != "profile" else "profile") if ehr.identity else ()
    read, create = ("read", "write") if ehr.scopes == "v1" else ("rs", "c")
    return " ".join(
        [
            *identity,
            "launch/patient" if standalone else "launch",
            *(("online_access",) if ehr.refreshes else ()),
            *(f"patient/{kind}.{read}" for kind in sorted(RESOURCE_TYPES)),
            *(f"patient/{kind}.{create}" for kind in ehr.writes),
        ]
    )


def not_readable(scope: str | None) -> tuple[str, ...]:
    """The kinds of data that a token of `scope` surely cannot search, in order."""
    return tuple(kind for kind in sorted(RESOURCE_TYPES) if covers(scope, kind, search=True) is False)


def may_create(scope: str | None, resource_type: str) -> bool:
    """Whether a token of `scope` surely may create `resource_type`; no where it cannot be told.

    >>> may_create("patient/MedicationStatement.cud launch", "MedicationStatement")
    True
    >>> may_create("patient/*.read", "MedicationStatement"), may_create(None, "MedicationStatement")
    (False, False)
    """
    for word in (scope or "").split():
        match = _WRITE.fullmatch(word)
        if match is None or match["type"] not in ("*", resource_type):
            continue
        granted = word.partition(".")[2].partition("?")[0]
        if granted in ("write", "*") or "c" in granted:
            return True
    return False
