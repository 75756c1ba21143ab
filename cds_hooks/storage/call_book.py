"""Calls answered and cards issued, shown or in shadow: what feedback is later checked against.

A card's text is not kept, nor any value on it: its kind, the rules behind it and what its suggestions propose are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert

from cds_hooks.storage.tables import calls, cards


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEntry:
    """One call of a service. `orders` counts the selected drafts of concern, `shown` and `shadowed` the cards."""

    id: str
    at: datetime
    client: str
    service: str
    hook: str
    mode: str
    status: int
    orders: int
    shown: int
    shadowed: int
    knowledge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CardEntry:
    """One card. `id` is its uuid; `offers` says by suggestion uuid what is proposed (``option:BUP``, ``measure:phq9``).

    `finding` and `facts` are digests, empty where nothing is to be remembered. `patient` and `encounter` are
    pseudonyms; `user` is a reference or a pseudonym, as the settings say.
    """

    id: str
    call: str
    at: datetime
    client: str
    service: str
    hook: str
    kind: str
    indicator: str
    shown: bool
    rules: Sequence[str]
    offers: Mapping[str, str]
    definition: str
    knowledge: str
    knowledge_hash: str
    patient: str
    user: str
    encounter: str
    finding: str = ""
    facts: str = ""


def keep_call(connection: Connection, call: CallEntry, issued: Sequence[CardEntry]) -> None:
    """Write one call with its cards inside the caller's transaction."""
    connection.execute(insert(calls).values(asdict(call)))
    if issued:
        connection.execute(insert(cards), [asdict(card) for card in issued])
