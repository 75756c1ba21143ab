"""One silent run from end to end: its directory, its manifest, and going on where an earlier attempt ended."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from cds_hooks.clock import Clock
from cds_hooks.silent import local, parts, rejects
from cds_hooks.silent.engine import Engine, Tally, Task, Watch
from cds_hooks.silent.faults import UnusableRunError
from cds_hooks.silent.plan import RunPlan
from cds_hooks.silent.remote import find_files, hash_files
from cds_hooks.silent.tables import TABLES
from mappings.load import Knowledge

MANIFEST = "run.json"
FINISHED = "finished"
_FORMAT = 1
_DRAFT = f"{MANIFEST}.draft"
_LOCK = ".lock"
_LIBRARIES = ("duckdb", "pyarrow", "orjson")


def run_cohort(
    paths: Sequence[Path | str],
    directory: Path,
    *,
    engine: Engine,
    plan: RunPlan,
    knowledge: Knowledge,
    load: Callable[[], Knowledge],
    workers: int,
    memory: int,
    release: str,
    clock: Clock,
    watch: Watch,
    force: bool = False,
) -> Mapping[str, Any]:
    """Run, or finish an earlier run of the same input, plan and knowledge in `directory`; gives the manifest.

    `release` is the version of this program; a path may be a URL where the engine reads URLs. Raises UnusableRunError
    for unusable input, a directory that holds something else, or a run that differs and no `force`;
    RunInterruptedError when `watch` asked to stop.
    """
    _need("duckdb", "pyarrow")
    found = find_files(paths, out=directory)
    with _held(directory, force=force):
        watch.begin("bytes of input hashed", sum(file.size for file in found))
        inputs = hash_files(found, watch.step)
        manifest = _manifest(engine, plan, knowledge, release) | {
            "inputs": [{"name": file.name, "size": file.size, "sha256": file.sha256} for file in inputs],
        }
        earlier = None if force else read_manifest(directory)
        if earlier is not None:
            _compare(earlier, manifest, directory)
        if earlier is not None and earlier.get("state") == FINISHED:
            shutil.rmtree(directory / local.WORK, ignore_errors=True)
            return earlier
        started = (earlier or {}).get("times", {}).get("started") or clock.now().isoformat(timespec="seconds")
        if earlier is None:
            _clear(directory)
        _write(directory, {**manifest, "state": "running", "times": {"started": started, "finished": None}})
        task = Task(
            directory=directory,
            inputs=inputs,
            plan=plan,
            knowledge=knowledge,
            load=load,
            workers=workers,
            memory=memory,
        )
        tally = engine.run(task, watch)
        finished = {
            **manifest,
            "plan": _plan(replace(plan, kinds=tally.kinds)),
            "counts": _counts(directory, tally),
            "state": FINISHED,
            "times": {"started": started, "finished": clock.now().isoformat(timespec="seconds")},
        }
        _write(directory, finished)
        shutil.rmtree(directory / local.WORK, ignore_errors=True)
        return finished


def read_manifest(directory: Path) -> Mapping[str, Any] | None:
    """The manifest of the run in `directory`; None where there is none. Raises UnusableRunError for a broken one."""
    try:
        read = orjson.loads((directory / MANIFEST).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError):
        read = None
    if not isinstance(read, dict) or not isinstance(read.get("plan"), dict):
        raise UnusableRunError(str(directory / MANIFEST), "is no manifest of a run", "name another directory")
    return read


def _manifest(engine: Engine, plan: RunPlan, knowledge: Knowledge, release: str) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "engine": release,
        "ran": engine.name,
        "knowledge": {"version": knowledge.version, "hash": knowledge.content_hash},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in (*_LIBRARIES, *(("pyspark",) if engine.name == "spark" else ()))},
        },
        "plan": _plan(plan),
    }


def _plan(plan: RunPlan) -> dict[str, Any]:
    told = {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(plan).items()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items()}


def _compare(earlier: Mapping[str, Any], manifest: Mapping[str, Any], directory: Path) -> None:
    """Refuse to go on with a run that is not this one, naming what differs."""
    compared = ("format", "engine", "ran", "knowledge", "inputs")
    differing = [name for name in compared if earlier.get(name) != manifest[name]]
    told = {"engine": "version of trd-cds", "ran": "--engine", "format": "form of the manifest"}
    named = [told.get(name, name) for name in differing]
    before, now = dict(earlier["plan"]), dict(manifest["plan"])
    named += [f"plan.{name}" for name in now if name != "kinds" and before.get(name) != now[name]]
    if earlier.get("versions") != manifest["versions"] and earlier.get("state") != FINISHED:
        named.append("versions of Python or of a library")
    if named:
        raise UnusableRunError(
            str(directory),
            f"holds a run that differs in {', '.join(named)}",
            "name another directory with --out, or start anew with --force",
        )


def _counts(directory: Path, tally: Tally) -> dict[str, Any]:
    import pyarrow.parquet as pq  # noqa: PLC0415 - an extra that only cohorts need

    rows = dict.fromkeys(TABLES, 0)
    failed = 0
    for bucket in range(tally.buckets):
        for name in TABLES:
            rows[name] += pq.read_metadata(parts.part_of(directory, name, bucket)).num_rows
        told = pq.read_table(parts.part_of(directory, "patients", bucket), columns=["failed"])["failed"]
        failed += len(told) - told.null_count
    return {
        "lines": tally.lines,
        "resources": tally.resources,
        "withoutPatient": tally.passed,
        "rejects": dict(tally.rejects),
        "patients": rows["patients"],
        "failed": failed,
        "buckets": tally.buckets,
        "rows": rows,
    }


def _write(directory: Path, manifest: Mapping[str, Any]) -> None:
    draft = directory / _DRAFT
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(orjson.dumps(manifest, option=orjson.OPT_INDENT_2) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(directory / MANIFEST)


def _clear(directory: Path) -> None:
    """Take away what a run writes, and nothing else; the manifest first, so that a half is never taken for a whole."""
    (directory / MANIFEST).unlink(missing_ok=True)
    (directory / rejects.LIST).unlink(missing_ok=True)
    for folder in (parts.FOLDER, rejects.FOLDER, local.WORK):
        shutil.rmtree(directory / folder, ignore_errors=True)


@contextmanager
def _held(directory: Path, *, force: bool) -> Iterator[None]:
    """The directory, made where there is none, for this process alone."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        held = {one.name for one in directory.iterdir()} - {_LOCK, _DRAFT}
    except OSError as fault:
        raise UnusableRunError(str(directory), f"cannot be used ({fault.strerror})", "check the path") from None
    left = {parts.FOLDER, rejects.FOLDER, rejects.LIST, local.WORK}  # by a run that was killed while it was cleared
    if held and MANIFEST not in held and not (force and held <= left):
        raise UnusableRunError(str(directory), "is not empty and holds no run", "name another directory with --out")
    directory.chmod(0o700)
    with os.fdopen(os.open(directory / _LOCK, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as lock:
        if sys.platform != "win32":
            import fcntl  # noqa: PLC0415

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise UnusableRunError(str(directory), "is being written by another run", "wait for its end") from None
        yield


def _need(*libraries: str) -> None:
    for library in libraries:
        try:
            __import__(library)
        except ImportError:
            raise UnusableRunError(
                "cohort run", f"needs {library}, which is not installed", "install the extra: trd-cds-hooks[cohort]"
            ) from None
