"""Which model each knowledge file must satisfy: single files by name, folders of like files by folder.

The clinical files beyond trials are listed in `mappings.clinical`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mappings.code_tables import MANIFEST, CodeTables
from mappings.schema import (
    Adherence,
    Conditions,
    DefinitionFile,
    Dosing,
    Drug,
    InstrumentFile,
    OverrideReasons,
    Prefetch,
    Procedures,
    ReconstructionFile,
    Sentences,
    Sources,
    StopReasons,
    Systems,
    Version,
)
from mappings.values import Reviewed

FILES: Mapping[str, type[Reviewed]] = MappingProxyType(
    {
        "version.yaml": Version,
        "reconstruction.yaml": ReconstructionFile,
        "conditions.yaml": Conditions,
        "procedures.yaml": Procedures,
        "stop_reasons.yaml": StopReasons,
        "adherence.yaml": Adherence,
        "dosing.yaml": Dosing,
        "prefetch.yaml": Prefetch,
        "sources.yaml": Sources,
        "sentences.yaml": Sentences,
        "override_reasons.yaml": OverrideReasons,
        "systems.yaml": Systems,
        MANIFEST: CodeTables,
    }
)
FOLDERS: Mapping[str, type[Reviewed]] = MappingProxyType(
    {"drugs": Drug, "definitions": DefinitionFile, "instruments": InstrumentFile}
)
