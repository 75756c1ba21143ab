"""What one page of the app is made from, and what comes of it: the seam between sessions and the basis itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cds_hooks.fhir_writer import Resource
from cds_hooks.reported import Saved
from cds_hooks.smart.chart_reading import ChartRead
from mappings.load import Knowledge
from plugin.record import DraftOrder

Save = Callable[[Sequence[Resource]], Awaitable[Saved]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWanted:
    """One page: whose chart, for whom, judged by what.

    `orders` are the drafted orders of the card that led here; `fields` what was entered into the form, None when the
    page is only opened; `writes` the kinds of resources that may be saved, `save` saves them; `csrf` the form's proof.
    `definition` is empty for the deployment's own.
    """

    chart: ChartRead = field(repr=False)
    patient_id: str = field(repr=False)
    author: str = field(repr=False)
    orders: tuple[DraftOrder, ...]
    fields: Sequence[tuple[str, str]] | None = field(repr=False)
    writes: frozenset[str]
    save: Save = field(repr=False)
    csrf: str = field(repr=False)
    knowledge: Knowledge
    now: datetime
    time_zone: str
    jurisdiction: str
    definition: str
    demo: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMade:
    """The page, the headers it needs, and how many resources were written to the EHR for it."""

    html: str = field(repr=False)
    headers: Mapping[str, str]
    written: int = 0


MakePage = Callable[[PageWanted], Awaitable[PageMade]]
