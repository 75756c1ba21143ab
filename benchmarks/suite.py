"""All measurements against their floors and peers, as a table, as JSON and in docs/performance.md.

    python -m benchmarks.suite [--quick] [--only GROUP,...] [--json FILE] [--page] [--without-peer]
                               [--rounds N] [--seconds S] [--cohorts 10000,50000,200000] [--cohort-inputs DIR]
                               [--preliminary WHY]
    python -m benchmarks.suite --render FILE      # the page and its charts once more from earlier results

Exit status 1 when a target is missed; with --quick, which only shows that everything still runs, never for that. With
--only, the groups left out keep what the JSON file holds of an earlier run.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import peer_server, report
from benchmarks.bulk_rows import bulk_rows
from benchmarks.cohort_rows import QUICK_SIZES, SIZES, cohort_rows
from benchmarks.corpora import history, knowledge, no_concern
from benchmarks.crowd_rows import crowd_rows
from benchmarks.load_generator import require_wrk
from benchmarks.order_rows import Pace, kept_row, order_rows, say
from benchmarks.process_rows import process_rows
from benchmarks.pull_rows import pull_rows
from benchmarks.rows import Row, load_average, machine
from benchmarks.size_rows import size_rows
from benchmarks.stages import profile
from cds_hooks.app import engine_version

RESULTS = Path(__file__).with_name("results") / "latest.json"
_FULL, _QUICK = Pace(rounds=7, seconds=4), Pace(rounds=1, seconds=1, quick=True)
_STAGES = "stages"


def main() -> None:
    """Measure what was asked for, tell it, and end with 1 when a target is missed."""
    given = _arguments()
    if given.render is not None:
        _page(json.loads(given.render.read_text(encoding="utf-8")))
        return
    require_wrk()
    if not given.without_peer and "order" in given.only:
        try:
            peer_server.make_peer()
        except peer_server.NoPeerError as fault:
            raise SystemExit(
                f"The peer cannot be installed: {fault}\nLeave it out with --without-peer; its row then says so."
            ) from None
    results = _measured(given)
    print(report.terminal(results))
    if given.page:
        _page(results)
    fell_short = report.missed(results)
    print(f"\n{len(fell_short)} targets missed" + "".join(f"\n  {one}" for one in fell_short))
    sys.exit(1 if fell_short and not given.quick else 0)


def _measured(given: argparse.Namespace) -> dict[str, Any]:
    usual = _QUICK if given.quick else _FULL
    pace = Pace(given.rounds or usual.rounds, given.seconds or usual.seconds, given.quick)
    works: dict[str, Callable[[], Sequence[Row]]] = {
        "order": lambda: order_rows(pace, with_peer=not given.without_peer),
        "kept": lambda: [kept_row(pace)],
        "sizes": lambda: size_rows(pace),
        "pull": lambda: pull_rows(pace),
        "crowd": lambda: crowd_rows(pace),
        "process": lambda: process_rows(pace),
        "cohort": lambda: cohort_rows(given.cohorts, inputs=given.cohort_inputs),
        "bulk": lambda: bulk_rows(given.cohorts, inputs=given.cohort_inputs, quick=given.quick),
    }
    assert list(works) == list(report.GROUPS)
    results = _earlier(given.json) if set(given.only) != {*works, _STAGES} else {}
    groups: dict[str, Any] = dict(results.get("groups", {}))
    profiles: list[dict[str, Any]] = list(results.get("stages", []))
    told = {
        "machine": machine(),
        "engine": engine_version(),
        "knowledge": knowledge().version,
        "preliminary": "one short round, which only shows that everything runs" if given.quick else given.preliminary,
        "groups": groups,
        "stages": profiles,
    }
    for name in given.only:
        if name == _STAGES:
            continue
        before = load_average()
        say(f"== {report.GROUPS[name]} (load average {before:.1f})")
        groups[name] = {"load_before": before, "rows": [dataclasses.asdict(row) for row in works[name]()]}
        _keep(told, given.json)
    if _STAGES in given.only:
        say("== Stages")
        seconds = 1.0 if given.quick else 20.0
        profiles[:] = [dataclasses.asdict(profile(one, seconds=seconds)) for one in (history(), no_concern())]
        _keep(told, given.json)
    return told


def _keep(results: Mapping[str, Any], file: Path) -> None:
    """Write down what there is so far: a run takes long, and what is measured is not lost when it is stopped."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _earlier(file: Path) -> Mapping[str, Any]:
    """What an earlier run left; nothing where it was on another machine or other software."""
    if not file.exists():
        return {}
    read: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    if read["machine"] != machine():
        raise SystemExit(f"{file} was taken on another machine or other libraries: name another file, or take all")
    return read


def _page(results: Mapping[str, Any]) -> None:
    try:
        from benchmarks.charts import write_charts  # noqa: PLC0415 - matplotlib, for the charts only
    except ImportError:
        raise SystemExit("The charts need matplotlib: make bench installs it") from None
    report.write_page(results)
    for file in write_charts(results, report.CHARTS):
        say(f"written: {file.name}")


def _arguments() -> argparse.Namespace:
    groups = (*report.GROUPS, _STAGES)
    parser = argparse.ArgumentParser(description="All measurements, against their floors and peers.")
    parser.add_argument("--quick", action="store_true", help="one short round of everything: does it still run?")
    parser.add_argument("--only", type=_listed, default=groups, metavar="GROUP,...", help=f"of {', '.join(groups)}")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="where the figures go")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md and its charts")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"of each kind of load, {_FULL.rounds}")
    parser.add_argument("--seconds", type=int, metavar="S", help=f"of each round, {_FULL.seconds}")
    parser.add_argument("--without-peer", action="store_true", help="leave the peer out, and say so")
    parser.add_argument("--cohorts", type=_numbers, metavar="N,...", help="sizes of the synthetic cohorts")
    parser.add_argument("--cohort-inputs", type=Path, metavar="DIR", help="where they are made, and kept")
    parser.add_argument("--preliminary", default="", metavar="WHY", help="mark the figures as not final")
    parser.add_argument("--render", type=Path, metavar="FILE", help="only write the page from these figures")
    given = parser.parse_args()
    if unknown := set(given.only) - set(groups):
        parser.error(f"no such group: {', '.join(sorted(unknown))}")
    given.cohorts = given.cohorts or (QUICK_SIZES if given.quick else SIZES)
    return given


def _listed(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


if __name__ == "__main__":
    main()
