"""The grammars as targets: Hypothesis draws in small rounds, each with its own seed, so that memory stays level."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzz.grammars import requests, resources, sigs
from tests.fuzz.targets import Fuzzed, Target

ROUND = 250


@dataclass(frozen=True, slots=True)
class Drawn:
    """One grammar: its share of a run and what is drawn; an input is judged as one of `target`."""

    name: str
    of_1000: float
    strategy: st.SearchStrategy[Any]
    target: Target


def grammars(fuzzed: Fuzzed, known: Mapping[str, Target]) -> tuple[Drawn, ...]:
    """The grammars, judged as the targets of the same kind."""

    def call(body: dict[str, Any]) -> dict[str, Any]:
        hook = body["hook"] if body["hook"] != "x" else "order-select"
        written = fuzzed.planted.into(json.dumps(body).encode())
        return {"path": f"/cds-services/trd-{hook}", "body": written, "headers": {}}

    several = st.lists(resources(), min_size=1, max_size=3)
    return (
        Drawn("directions, grammar", 3, sigs(), known["directions"]),
        Drawn("records, grammar", 4, several, known["records"]),
        Drawn("hooks, grammar", 2, requests().map(call), known["hooks"]),
    )


def draw(drawn: Drawn, count: int, at: int, taken: Callable[[Any], None]) -> int:
    """Give `taken` up to `count` inputs drawn with the seed `at`; how many there were."""
    made = 0

    @seed(at)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(drawn.strategy)
    def each(value: Any) -> None:
        nonlocal made
        if made < count:
            made += 1
            taken(value)

    each()
    return made
