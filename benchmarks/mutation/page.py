"""docs/mutation.md: the score with its interval, by package and by operator, and every survivor with why it lives.

Made from benchmarks/results/mutation-*.json and from benchmarks/mutation/explained.yaml, where an explanation stands
under the name of its mutant. A mutant has another name once its function or its line has changed, so that an
explanation that has gone stale belongs to no survivor any more and is told.

    python -m benchmarks.mutation.page [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks.mutation.places import LEFT_OUT, ROOT
from cds_hooks.governance.intervals import proportion

PAGE = ROOT / "docs" / "mutation.md"
RESULTS = ROOT / "benchmarks" / "results"
EXPLAINED = ROOT / "benchmarks" / "mutation" / "explained.yaml"
MADE = "<!-- Made by `make mutation` from benchmarks/results and benchmarks/mutation/explained.yaml; do not edit. -->"
KINDS = {
    "equivalent": "behaves as the original for every input that can occur",
    "wording": "changes words for a reader only, which no rule asks to stand exactly so",
    "speed": "changes how much work is done, and nothing that is said",
    "unproven": "a difference that no test shows, and not worth one: said why",
    "open": "a difference that a test should show; not answered, so that the figure of its sample stays fair",
}
ALIVE = ("survived", "not reached")
Result = Mapping[str, Any]


def results(folder: Path = RESULTS) -> list[Result]:
    """Every sample that was kept, by its seed."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("mutation-*.json")]
    return sorted(found, key=lambda result: int(result["seed"]))


def explanations(path: Path = EXPLAINED) -> dict[str, dict[str, str]]:
    """What kind of survivor each is and why, by the name of the mutant."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) or {} if path.exists() else {}


def survivors(samples: Sequence[Result]) -> dict[str, Mapping[str, Any]]:
    """The mutants that live, by name."""
    return {row["name"]: row for sample in samples for row in sample["mutants"] if row["outcome"] in ALIVE}


def faults(samples: Sequence[Result], told: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Survivors without an explanation, and explanations that have gone stale."""
    alive = survivors(samples)
    found = [f"not explained: {name}" for name in alive if name not in told]
    found += [f"explains no survivor: {name}" for name in told if name not in alive]
    found += [f"of no kind: {name}" for name, one in told.items() if one.get("kind") not in KINDS or not one.get("why")]
    return found


def score(rows: Sequence[Mapping[str, Any]], key: str = "outcome") -> str:
    """Killed of all with the share and its 95 % interval."""
    killed = sum(row.get(key, row["outcome"]) not in ALIVE for row in rows)
    share = proportion(killed, len(rows))
    if share is None:
        return "-"
    return f"{killed} of {len(rows)} | {share.value:.1%} | {share.low:.1%} to {share.high:.1%}"


def _table(rows: Sequence[Mapping[str, Any]], title: str, group: Callable[[Mapping[str, Any]], str]) -> list[str]:
    by: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by.setdefault(group(row), []).append(row)
    lines = [f"| {title} | killed | score | 95 % interval |", "|---|---|---|---|"]
    return [*lines, *(f"| {name} | {score(by[name])} |" for name in sorted(by))]


def _package(row: Mapping[str, Any]) -> str:
    module = str(row["name"]).partition(":")[0]
    return f"`{module.partition('.')[0]}`"


def _operator(row: Mapping[str, Any]) -> str:
    return f"`{str(row['name']).split(':')[2]}`"


def page(samples: Sequence[Result], told: Mapping[str, Mapping[str, str]]) -> str:
    """The whole page."""
    lines = [
        MADE,
        "",
        "# Mutation testing of plugin/",
        "",
        "A mutant is plugin/ with one small change. A test that fails has killed it; one that lives shows what no test "
        "looks at, or a change that changes nothing. `make mutation SEED=1 SAMPLE=800` draws a simple random sample "
        "without replacement of all mutants that the operators of [mutmut](https://github.com/boxed/mutmut) make, and "
        "runs the tests of the core route on each: those that run the reasoning inside their own process "
        "(`benchmarks/mutation/core_route.py`; a vignette goes through the reasoning alone, not through the service).",
        "",
        "mutmut makes the changes; where they are made and how they are run is our own (`benchmarks/mutation`): mutmut "
        "leaves out properties, cached values and everything outside functions, draws no sample, and starts pytest for "
        "each mutant. Here a mutant is put into a process forked from one that has everything read, by exchanging the "
        "code of the living function; what takes effect when a module is read runs in a process that reads plugin/ "
        "anew. Tests are chosen by the lines they reach and stop at the first failure. A mutant meets a limited time "
        "of tests (`--seconds`, of seconds under the tracer): one that lives to its end counts as alive though a later "
        "test might have noticed, so that the score errs to the low side. One that runs into its limit of processor "
        "time counts as killed.",
        "",
        "Left out:",
        "",
        *(f"- {why}" for why in LEFT_OUT.values()),
        "",
        "A mutant that does not compile, or compiles to the same code, is dropped when drawn and another taken.",
        "",
        "## Score",
        "",
        "| sample | plugin/ at | of all mutants | killed | score | 95 % interval |",
        "|---|---|---|---|---|---|",
    ]
    for sample in samples:
        rows, state = sample["mutants"], f"`{sample['commit'][:9]}`"
        first = [row for row in rows if "first" in row]
        of_all = f"{sample['counts']['all']:,}".replace(",", " ")
        name = f"seed {sample['seed']}"
        if first:
            lines.append(f"| {name}, first try | {state} | {of_all} | {score(rows, 'first')} |")
            lines.append(f"| {name}, with the tests it led to | {state} | {of_all} | {score(rows)} |")
        else:
            lines.append(f"| {name} | {state} | {of_all} | {score(rows)} |")
    lines += [
        "",
        "Intervals are Wilson's. The first try of seed 1 met the tests as they were, and for what takes effect when a "
        "module is read few of them (1.5 to 8 seconds). The tests were extended after the survivors of each sample had "
        'been read, so figures "with the tests it led to" flatter; the first try of a later seed, which met the tests '
        "that earlier ones had led to, is the fair one.",
        "",
    ]
    for sample in samples:
        lines += [f"## Seed {sample['seed']}", ""]
        lines += [*_table(sample["mutants"], "part of plugin/", _package), ""]
        lines += [*_table(sample["mutants"], "operator", _operator), ""]
    alive = survivors(samples)
    kinds = Counter(told[name]["kind"] for name in alive if name in told)
    lines += ["## Survivors", ""]
    lines += [f"- {kind}, {kinds[kind]}: {means}" for kind, means in KINDS.items() if kinds[kind]]
    lines.append("")
    for kind in KINDS:
        chosen = sorted(name for name in alive if told.get(name, {}).get("kind") == kind)
        if chosen:
            lines += [f"### {kind.capitalize()}", ""]
            for name in chosen:
                row = alive[name]
                lines += [f"`{name}` ({row['file']}, line {row['line']} then). {told[name]['why']}", ""]
                lines += ["```diff", *str(row["diff"]).splitlines(), "```", ""]
    return "\n".join(lines).rstrip() + "\n"


def write() -> None:
    """Renew the page."""
    PAGE.write_text(page(results(), explanations()), encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or say with ``--check`` what is wrong with it; exit code 1 when something is."""
    parser = argparse.ArgumentParser(prog="benchmarks.mutation.page", description="docs/mutation.md")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args(arguments)
    found = faults(results(), explanations())
    if chosen.check:
        written = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
        found += ["docs/mutation.md is stale: make mutation"] if written != page(results(), explanations()) else []
    else:
        write()
    for fault in found:
        print(fault, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
