"""The interface of an engine: it groups an export by patient, judges each, and writes the tables of a run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cds_hooks.silent.grouping import Counted
from cds_hooks.silent.inputs import InputFile, kinds_named
from cds_hooks.silent.plan import RunPlan
from mappings.load import Knowledge


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One run. `plan.kinds` is empty: the engine fills it in when it knows the export.

    `load` gives the knowledge to another process, where it has to be the same by its hash; `workers` processes (0: as
    the engine finds cores) and `memory` bytes in all are what it may use. Neither they nor the engine change a result.
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


def tally_of(
    counted: Sequence[Counted],
    inputs: Sequence[InputFile],
    *,
    known: Collection[str],
    buckets: int,
    rejects: Mapping[str, int],
) -> Tally:
    """What the pieces of an input held, together. `known` are the resource types that the reasoning reads."""
    kinds = kinds_named(inputs, known) | {kind for one in counted for kind in one.types if kind in known}
    return Tally(
        kinds=tuple(sorted(kinds)),
        lines=sum(sum(one.lines.values()) for one in counted),
        resources=sum(one.resources for one in counted),
        passed=sum(one.passed for one in counted),
        buckets=buckets,
        rejects=rejects,
    )


class Filled:
    """How many `resources`, and bytes of them (`weights`), went into each bucket."""

    def __init__(self, buckets: int) -> None:
        self.resources, self.weights = [0] * buckets, [0] * buckets

    def take(self, counted: Counted) -> None:
        """Add what a piece put into its buckets, and take it out of `counted`.

        Pieces and buckets both grow with the input: kept for each piece, these counts would grow with its square.
        """
        while counted.buckets:
            bucket, (many, weight) = counted.buckets.popitem()
            self.resources[bucket] += many
            self.weights[bucket] += weight


class Onlooker(Protocol):
    """Who looks on: is told how far something is."""

    def begin(self, label: str, length: int) -> None:
        """A phase of `length` steps begins."""
        ...

    def step(self, steps: int) -> None:
        """So many steps are done."""
        ...


class Watch(Onlooker, Protocol):
    """Who looks on and may ask a run to stop."""

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
