"""The page that leads through the gallery: which kinds there are, what each says, and where every card is found."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cds_hooks.gallery.shown import FIRST, NOT_SHOWN, Shown
from plugin.advice.policy import POLICY, Row

COMMAND = "trd-cds gallery"
_INTRODUCTION = f"""\
<!-- Made by `{COMMAND} --write`; do not edit. -->
# Every kind of card, as a clinician sees it

Each card arises from a synthetic record in `cds_hooks/gallery/cases.yaml` by the rules as they are in force, and is
rendered for each kind of client that [client profiles](../client-profiles.md) tell of. Beside each picture lies the
card as it goes over the wire. The pictures were taken with Chromium from our own drawing of a card; an EHR uses its own
fonts, colours and order, and may hide the detail until it is asked for. No vendor's system was used.

Held fixed, so that a file changes when a card does and at no other time: the day, the ids of cards and suggestions, and
the versions and content hash in the provenance, for which words stand.
"""


def index(gallery: Sequence[Shown]) -> str:
    """The page as Markdown."""
    profiles = list(gallery[0].looks)
    parts = [_INTRODUCTION, "## Kinds", "", *_kinds(gallery), "", "## Every case for every client", ""]
    parts += [
        f"“as {FIRST}” and the like: the card is the same, byte for byte. “looks as”: it looks the same, and the "
        "orders that it carries differ.",
        "",
        *_matrix(gallery, profiles),
        "",
    ]
    for row in POLICY:
        parts += _section(row, [one for one in gallery if one.case.kind == row.kind])
    return "\n".join(parts).rstrip("\n") + "\n"


def document_path(profile: str, case: str) -> str:
    """Where a card lies, below the directory of the gallery."""
    return f"{profile}/{case}.json"


def picture_path(profile: str, case: str) -> str:
    """Where the picture of a card lies, below the directory of the gallery."""
    return f"{profile}/{case}.png"


def _kinds(gallery: Sequence[Shown]) -> Iterator[str]:
    yield "| kind | says | how loudly | cases |"
    yield "| --- | --- | --- | --- |"
    for row in POLICY:
        cases = ", ".join(f"[{one.case.id}](#{one.case.id})" for one in gallery if one.case.kind == row.kind)
        yield f"| {row.kind} | {row.says} | {', '.join(row.indicators)} | {cases} |"


def _matrix(gallery: Sequence[Shown], profiles: Sequence[str]) -> Iterator[str]:
    yield f"| case | {' | '.join(profiles)} |"
    yield f"| --- |{' --- |' * len(profiles)}"
    for one in gallery:
        yield f"| [{one.case.id}](#{one.case.id}) | {' | '.join(_cell(one, profile) for profile in profiles)} |"


def _cell(one: Shown, profile: str) -> str:
    document, picture = one.document_of(profile), one.picture_of(profile)
    if document == NOT_SHOWN:
        return "not shown"
    if document != profile:
        return f"as {document}"
    json = f"[JSON]({document_path(profile, one.case.id)})"
    if picture != profile:
        return f"looks as {picture}, {json}"
    return f"[picture]({picture_path(profile, one.case.id)}), {json}"


def _section(row: Row, cases: Sequence[Shown]) -> Iterator[str]:
    yield f"## {row.kind}"
    yield ""
    yield f"Says: {row.says}."
    for one in cases:
        number, among = one.kinds.index(row.kind) + 1, len(one.kinds)
        company = f"Card {number} of {among}: {', '.join(one.kinds)}." if among > 1 else "The only card of the answer."
        yield ""
        yield f"### {one.case.id}"
        yield ""
        yield f"At {one.case.hook}: {one.case.shows}. {company} [JSON]({document_path(FIRST, one.case.id)})"
        yield ""
        yield f"![{_plain(one.summary)}]({picture_path(FIRST, one.case.id)})"
    yield ""


def _plain(text: str) -> str:
    """Text that means nothing as Markdown."""
    return re.sub(r"([\\`*_\[\]<>|~&])", r"\\\1", " ".join(text.split()))
