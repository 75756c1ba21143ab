"""Whether the scope of an access token covers a kind of data, as far as its words can be understood.

Never a reason to refuse anybody: EHRs use names of their own, so that mostly it cannot be told. Only a scope that is
wholly understood and lacks a kind of data spares us a call that is hopeless.

The words are those of SMART App Launch 1.0 (``patient/Observation.read``) and 2.x (``patient/Observation.rs``).
"""

from __future__ import annotations

import re

_RESOURCE = re.compile(
    r"(?:patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]{1,63})"
    r"\.(?:(?P<v1>read|write|\*)|(?P<v2>(?=[cruds])c?r?u?d?s?)(?:\?[^\s]+)?)"
)
_NO_RESOURCE = re.compile(r"openid|fhirUser|profile|launch(?:/[A-Za-z-]+)?|offline_access|online_access")


def covers(scope: str | None, resource_type: str, *, search: bool) -> bool | None:
    """Whether a token with `scope` may read (or, with `search`, search) `resource_type`; None when it cannot be told.

    It can be told when every word is one of SMART's and at least one is about resources. A word limited to some of a
    type (``Observation.rs?category=survey``) covers the type: the server gives what it may.

    >>> covers("patient/*.read launch", "Condition", search=True)
    True
    >>> covers("patient/Patient.rs", "Condition", search=True)
    False
    >>> covers("Condition.Read (Problems)", "Condition", search=True) is None
    True
    """
    covered, told = False, False
    for word in (scope or "").split():
        match = _RESOURCE.fullmatch(word)
        if match is None:
            if _NO_RESOURCE.fullmatch(word) is None:
                return None
            continue
        told = True
        if match["type"] in ("*", resource_type):
            covered = covered or _reads(match, search=search)
    return covered if told else None


def _reads(match: re.Match[str], *, search: bool) -> bool:
    if match["v1"] is not None:
        return match["v1"] != "write"
    return ("s" if search else "r") in match["v2"]
