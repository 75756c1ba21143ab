"""What to ask a FHIR server for: ``searches.yaml`` as values, and the order in which variants are tried.

Pure: no request is made here. A CapabilityStatement orders the variants and forbids none, because statements leave out
what servers do all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from types import MappingProxyType
from urllib.parse import quote

from cds_hooks.ehr.capability import Capability
from cds_hooks.ehr.search_schema import (
    CODES,
    PatientForm,
    SearchFile,
    UsedBy,
    Wait,
    WrittenSearch,
    WrittenVariant,
    placeholders,
)
from mappings.strict_yaml import KnowledgeError, read_model

FILE = "searches.yaml"
# Some servers and proxies cut addresses at 2 kB: longer searches go by POST.
LONGEST_ADDRESS = 1_900
# Characters a list may have in an address, percent-encoded: 500 are left for the base, the patient, the window and
# the page size. `SHORT` is for a server that refuses the usual length and POST as well.
ROOM = LONGEST_ADDRESS - 500
SHORT = 400
# Ids of one search; more make an answer of several pages.
_IDS_AT_ONCE = 30
_SPECIAL = re.compile(r"([\\,|$])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What one kind of data is asked by: `codes` as ``system|code``, `since` the first day of a window, `ids` of
    resources that others refer to. All of it comes from the knowledge and from what was read.
    """

    codes: tuple[str, ...] = ()
    since: date | None = None
    ids: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request: a search by `parameters`, or the read of `identifier` when that is not empty.

    `since` is applied after reading as well (`windows.within`): a server may know no such parameter and ignore it.
    """

    resource_type: str
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    since: date | None = None
    identifier: str = field(default="", repr=False)

    def including(self, include: Sequence[str]) -> Request:
        """The same search with what it shall bring along; a read stays what it is."""
        if self.identifier or not include:
            return self
        parameters = MappingProxyType({**self.parameters, "_include": include[0]})
        return Request(resource_type=self.resource_type, parameters=parameters, since=self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to ask for a kind of data.

    `narrows` is what an answer by it leaves out, empty for nothing. The other attributes are those of the file.
    """

    id: str
    narrows: str
    resource_type: str
    parameters: Mapping[str, str]
    read: str
    each: tuple[str, ...]
    only_listed: bool
    source: str
    count: int

    def requests(self, patient_id: str, form: PatientForm, needs: Wanted, *, room: int = ROOM) -> tuple[Request, ...]:
        """All requests of the variant; their answers together are one. `room` bounds each list of codes or ids.

        Raises ValueError when the variant asks by codes or ids and `needs` names none: a caller that forgot them
        must not get an empty answer.
        """
        if self.read:
            ids = (patient_id,) if self.read == "{patient_id}" else needs.ids
            if not ids:
                raise ValueError("a read needs an id")
            return tuple(Request(resource_type=self.resource_type, identifier=one) for one in ids)
        known = {
            "patient": _escaped(patient_id) if form == "bare" else f"Patient/{_escaped(patient_id)}",
            "patient_reference": f"Patient/{_escaped(patient_id)}",
            "patient_id": _escaped(patient_id),
        }
        if needs.since is not None:
            known["since"] = needs.since.isoformat()
        return tuple(
            self._request({**known, **listed, "each": value}, needs.since)
            for listed in self._lists(needs, room)
            for value in self.each or ("",)
        )

    def _lists(self, needs: Wanted, room: int) -> Iterator[Mapping[str, str]]:
        """The values of the placeholder that takes a list, one mapping for each list; one empty mapping without it."""
        used = frozenset(name for text in self.parameters.values() for name in placeholders(text))
        for name in sorted(used & (CODES | {"ids"})):
            lists = _LISTED[name](needs, room)
            if not lists:
                raise ValueError(f"the search asks by {name}, and none are given")
            yield from ({name: one} for one in lists)
            return
        yield {}

    def _request(self, known: Mapping[str, str], since: date | None) -> Request:
        filled = {
            name: text.format_map(known)
            for name, text in self.parameters.items()
            if "since" in known or "since" not in placeholders(text)
        }
        parameters = MappingProxyType({**filled, "_count": str(self.count)})
        return Request(resource_type=self.resource_type, parameters=parameters, since=since)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How one kind of data is asked for; ``searches.yaml`` says what the attributes mean and has the order."""

    key: str
    resource_type: str
    wait: Wait
    used_by: UsedBy
    include: tuple[str, ...]
    variants: tuple[Variant, ...]


@cache
def searches() -> Mapping[str, Search]:
    """All searches by key. Raises ValueError, with file and place, when the file was spoiled."""
    with as_file(files(__package__).joinpath(FILE)) as path:
        try:
            written = read_model(path, FILE, SearchFile)
        except KnowledgeError as error:
            raise ValueError(
                f"{error.file}: {error.place}: {error.problem}; restore the file from the release"
            ) from error
    return MappingProxyType({key: _search(key, one, written.count) for key, one in written.searches.items()})


def require_variants(stated: Mapping[str, str]) -> None:
    """Raise ValueError unless `stated`, variant by search, names only what there is: for what an operator writes."""
    for key, name in stated.items():
        if key not in searches():
            raise ValueError(f"there is no search {key!r}; use one of {', '.join(sorted(searches()))}")
        there = [variant.id for variant in searches()[key].variants]
        if name not in there:
            raise ValueError(f"the search {key} has no variant {name!r}; use one of {', '.join(there)}")


def ordered(search: Search, capability: Capability | None, first: str | None, known: str | None) -> tuple[Variant, ...]:
    """The variants of `search` in the order to try them.

    `first` is what the operator stated for the client, `known` what worked with the server before: in this order they
    come before all others, since an operator may know that the server answers the others with an empty list. What the
    server's statement lists comes before what it does not, but never a narrowing variant before a full one that the
    file puts first.
    """
    listed = capability.searches.get(search.resource_type, frozenset()) if capability is not None else frozenset()
    ranked: list[tuple[tuple[int, int, int], Variant]] = []
    run = 0
    for variant in search.variants:
        run += bool(variant.narrows)
        stands = bool(listed) and not variant.read and listed >= variant.parameters.keys()
        stated = next((place for place, name in enumerate((first, known)) if name == variant.id), None)
        if stated is not None:
            ranked.append(((0, stated, 0), variant))
        elif stands or not variant.only_listed:
            # A read needs no parameter, so a statement says nothing about its place.
            ranked.append(((1, run, int(not (stands or variant.read))), variant))
        run += bool(variant.narrows)
    return tuple(variant for _, variant in sorted(ranked, key=lambda one: one[0]))


def code_lists(codes: Sequence[str], room: int) -> tuple[str, ...]:
    """`codes` as comma lists of at most `room` characters in an address, as few as it takes; a code longer than that
    stands alone.

    >>> code_lists(["a|1", "a|2", "a|3"], 15)
    ('a|1,a|2', 'a|3')
    """
    lists: list[str] = []
    length = 0
    for code in codes:
        size = len(quote(code, safe=""))
        if lists and length + size + _COMMA <= room:
            lists[-1] += f",{code}"
            length += size + _COMMA
        else:
            lists.append(code)
            length = size
    return tuple(lists)


# A comma takes three characters in an address.
_COMMA = len(quote(",", safe=""))


def _escaped(identifier: str) -> str:
    """`identifier` as one value of a search, by the escapes of FHIR R4: a comma in it must not mean two patients."""
    return _SPECIAL.sub(r"\\\1", identifier)


def _bare(needs: Wanted, room: int) -> tuple[str, ...]:
    return code_lists(list(dict.fromkeys(code.partition("|")[2] or code for code in needs.codes)), room)


def _ids(needs: Wanted, room: int) -> tuple[str, ...]:
    written = [_escaped(one) for one in needs.ids]
    parts = (written[start : start + _IDS_AT_ONCE] for start in range(0, len(written), _IDS_AT_ONCE))
    return tuple(listed for part in parts for listed in code_lists(part, room))


def _coded(needs: Wanted, room: int) -> tuple[str, ...]:
    return code_lists(needs.codes, room)


_LISTED = MappingProxyType({"codes": _coded, "bare_codes": _bare, "ids": _ids})


def _search(key: str, written: WrittenSearch, count: int) -> Search:
    return Search(
        key=key,
        resource_type=written.resource_type,
        wait=written.wait,
        used_by=written.used_by,
        include=written.include,
        variants=tuple(_variant(one, written.resource_type, count) for one in written.variants),
    )


def _variant(written: WrittenVariant, resource_type: str, count: int) -> Variant:
    return Variant(
        id=written.id,
        narrows=written.narrows or "",
        resource_type=resource_type,
        parameters=MappingProxyType(dict(written.parameters or {})),
        read=written.read or "",
        each=written.each,
        only_listed=written.only_listed,
        source=written.source,
        count=count,
    )
