"""A site's own codes in the indexes of the knowledge: flowsheet rows, medications, entries of the order catalogue.

A local system is known by its URI, which is its short name as well; a system of the knowledge keeps its own short
name, so procedure codes that may not be shipped can be given under their proper system.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from mappings.dated import DatedFiles
from mappings.products import ProductRow, Strength
from mappings.schema import Code, CodeSet, PrefetchCode
from mappings.site_schema import LocalCode, LocalMedication, LocalOrder, LocalScale, SiteCodes
from mappings.strict_yaml import KnowledgeError

if TYPE_CHECKING:
    from mappings.load import Knowledge

FILE = "site/codes.yaml"
Place = tuple[str, LocalCode]


def with_local_codes(known: Knowledge, codes: SiteCodes) -> Knowledge:
    """The knowledge with `codes` in its indexes; raises KnowledgeError for a code that means nothing or two things."""
    places: list[Place] = [
        *((f"scales.{number}", scale) for number, scale in enumerate(codes.scales)),
        *((f"medications.{number}", drug) for number, drug in enumerate(codes.medications)),
        *((f"orders.{number}", order) for number, order in enumerate(codes.orders)),
    ]
    known = _with_systems(known, (entry.system for _, entry in places))
    _unambiguous(known, places)
    known = _with_scales(known, codes.scales)
    known = _with_products(known, codes)
    return _with_procedures(known, codes.orders)


def _with_systems(known: Knowledge, uris: Iterable[str]) -> Knowledge:
    new = {uri: (uri,) for uri in dict.fromkeys(uris) if known.system_of(uri) is None}
    return known.with_systems(new)


def _short(known: Knowledge, entry: LocalCode) -> str:
    return known.system_of(entry.system) or entry.system


def _unambiguous(known: Knowledge, places: Iterable[Place]) -> None:
    seen: set[tuple[str, str]] = set()
    for place, entry in places:
        key = (_short(known, entry), entry.code)
        if key in seen:
            raise KnowledgeError(FILE, place, "this code is mapped twice", "keep one of the two")
        seen.add(key)
        if _packaged(known, *key):
            raise KnowledgeError(FILE, place, "the knowledge already knows this code", "remove the entry")


def _packaged(known: Knowledge, system: str, code: str) -> bool:
    products: Mapping[str, Mapping[str, object]] = {
        "rxnorm": known.products.rxnorm,
        "atc": known.products.atc,
        "snomed": known.products.snomed,
    }
    table = known.products.ndc if system == "ndc" else products.get(system, {})
    scales = (one for instrument in known.written.instruments.values() for one in _codes_in(instrument))
    kinds = (code_set for kind in known.procedures.kinds for code_set in kind.code_sets)
    return code in table or (system, code) in scales or any(one.system == system and code in one.exact for one in kinds)


def _codes_in(value: Any) -> set[tuple[str, str]]:
    """Every single code listed inside a model."""
    if isinstance(value, Code):
        return {(value.system, value.code)}
    if isinstance(value, BaseModel):
        return set().union(*(_codes_in(getattr(value, field)) for field in type(value).model_fields))
    return set().union(*map(_codes_in, value)) if isinstance(value, tuple) else set()


def _with_scales(known: Knowledge, scales: tuple[LocalScale, ...]) -> Knowledge:
    """Beside each code that a local one stands for: in scales and measures, and in what is asked for at order entry."""
    instruments, measures = known.written.instruments, known.clinical.measures
    listed = set().union(*(_codes_in(one) for one in instruments.values()))
    measured = set().union(*(_codes_in(one) for one in measures.values()))
    asked = {(one.system, one.code) for one in known.prefetch.scales}
    same: dict[tuple[str, str], list[Code]] = {}
    for number, scale in enumerate(scales):
        meant = (scale.means.system, scale.means.code)
        if meant not in listed | asked | measured:
            raise KnowledgeError(
                FILE,
                f"scales.{number}.means",
                f"no scale of the knowledge has the code {scale.means.system} {scale.means.code}",
                "name a total, panel or item of a file in instruments, or a code of measures.yaml",
            )
        same.setdefault(meant, []).append(Code(system=_short(known, scale), code=scale.code))
    written = DatedFiles(
        known.written.definitions,
        known.written.reconstruction,
        MappingProxyType({key: _beside(one, same) for key, one in instruments.items()}),
    )
    clinical = replace(
        known.clinical, measures=MappingProxyType({key: _beside(one, same) for key, one in measures.items()})
    )
    # A local code of a laboratory value is asked for on need, with its measure; what every call asks for are scales.
    more = tuple(
        PrefetchCode(system=_short(known, one), code=one.code, label=one.label)
        for one in scales
        if (one.means.system, one.means.code) in listed | asked
    )
    prefetch = known.prefetch.model_copy(update={"scales": (*known.prefetch.scales, *more)})
    return replace(known, written=written, clinical=clinical, prefetch=prefetch)


def _beside(value: Any, same: Mapping[tuple[str, str], list[Code]]) -> Any:
    """`value` with the local codes added to every list that holds a code they stand for."""
    if isinstance(value, BaseModel) and not isinstance(value, Code):
        fields = type(value).model_fields
        return value.model_copy(update={name: _beside(getattr(value, name), same) for name in fields})
    if isinstance(value, tuple):
        more = [new for one in value if isinstance(one, Code) for new in same.get((one.system, one.code), ())]
        return (*(_beside(one, same) for one in value), *more)
    return value


def _with_products(known: Knowledge, codes: SiteCodes) -> Knowledge:
    rows: dict[tuple[str, str], ProductRow] = {}
    entries: list[tuple[str, LocalMedication | LocalOrder]] = [
        *((f"medications.{number}", one) for number, one in enumerate(codes.medications)),
        *((f"orders.{number}", one) for number, one in enumerate(codes.orders)),
    ]
    releases = {"", "IR", *known.dosing.releases}
    for place, entry in entries:
        if entry.drug is None:
            continue
        if entry.drug not in known.drugs:
            raise KnowledgeError(
                FILE, f"{place}.drug", f"there is no drug {entry.drug!r}", "use the id of a file in drugs"
            )
        strength, release = None, ""
        if isinstance(entry, LocalMedication):
            strength = Strength(entry.strength, entry.per) if entry.strength is not None else None
            release = entry.release
        if release not in releases:
            raise KnowledgeError(
                FILE,
                f"{place}.release",
                f"there is no release form {release!r}",
                f"use {', '.join(sorted(releases)[1:])}",
            )
        rows[_short(known, entry), entry.code] = ProductRow(
            entry.code, "LOCAL", entry.label, (entry.drug,), (strength,), ("",), "", release, (), low=False
        )
    return replace(known, products=known.products.with_local(rows))


def _with_procedures(known: Knowledge, orders: tuple[LocalOrder, ...]) -> Knowledge:
    added: dict[str, list[CodeSet]] = {kind.id: [] for kind in known.procedures.kinds}
    for number, order in enumerate(orders):
        if order.procedure is None:
            continue
        if order.procedure not in added:
            raise KnowledgeError(
                FILE,
                f"orders.{number}.procedure",
                f"there is no procedure kind {order.procedure!r}",
                f"choose one of {', '.join(added)}",
            )
        added[order.procedure].append(CodeSet(system=_short(known, order), exact=(order.code,)))
    kinds = tuple(
        kind.model_copy(update={"code_sets": (*kind.code_sets, *added[kind.id])}) for kind in known.procedures.kinds
    )
    return replace(known, procedures=known.procedures.model_copy(update={"kinds": kinds}))
