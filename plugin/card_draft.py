"""A card before it is put on the wire: what is said, how loudly, and on what it rests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDraft:
    """One card before it is put on the wire.

    `kind` is a static topic code; `detail` are Markdown list lines; `uses` the resources behind the card; `cites` ids
    of the bibliography; `rules` the ids of the rules that made it; `override_reasons` codes of the knowledge. `offers` are ids of options and `collects` ids of
    measures that the card may turn into suggestions.
    """

    kind: str
    summary: str
    detail: tuple[str, ...]
    indicator: str
    source_label: str
    cites: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    override_reasons: tuple[str, ...] = ()
    offers: tuple[str, ...] = ()
    collects: tuple[str, ...] = ()
