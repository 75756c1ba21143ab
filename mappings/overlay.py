"""A site's own decisions laid over the knowledge: thresholds, defaults, rules off, local codes, reasons.

The packaged knowledge is loaded and checked first; the overlay is applied to it, checked again as a whole, and every
change keeps who, when and why. The content hash covers the overlay, so a result names exactly what produced it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from pydantic import BaseModel

from mappings.checks import check
from mappings.dated import DatedFiles
from mappings.languages import with_texts
from mappings.local_codes import with_local_codes
from mappings.overrides import NotThereError, overridden, revalidated
from mappings.rule_names import rule_names
from mappings.schema import Source
from mappings.site_schema import (
    Acceptance,
    Jurisdiction,
    Override,
    RuleSwitch,
    Signed,
    Site,
    SiteChange,
    SiteCodes,
    SiteOverlay,
    SiteReasons,
    SiteSentences,
)
from mappings.strict_yaml import KnowledgeError, read_model

if TYPE_CHECKING:
    from mappings.load import Knowledge

_FOLDERS = ("definitions", "instruments", "drugs")
_FILES = ("site.yaml", "overrides.yaml", "rules.yaml", "codes.yaml", "override_reasons.yaml", "sentences.yaml")
ACCEPTANCES = "acceptances.yaml"  # says who took the knowledge into use, and changes nothing in it: no part of the hash
T = TypeVar("T")


def lay_over(base: Knowledge, directory: Path) -> Knowledge:
    """`base` with the overlay in `directory` applied.

    Raises KnowledgeError, with the file as ``site/NAME``, for whatever is unknown, unsigned or contradictory.
    """
    if not directory.is_dir():
        raise KnowledgeError("site", "directory", "cannot be read", "point to the directory that holds site.yaml")
    for path in sorted(directory.iterdir()):
        if path.suffix in (".yaml", ".yml") and path.name not in (*_FILES, ACCEPTANCES):
            named = ", ".join((*_FILES, ACCEPTANCES))
            raise KnowledgeError(f"site/{path.name}", "file", "is no file of an overlay", f"use {named}, or remove it")
    content_hash = _hash(base.content_hash, directory)
    site = _read(directory, "site.yaml", Site)
    switches = _optional(directory, "rules.yaml", tuple[RuleSwitch, ...]) or ()
    overrides = _optional(directory, "overrides.yaml", tuple[Override, ...]) or ()
    codes = _optional(directory, "codes.yaml", SiteCodes)
    reasons = _optional(directory, "override_reasons.yaml", SiteReasons)
    sentences = _optional(directory, "sentences.yaml", SiteSentences)
    _accepted(site, overrides, switches, codes=codes, override_reasons=reasons, sentences=sentences)
    known, changes = _with_overrides(base, overrides, site)
    changes += _switched(base, switches)
    if codes is not None:
        known = with_local_codes(known, codes)
        changes += [_signed(f"codes/{code.system} {code.code}", "", after, codes) for code, after in _meanings(codes)]
    if reasons is not None:
        known = _with_reasons(known, reasons)
        changes += [_signed(f"override_reasons/{one.code}", "", one.display, reasons) for one in reasons.reasons]
    if sentences is not None:
        known = _with_sentences(known, sentences)
        said = {"language": sentences.language, **sentences.sentences}
        changes += [_signed(f"sentences/{key}", "", text, sentences) for key, text in said.items()]
    accepted = _optional(directory, ACCEPTANCES, tuple[Acceptance, ...]) or ()
    overlay = SiteOverlay(
        site,
        tuple(changes),
        MappingProxyType({one.rule: one.enabled for one in switches}),
        next((one for one in accepted if (one.version, one.hash) == (base.version, base.content_hash)), None),
    )
    if _hash(base.content_hash, directory) != content_hash:  # else the hash would name what nobody has read
        raise KnowledgeError("site", "files", "were changed while they were read", "start again")
    return replace(known, site=overlay, content_hash=content_hash)


def _read(directory: Path, name: str, kind: type[T]) -> T:
    return read_model(directory / name, f"site/{name}", kind)


def _optional(directory: Path, name: str, kind: type[T]) -> T | None:
    return _read(directory, name, kind) if (directory / name).exists() else None


def _accepted(
    site: Site,
    overrides: tuple[Override, ...],
    switches: tuple[RuleSwitch, ...],
    **wholes: Signed | None,
) -> None:
    """Nothing decided after the overlay was accepted is used: it must be accepted again."""
    entries: list[tuple[str, str, Signed]] = [
        *(("overrides.yaml", str(number), one) for number, one in enumerate(overrides)),
        *(("rules.yaml", str(number), one) for number, one in enumerate(switches)),
        *((f"{name}.yaml", "", one) for name, one in wholes.items() if one is not None),
    ]
    for file, place, signed in entries:
        if signed.when > site.accepted_on:
            raise KnowledgeError(
                f"site/{file}",
                f"{place}.when".removeprefix("."),
                "was decided after the overlay was accepted",
                "have the overlay accepted anew: set accepted_by and accepted_on in site.yaml",
            )


def _signed(path: str, before: str, after: str, by: Signed) -> SiteChange:
    return SiteChange(path, before, after, by.who, by.when, by.why)


def _with_overrides(base: Knowledge, overrides: tuple[Override, ...], site: Site) -> tuple[Knowledge, list[SiteChange]]:
    """The knowledge with all overrides, checked as a whole, and what changed."""
    file, source = "site/overrides.yaml", f"site-{site.id}"
    known, changes, seen = base, [], set[str]()
    for number, one in enumerate(overrides):
        place = f"{number} {one.path}"
        if one.path in seen:
            raise KnowledgeError(file, place, "this value is overridden twice", "keep one of the two")
        seen.add(one.path)
        try:
            known, before, after = _override(known, one, source, place)
        except NotThereError as failure:
            raise KnowledgeError(file, place, failure.problem, failure.remedy) from failure
        changes.append(_signed(one.path, before, after, one))
    if changes:
        cited = Source(
            citation=f"{site.name}: own decision, accepted by {site.accepted_by} on {site.accepted_on}.",
            kind="site",
            short=site.name,
        )
        known = replace(known, sources=MappingProxyType({**known.sources, source: cited}))
        try:
            check(known, site_sources=frozenset({source}))
        except KnowledgeError as failure:
            raise KnowledgeError(file, f"{failure.file} {failure.place}", failure.problem, failure.remedy) from failure
    return known, changes


def _override(known: Knowledge, one: Override, source: str, place: str) -> tuple[Knowledge, str, str]:
    top, *steps = one.path.split("/")
    if top in ("default_definition", "jurisdiction") and not steps:
        allowed = tuple(known.definitions) if top == "default_definition" else get_args(Jurisdiction)
        if one.value not in allowed or one.unit is not None:
            raise NotThereError(
                f"this is no {top.replace('_', ' ')}", f"choose one of {', '.join(allowed)}, without a unit"
            )
        chosen: dict[str, Any] = {top: one.value}
        return replace(known, **chosen), str(getattr(known, top) or ""), str(one.value)
    if top == "reconstruction":
        parameters: Any = known.written.reconstruction
    elif top in _FOLDERS and steps:
        entries: Mapping[str, BaseModel] = known.drugs if top == "drugs" else getattr(known.written, top)
        if steps[0] not in entries:
            raise NotThereError(f"there is no {steps[0]!r} in {top}", "use the id of a file there")
        parameters = entries[steps.pop(0)]
    else:
        raise NotThereError(
            "no site value starts like this",
            "start with definitions/, reconstruction/, instruments/, drugs/, default_definition or jurisdiction",
        )
    changed, before, after = overridden(parameters, steps, one, source)
    changed = changed.model_copy(update={"cites": tuple(dict.fromkeys((*changed.cites, source)))})
    return _put_back(known, top, revalidated(changed, "site/overrides.yaml", place)), before, after


def _put_back(known: Knowledge, top: str, changed: Any) -> Knowledge:
    if top == "drugs":
        return replace(known, drugs=MappingProxyType({**known.drugs, changed.id: changed}))
    written = known.written
    new: Any = changed
    if top != "reconstruction":
        new = MappingProxyType({**getattr(written, top), changed.id: changed})
    parts = {name: getattr(written, name) for name in ("definitions", "reconstruction", "instruments")} | {top: new}
    return replace(known, written=DatedFiles(**parts))


def _switched(base: Knowledge, switches: tuple[RuleSwitch, ...]) -> list[SiteChange]:
    rules, seen = rule_names(base.sentences, base.clinical), set[str]()
    for number, one in enumerate(switches):
        place = f"{number}.rule"
        if one.rule not in rules:
            raise KnowledgeError(
                "site/rules.yaml", place, f"there is no rule {one.rule!r}", f"choose among {', '.join(sorted(rules))}"
            )
        if rules[one.rule] and not one.enabled:
            raise KnowledgeError(
                "site/rules.yaml", place, f"{one.rule!r} is a hard stop", "hard stops stay on; remove the entry"
            )
        if one.rule in seen:
            raise KnowledgeError("site/rules.yaml", place, f"{one.rule!r} is listed twice", "keep one of the two")
        seen.add(one.rule)
    return [_signed(f"rules/{one.rule}", "", "on" if one.enabled else "off", one) for one in switches]


def _meanings(codes: SiteCodes) -> Iterator[tuple[Any, str]]:
    for scale in codes.scales:
        yield scale, f"{scale.means.system} {scale.means.code}"
    for drug in codes.medications:
        yield drug, drug.drug if drug.strength is None else f"{drug.drug} {drug.strength:g} mg per {drug.per}"
    for order in codes.orders:
        yield order, order.drug or order.procedure or ""


def _with_reasons(known: Knowledge, reasons: SiteReasons) -> Knowledge:
    taken = {one.code for one in known.override_reasons}
    for number, one in enumerate(reasons.reasons):
        if one.code in taken:
            raise KnowledgeError(
                "site/override_reasons.yaml",
                f"reasons.{number}.code",
                f"{one.code!r} is already a reason",
                "codes are unique and stable: choose another one",
            )
        taken.add(one.code)
    return replace(known, override_reasons=(*known.override_reasons, *reasons.reasons))


def _with_sentences(known: Knowledge, own: SiteSentences) -> Knowledge:
    packaged = known.languages.get(own.language)
    base = packaged.__pydantic_extra__ if packaged is not None else {}
    texts = with_texts(known.sentences, base, own.sentences, "site/sentences.yaml")
    return replace(known, language=own.language, sentences=texts)


def _hash(base: str, directory: Path) -> str:
    digest = hashlib.sha256(base.encode())
    for name in _FILES:
        if (directory / name).exists():
            digest.update(name.encode() + b"\0" + (directory / name).read_bytes() + b"\0")
    return f"sha256:{digest.hexdigest()}"
