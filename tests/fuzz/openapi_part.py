"""Schemathesis: python -m tests.fuzz.openapi_part openapi --runs N --seed S --findings DIR --out FILE.

Every operation of docs/openapi.yaml, with bodies that keep to the description and bodies that do not, through ASGI.
Answers are held against the description by an independent validator of JSON Schema.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlencode

import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode

from cds_hooks.catalogue import SERVICES
from mappings.load import load
from tests.fuzz.doors import Door, Said, doors
from tests.fuzz.findings import Findings, place_of, write_json
from tests.fuzz.openapi import answer_fits, described
from tests.fuzz.oracle import leaks
from tests.fuzz.planting import Planted
from tests.fuzz.watching import Tally, bounded

_ROUND = 100
IDS = tuple(SERVICES)


def sent(door: Door, case: Any) -> Said:
    """The case, sent through ASGI."""
    made = case.as_transport_kwargs()
    path = case.formatted_path
    query = urlencode(made.get("params") or {}, doseq=True).encode()
    headers = tuple(
        (name.lower().encode("latin-1", "replace"), str(value).encode("latin-1", "replace"))
        for name, value in (made.get("headers") or {}).items()
        if name.lower() != "host"
    )
    return door.call(case.method.upper(), unquote(quote(path, safe="/%~")), _body(made), headers, query)


def _body(made: dict[str, Any]) -> bytes:
    if made.get("json") is not None or "json" in made:
        return json.dumps(made["json"]).encode("utf-8", "surrogatepass")
    data = made.get("data")
    if isinstance(data, bytes):
        return data
    return str(data).encode("utf-8", "surrogatepass") if data is not None else b""


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz all operations in turn, each in small rounds, until the number of inputs is reached."""
    reads = argparse.ArgumentParser(prog="python -m tests.fuzz.openapi_part")
    reads.add_argument("target", choices=["openapi"])
    reads.add_argument("--runs", type=int, required=True)
    reads.add_argument("--seed", type=int, required=True)
    reads.add_argument("--findings", type=Path, required=True)
    reads.add_argument("--out", type=Path, required=True)
    asked = reads.parse_args(arguments)
    planted = Planted.of(asked.seed)
    findings = Findings(asked.findings, asked.seed, planted)
    tally, statuses = Tally(), Counter[int]()
    schema = schemathesis.openapi.from_dict(described())
    operations = [found.ok() for found in schema.get_all_operations()]
    with doors(load()) as opened:

        def judge(case: Any) -> None:
            name = f"{case.method.upper()} {case.path}"
            tally.inputs += 1
            try:
                with bounded():
                    said = sent(opened.open, case)
                statuses[said.status] += 1
                for fault in (*answer_fits(case.path, case.method.lower(), said), *leaks(said, planted)):
                    findings.note(name, tally.inputs, fault, repr(case.body)[:4000])
            except Exception as error:
                findings.note(name, tally.inputs, place_of(error), repr(case.body)[:4000])

        turn = 0
        # Addresses without a body have few inputs: they get one round each, the others all the rest.
        while tally.inputs < asked.runs:
            chosen = operations if turn == 0 else [one for one in operations if one.method.lower() == "post"]
            for operation in chosen:
                rounds = min(_ROUND, asked.runs - tally.inputs) if turn or operation.method.lower() == "post" else 5
                if rounds > 0:
                    # Our own ids in turn, for a service that does not exist is soon told of.
                    known = {"service_id": IDS[turn % len(IDS)]} if turn % 4 and "{" in operation.path else None
                    _drawn(operation, rounds, asked.seed * 1_000_003 + turn, judge, known)
            turn += 1
    write_json(
        asked.out,
        {
            "inputs": tally.inputs,
            "statuses": {str(status): n for status, n in sorted(statuses.items())},
            "operations": len(operations),
            "findings": findings.told(),
        },
    )


def _drawn(operation: Any, count: int, at: int, judge: Callable[[Any], None], known: dict[str, str] | None) -> None:
    drawn = 0

    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):

        @seed(at)
        @settings(
            max_examples=max(1, count // 2),
            database=None,
            deadline=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(generation_mode=mode, **({"path_parameters": known} if known else {})))
        def each(case: Any) -> None:
            nonlocal drawn
            if drawn < count:
                drawn += 1
                judge(case)

        try:
            each()
        except Exception as error:
            if type(error).__name__ not in ("Unsatisfiable", "SkipTest", "Unsatisfied"):
                raise  # nothing can be drawn against a description that allows everything; anything else is a fault


if __name__ == "__main__":
    main(sys.argv[1:])
