"""Resources that come along with the matches: ``_include`` follows references forwards, ``_revinclude``
backwards.

Source of the rules: FHIR R4, Search, "Including other resources in result".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cds_hooks.sandbox.criteria import Place, reference_values
from cds_hooks.sandbox.faults import UnknownParameter
from cds_hooks.sandbox.parameters import SEARCHABLE, SearchParameter, reference_parameters
from cds_hooks.sandbox.references import Local, key_of, local
from cds_hooks.sandbox.store import Held

_DEPTH = 4
"""How often ``:iterate`` is followed: a guard against chains that never end, far above what occurs."""


@dataclass(frozen=True, slots=True)
class Inclusion:
    """One ``_include`` or ``_revinclude``.

    `source` is the type that holds the references (None: any), `parameters` the names followed in each type,
    `target` the type they must lead to (None: any).
    """

    source: str | None
    name: str | None
    target: str | None
    reverse: bool
    iterate: bool

    @classmethod
    def parse(cls, parameter: str, value: str) -> Inclusion:
        """Read ``Type:parameter``, ``Type:parameter:Target``, ``Type:*`` or ``*``; else UnknownParameter."""
        reverse, iterate = parameter.startswith("_revinclude"), parameter.endswith(":iterate")
        if value == "*" and not reverse:
            return cls(None, None, None, reverse, iterate)
        source, _, rest = value.partition(":")
        name, _, target = rest.partition(":")
        known = {one.name for one in reference_parameters(source)}
        if name not in known and not (name == "*" and known):
            raise UnknownParameter(
                "This cannot be included: give a type and one of its reference parameters, as /metadata lists them.",
                where="_revinclude" if reverse else "_include",
            )
        return cls(source, None if name == "*" else name, target or None, reverse, iterate)

    def follow(self, held: Held, place: Place) -> Iterator[Held]:
        """What this brings along for one resource."""
        return self._backwards(held, place) if self.reverse else self._forwards(held, place)

    def _parameters(self, kind: str) -> list[SearchParameter]:
        return reference_parameters(kind) if self.name is None else [SEARCHABLE[kind][self.name]]

    def _forwards(self, held: Held, place: Place) -> Iterator[Held]:
        if self.source not in (None, held.kind):
            return
        for parameter in self._parameters(held.kind):
            for reference in reference_values(parameter, held.document):
                target = local(reference, place.base)
                found = place.store.find(*target) if target else None
                if found is not None and _leads_to(parameter, self.target, found):
                    yield found

    def _backwards(self, held: Held, place: Place) -> Iterator[Held]:
        here = Local(held.kind, held.id)
        if self.source is None or self.target not in (None, held.kind):
            return
        parameters = [one for one in self._parameters(self.source) if _leads_to(one, None, held)]
        for other in place.store.referring_to([key_of(here)], self.source):
            values = (value for one in parameters for value in reference_values(one, other.document))
            if any(local(value, place.base) == here for value in values):
                yield other


def included(matches: Iterable[Held], inclusions: tuple[Inclusion, ...], place: Place) -> list[Held]:
    """What `inclusions` bring along for the matches of a page, each resource once and none that is itself a
    match.
    """
    frontier = list(matches)
    seen = {(held.kind, held.id) for held in frontier}
    found: list[Held] = []
    for round_ in range(_DEPTH):
        fresh: list[Held] = []
        for inclusion in inclusions:
            if round_ and not inclusion.iterate:
                continue
            for held in frontier:
                for other in inclusion.follow(held, place):
                    if (other.kind, other.id) not in seen:
                        seen.add((other.kind, other.id))
                        fresh.append(other)
        found += fresh
        frontier = fresh
        if not fresh:
            break
    return found


def _leads_to(parameter: SearchParameter, target: str | None, held: Held) -> bool:
    return target in (None, held.kind) and (not parameter.targets or held.kind in parameter.targets)
