"""What the service would conclude from what it would have got, and what it could not see.

The rules are those of a hook where nothing was sent along: the first way of asking that is answered counts, an answer
that may lack something is partial, and without the patient or the medication requests there is no answer at all. Data
of another patient end it, except where the server itself says that it did not look for the patient: that is no answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from zoneinfo import ZoneInfo

from cds_hooks.catalogue import queries
from cds_hooks.envelope import Resource
from cds_hooks.medications import nameless
from cds_hooks.on_need import Need, needs
from cds_hooks.probing.lines import Line, Survey, each_once
from cds_hooks.reading import NOT_OFFERED
from mappings.load import Knowledge
from plugin import Assessment, assess
from plugin.ingest import read_record
from plugin.record import Availability, Read

_UNKNOWN_TYPE = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """Either `refused`, why a hook would end with 412, or the `assessment`. `repairs` by name, in how many places."""

    refused: str
    assessment: Assessment | None
    repairs: Mapping[str, int]


def conclude(
    survey: Survey, patient_id: str, *, knowledge: Knowledge, as_of: date, time_zone: str, jurisdiction: str
) -> Conclusion:
    """Judge what the lines in use brought, as a hook on `as_of` would."""
    if others := [line for line in survey.used.values() if line.others and line.search.used_by == "hook"]:
        kinds = ", ".join(sorted({line.search.resource_type for line in others}))
        return _refused(f"the FHIR server gives data of other patients ({kinds})")
    on_need = {need.key: need for need in needs(knowledge)}
    availability = dict(_availability(survey, on_need))
    essential = {query.resource_type for query in queries(knowledge) if query.essential}
    unread = sorted(kind for kind in essential if availability[kind].read is Read.UNREAD)
    if unread:
        said = "; ".join(f"{kind}: {availability[kind].why}" for kind in unread)
        return _refused(f"data needed for any answer could not be had ({said})")
    record = read_record(
        _resources(survey),
        knowledge=knowledge,
        patient_id=patient_id,
        availability=availability,
        zone=ZoneInfo(time_zone),
        jurisdiction=jurisdiction,
    )
    judged = assess(record, knowledge=knowledge, as_of=as_of, jurisdiction=jurisdiction)
    return Conclusion(refused="", assessment=judged, repairs=record.repairs)


def why_open(line: Line) -> str:
    """Why what `line` brought is not all there is; empty when it is."""
    return "; ".join(why for why in (line.answer.why, line.variant.narrows) if why)


def _refused(why: str) -> Conclusion:
    return Conclusion(refused=why, assessment=None, repairs=Counter())


def _resources(survey: Survey) -> tuple[Resource, ...]:
    """What the service would read, each once."""
    kept = (one for line in survey.used.values() if line.search.used_by == "hook" for one in line.own)
    return each_once((*kept, *survey.medications))


def _availability(survey: Survey, on_need: Mapping[str, Need]) -> Iterator[tuple[str, Availability]]:
    """How far each kind of data was read, by the name it is told by. A kind that often is not there, and is refused,
    is none.
    """
    for key, line in survey.used.items():
        if key == "medications" or line.search.used_by == "probe":
            continue
        answer, why, need = line.answer, why_open(line), on_need.get(key)
        if need is not None and need.often_not_offered and not answer.answered and answer.status in NOT_OFFERED:
            continue
        read = Read.COMPLETE if answer.answered and not why else Read.PARTIAL if line.entries else Read.UNREAD
        if answer.answered and line.variant.narrows and read is Read.UNREAD:
            read = Read.PARTIAL  # asked, and empty as far as it could be asked
        feed = read is not Read.UNREAD or answer.status not in _UNKNOWN_TYPE
        if read is Read.COMPLETE and (count := len(nameless(line.own, survey.medications))):
            read, why = Read.PARTIAL, f"{count} entries name their medication by a reference that could not be read"
        yield line.search.resource_type if need is None else need.read_as, Availability(read=read, why=why, feed=feed)
