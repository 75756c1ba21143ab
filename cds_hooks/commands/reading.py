"""Files of FHIR resources as handed to the command line: a Bundle, a JSON array, NDJSON or one resource."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from cds_hooks.commands.refusal import Refusal
from plugin.ingest.documents import UnusableInput, resources_of_text
from plugin.ingest.patient import split_patients


def read_resources(file: str) -> list[dict[str, Any]]:
    """All resources of `file` (``-``: standard input), in order; Bundles are opened.

    Raises Refusal naming the file, the place in it and the remedy when it cannot be read as a whole; a single
    bad resource is passed on, for `plugin.ingest` to set aside.
    """
    name = "standard input" if file == "-" else file
    try:
        written = _bytes_of(file, name).decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise Refusal(f"{name}, byte {fault.start}", "is not UTF-8", "save the file as UTF-8") from None
    try:
        return resources_of_text(written)
    except UnusableInput as fault:
        raise Refusal(f"{name}, {fault.place}", fault.fault, fault.remedy) from None


def the_patient(resources: Iterable[Any], file: str, wanted: str | None = None) -> str | None:
    """The id of the patient to judge: `wanted`, or the only one in `resources`; None when none is named.

    Raises Refusal when there are several and none is wanted (decision 9), or the wanted one is not there.
    """
    found = split_patients(resources)
    if wanted is not None:
        identifier = wanted.removeprefix("Patient/")
        if identifier not in found:
            raise Refusal("--patient", f"is not among the {len(found)} patients of {file}", "check the id")
        return identifier
    if len(found) > 1:
        raise Refusal(file, f"holds {len(found)} patients", "say which one with --patient ID")
    return found[0] if found else None


def read_day(text: str, option: str) -> date:
    """The day written as ``YYYY-MM-DD``; raises Refusal naming `option`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(option, "is not a date", "write it as YYYY-MM-DD, for example 2026-03-01") from None


def _bytes_of(file: str, name: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except FileNotFoundError:
        raise Refusal(name, "does not exist", "check the path") from None
    except IsADirectoryError:
        raise Refusal(name, "is a folder", "name one file in it") from None
    except OSError as fault:
        raise Refusal(name, f"cannot be read ({fault.strerror})", "check the path and its permissions") from None
