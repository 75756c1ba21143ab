"""The interface of an engine: it groups an export by patient, judges each, and writes the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cds_hooks.silent.inputs import InputFile
from cds_hooks.silent.plan import RunPlan
from mappings.load import Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run. `plan.kinds` is empty: the engine fills it in when it knows the export.

    `load` gives the knowledge to another process, where it has to be the same by its hash; `workers` processes and
    `memory` bytes in all are what the engine may use. Neither they nor the engine change a result.
    """

    directory: Path
    inputs: tuple[InputFile, ...]
    plan: RunPlan
    knowledge: Knowledge
    load: Callable[[], Knowledge]
    workers: int
    memory: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the input was. `resources` name a patient; `passed` name none and are not read; `rejects` by kind of fault.

    `kinds` are the resource types that the export holds, by name or content of its files; `buckets` the parts of each
    table.
    """

    kinds: tuple[str, ...]
    lines: int
    resources: int
    passed: int
    buckets: int
    rejects: Mapping[str, int] = field(default_factory=dict)


class Watch(Protocol):
    """Who looks on: is told how far a run is, and may ask it to stop."""

    def begin(self, label: str, length: int) -> None:
        """A phase of `length` steps begins."""
        ...

    def step(self, steps: int) -> None:
        """So many steps are done."""
        ...

    def stop_asked(self) -> bool:
        """Whether the run should end as soon as it can be resumed from there."""
        ...


class Engine(Protocol):
    """`run` writes ``tables/``, ``rejects.ndjson`` and ``rejects/`` below the directory of the task.

    Called again after any end, it goes on where it was; the files are the same as those of an unbroken run. Raises
    RunInterruptedError when asked to stop and UnusableRunError when the input cannot be read.
    """

    @property
    def name(self) -> str:
        """What the manifest calls it."""
        ...

    def run(self, task: Task, watch: Watch) -> Tally:
        """The whole run, or the rest of it."""
        ...
