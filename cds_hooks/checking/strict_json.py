"""An answer's body as strict JSON: what a careful client would refuse is told apart from what is fine."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

_DEEPEST = 100  # FHIR nests a tenth of it; what judges a body walks down it


class NotStrict(ValueError):  # noqa: N818 - a finding, no error of ours
    """The body is not strict JSON. The message is ours and repeats nothing of it."""


def read_strictly(body: bytes) -> Any:
    """The value in `body`. Raises NotStrict."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise NotStrict("is not UTF-8") from None
    try:
        value = json.loads(text, object_pairs_hook=_once_each, parse_constant=_no_number)
    except NotStrict:
        raise
    except RecursionError:
        raise NotStrict("is nested too deep") from None
    except ValueError:
        raise NotStrict("is not JSON") from None
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for held in level for inner in _inside(held)]
    if level:
        raise NotStrict("is nested too deep")
    return value


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise NotStrict("names a member twice")
    return members


def _no_number(_: str) -> NoReturn:
    raise NotStrict("holds NaN or Infinity")
