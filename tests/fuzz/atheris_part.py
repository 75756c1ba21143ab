"""Coverage-guided: python -m tests.fuzz.atheris_part TARGET --runs N --seed S --findings DIR --out FILE.

The engine instruments the bytecode of what is fuzzed and keeps every input that reaches something new. It starts from
the fixtures, and for records changes documents by `mutation` besides bytes. What is wrong is noted and fuzzing goes on;
the number of inputs is what the target counted, not what was asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import atheris

with atheris.instrument_imports(
    include=["cds_hooks.envelope", "cds_hooks.prefetch", "cds_hooks.feedback", "plugin.ingest"]
):
    import cds_hooks.envelope
    import cds_hooks.feedback
    import cds_hooks.prefetch  # noqa: F401
    import plugin.ingest  # noqa: F401

from mappings.load import load
from tests.fuzz.doors import doors
from tests.fuzz.findings import Findings, write_json
from tests.fuzz.mutation import mutated, mutated_bytes
from tests.fuzz.planting import Planted
from tests.fuzz.targets import Fuzzed, Target, targets
from tests.fuzz.watching import Tally, judged, resident_mb

_LONGEST = {"directions": 400, "bodies": 16_384, "records": 16_384}
_STARTS = 200


def decoded(name: str, data: bytes) -> Any:
    """The input that the target takes; None where the bytes hold none."""
    if name == "bodies":
        return data
    text = data.decode("utf-8", "surrogateescape")
    if name == "directions":
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else [value]


def main(arguments: Sequence[str] | None = None) -> None:
    """Fuzz one target; the engine ends the process."""
    reads = argparse.ArgumentParser(prog="python -m tests.fuzz.atheris_part")
    reads.add_argument("target", choices=sorted(_LONGEST))
    reads.add_argument("--runs", type=int, required=True)
    reads.add_argument("--seed", type=int, required=True)
    reads.add_argument("--findings", type=Path, required=True)
    reads.add_argument("--out", type=Path, required=True)
    asked = reads.parse_args(arguments)
    planted = Planted.of(asked.seed)
    with doors(load()) as opened:
        fuzzed = Fuzzed(load(), opened, planted)
        target = next(one for one in targets(fuzzed) if one.name == asked.target)
        _fuzz(fuzzed, target, asked, Findings(asked.findings, asked.seed, planted))


def _fuzz(fuzzed: Fuzzed, target: Target, asked: argparse.Namespace, findings: Findings) -> None:
    tally, donors = Tally(), fuzzed.known.resources
    empty = 0
    began_mb = 0.0

    def report() -> None:
        write_json(
            asked.out,
            {
                "inputs": tally.inputs,
                "undecodable": empty,
                "cpu_seconds": round(tally.cpu_seconds, 1),
                "slowest_ms": round(tally.slowest_ms, 1),
                "warm_mb": round(began_mb, 1),
                "end_mb": round(resident_mb(), 1),
                "findings": findings.told(),
            },
        )

    def once(data: bytes) -> None:
        nonlocal empty, began_mb
        value = decoded(target.name, data)
        if value is None:
            empty += 1
        else:
            judged(target, value, tally.inputs, findings, tally)
            if tally.inputs == max(1, asked.runs // 5):
                began_mb = resident_mb()
        if tally.inputs >= asked.runs or empty > 20 * asked.runs:
            report()
            os._exit(0)  # the engine has no other way to end before its own count

    def change(data: bytes, longest: int, seed: int) -> bytes:
        chance = Random(seed)
        if chance.random() < 0.5:
            value = decoded(target.name, data)
            if value is not None:
                return json.dumps(mutated(value, chance, donors)).encode()[:longest]
        return mutated_bytes(data, chance, json.dumps(chance.choice(donors)).encode())[:longest]

    with tempfile.TemporaryDirectory(prefix="trd-cds-fuzz-") as folder:
        chance = Random(f"{asked.seed}/{target.name}/starts")
        for number in range(_STARTS):
            value = target.make(chance)
            data = (
                value
                if isinstance(value, bytes)
                else value.encode("utf-8", "surrogatepass")
                if isinstance(value, str)
                else None
            )
            Path(folder, str(number)).write_bytes((data or json.dumps(value).encode())[: _LONGEST[target.name]])
        flags = [
            "fuzz",
            f"-seed={asked.seed}",
            f"-max_len={_LONGEST[target.name]}",
            "-len_control=0",
            "-rss_limit_mb=4096",
            folder,
        ]
        more = {"custom_mutator": change} if target.name == "records" else {}
        atheris.Setup(flags, once, **more)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
