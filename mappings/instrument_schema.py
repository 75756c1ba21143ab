"""The shape of rating scales: as written, with histories, and as applied on one day."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from mappings.values import CitationIds, Code, Count, Knowable, Points, Reviewed, flat


class Band(Knowable):
    """A severity band of a scale: its name and lowest total."""

    name: str
    low: float


class BandFile(Knowable):
    """A severity band as written, its lowest total a history."""

    name: str
    low: Points


class Item(Knowable):
    """One item of a scale, by LOINC or local code."""

    number: int
    codes: tuple[Code, ...]


class _Scale(Reviewed):
    """What a scale is, apart from its numbers.

    `percent_change` is False where a share of the total means nothing (T scores, global ratings). `part_of` names the
    longer scales that hold all items of this one: where one of them tells the outcome, this one adds nothing.
    `preferred` marks the scale to name where a record has none.
    """

    id: str
    label: str
    total_codes: tuple[Code, ...]
    panel_codes: tuple[Code, ...] = ()
    other_scales: tuple[Code, ...] = ()
    items: tuple[Item, ...] = ()
    answers: dict[str, float] = Field(default_factory=dict)
    percent_change: bool = True
    part_of: tuple[str, ...] = ()
    preferred: bool = False
    cites: CitationIds


class Instrument(_Scale):
    """One rating scale: codes, range, cut-offs and what may be derived from its items.

    `line` is the total that a baseline needs and at which a patient counts as still ill; `remission` the
    highest total in remission. None: no absolute rule, only percentages on the same instrument. The `rated_` numbers
    belong to global ratings of a clinician: the highest rating that means response, partial response, remission.
    """

    minimum: float
    maximum: float
    item_maximum: float = 0
    missing_items_max: int = 0
    line: float | None = None
    remission: float | None = None
    rated_response: float | None = None
    rated_partial: float | None = None
    rated_remission: float | None = None
    bands: tuple[Band, ...] = ()

    @property
    def is_global(self) -> bool:
        """Whether it is a clinician's global rating, which is never more than a proxy of an outcome."""
        return self.rated_response is not None or self.rated_remission is not None


class InstrumentFile(_Scale):
    """A rating scale as written: range, cut-offs and bands with their histories, citations and confidence."""

    minimum: Points
    maximum: Points
    item_maximum: Points | None = None
    missing_items_max: Count | None = None
    line: Points | None = None
    remission: Points | None = None
    rated_response: Points | None = None
    rated_partial: Points | None = None
    rated_remission: Points | None = None
    bands: tuple[BandFile, ...] = ()

    def on(self, day: date) -> Instrument:
        """The scale as it applies on `day`."""
        bands = tuple(flat(band, Band, day) for band in self.bands)
        return flat(self, Instrument, day, bands=bands)
