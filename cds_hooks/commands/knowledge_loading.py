"""Knowledge for a command: the packaged one or that of a directory, and today's date for what depends on it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from cds_hooks.clock import SystemClock
from cds_hooks.commands.reading import read_day
from cds_hooks.commands.refusal import Refusal
from cds_hooks.commands.surroundings import read_settings
from cds_hooks.memory import building
from mappings.load import Knowledge, KnowledgeError, load


def load_knowledge(directory: Path | None = None, *, site: Path | None = None) -> Knowledge:
    """The packaged knowledge, or that below `directory`, with the overlay in the directory `site`.

    Raises Refusal with file, place and remedy when it is unusable.
    """
    if directory is not None and not directory.is_dir():
        raise Refusal(str(directory), "is not a directory", "name a directory of knowledge files")
    try:
        with building():
            return load(directory, site)
    except KnowledgeError as fault:
        where = "knowledge" if directory is None else str(directory)
        raise Refusal(f"{where} {fault.file}, {fault.place}", fault.problem, fault.remedy) from fault


def day_or_today(as_of: str | None) -> date:
    """The day written as `as_of`, today in the configured time zone without it."""
    return SystemClock().today(read_settings().time_zone) if as_of is None else read_day(as_of, "--as-of")
