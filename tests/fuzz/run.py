"""The fuzzing run: python -m tests.fuzz.run --seed 1 --count 1000000, or --replay FILE. See docs/fuzzing.md."""

from __future__ import annotations

import argparse
import gc
import importlib.util
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from mappings.load import load
from plugin.document.assessment_document import engine_version
from tests.fuzz.doors import doors
from tests.fuzz.findings import Findings, read_finding, write_json
from tests.fuzz.hypothesis_part import ROUND, Drawn, draw, grammars
from tests.fuzz.page import write_page
from tests.fuzz.planting import Planted
from tests.fuzz.targets import Fuzzed, targets
from tests.fuzz.watching import Memory, Tally, judged

RESULTS = Path(__file__).parent / "results.json"
_ROUNDS = 100
# Programs of their own: what they need is in requirements-fuzz.lock. Name, module, its target, share of 1000.
_BESIDE = (
    ("directions, by coverage", "tests.fuzz.atheris_part", "directions", 20),
    ("bodies, by coverage", "tests.fuzz.atheris_part", "bodies", 20),
    ("records, by coverage", "tests.fuzz.atheris_part", "records", 10),
    ("addresses, by OpenAPI", "tests.fuzz.openapi_part", "openapi", 2),
)
_NEEDED = {"tests.fuzz.atheris_part": "atheris", "tests.fuzz.openapi_part": "schemathesis"}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


@dataclass
class Run:
    """One run of `count` inputs from `seed`; what is found goes to the folder `findings`."""

    seed: int
    count: int
    findings: Findings
    results: Path | None
    tallies: dict[str, Tally] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    beside: list[dict[str, Any]] = field(default_factory=list)
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    before: dict[str, float] = field(default_factory=dict)

    def resume(self, told: dict[str, Any], fuzzed: Fuzzed) -> None:
        """Go on from the results of a run of the same seed and count that was stopped. Each of its findings that is on
        file is judged anew and stays one if it still is.
        """
        if told["ended"] or (told["seed"], told["asked"]) != (self.seed, self.count):
            raise ValueError("these are not the results of a run with this seed and count that was stopped")
        for one in told["targets"]:
            self.tallies[one["name"]] = Tally(one["inputs"], one["cpu_seconds"], one["slowest_ms"])
            if "statuses" in one:
                fuzzed.statuses[one["name"]] = Counter({int(status): n for status, n in one["statuses"].items()})
        self.before = {name: told[name] for name in ("wall_minutes", "cpu_minutes")}
        named = {target.name: target for target in targets(fuzzed)}
        for file in sorted(self.findings.folder.glob("*.json")):
            finding = read_finding(file)
            file.unlink()
            value = fuzzed.planted.into_value(finding["input"])
            judged(named[finding["target"]], value, finding["number"], self.findings, Tally())

    @property
    def inputs(self) -> int:
        return sum(tally.inputs for tally in self.tallies.values()) + sum(one["inputs"] for one in self.beside)

    def core(self, fuzzed: Fuzzed, rounds: int, *, told: bool) -> None:
        """All targets of this process, a little of each in every round, so that growth shows over the whole run."""
        chosen = targets(fuzzed)
        drawn = grammars(fuzzed, {target.name: target for target in chosen})
        self.statuses = fuzzed.statuses
        for turn in range(rounds):
            before = self.inputs
            for target in chosen:
                tally = self.tallies.setdefault(target.name, Tally())
                until = round(self.count * target.of_1000 / 1000 * (turn + 1) / rounds)
                for number in range(tally.inputs, until):
                    judged(target, target.at(self.seed, number), number, self.findings, tally)
            for one in drawn:
                self._draw(one, round(self.count * one.of_1000 / 1000 * (turn + 1) / rounds))
            if self.inputs == before:
                continue  # done before the run was resumed
            for fault in fuzzed.judge_public():
                self.findings.note("public", turn, fault, None)
            self.memory.look(self.inputs)
            if told:
                self._progress((turn + 1) / rounds)
            if self.results is not None and turn % 10 == 9:
                write_json(self.results, self.told(ended=False))

    def _draw(self, drawn: Drawn, until: int) -> None:
        tally = self.tallies.setdefault(drawn.name, Tally())
        while (wanted := min(ROUND, until - tally.inputs)) > 0:
            first = tally.inputs

            def taken(value: Any) -> None:
                judged(drawn.target, value, tally.inputs, self.findings, tally)

            draw(drawn, wanted, self.seed * 1_000_003 + first, taken)
            if tally.inputs == first:
                raise RuntimeError(f"the grammar {drawn.name} gives nothing")

    def others(self) -> None:
        """The parts with programs of their own, one after another."""
        for name, module, target, share in _BESIDE:
            wanted = round(self.count * share / 1000)
            if importlib.util.find_spec(_NEEDED[module]) is None:
                self.beside.append({"name": name, "inputs": 0, "not_run": f"{_NEEDED[module]} is not installed"})
                continue
            with tempfile.TemporaryDirectory(prefix="trd-cds-fuzz-") as folder:
                out = Path(folder) / "out.json"
                began = time.monotonic()
                command = [sys.executable, "-m", module, target, "--seed", str(self.seed), "--runs", str(wanted),
                           "--findings", str(self.findings.folder), "--out", str(out)]  # fmt: skip
                ended = subprocess.run(  # noqa: S603 - ours
                    command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
                )
                if not out.exists():
                    self.beside.append({"name": name, "inputs": 0, "not_run": f"ended with {ended.returncode}"})
                    self.findings.counted[name, f"the program ended with {ended.returncode}"] += 1
                    sys.stderr.write(ended.stderr[-2000:])
                    continue
                said = orjson.loads(out.read_bytes())
                for found in said.pop("findings"):
                    self.findings.counted[name, found["what"]] += found["times"]
                self.beside.append({"name": name, "seconds": round(time.monotonic() - began, 1), **said})
                _say(f"{name}: {said['inputs']:,} inputs")

    def _progress(self, share: float) -> None:
        passed, first = time.monotonic() - self.began, self.memory.rounds[0][0]
        rate = self.inputs / passed if not self.before else (self.inputs - first) / passed
        left = self.inputs * (1 - share) / share / max(rate, 1)
        _say(
            f"{self.inputs:>9,} inputs  {rate:7,.0f}/s  {left / 60:5.1f} min left  "
            f"{self.memory.rounds[-1][1]:.0f} MB  {len(self.findings.counted)} kinds of findings",
        )

    def told(self, *, ended: bool = True) -> dict[str, Any]:
        """The results as they are kept."""
        shares = {name: tally for name, tally in self.tallies.items() if tally.inputs}
        return {
            "ended": ended,
            "seed": self.seed,
            "asked": self.count,
            "inputs": self.inputs,
            "wall_minutes": round((time.monotonic() - self.began) / 60 + self.before.get("wall_minutes", 0), 1),
            "cpu_minutes": round(time.process_time() / 60 + self.before.get("cpu_minutes", 0), 1),
            "python": sys.version.split()[0],
            "engine": engine_version(),
            "knowledge": load().version,
            "targets": [
                {
                    "name": name,
                    "inputs": tally.inputs,
                    "cpu_seconds": round(tally.cpu_seconds, 1),
                    "slowest_ms": round(tally.slowest_ms, 1),
                    **({"statuses": dict(sorted(self.statuses[name].items()))} if name in self.statuses else {}),
                }
                for name, tally in shares.items()
            ]
            + self.beside,
            "memory": self.memory.told() if self.memory.rounds else None,
            "findings": self.findings.told(),
            "files": self.findings.files,
        }


