"""The ways in which a service is called beside the conforming one, and which status each calls for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from cds_hooks.checking.target import JSON

# answer: 200. answer-or-412: also the honest "cannot be had". refuse: 4xx. survive: anything but 5xx.
Expect = Literal["answer", "answer-or-412", "refuse", "survive"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One way to call. `requirement` is broken when the status is not as expected, and by a crash.

    Two comparisons with the conforming call, where that brought cards: `silence` is broken by an answer of 200 without
    any card, `speech` by cards. `once`: for one service of a run only.
    """

    id: str
    sent: str
    content: bytes = field(repr=False)
    requirement: str
    expect: Expect = "answer-or-412"
    silence: str = ""
    speech: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: dict(JSON))
    method: str = "POST"
    once: bool = False


def case(id_: str, sent: str, body: Any, requirement: str, expect: Expect = "answer-or-412", **more: Any) -> Case:
    """A case whose `body` is written as JSON, unless it is bytes already."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return Case(id=id_, sent=sent, content=content, requirement=requirement, expect=expect, **more)


def without(cases: Iterator[Case], beginnings: tuple[str, ...]) -> Iterator[Case]:
    """`cases` but those whose ids begin so."""
    return (one for one in cases if not one.id.startswith(beginnings)) if beginnings else cases
