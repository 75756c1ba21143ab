"""The bibliography of what acts: every source that something in force relies on, and what relies on it."""

from __future__ import annotations

from collections import Counter, defaultdict

from mappings.attribute_document import Reference
from mappings.describe import statements
from mappings.entries import Entry, entries
from mappings.load import Knowledge

# Kinds of file that take no part in an answer to a clinician: how synthetic patients are invented, and rules of others
# with which reports on whole populations are compared.
_NO_PART = ("cohort.yaml", "comparisons/", "published_figures.yaml", "demographic_groups.yaml")
# The kinds of entry that a site may switch off.
_SWITCHED = frozenset({"safety rule", "option", "indicator", "pseudo-resistance check"})

_WORDS = {"row": "modifier", "apart": "options kept apart", "together": "options used together"}


def is_in_force(entry: Entry, knowledge: Knowledge) -> bool:
    """Whether an entry of the knowledge takes part in answers as the knowledge is deployed."""
    if entry.file.startswith(_NO_PART):
        return False
    return entry.kind not in _SWITCHED or knowledge.is_on(entry.id)


def bibliography(knowledge: Knowledge) -> tuple[Reference, ...]:
    """The sources in force by key. A source that only facts of low confidence name is marked: they are not used."""
    relied: dict[str, Counter[str]] = defaultdict(Counter)
    weak: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries(knowledge):
        if not is_in_force(entry, knowledge):
            continue
        told = statements(entry.content)
        firm = {cite for one in told if one.confidence != "low" for cite in one.cites}
        firm |= {*getattr(entry.content, "cites", ())} if not told else set()
        for cite in firm:
            relied[cite][entry.kind] += 1
        for cite in {cite for one in told if one.confidence == "low" for cite in one.cites} - firm:
            weak[cite][entry.kind] += 1
    return tuple(
        Reference(
            key=key,
            citation=source.citation,
            kind=source.kind,
            published=source.published,
            url=source.url,
            licence=source.licence,
            relied_on_by=_counted(relied.get(key) or weak[key]),
            unverified=key not in relied,
        )
        for key, source in sorted(knowledge.sources.items())
        if key in relied or key in weak
    )


def _counted(kinds: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{_WORDS.get(kind, kind)}: {number}" for kind, number in sorted(kinds.items()))
