"""The page docs/fuzzing.md: python -m tests.fuzz.page writes it from results.json and found.yaml."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "fuzzing.md"
RESULTS = HERE / "results.json"
FOUND = HERE / "found.yaml"
MADE = "<!-- Made by `make fuzz` from tests/fuzz/results.json and tests/fuzz/found.yaml; do not edit. -->"
_WHAT = {
    "directions": "the reader of directions in words: words of several languages in any order, known texts bent",
    "bodies": "the decoder of bodies and the readers of request, prefetch and feedback: bytes and documents changed",
    "records": "the reader of records and of orders: resources of fixtures changed, spliced, doubled, of wrong types",
    "files": "files of resources, one document or one a line, bytes changed",
    "charts": "whole charts from file to document: read, judged, advised on, written out",
    "hooks": 'whole calls over ASGI with their data sent along, most with a chart; forms of "no data", odd headers',
    "pulling": "whole calls over ASGI that read from a FHIR server, which answers anything",
    "signed": "whole calls and feedback over ASGI with tokens, good and bent, and records on disk",
    "directions, grammar": "directions drawn by Hypothesis from a grammar",
    "records, grammar": "resources drawn by Hypothesis: every element of the right shape or of none",
    "hooks, grammar": "whole calls over ASGI drawn by Hypothesis: hook, context, prefetch",
    "directions, by coverage": "directions changed by atheris towards code not yet reached",
    "bodies, by coverage": "bodies changed by atheris towards code not yet reached",
    "records, by coverage": "records changed by atheris, bytes and documents, towards code not yet reached",
    "addresses, by OpenAPI": "every address of docs/openapi.yaml, bodies as described and against it (schemathesis)",
}
_OPENING = """# Fuzzing

Hostile input by the million, and what must hold of every answer. For security reviewers and contributors.

```
make fuzz                            # seed 1, a million inputs
make fuzz SEED=7 COUNT=50000         # other inputs, fewer
make fuzz REPLAY=build/fuzz/….json   # one finding again
```

The same seed, target and number give the same input; the part led by coverage (atheris) starts from the seed, too, but
what it tries depends on what it reaches. Findings are written to `build/fuzz`, each with its seed, number and input,
and the command fails. `make test` runs a short slice with a fixed seed, `make test-all` a longer one.

## What must hold of each input

- No exception leaves the code under test, no status 5xx comes but the documented 503 for feedback without records, and
  no status that `docs/openapi.yaml` does not name.
- No answer later than the hard budget of 1.6 seconds: CPU time of the best of three tries, and time waited for others.
- An answer with cards keeps HL7's invariants and this project's own (at most three cards, summaries below 140
  characters, no null, no live markup), and what it proposes is valid FHIR R4 by two validators. An answer without cards
  has a reason in the log: judged to its end, or one of the few on the list.
- An error is a valid OperationOutcome, a 401 has no body.
- Random words planted in tokens, names, record numbers, notes and ids are looked for: the token nowhere, the others in
  no log line, error, header or metric.
- A body is taken apart into just what the decoder of the whole gives, or refused by both. A record accounts for each
  resource received, used or set aside, once. Directions are read twice alike, within the limits of the knowledge.
- Resident memory after the warm-up and at the end differ by no more than the fragments of the allocator: {allowed} MB
  in this run.
"""


def page(told: dict[str, Any]) -> str:
    """The page for one run."""
    return "\n".join([MADE, *_parts(told)]) + "\n"


def _parts(told: dict[str, Any]) -> Iterator[str]:
    memory = told["memory"]
    yield _OPENING.replace("{allowed}", str(memory["allowed_growth_mb"]))
    yield "## The last run\n"
    yield (
        f"{told['inputs']:,} inputs from seed {told['seed']} in {told['wall_minutes']:g} minutes on a busy machine "
        f"({told['cpu_minutes']:g} minutes of CPU in the main process), engine {told['engine']}, knowledge "
        f"{told['knowledge']}, Python {told['python']}. Findings: {sum(one['times'] for one in told['findings'])}. "
        f"Resident memory: {memory['warm_mb']:g} MB after {memory['warm_after_inputs']:,} inputs, {memory['end_mb']:g} "
        f"MB at the end, {memory['most_mb']:g} MB at most."
    )
    yield ""
    yield "| what | inputs | slowest, ms of CPU | statuses |"
    yield "|---|---:|---:|---|"
    for one in told["targets"]:
        statuses = ", ".join(f"{status}: {n:,}" for status, n in one.get("statuses", {}).items())
        slowest = f"{one['slowest_ms']:,.0f}" if "slowest_ms" in one else ""
        said = (one.get("not_run") and f" (not run: {one['not_run']})") or ""
        yield f"| {one['name']}: {_WHAT[one['name']]}{said} | {one['inputs']:,} | {slowest} | {statuses} |"
    yield ""
    yield (
        "Statuses of calls drawn by Hypothesis are counted with those of the hooks. 503 is feedback to an application "
        "that has no records."
    )
    if told["findings"]:
        yield "\n| finding of this run | where | times |\n|---|---|---:|"
        yield from (f"| {one['what']} | {one['target']} | {one['times']} |" for one in told["findings"])
    yield "\n## What was found, and what became of it\n"
    yield "| found | by | became | held by |"
    yield "|---|---|---|---|"
    for row in yaml.safe_load(FOUND.read_text(encoding="utf-8")):
        held = f"`{row['held_by']}`" if row["held_by"] else ""
        yield f"| {row['found']} | {row['by']} | {row['became']} | {held} |"


def write_page(told: dict[str, Any]) -> None:
    """Write the page for one run."""
    PAGE.write_text(page(told), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page from the results on file, or with --check say whether it still holds."""
    reads = argparse.ArgumentParser(prog="python -m tests.fuzz.page")
    reads.add_argument("--check", action="store_true")
    asked = reads.parse_args(arguments)
    told = json.loads(RESULTS.read_text(encoding="utf-8"))
    if asked.check:
        return int(PAGE.read_text(encoding="utf-8") != page(told))
    write_page(told)
    return 0


if __name__ == "__main__":
    sys.exit(main())
