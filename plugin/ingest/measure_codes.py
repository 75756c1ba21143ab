"""Which measure of the knowledge a code belongs to: its value, one item of it, or only its panel.

Codes are compared within their system; a bare code is that of a questionnaire item, whose system is not stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mappings.domain_schema import Measure
from mappings.load import Knowledge
from plugin.ingest.codings import Coding
from plugin.ingest.vocabulary import plain_code

_Key = tuple[str, str]


class MeasureRole(NamedTuple):
    """What a code means for a measure: its value (`item` 0) or the answer to one numbered item."""

    measure: Measure
    item: int = 0


class MeasureCodes:
    """Roles by code, over one `Knowledge`."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._knowledge = knowledge
        self._roles: dict[_Key, list[MeasureRole]] = {}
        self._bare: dict[str, list[MeasureRole]] = {}
        self._panels: set[_Key] = set()
        self._refused: set[_Key] = set()
        for measure in knowledge.clinical.measures.values():
            listed = [(code, MeasureRole(measure)) for code in measure.codes]
            listed += [(code, MeasureRole(measure, item.number)) for item in measure.items for code in item.codes]
            for code, role in listed:
                self._roles.setdefault((code.system, plain_code(code.code)), []).append(role)
                if code.system not in knowledge.local_systems:  # a row number alone could be anybody's
                    self._bare.setdefault(plain_code(code.code), []).append(role)
            self._panels.update((code.system, plain_code(code.code)) for code in measure.panel_codes)
            self._refused.update((code.system, plain_code(code.code)) for code in measure.not_this)
        self._refused_bare = {code for _, code in self._refused}

    def role_of(self, codings: Sequence[Coding]) -> MeasureRole | None:
        """The role that all known codings agree on, a value before an item; none where a code must not be read."""
        keys = self._keys(codings) if codings else ()
        if not keys or not self._refused.isdisjoint(keys):
            return None
        return _agreed([role for key in keys for role in self._roles.get(key, ())])

    def role_of_bare(self, code: str) -> MeasureRole | None:
        """The role of a code whose system is not stated."""
        plain = plain_code(code)
        roles = self._bare.get(plain)
        return None if roles is None or plain in self._refused_bare else _agreed(roles)

    def is_panel(self, codings: Iterable[Coding]) -> bool:
        """Whether any coding names the panel of a measure."""
        return not self._panels.isdisjoint(self._keys(codings))

    def _keys(self, codings: Iterable[Coding]) -> set[_Key]:
        system_of = self._knowledge.system_of
        return {
            (system_of(coding.system) or "", plain_code(coding.code))
            for coding in codings
            if coding.system and coding.code
        }


def _agreed(roles: list[MeasureRole]) -> MeasureRole | None:
    if len(roles) == 1:
        return roles[0]
    values = [role for role in roles if not role.item]
    chosen = values or roles
    same = {(role.measure.id, role.item) for role in chosen}
    return chosen[0] if len(same) == 1 else None


_ARRANGED: list[tuple[Knowledge, MeasureCodes]] = []
_ARRANGED_MAX = 4


def measure_codes_of(knowledge: Knowledge) -> MeasureCodes:
    """The codes of `knowledge`, arranged on first use and kept for the few most recent ones."""
    for known, codes in _ARRANGED:
        if known is knowledge:
            return codes
    arranged = MeasureCodes(knowledge)
    _ARRANGED.append((knowledge, arranged))
    del _ARRANGED[:-_ARRANGED_MAX]
    return arranged
