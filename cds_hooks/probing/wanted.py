"""What each search asks by on a given day: codes and windows of the knowledge, by key of ``searches.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from cds_hooks.catalogue import queries
from cds_hooks.ehr.searches import Wanted
from cds_hooks.on_need import needs
from mappings.load import Knowledge

_ANYTHING = (Wanted(),)


def wanted_on(day: date, knowledge: Knowledge) -> Mapping[str, tuple[Wanted, ...]]:
    """What every search asks by on `day`: several where one kind of data is asked for in parts, each with a window.

    A key that is not there asks by nothing but the patient.
    """
    asked = {query.key: (Wanted(codes=query.codes),) for query in queries(knowledge)}
    return MappingProxyType(asked | {need.key: need.wanted(day) for need in needs(knowledge)})


def wanted_by(key: str, wanted: Mapping[str, tuple[Wanted, ...]]) -> tuple[Wanted, ...]:
    """What the search `key` asks by."""
    return wanted.get(key) or _ANYTHING
