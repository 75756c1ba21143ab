"""What to try after a server refused one way of asking: POST, shorter lists, the next variant, or nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Literal

from cds_hooks.ehr.failures import FhirFailure

Rung = Literal["post", "shorter", "variant", "stop"]

_TOO_LONG = frozenset({HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE})
_NO_GET = _TOO_LONG | {HTTPStatus.METHOD_NOT_ALLOWED}
_NO_POST = _TOO_LONG | {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
}
_NOT_SO = _NO_POST | {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.NOT_IMPLEMENTED,
}


def next_rung(failure: FhirFailure, *, posted: bool, shortened: bool = False) -> Rung:
    """What to try after `failure` of one variant.

    ``post``: the same by POST ``_search``; ``shorter``: by GET with lists of `searches.SHORT` characters; ``variant``:
    the next variant; ``stop``: asking otherwise would not help. `posted`: POST was tried for this variant;
    `shortened`: shorter lists were. Each rung is climbed once, so that a variant ends after three.
    """
    status = failure.status
    if status in _NO_GET and not posted:
        return "post"
    if status in _NO_POST and posted and not shortened:
        return "shorter"
    return "variant" if status in _NOT_SO or failure.ignored else "stop"
