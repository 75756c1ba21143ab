"""Reading a monthly RxNorm release: the pipe-separated files of NLM's Rich Release Format, from a zip or a folder.

Only what the code tables need is kept: names of RxNorm itself, relations between its concepts, package codes, and
where retired concepts went. Columns follow the RxNorm technical documentation; a relation reads "the second concept
RELA the first". Files are read once, line by line.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

SOURCE = "RXNORM"
RELATIONS = frozenset(
    {
        *("has_ingredient", "has_ingredients", "has_precise_ingredient", "has_part", "form_of"),
        *("consists_of", "tradename_of", "contains", "has_dose_form", "has_quantified_form"),
    }
)
# The other half of a relation, for releases that list one direction only.
_INVERSE = {
    "ingredient_of": "has_ingredient",
    "ingredients_of": "has_ingredients",
    "precise_ingredient_of": "has_precise_ingredient",
    "part_of": "has_part",
    "has_form": "form_of",
    "constitutes": "consists_of",
    "has_tradename": "tradename_of",
    "contained_in": "contains",
    "dose_form_of": "has_dose_form",
    "quantified_form_of": "has_quantified_form",
}
# Columns of each file, and how many it has.
_CONSO = {"rxcui": 0, "sab": 11, "tty": 12, "str": 14, "suppress": 16}
_REL = {"rxcui1": 0, "rxcui2": 4, "rela": 7, "sab": 10, "suppress": 14}
_SAT = {"rxcui": 0, "atn": 8, "sab": 9, "atv": 10, "suppress": 11}
_CUI = {"cui1": 0, "cardinality": 3, "cui2": 4}
_ARCHIVE = {"rxcui": 12, "sab": 13, "merged_to": 15}
_WIDTHS = {"RXNCONSO.RRF": 18, "RXNREL.RRF": 16, "RXNSAT.RRF": 13, "RXNCUI.RRF": 5, "RXNATOMARCHIVE.RRF": 16}
_REQUIRED = ("RXNCONSO.RRF", "RXNREL.RRF", "RXNSAT.RRF")
_NDC = "NDC"
_AVAILABLE = "RXN_AVAILABLE_STRENGTH"
_LIVE = frozenset({"N", ""})
# Synonyms and dose-form groups are no concepts of the table.
_NAMES = frozenset(
    {
        *("IN", "PIN", "MIN", "BN", "DF"),
        *("SCDC", "SCDF", "SCDG", "SCD", "GPCK", "SBDC", "SBDF", "SBDG", "SBD", "BPCK"),
    }
)

Progress = Callable[[str], None]


class ReleaseError(Exception):
    """The release cannot be used: the file in it, what is wrong and the remedy."""

    def __init__(self, file: str, problem: str, remedy: str) -> None:
        """Compose the message from `file`, `problem` and `remedy`."""
        self.file, self.problem, self.remedy = file, problem, remedy
        super().__init__(f"{file}: {problem}; {remedy}")


@dataclass
class Release:
    """The parts of one release: all by RxCUI.

    `names` maps to (term type, name); `relations` to what a concept is related to, by relation; `available` to the
    strength as NLM states it; `ndc` from eleven digits to the RxCUI; `moved` from a retired concept to the one that
    took its place, `split` lists those that went into several.
    """

    names: dict[str, tuple[str, str]] = field(default_factory=dict)
    relations: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    available: dict[str, str] = field(default_factory=dict)
    ndc: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    split: set[str] = field(default_factory=set)

    def related(self, rxcui: str, relation: str) -> list[str]:
        """The concepts that `rxcui` is so related to and that the release names, in order of their codes."""
        found = self.relations.get(rxcui, {}).get(relation, [])
        return sorted({other for other in found if other in self.names}, key=int)

    def successor(self, rxcui: str) -> str | None:
        """The concept that stands in the place of `rxcui` today, over several moves; None when there is none."""
        seen = {rxcui}
        while rxcui in self.moved and self.moved[rxcui] not in seen:
            rxcui = self.moved[rxcui]
            seen.add(rxcui)
        return rxcui if len(seen) > 1 and rxcui in self.names else None


def read_release(path: Path, progress: Progress) -> Release:
    """The release in the zip file or folder `path`; `progress` is told each file and its number of lines.

    Raises ReleaseError when a needed file is missing, or a line has other columns than the format.
    """
    release = Release()
    with _opened(path) as files:
        for name in _REQUIRED:
            if name not in files:
                raise ReleaseError(
                    name, "is not in the release", "use a full RxNorm or Current Prescribable Content release"
                )
        for name, take in (
            ("RXNCONSO.RRF", _take_name),
            ("RXNREL.RRF", _take_relation),
            ("RXNSAT.RRF", _take_attribute),
            ("RXNCUI.RRF", _take_history),
            ("RXNATOMARCHIVE.RRF", _take_archived),
        ):
            if name in files:
                count = 0
                for row in _rows(name, files[name]):
                    take(release, row)
                    count += 1
                progress(f"{name}: {count} lines")
            else:
                progress(f"{name}: not in the release")
    if not release.names:
        raise ReleaseError("RXNCONSO.RRF", "holds no current name of RxNorm", "check that the download is complete")
    return release


@contextmanager
def _opened(path: Path) -> Iterator[dict[str, Callable[[], io.TextIOBase]]]:
    """The RRF files of a zip or a folder, at whatever depth, by their upper-case names."""
    if path.is_dir():
        found = {file.name.upper(): file for file in sorted(path.rglob("*")) if file.suffix.upper() == ".RRF"}
        yield {name: partial(file.open, encoding="utf-8", newline="\n") for name, file in found.items()}
        return
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name.rsplit("/", 1)[-1].upper(): name for name in archive.namelist()}
            yield {name: partial(_member, archive, member) for name, member in members.items() if name.endswith(".RRF")}
    except FileNotFoundError:
        raise ReleaseError(path.name, "does not exist", "check the path") from None
    except (zipfile.BadZipFile, OSError):
        raise ReleaseError(path.name, "is neither a folder nor a readable zip file", "download it again") from None


def _member(archive: zipfile.ZipFile, name: str) -> io.TextIOBase:
    return io.TextIOWrapper(archive.open(name), encoding="utf-8", newline="\n")


def _rows(name: str, opening: Callable[[], io.TextIOBase]) -> Iterator[list[str]]:
    width = _WIDTHS[name]
    try:
        with opening() as lines:
            for number, line in enumerate(lines, start=1):
                row = line.rstrip("\r\n").split("|")
                # Each line ends with a bar, so the last field is empty.
                if len(row) != width + 1:
                    raise ReleaseError(
                        f"{name}, line {number}",
                        f"has {len(row) - 1} columns, not {width}",
                        "check that the download is complete and in Rich Release Format",
                    )
                yield row
    except UnicodeDecodeError:
        raise ReleaseError(name, "is not UTF-8", "download the release again") from None


def _take_name(release: Release, row: list[str]) -> None:
    if row[_CONSO["sab"]] == SOURCE and row[_CONSO["tty"]] in _NAMES and row[_CONSO["suppress"]] in _LIVE:
        release.names[row[_CONSO["rxcui"]]] = (row[_CONSO["tty"]], row[_CONSO["str"]])


def _take_relation(release: Release, row: list[str]) -> None:
    if row[_REL["sab"]] != SOURCE or row[_REL["suppress"]] not in _LIVE:
        return
    relation, subject, target = row[_REL["rela"]], row[_REL["rxcui2"]], row[_REL["rxcui1"]]
    if relation in _INVERSE:
        relation, subject, target = _INVERSE[relation], target, subject
    if relation in RELATIONS and subject and target:
        release.relations.setdefault(subject, {}).setdefault(relation, []).append(target)


def _take_attribute(release: Release, row: list[str]) -> None:
    if row[_SAT["sab"]] != SOURCE or row[_SAT["suppress"]] not in _LIVE:
        return
    if row[_SAT["atn"]] == _AVAILABLE:
        release.available[row[_SAT["rxcui"]]] = row[_SAT["atv"]]
    elif row[_SAT["atn"]] == _NDC and len(row[_SAT["atv"]]) == 11 and row[_SAT["atv"]].isdecimal():
        release.ndc[row[_SAT["atv"]]] = row[_SAT["rxcui"]]


def _take_history(release: Release, row: list[str]) -> None:
    old, new = row[_CUI["cui1"]], row[_CUI["cui2"]]
    if old and new and old != new:
        if row[_CUI["cardinality"]] == "1":
            release.moved[old] = new
        else:
            release.split.add(old)


def _take_archived(release: Release, row: list[str]) -> None:
    old, new = row[_ARCHIVE["rxcui"]], row[_ARCHIVE["merged_to"]]
    if row[_ARCHIVE["sab"]] == SOURCE and old and new and old != new and old not in release.split:
        release.moved.setdefault(old, new)