def print_table(told: dict[str, Any]) -> None:
    """The results for reading."""
    _say(f"\n{'target':<28}{'inputs':>10}{'slowest ms':>12}  statuses")
    for one in told["targets"]:
        statuses = ", ".join(f"{status}: {n:,}" for status, n in one.get("statuses", {}).items())
        slowest, why = one.get("slowest_ms", 0), one.get("not_run", "")
        _say(f"{one['name']:<28}{one['inputs']:>10,}{slowest:>12.1f}  {statuses}{why}")
    _say(f"{'all':<28}{told['inputs']:>10,}   in {told['wall_minutes']} minutes; memory {told['memory']}")
    for found in told["findings"]:
        _say(f"FINDING {found['target']}: {found['what']} ({found['times']} times)")


def replay(file: Path) -> int:
    """Judge the input of a finding again and say what is wrong with it now."""
    finding = read_finding(file)
    planted = Planted.of(finding["seed"])
    with doors(load()) as opened:
        fuzzed = Fuzzed(load(), opened, planted)
        named = {target.name: target for target in targets(fuzzed)}
        named |= {drawn.name: drawn.target for drawn in grammars(fuzzed, named)}
        found = Findings(Path(tempfile.gettempdir()) / "trd-cds-fuzz-replay", finding["seed"], planted)
        value = planted.into_value(finding["input"])
        if value is None and finding["target"] in named:  # too deep to be written: made again
            value = named[finding["target"]].at(finding["seed"], finding["number"])
        faults = judged(named[finding["target"].partition(",")[0]], value, finding["number"], found, Tally())
    _say("\n".join(faults) or "nothing is wrong with it")
    return 1 if faults else 0


def small_run(seed: int, count: int, folder: Path, *, rounds: int = 1) -> Run:
    """The part of a run that needs no program of its own, for the tests."""
    planted = Planted.of(seed)
    run = Run(seed, count, Findings(folder, seed, planted), None)
    with doors(load()) as opened:
        run.core(Fuzzed(load(), opened, planted), rounds, told=False)
    return run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, or replay one finding. 0 without findings, 1 with."""
    reads = argparse.ArgumentParser(prog="python -m tests.fuzz.run")
    reads.add_argument("--seed", type=int, default=1)
    reads.add_argument("--count", type=int, default=1_000_000)
    reads.add_argument("--findings", type=Path, default=Path("build/fuzz"))
    reads.add_argument("--json", type=Path, default=RESULTS)
    reads.add_argument("--replay", type=Path)
    reads.add_argument("--resume", action="store_true", help="go on with the run whose results so far are in --json")
    reads.add_argument("--page", action="store_true", help="write docs/fuzzing.md from the results")
    asked = reads.parse_args(arguments)
    if asked.replay is not None:
        return replay(asked.replay)
    planted = Planted.of(asked.seed)
    run = Run(asked.seed, asked.count, Findings(asked.findings, asked.seed, planted), asked.json)
    with doors(load()) as opened:
        fuzzed = Fuzzed(load(), opened, planted)
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 100)  # as the service does
        if asked.resume:
            run.resume(orjson.loads(asked.json.read_bytes()), fuzzed)
        run.core(fuzzed, _ROUNDS, told=True)
    run.others()
    told = run.told()
    write_json(asked.json, told)
    if asked.page:
        write_page(told)
    print_table(told)
    memory = told["memory"]
    not_run = [one["name"] for one in told["targets"] if "not_run" in one]
    if not_run:
        _say(f"not run: {', '.join(not_run)}")
    if told["inputs"] < asked.count:
        _say(f"fewer inputs than asked for: {told['inputs']:,} of {asked.count:,}")
    bounded = memory is not None and memory["bounded"]
    return 0 if not told["findings"] and bounded and not not_run and told["inputs"] >= asked.count else 1


if __name__ == "__main__":
    sys.exit(main())
