"""A card before it is put on the wire: what is said, how loudly, and on what it rests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CardDraft:
    """One card before it is put on the wire.

    `kind` is a static topic code; `detail` are Markdown list lines; `uses` the resources behind the card; `cites` ids
    of the bibliography; `rules` the ids of the rules that made it; `override_reasons` codes of the knowledge. `offers`
    are ids of options and `collects` ids of measures that the card may turn into suggestions.

    `finding` is the stable key of what is said: the kind, and the drug or procedure it is about where there is one
    (``already-failed:sertraline``); it holds no value of the patient. `facts` are the references, values and
    conclusions that the statement rests on (see `plugin.advice.card_facts`): they differ exactly when the basis of the
    statement differs, and never because a day has passed. `lasting`: an answer may silence the finding while its
    facts stay the same; never so for recorded danger, hard stops and gates.
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
    finding: str = ""
    facts: tuple[str, ...] = ()
    lasting: bool = False
