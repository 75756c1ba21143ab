"""The shape of the answer at /source-attributes: the same content as JSON and, laid out, as a page.

Keys are camelCase on the wire. `sources` name entries of `bibliography`. Nothing in it is about a patient.
"""

from __future__ import annotations

from datetime import date

from pydantic import ConfigDict
from pydantic.alias_generators import to_camel

from mappings.values import Knowable


class _Part(Knowable):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)


class Use(_Part):
    """One rule, parameter, drug or scale in force that uses an attribute.

    `reads` says in words which of the data it asks for, `beside` what else it asks for, `then` what follows.
    """

    kind: str
    id: str
    label: str
    reads: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    then: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class Attribute(_Part):
    """One of the thirteen. `empty`: nothing is stated or nothing uses it, and `answer` says so."""

    number: int
    id: str
    label: str
    empty: bool
    answer: str
    details: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ()
    sources: tuple[str, ...] = ()


class Paragraph(_Part):
    """A sentence or two with its sources."""

    text: str
    sources: tuple[str, ...] = ()


class Row(_Part):
    """One row: as many cells as the table has headings."""

    cells: tuple[str, ...]
    sources: tuple[str, ...] = ()


class Table(_Part):
    """A table; its last column, the sources, stands in the rows."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[Row, ...]


class Section(_Part):
    """One part of the basis for independent review."""

    id: str
    title: str
    paragraphs: tuple[Paragraph, ...]
    tables: tuple[Table, ...] = ()


class Reference(_Part):
    """One source that something in force relies on; `relied_on_by` counts that by kind.

    `unverified`: only facts of low confidence name it, and such facts are not used.
    """

    key: str
    citation: str
    kind: str
    published: str
    url: str
    licence: str
    relied_on_by: tuple[str, ...]
    unverified: bool


class SiteDecision(_Part):
    """One thing the site changed, who decided it, when and why."""

    path: str
    before: str
    after: str
    who: str
    when: date
    why: str


class InForce(_Part):
    """What the page is about: versions, hash, the day whose values are shown, the definition, the site."""

    engine: str
    knowledge: str
    knowledge_hash: str
    as_of: date
    definition: str
    site: str | None = None
    accepted_for_live_use: bool


class SourceAttributes(_Part):
    """The whole answer. `unassigned` names data that is read and belongs to no attribute: it awaits a review."""

    in_force: InForce
    attributes: tuple[Attribute, ...]
    unassigned: tuple[str, ...]
    basis: tuple[Section, ...]
    site_changes: tuple[SiteDecision, ...]
    switched_off: tuple[str, ...]
    bibliography: tuple[Reference, ...]
