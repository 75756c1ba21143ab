"""Metrics of several worker processes: each keeps its numbers in files of one directory, whoever is asked adds them up.

This is the multiprocess mode of prometheus-client, which that library settles when it is first imported: so nothing
here imports it. Counters and histograms of a worker that died stay (they must not fall); its gauges are taken away.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"


def prepare_multiprocess(directory: Path) -> None:
    """Let the worker processes started from now on share their metrics through `directory`.

    Call it once in the parent, before the workers start: they take it over from the environment. The directory is made
    for the owner alone where it does not exist, and files of an earlier run are removed, so that numbers start at 0.
    OSError when it cannot be made or written.
    """
    directory.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    for left in directory.glob("*.db"):
        left.unlink()
    os.environ[DIRECTORY] = str(directory)


def shared_directory() -> Path | None:
    """Where the workers share their metrics; None in a process that is alone."""
    named = os.environ.get(DIRECTORY)
    return Path(named) if named else None


def dead_workers(directory: Path) -> Iterator[int]:
    """The process ids of workers that left gauges in `directory` and live no longer."""
    for pid in sorted({int(file.stem.rpartition("_")[2]) for file in directory.glob("gauge_live*_*.db")}):
        if not _lives(pid):
            yield pid


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
