"""The probe's document: strict models, which are the schema of its JSON (``docs/schema/probe.schema.json``).

It holds data of one patient (the conclusion), and no token, no id of a resource, no text of the server's own. The names
of its attributes are a public interface.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from cds_hooks.ehr.failures import Outcome
from cds_hooks.ehr.search_schema import PatientForm
from cds_hooks.ehr.versions import FhirVersion
from cds_hooks.probing.lines import Purpose

CONTENT = (
    "This output holds health data of one patient: keep it as you keep the record. It holds no token and no id of a "
    "resource. Nothing was sent to anyone but the server named in it."
)
Count = Annotated[int, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class TypeStated(_Part):
    """What the statement lists for one resource type, and what the searches in the file would use beyond that."""

    resource_type: str
    listed: tuple[str, ...]
    unlisted: tuple[str, ...]


class Server(_Part):
    """What the server says of itself. `statement` is "read", "with-login" (the service asks without) or "none", with
    `why`. `patient_form` is how it knows patients in searches.
    """

    base: str
    statement: Literal["read", "with-login", "none"]
    why: str
    fhir_version: FhirVersion
    includes: tuple[str, ...]
    types: tuple[TypeStated, ...]
    patient_form: PatientForm


class SearchLine(_Part):
    """One way of asking. `used`: the service would have got this one. `unlike_used`: how many entries it brought that
    the one in use did not. `milliseconds` is the time to the last page of the slowest of the `requests`.
    """

    search: str
    resource_type: str
    variant: str
    purpose: Purpose
    form: PatientForm
    used: bool
    listed: bool | None
    method: Literal["GET", "POST"]
    outcome: Outcome
    status: int | None
    milliseconds: Count
    requests: Count
    pages: Count
    entries: Count
    total: int | None
    others: Count
    why: str


class StrictFault(_Part):
    """One kind of fault in the R4 models' eyes, with the number of places."""

    resource_type: str
    element: str
    fault: str
    count: Count


class StrictType(_Part):
    """How many resources of a type were validated, and how many have a fault."""

    resource_type: str
    checked: Count
    faulty: Count


class RepairMade(_Part):
    """A deviation from R4 that reading mended. `allowed`: R4 permits the form."""

    repair: str
    count: Count
    what: str
    allowed: bool


class TrialSeen(_Part):
    """One antidepressant trial as judged."""

    drug: str
    start: str | None
    end: str | None
    adequacy: str
    outcome: str


class Said(_Part):
    """A thing that is open or was not used, and why; `count` of the same."""

    what: str
    why: str
    count: Count


class Concluded(_Part):
    """What the service would conclude. `refused` is why a hook would end with 412; then there is no more."""

    refused: str
    verdict: str | None
    definition: str | None
    failed_at_least: int | None
    failed_with_proxies: int | None
    failed_at_most: int | None
    trials: tuple[TrialSeen, ...]
    earlier_trials: Count
    received: Count
    used: Count
    set_aside: tuple[Said, ...]
    not_read: tuple[Said, ...]
    not_recorded: tuple[Said, ...]


class ToDo(_Part):
    """Something to ask the vendor for, or to set at the site."""

    id: str
    text: str


class SheetRow(_Part):
    """One prefetch key and its query, empty where none can be registered."""

    key: str
    query: str
    note: str


class Report(_Part):
    """The whole document."""

    probe: Literal["1"] = "1"
    content: str = CONTENT
    engine: str
    knowledge: str
    as_of: str
    server: Server
    searches: tuple[SearchLine, ...]
    strict: tuple[StrictType, ...]
    strict_faults: tuple[StrictFault, ...]
    repairs: tuple[RepairMade, ...]
    conclusion: Concluded
    prefetch: tuple[SheetRow, ...]
    ask_vendor: tuple[ToDo, ...]
    set_here: tuple[ToDo, ...]
