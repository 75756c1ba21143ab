"""Conclusions that carry their reasons, and honest absence.

Every stage returns values together with `Reason`s: a stable rule id (as in the rule tables of the published
definitions, for example ``A2`` or ``O1``), one plain sentence, the citation ids it rests on and the references of the
FHIR resources it used. Cards, the assessment document and the text tree render reasons; they never add their own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why one conclusion was reached.

    `rule` is the rule id, `text` a full sentence with the values compared, `facts` the same values by name, `cites` ids
    of `mappings/sources.yaml`, `uses` references (``Type/id``) of the resources relied on.
    """

    rule: str
    text: str
    facts: tuple[tuple[str, str | int | float], ...] = ()
    cites: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """A received resource that was not used, and why (a short sentence without patient data)."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A fact that is not recorded, and the part of the assessment that it would affect."""

    what: str
    would_affect: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A kind of data that could not be read at all or not completely, and why."""

    what: str
    why: str
