"""Who may read the governance page, and who may switch there: a YAML file, as strict as the client registry.

    readers:
      - {name: a.example, password_hash: "$argon2id$v=19$…", may_switch: true}

The hash is what `trd-cds governance password` prints; the password itself is nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from mappings.strict_yaml import KnowledgeError, read_yaml

HASHER = PasswordHasher()
_REMEDY = "write `readers:` and below it entries of name, password_hash and may_switch; see docs/governance.md"


class ReadersError(Exception):
    """The readers file is unusable; the message names file, place, problem and remedy, never a hash."""

    def __init__(self, file: str, place: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file}: {place}: {problem}; {remedy}")
        self.file, self.place, self.problem, self.remedy = file, place, problem, remedy


class Reader(BaseModel):
    """One reader. `name` is what they log in with and what the audit trail says; `may_switch` lets them switch."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@ -]{0,99}$")]
    password_hash: Annotated[str, Field(repr=False, max_length=500)]
    may_switch: bool = False

    @field_validator("password_hash")
    @classmethod
    def _usable(cls, value: str) -> str:
        try:
            kind = extract_parameters(value).type
        except InvalidHashError:
            kind = None
        if kind is not Type.ID:
            raise ValueError("not an argon2id hash; make one with `trd-cds governance password`")
        return value


class Readers:
    """All readers, found by name."""

    def __init__(self, readers: tuple[Reader, ...]) -> None:
        self._by_name: Mapping[str, Reader] = MappingProxyType({reader.name: reader for reader in readers})

    def __iter__(self) -> Iterator[Reader]:
        return iter(self._by_name.values())

    def by_name(self, name: str) -> Reader | None:
        """The reader of this name."""
        return self._by_name.get(name)


def load_readers(file: Path) -> Readers:
    """Read and check `file`. Raises ReadersError when it is unusable or names nobody."""
    try:
        written = read_yaml(file, file.name)
    except KnowledgeError as error:
        raise ReadersError(error.file, error.place, error.problem, _REMEDY) from error
    listed = written.get("readers") if isinstance(written, dict) and set(written) == {"readers"} else None
    if not isinstance(listed, tuple) or not listed:
        raise ReadersError(file.name, "top level", "there is no list of readers", _REMEDY)
    readers = tuple(_reader(file, position, entry) for position, entry in enumerate(listed))
    names = [reader.name for reader in readers]
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ReadersError(
                file.name, f"readers[{position}].name", "an earlier reader has the same", "make it unique"
            )
    return Readers(readers)


def _reader(file: Path, position: int, written: Any) -> Reader:
    try:
        return Reader.model_validate(written)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        inside = "".join(f".{step}" for step in first["loc"])
        raise ReadersError(file.name, f"readers[{position}]{inside}", first["msg"], _REMEDY) from error
