"""Mutation testing of plugin/ on the core route: a seeded sample, with progress, resumed where it was broken off.

    python -m benchmarks.mutation --seed 1 --sample 800 [--again survived] [--write]

Work in progress is kept under build/mutation, by the state of plugin/. `--again` tries those mutants once more that
had this outcome (after tests were added). `--write` puts the result into benchmarks/results and renews
docs/mutation.md. Nothing of this may read plugin/ on its way: what changes when modules are read needs a process that
has not read them.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
import re
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.mutation import core_route, trying
from benchmarks.mutation.covering import Covering, Reached
from benchmarks.mutation.mutants import Mutant, sample
from benchmarks.mutation.places import ROOT, content_hash

WORK = ROOT / "build" / "mutation"
STEPS = ("sample", "cover", "called", "read", "write")
ALIVE = ("survived", "not reached")
_SAY_EVERY = 10.0
_NOTHING_NEW = 5  # what pytest ends with where no test is left to run


@dataclass(slots=True)
class Book:
    """What is known of the mutants of one sample: one line of JSON for each, later lines replace earlier ones."""

    path: Path
    outcomes: dict[str, dict[str, object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                told = json.loads(line)
                self._take(told)

    def _take(self, told: dict[str, object]) -> None:
        before = self.outcomes.get(str(told["name"]))
        if before is not None:
            if before["outcome"] not in ALIVE:
                return  # tests only become more: what was killed stays killed
            if told["outcome"] == trying.NOT_REACHED and before["outcome"] in ALIVE:
                return  # none of the few tests that were asked for reaches it
            told = {**told, "first": before.get("first", before["outcome"])}
        self.outcomes[str(told["name"])] = told

    def add(self, told: dict[str, object]) -> None:
        """Keep one more."""
        self._take(told)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


@dataclass(slots=True)
class Progress:
    """Says how far it is, every few seconds."""

    total: int
    book: Book
    began: float = field(default_factory=time.monotonic)
    said: float = 0.0
    done: int = 0

    def step(self, told: dict[str, object]) -> None:
        """One more is done."""
        self.book.add(told)
        self.done += 1
        now = time.monotonic()
        if now - self.said > _SAY_EVERY or self.done == self.total:
            self.said = now
            rate = self.done / max(now - self.began, 0.001)
            alive = sum(one["outcome"] in ALIVE for one in self.book.outcomes.values())
            print(
                f"{self.done} of {self.total}, {rate * 60:.0f} a minute, {(self.total - self.done) / rate / 60:.1f} "
                f"minutes left; {alive} alive among {len(self.book.outcomes)}",
                file=sys.stderr,
                flush=True,
            )


def main(arguments: Sequence[str] | None = None) -> int:
    """Take the steps, each in a process of its own: what one has read must not be read in the next."""
    parser = argparse.ArgumentParser(prog="benchmarks.mutation", description="Mutation testing of plugin/.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample", type=int, default=800)
    parser.add_argument("--again", nargs="*", default=[], help="outcomes or names to try once more")
    parser.add_argument("--tests", default="", help="only tests whose id matches (a regular expression)")
    parser.add_argument("--seconds", type=float, default=25.0, help="of tests for a mutant, as measured by the tracer")
    parser.add_argument("--unreached", action="store_true", help="outside functions, all these tests")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results and docs/mutation.md")
    parser.add_argument("--step", choices=STEPS)
    chosen = parser.parse_args(arguments)
    if chosen.step:
        _take(chosen.step, chosen)
        return 0
    for step in STEPS if chosen.write else STEPS[:-1]:
        print(f"-- {step}", file=sys.stderr, flush=True)
        given = list(arguments) if arguments is not None else sys.argv[1:]
        done = subprocess.run([sys.executable, "-m", "benchmarks.mutation", "--step", step, *given], check=False)
        if done.returncode:
            return done.returncode
    return 0


def _take(step: str, chosen: argparse.Namespace) -> None:
    folder = WORK / content_hash()
    folder.mkdir(parents=True, exist_ok=True)
    drawn = folder / f"sample-{chosen.seed}-{chosen.sample}.json"
    if step == "sample":
        if not drawn.exists():
            mutants, counts = sample(chosen.seed, chosen.sample)
            drawn.write_text(json.dumps({"counts": counts, "mutants": [one.as_json() for one in mutants]}))
        return
    if step == "cover":
        _cover(folder / "reached.json")
        return
    told = json.loads(drawn.read_text(encoding="utf-8"))
    mutants = [Mutant(**one) for one in told["mutants"]]
    book = Book(folder / f"outcomes-{chosen.seed}-{chosen.sample}.jsonl")
    if step == "write":
        _write(chosen, told["counts"], mutants, book)
        return
    _try(step, mutants, book, chosen, folder / "reached.json")


def _cover(path: Path) -> None:
    reached = Reached.load(path)
    covering = Covering(reached)
    code = core_route.run(covering)
    reached.save(path)
    if code not in (0, _NOTHING_NEW):
        failed = ", ".join(sorted(covering.failed)) or "could not be collected"
        raise SystemExit(f"Without any mutant these tests fail: {failed}")


def _try(step: str, mutants: Sequence[Mutant], book: Book, chosen: argparse.Namespace, path: Path) -> None:
    reached = Reached.load(path)
    if not reached.tests:
        raise SystemExit("No test is known yet: the step `cover` comes first.")
    todo = [mutant for mutant in mutants if _due(step, mutant, book.outcomes.get(mutant.name), chosen.again, reached)]
    if not todo:
        return
    kills: dict[str, Counter[str]] = defaultdict(Counter)
    where = {mutant.name: mutant for mutant in mutants}
    for told in book.outcomes.values():
        if told["outcome"] == trying.KILLED and (mutant := where.get(str(told["name"]))) is not None:
            kills[mutant.file][str(told["test"])] += 1
            kills[f"{mutant.file}:{mutant.function}"][str(told["test"])] += 1
    progress = Progress(len(todo), book)
    limits = trying.Limits(seconds=chosen.seconds, tests=re.compile(chosen.tests), unreached=chosen.unreached)

    def done(outcome: trying.Outcome) -> None:
        mutant = where[outcome.name]
        if outcome.outcome == trying.KILLED and outcome.test:
            kills[mutant.file][outcome.test] += 1
            kills[f"{mutant.file}:{mutant.function}"][outcome.test] += 1
        progress.step(asdict(outcome))

    if step == "called":
        core_route.run(trying.InPlace(todo, reached, kills, done, limits))
    else:
        trying.read_anew(todo, reached, kills, done, limits)


def _due(step: str, mutant: Mutant, before: dict[str, object] | None, again: Sequence[str], reached: Reached) -> bool:
    """Whether this step is to try the mutant: it works in this way, and was not tried or is to be tried again.

    A function that runs only while modules are read (it makes a table) is changed by reading them anew.
    """
    if not (before is None or before["outcome"] in again or mutant.name in again):
        return False
    called = trying.works_when_called(mutant)
    if called and not reached.reaching(mutant.file, mutant.first, mutant.last):
        called = not trying.ran_while_reading(mutant, reached)
    return called == (step == "called")


def _write(chosen: argparse.Namespace, counts: dict[str, int], mutants: Sequence[Mutant], book: Book) -> None:
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    rows = []
    for mutant in mutants:
        told = book.outcomes[mutant.name]
        alive = told["outcome"] in ALIVE
        row = {"name": mutant.name, "outcome": told["outcome"]}
        if told.get("first", told["outcome"]) != told["outcome"]:
            row["first"] = told["first"]
        if alive:
            row |= {"file": mutant.file, "line": mutant.line, "diff": mutant.diff, "reaching": told["reaching"]}
        rows.append(row)
    result = {
        "commit": commit.stdout.strip(),
        "plugin": content_hash(),
        "seed": chosen.seed,
        "sample": len(mutants),
        "mutmut": importlib.metadata.version("mutmut"),
        "python": platform.python_version(),
        "counts": counts,
        "mutants": sorted(rows, key=lambda row: str(row["name"])),
    }
    place = ROOT / "benchmarks" / "results" / f"mutation-{chosen.seed}.json"
    place.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    from benchmarks.mutation.page import write  # noqa: PLC0415 - it reads plugin/

    write()


if __name__ == "__main__":
    raise SystemExit(main())
