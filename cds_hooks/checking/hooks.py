"""The published hooks: what their contexts hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files

from pydantic import BaseModel, ConfigDict

from mappings.strict_yaml import KnowledgeError, read_model

# Hooks of an organisation have names in reverse-domain form.
_OWN = re.compile(r"[a-z][a-z0-9-]*(\.[A-Za-z0-9-]+)+")


class Hook(BaseModel):
    """One hook; see ``hooks.yaml`` for the meaning of each attribute."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    required: tuple[str, ...]
    optional: tuple[str, ...]
    tokens: tuple[str, ...]
    users: tuple[str, ...]
    orders: str = ""
    one: str = ""
    references: str = ""
    replaced_by: str = ""


class _Hooks(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    hooks: dict[str, Hook]


@cache
def hooks() -> Mapping[str, Hook]:
    """All published hooks by name. Raises ValueError, with file and place, when the file was spoiled."""
    with as_file(files(__package__).joinpath("hooks.yaml")) as path:
        try:
            return read_model(path, path.name, _Hooks).hooks
        except KnowledgeError as error:
            raise ValueError(
                f"{error.file}: {error.place}: {error.problem}; restore the file from the release"
            ) from error


def is_well_named(hook: str) -> bool:
    """Whether a hook is published or has the form of an organisation's own."""
    return hook in hooks() or _OWN.fullmatch(hook) is not None
