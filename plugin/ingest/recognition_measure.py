"""How well words are recognised: precision on look-alikes and recall on the rest of a list of written-down strings.

The list is data, one string a row, with what a careful reader finds in it; the measure runs recognition on the bare
text, without any code to lean on, and counts. It judges nothing: bounds belong to whoever calls it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mappings.load import Knowledge
from plugin.ingest.recognition import recognise

COLUMNS = ("text", "ingredients", "strength", "per", "other_use", "kind")
NOTHING = "NONE"
LOOK_ALIKE = "lookalike"

Strengths = tuple[tuple[float | None, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """One string and what it says: drug ids, mg per `per` for each (None: not stated), another labelled use."""

    text: str
    kind: str
    ingredients: frozenset[str]
    strengths: dict[str, float | None]
    per: str
    other_use: str

    @property
    def is_look_alike(self) -> bool:
        """Whether the string is there because its words are easily taken for another drug's."""
        return self.kind.startswith(LOOK_ALIKE)


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample and what recognition made of its text."""

    sample: Sample
    ingredients: frozenset[str]
    strengths: dict[str, float | None]
    per: frozenset[str]
    excluded_for: str

    @property
    def right_drug(self) -> bool:
        """Whether exactly the expected drugs were named, or none where none is expected."""
        return self.ingredients == self.sample.ingredients

    @property
    def right_strength(self) -> bool:
        """Whether every strength is the stated one, in the stated unit, and unknown where none is stated."""
        units = {self.sample.per} if self.sample.per else set()
        return self.strengths == self.sample.strengths and (not units or self.per == units)

    @property
    def wrong_strength(self) -> bool:
        """Whether a strength was read that the string does not state; unknown is never wrong."""
        read = {one: amount for one, amount in self.strengths.items() if amount is not None}
        units = {self.sample.per} if self.sample.per else set()
        return bool(read) and (
            any(self.sample.strengths.get(one) != amount for one, amount in read.items()) or self.per != units
        )

    @property
    def right_use(self) -> bool:
        """Whether a labelled use other than depression was seen exactly where there is one."""
        if not self.sample.other_use:
            return not self.excluded_for
        return self.sample.other_use.lower() in self.excluded_for.lower()


@dataclass(frozen=True, slots=True)
class Measure:
    """All readings of one list, in the order of the list."""

    readings: tuple[Reading, ...]

    @property
    def look_alikes(self) -> tuple[Reading, ...]:
        """The readings of strings whose words resemble another drug's."""
        return tuple(one for one in self.readings if one.sample.is_look_alike)

    @property
    def rest(self) -> tuple[Reading, ...]:
        """All other readings."""
        return tuple(one for one in self.readings if not one.sample.is_look_alike)

    @property
    def precision(self) -> float:
        """Of all drugs named on look-alikes, the share that is really there (1.0 when none is named)."""
        named = sum(len(one.ingredients) for one in self.look_alikes)
        right = sum(len(one.ingredients & one.sample.ingredients) for one in self.look_alikes)
        return right / named if named else 1.0

    @property
    def recall(self) -> float:
        """Of the rest, the share of strings whose drugs, and no others, were named."""
        return _share(one.right_drug for one in self.rest)

    @property
    def strength_recall(self) -> float:
        """Of all strings with a stated strength, the share whose strength was read as stated."""
        return _share(one.right_strength for one in self.readings if any(one.sample.strengths.values()))

    @property
    def misses(self) -> tuple[Reading, ...]:
        """Readings that differ from the list in drug, strength or labelled use."""
        return tuple(one for one in self.readings if not (one.right_drug and one.right_strength and one.right_use))

    def report(self) -> str:
        """The figures, kind by kind, and every string that was read otherwise than the list says."""
        other_uses = _share(one.right_use for one in self.readings if one.sample.other_use)
        lines = [
            f"strings                       {len(self.readings)}",
            f"look-alikes                   {len(self.look_alikes)}",
            f"precision on look-alikes      {self.precision:.3f}",
            f"look-alikes read rightly      {_share(one.right_drug for one in self.look_alikes):.3f}",
            f"recall on the rest            {self.recall:.3f}",
            f"strength read as stated       {self.strength_recall:.3f}",
            f"strength read but not stated  {sum(one.wrong_strength for one in self.readings)}",
            f"labelled use seen             {other_uses:.3f}",
            "",
        ]
        for kind in dict.fromkeys(one.sample.kind for one in self.readings):
            same = [one for one in self.readings if one.sample.kind == kind]
            lines.append(f"{kind:<22} {sum(one.right_drug for one in same):>4} of {len(same)}")
        lines += ["", *(_difference(one) for one in self.misses)]
        return "\n".join(lines).rstrip()


def read_samples(lines: Iterable[str]) -> tuple[Sample, ...]:
    """The samples in the CSV `lines`; raises ValueError, naming the line, when a row cannot be a sample."""
    table = csv.DictReader(lines, strict=True)
    if tuple(table.fieldnames or ()) != COLUMNS:
        raise ValueError(f"the columns must be {', '.join(COLUMNS)}")
    return tuple(_sample(row, line) for line, row in enumerate(table, start=2))


def measure(samples: Iterable[Sample], knowledge: Knowledge) -> Measure:
    """Recognise the bare text of every sample with `knowledge`."""
    return Measure(tuple(_reading(sample, knowledge) for sample in samples))


def _sample(row: dict[str, str], line: int) -> Sample:
    names = () if row["ingredients"] == NOTHING else tuple(row["ingredients"].split("+"))
    written = row["strength"].split("+") if row["strength"] else [""] * len(names)
    if not row["text"] or not row["kind"] or "" in names or len(written) != len(names):
        raise ValueError(f"line {line}: give text, kind, ingredients or {NOTHING}, and one strength per ingredient")
    try:
        strengths = {name: float(amount) if amount else None for name, amount in zip(names, written, strict=True)}
    except ValueError as failure:
        raise ValueError(f"line {line}: a strength is not a number") from failure
    return Sample(row["text"], row["kind"], frozenset(names), strengths, row["per"], row["other_use"])


def _reading(sample: Sample, knowledge: Knowledge) -> Reading:
    product = recognise([], sample.text, knowledge)
    if product is None:
        return Reading(sample, frozenset(), {}, frozenset(), "")
    return Reading(
        sample,
        frozenset(product.ingredients),
        {one.ingredient: one.amount for one in product.components},
        frozenset(one.per for one in product.components if one.amount is not None),
        product.excluded_for or "",
    )


def _share(judged: Iterable[bool]) -> float:
    answers = list(judged)
    return sum(answers) / len(answers) if answers else 1.0


def _difference(one: Reading) -> str:
    def told(ingredients: frozenset[str], strengths: dict[str, float | None], use: str) -> str:
        parts: Iterator[str] = (
            f"{name} {strengths[name]:g}" if strengths.get(name) is not None else name for name in sorted(ingredients)
        )
        return (" + ".join(parts) or NOTHING) + (f" ({use})" if use else "")

    wanted = told(one.sample.ingredients, one.sample.strengths, one.sample.other_use)
    return f"{one.sample.text!r}: {told(one.ingredients, one.strengths, one.excluded_for)}, the list says {wanted}"
