"""The knowledge whose numbers have histories, and what of it applies on one day.

Between two effective dates nothing changes, so what applies is worked out once for each such stretch of days.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType

from pydantic import BaseModel

from mappings.definition_schema import Definition, DefinitionFile, Reconstruction, ReconstructionFile
from mappings.instrument_schema import Instrument, InstrumentFile
from mappings.values import DatedValue


@dataclass(frozen=True, slots=True)
class Applied:
    """Definitions, reconstruction parameters and rating scales with the numbers of one stretch of days."""

    definitions: Mapping[str, Definition]
    reconstruction: Reconstruction
    instruments: Mapping[str, Instrument]


@dataclass(frozen=True)
class DatedFiles:
    """Definitions, reconstruction parameters and rating scales as written, with their histories."""

    definitions: Mapping[str, DefinitionFile]
    reconstruction: ReconstructionFile
    instruments: Mapping[str, InstrumentFile]
    _known: dict[int, Applied] = field(default_factory=dict, init=False, repr=False, compare=False)

    def on(self, day: date) -> Applied:
        """What applies on `day`."""
        stretch = bisect_right(self._changes, day)
        if stretch not in self._known:
            self._known[stretch] = Applied(
                MappingProxyType({key: one.on(day) for key, one in self.definitions.items()}),
                self.reconstruction.on(day),
                MappingProxyType({key: one.on(day) for key, one in self.instruments.items()}),
            )
        return self._known[stretch]

    @property
    def latest(self) -> Applied:
        """What applies once every value written has taken effect."""
        return self.on(date.max)

    @cached_property
    def _changes(self) -> list[date]:
        """Every effective date, in order."""
        files = (*self.definitions.values(), self.reconstruction, *self.instruments.values())
        return sorted({day for _, value in histories(files) for day in value.values})


def histories(value: object, place: str = "") -> Iterator[tuple[str, DatedValue]]:
    """Every history of values inside `value`, with its dotted place."""
    if isinstance(value, DatedValue):
        yield place or "top level", value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from histories(getattr(value, name), f"{place}.{name}" if place else name)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from histories(inner, f"{place}.{key}" if place else str(key))
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from histories(inner, f"{place}.{number}" if place else str(number))
