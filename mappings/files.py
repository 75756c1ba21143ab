"""Which model each knowledge file must satisfy: single files by name, folders of like files by folder.

The clinical files beyond trials are listed in `mappings.clinical`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from mappings.attribute_schema import FILE as SOURCE_ATTRIBUTES
from mappings.attribute_schema import AttributeStatements
from mappings.code_tables import MANIFEST, CodeTables
from mappings.cohort_schema import CohortFile
from mappings.direction_schema import DirectionWords
from mappings.known_then_schema import KnownThenFile
from mappings.missing_schema import MissingFacts
from mappings.repair_schema import Repairs
from mappings.reported_schema import ReportedFacts
from mappings.rule_schema import Rules
from mappings.schema import (
    Adherence,
    Augmentation,
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
from mappings.staging_schema import Staging
from mappings.values import Reviewed

FILES: Mapping[str, type[Reviewed]] = MappingProxyType(
    {
        "version.yaml": Version,
        "reconstruction.yaml": ReconstructionFile,
        "conditions.yaml": Conditions,
        "procedures.yaml": Procedures,
        "augmentation.yaml": Augmentation,
        "staging.yaml": Staging,
        "stop_reasons.yaml": StopReasons,
        "adherence.yaml": Adherence,
        "dosing.yaml": Dosing,
        "prefetch.yaml": Prefetch,
        "sources.yaml": Sources,
        "override_reasons.yaml": OverrideReasons,
        "rules.yaml": Rules,
        "missing_facts.yaml": MissingFacts,
        "reported.yaml": ReportedFacts,
        "cohort.yaml": CohortFile,
        "repairs.yaml": Repairs,
        "known_then.yaml": KnownThenFile,
        "systems.yaml": Systems,
        SOURCE_ATTRIBUTES: AttributeStatements,
        MANIFEST: CodeTables,
    }
)
FOLDERS: Mapping[str, type[Reviewed]] = MappingProxyType(
    {
        "drugs": Drug,
        "definitions": DefinitionFile,
        "instruments": InstrumentFile,
        "directions": DirectionWords,
        "sentences": Sentences,
    }
)
