"""What is judged: the requirements with their levels, and what a breach counts for under a profile."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mappings.strict_yaml import KnowledgeError, read_model

Severity = Literal["fault", "warning", "note"]
Breach = Literal["fault", "warning", "note", "off"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
Level = Literal["SHALL", "SHALL NOT", "SHOULD", "SHOULD NOT", "MAY", "CONDITIONAL", "NOTE"]
Text = Annotated[str, Field(min_length=1)]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Requirement(_Entry):
    """One row: `level` is that of the specification, `breach` what a breach counts for in the default profile.

    The two differ on purpose: a freedom of the client (MAY) is a duty of the service not to break on it. `needs` is
    what must occur for the row to be judged, empty where every run judges it; `mend` says what to do.
    """

    id: Text
    level: Level
    actor: Literal["service", "client", "both"]
    breach: Breach
    needs: str
    text: Text
    mend: Text


class Profile(_Entry):
    """What one kind of client changes; see ``profiles.yaml`` for the meaning of each attribute."""

    title: Text
    note: Text
    breach: dict[str, Breach] = Field(default_factory=dict)
    empty: Literal["bundle", "null", "epic"] = "bundle"
    long_ids: bool = False
    feedback: bool = True
    without: tuple[str, ...] = ()

    def counts(self, requirement: Requirement) -> Breach:
        """What a breach of `requirement` counts for."""
        return self.breach.get(requirement.id, requirement.breach)


class _Profiles(_Entry):
    profiles: dict[str, Profile]


@cache
def requirements() -> Mapping[str, Requirement]:
    """All rows by id, in the order of ``judged.csv``. Raises ValueError when a file was spoiled.

    What is required stands in ``requirements.csv``, a copy of the project's table of requirements; how a breach of it
    is judged and mended in ``judged.csv``.
    """
    required = {row["id"]: row for row in _table("requirements.csv")}
    both = [{**required.get(row["id"], {}), **row} for row in _table("judged.csv")]
    rows = TypeAdapter(tuple[Requirement, ...]).validate_python(both)
    return {row.id: row for row in rows}


def _table(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files(__package__).joinpath(name).read_text(encoding="utf-8"))))


@cache
def profiles() -> Mapping[str, Profile]:
    """All profiles by name. Raises ValueError, with file and place, when the file was spoiled."""
    with as_file(files(__package__).joinpath("profiles.yaml")) as path:
        try:
            return read_model(path, path.name, _Profiles).profiles
        except KnowledgeError as error:
            raise ValueError(
                f"{error.file}: {error.place}: {error.problem}; restore the file from the release"
            ) from error
