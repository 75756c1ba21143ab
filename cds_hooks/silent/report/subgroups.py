"""Whether groups of patients are treated differently: what is told of them, each with its interval.

One patient counts once, at its last moment, so that the interval's assumption of independent patients holds. Groups
too small to be told apart are told together: ages with their neighbours, others as "other".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cds_hooks.disclosure.cells import Cells
from cds_hooks.disclosure.folding import folded, neighbours, other
from cds_hooks.disclosure.following import Key, is_small
from cds_hooks.governance.intervals import difference
from cds_hooks.silent.report.run_reading import Run
from cds_hooks.silent.report.telling import JUDGED, OPEN, UNIT_PATIENT, UNSETTLED, VERDICTS, Tell, share
from mappings.load import Knowledge
from plugin.resistance.verdict import Value

FIRED = "fired"
_OTHER = "OTHER"
_MET = Value.MET.value
# The verdicts told apart, the finest first: the first with no small count is taken, else the last.
_COLUMNS: Sequence[Mapping[str, tuple[str, ...]]] = (
    {_MET: (_MET,), **{value: (value,) for value in UNSETTLED}},
    {_MET: (_MET,), "UNSETTLED": UNSETTLED},
    {"MET_OR_UNSETTLED": (_MET, *UNSETTLED)},
)
UNKNOWN = "not recorded"
# First age of each band, in years: bands of reports, not clinical.
_BANDS = (18, 25, 35, 45, 55, 65, 75)
_YOUNGEST, _OLDEST = f"below {_BANDS[0]}", f"{_BANDS[-1]} or older"
_NAMES = (_YOUNGEST, *(f"{first}–{after - 1}" for first, after in pairwise(_BANDS)), _OLDEST)
_AGE = "age"
_KEPT = ("race", "ethnicity", "language")
_DIGITS = 4
_TABLE = """
SELECT {group} AS part, verdict, coalesce(fired, FALSE), count(*)
FROM last JOIN patients USING (patient) WHERE failed IS NULL AND drug_records > 0 GROUP BY ALL ORDER BY 1
"""
Counts = Mapping[str, Counter[tuple[str, bool]]]


@dataclass(frozen=True, slots=True)
class _Grouping:
    """Patients by group, each by verdict and whether a card would be shown; `columns` are the verdicts told apart."""

    by: str
    groups: Counts
    columns: Mapping[str, tuple[str, ...]]

    def size(self, group: str) -> int:
        """How many patients are in a group."""
        return self.groups[group].total()

    def of(self, group: str, column: str) -> int:
        """How many of them are in a column."""
        wanted = self.columns[column]
        return sum(count for (verdict, _), count in self.groups[group].items() if verdict in wanted)

    def fired(self, group: str) -> int:
        """How many of them would have had a card."""
        return sum(count for (_, fired), count in self.groups[group].items() if fired)


def count_subgroups(run: Run, cells: Cells, knowledge: Knowledge, limit: int) -> Tell:
    """Count verdicts and firing by age band and sex, and by race, ethnicity and language where the run kept them."""
    kept = [name for name in run.plan.get("keep") or () if name in _KEPT]
    asked = [(_AGE, _age_bands()), ("sex", _recorded("sex")), *((name, _recorded(name)) for name in kept)]
    name_of = knowledge.clinical.demographic_groups.name_of
    groupings = [_grouping(name, run.ask(_TABLE.format(group=group)), name_of, limit) for name, group in asked]
    for one in groupings:
        _put(cells, one)

    def tell() -> dict[str, Any]:
        return {
            "unit": UNIT_PATIENT,
            "groupings": [
                {
                    "by": one.by,
                    "columns": [FIRED, *(name for name in one.columns if name != _OTHER)],
                    "groups": [_told(cells, one, group) for group in one.groups],
                }
                for one in groupings
            ],
            "notKept": [name for name in _KEPT if name not in kept],
        }

    return tell


def _grouping(by: str, rows: Sequence[tuple[Any, ...]], name_of: Callable[[str], str], limit: int) -> _Grouping:
    counted: dict[str, Counter[tuple[str, bool]]] = {}
    for group, verdict, fired, count in rows:
        counted.setdefault(name_of(str(group)), Counter())[str(verdict), bool(fired)] += count
    groups: dict[str, Counter[tuple[str, bool]]] = {}
    for name, members in _joined(by, {name: counts.total() for name, counts in counted.items()}, limit):
        groups[name] = sum((counted[one] for one in members), Counter())
    for columns in _COLUMNS:
        made = _Grouping(by, groups, {**columns, _OTHER: _others(columns)})
        if not any(is_small(made.of(group, name), limit) for group in groups for name in columns):
            break
    return made


def _others(columns: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    told = {value for values in columns.values() for value in values}
    return tuple(value for value in (*VERDICTS, str(None)) if value not in told)


def _joined(by: str, sizes: Mapping[str, int], limit: int) -> list[tuple[str, tuple[str, ...]]]:
    """The groups that are told, as (name, members); "not recorded" stays apart and last."""
    known = {name: size for name, size in sizes.items() if name != UNKNOWN}
    rest = [(UNKNOWN, (UNKNOWN,))] if UNKNOWN in sizes else []
    if by == _AGE:
        ordered = [(name, known[name]) for name in _NAMES if name in known]
        return [(_span(names), names) for names in neighbours(ordered, limit)] + rest
    rare = folded(known, limit)
    told = [(name, (name,)) for name in known if name not in rare]
    return told + ([(_together(rare, known, limit), rare)] if rare else []) + rest


def _together(rare: Sequence[str], sizes: Mapping[str, int], limit: int) -> str:
    """What groups that are told together are called: by the one that is not small, where there is one."""
    large = [name for name in rare if not is_small(sizes[name], limit)]
    return f"{', '.join(large)} with {len(rare) - len(large)} small groups" if large else other(len(rare), "groups")


def _put(cells: Cells, one: _Grouping) -> None:
    """All cells of one grouping: groups by verdict and groups by firing, with both margins."""
    by = one.by
    sizes: list[Key] = []
    for group in one.groups:
        size = cells.put((by, group), one.size(group))
        cells.adds_up(size, [cells.put((by, group, name), one.of(group, name)) for name in one.columns])
        cells.part_of(size, (by, group, FIRED), one.fired(group))
        sizes.append(size)
    cells.adds_up(JUDGED, sizes)
    for name in (*one.columns, FIRED):
        parts = [(by, group, name) for group in one.groups]
        cells.adds_up(cells.put(("all", name), sum(cells.count(key) for key in parts)), parts)
    for name, members in one.columns.items():
        known = [("all", value) for value in members if cells.has(("all", value))]
        if ("all", name) not in known and sum(map(cells.count, known)) == cells.count(("all", name)):
            cells.adds_up(("all", name), known)
        if members == UNSETTLED and cells.count(OPEN) == cells.count(("all", name)):
            cells.adds_up(OPEN, (("all", name),))
    cells.adds_up(JUDGED, [("all", name) for name in one.columns])
    rest = [(by, group, FIRED, "rest") for group in one.groups]
    cells.adds_up(cells.put(("all", FIRED, "rest"), sum(cells.count(key) for key in rest)), rest)
    cells.adds_up(JUDGED, (("all", FIRED), ("all", FIRED, "rest")))


def _told(cells: Cells, one: _Grouping, group: str) -> dict[str, Any]:
    size = (one.by, group)
    columns = [FIRED, *(name for name in one.columns if name != _OTHER)]
    return {
        "group": group,
        "patients": cells.shown(size),
        "columns": {
            name: {**share(cells, (*size, name), size), "difference": _difference(cells, (*size, name), size, name)}
            for name in columns
        },
    }


def _difference(cells: Cells, part: Key, size: Key, column: str) -> dict[str, float] | None:
    """The share in the group less that of all other patients; None where a count of either is withheld."""
    some, of, every, all_ = (cells.shown(key) for key in (part, size, ("all", column), JUDGED))
    if some is None or of is None or every is None or all_ is None:
        return None
    found = difference((some, of), (every - some, all_ - of))
    if found is None:
        return None
    return {name: round(getattr(found, name), _DIGITS) for name in ("value", "low", "high")}


def _age_bands() -> str:
    """The band of `age_years` as SQL."""
    cases = [f"WHEN age_years < {end} THEN '{name}'" for end, name in zip(_BANDS, _NAMES, strict=False)]
    return f"CASE WHEN age_years IS NULL THEN '{UNKNOWN}' {' '.join(cases)} ELSE '{_OLDEST}' END"


def _span(bands: Sequence[str]) -> str:
    """The name of bands that are told together, from the first year of the first to the last of the last."""
    if len(bands) == 1:
        return bands[0]
    first, last = bands[0].partition("–")[0], bands[-1].rpartition("–")[2]
    if bands[0] == _YOUNGEST:
        return "all ages" if bands[-1] == _OLDEST else f"below {int(last) + 1}"
    return f"{first} or older" if bands[-1] == _OLDEST else f"{first}–{last}"


def _recorded(column: str) -> str:
    return f"CASE WHEN coalesce({column}, '') = '' THEN '{UNKNOWN}' ELSE {column} END"
