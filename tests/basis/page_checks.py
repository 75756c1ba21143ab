"""What holds of every page whatever was assessed: form, links, policy, and that nothing it rests on is lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_hooks.basis.page import Surroundings, basis_page
from mappings.load import Knowledge
from plugin.assessment import Assessment
from plugin.document.assessment_document import to_document
from tests.basis.page_reader import Read, read_page


def checked(assessment: Assessment, knowledge: Knowledge, around: Surroundings | None = None) -> Read:
    """The page of an assessment, read, with everything held that holds of every page."""
    read = read_page(basis_page(assessment, knowledge=knowledge, around=around or Surroundings()))
    assert len(read.ids) == len(set(read.ids)), "an id stands twice"
    assert set(read.fragments) <= set(read.ids), "a link leads nowhere"
    assert read.headings[0] == 1
    assert all(after - before <= 1 for before, after in zip(read.headings, read.headings[1:], strict=False))
    assert not {"script", "style", "img", "iframe"} & set(read.tags)
    assert not [name for _, name, _ in read.attributes if name == "style" or name.startswith("on")]
    assert all("noopener" in rel for rel in read.values("a", "rel"))
    _nothing_is_lost(assessment, knowledge, read)
    return read


def _nothing_is_lost(assessment: Assessment, knowledge: Knowledge, read: Read) -> None:
    told = _shown(assessment)
    words = set(read.text.replace(",", " ").split())
    uses = {use.partition("/")[2] for use in (*assessment.used, *_under("uses", told), *_under("references", told))}
    assert uses <= words, "a record that something rests on is not listed"
    cites = set(_under("cites", told))
    assert all(" ".join(knowledge.sources[cite].citation.split()) in read.text for cite in cites)
    assert "Options, never directives" in read.text
    assert "No clinician has reviewed these rules" in read.text


def _shown(assessment: Assessment) -> dict[str, Any]:
    """The document without what options need that are not listed, and without best totals, which decide nothing."""
    told = to_document(assessment)
    listed = {one.id for one in assessment.next_step.options.listed}
    told["neededBeforeStart"] = [one for one in told["neededBeforeStart"] if one["option"] in listed]
    return told


def _under(key: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inside in value.items():
            if name == key:
                yield from inside
            elif name != "best":
                yield from _under(key, inside)
    elif isinstance(value, list):
        for inside in value:
            yield from _under(key, inside)
