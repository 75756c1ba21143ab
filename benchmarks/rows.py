"""What a measurement leaves behind: samples, and rows of a table, each with its target and whether it was met."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

Met = Literal["met", "missed", "told", "not shown"]
_TOLD_VERSIONS = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "orjson", "duckdb", "pyarrow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table. `figures` are the numbers behind `measured`, for the JSON and the charts.

    `met`: "told" is a row without a target of its own; "not shown" one that this run was too small, or lacked
    something, to tell.
    """

    id: str
    work: str
    against: str
    target: str
    measured: str
    met: Met
    figures: dict[str, Any] = field(default_factory=dict)
    note: str = ""


def percentile(times: Sequence[float], share: float) -> float:
    """The nearest-rank percentile."""
    return sorted(times)[max(0, math.ceil(share * len(times)) - 1)]


@dataclass(frozen=True, slots=True)
class Rounds:
    """One figure of several rounds: its median is what counts, its extremes tell how steady the machine was."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the rounds."""
        return statistics.median(self.values)

    def over(self, other: Rounds) -> Rounds:
        """Round by round against `other`, measured right before or after it."""
        return Rounds(tuple(mine / theirs for mine, theirs in zip(self.values, other.values, strict=True)))

    def told(self, form: str = ".2f") -> str:
        """Median and extremes in words."""
        return f"{self.median:{form}} ({min(self.values):{form}} to {max(self.values):{form}})"

    def figures(self) -> dict[str, Any]:
        """For the JSON."""
        return {"median": self.median, "rounds": list(self.values)}


def verdict(value: float, bound: float, *, at_least: bool = False) -> Met:
    """Whether `value` keeps to `bound`."""
    return "met" if (value >= bound if at_least else value <= bound) else "missed"


def machine() -> dict[str, Any]:
    """What the figures were taken on; nothing that names the machine or its owner."""
    model = platform.machine()
    for line in _lines(Path("/proc/cpuinfo")):
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = 0
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemTotal"):
            memory = int(line.split()[1]) // 2**20
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "memory_gib": memory,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.system(),
        "libraries": {name: version(name) for name in _TOLD_VERSIONS},
    }


def load_average() -> float:
    """How many processes wanted to run during the last minute: more than ours is other people's work."""
    return os.getloadavg()[0]


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []
