"""All knowledge as one immutable value.

`load` reads the YAML and CSV files next to this module (or below another directory), validates every file by
its model and then checks what needs several files. Whatever is wrong stops the start: half-right knowledge is
worse than none. The content hash goes into every assessment, so that a result can be traced to the exact
files behind it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from mappings.attribute_schema import FILE as SOURCE_ATTRIBUTES
from mappings.attribute_schema import AttributeStatements, read_statements
from mappings.checks import check
from mappings.clinical import Clinical, read_clinical
from mappings.code_tables import MANIFEST, read_manifest
from mappings.cohort_schema import CohortFile
from mappings.dated import DatedFiles
from mappings.direction_schema import DirectionWords
from mappings.integrity import check_integrity
from mappings.known_then_schema import KnownThenFile
from mappings.languages import ENGLISH, sentences_of
from mappings.missing_schema import MissingFact, MissingFacts
from mappings.overlay import lay_over
from mappings.products import ProductIndex
from mappings.repair_schema import Repairs
from mappings.reported_schema import ReportedFacts
from mappings.rule_names import rule_names
from mappings.rule_schema import Rule, Rules
from mappings.schema import (
    Adherence,
    Augmentation,
    Conditions,
    Definition,
    DefinitionFile,
    Dosing,
    Drug,
    Instrument,
    InstrumentFile,
    OverrideReason,
    OverrideReasons,
    Prefetch,
    Procedures,
    Reconstruction,
    ReconstructionFile,
    Sentence,
    Sentences,
    Source,
    Sources,
    StopReasons,
    Systems,
    Version,
)
from mappings.site_schema import Acceptance, Jurisdiction, SiteOverlay
from mappings.staging_schema import Staging
from mappings.strict_yaml import KnowledgeError, read_model
from mappings.values import Reviewed

__all__ = ["Knowledge", "KnowledgeError", "load"]

DIRECTORY = Path(__file__).parent
DATA_SUFFIXES = frozenset({".yaml", ".csv"})
R = TypeVar("R", Drug, DefinitionFile, InstrumentFile, DirectionWords, Sentences)


@dataclass(frozen=True)
class Knowledge:
    """Everything the reasoning knows, with the version and hash of the files it came from.

    `systems` maps a short system name to the URIs under which it travels, the canonical one first.
    `content_hash` is ``sha256:`` and 64 hexadecimal digits over all data files in sorted order. `written` holds what
    has a history; `definitions`, `reconstruction` and `instruments` are its latest values, the ``_on`` methods those of
    a day. `site` says what a site overlay changed; `jurisdiction` is that of the site, None where it names none;
    `sentences` are those of `language`; `local_systems` are the code systems that only the site knows; `rules_off` the
    rules switched off while the service runs.
    """

    version: str
    content_hash: str
    drugs: Mapping[str, Drug]
    written: DatedFiles
    default_definition: str
    conditions: Conditions
    procedures: Procedures
    augmentation: Augmentation
    staging: Staging
    stop_reasons: StopReasons
    adherence: Adherence
    dosing: Dosing
    directions: Mapping[str, DirectionWords]
    prefetch: Prefetch
    sources: Mapping[str, Source]
    languages: Mapping[str, Sentences]
    sentences: Mapping[str, Sentence]
    override_reasons: tuple[OverrideReason, ...]
    missing_facts: tuple[MissingFact, ...]
    reported: ReportedFacts
    rules: Mapping[str, Rule]
    cohort: CohortFile
    attribute_statements: AttributeStatements
    repairs: Repairs
    known_then: KnownThenFile
    systems: Mapping[str, tuple[str, ...]]
    products: ProductIndex
    clinical: Clinical
    _system_by_uri: Mapping[str, str]
    _tables: Mapping[str, Reviewed]
    jurisdiction: Jurisdiction | None = None
    language: str = ENGLISH
    site: SiteOverlay | None = None
    local_systems: frozenset[str] = frozenset()
    rules_off: frozenset[str] = frozenset()

    @property
    def accepted(self) -> Acceptance | None:
        """Who accepted this very version for live use at the site; None while nobody has."""
        return self.site.accepted if self.site is not None else None

    @property
    def definitions(self) -> Mapping[str, Definition]:
        """The definitions with their latest values."""
        return self.written.latest.definitions

    @property
    def reconstruction(self) -> Reconstruction:
        """The reconstruction parameters with their latest values."""
        return self.written.latest.reconstruction

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """The rating scales with their latest values."""
        return self.written.latest.instruments

    def definitions_on(self, day: date) -> Mapping[str, Definition]:
        """The definitions as they apply on `day`."""
        return self.written.on(day).definitions

    def reconstruction_on(self, day: date) -> Reconstruction:
        """The reconstruction parameters as they apply on `day`."""
        return self.written.on(day).reconstruction

    def instruments_on(self, day: date) -> Mapping[str, Instrument]:
        """The rating scales as they apply on `day`."""
        return self.written.on(day).instruments

    @property
    def files(self) -> Mapping[str, object]:
        """Every file by name, as its model."""
        single: tuple[str, ...] = ("conditions", "procedures", "augmentation", "staging")
        single += ("stop_reasons", "adherence", "dosing", "prefetch")
        folders = (("drugs", self.drugs), ("definitions", self.written.definitions), ("directions", self.directions))
        return {
            **{f"{folder}/{one.id}.yaml": one for folder, entries in folders for one in entries.values()},
            **{f"instruments/{one.id}.yaml": one for one in self.written.instruments.values()},
            **{f"sentences/{one.id}.yaml": one for one in self.languages.values()},
            "reconstruction.yaml": self.written.reconstruction,
            **{f"{name}.yaml": getattr(self, name) for name in single},
            **self._tables,
            **self.clinical.files,
        }

    @property
    def site_id(self) -> str | None:
        """The id of the site whose overlay is in use, None without one."""
        return self.site.site.id if self.site is not None else None

    def is_on(self, rule_id: str, *, otherwise: bool = True) -> bool:
        """Whether a rule is in use: as the site has switched it, else as `otherwise` says; never when it is off now."""
        if rule_id in self.rules_off:
            return False
        return self.site.switches.get(rule_id, otherwise) if self.site is not None else otherwise

    def without(self, rules: Collection[str]) -> Knowledge:
        """The same knowledge with `rules` off. Raises ValueError for an unknown rule or a hard stop, which stays on."""
        known = rule_names(self.sentences, self.clinical)
        for rule in rules:
            if known.get(rule, True):
                raise ValueError("a hard stop or an unknown rule cannot be switched off")
        return replace(self, rules_off=frozenset(rules)) if rules else self

    def jurisdiction_for(self, stated: str | None) -> str:
        """Whose labels and products hold: what was `stated`, else what the site chose, else the United States."""
        return stated or self.jurisdiction or "us"

    def with_systems(self, systems: Mapping[str, tuple[str, ...]]) -> Knowledge:
        """The same knowledge with further code systems of a site, by short name, the canonical URI first."""
        known = MappingProxyType({**self.systems, **systems})
        local = self.local_systems | frozenset(systems)
        return replace(self, systems=known, _system_by_uri=_by_uri(known), local_systems=local)

    def system_of(self, uri: str) -> str | None:
        """The short name of a code system (trailing slash and letter case do not matter), or None."""
        known = self._system_by_uri
        return known.get(uri) or known.get(_plain_uri(uri))  # most are written as they are listed

    def uri_of(self, system: str) -> str:
        """The canonical URI of the code system with the short name `system`; KeyError when there is none."""
        return self.systems[system][0]


def load(directory: Path | None = None, site: Path | None = None) -> Knowledge:
    """The knowledge below `directory` (default: the packaged files), with the overlay in the directory `site`.

    Read once per directory. Raises KnowledgeError, naming file, place and remedy, when anything is missing, unknown or
    contradictory.
    """
    root = (directory or DIRECTORY).resolve()
    return _load(root) if site is None else _load_site(root, site.resolve())


@cache
def _load_site(root: Path, site: Path) -> Knowledge:
    return lay_over(_load(root), site)


@cache
def _load(root: Path) -> Knowledge:
    version = read_model(root / "version.yaml", "version.yaml", Version)
    systems = read_model(root / "systems.yaml", "systems.yaml", Systems)
    sources = read_model(root / "sources.yaml", "sources.yaml", Sources)
    languages = _folder(root, "sentences", Sentences)
    reasons = read_model(root / "override_reasons.yaml", "override_reasons.yaml", OverrideReasons)
    rules = read_model(root / "rules.yaml", "rules.yaml", Rules)
    cohort = read_model(root / "cohort.yaml", "cohort.yaml", CohortFile)
    missing = read_model(root / "missing_facts.yaml", "missing_facts.yaml", MissingFacts)
    attributes = read_statements(root)
    repairs = read_model(root / "repairs.yaml", "repairs.yaml", Repairs)
    known_then = read_model(root / "known_then.yaml", "known_then.yaml", KnownThenFile)
    reported = read_model(root / "reported.yaml", "reported.yaml", ReportedFacts)
    manifest = read_manifest(root)
    drugs = _folder(root, "drugs", Drug)
    knowledge = Knowledge(
        version=version.version,
        content_hash=_content_hash(root),
        drugs=drugs,
        written=DatedFiles(
            _folder(root, "definitions", DefinitionFile),
            read_model(root / "reconstruction.yaml", "reconstruction.yaml", ReconstructionFile),
            _folder(root, "instruments", InstrumentFile),
        ),
        default_definition=version.default_definition,
        conditions=read_model(root / "conditions.yaml", "conditions.yaml", Conditions),
        procedures=read_model(root / "procedures.yaml", "procedures.yaml", Procedures),
        augmentation=read_model(root / "augmentation.yaml", "augmentation.yaml", Augmentation),
        staging=read_model(root / "staging.yaml", "staging.yaml", Staging),
        stop_reasons=read_model(root / "stop_reasons.yaml", "stop_reasons.yaml", StopReasons),
        adherence=read_model(root / "adherence.yaml", "adherence.yaml", Adherence),
        dosing=read_model(root / "dosing.yaml", "dosing.yaml", Dosing),
        directions=_folder(root, "directions", DirectionWords),
        prefetch=read_model(root / "prefetch.yaml", "prefetch.yaml", Prefetch),
        sources=MappingProxyType(sources.__pydantic_extra__),
        languages=languages,
        sentences=sentences_of(languages, ENGLISH),
        override_reasons=reasons.reasons,
        missing_facts=missing.kinds,
        reported=reported,
        rules=MappingProxyType({rule.id: rule for rule in rules.rules}),
        cohort=cohort,
        attribute_statements=attributes,
        repairs=repairs,
        known_then=known_then,
        systems=MappingProxyType(systems.__pydantic_extra__),
        products=ProductIndex(root, drugs),
        _system_by_uri=_by_uri(systems.__pydantic_extra__),
        _tables=MappingProxyType(
            {
                "version.yaml": version,
                "systems.yaml": systems,
                "sources.yaml": sources,
                "override_reasons.yaml": reasons,
                "rules.yaml": rules,
                "missing_facts.yaml": missing,
                "reported.yaml": reported,
                "cohort.yaml": cohort,
                "repairs.yaml": repairs,
                "known_then.yaml": known_then,
                SOURCE_ATTRIBUTES: attributes,
                MANIFEST: manifest,
            }
        ),
        clinical=read_clinical(root),
    )
    check(knowledge)
    check_integrity(knowledge)
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


def _by_uri(systems: Mapping[str, tuple[str, ...]]) -> Mapping[str, str]:
    return MappingProxyType({_plain_uri(uri): short for short, uris in systems.items() for uri in uris})


def _plain_uri(uri: str) -> str:
    return uri.strip().rstrip("/").lower()
