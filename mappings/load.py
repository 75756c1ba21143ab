"""All knowledge as one immutable value.

`load` reads the YAML and CSV files next to this module (or below another directory), validates every file by
its model and then checks what needs several files. Whatever is wrong stops the start: half-right knowledge is
worse than none. The content hash goes into every assessment, so that a result can be traced to the exact
files behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from mappings.checks import check
from mappings.products import ProductIndex
from mappings.schema import (
    Adherence,
    Conditions,
    Definition,
    Dosing,
    Drug,
    Instrument,
    OverrideReason,
    Prefetch,
    Procedures,
    Reconstruction,
    Sentence,
    Source,
    StopReasons,
    Version,
)
from mappings.strict_yaml import KnowledgeError, read_model

__all__ = ["Knowledge", "KnowledgeError", "load"]

DIRECTORY = Path(__file__).parent
DATA_SUFFIXES = frozenset({".yaml", ".csv"})
R = TypeVar("R", Drug, Definition, Instrument)


@dataclass(frozen=True)
class Knowledge:
    """Everything the reasoning knows, with the version and hash of the files it came from.

    `systems` maps a short system name to the URIs under which it travels, the canonical one first.
    `content_hash` is ``sha256:`` and 64 hexadecimal digits over all data files in sorted order.
    """

    version: str
    content_hash: str
    drugs: Mapping[str, Drug]
    definitions: Mapping[str, Definition]
    default_definition: str
    reconstruction: Reconstruction
    instruments: Mapping[str, Instrument]
    conditions: Conditions
    procedures: Procedures
    stop_reasons: StopReasons
    adherence: Adherence
    dosing: Dosing
    prefetch: Prefetch
    sources: Mapping[str, Source]
    sentences: Mapping[str, Sentence]
    override_reasons: tuple[OverrideReason, ...]
    systems: Mapping[str, tuple[str, ...]]
    products: ProductIndex
    _system_by_uri: Mapping[str, str]

    def system_of(self, uri: str) -> str | None:
        """The short name of a code system (trailing slash and letter case do not matter), or None."""
        return self._system_by_uri.get(_plain_uri(uri))

    def uri_of(self, system: str) -> str:
        """The canonical URI of the code system with the short name `system`; KeyError when there is none."""
        return self.systems[system][0]


def load(directory: Path | None = None) -> Knowledge:
    """The knowledge below `directory` (default: the packaged files), read once per directory.

    Raises KnowledgeError, naming file, place and remedy, when anything is missing, unknown or contradictory.
    """
    return _load((directory or DIRECTORY).resolve())


@cache
def _load(root: Path) -> Knowledge:
    version = read_model(root / "version.yaml", "version.yaml", Version)
    systems = read_model(root / "systems.yaml", "systems.yaml", dict[str, tuple[str, ...]])
    drugs = _folder(root, "drugs", Drug)
    knowledge = Knowledge(
        version=version.version,
        content_hash=_content_hash(root),
        drugs=drugs,
        definitions=_folder(root, "definitions", Definition),
        default_definition=version.default_definition,
        reconstruction=read_model(root / "reconstruction.yaml", "reconstruction.yaml", Reconstruction),
        instruments=_folder(root, "instruments", Instrument),
        conditions=read_model(root / "conditions.yaml", "conditions.yaml", Conditions),
        procedures=read_model(root / "procedures.yaml", "procedures.yaml", Procedures),
        stop_reasons=read_model(root / "stop_reasons.yaml", "stop_reasons.yaml", StopReasons),
        adherence=read_model(root / "adherence.yaml", "adherence.yaml", Adherence),
        dosing=read_model(root / "dosing.yaml", "dosing.yaml", Dosing),
        prefetch=read_model(root / "prefetch.yaml", "prefetch.yaml", Prefetch),
        sources=MappingProxyType(read_model(root / "sources.yaml", "sources.yaml", dict[str, Source])),
        sentences=MappingProxyType(read_model(root / "sentences.yaml", "sentences.yaml", dict[str, Sentence])),
        override_reasons=read_model(
            root / "override_reasons.yaml", "override_reasons.yaml", tuple[OverrideReason, ...]
        ),
        systems=MappingProxyType(systems),
        products=ProductIndex(root, drugs),
        _system_by_uri=MappingProxyType({_plain_uri(uri): short for short, uris in systems.items() for uri in uris}),
    )
    check(knowledge)
    return knowledge


def _folder(root: Path, folder: str, kind: type[R]) -> Mapping[str, R]:
    read: dict[str, R] = {}
    for path in sorted((root / folder).glob("*.yaml")):
        name = f"{folder}/{path.name}"
        entry = read_model(path, name, kind)
        if path.stem.lower() != entry.id.lower():
            raise KnowledgeError(name, "id", f"{entry.id!r} differs from the file name", "give both the same name")
        read[entry.id] = entry
    if not read:
        raise KnowledgeError(folder, "folder", "holds no YAML file", "restore the folder from the release")
    return MappingProxyType(read)


def _content_hash(root: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.suffix in DATA_SUFFIXES):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()}"


def _plain_uri(uri: str) -> str:
    return uri.strip().rstrip("/").lower()
