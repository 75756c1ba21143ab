"""Calls that are no JSON, lie about their text, or hold what breaks careless readers."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import orjson

from cds_hooks.checking.calls import Call
from cds_hooks.checking.cases import Case, case

MARKUP = "<script>check</script>"
_CONTROLS = "a\u0000b\u0007c\u202ed\u2028e\ufeff"
_DEEP = 20_000
_LONG = 100_000


def hostile_cases(call: Call, *, oversize: int) -> Iterator[Case]:
    """All of them for one service; `oversize` is the length of the oversized body in bytes."""
    good = orjson.dumps(call.changed())
    yield case("json-empty", "an empty body", b"", "RS-05", "refuse")
    yield case("json-cut", "JSON cut off in the middle", good[: len(good) // 2], "RS-05", "refuse")
    yield case("json-list", "a JSON list", b"[" + good + b"]", "RS-05", "refuse")
    yield case("json-null", "JSON null", b"null", "RS-05", "refuse")
    yield case("json-comma", "a trailing comma", good[:-1] + b",}", "TR-07", "refuse")
    yield case("json-comment", "a comment", b"/* a */" + good, "TR-07", "refuse")
    yield case("json-utf8", "invalid UTF-8", good[:-1] + b',"a":"\xff\xfe"}', "TR-07", "refuse")
    yield case("json-nan", "NaN for a number", good[:-1] + b',"a":NaN}', "TR-07", "refuse")
    yield case("json-twice", "the hook named twice", b'{"hook":"check-nothing",' + good[1:], "RS-05", "survive")
    deep = b"[" * _DEEP + b"]" * _DEEP
    yield case(
        "json-deep", f"lists nested {_DEEP} deep", good[:-1] + b',"extension":{"a":' + deep + b"}}", "RS-05", "survive"
    )
    yield case("json-number", "a number of 400 digits", good[:-1] + b',"a":' + b"9" * 400 + b"}", "RS-05", "survive")
    huge = call.in_context(patientId="x" * _LONG)
    yield case("id-huge", f"a patientId of {_LONG} characters", huge, "RS-05", "survive")
    yield case(
        "id-controls", "control characters in patientId", call.in_context(patientId=_CONTROLS), "RS-05", "survive"
    )
    yield case(
        "id-path", "a patientId that climbs paths", call.in_context(patientId="../../x?y=z#"), "RS-05", "survive"
    )
    yield case("text-controls", "control characters in all texts", _written(call, _CONTROLS), "RS-05", "survive")
    yield case("text-markup", "HTML in all texts", _written(call, MARKUP), "RS-05", "survive")
    padding = b',"check_padding":"' + b"x" * max(0, oversize - len(good)) + b'"}'
    yield case("oversized", f"a body of {oversize} bytes", good[:-1] + padding, "RS-05", "survive", once=True)


def _written(call: Call, text: str) -> dict[str, Any]:
    """The call with `text` in every display and text of its resources."""
    return call.changed(context=_rewritten(call.context, text), prefetch=_rewritten(call.prefetch, text) or None)


def _rewritten(value: Any, text: str) -> Any:
    if isinstance(value, list):
        return [_rewritten(one, text) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: f"{one} {text}"
        if name in ("display", "text", "family") and isinstance(one, str)
        else _rewritten(one, text)
        for name, one in copy.copy(value).items()
    }
