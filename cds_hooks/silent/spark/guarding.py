"""What may leave a worker when something goes wrong there, and whether a worker is like the driver at all.

Spark prints the text of an exception, with everything behind it, into logs on several machines. So no exception leaves
a worker as it was: a fault that the user can mend travels as a value, any other is reduced to its class.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from cds_hooks.silent.faults import UnusableRunError
from mappings.load import Knowledge

FAULT = "fault"
_COMPARED = ("trd-cds-hooks", "duckdb", "pyarrow", "orjson")
ALIKE = "give every worker the environment of the driver"


class TaskFailedError(Exception):
    """A task failed; the message is the class of the fault, never its text."""


def guarded(found: Iterator[tuple[str, Any, Any]]) -> Iterator[tuple[str, Any, Any]]:
    """`found`, ended by a record `FAULT` where it cannot go on. Raises TaskFailedError for Spark to try again."""
    try:
        yield from found
    except UnusableRunError as fault:
        yield FAULT, 0, (fault.place, fault.fault, fault.remedy)
    except Exception as fault:
        raise TaskFailedError(type(fault).__name__) from None


def versions_here() -> dict[str, str]:
    """Versions of all that the bytes of a part may depend on."""
    found = {"python": platform.python_version()}
    for name in _COMPARED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The driver as a worker has to be: `load` gives the knowledge there, of this hash."""

    versions: Mapping[str, str]
    load: Callable[[], Knowledge]
    knowledge_hash: str

    def check(self) -> None:
        """Raises UnusableRunError when this process would come to other results than the driver."""
        here = versions_here()
        differing = [name for name, wanted in self.versions.items() if here.get(name) != wanted]
        if differing:
            raise UnusableRunError("a worker", f"has another version of {', '.join(differing)}", ALIKE)
        if self.load().content_hash != self.knowledge_hash:
            raise UnusableRunError("a worker", "has other knowledge than the driver", ALIKE)
