"""Which way of asking brings most of what is looked for: what an empty answer alone never shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds_hooks.envelope import Resource
from cds_hooks.probing.lines import Line, Survey
from cds_hooks.probing.wanted import wanted_by
from cds_hooks.references import local_reference


def useful(line: Line, survey: Survey) -> frozenset[str]:
    """References to what a line brought of what is looked for: of the type, with a code and the fixed values asked for.

    So a search for everything is not taken for a better one because it brings what nobody wants.
    """
    wanted = wanted_by(line.search.key, survey.wanted)
    codes = {code.partition("|")[2] or code for need in wanted for code in need.codes}
    fixed = {name: text.split(",") for name, text in line.search.variants[0].parameters.items() if "{" not in text}
    return frozenset(
        local_reference(one)
        for one in line.own
        if one.get("resourceType") == line.search.resource_type
        and (not codes or not codes.isdisjoint(_codes(one)))
        and all(one.get(name) in values for name, values in fixed.items())
    )


def missed(better: Line, line: Line, survey: Survey) -> int:
    """How many useful entries `better` brought that `line` did not."""
    return len(useful(better, survey) - useful(line, survey))


def better_ways(survey: Survey) -> Mapping[str, Line]:
    """By search, the way to prefer to the one in use: it brings more, or as much and leaves nothing out by itself."""
    return {
        key: best
        for key, line in survey.used.items()
        if line.search.used_by == "hook" and key != "medications" and (best := _best(line, survey)) is not line
    }


def _best(line: Line, survey: Survey) -> Line:
    best = line
    for one in survey.ways(line.search.key):
        if not one.answer.answered or one.others:
            continue
        more, fewer = missed(one, best, survey), missed(best, one, survey)
        fuller = not one.variant.narrows and bool(best.variant.narrows) and one.answer.complete
        if more > fewer or (more == fewer and fuller):
            best = one
    return best


def _codes(resource: Resource) -> Iterator[str]:
    concept = resource.get("code")
    codings = concept.get("coding") if isinstance(concept, dict) else None
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            yield coding["code"].strip()
