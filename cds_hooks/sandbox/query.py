"""What a search asks for, read from its parameters: criteria, order, page, inclusions, and the form of the
answer.

Sources of the rules: FHIR R4, Search, "Handling Errors", "Search Result Parameters" and "Paging"; the
preference ``handling`` of FHIR R4, RESTful API. Without it an unknown parameter is ignored, and missing from
the self link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cds_hooks.sandbox import paging
from cds_hooks.sandbox.criteria import Criterion, Place, criterion
from cds_hooks.sandbox.faults import InvalidRequest, UnknownParameter
from cds_hooks.sandbox.inclusion import Inclusion
from cds_hooks.sandbox.parameters import SEARCHABLE, SearchParameter

Pairs = tuple[tuple[str, str], ...]

_FORM = ("_format", "_pretty")
_HANDLING = re.compile(r"(?:^|[,;\s])handling\s*=\s*\"?strict", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of the order: a parameter and its direction."""

    parameter: SearchParameter
    descending: bool


@dataclass(frozen=True, slots=True)
class Query:
    """A search over resources of one type.

    `count` is the largest number of matches on a page, `offset` that of the matches on the pages before,
    `elements` the top-level elements wanted (None: all), `used` the parameters taken into account, without
    the page.
    """

    kind: str
    criteria: tuple[Criterion, ...]
    order: tuple[SortKey, ...]
    inclusions: tuple[Inclusion, ...]
    count: int
    offset: int
    only_total: bool
    elements: frozenset[str] | None
    used: Pairs

    def within_patient(self, patient_id: str, place: Place) -> Query:
        """The same search over the compartment of one patient; the links, whose address names it, stay as
        they are.
        """
        owner = criterion(self.kind, "patient", f"Patient/{patient_id}", place)
        return replace(self, criteria=(owner, *self.criteria))


def is_strict(headers: Mapping[str, str]) -> bool:
    """Whether the client prefers an error to an ignored parameter."""
    return _HANDLING.search(headers.get("prefer", "")) is not None


def read_query(kind: str, pairs: Iterable[tuple[str, str]], place: Place, *, strict: bool, page_size: int) -> Query:
    """The search over `kind` that `pairs` of parameter names and values ask for.

    Raises InvalidRequest for a value or modifier that cannot be used, and UnknownParameter, when `strict`,
    for a parameter that is not offered.
    """
    reader = _Reader(kind, place, page_size)
    for name, value in pairs:
        try:
            reader.take(name, value)
        except UnknownParameter:
            if strict:
                raise
    return reader.query()


class _Reader:
    """Collects the parts of a Query, parameter by parameter."""

    def __init__(self, kind: str, place: Place, page_size: int) -> None:
        self.kind = kind
        self.place = place
        self.count = page_size
        self.offset = 0
        self.only_total = False
        self.criteria: list[Criterion] = []
        self.order: list[SortKey] = []
        self.inclusions: list[Inclusion] = []
        self.elements: set[str] = set()
        self.used: list[tuple[str, str]] = []

    def take(self, name: str, value: str) -> None:
        if name in _FORM:
            return
        if not value.strip(" ,"):
            self._refuse_empty(name)
        match name:
            case "_page":
                self.offset = paging.read_offset(value)
                return
            case "_count":
                self.count = paging.read_count(value)
            case "_sort":
                self.order += [self._sort_key(key) for key in value.split(",") if key]
            case "_summary":
                self._summary(value)
            case "_total":
                _one_of(name, value, "none", "estimate", "accurate")
            case "_elements":
                self.elements |= {part.strip() for part in value.split(",")}
            case "_include" | "_revinclude" | "_include:iterate" | "_revinclude:iterate":
                self.inclusions.append(Inclusion.parse(name, value))
            case _ if name.startswith(("_include:", "_revinclude:", "_sort:")):
                raise InvalidRequest("This modifier is not offered on a result parameter.", code="not-supported")
            case _:
                self.criteria.append(criterion(self.kind, name, value, self.place))
        self.used.append((name, value))

    def query(self) -> Query:
        return Query(
            kind=self.kind,
            criteria=tuple(self.criteria),
            order=tuple(self.order),
            inclusions=tuple(self.inclusions),
            count=self.count,
            offset=self.offset,
            only_total=self.only_total or self.count == 0,
            elements=frozenset(self.elements) if self.elements else None,
            used=tuple(self.used),
        )

    def _refuse_empty(self, name: str) -> None:
        """An empty reference or id, as a template leaves it that was not filled in, must not mean "of any
        patient".
        """
        bare = name.partition(".")[0].partition(":")[0]
        parameter = SEARCHABLE[self.kind].get(bare)
        if parameter is not None and (parameter.kind == "reference" or parameter.name == "_id"):
            raise InvalidRequest(
                "A parameter that names a resource has no value; give one, or leave the parameter out.",
                where=parameter.name,
                code="value",
            )
        raise UnknownParameter("A search parameter has no value; give one, or leave the parameter out.")

    def _sort_key(self, key: str) -> SortKey:
        parameter = SEARCHABLE[self.kind].get(key.removeprefix("-").strip())
        if parameter is None:
            raise UnknownParameter(
                f"{self.kind} cannot be sorted by this; sort by a search parameter that /metadata lists.",
                where="_sort",
            )
        return SortKey(parameter, key.startswith("-"))

    def _summary(self, value: str) -> None:
        _one_of("_summary", value, "true", "text", "data", "count", "false")
        if value not in ("count", "false"):
            raise UnknownParameter("Of the summaries only count is offered.", where="_summary")
        self.only_total = value == "count"


def _one_of(name: str, value: str, *permitted: str) -> None:
    if value not in permitted:
        raise InvalidRequest(f"{name} takes one of: {', '.join(permitted)}.", where=name, code="value")
