"""What a normalised RxNorm name says: substances with strength, quantity, dose form, brand; and the parts of a pack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BRAND = re.compile(r"\s*\[([^\]]*)\]$")
_QUANTITY = re.compile(r"^(\d+(?:\.\d+)?) (HR|ML|MG|ACTUAT) ")
_COMPONENT = re.compile(
    r"^(?P<substance>.+?) (?P<amount>\d+(?:\.\d+)?) (?P<unit>[A-Z]+)(?:/(?P<per>[A-Z]+))?(?: (?P<rest>.+))?$"
)
_PACK_PART = re.compile(r"(\d+) (?:\((\d+(?:\.\d+)? [A-Z]+)\) )?\(((?:[^()]|\([^()]*\))*)\)")


@dataclass(frozen=True, slots=True)
class Component:
    """One substance of a name with its amount; `unit` as RxNorm writes it (``MG``), `per` ``ML``, ``HR`` or empty."""

    substance: str
    amount: float | None = None
    unit: str = ""
    per: str = ""


@dataclass(frozen=True, slots=True)
class DrugName:
    """A name taken apart: `quantity` is (number, unit) in front, such as 24 HR or 0.2 ML."""

    components: tuple[Component, ...]
    quantity: tuple[float, str] | None
    dose_form: str
    brand: str


def read_name(text: str) -> DrugName:
    """The parts of the name of a clinical or branded drug or component; unreadable parts stay without amount."""
    branded = _BRAND.search(text)
    rest = text[: branded.start()] if branded else text
    measured = _QUANTITY.match(rest)
    rest = rest[measured.end() :] if measured else rest
    components, dose_form = [], ""
    for part in rest.split(" / "):
        found = _COMPONENT.match(part)
        if found is None:
            components.append(Component(part.strip()))
            continue
        components.append(Component(found["substance"], float(found["amount"]), found["unit"], found["per"] or ""))
        dose_form = found["rest"] or ""
    return DrugName(
        tuple(components),
        (float(measured[1]), measured[2]) if measured else None,
        dose_form,
        branded[1] if branded else "",
    )


def pack_parts(text: str) -> Iterator[tuple[int, str]]:
    """Count and drug name of each part of a pack such as ``{7 (X 10 MG Oral Tablet) / 7 (...) } Pack``."""
    inner = text[text.find("{") + 1 : text.rfind("}")]
    for count, quantity, name in _PACK_PART.findall(inner):
        yield int(count), f"{quantity} {name}".strip()
