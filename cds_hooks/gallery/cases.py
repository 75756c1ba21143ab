"""The cases of the gallery as data: a synthetic history, what is drafted, and the kind of card that is to arise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import as_file, files
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from mappings.strict_yaml import read_model

FILE = "cases.yaml"
_STRICT = ConfigDict(strict=True, frozen=True, extra="forbid")
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Lines = dict[str, tuple[Any, ...]]


class Case(BaseModel):
    """One case: `kind` of card that it is there for, what it `shows`, and its `history` by name.

    `takes`: drafted drugs in sentences; `procedure`: the id of a drafted procedure; neither: the record is only opened.
    `add` and `instead` change sections of the history; `unread` names kinds of data that could not be read, and why.
    `recorded_by_caller`: the observations were made by the caller in the encounter of the call.
    """

    model_config = _STRICT

    id: Name
    kind: Name
    shows: Text
    history: Name
    takes: tuple[Text, ...] = ()
    procedure: Name | None = None
    add: Lines = Field(default_factory=dict)
    instead: Lines = Field(default_factory=dict)
    unread: dict[Text, Text] = Field(default_factory=dict)
    jurisdiction: Literal["us", "eu"] = "us"
    recorded_by_caller: bool = False

    @property
    def hook(self) -> Literal["order-sign", "patient-view"]:
        """The hook that is called: that of a signature where anything is drafted."""
        return "order-sign" if self.takes or self.procedure else "patient-view"

    def story(self, histories: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """The record of the case in the notation of `cds_hooks.stories`."""
        told: dict[str, Any] = {**histories[self.history], **self.instead}
        return {**told, **{section: (*told.get(section, ()), *lines) for section, lines in self.add.items()}}


class Cases(BaseModel):
    """The file: the day on which all is told, the histories by name, and the cases in the order of the gallery."""

    model_config = _STRICT

    told_on: date
    histories: dict[Name, dict[str, Any]]
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _consistent(self) -> Cases:
        ids = [case.id for case in self.cases]
        if len(ids) != len(set(ids)):
            raise ValueError("two cases have one id")
        if strange := sorted({case.history for case in self.cases} - set(self.histories)):
            raise ValueError(f"there is no history {strange[0]}")
        return self


@cache
def gallery_cases() -> Cases:
    """The cases that come with the software. Raises KnowledgeError, with file and place, for one of the wrong shape."""
    with as_file(files(__package__).joinpath(FILE)) as path:
        return read_model(path, f"gallery/{FILE}", Cases)
