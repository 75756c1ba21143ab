"""Changing one value inside frozen models by its path, for a site that decided otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mappings.site_schema import Override
from mappings.strict_yaml import KnowledgeError, complaint
from mappings.values import DatedValue, Value

M = TypeVar("M", bound=BaseModel)


class NotThereError(Exception):
    """A path leads nowhere; the message says at which step, the remedy what would do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def overridden(whole: M, steps: Sequence[str], override: Override, source: str) -> tuple[M, str, str]:
    """`whole` with the value at `steps` replaced, and the value before and after in words.

    A number keeps its unit and loses its history: the site's value holds for every day, dated by its decision and
    cited as `source`. Raises NotThereError for a path that leads nowhere or to something that is no value.
    """
    told: list[str] = []

    def change(held: Any) -> Any:
        new = _replacement(held, override, source)
        told.extend((_words(held), _words(new)))
        return new

    changed = _at(whole, steps, change)
    return changed, told[0], told[1]


def revalidated(whole: M, file: str, place: str) -> M:
    """`whole` checked by its own model once more; raises KnowledgeError at `place` of `file`."""
    try:
        return type(whole).model_validate(whole.model_dump(by_alias=True))
    except ValidationError as failure:
        _, problem, remedy = complaint(failure)
        raise KnowledgeError(file, place, problem, remedy) from failure


def _at(held: Any, steps: Sequence[str], change: Callable[[Any], Any]) -> Any:
    if not steps:
        return change(held)
    step, rest = steps[0], steps[1:]
    if isinstance(held, BaseModel):
        fields = {(field.alias or name): name for name, field in type(held).model_fields.items()}
        if step not in fields:
            raise NotThereError(f"there is no {step!r}", f"it holds {', '.join(fields)}")
        return held.model_copy(update={fields[step]: _at(getattr(held, fields[step]), rest, change)})
    if isinstance(held, Mapping):
        if step not in held:
            raise NotThereError(f"there is no {step!r}", f"it holds {', '.join(map(str, held))}")
        return {**held, step: _at(held[step], rest, change)}
    if isinstance(held, tuple):
        named = [getattr(one, "id", None) or getattr(one, "name", None) for one in held]
        if step not in named:
            raise NotThereError(
                f"there is no {step!r}", f"it holds {', '.join(filter(None, named)) or 'nothing with a name'}"
            )
        where = named.index(step)
        return (*held[:where], _at(held[where], rest, change), *held[where + 1 :])
    raise NotThereError(f"there is nothing below, so no {step!r}", "shorten the path to the value itself")


def _replacement(held: Any, override: Override, source: str) -> Any:
    value = override.value
    if isinstance(held, DatedValue):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise NotThereError("the value here is a number", f"give a number in {held.unit}")
        if override.unit != held.unit:
            raise NotThereError(
                f"the value here is stated in {held.unit}", f"restate the number and write unit: {held.unit}"
            )
        dated = {override.when: Value(amount=value, cites=(source,), confidence="high", note=override.why)}
        return held.model_copy(update={"values": dated})
    if isinstance(held, bool):
        if not isinstance(value, bool) or override.unit is not None:
            raise NotThereError("the value here is true or false", "give true or false, without a unit")
        return value
    raise NotThereError(
        "this is no value that a site can change", "name a number or a switch, as `knowledge show` lists them"
    )


def _words(value: Any) -> str:
    if isinstance(value, DatedValue):
        latest = list(value.values.values())[-1]
        return f"{latest.amount:g} {value.unit}"
    return str(value).lower() if isinstance(value, bool) else str(value)
